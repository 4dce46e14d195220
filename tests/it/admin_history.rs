//! The history in the panel and the API: what changed, in words; going back, taking back.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request, Response};
use crate::support::disk::SmallDisk;
use crate::support::document::{listener, one_pool, pool, route, site};
use crate::support::node::{Node, lines};
use crate::support::panel::Panel;
use crate::support::ports::Port;

const OFF: &str = "health_check = \"off\"";

/// A running one with three nodes of these weights, and its admin.
fn set_up(nodes: &[Node; 3], weights: [u32; 3]) -> (Appliance, Panel) {
    let lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), OFF, &lines(nodes, weights)));
    let admin = Panel::set_up(&lb);
    (lb, admin)
}

fn weigh(lb: &Appliance, node: &str, weight: u32) {
    lb.runs(&[
        "node",
        "weight",
        &format!("django/{node}"),
        &weight.to_string(),
    ]);
}

fn undo(panel: &mut Panel, revision: &str, next: &str) -> Response {
    panel.post("/history/undo", &[("revision", revision), ("next", next)])
}

#[track_caller]
fn holds(page: &Response, all: &[&str]) {
    let text = page.text();
    for words in all {
        assert!(text.contains(words), "{words} is not in {text}");
    }
}

fn names(nodes: &[Node; 3]) -> [&str; 3] {
    [nodes[0].name(), nodes[1].name(), nodes[2].name()]
}

#[test]
fn every_change_is_told_in_words_with_who_and_from_where_in_both_languages() {
    let nodes = Node::three();
    let (lb, mut admin) = set_up(&nodes, [1, 1, 1]);
    let [one, ..] = names(&nodes);
    weigh(&lb, one, 4);
    let token = {
        let page = admin.post("/people/tokens", &[("name", "ci"), ("scope", "operator")]);
        let page = page.text();
        let start = page.find("steelyard_").unwrap();
        page[start..start + 53].to_owned()
    };
    let patch = Request::new("PATCH", &format!("/api/v1/pools/django/nodes/{one}"))
        .field("Authorization", &format!("Bearer {token}"))
        .with_body(r#"{"state":"draining"}"#);
    assert_eq!(Client::of(lb.admin_port()).ask(&patch).status, 200);
    let undone = undo(&mut admin, "3", "/history");
    assert_eq!(undone.field("Location"), Some("/history?changed=4"));
    let page = admin.get("/history?changed=4");
    holds(
        &page,
        &[
            "Pool django added, 3 nodes and 1 more",
            &format!("Weight of {one}: 1 → 4"),
            &format!("{one} is draining"),
            &format!("Undid revision 3: {one} is on"),
            "API token, 127.0.0.1",
            "command line",
            "panel, 127.0.0.1",
            "In force",
            "Today",
            &format!("<p>{one} is on</p>"),
        ],
    );
    admin.post(
        "/preferences",
        &[("language", "zh-CN"), ("next", "/history")],
    );
    let page = admin.get("/history");
    holds(
        &page,
        &[
            "新增节点池 django，3 个节点，另有 1 处更改",
            "另有 1 处更改",
            &format!("{one} 的权重：1 → 4"),
            &format!("{one} 正在排空"),
            &format!("撤销版本 3：{one} 已启用"),
            "API 令牌，127.0.0.1",
            "生效中",
        ],
    );
    let diff = admin.get("/history/compare?from=1&to=2");
    holds(&diff, &["版本 1 → 2", "pools.django.nodes", "的权重"]);
}

#[test]
fn the_preview_is_what_then_happens_and_no_request_feels_it() {
    let nodes = Node::three();
    let (lb, mut admin) = set_up(&nodes, [1, 1, 1]);
    let first = lb.export();
    let mut document = one_pool(lb.port(), OFF, &lines(&nodes, [5, 2, 1])[..2]);
    document += &site(
        "all",
        &route("/", "django", "headers = { \"X-A\" = \"b\" }"),
    );
    lb.apply(&document);
    let asked = admin.get("/history/1/rollback");
    let [one, _, three] = names(&nodes);
    holds(
        &asked,
        &[
            "Roll back to revision 1?",
            &format!("Weight of {one}"),
            &format!("node {three} of pool django"),
            "site all",
            "name=\"revision\" value=\"2\"",
        ],
    );
    assert_eq!(lb.status()["revision"], 2);
    let (over, requests) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = Client::of(lb.port());
                while !over.load(Ordering::SeqCst) {
                    assert_eq!(client.ask(&Request::get("/")).status, 200);
                    requests.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for turn in 0..20 {
            let to = 1 + turn % 2;
            let now = lb.status()["revision"].to_string();
            let path = format!("/history/{to}/rollback");
            let done = admin.post(&path, &[("revision", &now)]);
            let place = format!("/history?changed={}", turn + 3);
            assert_eq!(
                done.field("Location"),
                Some(place.as_str()),
                "{}",
                done.text()
            );
        }
        over.store(true, Ordering::SeqCst);
    });
    assert!(requests.load(Ordering::SeqCst) > 20);
    let now = lb.status()["revision"].to_string();
    admin.post("/history/1/rollback", &[("revision", &now)]);
    let body = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    assert_eq!(body(&lb.export()), body(&first));
    holds(&admin.get("/history"), &["Rolled back to revision 1: "]);
    holds(
        &admin.get("/history/1/rollback"),
        &["There is nothing to do."],
    );
    holds(&admin.get("/audit"), &["Changed the configuration"]);
}

