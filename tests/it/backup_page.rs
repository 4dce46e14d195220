//! The page of backups: one now, with and without secrets, those of the nights, and restoring one.

use std::fs;
use std::net::TcpListener;

use crate::backup::{PASSPHRASE, backed_up, restore};
use crate::support::appliance::{Appliance, said};
use crate::support::client::{Request, Response};
use crate::support::document::one_pool;
use crate::support::eventually;
use crate::support::node::Node;
use crate::support::panel::{PASSWORD, Panel, before_forms};
use crate::support::ports::Port;

/// Chooses a file on the page, as a browser sends it.
fn chosen(admin: &mut Panel, lb: &Appliance, bytes: &[u8]) -> Response {
    let part = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.backup\"\r\n\
                Content-Type: application/octet-stream\r\n\r\n";
    let body = [part.as_bytes(), bytes, b"\r\n--x--\r\n"].concat();
    let request = Request::post("/backup/upload", body)
        .field("Content-Type", "multipart/form-data; boundary=x")
        .field("Origin", &format!("http://127.0.0.1:{}", lb.admin_port()));
    admin.send(request)
}

/// Chooses a file, and the page where it is looked at.
#[track_caller]
pub(crate) fn look(admin: &mut Panel, lb: &Appliance, bytes: &[u8]) -> String {
    let answer = chosen(admin, lb, bytes);
    assert_eq!(answer.status, 303, "{}", answer.text());
    let page = answer.field("Location").unwrap().to_owned();
    assert!(page.starts_with("/backup/restore/"), "{page}");
    page
}

/// The revision that a preview was of.
fn previewed(page: &str) -> &str {
    let (_, rest) = page.split_once("name=\"revision\" value=\"").unwrap();
    rest.split_once('"').unwrap().0
}

