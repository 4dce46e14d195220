//! Parts of the configuration by the API: read, put, changed, removed, tried.

use serde_json::{Value, json};

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request, Response};
use crate::support::document::{node, one_pool};
use crate::support::panel::Panel;
use crate::support::program::Program;

fn served(lb: &Appliance) {
    let line = node("name = \"web-1\"\naddress = \"127.0.0.1:1\"");
    let site = "[[sites]]\nname = \"main\"\n[[sites.routes]]\npath = \"/\"\npool = \"django\"\n";
    lb.apply(&(one_pool(lb.port(), "health_check = \"off\"", &[]) + &line + site));
}

fn tag(answer: &Response) -> u64 {
    let tag = answer.field("ETag").expect("an ETag");
    tag.trim_matches('"').parse().unwrap()
}

#[test]
fn what_is_read_tells_the_revision_that_a_change_may_be_made_from() {
    let lb = Appliance::start();
    served(&lb);
    let api = Program::admin(&lb, &mut Panel::set_up(&lb));
    let revision = lb.status()["revision"].as_u64().unwrap();
    for path in [
        "/config",
        "/pools",
        "/pools/django",
        "/pools/django/nodes",
        "/pools/django/nodes/web-1",
        "/listeners",
        "/sites",
        "/webhooks",
        "/certificates",
        "/config/settings",
        "/config/admin",
        "/config/logs",
    ] {
        let answer = api.send("GET", path, None);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(tag(&answer), revision, "{path}");
    }
    let from = |tag: u64| {
        let weigh = json!({ "weight": 7 }).to_string();
        let request = Request::new("PATCH", "/api/v1/pools/django/nodes/web-1")
            .with_body(weigh)
            .field("Authorization", &format!("Bearer {}", api.token))
            .field("If-Match", &format!("\"{tag}\""));
        Client::of(lb.admin_port()).ask(&request)
    };
    let done = from(revision);
    assert_eq!((done.status, tag(&done)), (200, revision + 1));
    let stale = from(revision);
    assert_eq!(
        (stale.status, &stale.json()["revision"]),
        (412, &json!(revision + 1))
    );
    assert_eq!(lb.node("django", "web-1")["weight"], 7);
}

#[track_caller]
fn ok(api: &Program<'_>, (method, path): (&str, &str), body: Option<Value>, status: u16) -> Value {
    let answer = api.send(method, path, body);
    assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
    let revision = api.get("/status")["revision"].as_u64().unwrap();
    assert_eq!(tag(&answer), revision, "{method} {path}");
    match status {
        204 => json!(null),
        _ => answer.json(),
    }
}

#[test]
fn a_part_is_made_changed_and_removed_by_its_name() {
    let lb = Appliance::start();
    served(&lb);
    let api = Program::admin(&lb, &mut Panel::set_up(&lb));
    let pool = json!({ "policy": "least_conn", "nodes": [{ "address": "127.0.0.1:2" }] });
    ok(&api, ("PUT", "/pools/api"), Some(pool.clone()), 201);
    let again = ok(&api, ("PUT", "/pools/api"), Some(pool), 200);
    assert_eq!(again["changed"], false, "{again}");
    let node = json!({ "address": "127.0.0.1:3", "weight": 2 });
    ok(
        &api,
        ("PUT", "/pools/api/nodes/web-9"),
        Some(node.clone()),
        201,
    );
    let patch = json!({ "policy": null, "read_timeout": "5s" });
    ok(&api, ("PATCH", "/pools/api"), Some(patch), 200);
    let read = api.get("/pools/api");
    assert_eq!(
        read,
        json!({ "name": "api", "read_timeout": "5s", "nodes": [
            { "address": "127.0.0.1:2" }, { "name": "web-9", "address": "127.0.0.1:3", "weight": 2 },
        ] })
    );
    ok(&api, ("DELETE", "/pools/api/nodes/web-9"), None, 204);
    for (method, path, body) in [
        ("GET", "/pools/api/nodes/web-9", None),
        ("DELETE", "/pools/api/nodes/web-9", None),
        ("PATCH", "/pools/none", Some(json!({}))),
        ("PUT", "/pools/none/nodes/a", Some(node)),
    ] {
        assert_eq!(api.send(method, path, body).status, 404, "{method} {path}");
    }
    ok(&api, ("DELETE", "/pools/api"), None, 204);
    assert_eq!(api.get("/pools")["pools"].as_array().unwrap().len(), 1);
    let audit = api.get("/audit");
    assert_eq!(audit["rows"][0]["action"], "change", "{audit}");
    assert_eq!(audit["rows"][0]["who"], "token root");
}

