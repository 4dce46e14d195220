//! Backups: made under load, restored elsewhere and here, and what is refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use crate::admin_second_factor::{half_of, step, switched_on};
use crate::support::appliance::{Appliance, said};
use crate::support::client::Request;
use crate::support::disk::SmallDisk;
use crate::support::document::{listener, one_pool, route, site};
use crate::support::https::{Https, SHOP};
use crate::support::load;
use crate::support::node::Node;
use crate::support::panel::{PASSWORD, Panel};
use crate::support::{counted, eventually, figure};

const UPLOADED: &str =
    "[[certificates]]\nname = \"shop\"\nhosts = [\"shop.example.com\"]\nuploaded = true\n";

pub(crate) const PASSPHRASE: &str = "a beam that swings";

/// The file with the passphrase.
fn passphrase(lb: &Appliance, text: &str) -> String {
    let file = lb.data().join("passphrase");
    fs::write(&file, format!("{text}\n")).unwrap();
    file.to_str().unwrap().to_owned()
}

/// A backup with secrets.
#[track_caller]
pub(crate) fn backed_up(lb: &Appliance) -> PathBuf {
    let file = lb.data().join("tried.backup");
    let by = passphrase(lb, PASSPHRASE);
    let told = lb.runs(&["backup", file.to_str().unwrap(), "--passphrase-file", &by]);
    assert!(told.contains("with secrets, encrypted"), "{told}");
    file
}

pub(crate) fn restore(lb: &Appliance, file: &std::path::Path, more: &[&str]) -> Output {
    let by = passphrase(lb, PASSPHRASE);
    let words = ["restore", file.to_str().unwrap(), "--passphrase-file", &by];
    lb.run(&[&words, more].concat())
}

#[track_caller]
fn restored(lb: &Appliance, file: &std::path::Path) -> Value {
    let output = restore(lb, file, &["--json"]);
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every revision's export, and a backup that was made while there came more of them.
fn made_under_load(https: &Https) -> (BTreeMap<u64, String>, PathBuf) {
    let rest = site("all", &route("/", "p", ""));
    let webhook =
        "[[webhooks]]\nname = \"ops\"\nurl = \"http://127.0.0.1:1/\"\nsecret = \"swings\"\n";
    let document = |n: usize| {
        let document = https.document("true", &format!("{rest}{UPLOADED}{webhook}"));
        let queue = format!("[[pools]]\nqueue = {{ size = {} }}", n + 1);
        document.replace("[[pools]]", &queue)
    };
    https.lb.apply(&document(0));
    let mut exports = BTreeMap::from([(1, https.lb.export())]);
    let made = AtomicUsize::new(0);
    let (changes, requests) = (counted(20, 200), counted(2_000, 20_000));
    let trust = https.authority.trust(SHOP);
    let mut file = PathBuf::new();
    let asked = load::during((https.port(), &trust, SHOP), "https 0", requests, || {
        std::thread::scope(|scope| {
            let changing = scope.spawn(|| {
                for n in 1..=changes {
                    let revision = https.lb.apply(&document(n))["revision"].as_u64();
                    exports.insert(revision.unwrap(), https.lb.export());
                    made.store(n, Ordering::SeqCst);
                }
            });
            eventually("some changes are made", || {
                (made.load(Ordering::SeqCst) >= 5).then_some(())
            });
            file = backed_up(&https.lb);
            changing.join().unwrap();
        });
    });
    figure(&format!(
        "a backup of {} bytes while {changes} changes were made and {asked} requests served",
        fs::metadata(&file).unwrap().len()
    ));
    (exports, file)
}

#[test]
fn one_made_under_load_restores_on_an_empty_directory_to_the_same_whether_it_runs_or_not() {
    let mut https = Https::prepared();
    let leaf = https.authority.issue("DNS:shop.example.com");
    let (chain, key) = (leaf.chain(), leaf.key());
    let (chain, key) = (chain.to_str().unwrap(), key.to_str().unwrap());
    let put = ["certificate", "put", "shop", "--chain", chain, "--key", key];
    https.lb.runs(&put);
    let mut panel = Panel::set_up(&https.lb);
    let (app, _) = switched_on(&mut panel);
    let (exports, file) = made_under_load(&https);
    https.lb.stop();

    for is_running in [false, true] {
        let mut other = Appliance::prepared();
        if is_running {
            other.restart();
        }
        let told = restored(&other, &file);
        assert_eq!(told["applied"]["changed"], true, "{told}");
        assert_eq!(told["users"]["added"], serde_json::json!(["admin"]));
        let revision = told["backup"]["revision"].as_u64().unwrap();
        assert!(revision >= 6, "{told}");
        let export = &exports[&revision];
        assert_eq!(other.export(), *export, "byte for byte");
        if !is_running {
            other.restart();
            assert_eq!(other.export(), *export);
        }
        let mut client = https.client(SHOP);
        let answer = client.ask(&Request::get("/").field("Host", SHOP));
        assert_eq!(answer.text(), "https 0", "the same certificate");
        let mut panel = Panel::of(&other);
        let half = half_of(&mut panel, "admin");
        assert_eq!(step(&mut panel, &half, &app.clone().code()), 303);
        let history = panel.get("/history").text();
        assert!(history.contains(&format!("/history/{}", revision - 1)));
        let audit = panel.get("/audit").text();
        // One that runs has noted its own setup link before: its log goes on.
        let old = if is_running { "Issued" } else { "Set up" };
        for words in ["Restored the backup", old, "as they were written"] {
            assert!(audit.contains(words), "{words}: {audit}");
        }
        assert_eq!(panel.get("/setup").status, 404, "nobody sets it up");
        other.stop();
    }
}

/// One that serves, with an admin and somebody else.
fn serving(node: &Node, who: &str) -> (Appliance, Panel) {
    let lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &[node.line(1)]));
    let mut panel = Panel::set_up(&lb);
    panel.with(&lb, who, "operator");
    (lb, panel)
}

