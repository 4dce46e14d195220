//! People by the API: users, sign-ins, tokens and the audit log.

use serde_json::{Value, json};

use crate::support::appliance::Appliance;
use crate::support::client::Request;
use crate::support::panel::{PASSWORD, Panel};
use crate::support::program::Program;

#[test]
fn users_are_added_changed_and_removed_by_the_api() {
    let lb = Appliance::start();
    let api = Program::admin(&lb, &mut Panel::set_up(&lb));
    let ann = json!({ "name": "Ann Lee", "password": PASSWORD, "role": "viewer" });
    let added = api.send("POST", "/users", Some(ann.clone()));
    assert_eq!(added.status, 201, "{}", added.text());
    let place = added.field("Location").unwrap().to_owned();
    let place = place.strip_prefix("/api/v1").unwrap();
    assert_eq!(added.json(), api.get(place));
    assert_eq!(api.get("/users")["users"][1]["name"], "Ann Lee");
    assert!(!added.text().contains("password") && !added.text().contains("argon2"));

    let mut browser = Panel::of(&lb);
    assert_eq!(browser.sign_in("ann lee", PASSWORD).status, 303);
    assert_eq!(browser.get("/audit").status, 403);
    let role = api.send("PATCH", place, Some(json!({ "role": "admin" })));
    assert_eq!((role.status, &role.json()["role"]), (200, &json!("admin")));
    assert_eq!(browser.get("/audit").status, 200, "at once");

    let twice = api.send("POST", "/users", Some(ann));
    assert_eq!(twice.status, 409, "{}", twice.text());
    let new = json!({ "password": "swings back to level" });
    let set = api.send("PUT", &format!("{place}/password"), Some(new));
    assert_eq!((set.status, &*set.text()), (204, ""));
    assert_eq!(browser.get("/audit").status, 303, "signed out");
    assert_eq!(
        browser.sign_in("Ann Lee", "swings back to level").status,
        303
    );

    assert_eq!(api.send("DELETE", place, None).status, 204);
    assert_eq!(browser.get("/people").status, 303, "signed out at once");
    assert_eq!(api.send("GET", place, None).status, 404);
    assert_eq!(api.send("DELETE", place, None).status, 404);
    let last = api.send("DELETE", "/users/1", None);
    assert_eq!(last.status, 409, "the last admin stays");
    let last = api.send("PATCH", "/users/1", Some(json!({ "role": "viewer" })));
    assert_eq!(last.status, 409);
}

#[test]
fn what_is_wrong_with_a_user_is_told_by_its_field_and_nothing_is_done() {
    let lb = Appliance::start();
    let api = Program::admin(&lb, &mut Panel::set_up(&lb));
    for (body, fields) in [
        (json!({}), vec!["name", "password", "role"]),
        (
            json!({ "name": "a", "password": PASSWORD, "role": "root" }),
            vec!["role"],
        ),
        (
            json!({ "name": "<b>", "password": PASSWORD, "role": "viewer" }),
            vec!["name"],
        ),
        (
            json!({ "name": "bob", "password": "password1", "role": "viewer" }),
            vec!["password"],
        ),
        (
            json!({ "name": "bob", "password": PASSWORD, "role": "viewer", "admin": true }),
            vec!["admin"],
        ),
    ] {
        let refused = api.send("POST", "/users", Some(body.clone()));
        assert_eq!(refused.status, 422, "{body}: {}", refused.text());
        let problems = refused.json();
        let problems = problems["problems"].as_array().unwrap().iter();
        let told: Vec<&str> = problems.map(|p| p["field"].as_str().unwrap()).collect();
        assert_eq!(told, fields, "{body}");
    }
    assert_eq!(api.get("/users")["users"].as_array().unwrap().len(), 1);
    for (path, status) in [
        ("/users/x", 404),
        ("/users/99", 404),
        ("/users/1/nothing", 404),
    ] {
        assert_eq!(api.send("GET", path, None).status, status, "{path}");
    }
}

#[test]
fn whoever_finds_a_browser_signed_in_gives_nobody_another_password() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let origin = format!("http://127.0.0.1:{}", lb.admin_port());
    let set = |panel: &mut Panel, body: Value| {
        let request = Request::new("PUT", "/api/v1/users/1/password")
            .with_body(body.to_string())
            .field("Content-Type", "application/json");
        panel.send(request.field("Origin", &origin)).status
    };
    let new = "swings back to level";
    assert_eq!(set(&mut panel, json!({ "password": new })), 422);
    let guessed = json!({ "password": new, "current": "what is it" });
    assert_eq!(set(&mut panel, guessed.clone()), 422);
    assert_eq!(
        set(&mut panel, json!({ "password": new, "current": PASSWORD })),
        204
    );
    assert_eq!(set(&mut panel, guessed), 401, "signed out everywhere");
}

