//! The session store's port: opened and closed by changes, and who gets in.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use crate::support::appliance::{Appliance, said};
use crate::support::document::{listener, pool};
use crate::support::eventually;
use crate::support::ports::Port;
use crate::support::redis::Redis;

const SITE: &str = "[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/\"\nrespond = { status = 200, body = \"ok\" }\n";

fn document(lb: &Appliance, sessions: &str) -> String {
    format!("{}[sessions]\n{sessions}\n{SITE}", listener(lb.port()))
}

fn listening(port: &Port, keys: &str) -> String {
    format!("listen = \"{}\"\n{keys}", port.address())
}

fn password(lb: &Appliance) -> String {
    lb.runs(&["sessions", "password"]).trim().to_owned()
}

#[test]
fn a_password_is_generated_kept_and_told_on_the_box_alone() {
    let (mut lb, port) = (Appliance::start(), Port::free());
    let none = lb.run(&["sessions", "password"]);
    assert!(said(&none).contains("the session store is off"), "{none:?}");
    let shop = "\n[[sessions.databases]]\nindex = 3\nname = \"shop\"\n";
    lb.apply(&document(&lb, &listening(&port, shop)));
    let all = password(&lb);
    let own = lb.runs(&["sessions", "password", "shop"]).trim().to_owned();
    assert_eq!((all.len(), own.len()), (48, 48));
    assert_ne!(all, own);
    let unknown = said(&lb.run(&["sessions", "password", "blog"]));
    assert!(unknown.contains("(there are: shop)"), "{unknown}");
    for shown in [lb.export(), lb.log(), lb.status().to_string()] {
        assert!(!shown.contains(&all) && !shown.contains(&own), "{shown}");
    }
    lb.kill9();
    lb.restart();
    assert_eq!(password(&lb), all);
    lb.stop();
    assert_eq!(password(&lb), all, "nothing runs");
}

#[test]
fn a_change_opens_moves_and_closes_the_port_without_a_restart() {
    let (lb, first, second) = (Appliance::start(), Port::free(), Port::free());
    lb.apply(&document(&lb, &listening(&first, "")));
    let password = password(&lb);
    let mut client = Redis::signed_in(first.address(), &password);
    assert_eq!(client.ask(&["SET", "a", "1", "EX", "60"]), "+OK");
    // Who is inside goes on, whatever else changes, and where the door is another.
    lb.apply(&document(&lb, &listening(&first, "max_value = \"2k\"\n")));
    assert_eq!(client.ask(&["GET", "a"]), "1");
    let long = "x".repeat(3000);
    assert!(client.ask(&["SET", "b", &long]).starts_with("-ERR"));
    lb.apply(&document(&lb, &listening(&second, "")));
    assert_eq!(client.ask(&["GET", "a"]), "1");
    assert!(Redis::try_connect(first.address()).is_err());
    let mut other = Redis::signed_in(second.address(), &password);
    assert_eq!(other.ask(&["GET", "a"]), "1");
    assert_eq!(
        lb.status()["sessions"]["address"],
        second.address().to_string()
    );
    // None at all: nobody comes in and nobody stays.
    lb.apply(&document(&lb, ""));
    assert!(Redis::try_connect(second.address()).is_err());
    eventually("the connections end", || other.try_ask(&["PING"]).err());
    assert!(lb.status()["sessions"].is_null());
    // And again, with what was in it.
    lb.apply(&document(&lb, &listening(&first, "")));
    let mut again = Redis::signed_in(first.address(), &password);
    assert_eq!(again.ask(&["GET", "a"]), "1");
}

#[test]
fn a_port_that_is_taken_refuses_the_change_and_what_was_open_goes_on() {
    let (lb, port) = (Appliance::start(), Port::free());
    lb.apply(&document(&lb, &listening(&port, "")));
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("listen = \"{}\"", held.local_addr().unwrap());
    let refused = lb.try_apply(&document(&lb, &taken));
    let words = said(&refused);
    assert!(
        !refused.status.success() && words.contains("sessions.listen"),
        "{words}"
    );
    assert!(words.contains("is in use by"), "{words}");
    let mut client = Redis::signed_in(port.address(), &password(&lb));
    assert_eq!(client.ask(&["PING"]), "+PONG");
}

#[test]
fn each_password_opens_its_own_databases() {
    let (lb, port) = (Appliance::start(), Port::free());
    let shop = "password = \"open sesame\"\n[[sessions.databases]]\nindex = 3\nname = \"shop\"\npassword = \"swings back\"\n";
    lb.apply(&document(&lb, &listening(&port, shop)));
    let mut nobody = Redis::connect(port.address());
    assert!(nobody.ask(&["GET", "a"]).starts_with("-NOAUTH"));
    assert!(nobody.ask(&["AUTH", "wrong"]).starts_with("-WRONGPASS"));
    let mut all = Redis::signed_in(port.address(), "open sesame");
    assert_eq!(all.ask(&["SET", "a", "common"]), "+OK");
    assert!(all.ask(&["SELECT", "3"]).starts_with("-NOPERM"));
    let mut own = Redis::signed_in(port.address(), "swings back");
    assert_eq!(own.ask(&["SET", "a", "shop"]), "+OK");
    assert_eq!(own.ask(&["FLUSHALL"]), "+OK");
    assert_eq!(all.ask(&["GET", "a"]), "common");
}

