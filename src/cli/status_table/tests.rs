//! What people are shown, letter by letter.

use serde_json::{Value, json};

use super::Status;

fn node(name: &str, weight: u32, share: f64) -> Value {
    json!({
        "name": name, "address": format!("192.168.1.10{weight}:8000"), "weight": weight, "share": share,
        "admin_state": "enabled", "health": "up",
        "check": {"code": "ok", "status": 200, "ms": 12, "text": "200 OK", "at": "2026-01-01T00:00:00Z"},
        "ejected_until": null, "in_flight": 0, "bound": 0, "requests": 0, "errors": 0, "drained": false
    })
}

fn site() -> Value {
    json!({
        "revision": 7, "state": "serving",
        "listeners": [{"name": "http", "address": "0.0.0.0:80", "open": true}],
        "pools": [{
            "name": "django", "policy": "least_conn", "fail_open": false, "queued": 0,
            "nodes": [node("web-1", 3, 0.5), node("web-2", 2, 1.0 / 3.0), node("web-3", 1, 1.0 / 6.0)]
        }]
    })
}

fn rendered(status: Value) -> String {
    serde_json::from_value::<Status>(status).unwrap().render()
}

#[test]
fn a_sound_site_is_one_good_sentence_and_two_tables() {
    let mut status = site();
    status["pools"][0]["nodes"][0]["requests"] = json!(12034);
    status["pools"][0]["nodes"][0]["in_flight"] = json!(2);
    assert_eq!(
        rendered(status),
        "\
All is well: revision 7 is serving.

LISTENER  ADDRESS     STATE
http      0.0.0.0:80  open

POOL django, least_conn
NODE   ADDRESS             WEIGHT  SHARE  STATE    HEALTH     IN FLIGHT  REQUESTS  ERRORS
web-1  192.168.1.103:8000       3   50 %  enabled  up, 12 ms          2     12034       0
web-2  192.168.1.102:8000       2   33 %  enabled  up, 12 ms          0         0       0
web-3  192.168.1.101:8000       1   17 %  enabled  up, 12 ms          0         0       0
"
    );
}

#[test]
fn a_node_that_is_down_is_named_first_with_its_reason() {
    let mut status = site();
    status["state"] = json!("degraded");
    let nodes = &mut status["pools"][0]["nodes"];
    nodes[1]["health"] = json!("down");
    nodes[1]["check"] = json!({"code": "refused", "status": null, "ms": 0.2,
        "text": "connection refused", "at": null});
    nodes[1]["errors"] = json!(3);
    nodes[2]["ejected_until"] = json!("2026-01-01T00:00:10Z");
    assert_eq!(
        rendered(status),
        "\
Revision 7 is serving, but django/web-2 is down; django/web-3 failed requests and rests.

LISTENER  ADDRESS     STATE
http      0.0.0.0:80  open

POOL django, least_conn
NODE   ADDRESS             WEIGHT  SHARE  STATE    HEALTH              IN FLIGHT  REQUESTS  ERRORS
web-1  192.168.1.103:8000       3   50 %  enabled  up, 12 ms                   0         0       0
web-2  192.168.1.102:8000       2   33 %  enabled  down                        0         0       3
web-3  192.168.1.101:8000       1   17 %  enabled  up, 12 ms, resting          0         0       0
web-2 is down: connection refused
"
    );
}

#[test]
fn a_pool_says_what_waits_in_it_and_that_it_fails_open() {
    let mut status = site();
    let title = |status: &Value| {
        let page = rendered(status.clone());
        let mut lines = page.lines().filter(|line| line.starts_with("POOL "));
        lines.next().unwrap().to_owned()
    };
    status["pools"][0]["queued"] = json!(1);
    let waits = "POOL django, least_conn, 1 request waits for a node with room";
    assert_eq!(title(&status), waits);
    status["pools"][0]["queued"] = json!(12);
    status["pools"][0]["fail_open"] = json!(true);
    assert_eq!(
        title(&status),
        "POOL django, least_conn, 12 requests wait for a node with room, \
         fails open: no enabled node is well, so all of them are asked"
    );
}