#[test]
fn a_preview_that_is_stale_or_refused_changes_nothing_and_says_so() {
    let nodes = Node::three();
    let (lb, mut admin) = set_up(&nodes, [1, 1, 1]);
    let port = Port::free();
    let second = format!(
        "\n[[listeners]]\nname = \"more\"\naddress = \"127.0.0.1:{}\"\n",
        port.number()
    );
    let keys = lines(&nodes, [1, 1, 1]);
    lb.apply(&(listener(lb.port()) + &second + &pool("django", OFF, &keys)));
    lb.apply(&one_pool(lb.port(), OFF, &keys));
    let stale = admin.post("/history/1/rollback", &[("revision", "2")]);
    assert_eq!(stale.status, 409);
    holds(&stale, &["was changed meanwhile"]);
    let taken = TcpListener::bind(("127.0.0.1", port.number())).unwrap();
    for refused in [
        admin.get("/history/2/rollback"),
        admin.post("/history/2/rollback", &[("revision", "3")]),
    ] {
        holds(
            &refused,
            &[
                "cannot be put in force now",
                "Listener more",
                &port.number().to_string(),
            ][..1],
        );
        holds(&refused, &[&format!("127.0.0.1:{}", port.number())]);
        assert!(!refused.text().contains("btn go"), "no button for it");
    }
    assert_eq!(lb.status()["revision"], 3);
    assert_eq!(lb.get("/").status, 200);
    drop(taken);
    let done = admin.post("/history/2/rollback", &[("revision", "3")]);
    assert_eq!(done.status, 303, "{}", done.text());
    assert_eq!(admin.post("/history/2/rollback", &[]).status, 400);
    for (path, status) in [
        ("/history/99", 404),
        ("/history/99/rollback", 404),
        ("/history/none", 404),
        ("/history/compare?from=1&to=77", 404),
        ("/history/compare?from=a", 303),
        ("/history?before=x", 200),
        ("/history?before=1", 200),
    ] {
        assert_eq!(admin.get(path).status, status, "{path}");
    }
}

