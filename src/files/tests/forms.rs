//! Forms of a file that were packed beforehand.

use super::{Told, answer, now};
use crate::files::{Ask, Codings, Method, Root};
use crate::model::Files;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// A folder with a file in all forms, an index in one, and others with traps beside them. The
/// forms are a second older than their files, as a copying may leave them.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text, age) in [
        ("app.js", "plain", 10),
        ("app.js.br", "brotli", 11),
        ("app.js.zst", "zstandard", 11),
        ("app.js.gz", "gzip", 11),
        ("index.html", "home", 10),
        ("index.html.gz", "packed home", 10),
        ("only.css.gz", "gzip", 10),
        ("stale.css", "new", 10),
        ("stale.css.br", "old", 12),
        ("stale.css.gz", "new, packed", 10),
        ("odd.css", "plain", 10),
        ("secret", "secret", 10),
    ] {
        write(&dir.path().join(name), text, age);
    }
    fs::create_dir(dir.path().join("odd.css.br")).unwrap();
    symlink("../secret", dir.path().join("odd.css.gz")).unwrap();
    dir
}

fn write(path: &Path, text: &str, age: u64) {
    fs::write(path, text).unwrap();
    let file = File::options().append(true).open(path).unwrap();
    file.set_modified(now() - Duration::from_secs(age)).unwrap();
}

fn told(dir: &TempDir, path: &str, accept: &str) -> Told {
    let root = Root::new(&Files::new(dir.path().into()));
    let ask = Ask {
        codings: root.codings(Some(accept.as_bytes())),
        ..Ask::get(path.as_bytes())
    };
    answer(&root, &ask)
}

#[test]
fn the_best_form_that_is_there_is_sent_as_what_the_file_is() {
    let dir = folder();
    for (path, accept, text, coding) in [
        ("/app.js", "gzip, deflate, br, zstd", "brotli", "br"),
        ("/app.js", "gzip, zstd", "zstandard", "zstd"),
        ("/app.js", "gzip;q=0.9, zstd;q=0.8", "gzip", "gzip"),
        ("/app.js", "gzip, identity;q=0", "gzip", "gzip"),
        ("/app.js", "*", "brotli", "br"),
        ("/app.js", "br;q=0, *", "zstandard", "zstd"),
        ("/app.js", "identity, gzip;q=0.1", "plain", ""),
        ("/app.js", "", "plain", ""),
        ("/app.js", "deflate", "plain", ""),
        ("/", "gzip", "packed home", "gzip"),
        ("/index.html", "br", "home", ""),
        // A form older than its file was made of another.
        ("/stale.css", "br", "new", ""),
        ("/stale.css", "gzip, br", "new, packed", "gzip"),
        // What is beside it is no form of it.
        ("/odd.css", "gzip, br", "plain", ""),
        // And asked for by its own name it is a file as every other.
        ("/app.js.gz", "br", "gzip", ""),
    ] {
        let (status, headers, sent) = told(&dir, path, accept);
        let what = format!("{path} for {accept}: {headers}");
        assert_eq!((status, sent.as_str()), (200, text), "{what}");
        let said = headers
            .lines()
            .find_map(|l| l.strip_prefix("Content-Encoding: "));
        assert_eq!(said.unwrap_or_default(), coding, "{what}");
        assert!(headers.contains("\nVary: Accept-Encoding\n"), "{what}");
    }
    let (_, headers, _) = told(&dir, "/app.js", "gzip");
    assert!(
        headers.starts_with("Content-Type: text/javascript"),
        "{headers}"
    );
}

#[test]
fn a_form_is_no_file_without_the_file_and_nothing_is_sent_to_who_refuses_all() {
    let dir = folder();
    assert_eq!(told(&dir, "/only.css", "gzip").0, 404);
    for (path, accept, status) in [
        ("/app.js", "identity;q=0", 406),
        ("/index.html", "br, *;q=0", 406),
        ("/stale.css", "br, identity;q=0", 406),
        ("/none", "*;q=0", 404),
    ] {
        assert_eq!(told(&dir, path, accept).0, status, "{path} for {accept}");
    }
}

#[test]
fn tags_ranges_and_conditions_are_those_of_the_form() {
    let dir = folder();
    let root = Root::new(&Files::new(dir.path().into()));
    let codings = Codings::of(Some(b"gzip"));
    let packed = Ask {
        codings,
        ..Ask::get(b"/app.js")
    };
    let tag = |ask: &Ask<'_>| {
        let (_, headers, _) = answer(&root, ask);
        let tag = headers.lines().find_map(|l| l.strip_prefix("ETag: "));
        tag.unwrap().to_owned()
    };
    let plain = Ask::get(b"/app.js");
    let (of_packed, of_plain) = (tag(&packed), tag(&plain));
    assert!(
        of_packed.ends_with("-4-gz\"") && of_plain.ends_with("-5\""),
        "{of_packed} {of_plain}"
    );
    let known = Ask {
        if_none_match: Some(of_packed.as_bytes()),
        ..packed
    };
    let (status, headers, _) = answer(&root, &known);
    assert_eq!(status, 304);
    assert!(headers.contains("Vary: Accept-Encoding"), "{headers}");
    let unpacked = Ask {
        codings: Codings::PLAIN,
        ..known
    };
    assert_eq!(answer(&root, &unpacked).0, 200);
    let part = Ask {
        range: Some(b"bytes=-2"),
        if_range: Some(of_packed.as_bytes()),
        ..packed
    };
    let (status, headers, text) = answer(&root, &part);
    assert_eq!((status, text.as_str()), (206, "ip"));
    assert!(headers.contains("Content-Range: bytes 2-3/4"), "{headers}");
    // Who has the packed form's beginning cannot go on with the file's own bytes.
    let other = Ask {
        codings: Codings::PLAIN,
        ..part
    };
    assert_eq!(answer(&root, &other).2, "plain");
    let post = Ask {
        method: Method::Other,
        codings: Codings::of(Some(b"*;q=0")),
        ..packed
    };
    assert_eq!(answer(&root, &post).0, 405);
}

#[test]
fn where_it_is_off_nothing_is_chosen_and_nothing_varies() {
    let dir = folder();
    let mut files = Files::new(dir.path().into());
    files.precompressed = false;
    let root = Root::new(&files);
    let ask = Ask {
        codings: root.codings(Some(b"gzip, identity;q=0")),
        ..Ask::get(b"/app.js")
    };
    let (status, headers, text) = answer(&root, &ask);
    assert_eq!((status, text.as_str()), (200, "plain"));
    assert!(!headers.contains("Vary"), "{headers}");
}
