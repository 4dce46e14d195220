//! What a route can lead to besides a pool and a folder.

use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::appliance::{Appliance, said, write_file};
use crate::support::client::{Client, Request, exchange};
use crate::support::document::{listener, pool, site};
use crate::support::eventually;
use crate::support::node::{Answer, Node, Seen, lines};

/// A route with this target.
fn leads(path: &str, target: &str) -> String {
    format!("[[sites.routes]]\npath = \"{path}\"\n{target}\n\n")
}

fn serving(settings: &str, routes: &str) -> Appliance {
    let lb = Appliance::start();
    lb.apply(&(listener(lb.port()) + settings + &site("s", routes)));
    lb
}

#[test]
fn a_redirect_is_filled_with_what_was_asked() {
    let routes = leads("/", "redirect = { to = \"https://{host}{uri}\" }")
        + &leads("/303", "redirect = { to = \"/{query}/x\", status = 303 }")
        + &leads(
            "/308",
            "redirect = { to = \"{scheme}://www.{host}:81{path}\", status = 308 }\nheaders = { X-A = \"b\" }",
        );
    let lb = serving("[settings]\ntrusted_proxies = [\"127.0.0.1\"]\n", &routes);
    let mut client = Client::of(lb.port());
    for (target, status, location) in [
        ("/", 301, "https://localhost/"),
        ("/a%20b?c=d&e", 301, "https://localhost/a%20b?c=d&e"),
        ("//evil.com/", 301, "https://localhost//evil.com/"),
        ("/303?q", 303, "/q/x"),
        ("/308/x?q", 308, "http://www.localhost:81/308/x"),
        ("http://localhost?q", 301, "https://localhost/?q"),
    ] {
        for method in ["GET", "HEAD", "POST", "PURGE"] {
            let answer = client.ask(&Request::new(method, target));
            assert_eq!(answer.status, status, "{method} {target}");
            assert_eq!(answer.all("Location"), [location], "{method} {target}");
            assert_eq!(
                (answer.field("Content-Length"), answer.reason()),
                (Some("0"), None)
            );
        }
    }
    assert_eq!(client.get("/308").field("X-A"), Some("b"));
    let request = Request::get("/308").field("X-Forwarded-Proto", "https");
    let request = request.field("Host", "shop.com:8080");
    let location = client.ask(&request).field("Location").unwrap().to_owned();
    assert_eq!(location, "https://www.shop.com:81/308");
    assert_eq!(client.ask(&Request::new("OPTIONS", "*")).status, 301);
    // A body is read past, and the connection goes on.
    let posted = client.ask(&Request::post("/", vec![b'a'; 40_000]));
    assert_eq!((posted.status, client.opened), (301, 1));
}

