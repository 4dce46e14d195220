//! Whole answers, over real files.

mod escapes;
mod forms;

use super::{Answer, Ask, Body, Headers, Look, Method, Opened, Root, Sight};
use crate::model::{Expires, Files, HeaderValue};
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// Sunday, 6 November 1994, 08:49:37 GMT; the files are an hour older.
const NOW: u64 = 784_111_777;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

/// A site in `site/`, whose files say `inside`, and secrets around it.
fn site() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    fs::create_dir_all(at("site/css/.hidden")).unwrap();
    fs::create_dir_all(at("site/empty")).unwrap();
    fs::create_dir_all(at("site/docs/index.html")).unwrap();
    for file in [
        "site/index.html",
        "site/css/base.css",
        "site/css/.hidden/a",
        "site/docs/index.htm",
        "site/.env",
        "site/a b.txt",
    ] {
        let text = if file.contains("/.") {
            "secret"
        } else {
            "inside"
        };
        fs::write(at(file), text).unwrap();
        let time = now() - Duration::from_secs(3600);
        File::options()
            .append(true)
            .open(at(file))
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
    fs::write(at("secret"), "secret").unwrap();
    for (link, target) in [
        ("site/in", "css"),
        ("site/css/out", "../.."),
        ("site/out", "../secret"),
        ("site/etc", "/etc"),
    ] {
        symlink(target, at(link)).unwrap();
    }
    dir
}

/// What is answered after a look that may wait.
fn answer(root: &Root, ask: &Ask<'_>) -> Told {
    match root.wanted(ask) {
        Err(answer) => told(answer, None),
        Ok(wanted) => match root.look(&wanted, ask.codings, Look::MayWait).unwrap() {
            Sight::File(file) => told(root.with(ask, &file, now()), Some(&file)),
            sight => told(root.without(ask, sight, now()), None),
        },
    }
}

fn root(dir: &Path) -> Root {
    let mut files = Files::new(dir.join("site"));
    files.index = vec!["index.html".into(), "index.htm".into()];
    files.precompressed = false;
    Root::new(&files)
}

/// Status, headers one a line, and what of the file would be sent.
type Told = (u16, String, String);

fn told(answer: Answer, file: Option<&Opened>) -> Told {
    let lines = |headers: Headers| {
        let lines: Vec<String> = headers.iter().map(|(n, v)| format!("{n}: {v}")).collect();
        lines.join("\n")
    };
    match answer {
        Answer::Send {
            status,
            headers,
            body,
        } => {
            let bytes = sent(file.unwrap(), body);
            (status, lines(headers), String::from_utf8(bytes).unwrap())
        }
        Answer::Empty { status, headers } => (status, lines(headers), String::new()),
        Answer::Elsewhere => (0, String::new(), String::new()),
        Answer::Failed(error) => panic!("{error}"),
    }
}

fn sent(file: &Opened, body: Body) -> Vec<u8> {
    match body {
        Body::Range(range) => file.read(range).unwrap(),
        Body::Parts(parts) => {
            let of_part = |(head, range): (String, _)| {
                [head.into_bytes(), file.read(range).unwrap()].concat()
            };
            let parts_sent: Vec<u8> = parts.list.into_iter().flat_map(of_part).collect();
            [parts_sent, parts.end.into_bytes()].concat()
        }
    }
}

fn status(root: &Root, path: &str) -> u16 {
    answer(root, &Ask::get(path.as_bytes())).0
}

const VALIDITY: &str = "Last-Modified: Sun, 06 Nov 1994 07:49:37 GMT\nETag: \"2ebc8a91-6\"";

#[test]
fn a_file_is_sent_with_its_type_tag_and_date() {
    let dir = site();
    let root = root(dir.path());
    let (status, headers, text) = answer(&root, &Ask::get(b"/css/base.css"));
    assert_eq!((status, text.as_str()), (200, "inside"));
    assert_eq!(
        headers,
        format!("Content-Type: text/css; charset=utf-8\nAccept-Ranges: bytes\n{VALIDITY}")
    );
    let head = Ask {
        method: Method::Head,
        range: Some(b"bytes=1-2"),
        ..Ask::get(b"/css/base.css")
    };
    assert_eq!(answer(&root, &head), (200, headers, "inside".into()));
}

