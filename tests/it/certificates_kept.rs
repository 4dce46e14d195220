//! Certificates that the program keeps itself: given to it, or made by it.

use std::fs;
use std::net::TcpStream;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::appliance::said;
use crate::support::client::{Client, Request, control};
use crate::support::eventually;
use crate::support::https::{Https, SHOP};
use crate::support::panel::Panel;
use crate::support::program::Program;
use crate::support::tls::{Authority, Leaf, Trust, openssl};

const UPLOADED: &str =
    "[[certificates]]\nname = \"shop\"\nhosts = [\"shop.example.com\"]\nuploaded = true\n";
const SELF_SIGNED: &str = "[[certificates]]\nname = \"own\"\nhosts = [\"shop.example.com\", \"*.example.com\"]\nself_signed = true\n";
const KEY: &str = "ec -pkeyopt ec_paramgen_curve:P-256";

fn put(https: &Https, name: &str, leaf: &Leaf) -> Output {
    let (chain, key) = (leaf.chain(), leaf.key());
    https.lb.run(&[
        "certificate",
        "put",
        name,
        "--chain",
        chain.to_str().unwrap(),
        "--key",
        key.to_str().unwrap(),
    ])
}

#[track_caller]
fn keeps(https: &Https, leaf: &Leaf) -> String {
    let output = put(https, "shop", leaf);
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

fn of_shop() -> Request {
    Request::get("/").field("Host", SHOP)
}

fn serves(https: &Https, authority: &Authority) -> bool {
    let mut client = Client::trusting(https.port(), authority.trust(SHOP));
    client.send(&of_shop()).is_ok_and(|a| a.status == 200)
}

fn listed(https: &Https) -> Value {
    let told: Value =
        serde_json::from_str(&https.lb.runs(&["certificate", "list", "--json"])).unwrap();
    told["certificates"].clone()
}

#[test]
fn one_that_is_given_is_shown_at_once_and_the_next_in_its_place_cuts_nothing() {
    let mut https = Https::prepared();
    let early = https.lb.try_apply(&https.document("true", UPLOADED));
    assert_eq!(early.status.code(), Some(78));
    let told = said(&early);
    for words in [
        "certificates[0].uploaded: was not uploaded yet",
        "steelyard certificate put shop --chain FILE --key FILE",
        "PUT /api/v1/tls/shop",
    ] {
        assert!(told.contains(words), "{told}");
    }
    let told = keeps(&https, &https.authority.issue("DNS:shop.example.com"));
    assert!(
        told.contains("certificate shop is kept: for shop.example.com, good until 20"),
        "{told}"
    );
    assert!(told.contains("nothing shows it yet: apply"), "{told}");
    assert!(
        told.contains("the chain holds no more than the certificate itself"),
        "{told}"
    );
    let document = https.document("true", UPLOADED);
    https.lb.apply(&document);
    let mut before = https.client(SHOP);
    assert_eq!(before.ask(&of_shop()).text(), "https 0");

    let other = Authority::new();
    let told = keeps(&https, &other.issue("DNS:shop.example.com"));
    assert!(!told.contains("nothing shows it"), "{told}");
    assert!(serves(&https, &other) && !serves(&https, &https.authority));
    assert_eq!(
        before.ask(&of_shop()).text(),
        "https 0",
        "the connection goes on"
    );
    assert_eq!(https.lb.status()["revision"], 1, "no change was needed");

    // Kept over an end in order and one without.
    for end in ["term", "kill"] {
        match end {
            "term" => _ = https.lb.stop(),
            _ => https.lb.kill9(),
        }
        https.lb.restart();
        eventually("it serves again", || serves(&https, &other).then_some(()));
    }
    assert_eq!(https.lb.apply(&document)["changed"], false);
}

#[test]
fn what_is_kept_last_survives_a_kill_right_after_it_was_acknowledged() {
    let mut https = Https::prepared();
    keeps(&https, &https.authority.issue("DNS:shop.example.com"));
    https.lb.apply(&https.document("true", UPLOADED));
    for _ in 0..5 {
        let other = Authority::new();
        keeps(&https, &other.issue("DNS:shop.example.com"));
        https.lb.kill9();
        https.lb.restart();
        eventually("the last one is shown", || {
            serves(&https, &other).then_some(())
        });
    }
}

/// A way to spoil what is given, and words of what is said of it.
type Spoilt = (&'static str, fn(&Https, &Leaf), &'static str);

const SPOILT: [Spoilt; 12] = [
    (
        "another's key",
        |https, leaf| {
            let other = https.authority.issue("DNS:shop.example.com");
            fs::copy(other.key(), leaf.key()).unwrap();
        },
        "the uploaded key is the key of another certificate than the uploaded chain",
    ),
    (
        "expired",
        |https, leaf| {
            leaf.become_like(&https.authority.issue_with(
                "DNS:shop.example.com",
                KEY,
                (-9000, -60),
            ));
        },
        "the certificate has expired on 20",
    ),
    (
        "not good yet",
        |https, leaf| {
            leaf.become_like(&https.authority.issue_with(
                "DNS:shop.example.com",
                KEY,
                (3600, 9000),
            ));
        },
        "the certificate is good only from 20",
    ),
    (
        "the authority first",
        |https, leaf| {
            let own = fs::read_to_string(leaf.chain()).unwrap();
            let authority = fs::read_to_string(https.authority.file()).unwrap();
            fs::write(leaf.chain(), authority + &own).unwrap();
        },
        "the uploaded chain is in the wrong order: the certificate of the key must be the first, and is number 2",
    ),
    (
        "another authority behind",
        |https, leaf| {
            let own = fs::read_to_string(leaf.chain()).unwrap();
            let other = https.authority.issue("DNS:x.test");
            fs::write(
                leaf.chain(),
                own + &fs::read_to_string(other.chain()).unwrap(),
            )
            .unwrap();
        },
        "the uploaded chain is in the wrong order: certificate number 2 did not issue number 1",
    ),
    (
        "an authority of the right name and another key behind",
        |https, leaf| {
            let own = fs::read_to_string(leaf.chain()).unwrap();
            fs::write(leaf.chain(), own + &https.authority.namesake()).unwrap();
        },
        "has not signed number 1: it has the right name and another key, or one of the two is damaged; take the whole chain anew",
    ),
    (
        "another name",
        |https, leaf| {
            leaf.become_like(&https.authority.issue("DNS:blog.example.com"));
        },
        "the certificate is not made for shop.example.com (it is for: blog.example.com)",
    ),
    (
        "a key for a chain",
        |_, leaf| {
            fs::copy(leaf.key(), leaf.chain()).unwrap();
        },
        "the uploaded chain holds no certificate, but a private key",
    ),
    (
        "a certificate for a key",
        |_, leaf| {
            fs::copy(leaf.chain(), leaf.key()).unwrap();
        },
        "the uploaded key holds no private key, but a certificate",
    ),
    (
        "something else in PEM",
        |_, leaf| {
            let text = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
            fs::write(leaf.chain(), text).unwrap();
        },
        "the uploaded chain is damaged: what it holds is no certificate",
    ),
    (
        "no PEM",
        |_, leaf| {
            fs::write(leaf.chain(), [0xff, 0xfe, 0, 1, 2]).unwrap();
        },
        "the uploaded chain holds no certificate in PEM",
    ),
    (
        "a passphrase",
        |_, leaf| {
            let locked = leaf.key().with_extension("locked");
            let dir = leaf.key().parent().unwrap().to_owned();
            openssl(
                &dir,
                "pkey -aes128 -passout pass:secret -in key.pem -out key.locked",
            );
            fs::rename(locked, leaf.key()).unwrap();
        },
        "the uploaded key needs a passphrase: write it without one",
    ),
];

#[test]
fn what_is_wrong_is_told_in_words_and_the_one_before_goes_on() {
    let https = Https::prepared();
    keeps(&https, &https.authority.issue("DNS:shop.example.com"));
    https.lb.apply(&https.document("true", UPLOADED));
    let good = listed(&https);
    assert_eq!(
        (&good[0]["source"], &good[0]["troubles"]),
        (&json!("uploaded"), &json!([]))
    );
    for (what, spoil, words) in SPOILT {
        let leaf = https.authority.issue("DNS:shop.example.com");
        spoil(&https, &leaf);
        let output = put(&https, "shop", &leaf);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(1), "{what}: {told}");
        assert!(told.contains(words), "{what}: {told}");
        assert_eq!(listed(&https), good, "{what}");
        assert!(serves(&https, &https.authority), "{what}");
    }
    let output = put(&https, "a b", &https.authority.issue("DNS:x.test"));
    assert!(said(&output).contains("may hold letters, digits and . _ - only"));
}

