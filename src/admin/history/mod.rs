//! The history: every revision that is kept, what it changed, and the ways back.

pub(super) mod api;
mod forms;
mod show;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::changes::{Row, row};
use super::error_page::Wrong;
use super::page::{self, Shell};
use super::request;
use crate::control::{ChangeError, Handle, HistoryError};
use crate::document::PlacedProblems;
use crate::model::Role;

pub(super) use forms::{ask, roll_back, undo};

use show::{Day, Shown};

/// The entry of the rail.
const ENTRY: &str = "/history";

/// Revisions on one page.
const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "history/page.html")]
struct Page {
    shell: Shell,
    days: Vec<Day>,
    /// Where the revisions before these begin.
    older: Option<u64>,
    is_newest: bool,
    /// The oldest kept, where older ones are gone and this page ends with it.
    ends_at: Option<u64>,
}

#[derive(Template)]
#[template(path = "history/one.html")]
struct One {
    shell: Shell,
    revision: Shown,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "history/compare.html")]
struct Compare {
    shell: Shell,
    from: u64,
    to: u64,
    rows: Vec<Row>,
}

/// Why something cannot be shown or done.
#[derive(Template)]
#[template(path = "history/refused.html")]
struct Refused {
    shell: Shell,
    title: String,
    words: String,
    problems: Vec<String>,
    /// What was changed since.
    rows: Vec<Row>,
    /// The revision it is about, where it is kept.
    number: Option<u64>,
}

fn may_roll_back(shell: &Shell) -> bool {
    shell
        .user
        .as_ref()
        .is_some_and(|user| user.role == Role::Admin)
}

/// `GET /history?before=NUMBER`.
pub(super) async fn page(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Wrong> {
    let before: Option<u64> = request::query_value(&request, "before").parse().ok();
    let shell = Shell::of(&request, ENTRY);
    let found = match handle.revisions(before, ROWS).await {
        Ok(found) => found,
        Err(error) => return refuse(&request, shell, 0, error),
    };
    let last = found.listed.last().map(|one| one.revision.number);
    let page = Page {
        older: last.filter(|_| found.has_older),
        is_newest: before.is_none(),
        ends_at: Some(found.oldest).filter(|oldest| *oldest > 1 && !found.has_older),
        days: show::days(&shell, found.listed),
        shell,
    };
    Ok(page::ok(&request, &page))
}

/// `GET /history/{number}`.
pub(super) async fn revision(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Result<HttpResponse, Wrong> {
    let number: u64 = path.parse().map_err(|_| Wrong::NotFound)?;
    let shell = Shell::of(&request, ENTRY);
    let (revision, _) = match handle.revision_at(number).await {
        Ok(found) => found,
        Err(error) => return refuse(&request, shell, number, error),
    };
    // That of the one before which is not kept cannot be told.
    let changes = handle.diff(number.saturating_sub(1), number).await.ok();
    let rows = changes.iter().flatten().map(|c| row(shell.t, c)).collect();
    let page = One {
        revision: Shown::of(&shell, revision, changes.as_deref().map(Into::into)),
        rows,
        shell,
    };
    Ok(page::ok(&request, &page))
}

/// `GET /history/compare?from=NUMBER&to=NUMBER`.
pub(super) async fn compare(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Wrong> {
    let number = |name| request::query_value(&request, name).trim().parse::<u64>();
    let shell = Shell::of(&request, ENTRY);
    let (Ok(from), Ok(to)) = (number("from"), number("to")) else {
        return Ok(page::go(ENTRY));
    };
    let changes = match handle.diff(from, to).await {
        Ok(changes) => changes,
        Err(error) => {
            let at = about(&error).unwrap_or(to);
            return refuse(&request, shell, at, error);
        }
    };
    let page = Compare {
        rows: changes.iter().map(|c| row(shell.t, c)).collect(),
        shell,
        from,
        to,
    };
    Ok(page::ok(&request, &page))
}

/// The revision an error is about.
fn about(error: &HistoryError) -> Option<u64> {
    match error {
        HistoryError::NotKept { number, .. }
        | HistoryError::NotUnderstood { number, .. }
        | HistoryError::Touched { number, .. }
        | HistoryError::Needed { number, .. }
        | HistoryError::Already(number)
        | HistoryError::SecretAlone(number)
        | HistoryError::NotAllowed(number) => Some(*number),
        HistoryError::Change(_) => None,
    }
}

fn lines(problems: &PlacedProblems) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Tells why not, in the reader's language.
///
/// # Errors
/// What is told by the common page of its kind.
fn refuse(
    request: &HttpRequest,
    shell: Shell,
    number: u64,
    error: HistoryError,
) -> Result<HttpResponse, Wrong> {
    let t = shell.t;
    let number = about(&error).unwrap_or(number);
    let (status, words) = match &error {
        HistoryError::NotKept { oldest, newest, .. } => {
            (StatusCode::NOT_FOUND, t.revisions_kept(oldest, newest))
        }
        HistoryError::NotUnderstood { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, t.not_understood(number))
        }
        HistoryError::Already(_) => (StatusCode::CONFLICT, t.already_undone().to_owned()),
        HistoryError::SecretAlone(_) => (StatusCode::CONFLICT, t.undo_of_secret().to_owned()),
        HistoryError::Touched { .. } => (StatusCode::CONFLICT, t.undo_touched().to_owned()),
        HistoryError::Needed { .. } => (StatusCode::CONFLICT, t.undo_needed().to_owned()),
        HistoryError::NotAllowed(_) => (StatusCode::FORBIDDEN, t.undo_for_admin().to_owned()),
        HistoryError::Change(ChangeError::Stale { .. }) => {
            (StatusCode::CONFLICT, t.history_moved_on().to_owned())
        }
        HistoryError::Change(ChangeError::Invalid(_)) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            t.undo_refused().to_owned(),
        ),
        HistoryError::Change(ChangeError::BrokenOff(_)) => return Err(Wrong::Internal),
        HistoryError::Change(ChangeError::NotFound(_)) => return Err(Wrong::NotFound),
        HistoryError::Change(other) => return Err(Wrong::Unavailable(other.to_string())),
    };
    let is_kept = !matches!(error, HistoryError::NotKept { .. });
    let page = Refused {
        title: match is_kept {
            true => t.not_undone_title(number),
            false => t.not_kept_title(number),
        },
        words,
        problems: match &error {
            HistoryError::NotUnderstood { problems, .. }
            | HistoryError::Needed { problems, .. }
            | HistoryError::Change(ChangeError::Invalid(problems)) => lines(problems),
            _ => Vec::new(),
        },
        rows: match &error {
            HistoryError::Touched { since, .. } => since.iter().map(|c| row(t, c)).collect(),
            _ => Vec::new(),
        },
        number: Some(number).filter(|_| is_kept),
        shell,
    };
    Ok(page::send(request, status, &page))
}
