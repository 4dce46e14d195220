//! The affinity cookie: what it is, what is taken for one, what the document says of it.

use serde_json::Value;

use crate::support::appliance::{Appliance, said};
use crate::support::client::Request;
use crate::support::document::{listener, one_pool, pool, route, site};
use crate::support::node::{Answer, Node, Then, lines};
use crate::support::visitor::{Visitor, keys, set_cookie, with};

#[test]
fn a_cookie_that_is_not_ours_binds_nobody() {
    let nodes = Node::three();
    let lb = Appliance::start();
    let text = with(&lb, "", &lines(&nodes, [1, 1, 1]));
    lb.apply(&text);
    let mut visitor = Visitor::of(&lb);
    let own = visitor.visits();
    let good = visitor.cookie.clone().unwrap();
    let value = good.strip_prefix("steelyard=").unwrap();
    let letters = value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    assert!(letters && !value.contains("web"), "{value}");
    // The others of the pool are next, so that chance does not lead to the right one.
    let ask = |cookie: &str| {
        let answer = lb.ask(&Request::get("/").field("Cookie", cookie));
        (set_cookie(&answer).is_some(), answer.text())
    };
    let mut last = value.as_bytes().to_vec();
    let end = last.len() - 1;
    last[end] = if last[end] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(last).unwrap();
    for bad in [
        "steelyard=".to_owned(),
        "steelyard".to_owned(),
        format!("steelyard={forged}"),
        format!("steelyard={}", &value[1..]),
        format!("steelyard={value}{value}"),
        format!("steelyard={}", "A".repeat(80)),
        format!("steelyard={}", "A".repeat(8000)),
        format!("steelyard=\"{value}\""),
        format!("Steelyard={value}"),
        format!("xsteelyard={value}"),
        format!("other={value}"),
    ] {
        assert!(ask(&bad).0, "{bad} was taken");
    }
    for kept in [
        format!("steelyard={value}"),
        format!("a=b;steelyard={value};c=d"),
        format!("steelyard={forged}; steelyard=; steelyard={value}"),
    ] {
        for _ in 0..3 {
            assert_eq!(ask(&kept), (false, own.clone()), "{kept}");
        }
    }
    // In a field of its own too, and the first that is valid wins.
    let mut second = Visitor::of(&lb);
    while second.visits() == own {
        second = Visitor::of(&lb);
    }
    let request = Request::get("/")
        .field("Cookie", "a=b")
        .field("Cookie", &good);
    let answer = lb.ask(&request.field("Cookie", &second.cookie.unwrap()));
    assert_eq!((set_cookie(&answer), answer.text()), (None, own));
    // Of another pool, though its nodes have the same names.
    lb.apply(&text.replace("\"django\"", "\"other\""));
    assert!(ask(&good).0);
}

#[test]
fn the_cookie_has_the_attributes_that_are_wanted() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    let trusted = "\n[settings]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let attributes = |affinity: &str, scheme: &str| {
        lb.apply(&(with(&lb, affinity, &[node.line(1)]) + trusted));
        let answer = lb.ask(&Request::get("/").field("X-Forwarded-Proto", scheme));
        let set = answer.all("Set-Cookie");
        assert_eq!(set.len(), 1);
        let (pair, attributes) = set[0].split_once("; ").unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        assert_eq!(value.len(), 80);
        (name.to_owned(), attributes.to_owned())
    };
    for (affinity, scheme, expected) in [
        ("", "http", "Path=/; HttpOnly; SameSite=Lax"),
        ("", "https", "Path=/; Secure; HttpOnly; SameSite=Lax"),
        (
            "secure = true",
            "http",
            "Path=/; Secure; HttpOnly; SameSite=Lax",
        ),
        ("secure = false", "https", "Path=/; HttpOnly; SameSite=Lax"),
        (
            "max_age = \"90s\"",
            "http",
            "Path=/; Max-Age=90; HttpOnly; SameSite=Lax",
        ),
        (
            "max_age = \"1d\", path = \"/shop\", domain = \"example.com\", http_only = false, same_site = \"strict\"",
            "http",
            "Path=/shop; Domain=example.com; Max-Age=86400; SameSite=Strict",
        ),
        (
            "secure = \"auto\", same_site = \"none\"",
            "https",
            "Path=/; Secure; HttpOnly; SameSite=None",
        ),
        // Browsers would refuse it by plain http if it said None.
        (
            "secure = \"auto\", same_site = \"none\"",
            "http",
            "Path=/; HttpOnly",
        ),
    ] {
        let (name, attributes) = attributes(affinity, scheme);
        assert_eq!(
            (name.as_str(), attributes.as_str()),
            ("steelyard", expected)
        );
    }
    let (name, _) = attributes("cookie = \"NODE\"", "http");
    assert_eq!(name, "NODE");
    // Of a peer that is not trusted nothing is believed.
    lb.apply(&with(&lb, "", &[node.line(1)]));
    let answer = lb.ask(&Request::get("/").field("X-Forwarded-Proto", "https"));
    assert!(!set_cookie(&answer).unwrap().contains("Secure"));
}

