//! The main job: a real Django site behind one document.

use std::path::Path;

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request};
use crate::support::django::{Gunicorn, Release, Worker, collect_static};
use crate::support::document::{listener, pool, route, site};

/// The site of the issue: three nodes 3/2/1, least_conn, a TCP check, static files beside them.
fn document(port: u16, nodes: &[Gunicorn; 3], root: &Path) -> String {
    let keys = r#"policy = "least_conn"
connect_timeout = "1s"
retry = { on = ["error", "timeout", "http_500"] }
health_check = { kind = "tcp", interval = "3s", timeout = "1s", rise = 2, fall = 3 }"#;
    let [a, b, c] = nodes;
    let files = format!(
        "[[sites.routes]]\npath = \"/static/\"\nfiles = {{ root = {root:?}, expires = \"30d\" }}\n\n"
    );
    listener(port)
        + &pool("django", keys, &[a.line(3), b.line(2), c.line(1)])
        + &site("shop", &(files + &route("/", "django", "")))
}

fn style_sheets(page: &str) -> Vec<String> {
    let links = page.split("<link rel=\"stylesheet\" href=\"").skip(1);
    links
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

fn serves_the_login_page(release: Release, worker: Worker) {
    let nodes = Gunicorn::three(release, worker);
    let files = tempfile::tempdir().unwrap();
    collect_static(release, files.path());
    let lb = Appliance::start();
    lb.apply(&document(lb.port(), &nodes, files.path()));

    let mut browser = Client::of(lb.port());
    let page = browser.get("/admin/login/?next=/admin/");
    assert_eq!(page.status, 200);
    assert!(
        page.text().contains("csrfmiddlewaretoken"),
        "{}",
        page.text()
    );
    let sheets = style_sheets(&page.text());
    assert!(
        sheets.contains(&"/static/admin/css/login.css".to_owned()),
        "{sheets:?}"
    );
    for sheet in sheets {
        let answer = browser.get(&sheet);
        let file = files.path().join(sheet.trim_start_matches("/static/"));
        assert_eq!(answer.status, 200, "{sheet}");
        assert_eq!(answer.body, std::fs::read(file).unwrap(), "{sheet}");
        let kind = answer.field("Content-Type").unwrap();
        assert!(kind.starts_with("text/css"), "{sheet}: {kind}");
        assert_eq!(answer.all("Cache-Control"), ["max-age=2592000"], "{sheet}");
    }
}

#[test]
fn the_login_page_and_its_style_sheets_come_from_django_4_and_sync_workers() {
    serves_the_login_page(Release::Old, Worker::Sync);
}

#[test]
fn the_login_page_and_its_style_sheets_come_from_django_5_and_threads() {
    serves_the_login_page(Release::New, Worker::Gthread);
}

#[test]
fn a_form_and_its_headers_reach_the_application_whole() {
    let nodes = Gunicorn::three(Release::New, Worker::Sync);
    let files = tempfile::tempdir().unwrap();
    let lb = Appliance::start();
    lb.apply(&document(lb.port(), &nodes, files.path()));

    let form = "title=%E6%9D%86%E7%A7%A4&".repeat(5000);
    let request = Request::post("/echo?a=1&b=%2F", form.as_str())
        .field("Host", "shop.example.com")
        .field("Content-Type", "application/x-www-form-urlencoded")
        .field("Cookie", "sessionid=abc; csrftoken=def");
    let mut browser = Client::of(lb.port());
    for _ in 0..6 {
        let seen = browser.ask(&request).json();
        assert_eq!(seen["method"], "POST");
        assert_eq!(seen["path"], "/echo?a=1&b=%2F");
        assert_eq!(seen["body_length"], form.len());
        let headers = &seen["headers"];
        assert_eq!(headers["Host"], "shop.example.com");
        assert_eq!(headers["Cookie"], "sessionid=abc; csrftoken=def");
        assert_eq!(headers["X-Forwarded-For"], "127.0.0.1");
        assert_eq!(headers["X-Forwarded-Proto"], "http");
    }
    let streamed = browser.get("/stream?n=300000");
    assert_eq!((streamed.status, streamed.body.len()), (200, 300_000));
    let whole = browser.get("/big?n=300000");
    assert_eq!(whole.body, streamed.body);
}