#[test]
fn a_node_that_flaps_or_whose_name_is_not_found_says_so() {
    let mut status = site();
    let nodes = &mut status["pools"][0]["nodes"];
    nodes[0]["check"]["needs_rise"] = json!(4);
    nodes[1]["lookup"] = json!({"cause": "name_not_found", "text": "not found; last ones stay", "keeps_addresses": true});
    let page = rendered(status);
    let end =
        "web-1 flaps and needs 4 passes in a row to be up\nweb-2: not found; last ones stay\n";
    assert!(page.ends_with(end), "{page}");
    let first = "Revision 7 is serving, but the name of django/web-2 is not found.\n";
    assert!(page.starts_with(first), "{page}");
}

fn headline(status: Value) -> String {
    rendered(status).lines().next().unwrap().to_owned()
}

#[test]
fn what_the_operator_wants_is_no_trouble() {
    let mut status = site();
    let nodes = &mut status["pools"][0]["nodes"];
    nodes[0]["admin_state"] = json!("draining");
    nodes[0]["drained"] = json!(true);
    nodes[1]["admin_state"] = json!("disabled");
    nodes[1]["health"] = json!("down");
    assert_eq!(
        headline(status),
        "All is well: revision 7 is serving; django/web-1 is drained, django/web-2 is disabled."
    );
}

#[test]
fn the_headline_says_what_is_not_well() {
    let mut status = site();
    status["state"] = json!("degraded");
    status["reasons"] = json!(["listener http is not open on 0.0.0.0:80"]);
    for node in status["pools"][0]["nodes"].as_array_mut().unwrap() {
        node["health"] = json!("down");
    }
    assert_eq!(
        headline(status),
        "Revision 7 is serving, but listener http is not open on 0.0.0.0:80; \
         django/web-1 is down; django/web-2 is down; and 1 more."
    );
    assert_eq!(
        headline(json!({"revision": 0, "state": "setup"})),
        "Nothing is configured yet: `steelyard apply FILE` makes it so."
    );
    assert_eq!(
        headline(json!({"revision": 3, "state": "stopped"})),
        "Steelyard is stopped; revision 3 starts serving when it starts."
    );
    assert_eq!(
        headline(json!({"revision": 3, "state": "stopped", "reasons": ["config.db is missing"]})),
        "Steelyard is stopped; revision 3 starts serving when it starts, but config.db is missing."
    );
}

#[test]
fn the_session_store_has_a_line() {
    let mut status = site();
    status["pools"] = json!([]);
    status["sessions"] = json!({
        "address": "127.0.0.1:6379", "open": true, "store": "memory", "connections": 4,
        "memory": 3_300_000, "max_memory": 268_435_456, "writable": true,
        "databases": [{"index": 0, "name": null, "keys": 12000}, {"index": 1, "name": "shop", "keys": 345}]
    });
    assert_eq!(
        rendered(status),
        "\
All is well: revision 7 is serving.

LISTENER  ADDRESS     STATE
http      0.0.0.0:80  open

SESSIONS  ADDRESS         STATE   KEYS                MEMORY  CONNECTIONS
memory    127.0.0.1:6379  open   12345  3.1 MiB of 256.0 MiB            4
"
    );
}

#[test]
fn a_redis_that_does_not_answer_stands_in_the_line_of_the_session_store() {
    let mut status = site();
    status["pools"] = json!([]);
    status["sessions"] = json!({
        "address": "127.0.0.1:6379", "open": true, "store": "redis", "connections": 4,
        "memory": 0, "max_memory": 0, "writable": false, "databases": [{"index": 0, "keys": 0}]
    });
    let text = rendered(status);
    let expected = "\
SESSIONS  ADDRESS         STATE      KEYS   MEMORY  CONNECTIONS
redis     127.0.0.1:6379  no answer     0  0.0 MiB            4
";
    assert!(text.ends_with(expected), "{text}");
}
