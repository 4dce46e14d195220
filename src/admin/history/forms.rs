//! Going back: the preview, the roll back it leads to, and undo.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{ENTRY, Row, lines, refuse, row};
use crate::admin::api;
use crate::admin::changes::secrets;
use crate::admin::error_page::Wrong;
use crate::admin::form::Form;
use crate::admin::identity;
use crate::admin::page::{self, Shell};
use crate::admin::request;
use crate::control::{ChangeError, Handle, HistoryError, RollBack, RolledBack, Undo};
use crate::model::Role;
use crate::people::People;

#[derive(Template)]
#[template(path = "history/roll_back.html")]
struct Ask {
    shell: Shell,
    to: u64,
    rows: Vec<Row>,
    /// That the page was of another revision in force.
    is_stale: bool,
    secrets_kept: String,
    secrets_lost: String,
    warnings: Vec<String>,
    /// Why it cannot be done.
    problems: Vec<String>,
}

fn number(path: &Path<String>) -> Result<u64, Wrong> {
    path.parse().map_err(|_| Wrong::NotFound)
}

/// `GET /history/{number}/rollback`: what it would change.
pub(in crate::admin) async fn ask(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Result<HttpResponse, Wrong> {
    let to = number(&path)?;
    preview(&request, &handle, to, None).await
}

/// The preview, with what has just stood in the way.
async fn preview(
    request: &HttpRequest,
    handle: &Handle,
    to: u64,
    refused: Option<ChangeError>,
) -> Result<HttpResponse, Wrong> {
    let shell = Shell::of(request, ENTRY);
    let trial = RollBack {
        to,
        if_revision: None,
        dry_run: true,
        author: String::new(),
    };
    let mut page = Ask {
        to,
        rows: Vec::new(),
        is_stale: matches!(refused, Some(ChangeError::Stale { .. })),
        secrets_kept: String::new(),
        secrets_lost: String::new(),
        warnings: Vec::new(),
        problems: Vec::new(),
        shell,
    };
    let t = page.shell.t;
    match handle.roll_back(trial).await {
        Ok(RolledBack {
            applied,
            secrets_kept,
            secrets_lost,
        }) => {
            page.rows = applied.changes.iter().map(|c| row(t, c)).collect();
            page.secrets_kept = secrets(t, &secrets_kept);
            page.secrets_lost = secrets(t, &secrets_lost);
            page.warnings = applied.warnings;
        }
        Err(HistoryError::Change(ChangeError::Invalid(problems))) => {
            page.problems = lines(&problems);
            // What it would change is told all the same.
            let changes = handle
                .diff(page.shell.revision, to)
                .await
                .unwrap_or_default();
            page.rows = changes.iter().map(|c| row(t, c)).collect();
        }
        Err(error) => return refuse(request, page.shell, to, error),
    }
    if let Some(ChangeError::Invalid(problems)) = &refused {
        page.problems = lines(problems);
    }
    let status = match &refused {
        None => StatusCode::OK,
        Some(ChangeError::Stale { .. }) => StatusCode::CONFLICT,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Ok(page::send(request, status, &page))
}

/// `POST /history/{number}/rollback`: `revision`, the one in force that the preview was of.
pub(in crate::admin) async fn roll_back(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Result<HttpResponse, Wrong> {
    let to = number(&path)?;
    let form = Form::read(body).await?;
    let from: u64 = form.get("revision").parse().map_err(|_| Wrong::BadForm)?;
    let back = RollBack {
        to,
        if_revision: Some(from),
        dry_run: false,
        author: request::author(&request),
    };
    match handle.roll_back(back).await {
        Ok(RolledBack { applied, .. }) => {
            api::note(&request, &people, &applied).await;
            Ok(page::go(&format!("{ENTRY}?changed={}", applied.revision)))
        }
        Err(HistoryError::Change(
            error @ (ChangeError::Stale { .. } | ChangeError::Invalid(_)),
        )) => preview(&request, &handle, to, Some(error)).await,
        Err(error) => refuse(&request, Shell::of(&request, ENTRY), to, error),
    }
}

/// `POST /history/undo`: `revision`, and `next`, the page to come back to.
pub(in crate::admin) async fn undo(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Result<HttpResponse, Wrong> {
    let form = Form::read(body).await?;
    let of: u64 = form.get("revision").parse().map_err(|_| Wrong::BadForm)?;
    let undo = Undo {
        of,
        if_revision: None,
        dry_run: false,
        nodes_alone: identity::of(&request).role() < Some(Role::Admin),
        author: request::author(&request),
    };
    match handle.undo(undo).await {
        Ok(applied) => {
            api::note(&request, &people, &applied).await;
            Ok(page::go(&back_to(form.get("next"), applied.revision)))
        }
        Err(error) => refuse(&request, Shell::of(&request, ENTRY), of, error),
    }
}

/// A page of ours, told which revision was made.
fn back_to(next: &str, revision: u64) -> String {
    let next = page::own_path(next).unwrap_or(ENTRY);
    let (next, anchor) = next.split_once('#').unwrap_or((next, ""));
    let with = if next.contains('?') { '&' } else { '?' };
    let anchor = match anchor {
        "" => String::new(),
        anchor => format!("#{anchor}"),
    };
    format!("{next}{with}changed={revision}{anchor}")
}

#[cfg(test)]
mod tests {
    use super::back_to;

    #[test]
    fn one_comes_back_to_a_page_of_ours_alone() {
        for (next, to) in [
            ("/nodes", "/nodes?changed=7"),
            ("/logs?node=a#x", "/logs?node=a&changed=7#x"),
            ("https://evil.example/", "/history?changed=7"),
            ("//evil.example", "/history?changed=7"),
            ("", "/history?changed=7"),
        ] {
            assert_eq!(back_to(next, 7), to);
        }
    }
}
