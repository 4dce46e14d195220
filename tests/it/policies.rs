//! `hash` sends every key where nginx sends it; `random_two` and `least_time` keep away from
//! what is busy or slow.

use std::time::{Duration, Instant};

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request};
use crate::support::document::{NodeLine, listener, one_pool, pool, route, site};
use crate::support::nginx::{Nginx, upstream};
use crate::support::node::{Answer, Gate, Node};

/// Steelyard and nginx in front of the same nodes.
struct Pair {
    lb: Appliance,
    nginx: Nginx,
    clients: [Client; 2],
}

/// One pool and what is the same of it in nginx.
struct Set {
    keys: String,
    hash: &'static str,
    lines: Vec<NodeLine>,
}

impl Pair {
    /// The set `i` answers below `/pI/`.
    fn of(sets: &[Set]) -> Self {
        let lb = Appliance::start();
        let mut document = listener(lb.port());
        document += "\n[settings]\ntrusted_proxies = [\"127.0.0.0/8\"]\n";
        let [mut routes, mut upstreams] = [const { String::new() }; 2];
        let mut server =
            "set_real_ip_from 127.0.0.0/8; real_ip_header X-Forwarded-For;\n".to_owned();
        for (i, set) in sets.iter().enumerate() {
            let (name, hash) = (format!("p{i}"), set.hash);
            document += &pool(&name, &set.keys, &set.lines);
            routes += &route(&format!("/{name}/"), &name, "");
            upstreams += &upstream(&name, &format!("hash {hash} consistent;"), &set.lines);
            server += &format!("location /{name}/ {{ proxy_pass http://{name}; }}\n");
        }
        lb.apply(&(document + &site("all", &routes)));
        let nginx = Nginx::start(&upstreams, &server);
        let clients = [lb.port(), nginx.port()].map(Client::of);
        Self { lb, nginx, clients }
    }

    /// Who answers, of ours and of nginx's.
    fn ask(&mut self, request: &Request) -> [String; 2] {
        self.clients
            .each_mut()
            .map(|client| client.ask(request).text())
    }

    /// Asks every request of both, and names those that they send to different nodes.
    fn differences(&mut self, requests: impl IntoIterator<Item = Request>) -> Vec<String> {
        let differs = |request: Request| {
            let [ours, theirs] = self.ask(&request);
            (ours != theirs).then(|| format!("{request:?}: {ours} and not {theirs}"))
        };
        requests.into_iter().filter_map(differs).collect()
    }
}

fn nodes() -> Vec<Node> {
    ["a", "b", "c", "d", "e"].map(Node::answering).into()
}

fn hashed(hash_key: &str, hash: &'static str, lines: Vec<NodeLine>) -> Set {
    Set {
        keys: format!("policy = \"hash\"\nhash_key = \"{hash_key}\""),
        hash,
        lines,
    }
}

/// A weight for each node; 0 leaves it out.
fn weighted(nodes: &[Node], weights: [u32; 5]) -> Vec<NodeLine> {
    let set = nodes.iter().zip(weights).filter(|(_, weight)| *weight > 0);
    set.map(|(node, weight)| node.line(weight)).collect()
}

/// The usual kinds of keys, a thousand of them.
fn keys() -> Vec<String> {
    let far = |i: u32| i.wrapping_mul(2_654_435_761);
    let kinds: [fn(u32, u32) -> String; 5] = [
        |i, _| i.to_string(),
        |_, far| format!("{far:08x}{:08x}", far.rotate_left(7)),
        |i, far| format!("/shop/{far}/item-{i}.html?page={i}"),
        |i, _| format!("user{i}@example.com"),
        |i, far| format!("{} {}", "é".repeat(1 + (i % 40) as usize), far % 97),
    ];
    let all = (0..200).flat_map(|i| kinds.map(|kind| kind(i, far(i + 1))));
    all.collect()
}

#[test]
fn hash_sends_a_thousand_keys_over_five_node_sets_where_nginx_sends_them() {
    let nodes = nodes();
    let weights = [
        [1, 1, 1, 1, 1],
        [3, 2, 1, 0, 0],
        [10, 0, 1, 0, 4],
        [0, 7, 0, 7, 0],
        [1, 20, 300, 1000, 5],
    ];
    let set = |weights| hashed("header:X-Key", "$http_x_key", weighted(&nodes, weights));
    let mut pair = Pair::of(&weights.map(set));
    let keys = keys();
    assert_eq!(keys.len(), 1000);
    for i in 0..weights.len() {
        let path = format!("/p{i}/");
        let requests = keys
            .iter()
            .map(|key| Request::get(&path).field("X-Key", key));
        assert_eq!(pair.differences(requests), Vec::<String>::new());
    }
    assert!(nodes.iter().all(|node| node.requests().len() > 100));
}