#[test]
fn paths_lead_to_files_indexes_and_slashes() {
    let dir = site();
    let root = root(dir.path());
    for (path, expected) in [
        ("/", 200),
        ("/index.html", 200),
        ("/a%20b.txt", 200),
        ("/in/base.css", 200),
        ("/docs/", 200), // its first index name is a directory
        ("/in/", 404),
        ("/css", 301),
        ("/in", 301),
        ("/empty/", 404),
        ("/nothing", 404),
        ("/nothing/", 404),
        ("/index.html/", 404),
        ("/index.html/x", 404),
        ("/.env", 404),
        ("/css/.hidden/a", 404),
        ("/out", 404),
        ("/css/out/secret", 404),
        ("/etc/passwd", 404),
        ("//index.html", 404),
        ("/../secret", 400),
        ("/css/%2e%2e/index.html", 400),
        ("/css%2fbase.css", 400),
        ("/index.html%00", 400),
    ] {
        assert_eq!(status(&root, path), expected, "{path}");
    }
}

#[test]
fn a_directory_without_its_slash_is_sent_to_it_on_the_same_host() {
    let dir = site();
    let root = root(dir.path());
    let ask = Ask {
        rest: b"/css",
        query: Some(b"a=1&b=\r\nx: y"),
        ..Ask::get(b"/static/css")
    };
    let (status, headers, _) = answer(&root, &ask);
    assert_eq!(status, 301);
    assert_eq!(headers, "Location: /static/css/?a=1&b=%0D%0Ax:%20y");
    let prefix = Ask {
        rest: b"",
        ..Ask::get(b"/static")
    };
    assert_eq!(answer(&root, &prefix).1, "Location: /static/");
}

#[test]
fn caching_fields_go_on_every_answer_that_may_be_kept() {
    let dir = site();
    let mut files = Files::new(dir.path().join("site"));
    files.expires = Expires::Modified(7200);
    files.precompressed = false;
    files.cache_control = Some(HeaderValue::parse("public, immutable").unwrap());
    let root = Root::new(&files);
    let caching = "Expires: Sun, 06 Nov 1994 09:49:37 GMT\nCache-Control: max-age=3600\n\
                   Cache-Control: public, immutable";
    let file = Ask::get(b"/index.html");
    let known = Ask {
        if_none_match: Some(b"\"2ebc8a91-6\""),
        ..file
    };
    let part = Ask {
        range: Some(b"bytes=2-3"),
        ..file
    };
    let (status, headers, text) = answer(&root, &part);
    assert_eq!((status, text.as_str()), (206, "si"));
    assert!(
        headers.contains("\nContent-Range: bytes 2-3/6\n"),
        "{headers}"
    );
    assert!(headers.ends_with(caching), "{headers}");
    let (status, headers, _) = answer(&root, &file);
    assert_eq!(status, 200);
    assert!(headers.ends_with(caching), "{headers}");
    let (status, headers, _) = answer(&root, &known);
    assert_eq!((status, headers), (304, format!("{VALIDITY}\n{caching}")));
    // A directory has no date of its own: two hours from now.
    let (status, headers, _) = answer(&root, &Ask::get(b"/css"));
    assert_eq!(status, 301);
    assert!(headers.contains("max-age=7200"), "{headers}");
    for path in ["/nothing", "/.."] {
        assert_eq!(answer(&root, &Ask::get(path.as_bytes())).1, "");
    }
}

