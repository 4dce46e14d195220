//! Moving sessions to a Redis and back while applications write: nothing that was acknowledged is lost, whatever fails.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use crate::support::appliance::{Appliance, said};
use crate::support::document::listener;
use crate::support::ports::Port;
use crate::support::redis::Redis;
use crate::support::resp::{Client, Redis as Server};
use crate::support::{eventually, figure};

const SITE: &str = "[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/\"\nrespond = { status = 200, body = \"ok\" }\n";

const PASSWORD: &str = "open sesame";

fn start(keys: &str) -> (Appliance, Port) {
    let (lb, port) = (Appliance::start(), Port::free());
    lb.apply(&document(&lb, &port, keys));
    (lb, port)
}

fn document(lb: &Appliance, port: &Port, keys: &str) -> String {
    let sessions = format!(
        "[sessions]\nlisten = \"{}\"\npassword = \"{PASSWORD}\"\n{keys}\n",
        port.address()
    );
    format!("{}{sessions}{SITE}", listener(lb.port()))
}

fn url(address: SocketAddr) -> String {
    format!("redis://{address}/1")
}

/// What one writer knows: of each of its keys the value that was acknowledged last, or that it is gone.
type Known = HashMap<String, Option<String>>;

/// Applications that write without a pause.
struct Writers {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Known>>,
}

impl Writers {
    fn start(port: &Port) -> Self {
        let (stop, written) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let address = port.address();
        let one = |i: u32| {
            let (stop, written) = (Arc::clone(&stop), Arc::clone(&written));
            thread::spawn(move || write(address, i, &stop, &written))
        };
        let threads = (0..4).map(one).collect();
        Self {
            stop,
            written,
            threads,
        }
    }

    /// Waits until they have written on.
    fn go_on(&self) {
        let before = self.written.load(Ordering::Relaxed);
        eventually("the writers write on", || {
            (self.written.load(Ordering::Relaxed) > before + 400).then_some(())
        });
    }

    fn stop(self) -> Known {
        self.stop.store(true, Ordering::Relaxed);
        let threads = self.threads.into_iter();
        threads
            .flat_map(|thread| thread.join().expect("no writer was refused anything"))
            .collect()
    }
}

fn write(address: SocketAddr, i: u32, stop: &AtomicBool, written: &AtomicUsize) -> Known {
    let mut known = Known::new();
    let mut redis = Redis::signed_in(address, PASSWORD);
    for n in 0_u32.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        // Some keys are written again and again, most once.
        let key = match n % 3 {
            0 => format!("w{i}:hot{}", n % 7),
            _ => format!("w{i}:{n}"),
        };
        let value = format!("{n}:{}", "v".repeat(200));
        match n % 10 {
            9 => {
                let gone = redis.ask(&["DEL", &key]);
                assert!(gone.starts_with(':'), "{gone}");
                known.insert(key, None);
            }
            8 => {
                assert_eq!(redis.ask(&["SET", &key, &value]), "+OK");
                assert_eq!(redis.ask(&["EXPIRE", &key, "5000"]), ":1");
                known.insert(key, Some(value));
            }
            _ => {
                assert_eq!(redis.ask(&["SET", &key, &value, "EX", "9000"]), "+OK");
                known.insert(key, Some(value));
            }
        }
        written.fetch_add(1, Ordering::Relaxed);
    }
    known
}

/// How many of what is known are not there as they are known.
fn lost(redis: &mut Redis, known: &Known) -> usize {
    let wrong = known.iter().filter(|(key, value)| {
        let there = redis.ask(&["GET", key]);
        let ends = redis.ask(&["TTL", key]);
        match value {
            Some(value) => there != *value || !matches!(ends[1..].parse(), Ok(1..=9000)),
            None => there != "nil",
        }
    });
    wrong.count()
}

fn fill(redis: &mut Redis, keys: usize) -> Known {
    let value = "x".repeat(300);
    let one = |i: usize| {
        let key = format!("old:{i}");
        assert_eq!(redis.ask(&["SET", &key, &value, "EX", "9000"]), "+OK");
        (key, Some(value.clone()))
    };
    (0..keys).map(one).collect()
}

#[test]
fn under_writers_sessions_move_to_a_redis_and_back_and_none_is_lost() {
    let (lb, port) = start("");
    let server = Server::start_with(&["--requirepass", "swings back"]);
    let mut redis = Redis::signed_in(port.address(), PASSWORD);
    let old = fill(&mut redis, 1000);
    redis.ask(&["HSET", "h", "user", "7", "cart", ""]);
    redis.ask(&["EXPIRE", "h", "5000"]);
    redis.ask(&["SADD", "s", "a", "b"]);
    redis.ask(&["SELECT", "5"]);
    redis.ask(&["SET", "five", "5"]);
    redis.ask(&["SELECT", "0"]);
    let writers = Writers::start(&port);
    writers.go_on();
    let file = lb.data().join("redis-password");
    std::fs::write(&file, "swings back\n").unwrap();
    let file = file.display().to_string();
    let to = url(server.address());
    let moved = lb.runs(&["sessions", "move", &to, "--password-file", &file]);
    assert!(
        moved.contains(&format!("sessions are in {to} now")),
        "{moved}"
    );
    writers.go_on();
    assert_eq!(lb.status()["sessions"]["store"], "redis");
    assert!(lb.export().contains(&format!("store = \"{to}\"")));
    assert!(!lb.export().contains("swings back"));
    // Memory keeps nothing of it, on disk neither.
    let moved = lb.runs(&["sessions", "move", "memory"]);
    assert!(moved.contains("sessions are in memory now"), "{moved}");
    assert_eq!(lb.status()["sessions"]["store"], "memory");
    writers.go_on();
    let mut known = writers.stop();
    let written = known.len();
    known.extend(old);
    assert_eq!(lost(&mut redis, &known), 0);
    assert_eq!(redis.ask(&["HGETALL", "h"]), "[user, 7, cart, ]");
    assert!(redis.ask(&["TTL", "h"]).starts_with(":49"));
    assert_eq!(redis.ask(&["SCARD", "s"]), ":2");
    assert_eq!(redis.ask(&["TTL", "s"]), ":-1");
    redis.ask(&["SELECT", "5"]);
    assert_eq!(redis.ask(&["GET", "five"]), "5");
    figure(&format!("{written} keys written meanwhile: 0 lost"));
}

