//! Restoring a backup: a file, or one of the nights, is looked at first, and then in force.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path, Payload};
use askama::Template;

use super::facts::{self, Fact, facts};
use super::held::{Held, Waiting, hold};
use super::{Answer, ENTRY, Page, upload};
use crate::admin::api::backup::{Asked, restored};
use crate::admin::changes::{Row, row};
use crate::admin::error_page::Wrong;
use crate::admin::form::Form;
use crate::admin::identity;
use crate::admin::page::{self, Shell};
use crate::admin::people::second_factor::confirmed;
use crate::admin::sign_in::visitor;
use crate::control::{BackupFault, ChangeError, Handle, Restored};
use crate::model::SecretBytes;
use crate::people::People;
use crate::store::backup::{self, About, BackupError};

/// What every handler of these is given.
type Parts = (Data<Handle>, Data<People>, Data<Held>);

#[derive(Template)]
#[template(path = "backup/look.html")]
struct Look {
    shell: Shell,
    /// Where its forms are sent.
    here: String,
    about: String,
    /// Whether its passphrase has to be typed before anything can be told.
    is_locked: bool,
    /// What is wrong with what was typed.
    fault: String,
    /// Why it cannot be restored.
    why: String,
    problems: Vec<String>,
    /// That the preview was of another revision in force.
    is_stale: bool,
    rows: Vec<Row>,
    facts: Vec<Fact>,
    warnings: Vec<String>,
}

#[derive(Template)]
#[template(path = "backup/done.html")]
struct Done {
    shell: Shell,
    about: String,
    facts: Vec<Fact>,
    warnings: Vec<String>,
    replaced: Option<String>,
}

/// `POST /backup/upload`: a `file`. It is looked at next.
pub(in crate::admin) async fn take_upload(
    request: HttpRequest,
    (handle, _, held): Parts,
    body: Payload,
) -> Answer {
    let bytes = upload::file(&request, body, "file").await?;
    if bytes.is_empty() {
        let t = Shell::of(&request, ENTRY).t;
        return Page::told(&request, &handle, |page| {
            page.upload_fault = t.backup_no_file().to_owned();
        })
        .await;
    }
    look_at(&request, (&handle, &held), bytes).await
}

/// `POST /backup/nightly/{name}`: the backup of a night is looked at next.
pub(in crate::admin) async fn take_nightly(
    request: HttpRequest,
    path: Path<String>,
    (handle, _, held): Parts,
) -> Answer {
    let read = handle.nightly_backup(&path).await;
    let read = read.map_err(|error| Wrong::Unavailable(error.to_string()))?;
    let bytes = read.ok_or(Wrong::NotFound)?;
    look_at(&request, (&handle, &held), bytes.into()).await
}

async fn look_at(
    request: &HttpRequest,
    (handle, held): (&Handle, &Data<Held>),
    bytes: Bytes,
) -> Answer {
    if let Err(error) = backup::about(&bytes) {
        let t = Shell::of(request, ENTRY).t;
        return Page::told(request, handle, |page| {
            page.upload_fault = facts::fault(t, &error);
        })
        .await;
    }
    let id = hold(held, bytes);
    Ok(page::go(&format!("{ENTRY}/restore/{id}")))
}

/// `GET /backup/restore/{id}`: what it would do.
pub(in crate::admin) async fn look(
    request: HttpRequest,
    path: Path<String>,
    (handle, people, held): Parts,
) -> Answer {
    let Some(waiting) = held.find(&path) else {
        return gone(&request, &handle).await;
    };
    show(&request, (&handle, &people), &waiting, |_| {}).await
}

/// `POST /backup/restore/{id}/passphrase`: `passphrase`.
pub(in crate::admin) async fn unlock(
    request: HttpRequest,
    path: Path<String>,
    (handle, people, held): Parts,
    body: Payload,
) -> Answer {
    let form = Form::read(body).await?;
    let Some(mut waiting) = held.find(&path) else {
        return gone(&request, &handle).await;
    };
    let typed = SecretBytes::new(form.get("passphrase").as_bytes());
    waiting.passphrase = Some(typed.clone());
    match dry_run(&request, (&handle, &people), &waiting).await {
        Err(BackupFault::Backup(
            error @ (BackupError::WrongPassphrase | BackupError::PassphraseMissing),
        )) => {
            waiting.passphrase = None;
            let fault = facts::fault(Shell::of(&request, ENTRY).t, &error);
            show(&request, (&handle, &people), &waiting, |page| {
                page.fault = fault
            })
            .await
        }
        // What else is wrong is told where all of it is.
        _ => {
            held.opened(&path, typed);
            Ok(page::go(&format!("{ENTRY}/restore/{}", waiting.id)))
        }
    }
}

