//! Users, their roles, where they are signed in, tokens and the audit log, by the forms.

use crate::support::appliance::{Appliance, said};
use crate::support::client::{Client, Request, Response, Wire};
use crate::support::document::{node, one_pool};
use crate::support::panel::{PASSWORD, Panel};

fn number_of<'a>(page: &'a str, before: &str, name: &str) -> &'a str {
    let row = page
        .split("<tr role=\"row\">")
        .find(|row| row.contains(&format!("<b>{name}</b>")));
    let row = row.unwrap_or_else(|| panic!("no {name} in {page}"));
    let rest = row.split(before).nth(1).unwrap();
    rest.split('/').next().unwrap()
}

fn by_token(lb: &Appliance, token: &str, request: Request) -> Response {
    let request = request.field("Authorization", &format!("Bearer {token}"));
    Client::of(lb.admin_port()).ask(&request)
}

fn token(panel: &mut Panel, name: &str, scope: &str) -> String {
    let page = panel.post("/people/tokens", &[("name", name), ("scope", scope)]);
    assert_eq!(page.status, 200, "{}", page.text());
    let page = page.text();
    let start = page.find("steelyard_").unwrap();
    page[start..start + 53].to_owned()
}

#[test]
fn an_admin_adds_changes_and_removes_users() {
    let lb = Appliance::start();
    let mut admin = Panel::set_up(&lb);
    let mut ann = admin.with(&lb, "Ann Lee", "viewer");
    assert_eq!(ann.get("/people").status, 200);
    assert_eq!(ann.get("/audit").status, 403);
    let page = admin.get("/people").text();
    let id = number_of(&page, "/people/users/", "Ann Lee").to_owned();
    let role = admin.post(&format!("/people/users/{id}/role"), &[("role", "admin")]);
    assert_eq!(role.field("Location"), Some("/people?done=role"));
    assert_eq!(ann.get("/audit").status, 200, "at once");
    let asked = admin.get(&format!("/people/users/{id}/remove")).text();
    assert!(asked.contains("Remove Ann Lee?"), "{asked}");
    let removed = admin.post(&format!("/people/users/{id}/remove"), &[]);
    assert_eq!(removed.status, 303);
    assert_eq!(ann.get("/people").status, 303, "signed out at once");
    assert_eq!(ann.sign_in("Ann Lee", PASSWORD).status, 401);
    assert_eq!(
        admin
            .post(&format!("/people/users/{id}/remove"), &[])
            .status,
        404
    );
}

#[test]
fn the_last_admin_stays_one_and_names_are_taken_once() {
    let lb = Appliance::start();
    let mut admin = Panel::set_up(&lb);
    let page = admin.get("/people").text();
    let id = number_of(&page, "/people/users/", "admin").to_owned();
    for (path, fields) in [
        (format!("/people/users/{id}/role"), vec![("role", "viewer")]),
        (format!("/people/users/{id}/remove"), vec![]),
    ] {
        let refused = admin.post(&path, &fields);
        assert_eq!(refused.status, 422, "{path}");
        assert!(
            refused.text().contains("Somebody has to stay admin"),
            "{}",
            refused.text()
        );
    }
    let fields = [
        ("name", "ADMIN"),
        ("password", PASSWORD),
        ("role", "viewer"),
    ];
    let taken = admin.post("/people/users", &fields);
    assert!(
        taken.text().contains("This name is taken"),
        "{}",
        taken.text()
    );
    let fields = [("name", "bob"), ("password", PASSWORD), ("role", "root")];
    assert_eq!(admin.post("/people/users", &fields).status, 422);
}

#[test]
fn sign_ins_are_listed_and_ended_one_s_own_or_by_an_admin() {
    let lb = Appliance::start();
    let mut admin = Panel::set_up(&lb);
    let mut ann = admin.with(&lb, "ann", "viewer");
    let mut bob = admin.with(&lb, "bob", "operator");
    let seen_by_ann = ann.get("/people").text();
    assert!(
        !seen_by_ann.contains("Sign out bob"),
        "where others are is not hers to know"
    );
    assert!(seen_by_ann.contains("<b>bob</b>"), "who may sign in is");
    let page = admin.get("/people").text();
    let id = number_of(
        &page[page.find("places").unwrap()..],
        "/people/sign-ins/",
        "bob",
    )
    .to_owned();
    let end = format!("/people/sign-ins/{id}/end");
    assert_eq!(ann.post(&end, &[]).status, 404);
    assert_eq!(bob.get("/people").status, 200);
    assert_eq!(
        admin.post(&end, &[]).field("Location"),
        Some("/people?done=sign-in-ended")
    );
    assert_eq!(bob.get("/people").status, 303);
    let own = number_of(
        &seen_by_ann[seen_by_ann.find("places").unwrap()..],
        "/people/sign-ins/",
        "ann",
    )
    .to_owned();
    assert_eq!(
        ann.post(&format!("/people/sign-ins/{own}/end"), &[]).status,
        303
    );
    assert_eq!(ann.get("/people").status, 303);
}

