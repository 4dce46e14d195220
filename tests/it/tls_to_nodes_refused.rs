//! TLS to nodes: every way that fails, in words; what cannot be trusted; and who is asked instead.

use std::fs;
use std::net::TcpListener;

use crate::support::appliance::{Appliance, said};
use crate::support::client::{Request, control};
use crate::support::document::{listener, node};
use crate::support::eventually;
use crate::support::front::{Front, HERE, OFF, document, trusting};
use crate::support::nginx::Nginx;
use crate::support::node::Node;
use crate::support::tls::Authority;

#[test]
fn every_way_that_fails_is_told_in_the_right_words_in_both_languages() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let key = "ec -pkeyopt ec_paramgen_curve:P-256";
    let issued = |from, until| authority.issue_with(HERE, key, (from, until));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closing = TcpListener::bind("127.0.0.1:0").unwrap();
    let closes = closing.local_addr().unwrap();
    std::thread::spawn(move || closing.incoming().for_each(drop));
    let plain = Nginx::start("", "return 200 plain;");
    let fronts = [
        ("tls_not_trusted", Front::with(&stranger.issue(HERE), "")),
        (
            "tls_wrong_name",
            Front::with(&authority.issue("DNS:a.example,DNS:b.example"), ""),
        ),
        ("tls_expired", Front::with(&issued(-172_800, -86_400), "")),
        (
            "tls_not_yet_valid",
            Front::with(&issued(86_400, 172_800), ""),
        ),
        (
            "tls_refused",
            Front::with(&authority.issue(HERE), "ssl_reject_handshake on;"),
        ),
    ];
    let at =
        |name: &str, address: String| node(&format!("name = \"{name}\"\naddress = \"{address}\""));
    let mut nodes: Vec<String> = fronts
        .iter()
        .map(|(name, front)| front.table(name))
        .collect();
    nodes.push(at("not_tls", format!("127.0.0.1:{}", plain.port())));
    nodes.push(at("tls_timeout", silent.local_addr().unwrap().to_string()));
    nodes.push(at("tls_ended", closes.to_string()));
    let lb = Appliance::start();
    let check = "health_check = { kind = \"http\", interval = \"3s\", timeout = \"3s\", fall = 1 }";
    lb.apply(&document(&lb, &trusting(&authority, ""), check, &nodes));
    #[rustfmt::skip]
    let words = [
        ("tls_not_trusted", "is signed by nobody who is trusted: name the file of its authority in the pool's tls.ca", "由不受信任的机构签发"),
        ("tls_wrong_name", "is for a.example, b.example and not for 127.0.0.1: set the pool's tls.server_name", "适用于 a.example, b.example，而不是 127.0.0.1"),
        ("tls_expired", "has expired: renew it", "的证书已过期"),
        ("tls_not_yet_valid", "is not valid yet: look at this machine's clock", "的证书尚未生效"),
        ("tls_refused", "agreed on no TLS (UnrecognisedName)", "握手失败（UnrecognisedName）"),
        ("not_tls", "does not speak TLS on 127.0.0.1:", "不使用 TLS"),
        ("tls_timeout", "did not finish the TLS handshake within 3s", "在 3s 内没有完成 TLS 握手"),
        ("tls_ended", "broke off the TLS handshake", "中断了 TLS 握手"),
    ];
    for (cause, english, chinese) in words {
        for (language, words) in [("en", english), ("zh-CN", chinese)] {
            let text = eventually(cause, || {
                let query = format!("/api/v1/status?lang={language}");
                let status = control(lb.data(), &Request::get(&query)).json();
                let nodes = status["pools"][0]["nodes"].as_array().unwrap().clone();
                let found = nodes
                    .into_iter()
                    .find(|node| node["name"] == cause)
                    .unwrap();
                let text = found["check"]["text"].as_str()?.to_owned();
                (found["check"]["cause"] == cause).then_some(text)
            });
            assert!(text.contains(words), "{text:?} does not say {words:?}");
        }
    }
}