#[test]
fn routes_go_by_their_paths_and_sections_back_to_their_defaults() {
    let lb = Appliance::start();
    served(&lb);
    let api = Program::admin(&lb, &mut Panel::set_up(&lb));
    let site = json!({ "hosts": ["shop.example.com"] });
    ok(&api, ("PUT", "/sites/shop"), Some(site), 201);
    let there = "/sites/shop/routes/%2Fstatic%2F";
    let route = json!({ "pool": "django" });
    ok(&api, ("PUT", there), Some(route), 201);
    assert_eq!(
        api.get(there),
        json!({ "path": "/static/", "pool": "django" })
    );
    assert_eq!(
        api.get("/sites/shop/routes")["routes"][0]["path"],
        "/static/"
    );
    let exact = "/sites/shop/routes/=%2Fping";
    ok(
        &api,
        ("PUT", exact),
        Some(json!({ "respond": { "body": "ok" } })),
        201,
    );
    assert_eq!(api.get(exact)["match"], "exact");
    ok(&api, ("DELETE", there), None, 204);
    ok(&api, ("DELETE", "/sites/shop"), None, 204);
    let grace = json!({ "shutdown_grace": "3s" });
    ok(
        &api,
        ("PATCH", "/config/settings"),
        Some(grace.clone()),
        200,
    );
    assert_eq!(api.get("/config/settings"), grace);
    ok(&api, ("DELETE", "/config/settings"), None, 204);
    assert_eq!(api.get("/config/settings"), json!({}));
}

#[test]
fn what_is_only_tried_changes_nothing_and_says_what_would() {
    let lb = Appliance::start();
    served(&lb);
    let api = Program::admin(&lb, &mut Panel::set_up(&lb));
    let before = lb.export();
    for (method, path, body) in [
        ("PUT", "/pools/api?dry_run=true", Some(json!({}))),
        (
            "PATCH",
            "/pools/django?dry_run=true",
            Some(json!({ "policy": "least_conn" })),
        ),
        ("DELETE", "/listeners/http?dry_run=1", None),
        (
            "PATCH",
            "/pools/django/nodes/web-1?dry_run=true",
            Some(json!({ "weight": 9 })),
        ),
        (
            "PATCH",
            "/config/logs?dry_run=true",
            Some(json!({ "format": "json" })),
        ),
    ] {
        let tried = api.send(method, path, body);
        assert_eq!(tried.status, 200, "{path}: {}", tried.text());
        let told = tried.json();
        assert_eq!(
            (&told["dry_run"], &told["changed"]),
            (&json!(true), &json!(true)),
            "{path}"
        );
        assert!(!told["changes"].as_array().unwrap().is_empty(), "{path}");
    }
    let wrong = api.send("DELETE", "/pools/django?dry_run=perhaps", None);
    assert_eq!(wrong.status, 400);
    assert_eq!(lb.export(), before);
}

