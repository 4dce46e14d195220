//! Certificates from an authority: Debian's pebble, by both challenges, through kills and restarts.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::appliance::{Appliance, said};
use crate::support::client::{self, Client, Request};
use crate::support::document::{listener, pool, route, site};
use crate::support::eventually;
use crate::support::node::Node;
use crate::support::pebble::{HMAC, Pebble};
use crate::support::ports::Port;

pub(crate) const SHOP: &str = "shop.example.com";

/// The appliance before one node, with a listener of each kind.
pub(crate) struct Shop {
    pub(crate) lb: Appliance,
    pub(crate) node: Node,
    pub(crate) tls: Port,
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self {
            lb: Appliance::start(),
            node: Node::answering("a"),
            tls: Port::free(),
        }
    }

    /// An authority that looks here.
    pub(crate) fn pebble(&self, keys: Value) -> Pebble {
        Pebble::with(self.lb.port(), self.tls.number(), keys)
    }

    /// A document with a certificate for `hosts` from the authority `ca`, and `more`.
    pub(crate) fn document(&self, hosts: &[&str], more: &str) -> String {
        let tls = &self.tls;
        listener(self.lb.port())
            + &format!(
                "\n[[listeners]]\nname = \"https\"\naddress = \"127.0.0.1:{tls}\"\ntls = true\n\
                 \n[[certificates]]\nname = \"shop\"\nhosts = {hosts:?}\nacme = \"ca\"\n"
            )
            + &pool("p", "health_check = \"off\"", &[self.node.line(1)])
            + more
    }

    /// How far its certificate is.
    pub(crate) fn view(&self) -> Value {
        view(self.lb.data())
    }

    /// Waits until the certificate that is shown is from `pebble`.
    pub(crate) fn obtained(&self, pebble: &Pebble) -> Client {
        eventually("the certificate is there", || {
            let view = self.view();
            let acme = &view["acme"];
            assert_eq!(acme["last_error"], json!(null), "{acme}");
            (acme["state"] == "valid").then_some(())
        });
        Client::trusting(self.tls.number(), pebble.trust(SHOP))
    }

    /// Waits until a try has failed, and says why.
    pub(crate) fn failed(&self) -> String {
        eventually("a try has failed", || {
            let view = self.view();
            let acme = &view["acme"];
            let failed = acme["state"] == "failed" || acme["failures"] != 0;
            failed.then(|| acme["last_error"].as_str().unwrap_or_default().to_owned())
        })
    }

    /// Has it be renewed now.
    pub(crate) fn renew(&self) {
        let request = Request::post("/api/v1/tls/shop/renew", "");
        let answer = client::control(self.lb.data(), &request);
        assert_eq!(answer.status, 204, "{}", answer.text());
    }

    /// The SHA-256 of the certificate that is shown.
    pub(crate) fn shown(&self) -> String {
        self.view()["sha256"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// How far the only certificate is.
fn view(data: &Path) -> Value {
    let answer = client::control(data, &Request::get("/api/v1/tls"));
    answer.json()["certificates"][0].clone()
}

fn asked(target: &str) -> Request {
    Request::get(target).field("Host", SHOP)
}

/// How many accounts an authority has.
fn accounts(pebble: &Pebble) -> usize {
    let log = pebble.log();
    let counts = log.lines().filter_map(|line| {
        let (_, rest) = line.split_once("There are now ")?;
        rest.strip_suffix(" accounts in memory")?.parse().ok()
    });
    counts.max().unwrap_or(0)
}

#[test]
fn a_certificate_is_had_by_http_01_before_any_redirect_or_list() {
    let shop = Shop::new();
    let pebble = shop.pebble(json!({}));
    let guarded =
        "https_redirect = true\nallow = [\"10.0.0.0/8\", \"::1\"]\nmethods = [\"POST\"]\n";
    let site = site("s", &(guarded.to_owned() + &route("/", "p", "")));
    let authority = pebble.table("email = \"ops@example.com\"");
    shop.lb
        .apply(&shop.document(&[SHOP, "www.example.com"], &(authority + &site)));
    // Until it is there one is shown that nobody signed, so that the listener is open.
    assert!(std::net::TcpStream::connect(shop.tls.address()).is_ok());
    let mut client = shop.obtained(&pebble);
    assert_eq!(client.ask(&asked("/")).status, 403);
    let mut www = Client::trusting(shop.tls.number(), pebble.trust("www.example.com"));
    assert_eq!(www.ask(&asked("/")).status, 403);
    // All is as before: what looks like a challenge goes to the site.
    let path = "/.well-known/acme-challenge/x";
    assert_eq!(shop.lb.ask(&asked(path)).status, 301);
    assert_eq!(shop.node.requests().len(), 0);
    let seen = shop.lb.access_log(1).join("\n");
    assert!(seen.contains("GET /.well-known/acme-challenge/"), "{seen}");
    let view = shop.view();
    assert_eq!(view["source"], "acme");
    assert_eq!(view["acme"]["authority"], "ca");
    assert_eq!(view["made_for"], json!([SHOP, "www.example.com"]));
    // The next one in two thirds of its life.
    let times = ["not_before", "not_after"].map(|key| view[key].as_i64().unwrap());
    let next = view["acme"]["next_try"].as_i64().unwrap();
    let part = (next - times[0]) as f64 / (times[1] - times[0]) as f64;
    assert!((0.66..0.69).contains(&part), "{view}");
    assert!(shop.lb.export().contains("acme = \"ca\""));
}

#[test]
fn a_certificate_is_had_by_tls_alpn_01_and_nobody_else_is_shown_the_challenge() {
    let shop = Shop::new();
    let pebble = shop.pebble(json!({}));
    let authority = pebble.table("challenge = \"tls-alpn-01\"");
    shop.lb.apply(&shop.document(&[SHOP], &authority));
    let mut client = shop.obtained(&pebble);
    assert_eq!(client.ask(&asked("/")).text(), "a");
    let address = format!("127.0.0.1:{}", shop.tls);
    let told = std::process::Command::new("openssl")
        .args(["s_client", "-connect", &address, "-servername", SHOP])
        .args(["-alpn", "acme-tls/1"])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(!told.contains("ALPN protocol: acme-tls/1"), "{told}");
    assert_eq!(client.ask(&asked("/")).text(), "a");
}

#[test]
fn an_authority_that_wants_an_account_bound_to_another_gets_it() {
    let shop = Shop::new();
    let keys = json!({ "externalAccountBindingRequired": true, "externalAccountMACKeys": { "kid-1": HMAC } });
    let pebble = shop.pebble(keys);
    let with = |eab: &str| shop.document(&[SHOP], &pebble.table(eab));
    shop.lb.apply(&with(""));
    let why = shop.failed();
    assert!(why.contains("set eab with what it handed out"), "{why}");
    let wrong = HMAC.replace('z', "y");
    shop.lb.apply(&with(&format!(
        "eab = {{ key_id = \"kid-1\", hmac = \"{wrong}\" }}"
    )));
    eventually("the wrong key is told of", || {
        let why = shop.failed();
        (!why.contains("set eab") && !why.is_empty()).then_some(())
    });
    let right = format!("eab = {{ key_id = \"kid-1\", hmac = \"{HMAC}\" }}");
    shop.lb.apply(&with(&right));
    eventually("the certificate is there", || {
        (shop.view()["acme"]["state"] == "valid").then_some(())
    });
    let mut client = Client::trusting(shop.tls.number(), pebble.trust(SHOP));
    assert_eq!(client.ask(&asked("/")).text(), "a");
    for text in [shop.lb.export(), shop.lb.log(), shop.view().to_string()] {
        assert!(!text.contains(HMAC));
    }
}

#[test]
fn nonces_that_are_refused_are_asked_for_anew() {
    let shop = Shop::new();
    let mut pebble = shop.pebble(json!({}));
    // A third of all, at random: three in a row now and then.
    pebble.restart(&[("PEBBLE_WFE_NONCEREJECT", "15")]);
    shop.lb.apply(&shop.document(&[SHOP], &pebble.table("")));
    eventually("the certificate is there", || {
        let view = shop.view();
        if view["acme"]["state"] == "failed" {
            shop.renew();
        }
        (view["acme"]["state"] == "valid").then_some(())
    });
}

#[test]
fn a_kill_in_the_middle_of_an_order_makes_no_second_account() {
    let mut shop = Shop::new();
    let mut pebble = shop.pebble(json!({}));
    // It takes its time to look, so that the kill is in the middle.
    pebble.restart(&[("PEBBLE_VA_NOSLEEP", "0"), ("PEBBLE_VA_SLEEPTIME", "2")]);
    shop.lb.apply(&shop.document(&[SHOP], &pebble.table("")));
    let mut orders = 0;
    for _ in 0..3 {
        orders = eventually("another order is under way", || {
            let now = pebble.log().matches("Added order").count();
            (now > orders).then_some(now)
        });
        shop.lb.kill9();
        shop.lb.restart();
    }
    let mut client = shop.obtained(&pebble);
    assert_eq!(client.ask(&asked("/")).text(), "a");
    assert_eq!(accounts(&pebble), 1);
    // What is there is shown from the first moment after a restart, and nobody is asked.
    let orders = pebble.log().matches("Added order").count();
    let shown = shop.shown();
    shop.lb.kill9();
    shop.lb.restart();
    let mut again = Client::trusting(shop.tls.number(), pebble.trust(SHOP));
    assert_eq!(again.ask(&asked("/")).text(), "a");
    assert_eq!(shop.shown(), shown);
    assert_eq!(pebble.log().matches("Added order").count(), orders);
    // Nothing of a key lies open.
    let file = std::fs::read(shop.lb.data().join("config.db")).unwrap();
    assert!(memchr::memmem::find(&file, b"PRIVATE KEY").is_none());
}

#[test]
fn a_certificate_of_short_life_is_renewed_by_itself() {
    let shop = Shop::new();
    let pebble = shop.pebble(json!({ "certificateValidityPeriod": 24 }));
    shop.lb.apply(&shop.document(&[SHOP], &pebble.table("")));
    let mut client = shop.obtained(&pebble);
    assert_eq!(client.ask(&asked("/")).text(), "a");
    let first = shop.shown();
    eventually("another one is shown", || {
        (shop.shown() != first).then_some(())
    });
    let view = shop.view();
    assert_eq!(view["acme"]["failures"], 0, "{view}");
    let mut client = Client::trusting(shop.tls.number(), pebble.trust(SHOP));
    assert_eq!(client.ask(&asked("/")).text(), "a");
}

#[test]
fn other_hosts_and_another_authority_are_asked_for_at_once() {
    let shop = Shop::new();
    let (pebble, other) = (shop.pebble(json!({})), shop.pebble(json!({})));
    shop.lb.apply(&shop.document(&[SHOP], &pebble.table("")));
    shop.obtained(&pebble);
    let first = shop.shown();
    shop.lb
        .apply(&shop.document(&[SHOP, "b.example.com"], &pebble.table("")));
    let view = eventually("it is for both", || {
        let view = shop.view();
        (view["made_for"] == json!(["b.example.com", SHOP])
            || view["made_for"] == json!([SHOP, "b.example.com"]))
        .then_some(view)
    });
    assert_ne!(view["sha256"], json!(first));
    shop.lb
        .apply(&shop.document(&[SHOP, "b.example.com"], &other.table("")));
    eventually("it is from the other", || {
        let mut client = Client::trusting(shop.tls.number(), other.trust(SHOP));
        client.send(&asked("/")).ok().map(|_| ())
    });
}

#[test]
fn what_an_authority_cannot_do_is_refused_in_the_document() {
    let shop = Shop::new();
    let authority = "\n[[acme]]\nname = \"ca\"\n";
    for (hosts, more, why) in [
        (
            &[SHOP][..],
            "",
            "certificates[0].acme: no authority is named ca; there is none yet",
        ),
        (
            &[],
            authority,
            "certificates[0].hosts: is missing: the names that it is to be made for",
        ),
        (
            &["*.example.com"],
            authority,
            "certificates[0].hosts[0]: *.example.com cannot be had by http-01 or tls-alpn-01: name each host",
        ),
    ] {
        let refused = shop.lb.try_apply(&shop.document(hosts, more));
        assert_eq!(refused.status.code(), Some(78));
        let told = said(&refused);
        assert!(told.contains(why), "{told}");
    }
    let none = shop.lb.run(&["certificate", "renew", "shop"]);
    assert_eq!(none.status.code(), Some(1), "{}", said(&none));
}

#[test]
fn what_would_fail_is_told_before_anyone_is_asked() {
    let shop = Shop::new();
    let pebble = shop.pebble(json!({}));
    let hosts = ["gone.invalid", "localhost"];
    shop.lb.apply(&shop.document(&hosts, &pebble.table("")));
    let told = shop.lb.run(&["certificate", "check", "shop"]);
    assert_eq!(told.status.code(), Some(1), "{}", said(&told));
    let told = String::from_utf8(told.stdout).unwrap();
    for words in [
        "no listener without TLS is open here at port 80, where the authority looks for http-01\n",
        "gone.invalid: the name has no address: add it in the DNS, or wait until it is known\n",
        "localhost: is a name of one part, which a private authority alone issues for\n",
    ] {
        assert!(told.contains(words), "{told}");
    }
    let orders = pebble.log().matches("Added order").count();
    let request = Request::post("/api/v1/tls/shop/check", "");
    let answer = client::control(shop.lb.data(), &request);
    let first = answer.json()["findings"][0].clone();
    assert!(first["zh"].as_str().unwrap().contains("80"), "{first}");
    assert_eq!(pebble.log().matches("Added order").count(), orders);
}
