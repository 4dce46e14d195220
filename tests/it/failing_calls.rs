//! A disk that fails call by call: strace makes single writes, fsyncs and renames of the running
//! program fail. What was acknowledged is there, what was served is served, and changes are taken
//! again by themselves.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::appliance::{Appliance, said};
use crate::support::document::{listener, pool, route, site};
use crate::support::node::Node;
use crate::support::{counted, eventually, figure};

/// What fails, for files of the configuration alone: sockets go on.
const CALLS: [&str; 4] = [
    "write,pwrite64",
    "fsync,fdatasync",
    "rename,renameat,renameat2",
    "openat,ftruncate,unlink",
];
const ERRORS: [&str; 3] = ["EIO", "ENOSPC", "EROFS"];
/// Which of these calls: the first, later ones, all of them.
const WHEN: [&str; 4] = ["1", "2", "3", "1+"];

const FILES: [&str; 7] = [
    "config.db",
    "config.db-wal",
    "config.db-shm",
    "last-known-good.json",
    "last-known-good.new",
    "last-known-good.previous.json",
    "",
];

/// A running program some of whose calls fail, until this is dropped.
struct Failing(Child);

impl Failing {
    fn of(lb: &Appliance, calls: &str, error: &str, when: &str) -> Self {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-p", &lb.pid().to_string(), "-o", "/dev/null"]);
        for file in FILES {
            let path = lb.data().join(file);
            strace
                .arg("-P")
                .arg(path.to_str().unwrap().trim_end_matches('/'));
        }
        strace
            .args(["-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:error={error}:when={when}")])
            .stderr(Stdio::piped());
        let mut child = strace.spawn().expect("strace runs");
        // It says so once every thread is held by it.
        let mut words = BufReader::new(child.stderr.take().unwrap()).lines();
        let attached = words.find(|line| line.as_ref().is_ok_and(|l| l.contains("attached")));
        assert!(attached.is_some(), "strace may trace nothing here");
        // Nobody reads what comes next; it is little.
        std::thread::spawn(move || words.count());
        Self(child)
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        // Its own end lets the program go on as before.
        let _told = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ended = self.0.wait();
    }
}

fn document(port: u16, node: &Node, n: usize) -> String {
    let marked = format!("headers = {{ \"X-Number\" = \"{n}\" }}");
    listener(port)
        + &pool("django", "", &[node.line(1)])
        + &site("all", &route("/", "django", &marked))
}

fn served(lb: &Appliance) -> usize {
    let answer = lb.get("/");
    assert_eq!((answer.status, answer.text().as_str()), (200, "web-1"));
    answer.field("X-Number").unwrap().parse().unwrap()
}

#[test]
fn each_call_that_fails_costs_a_change_at_most() {
    let node = Node::answering("web-1");
    let mut lb = Appliance::start();
    lb.expect_errors();
    let port = lb.port();
    let apply = |lb: &Appliance, n| lb.run_with_input(&["apply", "-"], &document(port, &node, n));
    assert!(apply(&lb, 0).status.success());
    let (mut newest, mut refused, mut taken) = (0, 0, 0);
    for _ in 0..counted(1, 20) {
        for (calls, error) in CALLS
            .iter()
            .flat_map(|calls| ERRORS.map(|error| (calls, error)))
        {
            for when in WHEN {
                let case = format!("{calls} fail by {error}, {when}");
                let failing = Failing::of(&lb, calls, error, when);
                let offered = newest + 1;
                let output = apply(&lb, offered);
                match output.status.success() {
                    true => {
                        taken += 1;
                        newest = offered;
                    }
                    false => {
                        refused += 1;
                        assert!(said(&output).len() > 20, "{case}: {}", said(&output));
                    }
                }
                assert_eq!(served(&lb), newest, "{case}: {}", said(&output));
                drop(failing);
                let next = offered + 1;
                eventually(&format!("changes are taken again after {case}"), || {
                    apply(&lb, next).status.success().then_some(())
                });
                newest = next;
                assert_eq!(served(&lb), newest, "{case}");
            }
            lb.kill9();
            lb.restart();
            assert_eq!(served(&lb), newest, "{calls} {error}");
            assert_eq!(lb.status()["state"], "serving");
        }
    }
    figure(&format!(
        "single calls that fail: {taken} changes taken, {refused} refused, 0 lost"
    ));
    assert!(refused > 0 && taken > 0);
}
