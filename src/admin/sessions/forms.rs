//! The forms: turning the store on, its settings, signing everybody out.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use askama::Template;
use serde_json::{Value as Json, json};

use super::fields::{SESSIONS, TURN_ON};
use super::{Answer, ENTRY, off_again, on_form, shape, words};
use crate::admin::api::end_all;
use crate::admin::error_page::Wrong;
use crate::admin::forms::{Desk, Frame, Source, View, fill, may, part, saved};
use crate::admin::page::{self, Shell};
use crate::control::{Handle, NotSignedOut};
use crate::document::{Part, PartEdit, PartOp};
use crate::model::{Config, Sessions};
use crate::people::People;

#[derive(Template)]
#[template(path = "sessions/settings.html")]
struct Settings {
    shell: Shell,
    form: View,
}

#[derive(Template)]
#[template(path = "sessions/sign_out.html")]
struct AskSignOut {
    shell: Shell,
    /// Its number, with its name where it has one.
    database: String,
    index: u8,
    keys: u64,
    /// Why nobody was signed out.
    fault: String,
}

fn url() -> String {
    format!("{ENTRY}/settings")
}

/// `POST /sessions/on`: `listen`.
pub(in crate::admin) async fn turn_on(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let mut shell = Shell::of(&desk.request, ENTRY);
    ENTRY.clone_into(&mut shell.here);
    let mut wanted = json!({});
    fill(&mut wanted, TURN_ON, &desk.form);
    let edits = vec![PartEdit::new(Part::Sessions, PartOp::Merge(wanted))];
    let refused = match desk.change(&shell, edits).await? {
        Ok(applied) => return Ok(saved(ENTRY, &applied)),
        Err(refused) => refused,
    };
    if desk.handle.config().sessions.listen.is_some() {
        // Somebody else was quicker.
        return Ok(page::go(ENTRY));
    }
    let mut form = on_form(&shell, Source::Typed(&desk.form));
    refused.tell_new(&shell, &mut form, 0);
    off_again(&desk.request, &desk.handle, shell, refused.status, form)
}

fn names(config: &Config) -> [(&'static str, Vec<String>); 1] {
    let certificates = config.certificates.iter().map(|one| one.name.to_string());
    [("tls.certificates", certificates.collect())]
}

fn frame<'a>(shell: &Shell, names: &'a [(&'static str, Vec<String>)]) -> Frame<'a> {
    Frame {
        t: shell.t,
        groups: SESSIONS,
        names,
        revision: shell.revision,
        may: may(shell),
    }
}

/// The section as exported, and with every default as the form shows it.
fn shown(handle: &Handle) -> Result<(Json, Json), Wrong> {
    let (brief, mut full) = part(handle, &Part::Sessions)?;
    shape::open(&mut full);
    Ok((brief, full))
}

/// `GET /sessions/settings`.
pub(in crate::admin) async fn settings(request: HttpRequest, handle: Data<Handle>) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    let (_, full) = shown(&handle)?;
    let names = names(&handle.config());
    let form = frame(&shell, &names).view(url(), Source::Document(&full));
    Ok(page::ok(&request, &Settings { shell, form }))
}

/// `POST /sessions/settings`.
pub(in crate::admin) async fn save_settings(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let (before, full) = shown(&desk.handle)?;
    let mut sessions = before.clone();
    fill(&mut sessions, SESSIONS, &desk.form);
    shape::close(&mut sessions, &before);
    let edits = vec![PartEdit::new(Part::Sessions, PartOp::Put(sessions))];
    let refused = match desk.change(&shell, edits).await? {
        Ok(applied) => return Ok(saved(ENTRY, &applied)),
        Err(refused) => refused,
    };
    let names = names(&desk.handle.config());
    let frame = frame(&shell, &names);
    let Some(form) = desk.again(&shell, (&frame, url()), &full, &refused) else {
        return Ok(page::go(ENTRY));
    };
    let page = Settings { shell, form };
    Ok(page::send(&desk.request, refused.status, &page))
}

/// The page that asks; none of a database that there cannot be, or while the store is off.
fn asking(request: &HttpRequest, handle: &Handle, path: &str) -> Result<AskSignOut, Wrong> {
    let index: u8 = path.parse().map_err(|_| Wrong::NotFound)?;
    let view = handle.sessions_view().ok_or(Wrong::NotFound)?;
    if index > Sessions::MAX_INDEX {
        return Err(Wrong::NotFound);
    }
    let mut all = view.databases.into_iter();
    let found = all.find(|one| one.index == index).unwrap_or_default();
    Ok(AskSignOut {
        shell: Shell::of(request, ENTRY),
        database: match found.name {
            Some(name) => format!("{index} ({name})"),
            None => index.to_string(),
        },
        index,
        keys: found.keys,
        fault: String::new(),
    })
}

/// `GET /sessions/sign-out/{database}`: what it would mean.
pub(in crate::admin) async fn ask_sign_out(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Answer {
    let page = asking(&request, &handle, &path)?;
    Ok(page::ok(&request, &page))
}

/// `POST /sessions/sign-out/{database}`.
pub(in crate::admin) async fn sign_out(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
) -> Answer {
    let mut page = asking(&request, &handle, &path)?;
    match end_all(&request, (&handle, &people), page.index).await {
        Ok(_) => Ok(page::go(&format!("{ENTRY}?signed-out={}", page.index))),
        Err(NotSignedOut::Unknown | NotSignedOut::Off) => Err(Wrong::NotFound),
        Err(why @ NotSignedOut::Failed(_)) => {
            page.fault = why.to_string();
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Ok(page::send(&request, status, &page))
        }
    }
}