#[test]
fn a_token_is_shown_once_and_may_what_its_scope_says() {
    let lb = Appliance::start();
    let line = node("name = \"web-1\"\naddress = \"127.0.0.1:1\"");
    lb.apply(&(one_pool(lb.port(), "health_check = \"off\"", &[]) + &line));
    let mut admin = Panel::set_up(&lb);
    let metrics = token(&mut admin, "prometheus", "metrics");
    let operator = token(&mut admin, "ci", "operator");
    let page = admin.get("/people").text();
    assert!(page.contains("<b>ci</b>") && !page.contains(&operator));
    let path = "/api/v1/pools/django/nodes/web-1";
    let weigh = || Request::new("PATCH", path).with_body(r#"{"weight":3}"#);
    assert_eq!(
        by_token(&lb, &metrics, Request::get("/metrics")).status,
        200
    );
    assert_eq!(
        by_token(&lb, &metrics, Request::get("/api/v1/status")).status,
        403
    );
    assert_eq!(by_token(&lb, &metrics, weigh()).status, 403);
    let weighed = by_token(&lb, &operator, weigh());
    assert_eq!(weighed.status, 200, "{}", weighed.text());
    assert_eq!(lb.node("django", "web-1")["weight"], 3);
    assert_eq!(
        by_token(&lb, &operator, Request::new("PUT", "/api/v1/config")).status,
        403
    );
    assert_eq!(
        by_token(&lb, &operator, Request::get("/people")).status,
        401,
        "no page by token"
    );
    let audit = admin.get("/audit").text();
    assert!(
        audit.contains("token ci") && audit.contains("Changed the configuration"),
        "{audit}"
    );
    let page = admin.get("/people").text();
    let id = number_of(&page, "/people/tokens/", "ci").to_owned();
    assert_eq!(
        admin.post(&format!("/people/tokens/{id}/end"), &[]).status,
        303
    );
    assert_eq!(
        by_token(&lb, &operator, Request::get("/api/v1/status")).status,
        401
    );
}

#[test]
fn the_audit_log_tells_who_did_what_and_notices_who_alters_it() {
    let lb = Appliance::start();
    let mut admin = Panel::set_up(&lb);
    admin.with(&lb, "ann", "viewer").get("/audit");
    Panel::of(&lb).sign_in("eve", "guessing along");
    let page = admin.get("/audit").text();
    for words in [
        "Set up the appliance",
        "Added the user <b>ann</b>",
        "Signed in <b>ann</b>",
        "Asked without the role for <b>GET /audit</b>",
        "<b>eve</b>",
        "127.0.0.1",
        "as they were written",
    ] {
        assert!(page.contains(words), "{words} is not in {page}");
    }
    let database = lb.data().join("config.db");
    let sql =
        "drop trigger audit_is_never_changed; update audit set who = 'nobody' where number = 3";
    let forged = std::process::Command::new("python3")
        .args([
            "-c",
            "import sqlite3,sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])",
        ])
        .arg(database)
        .arg(sql)
        .status();
    assert!(forged.unwrap().success());
    let page = admin.get("/audit").text();
    assert!(page.contains("A row was altered"), "{page}");
    assert_eq!(page.matches("Altered, or the row before").count(), 1);
}

#[test]
fn a_node_that_is_the_admin_address_is_a_problem() {
    let lb = Appliance::start();
    for address in [
        format!("127.0.0.1:{}", lb.admin_port()),
        format!("localhost:{}", lb.admin_port()),
        "127.0.0.1:9443".to_owned(),
    ] {
        let line = node(&format!("name = \"own\"\naddress = \"{address}\""));
        let document = one_pool(lb.port(), "health_check = \"off\"", &[]) + &line;
        let refused = lb.try_apply(&document);
        assert_eq!(refused.status.code(), Some(78), "{address}");
        let told = said(&refused);
        assert!(
            told.contains("is the admin address of this program"),
            "{told}"
        );
    }
}

#[test]
fn the_process_leaves_no_core() {
    let lb = Appliance::start();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", lb.pid())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<&str> = core.unwrap().split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{words:?}");
}

#[test]
fn a_stream_ends_with_the_sign_in() {
    let lb = Appliance::start();
    let mut admin = Panel::set_up(&lb);
    let ann = admin.with(&lb, "ann", "viewer");
    let cookie = ann.cookie.clone().unwrap();
    let port = lb.admin_port();
    let ask = || {
        let mut stream = Wire::to(port);
        stream.send(format!(
            "GET /api/v1/logs/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n"
        ));
        let status = stream.head().status;
        (stream, status)
    };
    let (mut stream, status) = ask();
    assert_eq!(status, 200);
    let page = admin.get("/people").text();
    let rest = &page[page.find("places").unwrap()..];
    let id = number_of(rest, "/people/sign-ins/", "ann").to_owned();
    let ended = admin.post(&format!("/people/sign-ins/{id}/end"), &[]);
    assert_eq!(ended.status, 303);
    // It is over by itself, though nobody leaves.
    stream.rest();
    assert_eq!(ask().1, 401);
}
