//! Listeners: where clients connect, and the certificates shown there.

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
use crate::model::{AdminTls, CertificateSource, Config, KeptAs};
use crate::people::People;
use fields::{LISTENER, NEW_CERTIFICATE, NEW_LISTENER};

/// The entry of the rail, and the page itself.
const ENTRY: &str = "/sites";
const HERE: &str = "/listeners";
const TLS: &str = "/tls";

type Answer = Result<HttpResponse, Wrong>;

struct Line {
    name: String,
    href: String,
    address: String,
    has_tls: bool,
    is_open: bool,
}

struct Certificate {
    name: String,
    hosts: String,
    chain: String,
    remove: String,
}

#[derive(Template)]
#[template(path = "listeners/list.html")]
struct List {
    shell: Shell,
    listeners: Vec<Line>,
    certificates: Vec<Certificate>,
    form: View,
    certificate: View,
}

#[derive(Template)]
#[template(path = "listeners/page.html")]
struct Page {
    shell: Shell,
    name: String,
    form: View,
}

/// Where a certificate is from, in a word or by its file.
fn from(source: &CertificateSource) -> String {
    match source {
        CertificateSource::Files(files) => files.chain.display().to_string(),
        CertificateSource::Uploaded | CertificateSource::SelfSigned => {
            source.kept_as().map_or("", KeptAs::as_str).to_owned()
        }
    }
}

fn url(listener: &str) -> String {
    format!("{HERE}/{}", escaped(listener))
}

fn new_views(shell: &Shell, listener: Source<'_>, certificate: Source<'_>) -> (View, View) {
    let frame = |groups| Frame {
        t: shell.t,
        groups,
        names: &[],
        revision: shell.revision,
        may: may(shell),
    };
    let (listener, certificate) = (
        frame(NEW_LISTENER).view(HERE, listener),
        frame(NEW_CERTIFICATE).view(TLS, certificate),
    );
    (
        listener.small(shell.t.listeners_add()),
        certificate.small(shell.t.listeners_certificate_add()),
    )
}

fn list_page(shell: Shell, handle: &Handle, (form, certificate): (View, View)) -> List {
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
    let of_certificate = |one: &crate::model::Certificate| {
        let hosts: Vec<String> = one.hosts.iter().map(ToString::to_string).collect();
        Certificate {
            name: one.name.to_string(),
            hosts: hosts.join(", "),
            chain: from(&one.source),
            remove: format!("{TLS}/{}/remove", escaped(one.name.as_str())),
        }
    };
    List {
        listeners: config.listeners.iter().map(line).collect(),
        certificates: config.certificates.iter().map(of_certificate).collect(),
        shell,
        form,
        certificate,
    }
}

/// `GET /listeners`.
pub(super) async fn list(request: HttpRequest, handle: Data<Handle>) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    let none = Source::Document(&Json::Null);
    let views = new_views(&shell, none, none);
    Ok(page::ok(&request, &list_page(shell, &handle, views)))
}

/// Sends the list with what was wrong about something new.
fn refused_new(desk: &Desk, shell: Shell, refused: &Refused, is_listener: bool) -> HttpResponse {
    let (none, typed) = (Source::Document(&Json::Null), Source::Typed(&desk.form));
    let mut views = match is_listener {
        true => new_views(&shell, typed, none),
        false => new_views(&shell, none, typed),
    };
    let view = match is_listener {
        true => &mut views.0,
        false => &mut views.1,
    };
    refused.tell_new(&shell, view, 0);
    let page = list_page(shell, &desk.handle, views);
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
        Err(refused) => refused_new(&desk, shell, &refused, true),
    })
}

/// `POST /tls`: a certificate by its files.
pub(super) async fn add_certificate(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let mut certificate = json!({});
    fill(&mut certificate, NEW_CERTIFICATE, &desk.form);
    let part = Part::Certificate(desk.form.get("name").trim().to_owned());
    let edits = vec![PartEdit::new(part, PartOp::Add(certificate))];
    Ok(match desk.change(&shell, edits).await? {
        Ok(applied) => saved(HERE, &applied),
        Err(refused) => refused_new(&desk, shell, &refused, false),
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

/// Who shows a certificate.
fn showers(shell: &Shell, config: &Config, certificate: &str) -> Vec<User> {
    let shows = |one: &&crate::model::Listener| {
        let tls = one.tls.as_ref();
        tls.is_some_and(|tls| {
            tls.certificates
                .iter()
                .any(|name| name.as_str() == certificate)
        })
    };
    let listeners = config.listeners.iter().filter(shows);
    let mut users: Vec<User> = listeners
        .map(|one| User {
            words: one.name.to_string(),
            href: url(one.name.as_str()),
        })
        .collect();
    if matches!(&config.admin.tls, AdminTls::Certificate(name) if name.as_str() == certificate) {
        users.push(User {
            words: shell.t.settings_admin().to_owned(),
            href: "/settings".to_owned(),
        });
    }
    users
}

fn remove_page(shell: Shell, config: &Config, name: &str, is_listener: bool) -> AskRemove {
    let t = shell.t;
    let (what, words, users, back, action) = match is_listener {
        true => (
            t.listeners_remove_title(name),
            t.listeners_remove(),
            users(config, name),
            url(name),
            format!("{}/remove", url(name)),
        ),
        false => (
            t.listeners_certificate_remove_title(name),
            t.listeners_certificate_remove(),
            showers(&shell, config, name),
            HERE.to_owned(),
            format!("{TLS}/{}/remove", escaped(name)),
        ),
    };
    AskRemove {
        what,
        words,
        users,
        form: asking(&shell, action),
        fields: Vec::new(),
        back,
        shell,
    }
}

fn ask(request: &HttpRequest, handle: &Handle, named: Part) -> Answer {
    let shell = Shell::of(request, ENTRY);
    part(handle, &named)?;
    let page = match &named {
        Part::Certificate(name) => remove_page(shell, &handle.config(), name, false),
        Part::Listener(name) => remove_page(shell, &handle.config(), name, true),
        _ => return Err(Wrong::NotFound),
    };
    Ok(page::ok(request, &page))
}

/// `GET /listeners/{listener}/remove`.
pub(super) async fn ask_remove(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Answer {
    ask(&request, &handle, Part::Listener(path.into_inner()))
}

/// `GET /tls/{certificate}/remove`.
pub(super) async fn ask_remove_certificate(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Answer {
    ask(&request, &handle, Part::Certificate(path.into_inner()))
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
    let page = remove_page(shell, &desk.handle.config(), &path, true);
    removed(&desk, Part::Listener(path.into_inner()), page, HERE).await
}

/// `POST /tls/{certificate}/remove`.
pub(super) async fn remove_certificate(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let page = remove_page(shell, &desk.handle.config(), &path, false);
    removed(&desk, Part::Certificate(path.into_inner()), page, HERE).await
}