#[test]
fn a_part_that_makes_no_sense_is_refused_by_its_field_and_nothing_changes() {
    let lb = Appliance::start();
    served(&lb);
    let api = Program::admin(&lb, &mut Panel::set_up(&lb));
    let before = lb.export();
    for (method, path, body, field) in [
        (
            "PATCH",
            "/pools/django",
            json!({ "policy": "fastest" }),
            "pools.django.policy",
        ),
        (
            "PATCH",
            "/pools/django",
            json!({ "name": "other" }),
            "pools.django.name",
        ),
        (
            "PUT",
            "/listeners/http",
            json!({}),
            "listeners.http.address",
        ),
        (
            "PUT",
            "/sites/shop",
            json!({ "hosts": ["a.example.com"], "routes": [{ "path": "/", "pool": "none" }] }),
            "sites.shop.routes./.pool",
        ),
        ("PUT", "/pools/a%20b", json!({}), "pools.a b.name"),
        (
            "PATCH",
            "/config/settings",
            json!({ "wrokers": 1 }),
            "settings.wrokers",
        ),
    ] {
        let refused = api.send(method, path, Some(body));
        assert_eq!(refused.status, 422, "{path}: {}", refused.text());
        assert_eq!(
            refused.json()["problems"][0]["field"],
            field,
            "{}",
            refused.text()
        );
    }
    for (body, kind, status) in [
        ("[]", "application/json", 422),
        ("{", "application/json", 422),
        ("policy = 1", "application/toml", 415),
        ("{}", "text/plain", 415),
    ] {
        let request = Request::new("PATCH", "/api/v1/pools/django")
            .with_body(body)
            .field("Authorization", &format!("Bearer {}", api.token))
            .field("Content-Type", kind);
        assert_eq!(
            Client::of(lb.admin_port()).ask(&request).status,
            status,
            "{body} {kind}"
        );
    }
    assert_eq!(lb.export(), before);
}

#[test]
fn an_operator_weighs_and_drains_and_changes_nothing_else() {
    let lb = Appliance::start();
    served(&lb);
    let api = Program::admin(&lb, &mut Panel::set_up(&lb));
    let operator = api.with("ci", "operator");
    let node = "/pools/django/nodes/web-1";
    let weigh = operator.send("PATCH", node, Some(json!({ "weight": 3 })));
    assert_eq!(weigh.status, 200, "{}", weigh.text());
    assert_eq!(operator.get(node)["weight"], 3);
    let address = json!({ "address": "127.0.0.1:4" });
    assert_eq!(
        operator.send("PATCH", node, Some(address.clone())).status,
        422
    );
    assert_eq!(operator.send("PUT", node, Some(address)).status, 403);
    assert_eq!(operator.send("DELETE", node, None).status, 403);
    assert_eq!(
        operator
            .send("PATCH", "/pools/django", Some(json!({})))
            .status,
        403
    );
}

#[test]
fn a_node_is_nowhere_that_a_cloud_tells_its_secrets() {
    let lb = Appliance::start();
    served(&lb);
    let api = Program::admin(&lb, &mut Panel::set_up(&lb));
    for address in [
        "169.254.169.254:80",
        "[fe80::1]:80",
        "[fd00:ec2::254]:80",
        "[::ffff:169.254.169.254]:80",
        "0.0.0.0:80",
    ] {
        let node = json!({ "address": address });
        let refused = api.send("PUT", "/pools/django/nodes/web-2", Some(node));
        assert_eq!(refused.status, 422, "{address}: {}", refused.text());
        let problem = &refused.json()["problems"][0];
        assert_eq!(problem["field"], "pools.django.nodes.web-2.address");
    }
    let private = json!({ "address": "10.255.255.1:8000" });
    assert_eq!(
        api.send("PUT", "/pools/django/nodes/web-2", Some(private))
            .status,
        201
    );
}

#[test]
fn a_body_of_ten_megabytes_is_told_so_and_changes_nothing() {
    let lb = Appliance::start();
    served(&lb);
    let api = Program::admin(&lb, &mut Panel::set_up(&lb));
    let before = lb.export();
    for (method, path) in [
        ("PUT", "/config"),
        ("PUT", "/pools/django"),
        ("PATCH", "/pools/django/nodes/web-1"),
        ("POST", "/users"),
    ] {
        let field = json!({ "name": "x".repeat(10 << 20) }).to_string();
        let request = Request::new(method, &format!("/api/v1{path}"))
            .with_body(field)
            .field("Authorization", &format!("Bearer {}", api.token))
            .field("Content-Type", "application/json")
            .field("Connection", "close");
        // Who sends on without reading may find the connection reset.
        if let Ok(answer) = Client::of(lb.admin_port()).send(&request) {
            assert_eq!(answer.status, 413, "{path}: {}", answer.text());
        }
    }
    assert_eq!(lb.export(), before);
    assert_eq!(api.get("/users")["users"].as_array().unwrap().len(), 1);
}
