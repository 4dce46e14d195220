//! Listeners: where clients connect.

#[rustfmt::skip]
mod fields;
pub(super) mod shape;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::{Value as Json, json};

use super::error_page::Wrong;
use super::forms::{
    AskRemove, Desk, Frame, Refused, Source, User, View, asking, fill, may, part, removed, saved,
};
use super::page::{self, Shell, escaped};
use crate::control::Handle;
use crate::document::{Part, PartEdit, PartOp};
use crate::model::Config;
use crate::people::People;
use fields::{LISTENER, NEW_LISTENER};

/// The entry of the rail, and the page itself.
const ENTRY: &str = "/sites";
const HERE: &str = "/listeners";

type Answer = Result<HttpResponse, Wrong>;

struct Line {
    name: String,
    href: String,
    address: String,
    has_tls: bool,
    is_open: bool,
}

#[derive(Template)]
#[template(path = "listeners/list.html")]
struct List {
    shell: Shell,
    listeners: Vec<Line>,
    form: View,
}

#[derive(Template)]
#[template(path = "listeners/page.html")]
struct Page {
    shell: Shell,
    name: String,
    form: View,
}

fn url(listener: &str) -> String {
    format!("{HERE}/{}", escaped(listener))
}

fn new_view(shell: &Shell, source: Source<'_>) -> View {
    let frame = Frame {
        t: shell.t,
        groups: NEW_LISTENER,
        names: &[],
        revision: shell.revision,
        may: may(shell),
    };
    frame.view(HERE, source).small(shell.t.listeners_add())
}

fn list_page(shell: Shell, handle: &Handle, form: View) -> List {
    let config = handle.config();
    let status = handle.status();
    let is_open = |name: &str| {
        let listeners = status["listeners"].as_array();
        let mut listeners = listeners.into_iter().flatten();
        listeners.any(|one| one["name"] == name && one["open"] == true)
    };
    let line = |one: &crate::model::Listener| Line {
        name: one.name.to_string(),
        href: url(one.name.as_str()),
        address: one.address.to_string(),
        has_tls: one.tls.is_some(),
        is_open: is_open(one.name.as_str()),
    };
    List {
        listeners: config.listeners.iter().map(line).collect(),
        shell,
        form,
    }
}

/// `GET /listeners`.
pub(super) async fn list(request: HttpRequest, handle: Data<Handle>) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    let view = new_view(&shell, Source::Document(&Json::Null));
    Ok(page::ok(&request, &list_page(shell, &handle, view)))
}

/// Sends the list with what was wrong about something new.
fn refused_new(desk: &Desk, shell: Shell, refused: &Refused) -> HttpResponse {
    let mut view = new_view(&shell, Source::Typed(&desk.form));
    refused.tell_new(&shell, &mut view, 0);
    let page = list_page(shell, &desk.handle, view);
    page::send(&desk.request, refused.status, &page)
}

/// `POST /listeners`: `name`, `address`, `tls.on`.
pub(super) async fn add(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let mut listener = json!({});
    fill(&mut listener, NEW_LISTENER, &desk.form);
    shape::close(&mut listener);
    let part = Part::Listener(desk.form.get("name").trim().to_owned());
    let edits = vec![PartEdit::new(part, PartOp::Add(listener))];
    Ok(match desk.change(&shell, edits).await? {
        Ok(applied) => saved(HERE, &applied),
        Err(refused) => refused_new(&desk, shell, &refused),
    })
}

fn names(config: &Config) -> [(&'static str, Vec<String>); 1] {
    let names = config.certificates.iter().map(|one| one.name.to_string());
    [("tls.certificates", names.collect())]
}

fn frame<'a>(shell: &Shell, names: &'a [(&'static str, Vec<String>)]) -> Frame<'a> {
    Frame {
        t: shell.t,
        groups: LISTENER,
        names,
        revision: shell.revision,
        may: may(shell),
    }
}

fn shown(handle: &Handle, part_of: &Part) -> Result<(Json, Json), Wrong> {
    let (brief, mut full) = part(handle, part_of)?;
    shape::open(&mut full);
    Ok((brief, full))
}

/// `GET /listeners/{listener}`.
pub(super) async fn show(request: HttpRequest, path: Path<String>, handle: Data<Handle>) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    let name = path.into_inner();
    let (_, full) = shown(&handle, &Part::Listener(name.clone()))?;
    let names = names(&handle.config());
    let form = frame(&shell, &names).view(url(&name), Source::Document(&full));
    Ok(page::ok(&request, &Page { shell, name, form }))
}

/// `POST /listeners/{listener}`.
pub(super) async fn save(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let name = path.into_inner();
    let part = Part::Listener(name.clone());
    let (mut listener, full) = shown(&desk.handle, &part)?;
    fill(&mut listener, LISTENER, &desk.form);
    shape::close(&mut listener);
    let edits = vec![PartEdit::new(part, PartOp::Put(listener))];
    let refused = match desk.change(&shell, edits).await? {
        Ok(applied) => return Ok(saved(&url(&name), &applied)),
        Err(refused) => refused,
    };
    let names = names(&desk.handle.config());
    let frame = frame(&shell, &names);
    let again = desk.again(&shell, (&frame, url(&name)), &full, &refused);
    let Some(form) = again else {
        return Ok(page::go(&url(&name)));
    };
    let page = Page { shell, name, form };
    Ok(page::send(&desk.request, refused.status, &page))
}

/// Who names a listener.
fn users(config: &Config, listener: &str) -> Vec<User> {
    let sites = config.sites.iter();
    let by = sites.filter(|site| site.listeners.iter().any(|name| name.as_str() == listener));
    by.map(|site| User {
        words: site.name.to_string(),
        href: format!("/sites/{}", escaped(site.name.as_str())),
    })
    .collect()
}

fn remove_page(shell: Shell, config: &Config, name: &str) -> AskRemove {
    AskRemove {
        what: shell.t.listeners_remove_title(name),
        words: shell.t.listeners_remove(),
        users: users(config, name),
        form: asking(&shell, format!("{}/remove", url(name))),
        fields: Vec::new(),
        back: url(name),
        shell,
    }
}

/// `GET /listeners/{listener}/remove`.
pub(super) async fn ask_remove(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    let name = path.into_inner();
    part(&handle, &Part::Listener(name.clone()))?;
    let page = remove_page(shell, &handle.config(), &name);
    Ok(page::ok(&request, &page))
}

/// `POST /listeners/{listener}/remove`.
pub(super) async fn remove(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let page = remove_page(shell, &desk.handle.config(), &path);
    removed(&desk, Part::Listener(path.into_inner()), page, HERE).await
}
