//! The weekly deploy, by the script in `tests/deploy`: nobody notices it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::appliance::{Appliance, PROGRAM, said};
use crate::support::client::{Client, Request, Response, Wire};
use crate::support::django::{Gunicorn, Release, Worker};
use crate::support::document::one_pool;
use crate::support::node::{Answer, Gate, Node};
use crate::support::{counted, eventually, figure};

const SHORT: usize = 20_000;
const CONNECTIONS: usize = 8;
const NAMES: [&str; 3] = ["web-1", "web-2", "web-3"];

/// How near the end of a binding a client is not sure of it: longer than any answer here takes.
const UNSURE: Duration = Duration::from_secs(2);

const KEYS: &str = r#"policy = "least_conn"
affinity = { max_age = "5s" }
health_check = { kind = "http", path = "/who", interval = "2s", timeout = "2s", rise = 1, fall = 5 }"#;

/// The command that the script restarts a node with: it asks the test, by a file, and waits
/// until the test has taken the file away. The test does what systemd would.
struct Restarter {
    dir: TempDir,
    ended: AtomicBool,
}

impl Restarter {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let restarter = Self {
            dir,
            ended: AtomicBool::new(false),
        };
        let script = "#!/bin/sh\nset -eu\nask=\"${0%/*}/ask-$1\"\n: >\"$ask\"\n\
                      while [ -e \"$ask\" ]; do sleep 0.05; done\n";
        fs::write(restarter.command(), script).unwrap();
        fs::set_permissions(restarter.command(), fs::Permissions::from_mode(0o755)).unwrap();
        restarter
    }

    fn command(&self) -> PathBuf {
        self.dir.path().join("restart")
    }

    /// Restarts what the script asks for, until the script has ended; tells how many.
    fn serve(&self, nodes: &mut [Gunicorn]) -> usize {
        let mut restarted = 0;
        loop {
            let asked = eventually("the script asks for a restart, or ends", || {
                let ended = self.ended.load(Ordering::SeqCst);
                let asked = nodes.iter().position(|node| {
                    self.dir
                        .path()
                        .join(format!("ask-{}", node.name()))
                        .exists()
                });
                (ended || asked.is_some()).then_some(asked)
            });
            let Some(index) = asked else {
                return restarted;
            };
            let node = &mut nodes[index];
            node.restart();
            restarted += 1;
            fs::remove_file(self.dir.path().join(format!("ask-{}", node.name()))).unwrap();
        }
    }
}

/// Runs the script for these nodes of the pool, to its end.
fn deploy(lb: &Appliance, restart: &Path, nodes: &[&str]) -> Output {
    deploy_waiting("25s", lb, restart, nodes)
}

fn deploy_waiting(drain: &str, lb: &Appliance, restart: &Path, nodes: &[&str]) -> Output {
    let programs = Path::new(PROGRAM).parent().expect("it is in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deploy"))
        .arg("django")
        .arg(restart)
        .args(nodes)
        .env("STEELYARD_DATA_DIR", lb.data())
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("DRAIN_WAIT", drain)
        .env("ENABLE_WAIT", "25s")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// What the clients saw.
#[derive(Debug, Default)]
struct Seen {
    failures: Vec<String>,
    answers: [usize; 3],
    /// Answers that a bound client had to get from its node.
    bound: usize,
    /// Those of them that came from another: moved early.
    moved: Vec<String>,
    /// Bindings that ran out.
    over: usize,
}

/// A browser: it sends the cookie it was given until its time is over.
#[derive(Debug, Default)]
struct Session {
    cookie: Option<String>,
    node: usize,
    until: Option<Instant>,
}

impl Session {
    fn forget_what_is_over(&mut self, seen: &Mutex<Seen>) {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            *self = Self::default();
            seen.lock().unwrap().over += 1;
        }
    }

    /// Whether the node is certain. Near the end of its time, a request may be read after it.
    fn is_bound(&self) -> bool {
        let sure = |until: Instant| Instant::now() + UNSURE < until;
        self.until.is_some_and(sure)
    }

    fn keep(&mut self, answer: &Response, node: usize) {
        let Some(given) = answer.field("Set-Cookie") else {
            return;
        };
        let (pair, attributes) = given.split_once("; ").expect("it has attributes");
        let age = attributes
            .split("; ")
            .find_map(|a| a.strip_prefix("Max-Age="));
        let age: u64 = age.and_then(|age| age.parse().ok()).expect("a Max-Age");
        *self = Self {
            cookie: Some(pair.to_owned()),
            node,
            until: Some(Instant::now() + Duration::from_secs(age)),
        };
    }
}

