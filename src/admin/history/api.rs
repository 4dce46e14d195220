//! The API of the history.

use actix_web::http::header::ETAG;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::admin::answer::{self, Refusal};
use crate::admin::openapi::schema::{
    Object, count, list as list_of, maybe, number as within, of, said, text, word,
};
use crate::admin::openapi::{Operation, applied as answers_applied, id};
use crate::admin::{api, identity, request};
use crate::control::{Handle, HistoryError, Listed, Origin, Revision, RollBack, Undo};
use crate::document::{self, Change};
use crate::model::Role;
use crate::people::People;

/// Revisions in one answer, unless it is asked for fewer or more.
const MANY: u32 = 50;
const MOST: u32 = 100;

const GROUP: &str = "History";

type Answer = Result<HttpResponse, Refusal>;

fn told(revision: &Revision) -> Value {
    let (origin, of) = match revision.origin {
        Origin::Change => ("change", None),
        Origin::RolledBack(to) => ("rollback", Some(to)),
        Origin::Undone(of) => ("undo", Some(of)),
        Origin::Restored => ("restore", None),
    };
    let time = jiff::Timestamp::from_second(revision.time).unwrap_or_default();
    json!({
        "revision": revision.number,
        "time": time.to_string(),
        "author": revision.author,
        "words": revision.words,
        "origin": origin,
        "origin_revision": of,
    })
}

fn listed(one: &Listed) -> Value {
    let mut told = told(&one.revision);
    let changes = one.changes.as_ref();
    told["changed"] = changes.map_or(Value::Null, |changes| changes.all.into());
    told["changes"] = changes.map_or(Value::Null, |changes| {
        changes.first.iter().map(Change::to_json).collect()
    });
    told
}

fn number(path: &Path<String>) -> Result<u64, Refusal> {
    let bad = |_| Refusal::bad_request("a revision is a number, such as 7");
    path.parse().map_err(bad)
}

/// The number of a revision in the query.
fn asked(request: &HttpRequest, name: &str) -> Result<Option<u64>, Refusal> {
    let number = request::number(request, name, 0..=i64::MAX)?;
    Ok(number.and_then(|number| number.try_into().ok()))
}

/// `GET /revisions?before=N&limit=50`: the newest first, with the first changes of each.
pub(in crate::admin) async fn list(request: HttpRequest, handle: Data<Handle>) -> Answer {
    let before = asked(&request, "before")?;
    let limit = request::number(&request, "limit", 1..=MOST.into())?;
    let limit = limit
        .and_then(|limit| limit.try_into().ok())
        .unwrap_or(MANY);
    let found = handle.revisions(before, limit).await?;
    let last = found.listed.last().map(|one| one.revision.number);
    Ok(answer::json(&json!({
        "revisions": found.listed.iter().map(listed).collect::<Value>(),
        "before": last.filter(|_| found.has_older),
        "oldest": found.oldest,
    })))
}

pub(in crate::admin) fn about_list() -> Operation {
    let page = Object::new()
        .must("revisions", list_of(of("Revision")))
        .must(
            "before",
            said(
                maybe(count()),
                "Ask for those before it to go on; null at the end.",
            ),
        )
        .must(
            "oldest",
            said(count(), "The oldest that is kept; 0 where there is none."),
        )
        .told();
    Operation::new(
        "listRevisions",
        GROUP,
        "Older revisions and what each changed",
    )
    .query(
        "before",
        within(0, i64::MAX),
        "Older ones than this revision.",
    )
    .query("limit", within(1, MOST.into()), "How many at most.")
    .answers(200, "The newest first.", page)
    .errors(&[400])
}

/// One of the list.
pub(in crate::admin) fn schema() -> Value {
    Object::new()
        .must("revision", count())
        .must("time", text())
        .must("author", said(text(), "Who made it, and from where."))
        .must("words", said(text(), "What it changed, in words."))
        .must("origin", word(["change", "rollback", "undo", "restore"]))
        .must(
            "origin_revision",
            said(maybe(count()), "What was rolled back to or undone."),
        )
        .may(
            "changed",
            said(
                maybe(count()),
                "How many fields; null where it cannot be told.",
            ),
        )
        .may(
            "changes",
            said(
                json!({}),
                "The first of them; null where they cannot be told.",
            ),
        )
        .may(
            "config",
            said(json!({}), "The document, where one revision is asked for."),
        )
        .told()
}