#[test]
fn what_the_page_gives_restores_elsewhere_and_admins_alone_get_it() {
    let (lb, _node, mut admin) = before_forms();
    let typed = |again: &'static str| [("passphrase", PASSPHRASE), ("again", again)];
    let short = admin.post("/backup", &[("passphrase", "short"), ("again", "short")]);
    assert_eq!(short.status, 422);
    assert!(short.text().contains("12 to 1024 characters"));
    let other = admin.post("/backup", &typed("a beam that swing"));
    assert_eq!(other.status, 422);
    assert!(other.text().contains("not the same"));
    assert!(!other.text().contains(PASSPHRASE), "never sent back");
    for role in ["operator", "viewer"] {
        let mut other = admin.with(&lb, role, role);
        assert_eq!(other.get("/backup").status, 403);
        assert_eq!(other.post("/backup", &typed(PASSPHRASE)).status, 403);
    }
    let made = admin.post("/backup", &typed(PASSPHRASE));
    assert_eq!(made.status, 200);
    let named = made.field("Content-Disposition").unwrap();
    assert!(
        named.starts_with("attachment; filename=\"steelyard-"),
        "{named}"
    );
    let elsewhere = Appliance::prepared();
    let file = elsewhere.data().join("from-the-page.backup");
    fs::write(&file, &made.body).unwrap();
    let output = restore(&elsewhere, &file, &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(elsewhere.export(), lb.export());

    let without = admin.post("/backup", &[("without", "1")]);
    assert_eq!(without.status, 200);
    fs::write(&file, &without.body).unwrap();
    let output = elsewhere.run(&["restore", "--dry-run", file.to_str().unwrap()]);
    assert!(
        said(&output).contains("without secrets"),
        "{}",
        said(&output)
    );
    let told = admin.get("/audit").text();
    assert_eq!(told.matches("Made a backup of").count(), 2, "{told}");
}

#[test]
fn the_backups_of_the_nights_are_listed_and_taken() {
    let (lb, _node, mut admin) = before_forms();
    assert!(
        admin
            .get("/backup")
            .text()
            .contains("None is made by night.")
    );
    let nightly = format!("{}\n[backup]\nnightly = \"03:00\"\n", lb.export());
    lb.apply(&nightly);
    let href = eventually("it is listed", || {
        let page = admin.get("/backup").text();
        let (_, rest) = page.split_once("href=\"/backup/nightly/")?;
        Some(rest.split_once('"').unwrap().0.to_owned())
    });
    let taken = admin.get(&format!("/backup/nightly/{href}"));
    assert_eq!(taken.status, 200);
    let folder = lb.data().join("backups");
    let entry = fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    assert_eq!(taken.body, fs::read(entry.path()).unwrap());
    for not_one in ["config.db", "..%2Fconfig.db", "x.backup"] {
        for page in ["/backup/nightly", "/api/v1/backups"] {
            let asked = admin.get(&format!("{page}/{not_one}"));
            assert_eq!(asked.status, 404, "{page} {not_one}");
        }
    }
    assert!(admin.get("/audit").text().contains("Downloaded the backup"));
    let listed: serde_json::Value =
        serde_json::from_str(&admin.get("/api/v1/backups").text()).unwrap();
    assert_eq!(listed["nightly"], "03:00");
    assert_eq!(listed["backups"][0]["name"], href.as_str());
    assert_eq!(listed["backups"][0]["backup"]["secrets"], false);
    assert_eq!(
        admin.get(&format!("/api/v1/backups/{href}")).body,
        taken.body
    );

    let from_here = admin.post(&format!("/backup/nightly/{href}"), &[]);
    assert_eq!(from_here.status, 303);
    let page = admin.get(from_here.field("Location").unwrap()).text();
    assert!(page.contains("is the same as the one in force"), "{page}");
}

#[test]
fn a_backup_is_looked_at_and_restored_by_who_knows_both_passwords() {
    let (lb, node, mut admin) = before_forms();
    admin.with(&lb, "bob", "viewer");
    let file = fs::read(backed_up(&lb)).unwrap();
    lb.apply(&one_pool(lb.port(), "", &[node.line(7)]));
    let before = lb.export();

    let here = look(&mut admin, &lb, &file);
    let locked = admin.get(&here).text();
    assert!(locked.contains("The backup is encrypted"), "{locked}");
    assert!(!locked.contains("name=\"password\""));
    let unlock = format!("{here}/passphrase");
    let wrong = admin.post(&unlock, &[("passphrase", "a beam that swing")]);
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("not the passphrase of the backup"));
    assert_eq!(
        admin.post(&unlock, &[("passphrase", PASSPHRASE)]).status,
        303
    );

    let page = admin.get(&here).text();
    assert!(
        page.contains("<td role=\"cell\" class=\"is\">1</td>"),
        "{page}"
    );
    assert!(!page.contains(PASSPHRASE));
    let revision = previewed(&page).to_owned();
    let ask = |password: &'static str, revision: &str| {
        [
            ("revision".to_owned(), revision.to_owned()),
            ("password".to_owned(), password.to_owned()),
        ]
    };
    let wrong = admin.send_form(&here, &ask("not mine", &revision));
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("not your current password"));
    assert_eq!(lb.export(), before, "nothing was done");

    // Somebody was faster.
    lb.apply(&one_pool(lb.port(), "", &[node.line(9)]));
    let stale = admin.send_form(&here, &ask(PASSWORD, &revision));
    assert_eq!(stale.status, 409);
    let stale = stale.text();
    assert!(stale.contains("was changed meanwhile"), "{stale}");
    assert!(lb.export().contains("weight = 9"));

    let mut other = admin.with(&lb, "eve", "operator");
    assert_eq!(other.get(&here).status, 403);
    let done = admin.send_form(&here, &ask(PASSWORD, previewed(&stale)));
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(done.text().contains("The backup is restored"));
    assert!(done.text().contains("config.db.replaced-"));
    assert!(!lb.export().contains("weight"), "{}", lb.export());
    assert_eq!(admin.get("/backup").status, 200, "still signed in");
    let again = admin.send_form(&here, &ask(PASSWORD, &revision));
    assert_eq!(again.status, 422);
    assert!(again.text().contains("choose it again"));
    assert!(admin.get("/audit").text().contains("Restored the backup"));
}

