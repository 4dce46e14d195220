//! The API of the log store: searching, one record, the histogram, charts, events, the live tail.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use tokio::sync::mpsc::Sender;

use super::answer::{self, Refusal};
use super::identity::{self, Identity};
use super::live::Live;
use crate::control::Handle;
use crate::logs::{Asked, MAX_EVENTS_PAGE, Noted, RecordId, Records, read_chart};
use crate::people::People;

/// How often a live tail looks for what is new.
const LOOK: Duration = Duration::from_secs(1);

/// Every how many looks it asks whether the reader still may.
const ASK_AGAIN: u64 = 10;

/// `GET /logs`: a page of records, the newest first.
pub(super) async fn search(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Refusal> {
    let asked = asked(&request)?;
    with(&handle, move |records| records.asked(&asked).to_json()).await
}

/// `GET /logs/{id}`: one record, whole.
pub(super) async fn record(
    path: web::Path<String>,
    handle: Data<Handle>,
) -> Result<HttpResponse, Refusal> {
    let Ok(id) = path.parse::<RecordId>() else {
        return Ok(answer::no_such_thing().await);
    };
    let found = on_the_side(&handle, move |records| records.record(id)).await?;
    match found {
        Some(found) => Ok(text(found.to_json())),
        None => Ok(answer::no_such_thing().await),
    }
}

/// `GET /logs/histogram`: how many requests of each class there were when.
pub(super) async fn histogram(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Refusal> {
    let asked = asked(&request)?;
    let count = move |records: Records| {
        let (from, to, parts) = asked.span();
        records.histogram(&asked.filter, from, to, parts).to_json()
    };
    with(&handle, count).await
}

/// `GET /charts`: requests and times of a range.
pub(super) async fn chart(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Refusal> {
    let pairs = pairs(&request)?;
    let (subject, range) = read_chart(borrowed(&pairs)).map_err(Refusal::BadRequest)?;
    let chart = on_the_side(&handle, move |records| records.chart(&subject, range)).await?;
    match chart {
        Ok(chart) => Ok(answer::json(&chart.to_json())),
        Err(why) => Ok(unavailable(&why)),
    }
}

/// `GET /events`: what happened, the newest first.
pub(super) async fn events(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Refusal> {
    let (mut limit, mut before) = (MAX_EVENTS_PAGE, None);
    for (key, value) in pairs(&request)? {
        let number = value.parse::<i64>().ok().filter(|n| *n > 0);
        let is_much = |n: &i64| key == "limit" && usize::try_from(*n).is_ok_and(|n| n > limit);
        let number = number.filter(|n| !is_much(n)).ok_or_else(|| {
            Refusal::BadRequest(format!(
                "{key} must be a number from 1 on, of events {limit} at most (is {value:?})"
            ))
        })?;
        match key.as_str() {
            "limit" => limit = usize::try_from(number).unwrap_or(limit),
            "before" => before = Some(number),
            _ => return Err(Refusal::bad_request("limit and before can be asked for")),
        }
    }
    match on_the_side(&handle, move |records| records.events(limit, before)).await? {
        Ok(events) => {
            let events: Vec<_> = events.iter().map(Noted::to_json).collect();
            Ok(answer::json(&json!({ "events": events })))
        }
        Err(why) => Ok(unavailable(&why)),
    }
}

/// `GET /logs/live`: what is new, as server-sent events, a page at most each second.
pub(super) async fn live(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
) -> Result<HttpResponse, Refusal> {
    let asked = asked(&request)?;
    let records = handle.records().ok_or(Refusal::NoStore)?;
    let (body, send) = Live::new();
    let reader = (identity::of(&request), people);
    actix_web::rt::spawn(tail(records, asked, send, reader));
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("Cache-Control", "no-store"))
        .body(body))
}

/// Sends what is new until nobody reads it any more, or who reads is signed out.
async fn tail(
    records: Records,
    mut asked: Asked,
    send: Sender<Bytes>,
    (reader, people): (Identity, Data<People>),
) {
    asked.before = None;
    for look in 1_u64.. {
        if look.is_multiple_of(ASK_AGAIN) && !reader.lasts(&people).await {
            return;
        }
        let (records, looked) = (records.clone(), asked.clone());
        let Ok(page) = web::block(move || records.asked(&looked)).await else {
            return;
        };
        asked.after = page.newest().or(asked.after);
        // Also where nothing is new: that is how a reader who has gone is noticed, and how one who
        // is there knows that we are.
        let event = format!("event: records\ndata: {}\n\n", page.to_json());
        if send.send(event.into()).await.is_err() {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn with(
    handle: &Handle,
    ask: impl FnOnce(Records) -> String + Send + 'static,
) -> Result<HttpResponse, Refusal> {
    on_the_side(handle, ask).await.map(text)
}

/// Asks the store on a thread that may wait for the disk.
async fn on_the_side<T: Send + 'static>(
    handle: &Handle,
    ask: impl FnOnce(Records) -> T + Send + 'static,
) -> Result<T, Refusal> {
    let records = handle.records().ok_or(Refusal::NoStore)?;
    web::block(move || ask(records))
        .await
        .map_err(|_| Refusal::NoStore)
}

fn asked(request: &HttpRequest) -> Result<Asked, Refusal> {
    Asked::read(borrowed(&pairs(request)?)).map_err(Refusal::BadRequest)
}

fn pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, Refusal> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    pairs
        .map(web::Query::into_inner)
        .map_err(|error| Refusal::BadRequest(error.to_string()))
}

fn borrowed(pairs: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    pairs
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
}

fn text(json: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(json + "\n")
}

fn unavailable(why: &str) -> HttpResponse {
    answer::with_status(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": why }))
}
