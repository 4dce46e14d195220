//! The setup behind its first step, by the forms alone: nodes, where to listen, a first request.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use crate::support::appliance::Appliance;
use crate::support::client::{Request, Response};
use crate::support::django::{Gunicorn, Release, Worker, collect_static};
use crate::support::document::one_pool;
use crate::support::node::{Answer, Node};
use crate::support::panel::Panel;
use crate::support::ports::Port;

fn revision(page: &str) -> String {
    let rest = page.split("name=\"revision\" value=\"").nth(1).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// Sends the second step's form as the page has it.
fn nodes(panel: &mut Panel, lines: &str, path: &str, act: &str) -> Response {
    let revision = revision(&panel.get("/setup/nodes").text());
    let fields = [
        ("nodes", lines),
        ("path", path),
        ("host", ""),
        ("revision", &revision),
        ("do", act),
    ];
    panel.post("/setup/nodes", &fields)
}

fn listen(panel: &mut Panel, address: &str, host: &str, folder: &str) -> Response {
    let revision = revision(&panel.get("/setup/listen").text());
    let fields = [
        ("port", "other"),
        ("address", address),
        ("host", host),
        ("folder", folder),
        ("revision", &revision),
    ];
    panel.post("/setup/listen", &fields)
}

/// 3 to 2 to 1, and static files from here.
#[track_caller]
fn is_balanced(lb: &Appliance, folder: &Path) {
    let ask = |path: &str| lb.ask(&Request::get(path).field("Host", "shop.example.com"));
    let mut answers = [0; 3];
    for _ in 0..60 {
        let who = ask("/who").text();
        let node = ["web-1 ", "web-2 ", "web-3 "]
            .iter()
            .position(|n| who.starts_with(n));
        answers[node.unwrap_or_else(|| panic!("{who}"))] += 1;
    }
    assert_eq!(answers, [30, 20, 10]);
    let css = ask("/static/admin/css/base.css");
    assert_eq!(css.status, 200);
    assert_eq!(
        css.body,
        fs::read(folder.join("admin/css/base.css")).unwrap()
    );
}

#[test]
fn from_an_empty_directory_to_three_gunicorns_with_weights_and_static_files() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let three = Gunicorn::three(Release::New, Worker::Gthread);
    let [a, b, c] = three.each_ref().map(|node| node.address().to_string());
    let lines = format!("{a} 3\r\n{b} 2\r\n{c}");

    let tested = nodes(&mut panel, &lines, "/who", "test");
    assert_eq!(tested.status, 200, "{}", tested.text());
    let page = tested.text();
    assert!(page.contains("3 of 3 ready"), "{page}");
    assert!(page.contains("Gunicorn with Django"), "{page}");
    assert!(
        page.contains("Weight 3 of 6, 50 % of the requests."),
        "{page}"
    );
    assert_eq!(lb.status()["revision"], 0, "a test changes nothing");

    let saved = nodes(&mut panel, &lines, "/who", "save");
    assert_eq!(
        saved.field("Location"),
        Some("/setup/listen"),
        "{}",
        saved.text()
    );
    let folder = tempfile::tempdir().unwrap();
    collect_static(Release::New, folder.path());
    let address = format!("127.0.0.1:{}", lb.port());
    let root = folder.path().to_str().unwrap();
    let saved = listen(&mut panel, &address, "shop.example.com", root);
    assert_eq!(
        saved.field("Location"),
        Some("/setup/done"),
        "{}",
        saved.text()
    );

    lb.wait_for_health("app", "web-1", "up");
    let done = panel.get("/setup/done").text();
    assert!(
        ["web-1", "web-2", "web-3"]
            .iter()
            .any(|n| done.contains(&format!("{n} answered"))),
        "{done}"
    );
    for line in [
        "CSRF_TRUSTED_ORIGINS = [&#34;https://shop.example.com&#34;",
        "SECURE_PROXY_SSL_HEADER = (&#34;HTTP_X_FORWARDED_PROTO&#34;, &#34;https&#34;)",
        "ALLOWED_HOSTS = [&#34;shop.example.com&#34;]",
        "--keep-alive 5",
        &format!("STATIC_ROOT = &#34;{root}&#34;"),
    ] {
        assert!(done.contains(line), "{line}: {done}");
    }

    is_balanced(&lb, folder.path());

    // Coming back later, everything is there to be changed, and what is not shown stays.
    let page = panel.get("/setup/nodes").text();
    assert!(page.contains(&format!("web-1 {a} 3")), "{page}");
    let page = panel.get("/setup/listen").text();
    assert!(
        page.contains("shop.example.com") && page.contains(root),
        "{page}"
    );
}

