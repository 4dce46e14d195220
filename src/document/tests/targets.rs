//! Redirects, fixed answers, and who may ask.

use super::super::{Format, parse, to_toml};
use super::told;

fn route(keys: &str) -> String {
    format!("version = 1\n[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/\"\n{keys}\n")
}

#[test]
fn a_target_is_written_as_short_as_it_can_be() {
    for (given, written) in [
        (
            "redirect = { to = \"https://{host}{uri}\", status = 301 }",
            "redirect = { to = \"https://{host}{uri}\" }",
        ),
        (
            "redirect = { to = \"/new/\", status = 308 }",
            "redirect = { to = \"/new/\", status = 308 }",
        ),
        (
            "respond = { status = 200, body = \"ok\", content_type = \"text/plain; charset=utf-8\" }",
            "respond = { body = \"ok\" }",
        ),
        ("respond = {}", "respond = {}"),
        ("respond = { status = 204 }", "respond = { status = 204 }"),
    ] {
        let config = parse(&route(given), Format::Toml).unwrap().config;
        let text = to_toml(&config);
        assert!(text.contains(written), "{text}");
        assert_eq!(parse(&text, Format::Toml).unwrap().config, config);
    }
}

#[test]
fn a_fallback_is_a_pool_that_is_there() {
    let files = |fallback: &str| {
        route(&format!(
            "files = {{ root = \"/srv\", fallback = {fallback} }}"
        ))
    };
    let told_of = |fallback| told(&files(fallback));
    assert_eq!(
        told_of("\"django\""),
        [
            "lb.toml:6:37: sites[0].routes[0].files.fallback: no pool is named django; there is none yet"
        ]
    );
    assert_eq!(
        told_of("1"),
        ["lb.toml:6:37: sites[0].routes[0].files.fallback: must be a name in quotes (is 1)"]
    );
    // The pool may well be there under the key that is misspelt.
    let misspelt = files("\"django\"") + "[[pool]]\nname = \"django\"\n";
    assert_eq!(told(&misspelt).len(), 1);
    let config = parse(&files("\"\""), Format::Toml).unwrap().config;
    assert!(!to_toml(&config).contains("fallback"));
    let pool = "[[pools]]\nname = \"django\"\n";
    let config = parse(&(files("\"django\"") + pool), Format::Toml)
        .unwrap()
        .config;
    assert!(to_toml(&config).contains("files = { root = \"/srv\", fallback = \"django\" }"));
}

#[test]
fn error_pages_are_known_by_their_status() {
    let site =
        |pages: &str| format!("version = 1\n[[sites]]\nname = \"s\"\nerror_pages = {pages}\n");
    for (pages, problem) in [
        (
            "{ 399 = \"/a\" }",
            "4:17: sites[0].error_pages.399: must be the status of an error, 400 to 599 (is \"399\")",
        ),
        (
            "{ 0502 = \"/a\" }",
            "4:17: sites[0].error_pages.0502: must be the status of an error, 400 to 599 (is \"0502\")",
        ),
        (
            "{ 502 = \"a.html\" }",
            "4:23: sites[0].error_pages.502: must be an absolute path (is \"a.html\")",
        ),
        (
            "{ 502 = \"/a/../b\" }",
            "4:23: sites[0].error_pages.502: must not hold .. (is \"/a/../b\")",
        ),
        (
            "{ 502 = 1 }",
            "4:23: sites[0].error_pages.502: must be text in quotes (is 1)",
        ),
        (
            "[]",
            "4:15: sites[0].error_pages: must be a table, { Name = \"value\" } (is a list)",
        ),
    ] {
        assert_eq!(told(&site(pages)), [format!("lb.toml:{problem}")]);
    }
    let text = site("{ 503 = \"/b//c.html\", 404 = \"/a.html\" }");
    let config = parse(&text, Format::Toml).unwrap().config;
    let written = to_toml(&config);
    let line = "error_pages = { 404 = \"/a.html\", 503 = \"/b/c.html\" }";
    assert!(written.contains(line), "{written}");
    assert_eq!(parse(&written, Format::Toml).unwrap().config, config);
}

#[test]
fn what_is_no_target_is_told() {
    let long = format!("respond = {{ body = \"{}\" }}", "a".repeat(64 * 1024 + 1));
    for (given, problem) in [
        ("redirect = {}", "redirect.to: is missing"),
        (
            "redirect = { to = \"new\" }",
            "redirect.to: must be a path or a URL, such as /new/ or https://{host}{uri} (is \"new\")",
        ),
        (
            "redirect = { to = \"/\\r\\nX: y\" }",
            "redirect.to: must be written as it stands in a URL, with %XX for blanks and letters beyond ASCII (has '\\r')",
        ),
        (
            "redirect = { to = \"/{url}\" }",
            "redirect.to: may hold {scheme}, {host}, {path}, {uri} and {query} in braces (is \"/{url}\")",
        ),
        (
            "redirect = { to = \"/\", status = 300 }",
            "redirect.status: must be one of 301, 302, 303, 307, 308 (is 300)",
        ),
        (
            "respond = { status = 199 }",
            "respond.status: must be 200 to 599 (is 199)",
        ),
        (
            "respond = { status = 204, body = \"a\" }",
            "respond.body: must be empty: an answer 204 has none",
        ),
        (
            &long,
            "respond.body: must have at most 65536 bytes (has 65537); serve a longer one with `files`",
        ),
        (
            "respond = { content_type = \"text/html\\r\\nX: y\" }",
            "respond.content_type: must be one line without control characters (has '\\r')",
        ),
        (
            "respond = { content_type = \"html\" }",
            "respond.content_type: must be a type such as text/html; charset=utf-8 (is \"html\")",
        ),
        (
            "respond = {}\nallow = [\"10.0.0.0/33\"]",
            "allow[0]: must be an IP address or a network such as 10.0.0.0/8 (is \"10.0.0.0/33\")",
        ),
    ] {
        let told = told(&route(given));
        assert_eq!(told.len(), 1, "{told:?}");
        let end = format!(": sites[0].routes[0].{problem}");
        assert!(told[0].ends_with(&end), "{told:?}");
    }
}