#[test]
fn a_key_is_written_and_never_read() {
    let https = Https::prepared();
    let api = Program::admin(&https.lb, &mut Panel::set_up(&https.lb));
    let leaf = https.authority.issue("DNS:shop.example.com");
    let read = |path| fs::read_to_string(path).unwrap();
    let (chain, key) = (read(leaf.chain()), read(leaf.key()));
    let secret: Vec<&str> = key
        .lines()
        .filter(|line| !line.starts_with("---"))
        .collect();
    let mut outputs = Vec::new();
    let given = api.send(
        "PUT",
        "/tls/shop",
        Some(json!({ "chain": chain, "key": key })),
    );
    assert_eq!(given.status, 200, "{}", given.text());
    let facts = given.json();
    assert_eq!(
        (&facts["name"], &facts["made_for"], &facts["named"]),
        (&json!("shop"), &json!(["shop.example.com"]), &json!(false))
    );
    outputs.push(given.text());
    // Refused with the key beside it.
    for body in [
        json!({ "chain": "x", "key": key }),
        json!({ "chain": chain, "key": [key] }),
        json!({ "chain": [chain], "key": key }),
        json!({ "chain": key, "key": key }),
    ] {
        let refused = api.send("PUT", "/tls/shop", Some(body));
        assert_eq!(refused.status, 422, "{}", refused.text());
        outputs.push(refused.text());
    }
    let applied = https.lb.apply(&https.document("true", UPLOADED));
    outputs.push(applied.to_string());
    for path in [
        "/tls",
        "/certificates",
        "/certificates/shop",
        "/config",
        "/status",
        "/audit",
        "/events",
    ] {
        outputs.push(api.get(path).to_string());
    }
    let audit = api.get("/audit").to_string();
    assert!(
        audit.contains("certificate_uploaded") && audit.contains("shop"),
        "{audit}"
    );
    outputs.extend([
        https.lb.export(),
        https.lb.log(),
        https.lb.runs(&["certificate", "list"]),
    ]);
    assert_eq!(https.lb.get("/").status, 200);
    for output in outputs {
        assert!(secret.iter().all(|line| !output.contains(line)), "{output}");
    }
    for entry in fs::read_dir(https.lb.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let holds = |line: &&str| memchr::memmem::find(&bytes, line.as_bytes()).is_some();
            assert!(!secret.iter().any(holds), "{}", path.display());
        }
    }
}

