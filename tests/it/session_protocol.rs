//! The port of the session store: who may do what, its limits, and what it keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use steelyard::model::Fsync;
use steelyard::session::journal::{Contents, Journal};
use steelyard::session::{Clock, Databases, Keeping, Memory, Settings, Shared};

use crate::support::eventually;
use crate::support::resp::{Client, command, serve_all, settings, store};

fn with_passwords() -> Settings {
    let databases = Databases::new(Some(b"all"))
        .with(3, "shop", b"s3")
        .with(4, "blog", b"b4");
    Settings {
        databases,
        ..settings()
    }
}

#[test]
fn a_password_opens_its_databases_and_no_other() {
    let (address, shared) = store(with_passwords());
    let mut client = Client::connect(address);
    assert_eq!(client.say("GET a"), "-NOAUTH Authentication required.");
    assert!(
        client
            .say("HELLO 3")
            .starts_with("-NOAUTH HELLO must be called")
    );
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.";
    assert_eq!(client.say("AUTH nobody"), wrong);
    assert_eq!(client.say("AUTH shop b4"), wrong);
    assert_eq!(client.say("AUTH all"), "+OK");
    assert_eq!(client.say("SET a 1"), "+OK");
    assert_eq!(
        client.say("SELECT 3"),
        "-NOPERM this password does not open database 3"
    );
    assert_eq!(client.say("AUTH shop s3"), "+OK");
    assert_eq!(client.say("SET a shop"), "+OK");
    assert_eq!(
        client.say("SELECT 0"),
        "-NOPERM this password does not open database 0"
    );
    assert_eq!(client.say("SELECT 3"), "+OK");
    let mut blog = Client::connect(address);
    let hello = blog.say("HELLO 3 AUTH default b4 SETNAME web-1");
    assert!(hello.starts_with("%7[server redis"), "{hello}");
    assert_eq!(blog.say("CLIENT GETNAME"), "web-1");
    assert_eq!(blog.say("FLUSHALL"), "+OK");
    assert_eq!(client.say("GET a"), "shop");
    assert_eq!(client.say("FLUSHALL"), "+OK");
    assert_eq!(client.say("AUTH all"), "+OK");
    assert_eq!(shared.counters.wrong_passwords.load(Ordering::Relaxed), 2);
}

#[test]
fn a_connection_that_guesses_passwords_is_closed() {
    let (address, _shared) = store(with_passwords());
    let mut client = Client::connect(address);
    client.send(&command(&["AUTH", "guess"]).repeat(100));
    let said = client.rest();
    assert_eq!(said.split(|byte| *byte == b'\n').count() - 1, 10);
}

#[test]
fn who_has_said_no_password_may_send_little() {
    let (address, _shared) = store(with_passwords());
    for (bytes, expected) in [
        (
            &b"*11\r\n"[..],
            "-ERR Protocol error: unauthenticated multibulk length\r\n",
        ),
        (
            b"*2\r\n$20000\r\n",
            "-ERR Protocol error: unauthenticated bulk length\r\n",
        ),
    ] {
        let mut client = Client::connect(address);
        client.send(bytes);
        assert_eq!(String::from_utf8_lossy(&client.rest()), expected);
    }
}

#[test]
fn a_full_store_refuses_to_write_and_goes_on_reading() {
    let (address, shared) = store(Settings {
        max_memory: 4000,
        ..settings()
    });
    let mut client = Client::connect(address);
    let value = "v".repeat(1000);
    let answers: Vec<String> = (0..6)
        .map(|n| client.ask(&["SET", &format!("k{n}"), &value]).to_string())
        .collect();
    let full = "-OOM command not allowed when used memory > 'maxmemory'.";
    assert_eq!(answers, ["+OK", "+OK", "+OK", full, full, full]);
    assert!(shared.memory.used() <= 4000);
    assert_eq!(client.say("STRLEN k0"), ":1000");
    assert_eq!(client.say("DEL k0"), ":1");
    assert_eq!(client.ask(&["SET", "k9", &value]).to_string(), "+OK");
    assert_eq!(shared.counters.full[0].load(Ordering::Relaxed), 3);
    shared.set(settings());
    assert_eq!(client.ask(&["SET", "k8", &value]).to_string(), "+OK");
}