#[test]
fn a_handshake_that_fails_is_before_the_request_and_another_node_is_asked() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let web = Node::answering("good");
    let good = Front::before(&web, &authority.issue(HERE));
    let bad = Front::with(&stranger.issue(HERE), "");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let stalls = node(&format!(
        "name = \"stalls\"\naddress = \"{}\"",
        silent.local_addr().unwrap()
    ));
    let lb = Appliance::start();
    let keys = format!("{OFF}\nconnect_timeout = \"300ms\"\nmax_fails = 0");
    let tls = trusting(&authority, "");
    lb.apply(&document(
        &lb,
        &tls,
        &keys,
        &[bad.table("bad"), good.table("good")],
    ));
    for _ in 0..10 {
        assert_eq!(lb.ask(&Request::post("/", "order")).text(), "good");
    }
    assert!(!web.requests().is_empty());
    for (alone, status, reason) in [
        (bad.table("bad"), 502, "node_tls"),
        (stalls, 504, "node_connect_timeout"),
    ] {
        lb.apply(&document(&lb, &tls, &keys, &[alone]));
        let answer = lb.get("/");
        assert_eq!((answer.status, answer.reason()), (status, Some(reason)));
    }
    let metrics = lb.metrics_after(12);
    assert!(
        metrics.contains("steelyard_reasons_total{reason=\"node_tls\"} 1"),
        "{metrics}"
    );
    // Said in so many words, whoever answers is good enough.
    let told = lb.apply(&document(
        &lb,
        "{ verify = false }",
        OFF,
        &[bad.table("bad")],
    ));
    assert!(
        told["warnings"].to_string().contains("not verified"),
        "{told}"
    );
    assert_eq!(lb.get("/facts").status, 200);
}

#[test]
fn a_file_without_authorities_is_a_problem_in_its_place() {
    let lb = Appliance::start();
    let leaf = Authority::new().issue(HERE);
    let nodes = [node("name = \"a\"\naddress = \"127.0.0.1:1\"")];
    for (file, words) in [
        (
            "/nowhere/ca.pem".into(),
            "cannot be read: No such file or directory",
        ),
        (leaf.key(), "holds no certificate, but a private key"),
    ] {
        let text = document(&lb, &format!("{{ ca = {file:?} }}"), OFF, &nodes);
        let refused = lb.try_apply(&text);
        let said = said(&refused);
        assert_eq!(refused.status.code(), Some(78), "{said}");
        let line = 1 + text
            .lines()
            .position(|line| line.starts_with("tls"))
            .unwrap();
        let place = format!(":{line}:14: pools[0].tls.ca: {}", file.display());
        assert!(said.contains(&place) && said.contains(words), "{said}");
    }
    let socket = [node("name = \"a\"\naddress = \"unix:/run/a.sock\"")];
    let refused = lb.try_apply(&document(&lb, "{}", OFF, &socket));
    let said = said(&refused);
    assert!(
        said.contains("pools[0].nodes[0].address: is a Unix socket, to which no TLS"),
        "{said}"
    );
    let checked = listener(lb.port())
        + "\n[[pools]]\nname = \"a\"\ntls = { sever_name = \"x\", server_name = \"a:1\" }\n";
    let said = crate::support::appliance::said(&lb.try_apply(&checked));
    assert!(
        said.contains("did you mean \"server_name\"") && said.contains("without a port"),
        "{said}"
    );
}

#[test]
fn other_authorities_in_the_file_are_trusted_by_themselves_and_a_file_that_is_gone_changes_nothing()
{
    let (old, new) = (Authority::new(), Authority::new());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    fs::copy(old.file(), &file).unwrap();
    let (of_old, of_new) = (
        Front::with(&old.issue(HERE), ""),
        Front::with(&new.issue(HERE), ""),
    );
    let mut lb = Appliance::start();
    let tls = format!("{{ ca = {file:?} }}");
    let check = "health_check = { interval = \"1s\", fall = 1, rise = 1 }";
    let nodes = [of_old.table("old"), of_new.table("new")];
    lb.apply(&document(&lb, &tls, check, &nodes));
    lb.wait_for_health("django", "old", "up");
    lb.wait_for_health("django", "new", "down");
    let beside = dir.path().join("new");
    fs::copy(new.file(), &beside).unwrap();
    fs::rename(&beside, &file).unwrap();
    // Also those that idle are judged anew.
    lb.wait_for_health("django", "new", "up");
    lb.wait_for_health("django", "old", "down");
    assert!(lb.log().contains("were read again"), "{}", lb.log());
    fs::remove_file(&file).unwrap();
    let told = lb.apply(&document(
        &lb,
        &tls,
        &format!("{check}\nread_timeout = \"9s\""),
        &nodes,
    ));
    let warned = told["warnings"].to_string();
    assert!(
        warned.contains("what was read before is trusted"),
        "{warned}"
    );
    assert_eq!(lb.node("django", "new")["health"], "up");
    // A start has nothing from before.
    lb.stop();
    lb.restart();
    lb.wait_for_health("django", "new", "down");
    let check = lb.node("django", "new")["check"].clone();
    assert_eq!(check["cause"], "tls_unready", "{check}");
    fs::copy(new.file(), &file).unwrap();
    lb.wait_for_health("django", "new", "up");
}
