//! Who may ask for what: no spelling of a path leads around the route that guards it.

use crate::support::appliance::{Appliance, write_file};
use crate::support::client::Request;
use crate::support::document::{listener, pool, route, site};
use crate::support::node::Node;

#[test]
fn an_encoded_letter_is_no_way_around_a_route() {
    let dir = tempfile::tempdir().unwrap();
    write_file(&dir.path().join("private/x"), "a secret");
    write_file(&dir.path().join("public/x"), "for all");
    let lb = Appliance::start();
    let guard = Node::answering("guard");
    let files = format!(
        "[[sites.routes]]\npath = \"/static/\"\nfiles = {{ root = {:?} }}\n\n",
        dir.path()
    );
    let routes = files + &route("/static/private/", "guards", "");
    let document =
        listener(lb.port()) + &pool("guards", "", &[guard.line(1)]) + &site("s", &routes);
    lb.apply(&document);
    assert_eq!(lb.get("/static/%70ublic/x").text(), "for all");
    for path in [
        "/static/private/x",
        "/static/%70rivate/x",
        "/static/%70%72%69%76%61%74%65/x",
        "/%73tatic/privat%65/x",
    ] {
        assert_eq!(lb.get(path).text(), "guard", "{path}");
        assert_eq!(guard.last().target(), path);
    }
    for path in [
        "/static//private/x",
        "/static/private%2Fx",
        "/static/./private/x",
        "/static/public/../private/x",
        "/static/%2e/private/x",
        "/static/%2570rivate/x",
    ] {
        let answer = lb.get(path);
        assert!(matches!(answer.status, 400 | 404), "{path}");
    }
}

const LISTS: &str =
    "allow = [\"10.0.0.0/8\", \"2001:db8::1\"]\ndeny = [\"10.6.6.6\", \"::ffff:10.7.7.7\"]\n";

/// A site for 10.0.0.0/8 with one route for all and one for 10.1.1.1, behind a trusted proxy.
fn guarded(lb: &Appliance, node: &Node) {
    let routes = route("/", "p", "")
        + &route("/open/", "p", "allow = [\"0.0.0.0/0\", \"::/0\"]")
        + &route("/admin/", "p", "allow = [\"10.1.1.1\"]");
    let site = site("s", &routes).replace("name = \"s\"\n", &format!("name = \"s\"\n{LISTS}"));
    let trusted = "[settings]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let document =
        listener(lb.port()) + trusted + &pool("p", "health_check = \"off\"", &[node.line(1)]);
    lb.apply(&(document + &site));
}

#[test]
fn a_client_is_admitted_by_its_address_behind_trusted_proxies() {
    let lb = Appliance::start();
    let node = Node::answering("node");
    guarded(&lb, &node);
    for (client, path, status) in [
        ("10.0.0.1", "/", 200),
        ("::ffff:10.0.0.1", "/", 200),
        ("2001:db8::1", "/", 200),
        ("2001:db8::2", "/", 403),
        ("1.2.3.4", "/", 403),
        ("10.6.6.6", "/", 403),
        ("10.7.7.7", "/", 403),
        ("1.2.3.4", "/open/", 200),
        ("10.6.6.6", "/open/", 403),
        ("10.0.0.1", "/admin/", 403),
        ("10.0.0.1", "/admin", 403),
        ("10.1.1.1", "/admin/", 200),
        ("10.1.1.1, 10.0.0.1", "/admin/", 403),
    ] {
        let answer = lb.ask(&Request::get(path).field("X-Forwarded-For", client));
        assert_eq!(answer.status, status, "{client} {path}");
        let reason = (status == 403).then_some("forbidden");
        assert_eq!(answer.reason(), reason, "{client} {path}");
    }
    assert_eq!(lb.get("/").status, 403);
    let nodes = node.requests().len();
    assert_eq!(nodes, 5, "a refused request reached the node");
    let shown = lb.export();
    assert!(
        shown.contains("deny = [\"10.6.6.6\", \"10.7.7.7\"]"),
        "{shown}"
    );
    assert_eq!(lb.apply(&shown)["changed"], false);
}

#[test]
fn no_spelling_of_a_path_is_a_way_around_a_list() {
    let lb = Appliance::start();
    let node = Node::answering("node");
    guarded(&lb, &node);
    for path in [
        "/%61dmin/x",
        "/admin%2Fx",
        "/admin%2fx",
        "//admin/x",
        "/./admin/x",
        "/open/../admin/x",
        "/open/%2e%2e/admin/x",
        "/open/..%2Fadmin/x",
        "/open//../admin/x",
    ] {
        let answer = lb.ask(&Request::get(path).field("X-Forwarded-For", "10.0.0.1"));
        assert_eq!(
            (answer.status, answer.reason()),
            (403, Some("forbidden")),
            "{path}"
        );
        let answer = lb.ask(&Request::get(path).field("X-Forwarded-For", "10.1.1.1"));
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(node.last().target(), path);
    }
    // Elsewhere an encoded slash is nobody's business.
    let answer = lb.ask(&Request::get("/a%2Fb").field("X-Forwarded-For", "10.0.0.1"));
    assert_eq!(answer.status, 200);
}