#[test]
fn a_value_over_the_limit_is_refused_and_the_connection_goes_on() {
    let (address, shared) = store(Settings {
        max_value: 100_000,
        ..settings()
    });
    let mut client = Client::connect(address);
    let refused =
        "-ERR value is longer than max_value, which is 100000 bytes in this session store";
    let long = vec![b'v'; 3_000_000];
    assert_eq!(client.ask(&[&b"SET"[..], b"k", &long]).to_string(), refused);
    assert_eq!(
        client
            .ask(&[&b"SET"[..], b"k", &long[..100_001]])
            .to_string(),
        refused
    );
    assert_eq!(
        client
            .ask(&[&b"SET"[..], b"k", &long[..60_000]])
            .to_string(),
        "+OK"
    );
    assert_eq!(
        client
            .ask(&[&b"APPEND"[..], b"k", &long[..60_000]])
            .to_string(),
        refused
    );
    assert_eq!(client.say("STRLEN k"), ":60000");
    assert!(shared.memory.used() < 70_000);
}

#[test]
fn what_only_a_real_redis_has_is_refused_with_words_and_counted() {
    let (address, shared) = store(settings());
    let mut client = Client::connect(address);
    for name in ["BRPOP", "SUBSCRIBE", "bzpopmin", "brpop"] {
        let said = client.say(&format!("{name} a 0"));
        assert!(said.contains("need a Redis of their own"), "{said}");
    }
    let missing = shared.counters.missing();
    assert_eq!(
        (missing["brpop"], missing["subscribe"], missing["bzpopmin"]),
        (2, 1, 1)
    );
    let said = client.ask(&["EVAL", "return 1", "0"]).to_string();
    assert_eq!(
        said,
        "-ERR scripting is not available in this session store"
    );
}

#[test]
fn a_client_that_never_reads_holds_little() {
    let (address, shared) = store(settings());
    let mut client = Client::connect(address);
    client.ask(&["SET", "k", &"v".repeat(1_000_000)]);
    // 4,000 answers of 1 MB: they are not made before the ones before them are taken.
    client.send(&command(&["GET", "k"]).repeat(4000));
    let mut other = Client::connect(address);
    let commands = || shared.counters.commands[0].load(Ordering::Relaxed);
    let asked = eventually("commands are carried out", || {
        Some(commands()).filter(|count| *count > 1)
    });
    for _ in 0..100 {
        assert_eq!(other.say("PING"), "+PONG");
    }
    assert!(asked < 200 && commands() < 300, "{asked} {}", commands());
}

#[test]
fn keys_and_flushes_of_many_keys_let_others_go_on() {
    let (address, shared) = store(settings());
    let mut client = Client::connect(address);
    for from in (0..20_000).step_by(1000) {
        let mut words = vec!["MSET".to_owned()];
        (from..from + 1000).for_each(|n| words.extend([format!("sess:{n}"), "v".to_owned()]));
        assert_eq!(client.ask(&words).to_string(), "+OK");
    }
    let mut other = Client::connect(address);
    assert_eq!(client.ask(&["KEYS", "sess:*"]).parts.len(), 20_000);
    assert_eq!(other.say("DBSIZE"), ":20000");
    // Every key exactly once, while others come and go.
    let (mut cursor, mut seen) = ("0".to_owned(), Vec::new());
    loop {
        let reply = client.ask(&["SCAN", &cursor, "MATCH", "sess:*", "COUNT", "100"]);
        seen.extend(reply.parts[1].parts.iter().map(|key| key.bytes.clone()));
        other.say(&format!("SET extra:{} v", seen.len()));
        cursor = reply.parts[0].to_string();
        if cursor == "0" {
            break;
        }
    }
    seen.sort();
    let before = seen.len();
    seen.dedup();
    assert_eq!((before, seen.len()), (20_000, 20_000));
    let mut words = vec!["UNLINK".to_owned()];
    (0..1000).for_each(|n| words.push(format!("sess:{n}")));
    assert_eq!(client.ask(&words).to_string(), ":1000");
    assert_eq!(client.say("FLUSHDB"), "+OK");
    assert_eq!(
        (client.say("DBSIZE").as_str(), shared.memory.used()),
        (":0", 0)
    );
}

