//! What happened beside the requests: starts, changes, nodes that went down and came back.

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{ENTRY, shown};
use crate::admin::error_page::Wrong;
use crate::admin::page::{self, Shell};
use crate::admin::request;
use crate::admin::texts::Texts;
use crate::control::Handle;
use crate::logs::{Noted, date};
use crate::model::Language;

/// Rows on one page.
const ROWS: usize = 100;

#[derive(Template)]
#[template(path = "logs/events.html")]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
    older: Option<i64>,
    is_newest: bool,
}

/// An event as the page shows it.
struct Row {
    time: String,
    utc: String,
    words: String,
    detail: String,
    mark: (&'static str, &'static str),
}

impl Row {
    fn of(event: &Noted, t: Texts) -> Self {
        let name = |name: &Option<String>| shown::text(name.as_deref().unwrap_or_default());
        let (pool, node) = (name(&event.pool), name(&event.node));
        let told = shown::text(&event.words);
        let cause = told.split_once(": ").map_or("", |(_, cause)| cause);
        let by = event.author.as_deref().map(shown::text);
        let by = by.map_or_else(String::new, |author| t.log_e_by(author));
        let (words, detail, mark) = match event.kind.as_str() {
            "node_up" => (t.log_e_node_up(node, pool), String::new(), ("up", "s-up")),
            "node_down" => (
                t.log_e_node_down(node, pool),
                cause.to_owned(),
                ("down", "s-down"),
            ),
            "fail_open" => (t.log_e_fail_open(pool), String::new(), ("down", "s-down")),
            "fail_open_end" => (t.log_e_fail_open_end(pool), String::new(), ("up", "s-up")),
            "change" => {
                let said = [told.as_str(), by.as_str()].join(" ");
                (t.log_e_change(event.revision), said, ("ac", "s-up"))
            }
            "start" => (t.log_e_start().to_owned(), String::new(), ("m", "s-off")),
            "stop" => (t.log_e_stop().to_owned(), String::new(), ("m", "s-off")),
            _ => (told, String::new(), ("m", "s-off")),
        };
        // What was said of it then was said in English.
        let detail = match (t.0, event.kind.as_str()) {
            (Language::English, _) => detail,
            (Language::Chinese, "change") => by,
            (Language::Chinese, _) => String::new(),
        };
        Self {
            time: shown::moment(event.time),
            utc: date(event.time),
            words,
            detail: detail.trim().to_owned(),
            mark,
        }
    }
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
        rows: found.iter().map(|event| Row::of(event, shell.t)).collect(),
        older: last.filter(|id| *id > 1 && found.len() == ROWS),
        is_newest: before.is_none(),
        shell,
    };
    Ok(page::ok(&request, &page))
}
