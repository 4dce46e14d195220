//! What `apply` prints of two documents.

use super::super::{Op, diff};
use super::{FIRST_TASTE, config};

/// The lines printed when the first taste is changed.
fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(FIRST_TASTE.contains(from), "{from}");
    lines(FIRST_TASTE, &FIRST_TASTE.replacen(from, to, 1))
}

fn lines(before: &str, after: &str) -> Vec<String> {
    let changes = diff(&config(before), &config(after));
    changes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_changed_value_is_shown_before_and_after() {
    for (from, to, expected) in [
        (
            "weight = 3",
            "",
            "~ pools.django.nodes.web-1.weight: 3 -> 1",
        ),
        (
            "policy = \"least_conn\"",
            "",
            "~ pools.django.policy: \"least_conn\" -> \"round_robin\"",
        ),
        (
            "expires = \"30d\"",
            "expires = \"1h\"",
            "~ sites.shop.routes./static/.files.expires: \"30d\" -> \"1h\"",
        ),
        (
            "\"http_500\"",
            "\"http_502\"",
            "~ pools.django.retry.on: [\"error\",\"timeout\",\"http_500\"] -> [\"error\",\"timeout\",\"http_502\"]",
        ),
        (
            "fall = 3",
            "fall = 4",
            "~ pools.django.health_check.fall: 3 -> 4",
        ),
    ] {
        assert_eq!(changed(from, to), [expected]);
    }
}

#[test]
fn what_is_new_or_gone_is_one_line() {
    let node = "[[pools.nodes]]\nname = \"web-4\"\naddress = \"10.0.0.4:8000\"\n\n[[sites]]";
    assert_eq!(
        changed("[[sites]]", node),
        ["+ pools.django.nodes.web-4: {\"name\":\"web-4\",\"address\":\"10.0.0.4:8000\"}"]
    );
    let without_sites = &FIRST_TASTE[..FIRST_TASTE.find("[[sites]]").unwrap()];
    assert_eq!(lines(FIRST_TASTE, without_sites), ["- sites.shop"]);
    assert_eq!(
        changed(
            "pool = \"django\"",
            "pool = \"django\"\nread_timeout = \"5s\""
        ),
        ["+ sites.shop.routes./.read_timeout: \"5s\""]
    );
    assert_eq!(
        changed(
            "pool = \"django\"",
            "pool = \"django\"\nheaders = { X-A = \"b\" }"
        ),
        ["+ sites.shop.routes./.headers.X-A: \"b\""]
    );
    assert_eq!(
        changed("path = \"/\"", "path = \"/\"\nmatch = \"exact\""),
        [
            "- sites.shop.routes./",
            "+ sites.shop.routes.=/: {\"path\":\"/\",\"match\":\"exact\",\"pool\":\"django\"}",
        ]
    );
}

#[test]
fn a_rename_is_a_remove_and_an_add() {
    let changes = changed("name = \"web-1\"", "name = \"web-2\"");
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0], "- pools.django.nodes.web-1");
    assert!(changes[1].starts_with("+ pools.django.nodes.web-2: {"));
}

#[test]
fn order_never_matters_except_of_index_files() {
    let site = |hosts: &str, index: &str| {
        format!(
            "version = 1\n[[sites]]\nname = \"s\"\nhosts = {hosts}\nroutes = [{{ path = \"/\", files = {{ root = \"/\", index = {index} }} }}]\n"
        )
    };
    let before = site("[\"a\", \"b\"]", "[\"x\", \"y\"]");
    assert!(lines(&before, &site("[\"b\", \"a\"]", "[\"x\", \"y\"]")).is_empty());
    assert_eq!(
        lines(&before, &site("[\"a\", \"b\"]", "[\"y\", \"x\"]")),
        ["~ sites.s.routes./.files.index: [\"x\",\"y\"] -> [\"y\",\"x\"]"]
    );
}

#[test]
fn a_change_is_told_to_programs_too() {
    let before = config(FIRST_TASTE);
    let mut after = before.clone();
    after.pools[0].health_check = None;
    after.sites.clear();
    let changes = diff(&before, &after);
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0].op, Op::Change);
    assert_eq!(changes[0].field, "pools.django.health_check");
    assert_eq!(changes[0].after, Some("off".into()));
    assert_eq!(
        changes[1].to_json().to_string(),
        r#"{"op":"remove","field":"sites.shop","before":{"name":"shop","hosts":["shop.example.com"],"routes":[{"path":"/static/","files":{"root":"/var/www/shop/static","expires":"30d"}},{"path":"/","pool":"django"}]},"after":null}"#
    );
}