#[test]
fn a_redirect_leads_nowhere_but_where_the_operator_said() {
    let routes = leads("/", "redirect = { to = \"{path}/\" }")
        + &leads("/host", "redirect = { to = \"https://{host}/\" }");
    let lb = serving("", &routes);
    assert_eq!(lb.get("/a").field("Location"), Some("/a/"));
    let answer = lb.get("//evil.com");
    assert_eq!((answer.status, answer.reason()), (400, Some("bad_request")));
    assert!(answer.text().contains("(rule 58)"), "{}", answer.text());
    assert_eq!(answer.field("Location"), None);
    let answer = exchange(lb.port(), "GET /host HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with(b"HTTP/1.1 400 "));
    for target in ["/%0d%0aX:y", "/a%0Ab", "/a\rb"] {
        let raw = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = String::from_utf8(exchange(lb.port(), raw)).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
}

#[test]
fn a_fixed_answer_is_given_as_it_was_written() {
    let routes = leads("/ping", "match = \"exact\"\nrespond = { body = \"ok\" }")
        + &leads(
            "/gone",
            "respond = { status = 410, body = \"<p>é</p>\\n\", content_type = \"text/html\" }",
        )
        + &leads("/none", "respond = { status = 204 }")
        + &leads(
            "/own",
            "respond = { body = \"{}\" }\nheaders = { Content-Type = \"application/json\" }",
        );
    let lb = serving("", &routes);
    let mut client = Client::of(lb.port());
    let ping = client.get("/ping?x");
    assert_eq!((ping.status, ping.body.as_slice()), (200, &b"ok"[..]));
    assert_eq!(ping.all("Content-Type"), ["text/plain; charset=utf-8"]);
    assert_eq!(ping.reason(), None);
    let gone = client.get("/gone/x");
    assert_eq!((gone.status, gone.body), (410, "<p>é</p>\n".into()));
    assert_eq!(
        gone.fields.iter().filter(|(_, v)| v == "text/html").count(),
        1
    );
    let head = client.ask(&Request::head("/gone"));
    assert_eq!(
        (head.status, head.field("Content-Length")),
        (410, Some("10"))
    );
    let none = client.get("/none");
    assert_eq!((none.status, none.field("Content-Length")), (204, None));
    assert_eq!(client.get("/own").all("Content-Type"), ["application/json"]);
    let posted = client.ask(&Request::post_chunked("/ping", &[b"some", b"body"]));
    assert_eq!((posted.status, client.opened), (200, 1));
    assert_eq!(client.get("/ping/x").reason(), Some("no_route"));
    assert_eq!(lb.apply(&lb.export())["changed"], false);
}

/// A folder served at `/`, with three nodes behind it.
fn with_fallback(nodes: &[Node; 3], keys: &str) -> (TempDir, Appliance) {
    let dir = tempfile::tempdir().unwrap();
    write_file(&dir.path().join("a.txt"), "a file");
    write_file(&dir.path().join("docs/index.html"), "an index");
    write_file(&dir.path().join("admin/logo.png"), "a logo");
    write_file(&dir.path().join(".env"), "a secret");
    let lb = Appliance::start();
    let files = format!(
        "files = {{ root = {:?}, fallback = \"django\" }}",
        dir.path()
    );
    let document = listener(lb.port())
        + &pool("django", keys, &lines(nodes, [1, 1, 1]))
        + &site("s", &leads("/", &files));
    lb.apply(&document);
    assert_eq!(lb.apply(&lb.export())["changed"], false);
    (dir, lb)
}

#[test]
fn where_there_is_no_file_the_fallback_answers() {
    let nodes = Node::three();
    let (_dir, lb) = with_fallback(&nodes, "health_check = \"off\"");
    let mut client = Client::of(lb.port());
    assert_eq!(client.get("/a.txt").text(), "a file");
    assert_eq!(client.get("/docs/").text(), "an index");
    assert_eq!(client.get("/docs").field("Location"), Some("/docs/"));
    assert_eq!(client.get("/admin/logo.png").text(), "a logo");
    let refused = client.ask(&Request::post("/a.txt", "x"));
    assert_eq!(
        (refused.status, refused.reason()),
        (405, Some("method_not_allowed"))
    );
    let seen = || {
        nodes
            .iter()
            .map(|node| node.requests().len())
            .sum::<usize>()
    };
    assert_eq!(seen(), 0);
    let elsewhere = [
        "/",
        "/b.txt?q=1",
        "/admin",
        "/admin/",
        "/.env",
        "/x%2Fy",
        "/a.txt/",
    ];
    for (n, target) in elsewhere.into_iter().enumerate() {
        let answer = client.get(target);
        assert_eq!((answer.status, answer.reason()), (200, None), "{target}");
        assert_eq!(seen(), n + 1);
        let targets: Vec<String> = nodes
            .iter()
            .flat_map(|node| node.requests())
            .map(|seen| seen.target().to_owned())
            .collect();
        assert!(
            targets.contains(&target.to_owned()),
            "{target} in {targets:?}"
        );
    }
    assert_eq!(client.ask(&Request::head("/b.txt")).status, 200);
}

#[test]
fn a_fallback_gets_the_body_whole_and_is_retried_as_any_pool() {
    let mut nodes = Node::three();
    nodes[0].stop();
    let (_dir, lb) = with_fallback(&nodes, "health_check = \"off\"");
    let mut client = Client::of(lb.port());
    let mut answered = Vec::new();
    for length in [0, 10, 100_000, 1_000_000] {
        let answer = client.ask(&Request::post_pattern("/upload", length));
        assert_eq!(answer.status, 200, "{length}");
        answered.push(answer.text());
    }
    assert_eq!(
        client
            .ask(&Request::post_chunked("/upload", &[b"ab", b"c"]))
            .status,
        200
    );
    let seen: Vec<Seen> = nodes.iter().flat_map(|node| node.requests()).collect();
    let mut lengths: Vec<u64> = seen.iter().map(|seen| seen.pattern.length).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [0, 3, 10, 100_000, 1_000_000]);
    assert!(seen.iter().any(|seen| seen.body == b"abc"));
    let failed: u64 = lb.node("django", nodes[0].name())["errors"]
        .as_u64()
        .unwrap();
    assert!(failed > 0, "the node that is gone was never asked");
    // Counted as of any pool.
    let metrics = lb.metrics_after(5);
    let line = |line: &&str| line.contains("requests_total") && line.contains("pool=\"django\"");
    let counted = metrics.lines().filter(line);
    let counted: u64 = counted
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum();
    assert_eq!(counted, 5, "{metrics}");
}

/// A site whose answers of its own have pages: its folder, and the document's text.
fn with_pages(lb: &Appliance, node: &Node) -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    write_file(&at("502.html"), "<h1>résumé soon</h1>\r\n");
    write_file(&at("404.json"), "{\"error\": 404}");
    write_file(&at("503.txt"), "");
    let pages = format!(
        "methods = [\"GET\", \"HEAD\"]\nerror_pages = {{ 502 = {:?}, 404 = {:?}, 405 = {:?}, 410 = {:?}, 503 = {:?} }}\n",
        at("502.html"),
        at("404.json"),
        at("404.json"),
        at("502.html"),
        at("503.txt"),
    );
    let routes = leads("/app/", "pool = \"p\"\nheaders = { X-A = \"b\" }")
        + &leads("/files/", &format!("files = {{ root = {:?} }}", dir.path()))
        + &leads("/gone", "respond = { status = 410 }")
        + &leads("/told", "respond = { status = 410, body = \"my own\" }")
        + &leads("/none", "pool = \"empty\"");
    let site = site("s", &routes).replace("name = \"s\"\n", &format!("name = \"s\"\n{pages}"));
    let keys = "health_check = \"off\"";
    let pools = pool("p", keys, &[node.line(1)]) + &pool("empty", keys, &[]);
    (dir, listener(lb.port()) + &pools + &site)
}

