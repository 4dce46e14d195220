//! Under systemd: told when it is ready and alive, and its sockets outlive it, so that restarts,
//! upgrades and crashes refuse nobody.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustix::process::Signal;

use crate::support::appliance::Appliance;
use crate::support::client::{Client, ClientError, Request, Wire, get};
use crate::support::document::{listener, one_pool, pool, route, site};
use crate::support::node::{Answer, Gate, Node};
use crate::support::ports::Port;
use crate::support::redis::Redis;
use crate::support::{counted, eventually, figure};

/// Clients of each kind.
const CLIENTS: usize = 4;

fn serving(node: &Node) -> Appliance {
    let lb = Appliance::under_systemd();
    lb.apply(&one_pool(lb.port(), "", &[node.line(1)]));
    lb
}

/// Stops it as `systemctl restart` does and starts it on what was kept.
fn restart(lb: &mut Appliance) {
    assert_eq!(lb.stop().code(), Some(0));
    lb.restart();
}

/// What went wrong, by who saw it.
#[derive(Debug, Default)]
struct Seen {
    answers: AtomicUsize,
    repeated: AtomicUsize,
}

impl Seen {
    /// Asks again and again until `done`. Every answer has to be there; a GET that ended without a
    /// byte of an answer on a connection that was kept is repeated once, as RFC 9110 section 9.2.2
    /// lets a client do, and counted.
    fn ask(&self, port: u16, keeps: bool, done: &AtomicBool) {
        let mut client = Client::of(port);
        let request = Request::get("/");
        while !done.load(Ordering::Relaxed) {
            if !keeps {
                client = Client::of(port);
            }
            let opened = client.opened;
            let answer = match client.send(&request) {
                Err(ClientError::NoAnswer(_) | ClientError::Write(_))
                    if client.opened == opened =>
                {
                    self.repeated.fetch_add(1, Ordering::Relaxed);
                    client.send(&request)
                }
                answer => answer,
            };
            let answer = answer.unwrap_or_else(|error| panic!("keeps: {keeps}: {error}"));
            assert_eq!((answer.status, &*answer.text()), (200, "web-1"));
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Has clients of both kinds ask while `act` is done, and some more before and after it.
    fn during(&self, port: u16, act: impl FnOnce()) {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for number in 0..2 * CLIENTS {
                let done = &done;
                scope.spawn(move || self.ask(port, number % 2 == 0, done));
            }
            self.more();
            act();
            self.more();
            done.store(true, Ordering::Relaxed);
        });
    }

    fn more(&self) {
        let before = self.answers.load(Ordering::Relaxed);
        eventually("some more answers", || {
            (self.answers.load(Ordering::Relaxed) > before + 200).then_some(())
        });
    }
}

#[test]
fn restarts_and_upgrades_under_load_refuse_and_fail_nobody() {
    let node = Node::answering("web-1");
    let mut lb = serving(&node);
    let (port, seen) = (lb.port(), Seen::default());
    let (restarts, upgrades) = (counted(3, 100), counted(1, 20));
    for round in 0..restarts + upgrades {
        seen.during(port, || {
            if round >= restarts {
                lb.upgrade();
            }
            restart(&mut lb);
        });
    }
    // Who asks all the time hears during the lame-duck phase that its connection ends.
    assert_eq!(seen.repeated.load(Ordering::Relaxed), 0);
    let answers = seen.answers.load(Ordering::Relaxed);
    figure(&format!(
        "{restarts} restarts and {upgrades} upgrades under {answers} requests: 0 failed, 0 repeated"
    ));
    assert_eq!(lb.manager().heard("READY=1"), 1 + restarts + upgrades);
    assert_eq!(lb.manager().heard("STOPPING=1"), restarts + upgrades);
}