/// GETs and POSTs over eight kept connections until `requests` are through and `done` says so.
/// Half of the clients keep cookies, the others come anew each time.
fn load(port: u16, requests: usize, drawn: &AtomicUsize, done: &AtomicBool) -> Seen {
    let seen = Mutex::new(Seen::default());
    let client = |keeps: bool| {
        let mut client = Client::of(port);
        let mut session = Session::default();
        loop {
            let number = drawn.fetch_add(1, Ordering::SeqCst);
            if number >= requests && done.load(Ordering::SeqCst) {
                return;
            }
            session.forget_what_is_over(&seen);
            let bound = session.is_bound();
            let outcome = one(&mut client, &session, number);
            let mut seen = seen.lock().unwrap();
            match outcome {
                Err(why) => seen.failures.push(format!("request {number}: {why}")),
                Ok((answer, node)) => {
                    seen.answers[node] += 1;
                    seen.bound += usize::from(bound);
                    if bound && node != session.node {
                        let (from, to) = (NAMES[session.node], NAMES[node]);
                        seen.moved.push(format!("request {number}: {from} to {to}"));
                    }
                    if keeps {
                        session.keep(&answer, node);
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for n in 0..CONNECTIONS {
            let client = &client;
            scope.spawn(move || client(n % 2 == 0));
        }
    });
    seen.into_inner().unwrap()
}

/// One request, every tenth with a body that may not be sent twice; tells who answered.
fn one(client: &mut Client, session: &Session, number: usize) -> Result<(Response, usize), String> {
    let posts = number.is_multiple_of(10);
    let mut request = match posts {
        true => Request::post("/echo", vec![b'x'; 3000]),
        false => Request::get("/who"),
    };
    if let Some(cookie) = &session.cookie {
        request = request.field("Cookie", cookie);
    }
    let answer = client.send(&request).map_err(|error| error.to_string())?;
    if answer.status != 200 {
        return Err(format!("{} {:?}", answer.status, answer.reason()));
    }
    let name = match posts {
        true => answer.json()["node"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        false => answer
            .text()
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned(),
    };
    let index = NAMES.iter().position(|n| *n == name);
    index
        .map(|index| (answer, index))
        .ok_or_else(|| format!("answered by {name:?}"))
}

#[test]
fn a_deploy_of_every_node_in_turn_fails_no_request_and_moves_nobody_early() {
    let mut nodes = Gunicorn::three(Release::New, Worker::Sync);
    let lb = Appliance::start();
    let lines: Vec<_> = nodes.iter().map(|node| node.line(1)).collect();
    lb.apply(&one_pool(lb.port(), KEYS, &lines));
    for name in NAMES {
        lb.wait_for_health("django", name, "up");
    }

    let restarter = Restarter::new();
    let done = AtomicBool::new(false);
    let requests = counted(SHORT, 1_000_000);
    let drawn = AtomicUsize::new(0);
    let (seen, deploys, restarted) = std::thread::scope(|scope| {
        let seen = scope.spawn(|| load(lb.port(), requests, &drawn, &done));
        let restarts = scope.spawn(|| restarter.serve(&mut nodes));
        let mut deploys = Vec::new();
        while deploys.is_empty() || drawn.load(Ordering::SeqCst) < requests - requests / 10 {
            let output = deploy(&lb, &restarter.command(), &NAMES);
            let over = !output.status.success() || requests == SHORT;
            deploys.push(output);
            if over {
                break;
            }
        }
        restarter.ended.store(true, Ordering::SeqCst);
        done.store(true, Ordering::SeqCst);
        (seen.join().unwrap(), deploys, restarts.join().unwrap())
    });
    for output in &deploys {
        assert!(output.status.success(), "a deploy: {}", said(output));
    }
    assert_eq!(restarted, NAMES.len() * deploys.len());
    assert_eq!(seen.failures, Vec::<String>::new());
    assert_eq!(seen.moved, Vec::<String>::new());
    assert!(seen.bound > requests / 20, "{seen:?}");
    assert!(seen.over > 0, "{seen:?}");
    assert!(seen.answers.iter().sum::<usize>() >= requests, "{seen:?}");
    assert!(seen.answers.iter().all(|n| *n > requests / 10), "{seen:?}");
    figure(&format!(
        "{} deploys of three nodes under load: {} requests, {} failed, {} of bound clients, {} moved early",
        deploys.len(),
        seen.answers.iter().sum::<usize>(),
        seen.failures.len(),
        seen.bound,
        seen.moved.len()
    ));
}

#[test]
fn a_deploy_stops_nobody_at_work_and_ends_where_a_node_does_not_come_back() {
    let gate = Gate::closed();
    let held = gate.clone();
    let busy = Node::scripted("web-1", move |_| {
        held.pass();
        Answer::text("web-1")
    });
    let lb = Appliance::start();
    let other = Node::answering("web-2");
    let document = one_pool(lb.port(), "health_check = \"off\"", &[busy.line(1)]);
    lb.apply(&document);
    let mut pending = Wire::to(lb.port());
    pending.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    busy.saw(1);
    let both = [busy.line(1), other.line(1)];
    lb.apply(&one_pool(lb.port(), "health_check = \"off\"", &both));

    // The first has a request in flight: it is not restarted, and takes requests again.
    let never = Path::new("/no/such/command");
    let output = deploy_waiting("300ms", &lb, never, &["web-1", "web-2"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let text = said(&output);
    assert!(text.contains("still has 1 in flight"), "{text}");
    assert!(text.contains("web-1 did not become idle"), "{text}");
    assert!(!text.contains("no/such/command"), "{text}");
    assert_eq!(lb.node("django", "web-1")["admin_state"], "enabled");
    assert_eq!(lb.node("django", "web-2")["admin_state"], "enabled");

    // The restart fails: that node stays drained, and the next is not begun.
    gate.open();
    assert_eq!(pending.response("GET").text(), "web-1");
    let output = deploy_waiting("20s", &lb, never, &["web-1", "web-2"]);
    assert!(!output.status.success(), "{}", said(&output));
    assert_eq!(lb.node("django", "web-1")["admin_state"], "draining");
    assert_eq!(lb.node("django", "web-2")["admin_state"], "enabled");
    assert_eq!(lb.get("/").text(), "web-2");
}