/// A way to a Redis that breaks for good once so many bytes went there.
fn breaking(to: SocketAddr, bytes: i64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let left = Arc::new(AtomicI64::new(bytes));
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(to).unwrap());
            if left.load(Ordering::Relaxed) < 0 {
                continue;
            }
            let (back, forth) = (
                (server.try_clone().unwrap(), client.try_clone().unwrap()),
                (client, server),
            );
            let all = Arc::new(AtomicI64::new(i64::MAX));
            pass(back.0, back.1, all);
            pass(forth.0, forth.1, Arc::clone(&left));
        }
    });
    address
}

fn pass(mut from: TcpStream, mut to: TcpStream, left: Arc<AtomicI64>) {
    thread::spawn(move || {
        let mut bytes = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            let length = i64::try_from(length).unwrap();
            if left.fetch_sub(length, Ordering::Relaxed) < length {
                break;
            }
            let length = usize::try_from(length).unwrap();
            if to.write_all(&bytes[..length]).is_err() {
                break;
            }
        }
        let _gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
}

#[test]
fn where_a_redis_breaks_in_the_middle_memory_serves_on_and_nothing_is_lost() {
    let (lb, port) = start("");
    let server = Server::start();
    let mut redis = Redis::signed_in(port.address(), PASSWORD);
    let old = fill(&mut redis, 2000);
    let writers = Writers::start(&port);
    writers.go_on();
    let to = url(breaking(server.address(), 200_000));
    let failed = lb.run(&["sessions", "move", &to]);
    assert!(!failed.status.success());
    let words = said(&failed);
    assert!(
        words.contains("the sessions stay where they were: the Redis at"),
        "{words}"
    );
    writers.go_on();
    assert_eq!(lb.status()["sessions"]["store"], "memory");
    assert!(lb.status()["sessions"]["move"].is_null());
    assert!(!lb.export().contains("redis://"));
    // And where it is well again, it goes.
    let mut there = Client::connect(server.address());
    there.say("FLUSHALL");
    lb.runs(&["sessions", "move", &url(server.address())]);
    writers.go_on();
    let mut known = writers.stop();
    known.extend(old);
    assert_eq!(lost(&mut redis, &known), 0);
}

#[test]
fn what_does_not_fit_is_refused_and_what_was_copied_is_cleared() {
    let (lb, port) = start("max_memory = \"1m\"\nmax_value = \"4k\"\n");
    let server = Server::start();
    let mut redis = Redis::signed_in(port.address(), PASSWORD);
    assert_eq!(redis.ask(&["SET", "a", "1", "EX", "900"]), "+OK");
    let mut there = Client::connect(server.address());
    there.say("SELECT 1");
    there.say("SET theirs 1");
    let to = url(server.address());
    let refused = said(&lb.run(&["sessions", "move", &to]));
    assert!(
        refused.contains("its database 1 is not empty (keys: 1)"),
        "{refused}"
    );
    lb.runs(&["sessions", "move", &to, "--replace"]);
    assert_eq!(
        (there.say("GET theirs"), there.say("GET a")),
        ("$-1".to_owned(), "1".to_owned())
    );
    let again = said(&lb.run(&["sessions", "move", &to]));
    assert!(
        again.contains("already: move them to memory first"),
        "{again}"
    );

    // What memory has not, and what has no room in it.
    there.say("RPUSH list a");
    let failed = said(&lb.run(&["sessions", "move", "memory"]));
    assert!(
        failed.contains("\"list\" in database 0 is a list, which memory has not"),
        "{failed}"
    );
    there.say("DEL list");
    for i in 0..5 {
        there.ask(&["SET", &format!("big{i}"), &"x".repeat(300_000)]);
    }
    let failed = said(&lb.run(&["sessions", "move", "memory"]));
    assert!(
        failed.contains("more than max_memory, which is 1048576 bytes"),
        "{failed}"
    );
    assert_eq!(redis.ask(&["GET", "a"]), "1");
    assert_eq!(lb.status()["sessions"]["store"], "redis");

    // A change of the document alone takes nothing along, and says so. Nothing is left of what was copied.
    let changed = lb.apply(&document(&lb, &port, ""));
    let warning = changed["warnings"].to_string();
    assert!(
        warning.contains("steelyard sessions move memory takes them along"),
        "{warning}"
    );
    assert_eq!(redis.ask(&["DBSIZE"]), ":0");
    let nothing = said(&lb.run(&["sessions", "move", "memory"]));
    assert!(
        nothing.contains("sessions are in memory already"),
        "{nothing}"
    );
    let nowhere = said(&lb.run(&["sessions", "move", "redis://127.0.0.1:1"]));
    assert!(nowhere.contains("the connection was refused"), "{nowhere}");
    let wrong = said(&lb.run(&["sessions", "move", "redis://u:p@127.0.0.1:1"]));
    assert!(wrong.contains("must hold no password"), "{wrong}");
}