/// `GET /revisions/{revision}`: with its document, JSON; or with `?format=toml` the document.
pub(in crate::admin) async fn one(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Answer {
    let number = number(&path)?;
    let as_toml = match request::query(&request, "format") {
        None | Some("json") => false,
        Some("toml") => true,
        Some(_) => return Err(Refusal::bad_request("format must be toml or json")),
    };
    let (revision, config) = handle.revision_at(number).await?;
    if as_toml {
        let text = format!("# revision {number}\n{}", document::to_toml(&config));
        return Ok(HttpResponse::Ok()
            .insert_header((ETAG, format!("\"{number}\"")))
            .content_type("application/toml")
            .body(text));
    }
    let mut told = told(&revision);
    told["config"] = document::to_json(&config);
    Ok(answer::json(&told))
}

pub(in crate::admin) fn about_one() -> Operation {
    let kinds = json!({
        "application/json": { "schema": of("Revision") },
        "application/toml": { "schema": text() },
    });
    Operation::new(
        "readRevision",
        GROUP,
        "One older revision with its document",
    )
    .path("number", id(), "Its number.")
    .query(
        "format",
        word(["json", "toml"]),
        "How it is written; JSON where nobody says.",
    )
    .answer(200, "Without defaults and secrets.", kinds)
    .errors(&[400, 404, 422])
}

/// `GET /revisions/{revision}/diff?with=M`: what the revision changes of revision M, of the one
/// before it where none is named.
pub(in crate::admin) async fn compare(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Answer {
    let to = number(&path)?;
    let from = asked(&request, "with")?.unwrap_or(to.saturating_sub(1));
    let changes = handle.diff(from, to).await?;
    Ok(answer::json(&json!({
        "from": from,
        "to": to,
        "changes": changes.iter().map(Change::to_json).collect::<Value>(),
    })))
}

pub(in crate::admin) fn about_compare() -> Operation {
    let answer = Object::new()
        .must("from", count())
        .must("to", count())
        .must(
            "changes",
            said(json!({ "type": "array" }), "As of every change."),
        )
        .told();
    Operation::new(
        "compareRevisions",
        GROUP,
        "What a revision changes of another",
    )
    .path("number", id(), "Its number.")
    .query(
        "with",
        within(0, i64::MAX),
        "The other; the one before it where nobody says.",
    )
    .answers(200, "Nothing where both say the same.", answer)
    .errors(&[400, 404, 422])
}

/// `POST /revisions/{revision}/rollback?dry_run=true`, `If-Match`.
pub(in crate::admin) async fn roll_back(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
    people: Data<People>,
) -> Answer {
    let back = RollBack {
        to: number(&path)?,
        if_revision: request::if_match(&request)?,
        dry_run: request::flag(&request, "dry_run")?,
        author: request::author(&request),
    };
    let done = handle.roll_back(back).await?;
    api::note(&request, &people, &done.applied).await;
    let (mut told, revision) = (done.applied.to_json(), done.applied.revision);
    told["secrets_kept"] = done.secrets_kept.into();
    told["secrets_lost"] = done.secrets_lost.into();
    Ok(api::tagged(answer::json(&told), revision))
}

pub(in crate::admin) fn about_roll_back() -> Operation {
    let operation = Operation::new("rollBack", GROUP, "Make an older revision a new one")
        .detail("Secrets are not kept with old revisions: those in force stay.")
        .path("number", id(), "The older one.")
        .without_body()
        .changes()
        .errors(&[404]);
    answers_applied(operation)
}

/// `POST /revisions/{revision}/undo?dry_run=true`, `If-Match`.
pub(in crate::admin) async fn undo(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
    people: Data<People>,
) -> Answer {
    let undo = Undo {
        of: number(&path)?,
        if_revision: request::if_match(&request)?,
        dry_run: request::flag(&request, "dry_run")?,
        // On `control.sock` there is no role: its file's permission says who may.
        nodes_alone: identity::of(&request).role() == Some(Role::Operator),
        author: request::author(&request),
    };
    let applied = handle.undo(undo).await?;
    Ok(api::done(&request, &people, &applied).await)
}

pub(in crate::admin) fn about_undo() -> Operation {
    let operation = Operation::new("undoRevision", GROUP, "Take back what one revision changed")
        .detail("What came later stays; refused where that is of the same fields. An operator may take back weights and states of nodes.")
        .path("number", id(), "The revision.")
        .without_body()
        .changes()
        .errors(&[404, 409]);
    answers_applied(operation)
}

/// A change that did not happen is told as every other.
impl From<HistoryError> for Refusal {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Change(error) => Self::Change(error),
            error @ HistoryError::NotKept { .. } => Self::NotFound(error.to_string()),
            HistoryError::NotUnderstood { problems, .. }
            | HistoryError::Needed { problems, .. } => Self::Invalid(problems),
            error @ HistoryError::NotAllowed(_) => Self::Forbidden(error.to_string()),
            error @ (HistoryError::Already(_)
            | HistoryError::SecretAlone(_)
            | HistoryError::Touched { .. }) => Self::Conflict(error.to_string()),
        }
    }
}