#[test]
fn what_nothing_names_stays_until_it_is_taken_away() {
    let https = Https::prepared();
    keeps(&https, &https.authority.issue("DNS:shop.example.com"));
    https.lb.apply(&https.document("true", UPLOADED));
    let remove = || control(https.lb.data(), &Request::new("DELETE", "/api/v1/tls/shop"));
    let ours = remove();
    assert_eq!(ours.status, 422, "{}", ours.text());
    assert!(ours.text().contains("the configuration names it"));
    https.lb.apply(&https.document("false", ""));
    assert_eq!(listed(&https)[0]["named"], false, "an undo finds it");
    assert_eq!((remove().status, remove().status), (204, 404));
    assert_eq!(listed(&https), json!([]));
}

#[test]
fn without_the_key_of_its_seal_it_is_told_and_given_again() {
    let mut https = Https::prepared();
    keeps(&https, &https.authority.issue("DNS:shop.example.com"));
    https
        .lb
        .apply(&https.document("true", &(UPLOADED.to_owned() + SELF_SIGNED)));
    let seal = https.lb.data().join("seal.key");
    fs::remove_file(&seal).unwrap();
    assert!(
        serves(&https, &https.authority),
        "one of an authority goes before our own"
    );
    https.lb.apply(
        &(https.document("true", &(UPLOADED.to_owned() + SELF_SIGNED))
            + "\n[settings]\ndns_refresh = \"40s\"\n"),
    );
    assert!(serves(&https, &https.authority), "what was read goes on");
    https.lb.stop();
    https.lb.restart();
    let all = listed(&https);
    assert_eq!(all[0]["troubles"], json!([]), "made anew: {all}");
    let trouble = all[1]["troubles"][0].as_str().unwrap();
    assert!(
        trouble.contains("cannot be opened, as seal.key")
            && trouble.contains("give the certificate again"),
        "{trouble}"
    );
    keeps(&https, &https.authority.issue("DNS:shop.example.com"));
    assert!(serves(&https, &https.authority));
}

