//! Bodies of two gibibytes in bounded memory.

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request};
use crate::support::document::{listener, pool, route, site};
use crate::support::node::{Answer, Node};
use crate::support::pattern::Checker;

const LENGTH: u64 = 2 * 1024 * 1024 * 1024;

/// The growth allowed, in KiB.
const GROWTH: u64 = 64 * 1024;

fn node() -> Node {
    Node::scripted("web-1", |request| match request.method() {
        "POST" => {
            let Checker { length, wrong_at } = &request.pattern;
            Answer::text(&format!("{length} {wrong_at:?}"))
        }
        _ if request.target() == "/big" => Answer::Download(LENGTH),
        _ => Answer::text("small"),
    })
}

fn unlimited(node: &Node) -> Appliance {
    let lb = Appliance::start();
    let document = listener(lb.port())
        + &pool("django", "", &[node.line(1)])
        + &site("all", &route("/", "django", "body_limit = 0"));
    lb.apply(&document);
    // What the first request of all costs is not growth.
    assert_eq!(lb.get("/").text(), "small");
    lb
}

fn grew_little(lb: &Appliance, before: u64) {
    let growth = lb.peak().saturating_sub(before);
    assert!(growth < GROWTH, "grew by {growth} KiB");
}

#[test]
fn an_upload_of_two_gibibytes_keeps_the_process_small() {
    let node = node();
    let lb = unlimited(&node);
    let before = lb.resident();
    let answer = lb.ask(&Request::post_pattern("/", LENGTH));
    assert_eq!(answer.text(), format!("{LENGTH} None"));
    grew_little(&lb, before);
}

#[test]
fn a_download_of_two_gibibytes_keeps_the_process_small() {
    let node = node();
    let lb = unlimited(&node);
    let before = lb.resident();
    let mut seen = Checker::default();
    let mut client = Client::of(lb.port());
    let answer = client.send_and_check(&Request::get("/big"), &mut seen);
    assert_eq!(answer.unwrap().status, 200);
    let whole = Checker {
        length: LENGTH,
        wrong_at: None,
    };
    assert_eq!(seen, whole);
    grew_little(&lb, before);
}

#[test]
fn a_body_over_the_limit_is_refused_before_the_node_sees_it() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    let document = listener(lb.port())
        + &pool("django", "", &[node.line(1)])
        + &site("all", &route("/", "django", "body_limit = \"1k\""));
    lb.apply(&document);
    assert_eq!(lb.ask(&Request::post("/", vec![b'x'; 1024])).status, 200);
    let refused = lb.ask(&Request::post("/", vec![b'x'; 1025]));
    assert_eq!(
        (refused.status, refused.reason()),
        (413, Some("body_too_large"))
    );
    assert_eq!(node.requests().len(), 1);
    // Its length is not known beforehand: it ends on the way.
    let chunk = [b'x'; 700];
    let refused = lb.ask(&Request::post_chunked("/", &[&chunk, &chunk]));
    assert_eq!(
        (refused.status, refused.reason()),
        (413, Some("body_too_large"))
    );
    assert!(
        node.requests().len() == 1,
        "a cut body was taken for a whole one"
    );
}