#[test]
fn a_site_has_its_own_pages_for_errors_of_ours() {
    let mut node = Node::scripted("web-1", |_| Answer::status(502, "the node's own"));
    let lb = Appliance::start();
    let (_dir, document) = with_pages(&lb, &node);
    assert_eq!(
        lb.apply(&document)["warnings"],
        serde_json::json!(["pool empty has no nodes"])
    );
    assert_eq!(lb.apply(&lb.export())["changed"], false);
    let mut client = Client::of(lb.port());
    assert_eq!(client.get("/app/").text(), "the node's own");
    node.stop();
    let page = "<h1>résumé soon</h1>\r\n";
    let html = Some("text/html; charset=utf-8");
    let answer = client.get("/app/");
    assert_eq!(
        (answer.status, answer.reason()),
        (502, Some("node_refused"))
    );
    assert_eq!(answer.body, page.as_bytes());
    assert_eq!(
        (answer.field("Content-Type"), answer.field("X-A")),
        (html, Some("b"))
    );
    let head = client.ask(&Request::head("/app/"));
    let length = page.len().to_string();
    assert_eq!(head.field("Content-Length"), Some(length.as_str()));
    for (target, status, reason) in [
        ("/nowhere", 404, Some("no_route")),
        ("/files/none", 404, Some("no_file")),
    ] {
        let answer = client.get(target);
        assert_eq!((answer.status, answer.reason()), (status, reason));
        assert_eq!(answer.text(), "{\"error\": 404}");
        let json = Some("application/json; charset=utf-8");
        assert_eq!(answer.field("Content-Type"), json);
    }
    let refused = client.ask(&Request::post("/app/", "x"));
    assert_eq!(
        (refused.status, refused.field("Allow")),
        (405, Some("GET, HEAD"))
    );
    assert_eq!(refused.text(), "{\"error\": 404}");
    let empty = client.get("/none");
    assert_eq!(
        (empty.status, empty.body.len(), empty.reason()),
        (503, 0, Some("no_node"))
    );
    assert_eq!(empty.field("Retry-After"), Some("1"));
    assert_eq!(client.get("/gone").body, page.as_bytes());
    assert_eq!(client.get("/told").text(), "my own");
    // What has no page, and what is refused before it has a site.
    assert!(client.get("/files/..%2fx").text().starts_with("400 "));
    assert!(client.get("/%zz").text().starts_with("400 "));
}

