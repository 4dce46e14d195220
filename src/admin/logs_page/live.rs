//! The live tail: what is new, as rows for the page, as long as somebody looks who may.

use std::time::Duration;

use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use tokio::sync::mpsc::Sender;

use super::asked::Search;
use super::row::Row;
use super::{ENTRY, Rows, Shown};
use crate::admin::error_page::Wrong;
use crate::admin::identity;
use crate::admin::live::Live;
use crate::admin::page::Shell;
use crate::admin::stream;
use crate::control::Handle;
use crate::logs::{Page, RecordId, Records};
use crate::people::{People, SignIn};

/// How often is looked for what is new.
const EVERY: Duration = Duration::from_secs(1);

/// Limit: rows sent at once. Nobody reads more in a second.
const ROWS: usize = 50;

/// After so many times is looked whether who reads may still.
const ASK_AGAIN: u32 = 10;

/// `GET /logs/live`: rows that are newer than the record `after`, or than the one that was sent
/// last before the connection broke.
pub(in crate::admin) async fn live(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Wrong> {
    let shell = Shell::of(&request, ENTRY);
    let pairs = super::pairs(&request);
    let search = Search::read(&pairs, shell.t);
    let last = request.headers().get("Last-Event-ID");
    let last = last.and_then(|id| id.to_str().ok()?.parse().ok());
    let after = pairs.iter().find(|(key, _)| key == "after");
    let after = last.or_else(|| after.and_then(|(_, id)| id.parse().ok()));
    let records = super::records(&handle)?;
    let (body, send) = Live::new();
    let people = request.app_data::<Data<People>>().cloned();
    if let (Some(people), Some(reader)) = (people, identity::person(&request)) {
        let tail = Tail {
            shell,
            search,
            after,
            handle,
            records,
        };
        actix_web::rt::spawn(tail.run(send, people, reader));
    }
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("Cache-Control", "no-store"))
        .body(body))
}

struct Tail {
    shell: Shell,
    search: Search,
    after: Option<RecordId>,
    handle: Data<Handle>,
    records: Records,
}

impl Tail {
    async fn run(mut self, send: Sender<Bytes>, people: Data<People>, reader: SignIn) {
        // What comes is no further away than now.
        (self.search.filter.from, self.search.filter.to) = (None, None);
        for turn in 1_u32.. {
            let (records, after) = (self.records.clone(), self.after);
            let filter = self.search.filter.clone();
            let page = web::block(move || match after {
                // One more tells that there are more.
                Some(after) => records.newer(&filter, ROWS + 1, after),
                None => records.search(&filter, ROWS, None),
            });
            let Ok(page) = page.await else {
                return;
            };
            if send.send(self.event(&page)).await.is_err() {
                return;
            }
            let is_time = turn.is_multiple_of(ASK_AGAIN);
            if is_time && !stream::is_signed_in(&people, &reader).await {
                return;
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// The rows, to be put above those that are there; also nothing, so that the page knows that
    /// we are there and we that somebody reads.
    fn event(&mut self, page: &Page) -> Bytes {
        let Some(newest) = page.newest() else {
            return Bytes::from_static(b"event: same\ndata:\n\n");
        };
        self.after = Some(newest);
        let t = self.shell.t;
        let rows = page.records.iter().take(ROWS);
        let rows = rows.filter_map(|found| Row::of(found, t));
        let rows = rows.map(|row| Shown::of(row, false, &self.search, &self.handle));
        let rows = Rows {
            rows: rows.collect(),
            shell: self.shell.clone(),
        };
        let html = rows.render().unwrap_or_default();
        let much = match page.records.len() > ROWS {
            true => t.log_follow_much(ROWS),
            false => String::new(),
        };
        let mut event = format!("id: {newest}\n");
        let partials = format!(
            "<hx-partial hx-target=\"#above\" hx-swap=\"afterend\">{html}</hx-partial>\
             <hx-partial hx-target=\"#much\" hx-swap=\"innerHTML\">{much}</hx-partial>"
        );
        for line in partials.lines() {
            event.push_str("data: ");
            event.push_str(line);
            event.push('\n');
        }
        event.push('\n');
        event.into()
    }
}
