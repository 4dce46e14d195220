//! Settings: what concerns the whole instance, one form a section, and webhooks.

#[rustfmt::skip]
mod fields;
mod webhooks;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::Value as Json;

use super::error_page::Wrong;
use super::forms::{Desk, Frame, Group, Source, View, fill, may, part, saved};
use super::page::{self, Shell, escaped};
use crate::control::Handle;
use crate::document::{Part, PartEdit, PartOp};
use crate::model::Config;
use crate::people::People;
use fields::{ADMIN, BACKUP, LOGS, SETTINGS};

pub(super) use webhooks::{add_webhook, ask_remove_webhook, remove_webhook, save_webhook, webhook};

/// The entry of the rail.
const ENTRY: &str = "/settings";

type Answer = Result<HttpResponse, Wrong>;

/// The sections, by the word in their URL.
const SECTIONS: [(&str, Part, &[Group]); 4] = [
    ("settings", Part::Settings, SETTINGS),
    ("admin", Part::Admin, ADMIN),
    ("logs", Part::Logs, LOGS),
    ("backup", Part::Backup, BACKUP),
];

struct Hook {
    name: String,
    href: String,
    host: String,
}

#[derive(Template)]
#[template(path = "settings/page.html")]
struct Page {
    shell: Shell,
    forms: Vec<View>,
    hooks: Vec<Hook>,
    new_hook: View,
}

fn names(config: &Config) -> [(&'static str, Vec<String>); 1] {
    let own = ["off", "self-signed"].map(str::to_owned).into_iter();
    let certificates = config.certificates.iter().map(|one| one.name.to_string());
    [("tls", own.chain(certificates).collect())]
}

/// The page, one of its forms as it was sent.
fn settings_page(
    shell: Shell,
    handle: &Handle,
    sent: Option<(&str, View)>,
    new_hook: Option<View>,
) -> Result<Page, Wrong> {
    let config = handle.config();
    let names = names(&config);
    let mut forms = Vec::new();
    for (word, section, groups) in &SECTIONS {
        if let Some((sent, view)) = &sent
            && sent == word
        {
            forms.push(view.clone());
            continue;
        }
        let (_, full) = part(handle, section)?;
        let frame = frame(&shell, groups, &names);
        let view = frame.view(url(word), Source::Document(&full));
        forms.push(view.small(shell.t.form_save()));
    }
    let hook = |hook: &crate::model::Webhook| Hook {
        name: hook.name.to_string(),
        href: format!("{ENTRY}/webhooks/{}", escaped(hook.name.as_str())),
        host: hook.url.origin(),
    };
    Ok(Page {
        forms,
        hooks: config.webhooks.iter().map(hook).collect(),
        new_hook: new_hook.unwrap_or_else(|| webhooks::new_view(&shell, None)),
        shell,
    })
}

fn url(word: &str) -> String {
    format!("{ENTRY}/{word}")
}

fn frame<'a>(
    shell: &Shell,
    groups: &'static [Group],
    names: &'a [(&'static str, Vec<String>)],
) -> Frame<'a> {
    Frame {
        t: shell.t,
        groups,
        names,
        revision: shell.revision,
        may: may(shell),
    }
}

/// `GET /settings`.
pub(super) async fn show(request: HttpRequest, handle: Data<Handle>) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    let page = settings_page(shell, &handle, None, None)?;
    Ok(page::ok(&request, &page))
}

/// `POST /settings/{section}`.
pub(super) async fn save(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let mut shell = Shell::of(&desk.request, ENTRY);
    ENTRY.clone_into(&mut shell.here);
    let found = SECTIONS.iter().find(|(word, ..)| **word == **path);
    let (word, section, groups) = found.ok_or(Wrong::NotFound)?;
    let (mut table, full): (Json, Json) = part(&desk.handle, section)?;
    fill(&mut table, groups, &desk.form);
    let edits = vec![PartEdit::new(section.clone(), PartOp::Put(table))];
    let refused = match desk.change(&shell, edits).await? {
        Ok(applied) => return Ok(saved(ENTRY, &applied)),
        Err(refused) => refused,
    };
    let names = names(&desk.handle.config());
    let frame = frame(&shell, groups, &names);
    let again = desk.again(&shell, (&frame, url(word)), &full, &refused);
    let Some(view) = again else {
        return Ok(page::go(ENTRY));
    };
    let view = view.small(shell.t.form_save());
    let page = settings_page(shell, &desk.handle, Some((word, view)), None)?;
    Ok(page::send(&desk.request, refused.status, &page))
}

/// The page with what was wrong about a new webhook.
fn with_new_hook(desk: &Desk, shell: Shell, status: StatusCode, view: View) -> Answer {
    let page = settings_page(shell, &desk.handle, None, Some(view))?;
    Ok(page::send(&desk.request, status, &page))
}
