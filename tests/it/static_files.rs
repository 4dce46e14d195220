//! Files: as nginx serves them, and nothing that is not meant to be served.

use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use crate::support::appliance::{Appliance, write_file};
use crate::support::client::{Client, Request, Response, Wire};
use crate::support::document::{listener, site};
use crate::support::nginx::Nginx;

const SECRET: &str = "nobody may read this";

/// A folder `public` to be served, and beside it what must never be.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    write_file(&at("secret.txt"), SECRET);
    write_file(&at("public-too/secret.txt"), SECRET);
    write_file(&at("public/index.html"), "<h1>home</h1>");
    write_file(&at("public/css/site.css"), "body { margin: 0 }");
    write_file(&at("public/js/app.js"), "let a = 1");
    write_file(&at("public/a file.txt"), "with a blank");
    write_file(&at("public/中.txt"), "with a letter beyond ASCII");
    write_file(&at("public/digits"), "0123456789");
    write_file(&at("public/empty.txt"), "");
    write_file(&at("public/sub/index.html"), "sub");
    write_file(&at("public/.env"), SECRET);
    write_file(&at("public/.git/config"), SECRET);
    symlink(at("secret.txt"), at("public/out.txt")).unwrap();
    symlink(dir.path(), at("public/up")).unwrap();
    symlink("css/site.css", at("public/in.css")).unwrap();
    dir
}

fn serving(dir: &Path) -> Appliance {
    let lb = Appliance::start();
    let root = dir.join("public");
    let routes = format!(
        "[[sites.routes]]\npath = \"/static/\"\nfiles = {{ root = {root:?}, expires = \"30d\" }}\n"
    );
    lb.apply(&(listener(lb.port()) + &site("files", &routes)));
    lb
}

#[test]
fn requests_for_files_are_counted_by_what_became_of_them() {
    let dir = folder();
    let lb = serving(dir.path());
    let file = lb.get("/static/digits");
    let known = Request::get("/static/digits").field("If-None-Match", file.field("ETag").unwrap());
    for (request, status) in [
        (range("bytes=0-1"), 206),
        (Request::head("/static/css/site.css"), 200),
        (known.clone(), 304),
        (known, 304),
        (Request::get("/static/none"), 404),
        (Request::post("/static/digits", "x"), 405),
        (range("bytes=99-"), 416),
    ] {
        assert_eq!(lb.ask(&request).status, status);
    }
    let text = lb.metrics_after(8);
    for (result, count) in [("hit", 3), ("miss", 1), ("revalidated", 2)] {
        let line = format!("steelyard_static_requests_total{{result=\"{result}\"}} {count}\n");
        assert!(text.contains(&line), "no {line} in {text}");
    }
}

fn range(value: &str) -> Request {
    Request::get("/static/digits").field("Range", value)
}

#[test]
fn a_file_comes_whole_with_its_type_and_its_tags_as_nginx_sends_them() {
    let dir = folder();
    let lb = serving(dir.path());
    let location = format!(
        "location /static/ {{ alias {}/public/; }}",
        dir.path().display()
    );
    let types =
        "types { text/html html; text/css css; application/javascript js; text/plain txt; }";
    let nginx = Nginx::start(types, &location);
    let (mut ours, mut theirs) = (Client::of(lb.port()), Client::of(nginx.port()));
    for target in [
        "/static/css/site.css",
        "/static/js/app.js",
        "/static/a%20file.txt",
        "/static/%E4%B8%AD.txt",
        "/static/empty.txt",
        "/static/digits",
        "/static/",
        "/static/sub/",
        "/static/in.css",
        "/static/css/site.css?v=1",
    ] {
        let (our, their) = (ours.get(target), theirs.get(target));
        assert_eq!(
            (our.status, &our.body),
            (their.status, &their.body),
            "{target}"
        );
        for name in ["ETag", "Last-Modified", "Content-Length", "Accept-Ranges"] {
            assert_eq!(our.field(name), their.field(name), "{name} of {target}");
        }
        assert_eq!(
            our.field("Cache-Control"),
            Some("max-age=2592000"),
            "{target}"
        );
        let head = ours.ask(&Request::head(target));
        assert_eq!(
            head.field("Content-Length"),
            our.field("Content-Length"),
            "{target}"
        );
        assert_eq!(head.status, 200, "{target}");
    }
    let kind = |target: &str| {
        let answer = lb.get(target);
        answer.field("Content-Type").unwrap_or_default().to_owned()
    };
    assert!(kind("/static/css/site.css").starts_with("text/css"));
    assert!(kind("/static/js/app.js").contains("javascript"));
    assert!(kind("/static/").starts_with("text/html"));
}

