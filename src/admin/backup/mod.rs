//! Backups: one now, those that were made by night, and restoring one.

mod facts;
mod held;
mod restore;
mod upload;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::answer::Refusal;
use super::api::backup::{attached, made};
use super::api::nights;
use super::error_page::Wrong;
use super::form::Form;
use super::page::{self, Shell, escaped};
use crate::control::{BackupFault, Handle, KeptBackup};
use crate::model::{SecretBytes, size};
use crate::people::People;
use crate::store::backup::{MIN_PASSPHRASE, check_passphrase};

pub(super) use held::Held;
pub(super) use restore::{look, restore, take_nightly, take_upload, unlock};

/// The entry of the rail.
const ENTRY: &str = "/backup";

type Answer = Result<HttpResponse, Wrong>;

/// A backup of a night.
struct Line {
    href: String,
    made: i64,
    size: String,
    /// None where its head cannot be read.
    revision: Option<u64>,
    what: &'static str,
}

#[derive(Template)]
#[template(path = "backup/page.html")]
struct Page {
    shell: Shell,
    /// What is wrong with what was typed.
    fault: String,
    /// Why none could be made now.
    failed: String,
    /// What is wrong with the file that was chosen.
    upload_fault: String,
    /// When one is made every night.
    nightly: Option<String>,
    folder: String,
    /// Why the last night's is not there.
    why: Option<String>,
    /// Why nobody can tell which there are.
    unread: String,
    lines: Vec<Line>,
}

impl Page {
    async fn of(request: &HttpRequest, handle: &Handle) -> Self {
        let shell = Shell::of(request, ENTRY);
        let t = shell.t;
        let kept = handle.nightly_backups().await;
        let line = |one: KeptBackup| Line {
            href: format!("{ENTRY}/nightly/{}", escaped(&one.name)),
            made: one.made,
            size: size(one.size),
            revision: one.about.as_ref().map(|about| about.revision),
            what: one
                .about
                .map_or(t.backup_unread(), |about| facts::contents(t, &about)),
        };
        let (lines, unread) = match kept.files {
            Ok(files) => (files.into_iter().map(line).collect(), String::new()),
            Err(why) => (Vec::new(), why),
        };
        Self {
            fault: String::new(),
            failed: String::new(),
            upload_fault: String::new(),
            nightly: kept.nightly,
            folder: kept.folder.display().to_string(),
            why: kept.why,
            unread,
            lines,
            shell,
        }
    }

    /// The page, and what `tell` has to say of what was sent.
    async fn told(request: &HttpRequest, handle: &Handle, tell: impl FnOnce(&mut Self)) -> Answer {
        let mut page = Self::of(request, handle).await;
        tell(&mut page);
        let status = match page.failed.is_empty() {
            true => StatusCode::UNPROCESSABLE_ENTITY,
            false => StatusCode::SERVICE_UNAVAILABLE,
        };
        Ok(page::send(request, status, &page))
    }
}

/// `GET /backup`.
pub(super) async fn page(request: HttpRequest, handle: Data<Handle>) -> HttpResponse {
    let page = Page::of(&request, &handle).await;
    page::ok(&request, &page)
}

/// `POST /backup`: `passphrase` and the same in `again`, or `without=1`. Answers the file.
pub(super) async fn make(
    request: HttpRequest,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let form = Form::read(body).await?;
    let t = Shell::of(&request, ENTRY).t;
    let typed = SecretBytes::new(form.get("passphrase").as_bytes());
    let fault = match form.get("without") {
        "1" => String::new(),
        _ if check_passphrase(&typed).is_err() => t.backup_too_short(MIN_PASSPHRASE),
        _ if form.get("again") != form.get("passphrase") => t.backup_not_the_same().to_owned(),
        _ => String::new(),
    };
    if !fault.is_empty() {
        return Page::told(&request, &handle, |page| page.fault = fault).await;
    }
    let passphrase = (form.get("without") != "1").then_some(typed);
    match made(&request, (&handle, &people), passphrase).await {
        Ok(made) => Ok(attached(&made.about.file_name(), made.bytes)),
        Err(BackupFault::Backup(error)) => {
            let why = facts::fault(t, &error);
            Page::told(&request, &handle, |page| page.failed = why).await
        }
        Err(why) => Page::told(&request, &handle, |page| page.failed = why.to_string()).await,
    }
}

/// `GET /backup/nightly/{name}`: the file of a night.
pub(super) async fn nightly(
    request: HttpRequest,
    name: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
) -> Answer {
    let taken = nights::taken(&request, (&handle, &people), &name).await;
    Ok(attached(&name, taken.map_err(wrong)?))
}

fn wrong(refusal: Refusal) -> Wrong {
    match refusal {
        Refusal::NotFound(_) => Wrong::NotFound,
        other => Wrong::Unavailable(other.to_string()),
    }
}