#[test]
fn over_another_configuration_the_history_goes_on_and_who_is_gone_is_signed_out() {
    let node = Node::answering("web-1");
    let (lb, mut admin) = serving(&node, "bob");
    let before = lb.export();
    let file = backed_up(&lb);
    let mut carol = admin.with(&lb, "carol", "operator");
    lb.apply(&one_pool(lb.port(), "", &[node.line(7)]));
    let fields = [("name", "bob"), ("password", PASSWORD)];
    assert_eq!(Panel::of(&lb).post("/sign-in", &fields).status, 303);

    let shown = restore(&lb, &file, &["--dry-run"]);
    assert!(shown.status.success(), "{}", said(&shown));
    let shown = said(&shown);
    for words in [
        "revision 1 of ",
        "weight: 7 -> 1",
        "- user carol",
        "dry run: revision 2 goes on serving",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(carol.get("/nodes").status, 200, "it was only shown");

    let told = restored(&lb, &file);
    assert_eq!(told["applied"]["revision"], 3, "{told}");
    let body = |export: &str| export.split_once('\n').unwrap().1.to_owned();
    assert_eq!(body(&lb.export()), body(&before));
    assert!(lb.export().starts_with("# revision 3\n"));
    assert_eq!(lb.get("/").text(), "web-1");
    assert_eq!(carol.get("/nodes").status, 303, "who is gone is signed out");
    assert_eq!(admin.get("/nodes").status, 200, "who is the same is not");
    let audit = admin.get("/audit").text();
    for words in ["Restored the backup", "carol", "as they were written"] {
        assert!(audit.contains(words), "{words}: {audit}");
    }
    let kept = PathBuf::from(told["replaced"].as_str().unwrap());
    assert!(kept.starts_with(lb.data()) && kept.exists());
    let again = restored(&lb, &file);
    assert_eq!(again["applied"]["changed"], false);
    assert_eq!(again["applied"]["revision"], 3);
}

#[test]
fn what_cannot_be_restored_changes_nothing_and_says_why() {
    let node = Node::answering("web-1");
    let (mut lb, mut admin) = serving(&node, "bob");
    let file = backed_up(&lb);
    lb.apply(&one_pool(lb.port(), "", &[node.line(7)]));
    let before = lb.export();
    let other = lb.data().join("other.backup");
    let refused = |bytes: &[u8], words: &str| {
        fs::write(&other, bytes).unwrap();
        let output = restore(&lb, &other, &["--yes"]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(words), "{words}: {}", said(&output));
        assert_eq!(lb.export(), before);
    };
    let bytes = fs::read(&file).unwrap();
    refused(b"version = 1", "this is no backup of Steelyard");
    refused(&bytes[..bytes.len() / 2], "torn or was altered");
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    refused(&flipped, "torn or was altered");
    let wrong = passphrase(&lb, "another phrase");
    let words = [
        "restore",
        file.to_str().unwrap(),
        "--passphrase-file",
        &wrong,
    ];
    let output = lb.run(&words);
    assert!(!output.status.success());
    assert!(
        said(&output).contains("not the passphrase"),
        "{}",
        said(&output)
    );
    let output = lb.run(&["restore", file.to_str().unwrap()]);
    assert!(
        said(&output).contains("--passphrase-file"),
        "{}",
        said(&output)
    );
    let short = passphrase(&lb, "short");
    let output = lb.run(&["backup", "x", "--passphrase-file", &short]);
    assert!(said(&output).contains("12 to"), "{}", said(&output));

    // A socket that it needs and that another has.
    lb.apply(&(one_pool(lb.port(), "", &[node.line(7)])));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let elsewhere = listener(port).replace("\"http\"", "\"second\"");
    let elsewhere = elsewhere.replace("version = 1", "");
    lb.apply(&(one_pool(lb.port(), "", &[node.line(7)]) + &elsewhere));
    let second = backed_up(&lb);
    lb.apply(&one_pool(lb.port(), "", &[node.line(3)]));
    let before = lb.export();
    let taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let output = restore(&lb, &second, &[]);
    assert_eq!(output.status.code(), Some(78), "{}", said(&output));
    assert_eq!(lb.export(), before);
    drop(taken);
    assert_eq!(admin.get("/nodes").status, 200);
    lb.expect_errors();
}

#[test]
fn whoever_finds_a_browser_signed_in_restores_nothing() {
    let node = Node::answering("web-1");
    let (lb, mut admin) = serving(&node, "bob");
    let file = fs::read(backed_up(&lb)).unwrap();
    lb.apply(&one_pool(lb.port(), "", &[node.line(7)]));
    let before = lb.export();
    let mut asked = |query: &str, password: &str| {
        let origin = format!("http://127.0.0.1:{}", lb.admin_port());
        let request = Request::post(&format!("/api/v1/restore{query}"), file.clone())
            .field("Content-Type", "application/octet-stream")
            .field("Origin", &origin)
            .field("Steelyard-Passphrase", &BASE64.encode(PASSPHRASE))
            .field("Steelyard-Password", &BASE64.encode(password));
        admin.send(request).status
    };
    assert_eq!(asked("?dry_run=true", ""), 200, "looking is allowed");
    for wrong in ["", "not the password"] {
        assert_eq!(asked("", wrong), 422);
        assert_eq!(lb.export(), before);
    }
    assert_eq!(asked("", PASSWORD), 200);
    assert_ne!(lb.export(), before);
}

#[test]
fn without_secrets_it_says_what_has_to_be_given_again_and_leaves_those_that_are_here() {
    let node = Node::answering("web-1");
    let (mut lb, mut admin) = serving(&node, "bob");
    let file = lb.data().join("plain.backup");
    let file = file.to_str().unwrap();
    let told = lb.runs(&["backup", file, "--without-secrets"]);
    assert!(
        told.contains("without secrets, passwords and keys"),
        "{told}"
    );
    lb.apply(&one_pool(lb.port(), "", &[node.line(7)]));
    let told = lb.runs(&["restore", file, "--yes"]);
    assert!(told.contains("revision 3 is serving"), "{told}");
    assert_eq!(
        admin.get("/nodes").status,
        200,
        "nobody has another password"
    );
    assert_eq!(Panel::of(&lb).sign_in("bob", PASSWORD).status, 303);
    let export = lb.export();
    lb.stop();

    let mut other = Appliance::prepared();
    let told = other.runs(&["restore", file]);
    assert!(
        told.contains("user bob has no password: steelyard reset-password bob"),
        "{told}"
    );
    let body = |export: &str| export.split_once('\n').unwrap().1.to_owned();
    assert_eq!(body(&other.export()), body(&export));
    other.restart();
    assert_eq!(Panel::of(&other).sign_in("bob", PASSWORD).status, 401);
    let set = other.run_with_input(&["reset-password", "bob", "--stdin"], PASSWORD);
    assert!(set.status.success(), "{}", said(&set));
    assert_eq!(Panel::of(&other).sign_in("bob", PASSWORD).status, 303);
}

#[test]
fn on_a_full_disk_one_is_still_made_and_none_is_half_restored() {
    let node = Node::answering("web-1");
    let mut lb = Appliance::prepared();
    lb.expect_errors();
    let Some(disk) = SmallDisk::mount(lb.data()) else {
        return;
    };
    lb.restart();
    lb.apply(&one_pool(lb.port(), "", &[node.line(1)]));
    let file = backed_up(&lb);
    lb.apply(&one_pool(lb.port(), "", &[node.line(7)]));
    let before = lb.export();
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("copy");
    fs::copy(&file, &copy).unwrap();
    disk.fill();
    let by = elsewhere.path().join("p");
    fs::write(&by, PASSPHRASE).unwrap();
    let by = by.to_str().unwrap();
    let second = elsewhere.path().join("second");
    lb.runs(&["backup", second.to_str().unwrap(), "--passphrase-file", by]);
    let output = lb.run(&["restore", copy.to_str().unwrap(), "--passphrase-file", by]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("full"), "{}", said(&output));
    assert_eq!(lb.export(), before);
    disk.free();
    assert!(
        lb.runs(&["restore", copy.to_str().unwrap(), "--passphrase-file", by])
            .contains("7 -> 1")
    );
    lb.stop();
    drop(disk);
}
