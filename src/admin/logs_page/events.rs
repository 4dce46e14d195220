//! What happened beside the requests: starts, changes, nodes that went down and came back.

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::ENTRY;
use crate::admin::error_page::Wrong;
use crate::admin::events::Told;
use crate::admin::page::{self, Shell};
use crate::admin::request;
use crate::control::Handle;

/// Rows on one page.
const ROWS: usize = 100;

#[derive(Template)]
#[template(path = "logs/events.html")]
struct Page {
    shell: Shell,
    rows: Vec<Told>,
    older: Option<i64>,
    is_newest: bool,
}

/// `GET /logs/events?before=ID`.
pub(in crate::admin) async fn events(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Wrong> {
    let shell = Shell::of(&request, ENTRY);
    let before: Option<i64> = request::query_value(&request, "before").parse().ok();
    let records = super::records(&handle)?;
    let found = web::block(move || records.events(ROWS, before)).await;
    let found = found.map_err(|_| Wrong::Internal)?;
    let found = found.map_err(Wrong::Unavailable)?;
    let last = found.last().map(|event| event.id);
    let page = Page {
        rows: found.iter().map(|event| Told::of(&shell, event)).collect(),
        older: last.filter(|id| *id > 1 && found.len() == ROWS),
        is_newest: before.is_none(),
        shell,
    };
    Ok(page::ok(&request, &page))
}
