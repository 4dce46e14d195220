//! A site that is asked by HTTPS alone: the redirect, what browsers remember, and Django behind it.

use serde_json::Value;

use crate::support::appliance::write_file;
use crate::support::client::{Client, Request, Response};
use crate::support::django::{Gunicorn, Release, manage};
use crate::support::document::{route, site};
use crate::support::https::{Https, SHOP};
use crate::support::tls::Leaf;

const YEAR: &str = "max-age=31536000; includeSubDomains";

/// The appliance, and the shop's certificate.
fn prepared() -> (Https, Leaf) {
    let https = Https::prepared();
    let leaf = https.authority.issue("DNS:shop.example.com");
    (https, leaf)
}

/// The shop with a pool, files and fixed answers, and with `keys` of its own.
fn shop((https, leaf): &(Https, Leaf), keys: &str) -> String {
    let files = https.lb.data().join("static");
    write_file(&files.join("a.css"), "body {}");
    let files = format!("files = {{ root = \"{}\" }}", files.display());
    let routes = format!(
        "{keys}\n[[sites.routes]]\npath = \"/static/\"\n{files}\n\n\
         [[sites.routes]]\npath = \"/ping\"\nrespond = {{ status = 200, body = \"pong\" }}\n\n"
    );
    let site = site("shop", &(routes + &route("/", "p", "")));
    https.document("true", &(leaf.table("shop", "") + &site))
}

fn asked(request: Request) -> Request {
    request.field("Host", SHOP)
}

fn explained(https: &Https, url: &str) -> Value {
    let told = https.lb.runs(&["explain", "--json", url]);
    serde_json::from_str(&told).expect("explain --json prints JSON")
}

fn sends_to(answer: &Response) -> (u16, &str) {
    (answer.status, answer.field("Location").unwrap_or_default())
}

#[test]
fn who_asks_by_http_is_sent_to_the_same_by_https() {
    let all = prepared();
    let https = &all.0;
    https.lb.apply(&shop(&all, "https_redirect = true"));
    let mut plain = Client::of(https.lb.port());
    let port = https.port();
    for (path, request) in [
        ("/a?b=c&d", Request::get("/a?b=c&d")),
        ("/static/a.css", Request::get("/static/a.css")),
        ("/ping", Request::head("/ping")),
        ("/none/%2e", Request::get("/none/%2e")),
    ] {
        let answer = plain.ask(&asked(request));
        let there = format!("https://{SHOP}:{port}{path}");
        assert_eq!(sends_to(&answer), (301, there.as_str()));
    }
    // A form that was sent is sent again, and not asked for as a page.
    let answer = plain.ask(&asked(Request::post("/pay", "sum=7")));
    let there = format!("https://{SHOP}:{port}/pay");
    assert_eq!(sends_to(&answer), (308, there.as_str()));
    assert_eq!(plain.opened, 1, "the connection goes on");
    assert_eq!(https.node.requests().len(), 0, "no node was asked");
    let mut secure = https.client(SHOP);
    assert_eq!(secure.ask(&asked(Request::get("/a"))).text(), "https 0");
    let told = explained(https, &format!("http://{SHOP}:{}/a", https.lb.port()));
    let there = format!("https://{SHOP}:{port}/a");
    assert!(told.to_string().contains(&there), "{told}");
}

#[test]
fn without_a_host_there_is_nowhere_to_send_to() {
    let all = prepared();
    let https = &all.0;
    https.lb.apply(&shop(&all, "https_redirect = true"));
    let answer = Client::of(https.lb.port()).ask(&Request::get("/").http10());
    assert_eq!(answer.status, 400);
    assert_eq!(answer.reason(), Some("bad_request"));
}

#[test]
fn a_trusted_proxy_that_speaks_tls_is_believed_and_nobody_else() {
    let all = prepared();
    let https = &all.0;
    let redirect = shop(&all, "https_redirect = true");
    let request = asked(Request::get("/a")).field("X-Forwarded-Proto", "https");
    https.lb.apply(&redirect);
    assert_eq!(Client::of(https.lb.port()).ask(&request).status, 301);
    let trusting = redirect + "\n[settings]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    https.lb.apply(&trusting);
    let answer = Client::of(https.lb.port()).ask(&request);
    assert_eq!((answer.status, answer.text().as_str()), (200, "https 0"));
    let plain = Client::of(https.lb.port()).ask(&asked(Request::get("/a")));
    assert_eq!(plain.status, 301);
}

#[test]
fn a_site_without_tls_of_ours_is_warned_of() {
    let all = prepared();
    let https = &all.0;
    let document = shop(&all, "https_redirect = true\nlisteners = [\"http\"]");
    let told = https.lb.apply(&document).to_string();
    assert!(
        told.contains("site shop sends visitors to HTTPS, and none of its listeners has tls"),
        "{told}"
    );
    let answer = Client::of(https.lb.port()).ask(&asked(Request::get("/a")));
    let there = format!("https://{SHOP}/a");
    assert_eq!(sends_to(&answer), (301, there.as_str()));
}

