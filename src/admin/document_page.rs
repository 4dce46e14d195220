//! The document as text: everything there is to set, with the checks of `apply`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::error_page::Wrong;
use super::forms::{Desk, Said, may, saved};
use super::page::{self, Shell};
use super::request;
use super::texts::problems;
use crate::control::{Applied, Apply, ChangeError, Handle};
use crate::document::{Format, PlacedProblem};
use crate::model::Language;
use crate::people::People;

/// The entry of the rail, and the page itself.
const ENTRY: &str = "/settings";
const HERE: &str = "/document";

/// Limit: the longest text, in bytes, as the API takes it, and that on its way, where a letter
/// beyond ASCII is nine.
const MOST: usize = 4 * 1024 * 1024;
const ON_THE_WAY: usize = 3 * MOST;

/// Limit: so many Problems and changes are told; a file of another kind has one a line.
const TOLD: usize = 100;

type Answer = Result<HttpResponse, Wrong>;

/// A Problem and where it stands.
struct Found {
    said: Said,
    line: usize,
    column: usize,
    /// The line itself.
    text: String,
}

#[derive(Template)]
#[template(path = "document/page.html")]
struct Page {
    shell: Shell,
    revision: u64,
    text: String,
    may: bool,
    found: Vec<Found>,
    more: usize,
    alarms: Vec<Said>,
    /// What saving would change; none where nobody asked.
    would: Option<Vec<String>>,
    would_count: usize,
    warnings: Vec<Said>,
}

impl Page {
    fn new(shell: Shell, text: String) -> Self {
        Self {
            revision: shell.revision,
            may: may(&shell),
            text,
            found: Vec::new(),
            more: 0,
            alarms: Vec::new(),
            would: None,
            would_count: 0,
            warnings: Vec::new(),
            shell,
        }
    }

    fn tell(&mut self, problems: &[PlacedProblem]) {
        let t = self.shell.t;
        let found = |one: &PlacedProblem| {
            let line = one.line.unwrap_or(1);
            let text = self
                .text
                .lines()
                .nth(line.saturating_sub(1))
                .unwrap_or_default();
            Found {
                said: Said::of(t, &one.problem).at(&one.problem.field),
                line,
                column: one.column.unwrap_or(1),
                text: text.trim().chars().take(120).collect(),
            }
        };
        let found: Vec<Found> = problems.iter().take(TOLD).map(found).collect();
        self.more = problems.len() - found.len();
        self.found = found;
    }

    fn tell_changes(&mut self, applied: &Applied) {
        let lines = applied.changes.iter().take(TOLD).map(ToString::to_string);
        let again = applied.read_again.iter().cloned();
        self.would = Some(lines.chain(again).collect());
        self.would_count = applied.changes.len() + applied.read_again.len();
        let t = self.shell.t;
        let said = |warning: &String| match (t.0, problems::chinese(warning)) {
            (Language::Chinese, Some(words)) => Said::with(words, String::new()),
            _ => Said::with("", warning.clone()),
        };
        self.warnings = applied.warnings.iter().map(said).collect();
    }
}

/// `GET /document`.
pub(super) async fn show(request: HttpRequest, handle: Data<Handle>) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    let (revision, text) = exported(&handle)?;
    let mut page = Page::new(shell, text);
    page.revision = revision;
    Ok(page::ok(&request, &page))
}

/// The document in force, without the line that names its revision.
fn exported(handle: &Handle) -> Result<(u64, String), Wrong> {
    let exported = handle.export(Format::Toml);
    let (revision, text) = exported.map_err(|error| Wrong::Unavailable(error.to_string()))?;
    let text = match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("# revision") => rest.to_owned(),
        _ => text,
    };
    Ok((revision, text))
}

/// `POST /document`: `text`, `revision`, and `do`: `check` or `save`.
pub(super) async fn submit(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let desk = Desk::open_longer((request, handle, people), body, ON_THE_WAY).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let text = desk.form.get("text").to_owned();
    if text.len() > MOST {
        let mut page = Page::new(shell, String::new());
        let words = page.shell.t.document_long(MOST / 1024 / 1024);
        page.alarms.push(Said::with(words, String::new()));
        return Ok(page::send(
            &desk.request,
            StatusCode::PAYLOAD_TOO_LARGE,
            &page,
        ));
    }
    let is_save = desk.form.get("do") == "save";
    let apply = |if_revision, dry_run| Apply {
        text: text.clone(),
        format: Format::Toml,
        if_revision,
        dry_run,
        author: request::author(&desk.request),
    };
    let revision = Some(desk.revision()).filter(|_| is_save);
    let done = desk.handle.apply(apply(revision, !is_save)).await;
    let mut page = Page::new(shell, text.clone());
    // Looking changes nothing: the text is still of the revision it was of.
    if !is_save {
        page.revision = desk.revision();
    }
    if matches!(done, Err(ChangeError::Stale { .. })) {
        return stale(&desk, page, apply(None, true)).await;
    }
    match desk.told(&page.shell, done).await? {
        Ok(applied) if is_save => Ok(saved(HERE, &applied)),
        Ok(applied) => {
            page.tell_changes(&applied);
            Ok(page::ok(&desk.request, &page))
        }
        Err(refused) => {
            page.tell(&refused.problems);
            page.alarms.extend(refused.trouble);
            Ok(page::send(&desk.request, refused.status, &page))
        }
    }
}

/// The configuration is another by now: what saving would change is told, and nothing done.
async fn stale(desk: &Desk, mut page: Page, look: Apply) -> Answer {
    let t = page.shell.t;
    let seen = desk.handle.apply(look).await;
    match desk.told(&page.shell, seen).await? {
        // Sent twice: it is in force already.
        Ok(applied) if !applied.changed => return Ok(page::go(HERE)),
        Ok(applied) => {
            let mut said = Said::with(t.form_stale(page.shell.revision), String::new());
            said.lines = vec![t.document_stale_no_diff().to_owned()];
            page.alarms.push(said);
            page.tell_changes(&applied);
        }
        Err(refused) => {
            page.tell(&refused.problems);
            let said = Said::with(t.form_stale(page.shell.revision), String::new());
            page.alarms.push(said);
        }
    }
    Ok(page::send(&desk.request, StatusCode::CONFLICT, &page))
}
