//! All that a search finds, to be taken away: page after page, so that it is never in memory at
//! once.

use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use tokio::sync::mpsc::Sender;

use super::asked::Search;
use crate::admin::error_page::Wrong;
use crate::admin::live::Live;
use crate::admin::page::Shell;
use crate::control::Handle;
use crate::logs::Records;
use crate::model::LogFormat;

/// `GET /logs/download`: `format` is `combined` or `json`, and the fields are the page's.
pub(in crate::admin) async fn download(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Wrong> {
    let shell = Shell::of(&request, super::ENTRY);
    let pairs = super::pairs(&request);
    let search = Search::read(&pairs, shell.t);
    if !search.faults.is_empty() {
        // The page tells what is wrong.
        return Ok(crate::admin::page::go(&search.here()));
    }
    let format = pairs.iter().find(|(key, _)| key == "format");
    let (format, kind, end) = match format.map(|(_, value)| value.as_str()) {
        Some("combined") => (LogFormat::Combined, "text/plain; charset=utf-8", "log"),
        Some("json") => (LogFormat::Json, "application/x-ndjson", "jsonl"),
        _ => return Err(Wrong::NotFound),
    };
    let records = super::records(&handle)?;
    let (body, send) = Live::new();
    actix_web::rt::spawn(pour(records, search, format, send));
    let name = super::shown::local(super::asked::now(), "%Y%m%d-%H%M%S");
    let told = format!("attachment; filename=\"requests-{name}.{end}\"");
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header(("Content-Disposition", told))
        .body(body))
}

/// A page is read when the one before was taken.
async fn pour(records: Records, search: Search, format: LogFormat, send: Sender<Bytes>) {
    let mut before = search.before;
    loop {
        let (records, filter) = (records.clone(), search.filter.clone());
        let page = web::block(move || records.lines(&filter, format, before)).await;
        let Ok(page) = page else {
            return;
        };
        let lines = page.records.iter().map(|found| found.json.len() + 1);
        let mut text = String::with_capacity(lines.sum());
        for found in &page.records {
            text.push_str(&found.json);
            text.push('\n');
        }
        if !text.is_empty() && send.send(text.into()).await.is_err() {
            return;
        }
        match page.next {
            Some(next) if !send.is_closed() => before = Some(next),
            _ => return,
        }
    }
}