#[test]
fn every_step_can_be_skipped_and_is_for_admins_alone() {
    let lb = Appliance::start();
    let mut admin = Panel::set_up(&lb);
    let page = admin.get("/setup/nodes").text();
    assert!(page.contains("href=\"/setup/listen\""), "{page}");
    let page = admin.get("/setup/listen").text();
    assert!(page.contains("href=\"/setup/done\""), "{page}");
    let page = admin.get("/setup/done").text();
    assert!(page.contains("Nothing listens yet"), "{page}");
    for role in ["viewer", "operator"] {
        let mut other = admin.with(&lb, role, role);
        for path in ["/setup/nodes", "/setup/listen", "/setup/done"] {
            assert_eq!(other.get(path).status, 403, "{role} {path}");
        }
        let refused = other.post("/setup/nodes", &[("nodes", "127.0.0.1:1"), ("do", "save")]);
        assert_eq!(refused.status, 403);
    }
    assert_eq!(lb.status()["revision"], 0);
}

#[test]
fn rubbish_is_told_line_by_line_and_nothing_is_saved() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let node = Node::answering("web-1");
    let good = node.address();
    let rubbish = format!(
        "{good}\n<script>alert(1)</script>\n{good} 2\nhttps://a.example:443\n10.0.0.9:80 5000\n10.0.0.9:80 -1\nweb 1 10.0.0.8:80"
    );
    let refused = nodes(&mut panel, &rubbish, "/", "save");
    assert_eq!(refused.status, 422);
    let page = refused.text();
    assert!(!page.contains("<script>alert"), "{page}");
    for words in [
        "line 2: this is no address",
        "line 3: this address stands in line 1 already",
        "line 4: nodes are spoken to in plain HTTP",
        "line 5: a weight is a whole number of 1 to 1000",
        "line 7: “1” means nothing here",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(page.contains("10.0.0.9:80 5000"), "what was typed stays");
    let many: String = (1..=500).map(|i| format!("127.0.0.1:{i}\n")).collect();
    let refused = nodes(&mut panel, &many, "/", "save");
    assert_eq!(refused.status, 422);
    assert!(
        refused
            .text()
            .contains("500 lines are too many at once: 100 at most")
    );
    let none = nodes(&mut panel, "# nothing\n\n", "/", "save");
    assert_eq!(none.status, 422);
    assert!(none.text().contains("Write at least one address"));
    for (path, host, words) in [
        ("up", "", "A path begins with /"),
        ("/", "a b", "A host name, such as"),
    ] {
        let fields = [
            ("nodes", "127.0.0.1:1"),
            ("path", path),
            ("host", host),
            ("do", "save"),
        ];
        let refused = panel.post("/setup/nodes", &fields);
        assert_eq!(refused.status, 422);
        assert!(refused.text().contains(words), "{words}");
    }
    assert_eq!(lb.status()["revision"], 0);
}

#[test]
fn what_a_node_says_is_shown_as_text_in_both_languages() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let node = Node::scripted("web-1", |_| {
        Answer::raw("<script>alert('x')</script>\x1b[2J says the node, and it is no HTTP\r\n")
    });
    let lines = node.address().to_string();
    let page = nodes(&mut panel, &lines, "/", "test").text();
    assert!(page.contains("the answer is not HTTP/1"), "{page}");
    assert!(
        !page.contains("<script>alert") && !page.contains('\x1b'),
        "{page}"
    );
    panel.post("/preferences", &[("language", "zh-CN"), ("next", "/")]);
    let page = nodes(&mut panel, &lines, "/", "test").text();
    assert!(page.contains("应答不是 HTTP/1"), "{page}");
    assert!(page.contains("应用运行在哪里"), "{page}");
}

#[test]
fn a_path_that_does_not_exist_is_answered_with_one_that_does() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let node = Node::scripted("web-1", |seen| match seen.target() {
        "/up" => Answer::text("well"),
        _ => Answer::status(404, "nothing"),
    });
    let lines = node.address().to_string();
    let page = nodes(&mut panel, &lines, "/", "test").text();
    assert!(page.contains("but /up answers well"), "{page}");
    let fields = [
        ("nodes", lines.as_str()),
        ("path", "/"),
        ("host", ""),
        ("try", "/up"),
    ];
    let page = panel.post("/setup/nodes", &fields).text();
    assert!(page.contains("1 of 1 ready"), "{page}");
    assert!(page.contains("name=\"path\" value=\"/up\""), "{page}");
}