#[test]
fn conditions_and_ranges_decide_together() {
    let dir = site();
    let root = root(dir.path());
    let file = Ask {
        range: Some(b"bytes=2-3"),
        ..Ask::get(b"/index.html")
    };
    let answered = |ask: Ask<'_>| answer(&root, &ask);
    let stale = Ask {
        if_match: Some(b"\"other\""),
        ..file
    };
    assert_eq!(answered(stale), (412, String::new(), String::new()));
    let changed = Ask {
        if_range: Some(b"\"other\""),
        ..file
    };
    assert_eq!(answered(changed).2, "inside");
    let same = Ask {
        if_range: Some(b"Sun, 06 Nov 1994 07:49:37 GMT"),
        ..file
    };
    assert_eq!(answered(same).2, "si");
    let beyond = Ask {
        range: Some(b"bytes=6-"),
        ..file
    };
    let expected = (416, "Content-Range: bytes */6".to_owned(), String::new());
    assert_eq!(answered(beyond), expected);
    let many = Ask {
        range: Some(b"bytes=2-3,0-0"),
        ..file
    };
    let (status, headers, text) = answered(many);
    let (kind, _) = headers.split_once('\n').unwrap();
    let boundary = kind.strip_prefix("Content-Type: multipart/byteranges; boundary=");
    let boundary = boundary.unwrap();
    assert_eq!((status, boundary.len()), (206, 32));
    assert!(!headers.contains("Content-Range"), "{headers}");
    let part = |range: &str, text: &str| {
        let kind = "Content-Type: text/html; charset=utf-8";
        format!("--{boundary}\r\n{kind}\r\nContent-Range: bytes {range}/6\r\n\r\n{text}\r\n")
    };
    let expected = part("2-3", "si") + &part("0-0", "i") + &format!("--{boundary}--\r\n");
    assert_eq!(text, expected);
}

#[test]
fn only_get_and_head_are_answered() {
    let dir = site();
    let post = Ask {
        method: Method::Other,
        ..Ask::get(b"/index.html")
    };
    let (status, headers, _) = answer(&root(dir.path()), &post);
    assert_eq!((status, headers.as_str()), (405, "Allow: GET, HEAD"));
}

#[test]
fn where_no_file_is_the_fallback_is_asked() {
    let dir = site();
    let mut files = Files::new(dir.path().join("site"));
    files.index = vec!["index.html".into(), "index.htm".into()];
    files.fallback = Some(crate::model::Name::parse("django").unwrap());
    let root = Root::new(&files);
    const ELSEWHERE: u16 = 0;
    for (path, get, post) in [
        ("/index.html", 200, 405),
        ("/", 200, 405),
        ("/docs/", 200, 405),
        // A directory is no file, and only one with an index is worth a slash.
        ("/docs", 301, ELSEWHERE),
        ("/css", ELSEWHERE, ELSEWHERE),
        ("/css/", ELSEWHERE, ELSEWHERE),
        ("/nothing", ELSEWHERE, ELSEWHERE),
        ("/index.html/", ELSEWHERE, ELSEWHERE),
        // What is never served, and what no file can be called.
        ("/.env", ELSEWHERE, ELSEWHERE),
        ("/out", ELSEWHERE, ELSEWHERE),
        ("/css%2Fbase.css", ELSEWHERE, ELSEWHERE),
        ("/css/../index.html", ELSEWHERE, ELSEWHERE),
        ("//index.html", ELSEWHERE, ELSEWHERE),
    ] {
        let ask = Ask::get(path.as_bytes());
        assert_eq!(answer(&root, &ask).0, get, "GET {path}");
        let ask = Ask {
            method: Method::Other,
            ..ask
        };
        assert_eq!(answer(&root, &ask).0, post, "POST {path}");
    }
    fs::remove_dir_all(dir.path().join("site")).unwrap();
    let ask = Ask::get(b"/index.html");
    assert_eq!(answer(&root, &ask).0, ELSEWHERE);
}

#[test]
fn a_missing_directory_is_told_and_a_swapped_one_is_seen_at_once() {
    let dir = site();
    let root = root(dir.path());
    let at = |path: &str| dir.path().join(path);
    assert_eq!(root.trouble(), None);
    fs::rename(at("site"), at("release-1")).unwrap();
    assert!(root.trouble().unwrap().contains("cannot be read"));
    assert_eq!(status(&root, "/index.html"), 404);
    fs::write(at("site"), "").unwrap();
    assert!(root.trouble().unwrap().ends_with("is not a directory"));
    assert_eq!(status(&root, "/index.html"), 404);
    fs::remove_file(at("site")).unwrap();
    symlink("release-1", at("site")).unwrap();
    assert_eq!(root.trouble(), None);
    assert_eq!(status(&root, "/index.html"), 200);
    fs::create_dir(at("release-2")).unwrap();
    symlink("release-2", at("next")).unwrap();
    fs::rename(at("next"), at("site")).unwrap();
    assert_eq!(status(&root, "/index.html"), 404);
}
