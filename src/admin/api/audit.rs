//! The audit log, a page at a time.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::admin::answer::{self, Refusal};
use crate::admin::openapi::Operation;
use crate::admin::openapi::schema::{Object, count, list, maybe, number, of, said};
use crate::admin::request;
use crate::people::{AuditRow, People};

/// Limit: rows of a page.
const MOST: u32 = 200;

fn told(row: &AuditRow) -> Value {
    let entry = &row.entry;
    json!({
        "number": row.number,
        "time": entry.time,
        "who": entry.who,
        "address": entry.address,
        "action": entry.action,
        "subject": entry.subject,
        "detail": entry.detail,
        "outcome": entry.outcome.as_str(),
        "is_whole": row.is_whole,
    })
}

/// `GET /audit?before=NUMBER&limit=NUMBER`.
pub(in crate::admin) async fn audit(
    request: HttpRequest,
    people: Data<People>,
) -> Result<HttpResponse, Refusal> {
    let before: Option<i64> = request::number(&request, "before", 1..=i64::MAX)?;
    let limit = request::number(&request, "limit", 1..=i64::from(MOST))?;
    let limit = limit.and_then(|n| u32::try_from(n).ok()).unwrap_or(MOST);
    let rows = people.audit(before, limit).await?;
    let is_full = rows.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let next = rows.last().map(|row| row.number);
    let next = next.filter(|number| is_full && *number > 1);
    let rows: Vec<Value> = rows.iter().map(told).collect();
    Ok(answer::json(&json!({ "rows": rows, "next": next })))
}

pub(in crate::admin) fn about_audit() -> Operation {
    let page = Object::new()
        .must("rows", list(of("AuditRow")))
        .must("next", said(maybe(count()), "Show it as before to go on."))
        .told();
    Operation::new("readAudit", "People", "Who did what, newest first")
        .query("limit", number(1, MOST.into()), "How many at most.")
        .query(
            "before",
            number(1, i64::MAX),
            "Older ones than the row of this number.",
        )
        .answers(200, "A page.", page)
        .errors(&[400])
}
