//! Who gets which request: exact shares, and nginx's own choices.

use std::net::Ipv6Addr;

use crate::support::appliance::{Appliance, said};
use crate::support::client::{Client, Request};
use crate::support::document::{listener, one_pool, pool, route, site};
use crate::support::nginx::{Nginx, upstream};
use crate::support::node::{Answer, Gate, Node, lines};

fn counts(nodes: &[Node; 3]) -> [usize; 3] {
    nodes.each_ref().map(|node| node.requests().len())
}

#[test]
fn six_hundred_requests_one_after_another_are_shared_exactly() {
    let nodes = Node::three();
    let lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &lines(&nodes, [3, 2, 1])));
    let mut client = Client::of(lb.port());
    for _ in 0..600 {
        assert_eq!(client.get("/").status, 200);
    }
    assert_eq!(counts(&nodes), [300, 200, 100]);
}

#[test]
fn six_hundred_requests_over_eight_connections_are_shared_exactly() {
    let nodes = Node::three();
    let lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &lines(&nodes, [3, 2, 1])));
    let port = lb.port();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || {
                let mut client = Client::of(port);
                for _ in 0..75 {
                    assert_eq!(client.get("/").status, 200);
                }
            });
        }
    });
    assert_eq!(counts(&nodes), [300, 200, 100]);
}

#[test]
fn round_robin_picks_in_the_order_of_nginx() {
    let weights = [[3, 2, 1], [5, 1, 1], [1, 1, 1], [7, 3, 2], [1, 10, 4]];
    let nodes = Node::three();
    let lb = Appliance::start();
    let mut document = listener(lb.port());
    let [mut routes, mut upstreams, mut locations] = [const { String::new() }; 3];
    for (i, weights) in weights.into_iter().enumerate() {
        let lines = lines(&nodes, weights);
        document += &pool(&format!("p{i}"), "", &lines);
        routes += &route(&format!("/p{i}"), &format!("p{i}"), "");
        upstreams += &upstream(&format!("p{i}"), "", &lines);
        locations += &format!("location /p{i} {{ proxy_pass http://p{i}; }}\n");
    }
    lb.apply(&(document + &site("all", &routes)));
    let nginx = Nginx::start(&upstreams, &locations);

    let picks = |port: u16, path: &str, cycle: u32| -> Vec<String> {
        let mut client = Client::of(port);
        (0..3 * cycle).map(|_| client.get(path).text()).collect()
    };
    for (i, weights) in weights.into_iter().enumerate() {
        let (path, cycle) = (format!("/p{i}"), weights.iter().sum());
        assert_eq!(
            picks(lb.port(), &path, cycle),
            picks(nginx.port(), &path, cycle),
            "{weights:?}"
        );
    }
}

#[test]
fn ip_hash_sends_two_hundred_clients_where_nginx_sends_them() {
    let nodes = Node::three();
    let lines = lines(&nodes, [3, 2, 1]);
    let lb = Appliance::start();
    let settings = "\n[settings]\ntrusted_proxies = [\"127.0.0.0/8\"]\n";
    lb.apply(&(one_pool(lb.port(), "policy = \"ip_hash\"", &lines) + settings));
    let server = "set_real_ip_from 127.0.0.0/8;
        real_ip_header X-Forwarded-For;
        location / { proxy_pass http://pool; }";
    let nginx = Nginx::start(&upstream("pool", "ip_hash;", &lines), server);

    let (mut ours, mut theirs) = (Client::of(lb.port()), Client::of(nginx.port()));
    let mut differences = Vec::new();
    for client in clients() {
        let request = Request::get("/").field("X-Forwarded-For", &client);
        let (our, their) = (ours.ask(&request).text(), theirs.ask(&request).text());
        if our != their {
            differences.push(format!("{client}: {our} and not {their}"));
        }
    }
    assert_eq!(differences, Vec::<String>::new());
    let each = counts(&nodes);
    assert!(each.iter().all(|n| *n > 0), "{each:?}");
}

/// 150 IPv4 addresses and 50 of IPv6, far apart.
fn clients() -> Vec<String> {
    let far = |i: u32| i.wrapping_mul(2_654_435_761);
    let four = (1..=150).map(|i| std::net::Ipv4Addr::from_bits(far(i) | 0x0100_0000).to_string());
    let six = (1..=50).map(|i| {
        let low = u128::from(far(i)) << 64 | u128::from(far(i + 1000));
        Ipv6Addr::from_bits(0x2001_0db8 << 96 | low).to_string()
    });
    four.chain(six).collect()
}

#[test]
fn least_conn_leaves_a_busy_node_alone() {
    let gate = Gate::closed();
    let held = gate.clone();
    let busy = Node::scripted("busy", move |request| {
        if request.target() == "/hold" {
            held.pass();
        }
        Answer::text("busy")
    });
    let free = Node::answering("free");
    let lb = Appliance::start();
    let keys = "policy = \"least_conn\"";
    // The busy one alone at first, so that the request that stays is surely there.
    lb.apply(&one_pool(lb.port(), keys, &[busy.line(1)]));
    let port = lb.port();
    std::thread::scope(|scope| {
        let pending = scope.spawn(move || Client::of(port).get("/hold").text());
        busy.saw(1);
        lb.apply(&one_pool(port, keys, &[busy.line(1), free.line(1)]));
        for _ in 0..10 {
            assert_eq!(lb.get("/").text(), "free");
        }
        gate.open();
        assert_eq!(pending.join().unwrap(), "busy");
    });
}

#[test]
fn a_node_of_weight_changed_gets_its_new_share() {
    let nodes = Node::three();
    let lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &lines(&nodes, [3, 2, 1])));
    let changed = lb.run(&["node", "weight", "django/web-3", "5"]);
    assert!(changed.status.success(), "{changed:?}");
    let mut client = Client::of(lb.port());
    for _ in 0..100 {
        client.get("/");
    }
    assert_eq!(counts(&nodes), [30, 20, 50]);
}

#[test]
fn a_backup_answers_while_the_others_do_not_and_has_no_share_before() {
    let [mut a, mut b, backup] = Node::three();
    let lb = Appliance::start();
    let keys = r#"health_check = { kind = "tcp", interval = "100ms", timeout = "100ms", rise = 2, fall = 2 }"#;
    let lines = [a.line(1), b.line(1), backup.line(2)];
    let text = one_pool(lb.port(), keys, &lines).replace("weight = 2\n", "backup = true\n");
    lb.apply(&text);
    let share = |name: &str| lb.node("django", name)["share"].as_f64();
    assert_eq!((share("web-1"), share("web-3")), (Some(0.5), Some(0.0)));
    for _ in 0..10 {
        assert_ne!(lb.get("/").text(), "web-3");
    }
    for node in [&mut a, &mut b] {
        node.stop();
        lb.wait_for_health("django", node.name(), "down");
    }
    assert_eq!(share("web-3"), Some(1.0));
    assert_eq!(lb.get("/").text(), "web-3");
    a.start();
    lb.wait_for_health("django", "web-1", "up");
    assert_eq!(lb.get("/").text(), "web-1");
    let refused = lb.try_apply(&text.replace(keys, "policy = \"ip_hash\""));
    assert_eq!(refused.status.code(), Some(78));
    assert!(
        said(&refused).contains("pools[0].nodes[2].backup: cannot be used with policy ip_hash")
    );
}
