//! Certificates: which one is shown, what is said of bad ones, and changing them under load.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustix::process::Signal;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::support::appliance::said;
use crate::support::client::Request;
use crate::support::eventually;
use crate::support::https::{Https, SHOP};
use crate::support::tls::Leaf;

/// What openssl is shown, asking for `name` or for none.
fn shown(https: &Https, name: Option<&str>) -> CertificateDer<'static> {
    let asking = match name {
        Some(name) => vec!["-servername", name],
        None => vec!["-noservername"],
    };
    let output = Command::new("openssl")
        .args(["s_client", "-connect"])
        .arg(format!("127.0.0.1:{}", https.port()))
        .args(asking)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    CertificateDer::from_pem_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)))
}

fn of(leaf: &Leaf) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(leaf.chain()).unwrap()
}

#[test]
fn the_name_asked_for_decides_which_one_is_shown() {
    let https = Https::prepared();
    let [first, exact, star, listed] = [
        "DNS:first.test",
        "DNS:shop.example.com",
        "DNS:*.example.com",
        "DNS:other.test",
    ]
    .map(|names| https.authority.issue(names));
    let more = exact.table("b", "")
        + &star.table("c", "")
        + &first.table("a", "")
        + &listed.table("d", "hosts = [\"*.wide.test\"]");
    https.lb.apply(&https.document("true", &more));
    for (name, leaf) in [
        (Some("shop.example.com"), &exact),
        (Some("SHOP.example.COM"), &exact),
        (Some("blog.example.com"), &star),
        (Some("a.b.wide.test"), &listed),
        (Some("other.test"), &listed),
        (Some("example.com"), &first),
        (Some("a.blog.example.com"), &first),
        (None, &first),
    ] {
        assert_eq!(shown(&https, name), of(leaf), "{name:?}");
    }
    let tls = "{ certificates = [\"c\", \"b\"] }";
    https.lb.apply(&https.document(tls, &more));
    assert_eq!(shown(&https, None), of(&star));
    assert_eq!(shown(&https, Some("first.test")), of(&star));
    assert_eq!(shown(&https, Some("shop.example.com")), of(&exact));
    // The order of the list says who is first.
    let tls = "{ certificates = [\"b\", \"c\"] }";
    https.lb.apply(&https.document(tls, &more));
    assert_eq!(shown(&https, None), of(&exact));
}