/// `POST /backup/restore/{id}`: `revision`, the one in force that the preview was of, and
/// `password`, one's own: it brings other users, so a browser that was left signed in is not enough.
pub(in crate::admin) async fn restore(
    request: HttpRequest,
    path: Path<String>,
    (handle, people, held): Parts,
    body: Payload,
) -> Answer {
    let form = Form::read(body).await?;
    let from: u64 = form.get("revision").parse().map_err(|_| Wrong::BadForm)?;
    let me = identity::person(&request).ok_or(Wrong::SignIn)?;
    let Some(waiting) = held.find(&path) else {
        return gone(&request, &handle).await;
    };
    let t = Shell::of(&request, ENTRY).t;
    let address = visitor(&request).address;
    let both = (&*handle.into_inner(), &*people.into_inner());
    if let Err(fault) = both
        .1
        .confirm(&me.user, form.get("password"), address)
        .await
    {
        let fault = confirmed(fault, t)?;
        return show(&request, both, &waiting, |page| page.fault = fault).await;
    }
    let asked = Asked {
        if_revision: Some(from),
        dry_run: false,
        ..asked(&waiting)
    };
    match restored(&request, both, asked).await {
        Ok(restored) => {
            held.forget(&path);
            let shell = Shell::of(&request, ENTRY);
            let done = Done {
                about: facts::about(&shell, &restored.about),
                facts: facts(&shell, &restored)
                    .into_iter()
                    .filter(|one| one.is_asked)
                    .collect(),
                warnings: restored.applied.warnings,
                replaced: restored.replaced,
                shell,
            };
            Ok(page::ok(&request, &done))
        }
        Err(BackupFault::Change(ChangeError::Stale { .. })) => {
            show(&request, both, &waiting, |page| page.is_stale = true).await
        }
        Err(fault) => show(&request, both, &waiting, |page| page.tell(fault)).await,
    }
}

/// It was restored, another took its place, or too much time went by.
async fn gone(request: &HttpRequest, handle: &Handle) -> Answer {
    let t = Shell::of(request, ENTRY).t;
    Page::told(request, handle, |page| {
        page.upload_fault = t.backup_gone().to_owned();
    })
    .await
}

fn asked(waiting: &Waiting) -> Asked {
    Asked {
        bytes: waiting.bytes.to_vec(),
        passphrase: waiting.passphrase.clone(),
        if_revision: None,
        dry_run: true,
    }
}

async fn dry_run(
    request: &HttpRequest,
    both: (&Handle, &People),
    waiting: &Waiting,
) -> Result<Restored, BackupFault> {
    restored(request, both, asked(waiting)).await
}

/// What it would do, and what `tell` has to say besides.
async fn show(
    request: &HttpRequest,
    both: (&Handle, &People),
    waiting: &Waiting,
    tell: impl FnOnce(&mut Look),
) -> Answer {
    let about = backup::about(&waiting.bytes).map_err(|_| Wrong::NotFound)?;
    let is_locked = about.secrets && waiting.passphrase.is_none();
    let mut page = Look::of(request, &about, waiting);
    if is_locked {
        page.is_locked = true;
    } else {
        match dry_run(request, both, waiting).await {
            Ok(found) => page.fill(found),
            Err(fault) => page.tell(fault),
        }
    }
    tell(&mut page);
    let status = match () {
        () if page.is_stale => StatusCode::CONFLICT,
        () if page.fault.is_empty() && page.why.is_empty() => StatusCode::OK,
        () => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Ok(page::send(request, status, &page))
}

impl Look {
    fn of(request: &HttpRequest, about: &About, waiting: &Waiting) -> Self {
        let shell = Shell::of(request, ENTRY);
        Self {
            here: format!("{ENTRY}/restore/{}", waiting.id),
            about: facts::about(&shell, about),
            is_locked: false,
            fault: String::new(),
            why: String::new(),
            problems: Vec::new(),
            is_stale: false,
            rows: Vec::new(),
            facts: Vec::new(),
            warnings: Vec::new(),
            shell,
        }
    }

    fn fill(&mut self, found: Restored) {
        let t = self.shell.t;
        self.rows = found.applied.changes.iter().map(|c| row(t, c)).collect();
        self.facts = facts(&self.shell, &found);
        self.warnings = found.applied.warnings;
    }

    fn tell(&mut self, fault: BackupFault) {
        let t = self.shell.t;
        self.why = match fault {
            BackupFault::Backup(error) => facts::fault(t, &error),
            BackupFault::Change(ChangeError::Invalid(problems)) => {
                self.problems = problems.iter().map(ToString::to_string).collect();
                t.backup_does_not_fit().to_owned()
            }
            BackupFault::Change(error) => {
                self.problems = vec![error.to_string()];
                t.form_cannot_save().to_owned()
            }
        };
    }
}