#[test]
fn who_connects_while_nothing_runs_is_answered_after_the_start() {
    let (node, sessions) = (Node::answering("web-1"), Port::free());
    let mut lb = Appliance::under_systemd();
    let store = format!("[sessions]\nlisten = \"{}\"\n", sessions.address());
    lb.apply(&format!(
        "{}{store}",
        one_pool(lb.port(), "", &[node.line(1)])
    ));
    let mut kept = lb.manager().kept();
    kept.sort();
    let mut ports =
        [lb.port(), lb.admin_port(), sessions.number()].map(|port| format!("tcp-127.0.0.1_{port}"));
    ports.sort();
    assert_eq!(kept, ports);
    for crash in [false, true] {
        match crash {
            true => lb.kill9(),
            false => assert_eq!(lb.stop().code(), Some(0)),
        }
        let mut waiting = Wire::to(lb.port());
        waiting.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut application = Redis::connect(sessions.address());
        let admin = lb.admin_port();
        let asked = thread::spawn(move || get(admin, "/healthz"));
        lb.restart();
        assert_eq!(waiting.response("GET").text(), "web-1", "crash: {crash}");
        assert_eq!(asked.join().unwrap().status, 200);
        let answer = application.ask(&["PING"]);
        assert!(answer.starts_with("-NOAUTH"), "{answer}");
    }
}

#[test]
fn a_listener_that_is_gone_is_kept_no_longer_and_one_that_is_new_is() {
    let node = Node::answering("web-1");
    let mut lb = serving(&node);
    let other = Port::free();
    let both = |first: u16, second: &str| {
        format!(
            "{}{second}{}{}",
            listener(first),
            pool("django", "", &[node.line(1)]),
            site("s", &route("/", "django", "")),
        )
    };
    let second = format!(
        "[[listeners]]\nname = \"second\"\naddress = \"{}\"\n",
        other.address()
    );
    lb.apply(&both(lb.port(), &second));
    assert_eq!(lb.manager().kept().len(), 3);
    assert_eq!(get(other.number(), "/").text(), "web-1");
    lb.apply(&both(lb.port(), ""));
    assert_eq!(lb.manager().kept().len(), 2);
    let refused = Client::of(other.number()).send(&Request::get("/"));
    assert!(
        matches!(refused, Err(ClientError::Connect(_))),
        "{refused:?}"
    );
    // Changed while it was stopped: what was left is let go before it says that it is ready.
    lb.apply(&both(lb.port(), &second));
    assert_eq!(lb.stop().code(), Some(0));
    assert!(lb.try_apply(&both(lb.port(), "")).status.success());
    lb.restart();
    eventually("it is ready", || {
        (lb.manager().heard("READY=1") == 2).then_some(())
    });
    assert_eq!(lb.manager().kept().len(), 2);
    let refused = Client::of(other.number()).send(&Request::get("/"));
    assert!(
        matches!(refused, Err(ClientError::Connect(_))),
        "{refused:?}"
    );
    // A wider address of the same port, which the kept one stands in the way of.
    assert_eq!(lb.stop().code(), Some(0));
    let wide = both(lb.port(), "").replacen("127.0.0.1", "0.0.0.0", 1);
    assert!(lb.try_apply(&wide).status.success());
    lb.restart();
    assert_eq!(lb.get("/").text(), "web-1");
}

#[test]
fn a_long_answer_holds_up_its_own_end_and_nobody_else() {
    let gate = Gate::closed();
    let held = gate.clone();
    let node = Node::scripted("web-1", move |request| {
        if request.target() == "/held" {
            held.pass();
        }
        Answer::text("web-1")
    });
    let mut lb = serving(&node);
    let mut idle = Client::of(lb.port());
    assert_eq!(idle.get("/").field("Connection"), None);
    let mut long = Wire::to(lb.port());
    long.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    node.saw(2);
    lb.signal(Signal::TERM);
    eventually("the panel says that it is not ready", || {
        let answer = Client::of(lb.admin_port()).send(&Request::get("/readyz"));
        answer.ok().filter(|answer| answer.status == 503)
    });
    // Long after the lame-duck phase: every answer closes its connection, and is an answer.
    for _ in 0..5 {
        eventually("an answer that closes", || {
            let answer = lb.get("/");
            assert_eq!(answer.text(), "web-1");
            (answer.field("Connection") == Some("close")).then_some(())
        });
    }
    eventually("an idle connection is closed", || {
        idle.send(&Request::get("/"))
            .ok()
            .filter(|_| idle.opened == 2)
    });
    gate.open();
    assert_eq!(long.response("GET").text(), "web-1");
    assert_eq!(lb.ended().code(), Some(0));
}