#[test]
fn undo_takes_back_one_change_once_and_refuses_what_was_touched_since() {
    let nodes = Node::three();
    let (lb, mut admin) = set_up(&nodes, [1, 1, 1]);
    let [one, two, _] = names(&nodes);
    weigh(&lb, one, 4);
    weigh(&lb, two, 6);
    let done = undo(&mut admin, "2", "https://evil.example/");
    assert_eq!(done.field("Location"), Some("/history?changed=4"));
    assert_eq!(lb.node("django", one)["weight"], 1);
    assert_eq!(lb.node("django", two)["weight"], 6);
    let twice = undo(&mut admin, "2", "/nodes");
    assert_eq!(twice.status, 409);
    holds(
        &twice,
        &["Revision 2 was not undone", "It was undone already"],
    );
    weigh(&lb, two, 7);
    let touched = undo(&mut admin, "3", "/nodes");
    assert_eq!(touched.status, 409);
    holds(
        &touched,
        &[
            "changed again since",
            &format!("Weight of {two}"),
            "<td role=\"cell\" class=\"is\">7",
        ],
    );
    assert_eq!(undo(&mut admin, "seven", "/").status, 400);
    assert_eq!(undo(&mut admin, "99", "/").status, 404);
}

#[test]
fn who_may_go_back_and_who_may_only_undo_weights() {
    let nodes = Node::three();
    let (lb, mut admin) = set_up(&nodes, [1, 1, 1]);
    let [one, ..] = names(&nodes);
    weigh(&lb, one, 4);
    lb.apply(&format!(
        "{}\n[logs]\nlevel = \"debug\"\n",
        one_pool(lb.port(), OFF, &lines(&nodes, [4, 1, 1]))
    ));
    let mut viewer = admin.with(&lb, "vera", "viewer");
    let mut operator = admin.with(&lb, "otto", "operator");
    let page = viewer.get("/history").text();
    assert!(
        !page.contains("/rollback") && !page.contains("action=\"/history/undo\""),
        "{page}"
    );
    assert_eq!(undo(&mut viewer, "2", "/").status, 403);
    let page = operator.get("/history").text();
    assert_eq!(
        page.matches("action=\"/history/undo\"").count(),
        1,
        "{page}"
    );
    assert!(!page.contains("/rollback"));
    assert_eq!(operator.get("/history/1/rollback").status, 403);
    assert_eq!(
        operator
            .post("/history/1/rollback", &[("revision", "3")])
            .status,
        403
    );
    let refused = undo(&mut operator, "3", "/");
    assert_eq!(refused.status, 403);
    holds(&refused, &["ask an admin"]);
    assert_eq!(undo(&mut operator, "2", "/").status, 303);
    assert_eq!(lb.node("django", one)["weight"], 1);
}

#[test]
fn names_and_values_are_text_and_secrets_are_nowhere() {
    let nodes = Node::three();
    let (lb, mut admin) = set_up(&nodes, [1, 1, 1]);
    let hostile = "<script>alert(1)</script>\u{202e}";
    let header = route("/", "django", "headers = { X-Shop = '<b>shop</b>' }");
    let document = one_pool(lb.port(), OFF, &lines(&nodes, [1, 1, 1])) + &site("all", &header);
    let secret = "\n[settings]\naffinity_secret = \"open sesame\"\n";
    lb.apply(&(document + secret));
    let author = std::process::Command::new("curl")
        .args(["-sS", "--unix-socket"])
        .arg(lb.data().join("control.sock"))
        .args([
            "-X",
            "PATCH",
            "-H",
            "Content-Type: application/json",
            "-H",
            &format!(
                "X-Steelyard-Author: {}",
                hostile.trim_end_matches('\u{202e}')
            ),
        ])
        .args([
            "-d",
            "{\"weight\":9}",
            &format!(
                "http://localhost/api/v1/pools/django/nodes/{}",
                nodes[0].name()
            ),
        ])
        .status();
    assert!(author.unwrap().success());
    for path in [
        "/history",
        "/history/2",
        "/history/3",
        "/history/compare?from=1&to=3",
        "/history/1/rollback",
    ] {
        let page = admin.get(path);
        assert_eq!(page.status, 200, "{path}");
        let page = page.text();
        assert!(
            !page.contains("<script>alert") && !page.contains("<b>shop"),
            "{path}: {page}"
        );
        assert!(!page.contains("sesame"), "{path}");
    }
    holds(&admin.get("/history"), &["&#60;script&#62;alert"]);
    let back = admin.get("/history/1/rollback");
    holds(
        &back,
        &["stay as they are now: key of session affinity cookies"],
    );
    admin.post("/history/1/rollback", &[("revision", "3")]);
    assert_eq!(lb.status()["state"], "serving");
    assert!(!lb.log().contains("sesame"));
}

