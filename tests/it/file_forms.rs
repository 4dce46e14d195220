//! Files packed beforehand, and several ranges of one file in an answer.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::support::appliance::{Appliance, write_file};
use crate::support::client::{Client, Request, Response};
use crate::support::document::{listener, site};
use crate::support::nginx::Nginx;

fn serving(dir: &Path, keys: &str) -> Appliance {
    let lb = Appliance::start();
    let routes = format!("[[sites.routes]]\npath = \"/\"\nfiles = {{ root = {dir:?}{keys} }}\n");
    lb.apply(&(listener(lb.port()) + &site("files", &routes)));
    lb
}

fn accepting(target: &str, accept: &str) -> Request {
    Request::get(target).field("Accept-Encoding", accept)
}

fn packed() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_file(&dir.path().join("app.css"), "body { margin: 0 }");
    for (ending, text) in [("br", "brotli"), ("zst", "zstandard"), ("gz", "gzip")] {
        write_file(&dir.path().join(format!("app.css.{ending}")), text);
    }
    dir
}

#[test]
fn a_form_packed_beforehand_is_sent_to_who_takes_it() {
    let dir = packed();
    let lb = serving(dir.path(), "");
    let mut client = Client::of(lb.port());
    let mut tags = Vec::new();
    // Again and again, so that the open files are told apart.
    for _ in 0..3 {
        for (accept, text, coding) in [
            ("gzip, deflate, br, zstd", "brotli", Some("br")),
            ("zstd, gzip", "zstandard", Some("zstd")),
            ("gzip;q=0.5, br;q=0", "gzip", Some("gzip")),
            ("gzip;q=0", "body { margin: 0 }", None),
            ("identity", "body { margin: 0 }", None),
        ] {
            let answer = client.ask(&accepting("/app.css", accept));
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (200, text),
                "{accept}"
            );
            assert_eq!(answer.field("Content-Encoding"), coding, "{accept}");
            assert_eq!(answer.field("Vary"), Some("Accept-Encoding"), "{accept}");
            let kind = answer.field("Content-Type").unwrap();
            assert!(kind.starts_with("text/css"), "{kind}");
            tags.push(answer.field("ETag").unwrap().to_owned());
            let mut head = Request::head("/app.css").field("Accept-Encoding", accept);
            let head_answer = client.ask(&head);
            for name in ["Content-Length", "Content-Encoding", "ETag", "Vary"] {
                assert_eq!(head_answer.field(name), answer.field(name), "{accept}");
            }
            head = accepting("/app.css", accept).field("Range", "bytes=1-2");
            let part = client.ask(&head);
            assert_eq!(
                (part.status, part.text().as_str()),
                (206, &text[1..3]),
                "{accept}"
            );
            assert_eq!(part.field("Content-Encoding"), coding, "{accept}");
        }
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4, "{tags:?}");
    let refused = client.ask(&accepting(
        "/app.css",
        "identity;q=0, gzip;q=0, br;q=0, zstd;q=0",
    ));
    assert_eq!(
        (refused.status, refused.field("Vary")),
        (406, Some("Accept-Encoding"))
    );
    assert_eq!(client.get("/app.css").text(), "body { margin: 0 }");
}

#[test]
fn packed_forms_are_left_alone_where_the_route_says_so_and_when_they_are_old() {
    let dir = packed();
    let lb = serving(dir.path(), ", precompressed = false");
    let answer = lb.ask(&accepting("/app.css", "gzip"));
    assert_eq!(answer.text(), "body { margin: 0 }");
    assert_eq!(
        (answer.field("Vary"), answer.field("Content-Encoding")),
        (None, None)
    );
    assert!(lb.export().contains("precompressed = false"));
    let lb = serving(dir.path(), ", precompressed = true");
    assert!(!lb.export().contains("precompressed"));
    let mut client = Client::of(lb.port());
    assert_eq!(client.ask(&accepting("/app.css", "gzip")).text(), "gzip");
    // The file was changed and not packed again.
    let old = File::options()
        .append(true)
        .open(dir.path().join("app.css.gz"))
        .unwrap();
    old.set_modified(SystemTime::now() - Duration::from_secs(3600))
        .unwrap();
    assert_eq!(
        client.ask(&accepting("/app.css", "gzip")).text(),
        "body { margin: 0 }"
    );
    fs::remove_file(dir.path().join("app.css.br")).unwrap();
    assert_eq!(
        client.ask(&accepting("/app.css", "br")).text(),
        "body { margin: 0 }"
    );
}

