//! The list of pages that a real browser looks at (`tests/browser/pages.txt`) against the table of URLs.

use crate::admin::routes::{Kind, ROUTES};

#[test]
fn every_page_is_looked_at_by_a_real_browser() {
    let list = include_str!("../../../tests/browser/pages.txt");
    let lines = list.lines().filter(|line| line.starts_with('/'));
    let mut listed: Vec<&str> = lines
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    // A page may be looked at in several of its states.
    listed.dedup();
    listed.sort_unstable();
    let is_page = |kind: Kind, method: &str| kind == Kind::Page && method == "GET";
    let pages = ROUTES.iter().filter(|r| is_page(r.kind, r.method));
    let mut pages: Vec<&str> = pages.map(|route| route.path).collect();
    pages.sort_unstable();
    assert_eq!(
        pages, listed,
        "a new page needs a line in tests/browser/pages.txt"
    );
}
