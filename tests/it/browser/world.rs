//! An appliance with a past: two pools, a node that is down and one that drains, traffic good and
//! bad, changes and people; what pages are looked at with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use crate::support::appliance::{Appliance, write_file};
use crate::support::client::{Client, Request};
use crate::support::document::{listener, one_pool, pool, route, site};
use crate::support::node::{Answer, Node, Seen, lines};
use crate::support::panel::{PASSWORD, Panel};
use crate::support::ports::Port;
use crate::support::redis::Redis;
use crate::support::tls::Authority;
use crate::support::{eventually, pause};

/// The appliance, who looks at it, and what keeps it alive.
pub(super) struct World {
    visitors: Option<Visitors>,
    pub(super) lb: Appliance,
    /// Cookies of two admins: who reads English and who reads Chinese.
    pub(super) cookies: BTreeMap<&'static str, String>,
    _nodes: Vec<Node>,
    _sessions: Option<Port>,
    _https: Option<Port>,
}

impl World {
    /// Two admins, and nothing configured.
    pub(super) fn fresh() -> Self {
        let lb = Appliance::start();
        let (admin, lin) = admins(&lb);
        Self {
            visitors: None,
            cookies: cookies(admin, lin),
            lb,
            _nodes: Vec::new(),
            _sessions: None,
            _https: None,
        }
    }

    /// Three nodes, as the setup leaves them.
    pub(super) fn simple() -> Self {
        let mut world = Self::fresh();
        let nodes = Node::three();
        let check = "health_check = { kind = \"http\", interval = \"5s\" }";
        let document = one_pool(world.lb.port(), check, &lines(&nodes, [3, 2, 1]));
        world.lb.apply(&document);
        world._nodes = nodes.into();
        world
    }

    /// All of it, a few seconds old.
    pub(super) fn with_a_past() -> Self {
        let lb = Appliance::start();
        let (mut admin, lin) = admins(&lb);
        for (name, role) in [("deploy", "operator"), ("wall", "viewer")] {
            let fields = [("name", name), ("password", PASSWORD), ("role", role)];
            assert_eq!(admin.post("/people/users", &fields).status, 303);
        }
        let mut nodes: Vec<Node> = ["web-1", "web-2", "web-3", "api-1", "api-2"]
            .into_iter()
            .map(|name| Node::scripted(name, shop))
            .collect();
        let files = lb.data().join("site/static");
        write_file(&files.join("app.css"), "body { margin: 0 }");
        write_file(&files.join("admin/js/core.js"), "'use strict';");
        let sessions = Port::free();
        let with_sessions = format!(
            "\n[sessions]\nlisten = \"{}\"\nmax_memory = \"64m\"\n[[sessions.databases]]\nindex = 1\nname = \"shop\"\n",
            sessions.address()
        );
        let (https, with_https) = certificates(&lb);
        let more = with_sessions + &with_https + "\n[backup]\nnightly = \"03:00\"\n";
        let document = |nodes: &[Node], weights| document(&lb, nodes, weights) + &more;
        lb.apply(&document(&nodes, [1, 1, 1]));
        sign_ins(&lb, &sessions);
        traffic(&lb, 60);
        lb.apply(&document(&nodes, [3, 2, 1]));
        nodes[2].stop();
        lb.wait_for_health("django", "web-3", "down");
        eventually("the authority was asked in vain", || {
            let told = lb.runs(&["certificate", "list", "--json"]);
            told.contains("\"failed\"").then_some(())
        });
        lb.runs(&["node", "drain", "django/web-2"]);
        traffic(&lb, 60);
        eventually("a nightly backup", || {
            let page = admin.get("/backup").text();
            page.contains("/backup/nightly/").then_some(())
        });
        Self {
            visitors: Some(Visitors::of(&lb)),
            cookies: cookies(admin, lin),
            lb,
            _nodes: nodes,
            _sessions: Some(sessions),
            _https: Some(https),
        }
    }
}

impl World {
    /// Waits until visitors have asked so many times more.
    pub(super) fn is_asked(&self, times: usize) {
        let asked = || {
            let visitors = self.visitors.as_ref().expect("somebody comes");
            visitors.asked.load(Ordering::SeqCst)
        };
        let before = asked();
        eventually("visitors", || (asked() >= before + times).then_some(()));
    }
}

/// One that ends tomorrow, one of our own, one that nothing names, one whose authority is away; and a
/// listener that shows them.
fn certificates(lb: &Appliance) -> (Port, String) {
    let authority = Authority::new();
    for (name, names) in [
        ("shop", "DNS:shop.example.com,DNS:www.shop.example.com"),
        ("old-shop", "DNS:shop.example.com"),
    ] {
        let leaf = authority.issue(names);
        let (chain, key) = (leaf.chain(), leaf.key());
        let (chain, key) = (chain.to_str().unwrap(), key.to_str().unwrap());
        lb.runs(&["certificate", "put", name, "--chain", chain, "--key", key]);
    }
    let port = Port::free();
    let document = format!(
        "\n[[listeners]]\nname = \"https\"\naddress = \"{}\"\ntls = true\n\
         [[certificates]]\nname = \"shop\"\nuploaded = true\n\
         [[certificates]]\nname = \"blog\"\nhosts = [\"blog.example.com\"]\nself_signed = true\n\
         [[certificates]]\nname = \"www\"\nhosts = [\"www.example.com\"]\nacme = \"ours\"\n\
         [[acme]]\nname = \"ours\"\ndirectory = \"https://127.0.0.1:{}/directory\"\n",
        port.address(),
        Port::free()
    );
    (port, document)
}

