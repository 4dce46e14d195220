//! Whatever a URL's path is made of, it stays below the root.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::{Ask, answer, root, site};

/// Segments made to leave, and some that stay.
fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "",
            ".",
            "..",
            "%2e%2e",
            "%2E.",
            "..%2f",
            "%2f..",
            "..%5c",
            "..\\",
            "%c0%ae%c0%ae",
            "%252e%252e",
            "css",
            "in",
            "out",
            "etc",
            "passwd",
            "secret",
            ".env",
            ".hidden",
            "a",
            "site",
            "index.html",
            "base.css",
            "%00",
            "a%20b.txt",
            "docs",
        ])
        .prop_map(String::from),
        "[a-z.%/2ef\\\\]{0,6}",
        Just("\u{ff0e}\u{ff0e}".to_owned()),
    ]
}

#[test]
fn no_url_path_leaves_the_root() {
    let dir = site();
    let root = root(dir.path());
    proptest!(|(segments in vec(segment(), 0..6), prefix in 0..2)| {
        let path = format!("/{}", segments.join("/"));
        let rest = if prefix == 0 { &path[1..] } else { &path[..] };
        let ask = Ask { rest: rest.as_bytes(), ..Ask::get(path.as_bytes()) };
        let (status, headers, text) = answer(&root, &ask);
        prop_assert!([200, 301, 400, 404].contains(&status), "{} {}", path, status);
        if status == 200 {
            prop_assert_eq!(text, "inside", "{}", path);
        }
        let elsewhere = headers.contains("Location: //") || headers.contains('\\');
        prop_assert!(!elsewhere, "{}", headers);
    });
}