#[test]
fn every_hash_key_is_found_where_nginx_finds_it() {
    let nodes = nodes();
    let kinds = [
        ("uri", "$request_uri"),
        ("path", "$uri"),
        ("host", "$host"),
        ("client", "$remote_addr"),
        ("header:x-user", "$http_x_user"),
        ("cookie:sid", "$cookie_sid"),
        ("query:id", "$arg_id"),
    ];
    let lines = weighted(&nodes, [1, 2, 3, 4, 5]);
    let mut pair = Pair::of(&kinds.map(|(ours, theirs)| hashed(ours, theirs, lines.clone())));
    for (i, (key, _)) in kinds.into_iter().enumerate() {
        let request = |n: u32| {
            let target = format!("/p{i}/{}?x={n}&ID={}&id=no", n % 50, n / 3);
            let field = match n % 4 {
                0 => ("Cookie", format!("a=b; sid={n}; sid=no")),
                1 => ("cookie", format!("xsid=no; SID={n}")),
                2 => ("X-User", n.to_string()),
                _ => ("X-USER", format!("{n}, {n}")),
            };
            let host = match n % 3 {
                0 => format!("Shop-{n}.example.com:8080"),
                _ => format!("{n}.example.com."),
            };
            let client = match n % 2 {
                0 => format!("10.1.{n}.7"),
                _ => format!("2001:db8::{n:x}:0:0:1"),
            };
            Request::get(&target)
                .field(field.0, &field.1)
                .field("Host", &host)
                .field("X-Forwarded-For", &client)
        };
        let differences = pair.differences((0..200).map(request));
        assert_eq!(differences, Vec::<String>::new(), "{key}");
    }
}

#[test]
fn requests_without_the_key_go_in_turn_as_with_nginx() {
    let nodes = nodes();
    let lines = weighted(&nodes, [5, 1, 1, 0, 0]);
    let mut pair = Pair::of(&[hashed("cookie:sid", "$cookie_sid", lines)]);
    let requests = (0..21).map(|_| Request::get("/p0/"));
    assert_eq!(pair.differences(requests), Vec::<String>::new());
    let counts: Vec<_> = nodes.iter().map(|node| node.requests().len()).collect();
    assert_eq!(counts, [30, 6, 6, 0, 0], "both together");
}

#[test]
fn the_keys_of_a_node_that_is_out_go_where_nginx_sends_them() {
    let nodes = nodes();
    // Most of the ring is the node's that goes: often 20 points are not enough, and the
    // request is sent in turn.
    let weights = [1, 60, 2, 0, 1];
    let set = |hash| hashed("uri", hash, weighted(&nodes, weights));
    let mut pair = Pair::of(&[set("$request_uri")]);
    let out = pair.lb.run(&["node", "disable", "p0/b"]);
    assert!(out.status.success(), "{out:?}");
    let mut theirs = upstream("p0", "hash $request_uri consistent;", &set("").lines);
    theirs = theirs.replace("weight=60", "weight=60 down");
    pair.nginx = Nginx::start(&theirs, "location / { proxy_pass http://p0; }");
    pair.clients[1] = Client::of(pair.nginx.port());
    let requests = (0..300).map(|i| Request::get(&format!("/p0/{i}")));
    assert_eq!(pair.differences(requests), Vec::<String>::new());
    assert_eq!(nodes[1].requests().len(), 0);
}

#[test]
fn random_two_keeps_away_from_the_busier_of_two() {
    keeps_away_from_a_busy_node("random_two");
}

#[test]
fn least_time_keeps_away_from_a_node_that_has_not_answered_yet() {
    keeps_away_from_a_busy_node("least_time");
}

fn keeps_away_from_a_busy_node(policy: &str) {
    let (gate, busy) = held("busy");
    let free = Node::answering("free");
    let (lb, keys) = (Appliance::start(), format!("policy = \"{policy}\""));
    // The busy one alone at first, so that the request that stays is surely there.
    lb.apply(&one_pool(lb.port(), &keys, &[busy.line(1)]));
    let port = lb.port();
    std::thread::scope(|scope| {
        let pending = scope.spawn(move || Client::of(port).get("/hold").text());
        busy.saw(1);
        lb.apply(&one_pool(port, &keys, &[busy.line(1), free.line(1)]));
        for _ in 0..20 {
            assert_eq!(lb.get("/").text(), "free");
        }
        gate.open();
        assert_eq!(pending.join().unwrap(), "busy");
    });
}

/// A node that answers `/hold` only when its gate is opened.
fn held(name: &'static str) -> (Gate, Node) {
    let gate = Gate::closed();
    let held = gate.clone();
    let node = Node::scripted(name, move |request| {
        if request.target() == "/hold" {
            held.pass();
        }
        Answer::text(name)
    });
    (gate, node)
}

#[test]
fn least_time_prefers_the_node_that_answered_sooner_and_tries_a_new_one() {
    let (gate, slow) = held("slow");
    let (fast, new) = (Node::answering("fast"), Node::answering("new"));
    let (lb, keys) = (Appliance::start(), "policy = \"least_time\"");
    lb.apply(&one_pool(lb.port(), keys, &[slow.line(1)]));
    let port = lb.port();
    std::thread::scope(|scope| {
        let pending = scope.spawn(move || Client::of(port).get("/hold").text());
        slow.saw(1);
        lb.apply(&one_pool(port, keys, &[slow.line(1), fast.line(1)]));
        // The slow one's time: far above what the fast one takes on a busy machine.
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(3) {
            assert_eq!(lb.get("/").text(), "fast");
        }
        gate.open();
        assert_eq!(pending.join().unwrap(), "slow");
    });
    for _ in 0..50 {
        assert_eq!(lb.get("/").text(), "fast");
    }
    let three = [slow.line(1), fast.line(1), new.line(1)];
    lb.apply(&one_pool(port, keys, &three));
    assert_eq!(
        lb.get("/").text(),
        "new",
        "nothing is known of it: it is tried"
    );
    for _ in 0..20 {
        assert_ne!(lb.get("/").text(), "slow");
    }
}