#[test]
fn a_missing_page_or_folder_is_a_warning_and_no_more() {
    let mut node = Node::answering("web-1");
    node.stop();
    let mut lb = Appliance::start();
    let (dir, document) = with_pages(&lb, &node);
    std::fs::remove_file(dir.path().join("502.html")).unwrap();
    write_file(&dir.path().join("503.txt"), vec![b'a'; 300_000]);
    let document = document.replace(
        "/files/\"\n",
        "/other/\"\nfiles = { root = \"/none\" }\n\n[[sites.routes]]\npath = \"/files/\"\n",
    );
    let page = |name: &str| dir.path().join(name).display().to_string();
    let none = "cannot be read: No such file or directory (os error 2)";
    let html = page("502.html");
    let warnings = serde_json::json!([
        "pool empty has no nodes",
        format!("site s: error_pages.410: {html} {none}; our own text is sent"),
        format!("site s: error_pages.502: {html} {none}; our own text is sent"),
        format!(
            "site s: error_pages.503: {} is longer than 256 KiB; our own text is sent",
            page("503.txt")
        ),
        format!("site s, route /other/: /none {none}"),
    ]);
    let dry = lb.run_with_input(&["apply", "--json", "--dry-run", "-"], &document);
    let dry: serde_json::Value = serde_json::from_slice(&dry.stdout).unwrap();
    assert_eq!(dry["warnings"], warnings);
    for changed in [true, false] {
        let applied = lb.apply(&document);
        assert_eq!(applied["changed"], changed);
        assert_eq!(
            applied["warnings"].as_array().unwrap().len(),
            5,
            "{applied}"
        );
    }
    let answer = lb.get("/app/");
    assert_eq!(
        (answer.status, answer.reason()),
        (502, Some("node_refused"))
    );
    assert!(
        answer.text().starts_with("502 Bad Gateway"),
        "{}",
        answer.text()
    );
    assert!(lb.get("/none").text().starts_with("503 "));
    // It is there with the next start, which tells what is still missing.
    write_file(&dir.path().join("502.html"), "back again");
    lb.stop();
    lb.restart();
    assert_eq!(lb.get("/app/").text(), "back again");
    let told = || lb.log().contains("error_pages.503").then_some(());
    eventually("the start tells what is missing", told);
    std::fs::remove_file(dir.path().join("502.html")).unwrap();
    assert_eq!(lb.get("/app/").text(), "back again");
}

#[test]
fn an_edited_page_is_read_again_by_an_apply_and_by_a_hup() {
    let node = Node::answering("n");
    let lb = Appliance::start();
    let (dir, document) = with_pages(&lb, &node);
    lb.apply(&document);
    let page = dir.path().join("502.html");
    let shown = |text: &str| (lb.get("/gone").text() == text).then_some(());
    let unchanged = lb.apply(&document);
    assert_eq!(unchanged["changed"], false);
    assert_eq!(unchanged["read_again"], serde_json::json!([]));

    write_file(&page, "second");
    assert!(shown("second").is_none(), "nobody said to read it");
    let dry = lb.run_with_input(&["apply", "--dry-run", "--json", "-"], &document);
    let dry: serde_json::Value = serde_json::from_slice(&dry.stdout).unwrap();
    assert_eq!(dry["changed"], true);
    assert!(shown("second").is_none(), "a dry run serves nothing");
    let told = said(&lb.try_apply(&document));
    let words = format!(
        "no changes; error page {} of site s was read again",
        page.display()
    );
    assert!(told.contains(&words), "{told}");
    assert!(shown("second").is_some());

    // Gone: what is served and what is warned of agree.
    std::fs::remove_file(&page).unwrap();
    let gone = lb.apply(&document);
    assert_eq!(gone["changed"], true);
    assert!(
        gone["warnings"].to_string().contains("error_pages.502"),
        "{gone}"
    );
    assert_eq!(lb.get("/gone").text(), "", "its own answer has no body");

    write_file(&page, "third");
    lb.signal(Signal::HUP);
    eventually("the page is read again", || shown("third"));
}