#[test]
fn it_says_that_it_is_ready_and_alive_and_what_it_serves() {
    let node = Node::answering("web-1");
    let mut lb = serving(&node);
    let manager = lb.manager();
    let served = "revision 1, listeners 1, sites 0, nodes 1; panel at";
    eventually("its status", || {
        manager.last("STATUS=").filter(|said| said.contains(served))
    });
    let ready = manager.last("READY=1").unwrap();
    assert!(ready.contains("STATUS=revision 0, listeners 0"), "{ready}");
    eventually("it is alive", || {
        (manager.heard("WATCHDOG=1") >= 3).then_some(())
    });
    lb.signal(Signal::HUP);
    eventually("it has read again", || {
        (manager.heard("READY=1") == 2).then_some(())
    });
    assert_eq!(manager.heard("RELOADING=1\nMONOTONIC_USEC="), 1);
    assert_eq!(lb.stop().code(), Some(0));
    assert!(
        lb.manager()
            .last("STOPPING=1")
            .unwrap()
            .contains("EXTEND_TIMEOUT_USEC=40000000")
    );
}

#[test]
fn a_worker_that_is_stuck_is_not_said_to_be_alive() {
    let node = Node::answering("web-1");
    let mut lb = serving(&node);
    lb.expect_errors();
    eventually("it is alive", || {
        (lb.manager().heard("WATCHDOG=1") > 0).then_some(())
    });
    // Held in the middle of a system call, as by a disk or a debugger.
    let held = Held::worker(&lb, "worker-0");
    eventually("it is told", || {
        lb.log().contains("worker-0 is stuck").then_some(())
    });
    let told = lb.manager().heard("WATCHDOG=1");
    drop(held);
    eventually("it is alive again", || {
        (lb.manager().heard("WATCHDOG=1") > told).then_some(())
    });
    assert_eq!(lb.get("/").text(), "web-1");
}

#[test]
fn nor_is_one_of_the_session_store() {
    let node = Node::answering("web-1");
    let mut lb = serving(&node);
    lb.expect_errors();
    let port = Port::free();
    let sessions = format!("\n[sessions]\nlisten = \"{}\"\n", port.address());
    lb.apply(&(lb.export() + &sessions));
    let before = lb.manager().heard("WATCHDOG=1");
    eventually("it is alive", || {
        (lb.manager().heard("WATCHDOG=1") > before).then_some(())
    });
    let held = Held::worker(&lb, "sessions-1");
    eventually("it is told", || {
        lb.log().contains("sessions-1 is stuck").then_some(())
    });
    let told = lb.manager().heard("WATCHDOG=1");
    drop(held);
    eventually("it is alive again", || {
        (lb.manager().heard("WATCHDOG=1") > told).then_some(())
    });
}

/// A thread that strace holds at its next wait, until this is dropped.
struct Held(Child);

impl Held {
    fn worker(lb: &Appliance, name: &str) -> Self {
        let tasks = fs::read_dir(format!("/proc/{}/task", lb.pid())).unwrap();
        let mut tasks = tasks.map(|task| task.unwrap().path());
        let is_it = |task: &PathBuf| {
            fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name)
        };
        let task = tasks.find(is_it).expect("the worker's thread");
        let strace = Command::new("strace")
            .arg("-p")
            .arg(task.file_name().unwrap())
            .args(["-e", "trace=epoll_wait,epoll_pwait", "-o", "/dev/null"])
            .args(["-e", "inject=epoll_wait,epoll_pwait:delay_enter=3600000000"])
            .stderr(Stdio::null())
            .spawn();
        Self(strace.expect("strace runs"))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Its own end lets the thread go on.
        let _killed = self.0.kill();
        let _ended = self.0.wait();
    }
}