/// Head and bytes of each part of a `multipart/byteranges`, read as strictly as it is written.
fn parts(answer: &Response) -> Vec<(String, Vec<u8>)> {
    let kind = answer.field("Content-Type").unwrap();
    let boundary = kind
        .strip_prefix("multipart/byteranges; boundary=")
        .expect(kind);
    let text = String::from_utf8(answer.body.clone()).unwrap();
    let text = text.trim_start_matches("\r\n");
    let end = format!("--{boundary}--\r\n");
    let text = text.strip_suffix(end.as_str()).expect("its end");
    let delimiter = format!("--{boundary}\r\n");
    text.split(delimiter.as_str())
        .skip(1)
        .map(|part| {
            let (head, bytes) = part.split_once("\r\n\r\n").unwrap();
            let bytes = bytes.strip_suffix("\r\n").unwrap();
            let range = head
                .lines()
                .find(|line| line.starts_with("Content-Range: "));
            (range.unwrap().to_owned(), bytes.as_bytes().to_vec())
        })
        .collect()
}

#[test]
fn several_ranges_come_as_nginx_sends_them() {
    let dir = tempfile::tempdir().unwrap();
    write_file(&dir.path().join("digits.txt"), "0123456789");
    let lb = serving(dir.path(), "");
    let location = format!("location / {{ root {}; }}", dir.path().display());
    let nginx = Nginx::start("types { text/plain txt; }", &location);
    for field in [
        "bytes=0-1,4-5",
        "bytes=-2,0-0",
        "bytes=0-1,2-3",
        "bytes=5-6, 99-, 1-1",
    ] {
        let request = Request::get("/digits.txt").field("Range", field);
        let (ours, theirs) = (lb.ask(&request), Client::of(nginx.port()).ask(&request));
        assert_eq!((ours.status, theirs.status), (206, 206), "{field}");
        assert_eq!(parts(&ours), parts(&theirs), "{field}");
        assert_eq!(ours.field("Content-Range"), None);
    }
    let one = lb.ask(&Request::get("/digits.txt").field("Range", "bytes=2-3,99-"));
    assert_eq!(one.field("Content-Range"), Some("bytes 2-3/10"));
    let over = lb.ask(&Request::get("/digits.txt").field("Range", "bytes=2-5,3-7"));
    assert_eq!(over.field("Content-Range"), Some("bytes 2-7/10"));
    let beyond = lb.ask(&Request::get("/digits.txt").field("Range", "bytes=10-,20-30"));
    assert_eq!(
        (beyond.status, beyond.field("Content-Range")),
        (416, Some("bytes */10"))
    );
    let many: Vec<String> = (0..33).map(|_| "0-0".to_owned()).collect();
    let field = format!("bytes={}", many.join(","));
    let whole = lb.ask(&Request::get("/digits.txt").field("Range", &field));
    assert_eq!((whole.status, whole.text().as_str()), (200, "0123456789"));
}

#[test]
fn long_ranges_of_a_long_file_come_whole() {
    let dir = tempfile::tempdir().unwrap();
    let line = "abcdefghijklmnopqrstuvwxyz012345\n";
    let text = line.repeat(100_000);
    write_file(&dir.path().join("long.txt"), &text);
    let lb = serving(dir.path(), "");
    let mut client = Client::of(lb.port());
    let asked = [1_000_000..3_000_000, 0..70_000, 3_299_999..3_300_000];
    let field: Vec<String> = asked
        .iter()
        .map(|range| format!("{}-{}", range.start, range.end - 1))
        .collect();
    let request = Request::get("/long.txt").field("Range", &format!("bytes={}", field.join(",")));
    for _ in 0..3 {
        let answer = client.ask(&request);
        let sent: Vec<Vec<u8>> = parts(&answer).into_iter().map(|(_, bytes)| bytes).collect();
        let expected: Vec<&[u8]> = asked.iter().map(|r| text[r.clone()].as_bytes()).collect();
        assert!(sent == expected);
    }
}
