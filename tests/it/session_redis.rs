//! A Redis behind the session store: what clients get, and what they are told while it is away.

use rustix::process::Signal;

use crate::support::appliance::{Appliance, said};
use crate::support::document::listener;
use crate::support::eventually;
use crate::support::ports::Port;
use crate::support::redis::Redis;
use crate::support::resp::{Client, Redis as Server};
use crate::support::tls::Authority;

const SITE: &str = "[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/\"\nrespond = { status = 200, body = \"ok\" }\n";

fn document(lb: &Appliance, port: &Port, keys: &str) -> String {
    let sessions = format!("[sessions]\nlisten = \"{}\"\n{keys}\n", port.address());
    format!("{}{sessions}{SITE}", listener(lb.port()))
}

fn password(lb: &Appliance) -> String {
    lb.runs(&["sessions", "password"]).trim().to_owned()
}

fn behind(server: &Server, rest: &str) -> String {
    format!("store = \"redis://{}{rest}\"\n", server.address())
}

/// Waits until the status says whether the Redis answers.
fn told(lb: &Appliance, reachable: bool) -> serde_json::Value {
    eventually("the status tells of the Redis", || {
        let redis = lb.status()["sessions"]["redis"].clone();
        (redis["reachable"] == reachable && (redis["why"].is_null() == reachable)).then_some(redis)
    })
}

#[test]
fn our_databases_are_those_from_its_number_on_and_the_passwords_stay_ours() {
    let (lb, port, server) = (Appliance::start(), Port::free(), Server::start());
    let shop = "[[sessions.databases]]\nindex = 3\nname = \"shop\"\npassword = \"swings back\"\n";
    lb.apply(&document(&lb, &port, &(behind(&server, "/2") + shop)));
    let mut all = Redis::signed_in(port.address(), &password(&lb));
    assert_eq!(all.ask(&["SET", "a", "common"]), "+OK");
    assert!(all.ask(&["SELECT", "3"]).starts_with("-NOPERM"));
    let mut own = Redis::signed_in(port.address(), "swings back");
    assert_eq!(own.ask(&["SET", "a", "shop"]), "+OK");
    let mut there = Client::connect(server.address());
    for (database, value) in [("2", "common"), ("5", "shop")] {
        there.say(&format!("SELECT {database}"));
        assert_eq!(there.say("GET a"), value);
    }
    // All that the password opens, and nothing else: neither another's nor what is below our number.
    there.say("SELECT 0");
    there.say("SET theirs 1");
    assert_eq!(all.ask(&["FLUSHALL"]), "+OK");
    assert_eq!(
        (all.ask(&["GET", "a"]), own.ask(&["GET", "a"])),
        ("nil".to_owned(), "shop".to_owned())
    );
    assert_eq!(there.say("GET theirs"), "1");
    let never = [
        ["SUBSCRIBE", "a"],
        ["BLPOP", "a"],
        ["MONITOR", "a"],
        ["CONFIG", "SET"],
    ];
    for words in never.iter().map(|words| &words[..]) {
        assert!(all.ask(words).starts_with("-ERR"), "{words:?}");
    }
    assert!(
        all.ask(&["MOVE", "a", "3"])
            .starts_with("-ERR unknown command")
    );
    let long = "x".repeat((1 << 20) + 1);
    assert!(all.ask(&["SET", "b", &long]).contains("max_value"));
    let status = told(&lb, true);
    assert_eq!(status["address"], format!("redis://{}/2", server.address()));
    assert_eq!(lb.status()["sessions"]["store"], "redis");
}