#[test]
fn browsers_are_told_by_https_alone_to_ask_by_https_alone() {
    let all = prepared();
    let https = &all.0;
    let keys = "hsts = { max_age = \"365d\", subdomains = true }";
    https.lb.apply(&shop(&all, keys));
    let (mut secure, mut plain) = (https.client(SHOP), Client::of(https.lb.port()));
    // Twice each: the head of a file is kept for a second.
    for path in ["/a", "/static/a.css", "/ping", "/static", "/static/none"].repeat(2) {
        let request = asked(Request::get(path));
        let said = secure.ask(&request);
        assert_eq!(said.all("Strict-Transport-Security"), [YEAR], "{path}");
        let none: [&str; 0] = [];
        let said = plain.ask(&request);
        assert_eq!(said.all("Strict-Transport-Security"), none, "{path}");
    }
    let told = explained(https, &format!("https://{SHOP}:{}/a", https.port()));
    assert!(
        told["response_headers"].to_string().contains(YEAR),
        "{told}"
    );
    // What the operator writes by hand stands, also to take it back.
    let by_hand = keys.to_owned() + "\nheaders = { \"Strict-Transport-Security\" = \"max-age=0\" }";
    https.lb.apply(&shop(&all, &by_hand));
    let said = https.client(SHOP).ask(&asked(Request::get("/a")));
    assert_eq!(said.all("Strict-Transport-Security"), ["max-age=0"]);
}

#[test]
fn a_promise_that_browsers_would_not_take_is_refused() {
    let all = prepared();
    let https = &all.0;
    for (hsts, words) in [
        (
            "max_age = \"300d\", subdomains = true, preload = true",
            "max_age = \"365d\" or more",
        ),
        ("max_age = \"365d\", preload = true", "subdomains = true"),
        ("max_age = \"1500ms\"", "must be whole seconds"),
        ("max_age = \"4000d\"", "sites[0].hsts.max_age"),
        ("subdomain = true", "subdomains"),
    ] {
        let refused = https
            .lb
            .try_apply(&shop(&all, &format!("hsts = {{ {hsts} }}")));
        let told = crate::support::appliance::said(&refused);
        assert!(
            !refused.status.success() && told.contains(words),
            "{hsts}: {told}"
        );
    }
}

#[test]
fn a_django_that_insists_on_https_is_not_sent_in_circles_and_its_forms_are_believed() {
    let (https, leaf) = prepared();
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("shop.db").display().to_string();
    let env = [("DATABASE", database), ("SSL_REDIRECT", "1".to_owned())];
    manage(Release::New, &["migrate", "--verbosity=0"], &env);
    let nodes = Gunicorn::three_with(Release::New, &env);
    let pages = "https_redirect = true\nhsts = { max_age = \"5m\" }\n".to_owned();
    let more = leaf.table("shop", "") + &site("shop", &(pages + &route("/", "p", "")));
    let document = https.document_with(&nodes[0].line(1), "true", &more);
    https.lb.apply(&document);

    // It is we who send to HTTPS, once, and Django takes the page for asked by it.
    let answer = Client::of(https.lb.port()).ask(&asked(Request::get("/admin/login/")));
    let there = format!("https://{SHOP}:{}/admin/login/", https.port());
    assert_eq!(sends_to(&answer), (301, there.as_str()));
    let mut browser = https.client(SHOP);
    let host = format!("{SHOP}:{}", https.port());
    let page = browser.ask(&Request::get("/admin/login/").field("Host", &host));
    assert_eq!(page.status, 200, "{:?}", page.field("Location"));
    let text = page.text();
    let token = text.split_once("csrfmiddlewaretoken\" value=\"");
    let token = token.and_then(|(_, rest)| rest.split('"').next());
    let cookie = page.all("Set-Cookie").join("; ");
    let cookie = cookie.split(';').next().unwrap_or_default();
    let form = format!(
        "csrfmiddlewaretoken={}&username=ada&password=wrong&next=/admin/",
        token.expect("a form")
    );
    let post = |origin: &str| {
        Request::post("/admin/login/", form.clone())
            .field("Host", &host)
            .field("Content-Type", "application/x-www-form-urlencoded")
            .field("Cookie", cookie)
            .field("Origin", origin)
    };
    let answer = browser.ask(&post(&format!("https://{host}")));
    let said = answer.text();
    assert!(
        answer.status == 200 && said.contains("Please enter the correct username"),
        "{} {said}",
        answer.status
    );
    let elsewhere = browser.ask(&post(&format!("http://{host}")));
    assert_eq!(elsewhere.status, 403, "Django looks at the scheme");
}
