//! testssl.sh asks a listener all that it knows; what it finds is nothing but what is argued for here.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::appliance::Appliance;
use crate::support::document::{listener, site};
use crate::support::tls::Authority;

const NAME: &str = "shop.example.com";

/// What it may find, and why that is as it should be.
const ALLOWED: &[(&str, &str)] = &[
    (
        "cipher_order",
        "every cipher offered is one of today's (AEAD, forward secret), so a client may have the one that its \
         processor does best: a phone without AES in hardware takes ChaCha20. Mozilla says the same.",
    ),
    (
        "sessionresumption_ticket",
        "a question it could not ask: it ends its input at once, before the tickets of TLS 1.3 are there. That \
         sessions go on is asked in `tls` and counted by `./dev bench tls`.",
    ),
    (
        "engine_problem",
        "of this machine's openssl, which lacks Russia's ciphers to ask with: rustls has none of them",
    ),
    (
        "cert_revocation",
        "of the certificate, which a test's own authority has signed without either",
    ),
    (
        "security_headers",
        "of the site, whose answer is one word; what an application sends is passed on as it is",
    ),
];

#[test]
fn testssl_finds_nothing_but_what_is_argued_for() {
    let (lb, authority, dir) = (
        Appliance::start(),
        Authority::new(),
        tempfile::tempdir().unwrap(),
    );
    let leaf = authority.issue_with(
        &format!("DNS:{NAME}"),
        "ec -pkeyopt ec_paramgen_curve:P-256",
        (-86_400, 80 * 86_400),
    );
    let route = "[[sites.routes]]\npath = \"/\"\nrespond = { status = 200, body = \"here\" }";
    let shop = site("shop", &format!("hsts = {{ max_age = \"365d\" }}\n{route}"));
    lb.apply(&(listener(lb.port()) + "tls = true\n" + &leaf.table("shop", "") + &shop));
    let findings = dir.path().join("findings.json");
    let told = Command::new("testssl")
        .args(["--quiet", "--color", "0", "--warnings", "batch"])
        // Nobody beyond this machine is asked.
        .args(["--nodns", "none", "--ip", "127.0.0.1", "--add-ca"])
        .arg(authority.file())
        .arg("--jsonfile")
        .arg(&findings)
        .arg(format!("https://{NAME}:{}/", lb.port()))
        .stdin(Stdio::null())
        .output()
        .expect("testssl.sh is installed: tests/install does it");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let findings = fs::read_to_string(findings).expect(&told);
    let findings: Vec<Value> = serde_json::from_str(&findings).unwrap();
    let of = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let is_fine = |finding: &&Value| {
        let id = of(finding, "id");
        let is_allowed = ALLOWED.iter().any(|(allowed, _)| *allowed == id);
        is_allowed || matches!(of(finding, "severity").as_str(), "OK" | "INFO" | "DEBUG")
    };
    let more: Vec<&Value> = findings.iter().filter(|f| !is_fine(f)).collect();
    assert!(more.is_empty(), "{more:#?}\n{told}");
    // It has asked, and by both versions.
    for (id, finding) in [
        ("TLS1_2", "offered"),
        ("TLS1_3", "offered with final"),
        ("TLS1_1", "not offered"),
        ("heartbleed", "not vulnerable"),
        ("ROBOT", "not vulnerable"),
        ("LUCKY13", "not vulnerable"),
        ("HSTS_time", "365 days"),
        ("cert_chain_of_trust", "passed"),
        ("cert_trust", "Ok via SAN"),
    ] {
        let found = findings.iter().find(|finding| of(finding, "id") == id);
        let found = found.map(|found| of(found, "finding")).unwrap_or_default();
        assert!(found.contains(finding), "{id}: {found}\n{told}");
    }
}
