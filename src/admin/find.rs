//! Finding a page or a node by its name, and the keys of the panel. A page of its own, which
//! `palette.js` shows in a dialog and filters as one types.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::links;
use super::page::{self, Shell};
use super::request;
use super::texts::Texts;
use crate::control::{Handle, NodesView};

/// Limit: nodes in the list.
const MOST: usize = 1000;

/// What can be gone to.
#[derive(Debug)]
struct Place {
    name: String,
    /// What it is.
    kind: String,
    href: String,
    icon: &'static str,
    /// The key behind `g`; empty is none.
    key: &'static str,
}

#[derive(Template)]
#[template(path = "find/page.html")]
struct Page {
    shell: Shell,
    /// What is searched for.
    asked: String,
    places: Vec<Place>,
    /// Keys, and what they do.
    keys: Vec<(Vec<String>, &'static str)>,
}

/// `GET /find`, with `?q=` of what is searched for.
pub(super) async fn page(request: HttpRequest, handle: Data<Handle>) -> HttpResponse {
    let shell = Shell::of(&request, "/find");
    let asked = request::query_value(&request, "q");
    let mut places = places(&shell, &handle.nodes_view(shell.t.0));
    let wanted = asked.to_lowercase();
    let words: Vec<&str> = wanted.split_whitespace().collect();
    places.retain(|place| {
        let text = format!("{} {} {}", place.name, place.kind, place.href).to_lowercase();
        words.iter().all(|word| text.contains(word))
    });
    let page = Page {
        keys: keys(shell.t, &places),
        asked,
        places,
        shell,
    };
    page::ok(&request, &page)
}

fn places(shell: &Shell, nodes: &NodesView) -> Vec<Place> {
    let t = shell.t;
    let pages = shell.rail().map(|entry| Place {
        name: entry.words(shell).to_owned(),
        kind: t.find_page().to_owned(),
        href: entry.path.to_owned(),
        icon: entry.icon,
        key: entry.key(),
    });
    let nodes = nodes.pools.iter().flat_map(|pool| {
        let place = |node: &crate::control::NodeView| Place {
            name: node.name.clone(),
            kind: t.find_node_of(&pool.name),
            href: links::node(&pool.name, &node.name),
            icon: "nodes",
            key: "",
        };
        pool.nodes.iter().map(place)
    });
    pages.chain(nodes.take(MOST)).collect()
}

fn keys(t: Texts, places: &[Place]) -> Vec<(Vec<String>, &'static str)> {
    let own = |keys: &[&str], does| (keys.iter().map(|key| (*key).to_owned()).collect(), does);
    let mut all = vec![
        own(&["⌘K", "Ctrl K"], t.keys_find()),
        own(&["?"], t.keys_help()),
        own(&["/"], t.keys_filter()),
        own(&["j", "k"], t.keys_rows()),
        own(&["e"], t.keys_weight()),
        own(&["d"], t.keys_drain()),
        own(&["Esc"], t.keys_escape()),
    ];
    let named = [
        ("o", t.overview()),
        ("n", t.nodes()),
        ("s", t.sites()),
        ("l", t.logs()),
        ("h", t.history()),
    ];
    for (key, does) in named {
        if places.iter().any(|place| place.key == key) {
            all.push((vec![format!("g {key}")], does));
        }
    }
    all
}