#[test]
fn guesses_wait_their_turn_and_who_knows_the_password_is_never_shut_out() {
    let (lb, port) = (Appliance::start(), Port::free());
    lb.apply(&document(&lb, &listening(&port, "")));
    let password = password(&lb);
    let mut first = Redis::connect(port.address());
    for _ in 0..5 {
        assert!(first.ask(&["AUTH", "guess"]).starts_with("-WRONGPASS"));
    }
    // Each on a connection of its own, more than may wait.
    let mut guessers: Vec<Redis> = (0..80).map(|_| Redis::connect(port.address())).collect();
    let answers: Vec<String> = std::thread::scope(|scope| {
        let guess = |redis: &mut Redis| redis.ask(&["AUTH", "wrong"]);
        let asked: Vec<_> = guessers
            .iter_mut()
            .map(|redis| scope.spawn(move || guess(redis)))
            .collect();
        asked
            .into_iter()
            .map(|asked| asked.join().unwrap())
            .collect()
    });
    let heard = answers
        .iter()
        .filter(|answer| answer.starts_with("-WRONGPASS"))
        .count();
    let refused = answers
        .iter()
        .filter(|answer| answer.contains("too many wrong passwords"))
        .count();
    assert_eq!(heard + refused, answers.len(), "{answers:?}");
    assert!(refused > 0, "{answers:?}");
    eventually("who knows it comes in", || {
        let mut client = Redis::connect(port.address());
        (client.ask(&["AUTH", &password]) == "+OK").then_some(())
    });
}

#[test]
fn only_this_machine_the_nodes_and_those_allowed_come_in() {
    let (lb, port) = (Appliance::start(), Port::free());
    lb.apply(&document(
        &lb,
        &listening(&port, "allow = [\"10.0.0.0/8\"]"),
    ));
    let mut denied = Redis::connect(port.address());
    let words = denied.answer().unwrap();
    assert!(
        words.starts_with("-DENIED 127.0.0.1 may not use"),
        "{words}"
    );
    assert!(denied.answer().is_err());
    lb.apply(&document(&lb, &listening(&port, "")));
    assert_eq!(
        Redis::signed_in(port.address(), &password(&lb)).ask(&["PING"]),
        "+PONG"
    );
    let metrics = lb.admin("/metrics").text();
    assert!(
        metrics.contains("steelyard_session_connections_total{result=\"denied\"} 1\n"),
        "{metrics}"
    );
}

#[test]
fn the_store_is_no_node_and_nobody_tries_it() {
    let (lb, port) = (Appliance::start(), Port::free());
    let nodes = [("n".to_owned(), port.address(), 1)];
    let as_node = format!(
        "{}[sessions]\n{}\n{}",
        listener(lb.port()),
        listening(&port, ""),
        pool("p", "", &nodes)
    );
    let words = said(&lb.try_apply(&as_node));
    assert!(
        words.contains("is the session store of this program"),
        "{words}"
    );
    let by_name = as_node.replacen(
        &format!("address = \"{}\"", port.address()),
        &format!("address = \"localhost:{}\"", port.number()),
        1,
    );
    let words = said(&lb.try_apply(&by_name));
    assert!(
        words.contains("is the session store of this program"),
        "{words}"
    );
}

#[test]
fn redis_cli_speaks_tls_with_it() {
    let (lb, port, files) = (
        Appliance::start(),
        Port::free(),
        tempfile::tempdir().unwrap(),
    );
    let (chain, key) = (files.path().join("a.pem"), files.path().join("a.key"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
        ])
        .arg("-out")
        .arg(&chain)
        .arg("-keyout")
        .arg(&key)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let certificate =
        format!("[[certificates]]\nname = \"a\"\nfiles = {{ chain = {chain:?}, key = {key:?} }}\n");
    lb.apply(&(document(&lb, &listening(&port, "tls = true\n")) + &certificate));
    let asked = Command::new("redis-cli")
        .args(["--tls", "--cacert"])
        .arg(&chain)
        .args([
            "-h",
            "127.0.0.1",
            "-p",
            &port.number().to_string(),
            "SET",
            "a",
            "1",
        ])
        .env("REDISCLI_AUTH", password(&lb))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&asked.stdout).trim(),
        "OK",
        "{asked:?}"
    );
    // Who speaks without it gets an alert of TLS at most.
    let mut plain = TcpStream::connect(port.address()).unwrap();
    let mut got = Vec::new();
    let _ = plain.write_all(b"*1\r\n$4\r\nPING\r\n");
    let _ = plain.read_to_end(&mut got);
    assert!(!got.starts_with(b"+") && !got.starts_with(b"-"), "{got:?}");
}