#[test]
fn every_answer_of_a_node_may_bind_and_none_of_our_own() {
    let node = Node::scripted("web-1", |request| match request.target() {
        "/304" => Answer::raw("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n"),
        "/302" => Answer::status(302, "").field("Location", "/"),
        "/404" => Answer::status(404, "no"),
        "/500" => Answer::status(500, "no"),
        "/big" => Answer::Download(300_000),
        "/early" => Answer::raw(
            "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ),
        "/own" => Answer::text("x")
            .field("Set-Cookie", "sessionid=1; Path=/")
            .field("Set-Cookie", "csrftoken=2"),
        "/gone" => Answer::nothing(Then::Close),
        _ => Answer::text("x"),
    });
    let lb = Appliance::start();
    let routes = route("/", "django", "headers = { \"X-A\" = \"b\" }")
        + &route("/bare", "django", "remove_headers = [\"Set-Cookie\"]")
        + "[[sites.routes]]\npath = \"/ping\"\nrespond = { body = \"pong\" }\n";
    let text = listener(lb.port())
        + &pool("django", &(keys("") + "\nmax_fails = 0"), &[node.line(1)])
        + &site("shop", &routes);
    lb.apply(&text);
    for (request, status) in [
        (Request::get("/"), 200),
        (Request::head("/"), 200),
        (Request::get("/").http10(), 200),
        (Request::post("/", "x"), 200),
        (Request::get("/304"), 304),
        (Request::get("/302"), 302),
        (Request::get("/404"), 404),
        (Request::get("/500"), 500),
        (Request::get("/early"), 200),
        (Request::get("/bare"), 200),
    ] {
        let answer = lb.ask(&request);
        assert_eq!(answer.status, status);
        assert!(set_cookie(&answer).is_some(), "{status}");
    }
    let big = lb.get("/big");
    assert_eq!(
        (big.body.len(), set_cookie(&big).is_some()),
        (300_000, true)
    );
    let own = lb.get("/own");
    let all = own.all("Set-Cookie");
    assert_eq!(all[..2], ["sessionid=1; Path=/", "csrftoken=2"]);
    assert_eq!(all.len(), 3);
    for (target, status) in [("/gone", 502), ("/ping", 200), ("/%", 400)] {
        let answer = lb.get(target);
        assert_eq!(
            (answer.status, set_cookie(&answer)),
            (status, None),
            "{target}"
        );
    }
    // The application sees the cookie too: it is the client's, and other pools may need it.
    lb.ask(&Request::get("/").field("Cookie", "steelyard=x; a=b"));
    assert_eq!(node.last().field("Cookie"), Some("steelyard=x; a=b"));
}

#[test]
fn the_document_says_what_it_says_and_only_that() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    let off = one_pool(lb.port(), "health_check = \"off\"", &[node.line(1)]);
    lb.apply(&off);
    assert!(!lb.export().contains("affinity"));
    assert_eq!(set_cookie(&lb.get("/")), None);
    let on = with(&lb, "", &[node.line(1)]);
    let done = lb.apply(&on);
    assert_eq!(done["changes"][0]["field"], "pools.django.affinity");
    assert_eq!(done["changes"][0]["op"], "add");
    assert!(lb.export().contains("affinity = {}"), "{}", lb.export());
    assert_eq!(lb.apply(&lb.export())["changed"], false);
    let all = "cookie = \"a\", max_age = \"1h\", path = \"/x\", domain = \".a.com\", secure = true, http_only = false, same_site = \"none\"";
    let full = with(&lb, all, &[node.line(1)]);
    lb.apply(&full);
    let exported = lb.export();
    for key in all.split(", ") {
        assert!(exported.contains(key), "no {key} in {exported}");
    }
    assert_eq!(lb.apply(&exported)["changed"], false);
    let one = lb.apply(&full.replace("1h", "2h"));
    assert_eq!(one["changes"][0]["field"], "pools.django.affinity.max_age");
    lb.apply(&off);
    assert_eq!(set_cookie(&lb.get("/")), None);
}