#[test]
fn sign_ins_are_listed_and_ended_by_the_api_for_those_whose_they_are() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let api = Program::admin(&lb, &mut panel);
    let mut ann = panel.with(&lb, "ann", "viewer");
    let own = ann.get("/api/v1/sign-ins").json();
    let own = own["sign_ins"].as_array().unwrap().clone();
    assert_eq!(own.len(), 1, "one's own");
    assert_eq!(
        (&own[0]["user"], &own[0]["is_this"]),
        (&json!("ann"), &json!(true))
    );
    let all = api.get("/sign-ins");
    assert_eq!(all["sign_ins"].as_array().unwrap().len(), 2, "{all}");
    let viewer = api.with("dashboard", "viewer");
    assert_eq!(viewer.get("/sign-ins"), json!({ "sign_ins": [] }));
    let place = format!("/sign-ins/{}", own[0]["id"]);
    assert_eq!(viewer.send("DELETE", &place, None).status, 404);
    assert_eq!(ann.get("/people").status, 200);
    assert_eq!(api.send("DELETE", &place, None).status, 204);
    assert_eq!(ann.get("/people").status, 303);
    assert_eq!(api.send("DELETE", &place, None).status, 404);
}

#[test]
fn a_token_made_by_the_api_is_shown_once_and_ends() {
    let lb = Appliance::start();
    let api = Program::admin(&lb, &mut Panel::set_up(&lb));
    let viewer = api.with("dashboard", "viewer");
    assert_eq!(viewer.send("GET", "/status", None).status, 200);
    assert_eq!(viewer.send("GET", "/tokens", None).status, 403);
    let all = api.get("/tokens");
    assert!(!all.to_string().contains("steelyard_"), "{all}");
    let made = &all["tokens"][0];
    assert_eq!(
        (&made["name"], &made["scope"]),
        (&json!("dashboard"), &json!("viewer"))
    );
    assert_eq!(made["made_by"], "token root");
    let bad = api.send(
        "POST",
        "/tokens",
        Some(json!({ "name": "a\nb", "scope": "viewer" })),
    );
    assert_eq!(bad.status, 422);
    let twice = json!({ "name": "dashboard", "scope": "viewer" });
    assert_eq!(api.send("POST", "/tokens", Some(twice)).status, 409);
    let place = format!("/tokens/{}", made["id"]);
    assert_eq!(api.send("DELETE", &place, None).status, 204);
    assert_eq!(viewer.send("GET", "/status", None).status, 401);
}

#[test]
fn the_audit_log_is_read_page_by_page_to_its_beginning() {
    let lb = Appliance::start();
    let api = Program::admin(&lb, &mut Panel::set_up(&lb));
    api.with("ci", "viewer").send("GET", "/audit", None);
    let whole = api.get("/audit");
    let rows = whole["rows"].as_array().unwrap();
    assert_eq!(whole["next"], Value::Null);
    assert!(rows.iter().all(|row| row["is_whole"] == true), "{whole}");
    assert_eq!(
        (&rows[0]["action"], &rows[0]["outcome"]),
        (&json!("forbidden"), &json!("refused"))
    );
    let mut paged = Vec::new();
    let mut next = String::new();
    loop {
        let page = api.get(&format!("/audit?limit=2{next}"));
        paged.extend(page["rows"].as_array().unwrap().iter().cloned());
        let Some(before) = page["next"].as_i64() else {
            break;
        };
        next = format!("&before={before}");
    }
    assert_eq!(&paged, rows);
    for bad in ["limit=0", "limit=201", "before=x", "before=0"] {
        assert_eq!(
            api.send("GET", &format!("/audit?{bad}"), None).status,
            400,
            "{bad}"
        );
    }
}

#[test]
fn a_way_that_a_url_is_not_asked_is_answered_by_the_ways_that_it_is() {
    let lb = Appliance::start();
    let api = Program::admin(&lb, &mut Panel::set_up(&lb));
    let refused = api.send("POST", "/config", None);
    assert_eq!(
        (refused.status, refused.field("Allow")),
        (405, Some("GET, HEAD, PUT"))
    );
    let refused = api.send("TRACE", "/users/1", None);
    assert_eq!(refused.field("Allow"), Some("GET, HEAD, PATCH, DELETE"));
    assert!(refused.json()["error"].is_string());
}