#[test]
fn a_full_disk_refuses_going_back_and_serving_goes_on() {
    let mut lb = Appliance::prepared();
    let Some(disk) = SmallDisk::mount(lb.data()) else {
        return;
    };
    lb.expect_errors();
    lb.restart();
    let nodes = Node::three();
    let document = |weight| {
        let text = one_pool(lb.port(), OFF, &lines(&nodes, [weight, 1, 1]));
        text + "\n[logs]\nfile = \"\"\nstore = { on = false }\n"
    };
    lb.apply(&document(1));
    let mut admin = Panel::set_up(&lb);
    lb.apply(&document(2));
    disk.fill();
    assert_eq!(admin.get("/history").status, 200);
    assert_eq!(admin.get("/history/1/rollback").status, 200);
    let refused = undo(&mut admin, "2", "/history");
    assert_eq!(refused.status, 503, "{}", refused.text());
    holds(&refused, &["Requests are served on as before"]);
    assert_eq!(lb.get("/").status, 200);
    assert_eq!(lb.node("django", nodes[0].name())["weight"], 2);
    disk.free();
    assert_eq!(undo(&mut admin, "2", "/history").status, 303);
    lb.kill9();
}

#[test]
fn the_api_tells_and_does_the_same() {
    let nodes = Node::three();
    let (lb, mut admin) = set_up(&nodes, [1, 1, 1]);
    let [one, ..] = names(&nodes);
    let first = lb.export();
    weigh(&lb, one, 4);
    let list = admin.get("/api/v1/revisions?limit=1").json();
    assert_eq!(list["revisions"][0]["revision"], 2);
    assert_eq!(list["revisions"][0]["changes"][0]["after"], 4);
    assert_eq!((&list["before"], &list["oldest"]), (&2.into(), &1.into()));
    let older = admin.get("/api/v1/revisions?before=2").json();
    assert_eq!(older["revisions"][0]["revision"], 1);
    assert!(older["before"].is_null());
    let toml = admin.get("/api/v1/revisions/1?format=toml");
    assert_eq!(toml.text().trim_end(), first.trim_end());
    let one_of = admin.get("/api/v1/revisions/1").json();
    assert_eq!(one_of["config"]["pools"][0]["name"], "django");
    let diff = admin.get("/api/v1/revisions/1/diff?with=2").json();
    assert_eq!(diff["changes"][0]["after"], 1);
    let trial = admin
        .post("/api/v1/revisions/1/rollback?dry_run=true", &[])
        .json();
    assert_eq!(
        (&trial["dry_run"], &trial["revision"]),
        (&true.into(), &2.into())
    );
    let done = admin.post("/api/v1/revisions/1/rollback", &[]).json();
    assert_eq!(
        (&done["revision"], &done["changes"]),
        (&3.into(), &trial["changes"])
    );
    assert_eq!(
        admin.post("/api/v1/revisions/3/undo", &[]).json()["revision"],
        4
    );
    for (path, status) in [
        ("/api/v1/revisions/3/undo", 409),
        ("/api/v1/revisions/0/undo", 404),
        ("/api/v1/revisions/x/undo", 400),
        ("/api/v1/revisions/9/rollback", 404),
        ("/api/v1/revisions/1/rollback?dry_run=maybe", 400),
    ] {
        assert_eq!(admin.post(path, &[]).status, status, "{path}");
    }
    for path in [
        "/api/v1/revisions?limit=0",
        "/api/v1/revisions?limit=1000",
        "/api/v1/revisions?before=-1",
    ] {
        assert_eq!(admin.get(path).status, 400, "{path}");
    }
    let origin = format!("http://127.0.0.1:{}", lb.admin_port());
    let stale = Request::post("/api/v1/revisions/1/rollback", "")
        .field("Origin", &origin)
        .field("If-Match", "\"2\"");
    assert_eq!(admin.send(stale).status, 412);
}
