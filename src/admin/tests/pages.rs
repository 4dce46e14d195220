//! The list of pages that a real browser looks at (`tests/browser/pages.txt`) against the table of URLs.

use crate::admin::routes::{Kind, ROUTES};

#[test]
fn every_page_is_looked_at_by_a_real_browser() {
    let list = include_str!("../../../tests/browser/pages.txt");
    let lines = list
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let listed: Vec<&str> = lines.collect();
    let is_page = |kind: Kind, method: &str| kind == Kind::Page && method == "GET";
    let pages = ROUTES.iter().filter(|r| is_page(r.kind, r.method));
    let missing: Vec<&str> = pages
        .map(|route| route.path)
        .filter(|path| !listed.contains(path))
        .collect();
    // One that is gone is found by the browser.
    assert_eq!(
        missing,
        Vec::<&str>::new(),
        "a new page needs a line in tests/browser/pages.txt"
    );
}
