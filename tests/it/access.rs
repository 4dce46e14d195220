//! Who may ask for what: no spelling of a path leads around the route that guards it.

use crate::support::appliance::{Appliance, write_file};
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