#[test]
fn a_redis_that_is_killed_or_stopped_is_told_of_and_found_again() {
    let (lb, port, mut server) = (Appliance::start(), Port::free(), Server::start());
    lb.apply(&document(&lb, &port, &behind(&server, "")));
    let mut client = Redis::signed_in(port.address(), &password(&lb));
    assert_eq!(client.ask(&["SET", "a", "1"]), "+OK");
    server.kill();
    let away = format!(
        "-ERR the session store's Redis at {} does not answer: ",
        server.address()
    );
    eventually("an error in words", || {
        let said = client.ask(&["GET", "a"]);
        said.starts_with(&away).then_some(())
    });
    // What belongs to the connection goes on.
    assert_eq!(client.ask(&["PING"]), "+PONG");
    eventually("the status says why", || {
        (told(&lb, false)["why"] == "the connection was refused").then_some(())
    });
    let shown = lb.status().to_string();
    assert!(
        shown.contains("does not answer: the connection was refused"),
        "{shown}"
    );
    assert!(
        lb.admin("/metrics")
            .text()
            .contains("steelyard_session_redis_up 0")
    );
    server.again();
    told(&lb, true);
    assert_eq!(client.ask(&["SET", "a", "2"]), "+OK");

    // It takes connections and never answers.
    server.signal(Signal::STOP);
    let said = client.ask(&["GET", "a"]);
    assert_eq!(said, format!("{away}nothing came within 2 s"));
    server.signal(Signal::CONT);
    told(&lb, true);
    assert_eq!(client.ask(&["GET", "a"]), "2");
}

#[test]
fn its_password_is_a_secret_and_a_wrong_one_is_told_of() {
    let (lb, port) = (Appliance::start(), Port::free());
    let server = Server::start_with(&["--requirepass", "open sesame"]);
    let inside = behind(&server, "").replace("//", "//u:hunter2@");
    let refused = said(&lb.try_apply(&document(&lb, &port, &inside)));
    assert!(
        refused.contains("must hold no password: it belongs in store_password"),
        "{refused}"
    );
    for (keys, why) in [
        ("", "NOAUTH Authentication required"),
        (
            "store_password = \"hunter2\"\n",
            "it refuses our user and password (store_password)",
        ),
        ("store_password = \"open sesame\"\n", ""),
    ] {
        lb.apply(&document(&lb, &port, &(behind(&server, "") + keys)));
        let mut client = Redis::signed_in(port.address(), &password(&lb));
        let said = client.ask(&["SET", "a", "1"]);
        match why {
            "" => assert_eq!(said, "+OK"),
            why => assert!(said.contains(&format!("does not answer: {why}")), "{said}"),
        }
    }
    for shown in [
        lb.export(),
        lb.log(),
        lb.status().to_string(),
        lb.runs(&["sessions", "password"]),
    ] {
        assert!(
            !shown.contains("open sesame") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}

#[test]
fn by_tls_only_a_certificate_of_a_known_authority_for_its_name_is_believed() {
    let authority = Authority::new();
    let file = authority.file().to_str().unwrap().to_owned().leak();
    let lb = Appliance::start_with(&[("SSL_CERT_FILE", file)]);
    let port = Port::free();
    let own = Server::start_tls(&authority.issue("DNS:localhost"));
    let strange = Server::start_tls(&Authority::new().issue("DNS:localhost"));
    let plain = Server::start();
    let at = |host: &str, server: &Server| format!("rediss://{host}:{}", server.address().port());
    for (address, why) in [
        (at("localhost", &own), ""),
        (at("127.0.0.1", &own), "certificate"),
        (at("localhost", &strange), "certificate"),
        // It waits for the end of a line, or says that it knows no such command.
        (at("localhost", &plain), "does not answer: "),
        (at("localhost", &own), ""),
    ] {
        lb.apply(&document(&lb, &port, &format!("store = \"{address}\"\n")));
        let mut client = Redis::signed_in(port.address(), &password(&lb));
        let said = client.ask(&["SET", "a", "1"]);
        match why {
            "" => assert_eq!(said, "+OK"),
            why => assert!(said.contains(why), "{address}: {said}"),
        }
        let status = told(&lb, why.is_empty());
        assert_eq!(status["address"], address);
    }
    // Nothing of it went in the clear.
    assert_eq!(Client::connect(plain.address()).say("GET a"), "$-1");
}
