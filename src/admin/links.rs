//! Where names lead: one place, so that all pages agree. Nothing where there is no such page.

use super::page::escaped;
use super::routes;
use crate::model::Name;

/// The page of a node.
pub(super) fn node(pool: &str, node: &str) -> String {
    let its = format!("/nodes/{}/{}", escaped(pool), escaped(node));
    first([("/nodes/{pool}/{node}", its), page("/nodes")])
}

/// All nodes.
pub(super) fn nodes() -> String {
    first([page("/nodes"), page("/people")])
}

/// The page of a site.
pub(super) fn site(site: &Name) -> String {
    let its = format!("/sites/{}", escaped(site.as_str()));
    first([("/sites/{site}", its), page("/sites")])
}

/// All sites.
pub(super) fn sites() -> String {
    first([page("/sites")])
}

/// Where listeners are.
pub(super) fn listeners() -> String {
    first([page("/listeners"), page("/settings")])
}

/// A page without a name in its path.
pub(super) fn plain(path: &'static str) -> String {
    first([page(path)])
}

fn page(path: &'static str) -> (&'static str, String) {
    (path, path.to_owned())
}

/// The first of these whose pattern has a line in `routes`.
fn first<const N: usize>(ways: [(&str, String); N]) -> String {
    let mut ways = ways.into_iter();
    let found = ways.find(|(pattern, _)| routes::has("GET", pattern));
    found.map_or_else(String::new, |(_, way)| way)
}

#[cfg(test)]
mod tests {
    use super::{first, node, page};

    #[test]
    fn a_name_leads_to_the_first_page_there_is() {
        assert_eq!(first([page("/nowhere"), page("/people")]), "/people");
        assert_eq!(first([page("/nowhere")]), "");
        assert!(!node("a b", "<x>").contains(['<', ' ']));
    }
}
