//! Webhooks: who is told what happens.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path, Payload};
use askama::Template;
use serde_json::{Value as Json, json};

use super::fields::{NEW_WEBHOOK, WEBHOOK};
use super::{Answer, ENTRY, frame, with_new_hook};
use crate::admin::forms::{AskRemove, Desk, Source, View, asking, fill, part, removed, saved};
use crate::admin::page::{self, Shell, escaped};
use crate::control::Handle;
use crate::document::{Part, PartEdit, PartOp};
use crate::people::People;

#[derive(Template)]
#[template(path = "settings/webhook.html")]
struct Page {
    shell: Shell,
    name: String,
    form: View,
}

fn url(name: &str) -> String {
    format!("{ENTRY}/webhooks/{}", escaped(name))
}

/// The form for a new one, with what was typed.
pub(super) fn new_view(shell: &Shell, typed: Option<Source<'_>>) -> View {
    let typical = json!({ "events": ["node_down", "node_up", "fail_open"] });
    let source = typed.unwrap_or(Source::Document(&typical));
    let frame = frame(shell, NEW_WEBHOOK, &[]);
    frame
        .view(format!("{ENTRY}/webhooks"), source)
        .small(shell.t.form_add())
}

/// `POST /settings/webhooks`.
pub(in crate::admin) async fn add_webhook(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let mut shell = Shell::of(&desk.request, ENTRY);
    ENTRY.clone_into(&mut shell.here);
    let mut hook = json!({});
    fill(&mut hook, NEW_WEBHOOK, &desk.form);
    let part = Part::Webhook(desk.form.get("name").trim().to_owned());
    let edits = vec![PartEdit::new(part, PartOp::Add(hook))];
    let refused = match desk.change(&shell, edits).await? {
        Ok(applied) => return Ok(saved(ENTRY, &applied)),
        Err(refused) => refused,
    };
    let mut view = new_view(&shell, Some(Source::Typed(&desk.form)));
    refused.tell_new(&shell, &mut view, 0);
    with_new_hook(&desk, shell, refused.status, view)
}

/// `GET /settings/webhooks/{webhook}`.
pub(in crate::admin) async fn webhook(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    let name = path.into_inner();
    let (_, full): (Json, Json) = part(&handle, &Part::Webhook(name.clone()))?;
    let form = frame(&shell, WEBHOOK, &[]).view(url(&name), Source::Document(&full));
    Ok(page::ok(&request, &Page { shell, name, form }))
}

/// `POST /settings/webhooks/{webhook}`.
pub(in crate::admin) async fn save_webhook(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let name = path.into_inner();
    let part_of = Part::Webhook(name.clone());
    let (mut hook, full) = part(&desk.handle, &part_of)?;
    fill(&mut hook, WEBHOOK, &desk.form);
    let edits = vec![PartEdit::new(part_of, PartOp::Put(hook))];
    let refused = match desk.change(&shell, edits).await? {
        Ok(applied) => return Ok(saved(&url(&name), &applied)),
        Err(refused) => refused,
    };
    let frame = frame(&shell, WEBHOOK, &[]);
    let again = desk.again(&shell, (&frame, url(&name)), &full, &refused);
    let Some(form) = again else {
        return Ok(page::go(&url(&name)));
    };
    let page = Page { shell, name, form };
    Ok(page::send(&desk.request, refused.status, &page))
}

fn remove_page(shell: Shell, name: &str) -> AskRemove {
    let form = asking(&shell, format!("{}/remove", url(name)));
    AskRemove {
        what: shell.t.settings_hook_remove_title(name),
        words: shell.t.settings_hook_remove(),
        users: Vec::new(),
        form,
        fields: Vec::new(),
        back: url(name),
        shell,
    }
}

/// `GET /settings/webhooks/{webhook}/remove`.
pub(in crate::admin) async fn ask_remove_webhook(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    part(&handle, &Part::Webhook(path.to_string()))?;
    Ok(page::ok(&request, &remove_page(shell, &path)))
}

/// `POST /settings/webhooks/{webhook}/remove`.
pub(in crate::admin) async fn remove_webhook(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let page = remove_page(shell, &path);
    removed(&desk, Part::Webhook(path.into_inner()), page, ENTRY).await
}