#[test]
fn conditions_are_met_as_nginx_meets_them() {
    let dir = folder();
    let lb = serving(dir.path());
    let location = format!(
        "location /static/ {{ alias {}/public/; }}",
        dir.path().display()
    );
    let nginx = Nginx::start("", &location);
    let first = lb.get("/static/digits");
    let etag = first.field("ETag").unwrap();
    let modified = first.field("Last-Modified").unwrap();
    let early = "Thu, 01 Jan 1970 00:00:01 GMT";
    let request = || Request::get("/static/digits");
    for request in [
        request().field("If-None-Match", etag),
        request().field("If-None-Match", &format!("W/{etag}")),
        request().field("If-None-Match", &format!("\"other\", {etag}")),
        request().field("If-None-Match", "\"other\""),
        request().field("If-None-Match", "*"),
        request().field("If-Modified-Since", modified),
        request().field("If-Modified-Since", early),
        request().field("If-Modified-Since", "not a date"),
        request()
            .field("If-None-Match", "\"other\"")
            .field("If-Modified-Since", modified),
        request().field("If-Match", etag),
        request().field("If-Match", "\"other\""),
        request().field("If-Unmodified-Since", modified),
        request().field("If-Unmodified-Since", early),
        range("bytes=2-4").field("If-Range", etag),
        range("bytes=2-4").field("If-Range", "\"other\""),
        range("bytes=2-4").field("If-Range", modified),
    ] {
        let (our, their) = (lb.ask(&request), Client::of(nginx.port()).ask(&request));
        assert_eq!(our.status, their.status, "{request:?}");
        if our.status < 400 {
            assert_eq!(our.body, their.body, "{request:?}");
            assert_eq!(our.field("ETag"), Some(etag), "{request:?}");
        }
    }
    let unchanged = lb.ask(&request().field("If-None-Match", etag));
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    assert_eq!(unchanged.field("Cache-Control"), Some("max-age=2592000"));
}

#[test]
fn ranges_are_cut_as_nginx_cuts_them() {
    let dir = folder();
    let lb = serving(dir.path());
    let location = format!(
        "location /static/ {{ alias {}/public/; }}",
        dir.path().display()
    );
    let nginx = Nginx::start("", &location);
    for value in [
        "bytes=0-0",
        "bytes=2-4",
        "bytes=5-",
        "bytes=-3",
        "bytes=0-99",
        "bytes=-99",
        "bytes=9-9",
        "bytes=10-",
        "bytes=10-12",
        "bytes=-0",
        "lines=1-2",
    ] {
        let request = range(value);
        let (our, their) = (lb.ask(&request), Client::of(nginx.port()).ask(&request));
        assert_eq!(our.status, their.status, "{value}");
        assert_eq!(
            our.field("Content-Range"),
            their.field("Content-Range"),
            "{value}"
        );
        if our.status < 400 {
            assert_eq!(our.body, their.body, "{value}");
        }
    }
    // What cannot be read is no range (RFC 9110 section 14.2); nginx says 416.
    for value in ["bytes=4-2", "bytes=a-b", "bytes=", "bytes=1-2-3", "bytes"] {
        let answer = lb.ask(&range(value));
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, "0123456789"),
            "{value}"
        );
    }
    let two = lb.ask(&range("bytes=0-1,4-5"));
    assert!(matches!(two.status, 200 | 206), "{two:?}");
    // Many small ones over each other cost the server more than the file.
    let many: Vec<String> = (0..200).map(|_| "0-".to_owned()).collect();
    let greedy = lb.ask(&range(&format!("bytes={}", many.join(","))));
    assert!(greedy.body.len() <= 10, "{} bytes", greedy.body.len());
}