/// A way to spoil the files of a certificate, and words of what is said of it.
type Spoilt = (&'static str, fn(&Https, &Leaf), &'static [&'static str]);

const SPOILT: [Spoilt; 13] = [
    (
        "no chain",
        |_, leaf| fs::remove_file(leaf.chain()).unwrap(),
        &["files.chain: ", "chain.pem cannot be read: No such file"],
    ),
    (
        "no key",
        |_, leaf| fs::remove_file(leaf.key()).unwrap(),
        &["files.key: ", "key.pem cannot be read: No such file"],
    ),
    (
        "chain and key exchanged",
        |_, leaf| {
            let chain = fs::read(leaf.chain()).unwrap();
            fs::copy(leaf.key(), leaf.chain()).unwrap();
            fs::write(leaf.key(), chain).unwrap();
        },
        &["files.chain: ", "holds no certificate, but a private key"],
    ),
    (
        "a certificate for a key",
        |_, leaf| _ = fs::copy(leaf.chain(), leaf.key()).unwrap(),
        &["files.key: ", "holds no private key, but a certificate"],
    ),
    (
        "empty",
        |_, leaf| fs::write(leaf.chain(), "").unwrap(),
        &["files.chain: ", "holds no certificate in PEM"],
    ),
    (
        "cut",
        |_, leaf| {
            let text = fs::read_to_string(leaf.chain()).unwrap();
            fs::write(leaf.chain(), &text[..text.len() / 2]).unwrap();
        },
        &["files.chain: ", "is damaged: it is not PEM"],
    ),
    (
        "something else in PEM",
        |_, leaf| {
            let text = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
            fs::write(leaf.chain(), text).unwrap();
        },
        &[
            "files.chain: ",
            "is damaged: what it holds is no certificate",
        ],
    ),
    (
        "another's key",
        |https, leaf| {
            let other = https.authority.issue("DNS:x.test");
            fs::copy(other.key(), leaf.key()).unwrap();
        },
        &["files.key: ", "is the key of another certificate"],
    ),
    (
        "the authority first",
        |https, leaf| {
            let own = fs::read_to_string(leaf.chain()).unwrap();
            let authority = fs::read_to_string(https.authority.file()).unwrap();
            fs::write(leaf.chain(), authority + &own).unwrap();
        },
        &[
            "files.chain: ",
            "wrong order",
            "must be the first, and is number 2",
        ],
    ),
    (
        "another authority behind",
        |https, leaf| {
            let own = fs::read_to_string(leaf.chain()).unwrap();
            let other = https.authority.issue("DNS:x.test");
            let other = fs::read_to_string(other.chain()).unwrap();
            fs::write(leaf.chain(), own + &other).unwrap();
        },
        &[
            "files.chain: ",
            "wrong order",
            "number 2 did not issue number 1",
        ],
    ),
    (
        "an authority of the right name and another key behind",
        |https, leaf| {
            let own = fs::read_to_string(leaf.chain()).unwrap();
            fs::write(leaf.chain(), own + &https.authority.namesake()).unwrap();
        },
        &[
            "files.chain: the certificate in ",
            "may not be believed by clients, as number 2 of its chain (",
            "has not signed number 1: it has the right name and another key",
        ],
    ),
    (
        "expired",
        |https, leaf| {
            let key = "ec -pkeyopt ec_paramgen_curve:P-256";
            let old = https
                .authority
                .issue_with("DNS:shop.example.com", key, (-9000, -60));
            leaf.become_like(&old);
        },
        &["files.chain: ", "has expired on 20"],
    ),
    (
        "not good yet",
        |https, leaf| {
            let key = "ec -pkeyopt ec_paramgen_curve:P-256";
            let new = https
                .authority
                .issue_with("DNS:shop.example.com", key, (3600, 9000));
            leaf.become_like(&new);
        },
        &[
            "files.chain: ",
            "is good only from 20",
            "this machine's clock says 20",
        ],
    ),
];

#[test]
fn what_is_wrong_with_a_new_certificate_is_a_problem_and_changes_nothing() {
    let https = Https::prepared();
    for (what, spoil, words) in SPOILT {
        let leaf = https.authority.issue("DNS:shop.example.com");
        spoil(&https, &leaf);
        let output = https
            .lb
            .try_apply(&https.document("true", &leaf.table("shop", "")));
        let said = said(&output);
        assert_eq!(output.status.code(), Some(78), "{what}: {said}");
        for word in words {
            assert!(said.contains(word), "{what}: {said}");
        }
        assert!(said.contains("tried.toml:"), "{what}: {said}");
    }
    assert!(https.lb.export().starts_with("# revision 0"));
}

#[test]
fn a_short_key_and_a_certificate_without_a_name_are_told() {
    let https = Https::prepared();
    let short = https
        .authority
        .issue_with(&format!("DNS:{SHOP}"), "rsa:1024", (-60, 9000));
    let mail = https.authority.issue("email:ops@example.com");
    for (leaf, words) in [
        (
            &short,
            "files.key: KEY is an RSA key of 1024 bits, which is too short: make one of 2048",
        ),
        (
            &mail,
            "files.chain: the certificate in CHAIN is made for no name: clients believe none but those in subjectAltName",
        ),
    ] {
        let refused = https
            .lb
            .try_apply(&https.document("true", &leaf.table("shop", "")));
        let told = said(&refused)
            .replace(leaf.key().to_str().unwrap(), "KEY")
            .replace(leaf.chain().to_str().unwrap(), "CHAIN");
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn a_mark_before_the_first_and_blanks_before_lines_hide_no_certificate() {
    let https = Https::prepared();
    let leaf = https.authority.issue(&format!("DNS:{SHOP}"));
    let good = of(&leaf);
    let indented = |text: String| -> String {
        text.lines()
            .flat_map(|line| ["  \t", line, "\r\n"])
            .collect()
    };
    let mut chain = fs::read_to_string(leaf.chain()).unwrap();
    chain += &fs::read_to_string(https.authority.file()).unwrap();
    let key = fs::read_to_string(leaf.key()).unwrap();
    for (chain, key) in [
        (format!("\u{feff}{chain}"), format!("\u{feff}{key}")),
        (indented(chain), indented(key)),
    ] {
        fs::write(leaf.chain(), chain).unwrap();
        fs::write(leaf.key(), key).unwrap();
        https
            .lb
            .apply(&https.document("true", &leaf.table("shop", "")));
        assert_eq!(shown(&https, Some(SHOP)), good);
        https.lb.apply(&https.document(
            "true",
            &https.authority.issue("DNS:x.test").table("other", ""),
        ));
    }
}

#[test]
fn one_that_goes_bad_is_told_and_the_one_before_is_shown_on() {
    let https = Https::prepared();
    for (what, spoil, words) in SPOILT {
        let leaf = https.authority.issue("DNS:shop.example.com");
        let document = https.document("true", &leaf.table("shop", ""));
        https.lb.apply(&document);
        let good = of(&leaf);
        spoil(&https, &leaf);
        let told = https.lb.try_apply(&document);
        let told = said(&told);
        for word in &words[1..] {
            assert!(told.contains(word), "{what}: {told}");
        }
        assert!(
            told.contains("; the one read before is shown"),
            "{what}: {told}"
        );
        assert_eq!(shown(&https, Some(SHOP)), good, "{what}");
        // Nor does it stand in the way of another change.
        let other = document + "\n[settings]\ndns_refresh = \"40s\"\n";
        assert!(
            https.lb.apply(&other)["changed"].as_bool().unwrap(),
            "{what}"
        );
        assert_eq!(shown(&https, Some(SHOP)), good, "{what}");
    }
}

#[test]
fn a_key_with_a_passphrase_is_told_from_a_broken_one() {
    let https = Https::prepared();
    for form in ["pkey -aes128", "ec -aes128"] {
        let leaf = https.authority.issue("DNS:shop.example.com");
        let locked = leaf.key().with_extension("locked");
        let output = Command::new("openssl")
            .args(form.split(' '))
            .args(["-passout", "pass:secret", "-in"])
            .arg(leaf.key())
            .arg("-out")
            .arg(&locked)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        fs::rename(locked, leaf.key()).unwrap();
        let output = https
            .lb
            .try_apply(&https.document("true", &leaf.table("shop", "")));
        assert!(said(&output).contains("needs a passphrase: write it without one"));
    }
}

#[test]
fn keys_of_every_form_are_taken() {
    let https = Https::prepared();
    for (kind, form) in [
        ("ec -pkeyopt ec_paramgen_curve:P-256", "pkey"),
        ("ec -pkeyopt ec_paramgen_curve:P-384", "ec"),
        ("rsa:2048", "pkey"),
        ("rsa:2048", "rsa -traditional"),
        ("ed25519", "pkey"),
    ] {
        let leaf = https
            .authority
            .issue_with("DNS:shop.example.com", kind, (-60, 9000));
        let other = leaf.key().with_extension("other");
        let output = Command::new("openssl")
            .args(form.split(' '))
            .arg("-in")
            .arg(leaf.key())
            .arg("-out")
            .arg(&other)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        fs::rename(other, leaf.key()).unwrap();
        https
            .lb
            .apply(&https.document("true", &leaf.table("shop", "")));
        let answer = https
            .client(SHOP)
            .ask(&Request::get("/").field("Host", SHOP));
        assert_eq!(answer.status, 200, "{kind} {form}");
    }
}

#[test]
fn names_that_are_not_covered_are_warned_of() {
    let https = Https::prepared();
    let leaf = https.authority.issue("DNS:shop.example.com");
    let sites = "\n[[sites]]\nname = \"s\"\nhosts = [\"shop.example.com\", \"blog.example.com\"]\n[[sites.routes]]\npath = \"/\"\npool = \"p\"\n";
    let more = leaf.table("shop", "hosts = [\"www.example.com\"]") + sites;
    let warnings = https.lb.apply(&https.document("true", &more))["warnings"].to_string();
    for words in [
        "certificate shop: it is not made for www.example.com, which clients will tell (it is for: shop.example.com)",
        "listener https: none of its certificates is made for blog.example.com of site s",
    ] {
        assert!(warnings.contains(words), "{warnings}");
    }
    assert!(!warnings.contains("shop.example.com of site"), "{warnings}");
}

#[test]
fn a_renewed_certificate_is_shown_without_an_apply() {
    let https = Https::prepared();
    let [leaf, second, third] = [1, 2, 3].map(|_| https.authority.issue("DNS:shop.example.com"));
    let document = https.document("true", &leaf.table("shop", ""));
    https.lb.apply(&document);
    let mut kept = https.client(SHOP);
    let mut ask = || kept.ask(&Request::get("/").field("Host", SHOP)).status;
    assert_eq!(ask(), 200);
    leaf.become_like(&second);
    eventually("the second is shown", || {
        (shown(&https, Some(SHOP)) == of(&second)).then_some(())
    });
    assert!(https.lb.log().contains("certificate shop was read again"));
    leaf.become_like(&third);
    https.lb.signal(Signal::HUP);
    eventually("the third is shown", || {
        (shown(&https, Some(SHOP)) == of(&third)).then_some(())
    });
    assert_eq!(ask(), 200);
    assert_eq!(kept.opened, 1);
    let told = https.lb.apply(&document);
    assert_eq!(told["changed"], false, "{told}");
}

#[test]
fn a_start_without_a_certificate_goes_on_until_there_is_one() {
    let mut https = Https::prepared();
    let leaf = https.authority.issue("DNS:shop.example.com");
    https
        .lb
        .apply(&https.document("true", &leaf.table("shop", "")));
    assert!(https.lb.stop().success());
    let (hidden, key) = (leaf.key().with_extension("hidden"), leaf.key());
    fs::rename(&key, &hidden).unwrap();
    https.lb.restart();
    assert_eq!(https.lb.get("/").status, 200);
    let status = https.lb.status();
    assert_eq!(
        (&status["state"], &status["ready"]),
        (&"degraded".into(), &true.into())
    );
    let reasons = status["reasons"].to_string();
    assert!(
        reasons.contains("certificate shop: ")
            && reasons.contains("key.pem cannot be read: No such file"),
        "{reasons}"
    );
    let listed = https.lb.runs(&["certificate", "list"]);
    assert!(
        listed.contains("shop  files  cannot be used  shown by ")
            && listed.contains("key.pem cannot be read"),
        "{listed}"
    );
    let request = Request::get("/").field("Host", SHOP);
    assert!(https.client(SHOP).send(&request).is_err());
    fs::rename(&hidden, &key).unwrap();
    eventually("it is shown", || {
        let answer = https.client(SHOP).send(&request).ok();
        answer.filter(|answer| answer.status == 200).map(drop)
    });
    assert_eq!(https.lb.status()["state"], "serving");
}

#[test]
fn a_hundred_certificates_under_load_fail_no_request() {
    let https = Https::prepared();
    let leaves: Vec<Leaf> = (0..4)
        .map(|_| https.authority.issue("DNS:shop.example.com"))
        .collect();
    let apply = |i: usize| {
        https
            .lb
            .apply(&https.document("true", &leaves[i % 4].table("shop", "")))
    };
    apply(0);
    let (over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for kept in [true, false, true, false] {
            let (https, over, served) = (&https, &over, &served);
            scope.spawn(move || {
                let mut client = https.client(SHOP);
                while !over.load(Ordering::Relaxed) {
                    if !kept {
                        client = https.client(SHOP);
                    }
                    let answer = client.send(&Request::get("/").field("Host", SHOP));
                    assert_eq!(answer.map(|answer| answer.status).ok(), Some(200));
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for i in 1..=100 {
            let before = served.load(Ordering::Relaxed);
            apply(i);
            assert_eq!(shown(&https, Some(SHOP)), of(&leaves[i % 4]));
            eventually("requests go on", || {
                (served.load(Ordering::Relaxed) > before).then_some(())
            });
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn no_key_is_in_anything_that_is_shown_or_kept() {
    let https = Https::prepared();
    let leaf = https.authority.issue("DNS:shop.example.com");
    https
        .lb
        .apply(&https.document("true", &leaf.table("shop", "")));
    https
        .client(SHOP)
        .ask(&Request::get("/").field("Host", SHOP));
    let key = fs::read_to_string(leaf.key()).unwrap();
    let secret: Vec<&str> = key.lines().filter(|line| !line.starts_with("--")).collect();
    assert!(!secret.is_empty());
    let mut places = vec![
        https.lb.export(),
        https.lb.status().to_string(),
        https.lb.log(),
    ];
    places.push(https.lb.admin("/metrics").text());
    for entry in fs::read_dir(https.lb.data()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap_or_default();
        places.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    for place in places {
        assert!(secret.iter().all(|line| !place.contains(line)));
    }
    let export = https.lb.export();
    assert!(
        export.contains(&format!("key = {:?}", leaf.key())),
        "{export}"
    );
}