/// The certificate shown for `name`, as whoever believes only in it.
fn shown(https: &Https, name: &str) -> (String, tempfile::TempDir) {
    let output = Command::new("openssl")
        .args(["s_client", "-showcerts", "-servername", name, "-connect"])
        .arg(format!("127.0.0.1:{}", https.port()))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let from = text
        .find("-----BEGIN")
        .unwrap_or_else(|| panic!("{}", said(&output)));
    let end = "-----END CERTIFICATE-----\n";
    let until = text.find(end).unwrap() + end.len();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("own.pem"), &text[from..until]).unwrap();
    (text[from..until].to_owned(), dir)
}

#[test]
fn one_of_our_own_is_made_once_kept_and_made_anew_for_other_hosts() {
    let mut https = Https::prepared();
    let missing = https.lb.try_apply(&https.document(
        "true",
        "[[certificates]]\nname = \"own\"\nself_signed = true\n",
    ));
    assert!(said(&missing).contains("hosts: is missing: the names that it is to be made for"));
    let document = https.document("true", SELF_SIGNED);
    let dry = https
        .lb
        .run_with_input(&["apply", "--dry-run", "-"], &document);
    assert!(dry.status.success(), "{}", said(&dry));
    https.lb.apply(&document);
    let (first, dir) = shown(&https, SHOP);
    for name in [SHOP, "blog.example.com"] {
        let stream = TcpStream::connect(("127.0.0.1", https.port())).unwrap();
        Trust::of(&dir.path().join("own.pem"), name)
            .encrypt(stream)
            .unwrap();
    }
    for end in ["term", "kill"] {
        match end {
            "term" => _ = https.lb.stop(),
            _ => https.lb.kill9(),
        }
        https.lb.restart();
        assert_eq!(
            eventually("it is shown", || Some(shown(&https, SHOP).0)),
            first,
            "{end}"
        );
    }
    let mut kept = Client::trusting(https.port(), Trust::of(&dir.path().join("own.pem"), SHOP));
    assert_eq!(kept.ask(&of_shop()).status, 200);
    https
        .lb
        .apply(&document.replace("*.example.com", "other.example.com"));
    let (second, _dir) = shown(&https, SHOP);
    assert_ne!(second, first);
    assert_eq!(kept.ask(&of_shop()).status, 200, "the connection goes on");
    assert_eq!(
        listed(&https)[0]["made_for"],
        json!([SHOP, "other.example.com"])
    );
    assert!(https.lb.export().contains("self_signed = true"));
}

#[test]
fn the_panel_shows_one_that_is_kept() {
    let https = Https::prepared();
    keeps(&https, &https.authority.issue("DNS:shop.example.com"));
    https
        .lb
        .apply(&format!("version = 1\n[admin]\ntls = \"shop\"\n{UPLOADED}"));
    let mut panel = Panel::trusting(&https.lb, https.authority.trust(SHOP));
    eventually("TLS is spoken", || panel.try_get("/healthz"));
    let other = Authority::new();
    keeps(&https, &other.issue("DNS:shop.example.com"));
    let mut anew = Panel::trusting(&https.lb, other.trust(SHOP));
    assert_eq!(anew.get("/healthz").status, 200);
    assert_eq!(listed(&https)[0]["admin"], true);
}