#[test]
fn nothing_outside_the_folder_and_no_dot_file_is_served() {
    let dir = folder();
    let lb = serving(dir.path());
    for target in [
        "/static/../secret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static/%2e%2e%2fsecret.txt",
        "/static/..%5csecret.txt",
        "/static/..\\secret.txt",
        "/static/sub/../../secret.txt",
        "/static/....//secret.txt",
        "/static../secret.txt",
        "/static..%2fsecret.txt",
        "/static-too/secret.txt",
        "/static/%00/../../secret.txt",
        "/static/digits%00.txt",
        "/static//etc/passwd",
        "//etc/passwd",
        "/static/%c0%ae%c0%ae/secret.txt",
        "/static/.env",
        "/static/%2eenv",
        "/static/.git/config",
        "/static/sub/../.env",
        "/static/out.txt",
        "/static/up/secret.txt",
        "/static/up/public/.env",
        "/static/missing.txt",
        "/static/digits/",
        "/static/digits/x",
        "/static/css/",
    ] {
        let mut wire = Wire::to(lb.port());
        wire.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let answer = wire.response("GET");
        assert!(
            matches!(answer.status, 400 | 403 | 404),
            "{target}: {}",
            answer.status
        );
        assert!(!answer.text().contains(SECRET), "{target}");
        assert!(!answer.text().contains("root:"), "{target}");
    }
}

#[test]
fn a_folder_without_its_slash_is_shown_the_way() {
    let dir = folder();
    let lb = serving(dir.path());
    let place = |target: &str| -> (u16, String) {
        let Response { status, .. } = lb.get(target);
        let location = lb
            .get(target)
            .field("Location")
            .unwrap_or_default()
            .to_owned();
        (status, location)
    };
    let (status, location) = place("/static/sub?a=b");
    assert_eq!(status, 301);
    assert!(location.ends_with("/static/sub/?a=b"), "{location}");
    let (status, location) = place("/static");
    assert_eq!(status, 301);
    assert!(location.ends_with("/static/"), "{location}");
}

#[test]
fn only_reading_is_allowed_and_a_body_does_not_become_a_request() {
    let dir = folder();
    let lb = serving(dir.path());
    let refused = lb.ask(&Request::post("/static/digits", "abc"));
    assert_eq!(
        (refused.status, refused.reason()),
        (405, Some("method_not_allowed"))
    );
    let hidden = "GET /static/.env HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut wire = Wire::to(lb.port());
    wire.send(format!(
        "GET /static/digits HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{hidden}GET /static/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        hidden.len()
    ));
    assert_eq!(wire.response("GET").text(), "0123456789");
    let rest = String::from_utf8_lossy(&wire.rest()).into_owned();
    assert!(rest.is_empty() || rest.contains("<h1>home</h1>"), "{rest}");
}

#[test]
fn a_file_larger_than_any_buffer_comes_whole() {
    let dir = folder();
    let block = crate::support::pattern::block();
    let bytes: Vec<u8> = block.iter().copied().cycle().take(20_000_000).collect();
    write_file(&dir.path().join("public/large.bin"), &bytes);
    let lb = serving(dir.path());
    let mut client = Client::of(lb.port());
    assert!(client.get("/static/large.bin").body == bytes);
    let part =
        client.ask(&Request::get("/static/large.bin").field("Range", "bytes=7000000-15000000"));
    assert!(part.status == 206 && part.body == bytes[7_000_000..=15_000_000]);
    assert_eq!(client.get("/static/digits").text(), "0123456789");
}
