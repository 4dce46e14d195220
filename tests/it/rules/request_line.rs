//! The first line of a request, and what stands before it.

use super::stand::{Stand, check_refusal};
use crate::support::client::{Request, exchange};

#[test]
fn rule_03_one_empty_line_before_a_request_is_passed_over() {
    let stand = Stand::new();
    stand.passes(&[
        (
            "\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: a\r\n~\r\n",
        ),
        // As some clients end a body with a line too many.
        (
            "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\r\n",
            "POST /b HTTP/1.1\r\nHost: a\r\n~Content-Length: 3\r\n\r\nabc",
        ),
    ]);
    Stand::new().refuses(&[
        ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 1),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 3),
        ("\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 1),
        ("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 2),
        ("\n\n", 400, 1),
        ("\r\n\r\n\r\n", 400, 3),
    ]);
}

#[test]
fn rule_05_a_request_line_has_two_blanks_and_no_more() {
    Stand::new().refuses(&[
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 5),
        ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400, 5),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, 14),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 5),
        ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 5),
        ("GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", 400, 5),
        ("GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 400, 5),
        ("GET\u{b}/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 5),
        ("GET /\u{b} HTTP/1.1\r\nHost: a\r\n\r\n", 400, 11),
        ("GET \u{c}/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 12),
        ("GET / /b HTTP/1.1\r\nHost: a\r\n\r\n", 400, 5),
        ("GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, 14),
        ("GET\r\nHost: a\r\n\r\n", 400, 5),
        ("/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 5),
        ("Host: a\r\nGET / HTTP/1.1\r\n\r\n", 400, 5),
    ]);
}

#[test]
fn rule_06_a_method_is_a_token_of_at_most_32_bytes() {
    let longest = "M".repeat(32);
    let stand = Stand::new();
    stand.passes(&[(
        &format!("{longest} / HTTP/1.1\r\nHost: a\r\n\r\n"),
        &format!("{longest} / HTTP/1.1\r\nHost: a\r\n~\r\n"),
    )]);
    Stand::new().refuses(&[
        (&format!("M{longest} / HTTP/1.1\r\nHost: a\r\n\r\n"), 501, 6),
        ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 6),
        ("GET, / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 6),
        ("\"GET\" / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 6),
        ("G\u{c9}T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 6),
        ("G\0T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 6),
        ("X: / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 6),
    ]);
}

#[test]
fn rule_07_an_unknown_method_passes_unless_the_site_lists_methods() {
    let stand = Stand::new();
    stand.passes(&[
        (
            "PURGE /a HTTP/1.1\r\nHost: a\r\n\r\n",
            "PURGE /a HTTP/1.1\r\nHost: a\r\n~\r\n",
        ),
        (
            "get /a HTTP/1.1\r\nHost: a\r\n\r\n",
            "get /a HTTP/1.1\r\nHost: a\r\n~\r\n",
        ),
        (
            "M-SEARCH /x HTTP/1.1\r\nHost: a\r\n\r\n",
            "M-SEARCH /x HTTP/1.1\r\nHost: a\r\n~\r\n",
        ),
    ]);
    let site = "\n[[sites]]\nname = \"s\"\nmethods = [\"GET\", \"POST\"]\n[[sites.routes]]\npath = \"/\"\npool = \"p\"\n";
    stand.apply("", site);
    let mark = stand.mark();
    // A method in other letters is another method.
    for method in ["PURGE", "get", "GETX", "OPTIONS"] {
        let answer = stand.lb.ask(&Request::new(method, "/"));
        assert_eq!(
            (answer.status, answer.reason(), answer.field("Allow")),
            (405, Some("method_not_allowed"), Some("GET, POST")),
            "{method}"
        );
    }
    assert_eq!(stand.arrived_since(mark), "");
}

#[test]
fn rule_08_connect_is_refused_and_nothing_behind_it_is_read() {
    Stand::new().refuses(&[
        ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405, 8),
        (
            "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 0\r\n\r\n",
            405,
            8,
        ),
        ("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 405, 8),
        ("CONNECT a:443 HTTP/1.0\r\n\r\n", 405, 8),
    ]);
}

#[test]
fn rule_09_trace_is_refused() {
    Stand::new().refuses(&[
        ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, 9),
        (
            "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n",
            405,
            9,
        ),
    ]);
}

#[test]
fn rule_10_a_target_may_have_16_kib() {
    let longest = format!("/{}", "a".repeat(16 * 1024 - 1));
    Stand::new().passes(&[(
        &format!("GET {longest} HTTP/1.1\r\nHost: a\r\n\r\n"),
        &format!("GET {longest} HTTP/1.1\r\nHost: a\r\n~\r\n"),
    )]);
    let stand = Stand::new();
    stand.refuses(&[
        (
            &format!("GET {longest}a HTTP/1.1\r\nHost: a\r\n\r\n"),
            414,
            10,
        ),
        (
            &format!("GET http://a{longest} HTTP/1.1\r\nHost: a\r\n\r\n"),
            414,
            10,
        ),
    ]);
    // Refused while it still arrives: no line end is waited for.
    let endless = format!("GET /{}", "a".repeat(20 * 1024));
    let answer = exchange(stand.lb.port(), endless);
    check_refusal(
        &String::from_utf8_lossy(&answer),
        414,
        10,
        "an endless line",
    );
}

#[test]
fn rule_11_a_target_holds_what_browsers_send_and_nothing_else() {
    let passing = "/-._~!$&'()*+,;=:@%7C|[]/?{}|^\\`[]-._~!$&'()*+,;=:@/?%zz";
    Stand::new().passes(&[(
        &format!("GET {passing} HTTP/1.1\r\nHost: a\r\n\r\n"),
        &format!("GET {passing} HTTP/1.1\r\nHost: a\r\n~\r\n"),
    )]);
    let mut bad: Vec<char> = (0..0x20)
        .filter(|b| !b"\n\r".contains(b))
        .map(char::from)
        .collect();
    bad.extend("#\"<>\u{7f}".chars());
    bad.extend((0x80..=0xff_u8).map(char::from));
    let mut cases: Vec<(String, u16, u8)> = Vec::new();
    for c in bad {
        for target in [format!("/a{c}b"), format!("/a?b{c}c")] {
            cases.push((format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"), 400, 11));
        }
    }
    // Raw in a query, never in a path.
    for c in "{}^\\`".chars() {
        cases.push((format!("GET /a{c} HTTP/1.1\r\nHost: a\r\n\r\n"), 400, 11));
    }
    let cases: Vec<(&str, u16, u8)> = cases.iter().map(|(t, s, r)| (t.as_str(), *s, *r)).collect();
    Stand::new().refuses(&cases);
}

#[test]
fn rule_12_a_target_is_a_path_a_url_or_the_star_of_options() {
    Stand::new().passes(&[
        (
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n~\r\n",
        ),
        (
            "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n~\r\n",
        ),
    ]);
    Stand::new().refuses(&[
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, 12),
        ("OPTIONS *x HTTP/1.1\r\nHost: a\r\n\r\n", 400, 12),
        ("OPTIONS */ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 12),
        ("GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 400, 12),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, 12),
        ("GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", 400, 12),
        ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 12),
        ("GET http:/a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 12),
        ("GET @a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 12),
    ]);
}

#[test]
fn rule_13_a_url_as_target_agrees_with_host_and_goes_on_as_a_path() {
    Stand::new().passes(&[
        (
            "GET http://shop.example/a?b HTTP/1.1\r\nHost: shop.example\r\n\r\n",
            "GET /a?b HTTP/1.1\r\nHost: shop.example\r\n~\r\n",
        ),
        (
            "GET HTTP://Shop.Example:8080/ HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: shop.example:8080\r\n~\r\n",
        ),
        (
            "GET http://shop.example HTTP/1.1\r\nHost: shop.example\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: shop.example\r\n~\r\n",
        ),
        (
            "GET http://shop.example?b HTTP/1.1\r\nHost: shop.example\r\n\r\n",
            "GET /?b HTTP/1.1\r\nHost: shop.example\r\n~\r\n",
        ),
        (
            "GET http://old.example/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: old.example\r\n~\r\n",
        ),
    ]);
    Stand::new().refuses(&[
        ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 13),
        ("GET http://a:81/ HTTP/1.1\r\nHost: a:80\r\n\r\n", 400, 13),
        ("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 13),
        ("GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 13),
        ("GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", 400, 13),
        ("GET http://a,b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 13),
        ("GET http://a\\b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 13),
        // Without a Host of its own it is no HTTP/1.1, whatever the URL says.
        ("GET http://a/ HTTP/1.1\r\n\r\n", 400, 15),
    ]);
}

#[test]
fn rule_14_two_versions_are_spoken() {
    let stand = Stand::new();
    stand.refuses(&[
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, 14),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, 14),
        ("GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505, 14),
        ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", 400, 14),
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 400, 14),
        ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400, 14),
        ("GET / HTTP/01.1\r\nHost: a\r\n\r\n", 400, 14),
        ("GET / HTTP/1,1\r\nHost: a\r\n\r\n", 400, 14),
        ("GET / HTTP/1.1\0\r\nHost: a\r\n\r\n", 400, 14),
        ("GET / HTTP/\r\nHost: a\r\n\r\n", 400, 14),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", 400, 5),
        ("GET / HTTPS/1.1\r\nHost: a\r\n\r\n", 400, 5),
        ("GET / ICY/1.1\r\nHost: a\r\n\r\n", 400, 5),
        ("GET /\r\n\r\n", 400, 5),
    ]);
    stand.passes(&[(
        "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n~\r\n",
    )]);
}

#[test]
fn rule_50_a_path_is_routed_by_the_bytes_that_are_forwarded() {
    let stand = Stand::new();
    // `%2f` and the like are the node's to read: they reach it as they were sent.
    let kept = [
        "/a%2fb",
        "/a%5Cb",
        "/a//b/./c/../d",
        "/a/..%2fb",
        "/%E4%B8%AD",
        "/%41",
    ];
    for path in kept {
        stand.passes(&[(
            &format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"),
            &format!("GET {path} HTTP/1.1\r\nHost: a\r\n~\r\n"),
        )]);
    }
    let refused = [
        "/%00",
        "/a%0d",
        "/a%0Ab",
        "/%c0%af",
        "/%C0%AE%C0%AE/",
        "/%e0%80%af",
        "/%f0%80%80%af",
        "/%f8%80%80%80%af",
        "/..",
        "/../a",
        "/a/../../b",
        "/%2e%2e/a",
        "/.%2E/",
        // A node may decode `%2f` and `%5c`: that takes nobody over the root either.
        "/..%2f",
        "/a/..%2F..%2fb",
        "/%2e%2e%5Cb",
        "/%",
        "/%4",
        "/%zz",
        "/%u0041",
    ];
    let cases: Vec<(String, u16, u8)> = refused
        .iter()
        .map(|path| (format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"), 400, 50))
        .collect();
    let cases: Vec<(&str, u16, u8)> = cases.iter().map(|(t, s, r)| (t.as_str(), *s, *r)).collect();
    Stand::new().refuses(&cases);
}

#[test]
fn rule_50_a_file_has_one_spelling() {
    let stand = Stand::new();
    let root = stand.lb.data().join("files");
    crate::support::appliance::write_file(&root.join("a/b.txt"), "file");
    let site = format!(
        "\n[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/\"\nfiles = {{ root = \"{}\" }}\n",
        root.display()
    );
    stand.apply("", &site);
    assert_eq!(stand.lb.get("/a/b.txt").text(), "file");
    assert_eq!(stand.lb.get("/%61/b.txt").text(), "file");
    for path in [
        "/a%2fb.txt",
        "/a%2Fb.txt",
        "/a%5cb.txt",
        "/x/../a/b.txt",
        "/x/%2e%2e/a/b.txt",
    ] {
        assert_eq!(stand.lb.get(path).status, 400, "{path}");
    }
}

#[test]
fn rule_56_an_http_2_preface_is_refused_on_a_plain_port() {
    Stand::new().refuses(&[("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, 14)]);
}