#[test]
fn a_form_sent_twice_is_saved_once_and_a_stale_one_not_at_all() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let node = Node::answering("web-1");
    let address = node.address().to_string();
    let fields = |lines| {
        [
            ("nodes", lines),
            ("path", "/"),
            ("revision", "0"),
            ("do", "save"),
        ]
    };
    for _ in 0..2 {
        let saved = panel.post("/setup/nodes", &fields(&address));
        assert_eq!(saved.status, 303, "{}", saved.text());
    }
    assert_eq!(lb.status()["revision"], 1);
    let stale = panel.post("/setup/nodes", &fields("127.0.0.1:1"));
    assert_eq!(stale.status, 409, "{}", stale.text());
    assert!(stale.text().contains("was changed meanwhile"));
    assert_eq!(lb.status()["revision"], 1);
    let again = nodes(&mut panel, "127.0.0.1:1", "", "save");
    assert_eq!(again.status, 303, "{}", again.text());
    assert!(lb.export().contains("127.0.0.1:1\""), "{}", lb.export());
}

#[test]
fn a_port_that_somebody_has_is_told_with_its_holder() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let port = Port::free();
    let held = TcpListener::bind(port.address()).unwrap();
    let refused = listen(&mut panel, &port.address().to_string(), "", "");
    assert_eq!(refused.status, 422, "{}", refused.text());
    let pid = format!("(pid {})", std::process::id());
    let page = refused.text();
    assert!(
        page.contains(&pid) && page.contains("choose another port"),
        "{page}"
    );
    drop(held);
    for (address, host, folder, words) in [
        ("", "", "", "An address and a port, such as"),
        ("0", "", "", "An address and a port, such as"),
        ("99999", "", "", "An address and a port, such as"),
        ("192.0.2.1:80", "", "", "no address of this machine"),
        ("127.0.0.1:1024", "a b", "", "A host name, such as"),
        (
            "127.0.0.1:1024",
            "",
            "static",
            "Write the whole path from /",
        ),
        (
            "127.0.0.1:1024",
            "",
            "/nowhere/at/all",
            "There is no such folder",
        ),
        (
            "127.0.0.1:1024",
            "",
            "/etc/hostname",
            "This is a file, not a folder",
        ),
    ] {
        let refused = listen(&mut panel, address, host, folder);
        assert_eq!(refused.status, 422, "{words}: {}", refused.text());
        assert!(
            refused.text().contains(words),
            "{words}: {}",
            refused.text()
        );
    }
    assert_eq!(lb.status()["revision"], 0, "nothing half done");
    let saved = listen(&mut panel, &port.address().to_string(), "", "");
    assert_eq!(saved.field("Location"), Some("/setup/done"));
}

#[test]
fn a_request_that_no_node_answers_says_so() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let closed = Port::free();
    let saved = nodes(&mut panel, &closed.address().to_string(), "", "save");
    assert_eq!(
        saved.status,
        303,
        "a node need not be there yet: {}",
        saved.text()
    );
    let address = format!("127.0.0.1:{}", lb.port());
    assert_eq!(listen(&mut panel, &address, "", "").status, 303);
    let page = panel.get("/setup/done").text();
    assert!(page.contains("No node answered"), "{page}");
}

#[test]
fn what_a_document_says_beyond_these_pages_stays() {
    let lb = Appliance::start();
    let nodes_of = Node::three();
    let lines: Vec<_> = nodes_of.iter().map(|node| node.line(1)).collect();
    lb.apply(&one_pool(lb.port(), "policy = \"least_conn\"", &lines));
    let mut panel = Panel::set_up(&lb);
    let page = panel.get("/setup/nodes").text();
    let text = page.split("<textarea").nth(1).unwrap();
    let text = text.split('>').nth(1).unwrap().split("</").next().unwrap();
    let changed = text.replacen('\n', " 5\n", 1);
    let saved = nodes(&mut panel, &changed, "", "save");
    assert_eq!(saved.status, 303, "{}", saved.text());
    let document = lb.export();
    assert!(document.contains("least_conn"), "{document}");
    assert_eq!(document.matches("weight = 5").count(), 1, "{document}");
}