/// Who reads English and who reads Chinese.
fn admins(lb: &Appliance) -> (Panel, Panel) {
    let mut admin = Panel::set_up(lb);
    let mut lin = admin.with(lb, "lin", "admin");
    lin.post("/preferences", &[("language", "zh-CN"), ("next", "/")]);
    (admin, lin)
}

fn cookies(english: Panel, chinese: Panel) -> BTreeMap<&'static str, String> {
    let cookie = |panel: Panel| panel.cookie.expect("signed in");
    BTreeMap::from([("en", cookie(english)), ("zh-CN", cookie(chinese))])
}

/// What the nodes of the shop answer.
fn shop(seen: &Seen) -> Answer {
    match seen.target() {
        "/cart" => Answer::status(404, "no cart"),
        "/pay" => Answer::status(500, "Server Error (500)"),
        "/old" => Answer::status(301, "").field("Location", "/new"),
        _ => Answer::text("ok"),
    }
}

fn document(lb: &Appliance, nodes: &[Node], weights: [u32; 3]) -> String {
    let check = "health_check = { kind = \"http\", path = \"/healthz\", interval = \"1s\", timeout = \"1s\", rise = 1, fall = 2 }";
    let some = |nodes: &[Node], weights: &[u32]| {
        let pairs = nodes.iter().zip(weights);
        pairs
            .map(|(node, weight)| node.line(*weight))
            .collect::<Vec<_>>()
    };
    let files = lb.data().join("site/static");
    let files = format!(
        "[[sites.routes]]\npath = \"/static/\"\nfiles = {{ root = \"{}\", expires = \"30d\" }}\n\n",
        files.display()
    );
    let moved = "[[sites.routes]]\npath = \"/blog/\"\nredirect = { to = \"https://blog.example.com/\", status = 301 }\n\n";
    listener(lb.port())
        + &pool("django", check, &some(&nodes[..3], &weights))
        + &pool(
            "api",
            &format!("policy = \"least_conn\"\n{check}"),
            &some(&nodes[3..], &[1, 1]),
        )
        + &site(
            "shop",
            &(files + moved + &route("/api/", "api", "") + &route("/", "django", "")),
        )
        + "\n[[webhooks]]\nname = \"ops\"\nurl = \"http://127.0.0.1:9/\"\nevents = [\"fail_open\"]\n"
}

const PATHS: [&str; 9] = [
    "/",
    "/cart",
    "/static/app.css",
    "/products/17?colour=blue",
    "/api/stock",
    "/pay",
    "/old",
    "/static/none.js",
    "/blog/",
];

/// Sessions of the shop, looked at as applications do, and a command that only a Redis has.
fn sign_ins(lb: &Appliance, port: &Port) {
    let password = lb.runs(&["sessions", "password", "shop"]);
    let mut redis = Redis::signed_in(port.address(), password.trim());
    let value = "x".repeat(300);
    for number in 0..1_234 {
        let key = format!(":1:django.contrib.sessions.cache{number}");
        assert_eq!(redis.ask(&["SET", &key, &value, "EX", "86400"]), "+OK");
        assert_eq!(redis.ask(&["GET", &key]), value);
    }
    assert_eq!(redis.ask(&["GET", "none"]), "nil");
    let refused = redis.ask(&["BRPOP", "celery", "1"]);
    assert!(refused.contains("Celery"), "{refused}");
}

/// What visitors of the shop ask, one after another.
fn traffic(lb: &Appliance, requests: usize) {
    let mut client = Client::of(lb.port());
    for path in PATHS.into_iter().cycle().take(requests) {
        visit(&mut client, path);
    }
}

fn visit(client: &mut Client, path: &str) {
    let agent = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/144.0";
    let request = Request::get(path).field("Host", "shop.example.com");
    let _answer = client.send(&request.field("User-Agent", agent));
}

/// Some who go on asking until the end: a page of a dead appliance shows little.
struct Visitors {
    asked: Arc<AtomicUsize>,
    leave: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Visitors {
    fn of(lb: &Appliance) -> Self {
        let leave = Arc::new(AtomicBool::new(false));
        let asked = Arc::new(AtomicUsize::new(0));
        let (left, count) = (Arc::clone(&leave), Arc::clone(&asked));
        let mut client = Client::of(lb.port());
        let thread = thread::spawn(move || {
            // Most of them look at products.
            for path in PATHS.into_iter().chain([PATHS[3]; 40]).cycle() {
                if left.load(Ordering::SeqCst) {
                    return;
                }
                visit(&mut client, path);
                count.fetch_add(1, Ordering::SeqCst);
                pause();
                pause();
            }
        });
        Self {
            asked,
            leave,
            thread: Some(thread),
        }
    }
}

impl Drop for Visitors {
    fn drop(&mut self) {
        self.leave.store(true, Ordering::SeqCst);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|ended| ended.is_ok()));
    }
}
