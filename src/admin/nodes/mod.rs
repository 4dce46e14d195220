//! Nodes, the main screen: each pool with its arm and its rows. What moves by itself is sent in
//! pieces: a row, an arm, or all of it where a change has made other rows.

pub(super) mod draw;
mod forms;
mod parts;
pub(super) mod words;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::error_page::Wrong;
use super::page::{self, Shell};
use super::stream;
use crate::control::Handle;
use parts::{Filter, Look, MOST_ROWS};

pub(super) use forms::{change_many, set_state, set_weight};

/// The entry of the rail.
const ENTRY: &str = "/nodes";

/// What was wrong in a form, beside it.
#[derive(Debug, Clone, Default)]
struct Fault {
    pool: String,
    /// The row whose weight it was; empty is the form for several.
    node: String,
    words: String,
    typed: String,
}

#[derive(Template)]
#[template(path = "nodes/page.html")]
struct Page {
    shell: Shell,
    lead: String,
    pools: String,
    has_nodes: bool,
    query: String,
    only_wrong: bool,
    /// Where what moves comes from.
    live: String,
    /// That there are more.
    more: Option<String>,
    fault: String,
}

/// `GET /nodes`, with `?q=` and `?wrong=1` only some rows.
pub(super) async fn page(request: HttpRequest, handle: Data<Handle>) -> HttpResponse {
    show(&request, &handle, StatusCode::OK, (None, ""))
}

/// The page, with what was wrong beside a form or on top.
fn show(
    request: &HttpRequest,
    handle: &Handle,
    status: StatusCode,
    (fault, on_top): (Option<&Fault>, &str),
) -> HttpResponse {
    let mut shell = Shell::of(request, ENTRY);
    if fault.is_some() || !on_top.is_empty() {
        shell.here = ENTRY.to_owned();
    }
    let view = handle.nodes_view(shell.t.0);
    let filter = Filter::of(request);
    let look = Look {
        shell: &shell,
        view: &view,
        filter: &filter,
        fault,
    };
    let page = Page {
        lead: look.lead(),
        pools: look.pools(),
        has_nodes: view.pools.iter().any(|pool| !pool.nodes.is_empty()),
        more: look.is_cut().then(|| shell.t.only_some(MOST_ROWS)),
        live: filter.live(),
        only_wrong: filter.only_wrong,
        query: filter.query.clone(),
        fault: on_top.to_owned(),
        shell,
    };
    page::send(request, status, &page)
}

/// `GET /live/nodes`: what is other than a second before. All of it at first, and after a change.
pub(super) async fn live(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Wrong> {
    let shell = Shell::of(&request, ENTRY);
    let filter = Filter::of(&request);
    let mut sent = None;
    Ok(stream::every_second(&request, move |pieces| {
        let view = handle.nodes_view(shell.t.0);
        let look = Look {
            shell: &shell,
            view: &view,
            filter: &filter,
            fault: None,
        };
        pieces.put("lead", look.lead());
        if sent.replace(view.revision) != Some(view.revision) {
            pieces.put("pools", look.pools());
            return;
        }
        for (pool, nodes) in look.shown() {
            if nodes.is_empty() {
                continue;
            }
            pieces.put(&format!("about:{}", pool.name), look.about(pool));
            pieces.put(&format!("trouble:{}", pool.name), look.trouble(pool));
            pieces.put(&format!("arm:{}", pool.name), look.arm(pool));
            for node in nodes {
                let (id, row) = look.row(pool, node);
                pieces.put(&id, row);
            }
        }
    }))
}