/// What stands in `affinity`, the column of the Problem, and its beginning.
const PROBLEMS: [(&str, usize, &str); 16] = [
    (
        "cookie = \"a b\"",
        23,
        "pools[0].affinity.cookie: must be the name of a cookie",
    ),
    (
        "cookie = \"\"",
        23,
        "pools[0].affinity.cookie: must be the name of a cookie",
    ),
    (
        "max_age = \"500ms\"",
        24,
        "pools[0].affinity.max_age: must be whole seconds",
    ),
    (
        "max_age = \"401d\"",
        24,
        "pools[0].affinity.max_age: must be 0s to 400d",
    ),
    (
        "max_age = 3600",
        24,
        "pools[0].affinity.max_age: must be a time with its unit",
    ),
    (
        "path = \"shop\"",
        21,
        "pools[0].affinity.path: must start with /",
    ),
    (
        "path = \"/;Domain=a\"",
        21,
        "pools[0].affinity.path: must be a path",
    ),
    (
        "domain = \"a.com:80\"",
        23,
        "pools[0].affinity.domain: must be a domain",
    ),
    (
        "domain = \"a; Secure\"",
        23,
        "pools[0].affinity.domain: must be a domain",
    ),
    (
        "secure = \"yes\"",
        23,
        "pools[0].affinity.secure: must be \"auto\", true or false",
    ),
    (
        "http_only = 1",
        26,
        "pools[0].affinity.http_only: must be true or false",
    ),
    (
        "same_site = \"no\"",
        26,
        "pools[0].affinity.same_site: must be one of lax, strict, none",
    ),
    (
        "secure = false, same_site = \"none\"",
        42,
        "pools[0].affinity.same_site: \"none\" cannot be used with secure = false",
    ),
    (
        "cookie = \"__Secure-a\", secure = false",
        23,
        "pools[0].affinity.cookie: begins as cookies that",
    ),
    (
        "cookie = \"__Host-a\", secure = true, path = \"/x\"",
        23,
        "pools[0].affinity.cookie: begins with __Host-",
    ),
    (
        "cokie = \"a\"",
        14,
        "pools[0].affinity.cokie: unknown key \"cokie\"; did you mean \"cookie\"?",
    ),
];

#[test]
fn what_no_browser_would_take_is_a_problem_in_its_place() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    for (affinity, column, told) in PROBLEMS {
        let refused = lb.try_apply(&with(&lb, affinity, &[node.line(1)]));
        assert_eq!(refused.status.code(), Some(78), "{affinity}");
        let words = said(&refused);
        let expected = format!("tried.toml:10:{column}: {told}");
        assert!(words.contains(&expected), "no {expected} in {words}");
        assert_eq!(words.matches("tried.toml:").count(), 1, "{words}");
    }
    let text = with(&lb, "", &[node.line(1)]).replace("{  }", "true");
    let words = said(&lb.try_apply(&text));
    assert!(
        words.contains("pools[0].affinity: must be one table"),
        "{words}"
    );
}

#[test]
fn explain_tells_who_is_bound_and_what_would_be_set() {
    let nodes = Node::three();
    let lb = Appliance::start();
    lb.apply(&with(&lb, "max_age = \"1h\"", &lines(&nodes, [1, 1, 1])));
    let mut visitor = Visitor::of(&lb);
    while visitor.visits() != "web-2" {
        visitor = Visitor::of(&lb);
    }
    let url = format!("http://127.0.0.1:{}/", lb.port());
    let header = format!("Cookie: {}", visitor.cookie.clone().unwrap());
    let explained = |arguments: &[&str]| -> Value {
        let text = lb.runs(&[&["explain", "--json", &url], arguments].concat());
        serde_json::from_str(&text).unwrap()
    };
    let why = |told: &Value, node: usize| {
        let candidate = &told["candidates"][node];
        let why = candidate["why"].as_str().unwrap().to_owned();
        (candidate["eligible"].as_bool().unwrap(), why)
    };
    let set = |told: &Value| {
        let fields = told["response_headers"].as_array().unwrap().iter();
        let mut set = fields.filter(|field| field["name"] == "Set-Cookie");
        set.next()
            .map(|field| field["value"].as_str().unwrap().to_owned())
    };
    let before = lb.node("django", "web-1")["bound"].clone();
    let unbound = explained(&[]);
    let cookie = set(&unbound).unwrap();
    assert!(cookie.starts_with("steelyard="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    assert_eq!(
        lb.node("django", "web-1")["bound"],
        before,
        "explaining binds nobody"
    );
    let bound = explained(&["-H", &header]);
    assert_eq!(set(&bound), None);
    let (eligible, words) = why(&bound, 1);
    assert!(
        eligible && words.contains("bound by the affinity cookie"),
        "{words}"
    );
    assert!(!why(&bound, 0).0 && !why(&bound, 2).0, "{bound}");
    lb.runs(&["node", "drain", "django/web-2"]);
    let (eligible, words) = why(&explained(&[]), 1);
    assert!(
        !eligible && words.contains("draining: takes only bound requests"),
        "{words}"
    );
    let bound = explained(&["-H", &header]);
    let (eligible, words) = why(&bound, 1);
    assert!(
        eligible && words.contains("bound by the affinity cookie"),
        "{words}"
    );
    assert_eq!(set(&bound), None);
    lb.runs(&["node", "disable", "django/web-2"]);
    let moved = explained(&["-H", &header]);
    let (eligible, words) = why(&moved, 1);
    assert!(
        !eligible && words.contains("disabled; the affinity cookie names it"),
        "{words}"
    );
    assert!(set(&moved).is_some() && why(&moved, 0).0);
}