#[test]
fn what_is_no_backup_is_told_beside_the_file_and_changes_nothing() {
    let (lb, node, mut admin) = before_forms();
    let file = fs::read(backed_up(&lb)).unwrap();
    let before = lb.export();
    let mut torn = file.clone();
    torn.truncate(file.len() - 1);
    for (bytes, words) in [
        (&b""[..], "Choose a file first"),
        (b"PK\x03\x04 some archive", "This is no backup of Steelyard"),
        (&torn, "torn or was altered"),
    ] {
        let told = chosen(&mut admin, &lb, bytes);
        assert_eq!(told.status, 422, "{words}");
        assert!(told.text().contains(words), "{}", told.text());
    }
    let origin = format!("http://127.0.0.1:{}", lb.admin_port());
    let bad = |kind: &str, body: &str| {
        Request::post("/backup/upload", body)
            .field("Content-Type", kind)
            .field("Origin", &origin)
    };
    for (kind, body) in [
        ("application/x-www-form-urlencoded", "file=x"),
        ("multipart/form-data", "--x"),
        ("multipart/form-data; boundary=x", "--x\r\nnot a head"),
    ] {
        assert_eq!(admin.send(bad(kind, body)).status, 400, "{kind} {body}");
    }
    let elsewhere = bad("multipart/form-data; boundary=x", "--x--");
    let elsewhere = elsewhere.field("Sec-Fetch-Site", "cross-site");
    assert_eq!(admin.send(elsewhere).status, 403);
    let long = vec![0; 65 * 1024 * 1024];
    assert_eq!(chosen(&mut admin, &lb, &long).status, 413);

    assert_eq!(lb.export(), before);

    // The port of its listener is somebody else's meanwhile.
    let other = Port::free();
    lb.apply(&one_pool(other.number(), "", &[node.line(1)]));
    let _somebody = TcpListener::bind(("127.0.0.1", lb.port())).unwrap();
    let here = look(&mut admin, &lb, &file);
    let unlock = format!("{here}/passphrase");
    assert_eq!(
        admin.post(&unlock, &[("passphrase", PASSPHRASE)]).status,
        303
    );
    let told = admin.get(&here);
    assert_eq!(told.status, 422);
    let told = told.text();
    assert!(
        told.contains("cannot be restored on this machine"),
        "{told}"
    );
    assert!(told.contains("in use"), "{told}");
    assert!(!told.contains("name=\"password\""));
}

#[test]
fn one_without_secrets_says_what_is_left_to_do() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    let webhook =
        "[[webhooks]]\nname = \"ops\"\nurl = \"http://127.0.0.1:1/\"\nsecret = \"swings\"\n";
    let document = one_pool(lb.port(), "", &[node.line(1)]);
    lb.apply(&format!("{document}{webhook}"));
    let mut admin = Panel::set_up(&lb);
    admin.with(&lb, "bob", "viewer");
    let made = admin.post("/backup", &[("without", "1")]);
    assert_eq!(made.status, 200);
    lb.apply(&document);
    let bob = admin.post("/people/users/2/remove", &[]);
    assert_eq!(bob.status, 303);

    admin.chinese();
    let here = look(&mut admin, &lb, &made.body);
    let page = admin.get(&here).text();
    assert!(page.contains("新增用户</dt><dd>bob"), "{page}");
    assert!(page.contains("需要设置密码的用户"), "{page}");
    assert!(page.contains("需要重新提供的密钥"), "{page}");
    let typed = [("revision", previewed(&page)), ("password", PASSWORD)];
    let done = admin.post(&here, &typed);
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(done.text().contains("还需要做的事"));
    assert!(!done.text().contains("新增用户"), "that is done");
    assert!(lb.export().contains("ops"));
}