#[test]
fn a_key_ends_when_its_time_is_over() {
    let now = Arc::new(AtomicU64::new(1_000_000));
    let clock = Clock::Given(Arc::clone(&now));
    let shared = Arc::new(Shared::new(
        Arc::default(),
        Keeping::Nothing,
        clock,
        settings(),
    ));
    let mut client = Client::connect(serve_all(&shared));
    assert_eq!(client.say("SET a 1 PX 500"), "+OK");
    assert_eq!(client.say("SET b 1 EX 5"), "+OK");
    assert_eq!(client.say("WATCH a"), "+OK");
    now.fetch_add(500, Ordering::Relaxed);
    assert_eq!(client.say("PTTL a"), ":0");
    now.fetch_add(1, Ordering::Relaxed);
    assert_eq!(client.say("MULTI"), "+OK");
    assert_eq!(client.say("GET a"), "+QUEUED");
    assert_eq!(client.say("EXEC"), "*-1[]");
    assert_eq!(client.say("GET a"), "$-1");
    assert_eq!(client.say("TTL b"), ":4");
    assert_eq!(client.say("SET b 2 KEEPTTL"), "+OK");
    assert_eq!(client.say("PTTL b"), ":4499");
    now.fetch_add(5000, Ordering::Relaxed);
    assert_eq!(client.say("SET b 3 KEEPTTL"), "+OK");
    assert_eq!(client.say("PTTL b"), ":-1");
}

#[test]
fn lifetimes_are_drawn_apart_where_the_operator_wants_it() {
    let clock = Clock::Given(Arc::new(AtomicU64::new(1_000_000)));
    let jittery = Settings {
        ttl_jitter: 10,
        ..settings()
    };
    let shared = Arc::new(Shared::new(
        Arc::default(),
        Keeping::Nothing,
        clock,
        jittery,
    ));
    let mut client = Client::connect(serve_all(&shared));
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..50 {
        client.say("SET a 1 EX 1000");
        let left: i64 = client.say("PTTL a")[1..].parse().unwrap();
        assert!((900_000..=1_100_000).contains(&left), "{left}");
        seen.insert(left);
    }
    assert!(seen.len() > 10, "{seen:?}");
    client.say("SET a 1 PXAT 5000000");
    assert_eq!(client.say("PEXPIRETIME a"), ":5000000");
}

fn kept_in(dir: &std::path::Path) -> Arc<Shared> {
    let memory = Arc::new(Memory::new());
    let (reads, writes) = (Arc::clone(&memory), Arc::clone(&memory));
    let contents = Contents {
        apply: Box::new(move |change| writes.apply(change)),
        walk: Box::new(move |from, tell| reads.walk(from, tell)),
    };
    let (journal, _recovered) = Journal::open(dir, Fsync::Always, contents).unwrap();
    let keeping = Keeping::Journal(journal);
    Arc::new(Shared::new(memory, keeping, Clock::System, settings()))
}

#[test]
fn what_was_answered_is_there_after_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let first = kept_in(dir.path());
    let mut client = Client::connect(serve_all(&first));
    for line in [
        "SET gone x",
        "SET a 1",
        "INCR a",
        "EXPIRE a 1000",
        "HSET h f 1 g 2",
        "HDEL h f",
        "SADD s m",
        "SET t x EX 500",
        "RENAME t u",
        "SELECT 5",
        "SET b 5",
        "FLUSHDB",
        "MULTI",
        "SET c 1",
        "FLUSHDB",
        "SET d 2",
        "EXPIRE d 900",
        "EXEC",
        "SELECT 0",
        "DEL gone",
    ] {
        let said = client.say(line);
        assert!(!said.starts_with('-'), "{line}: {said}");
    }
    // As a kill leaves it: nothing is closed, and another start reads the files.
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let second = kept_in(copy.path());
    let mut again = Client::connect(serve_all(&second));
    for (line, expected) in [
        ("GET a", "2"),
        ("HGETALL h", "*2[g 2]"),
        ("SMEMBERS s", "*1[m]"),
        ("EXISTS gone t", ":0"),
        ("DBSIZE", ":4"),
        ("SELECT 5", "+OK"),
        ("KEYS *", "*1[d]"),
    ] {
        assert_eq!(again.say(line), expected, "{line}");
    }
    // By the clock of the machine, which goes on.
    for (database, key, all) in [(5, "d", 900), (0, "a", 1000), (0, "u", 500)] {
        again.say(&format!("SELECT {database}"));
        let left: u32 = again.say(&format!("TTL {key}"))[1..].parse().unwrap();
        assert!((all - 100..=all).contains(&left), "{key}: {left} of {all}");
    }
    assert_eq!(first.memory.used(), second.memory.used());
}
