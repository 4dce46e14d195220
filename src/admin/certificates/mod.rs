//! Certificates: what there is, until when it is good and who shows it; HTTPS by one switch.

mod add;
mod authority;
#[rustfmt::skip]
mod fields;
mod line;
mod remove;
mod switch;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::{Value as Json, json};

use super::error_page::Wrong;
use super::forms::{Desk, Frame, Group, Refused, Source, View, may};
use super::page::{self, Shell};
use super::request;
use crate::control::Handle;
use crate::document::{InPart, PlacedProblem};
use line::Line;

pub(super) use add::{files, self_signed, upload};
pub(super) use authority::{add as add_authority, check, renew};
pub(super) use remove::{ask_remove, remove};
pub(super) use switch::https;

/// The entry of the rail, and the page itself.
const HERE: &str = "/certificates";

type Answer = Result<HttpResponse, Wrong>;

/// The forms of the page, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Switch,
    Upload,
    SelfSigned,
    Files,
    Authority,
}

impl Which {
    const ALL: [Self; 5] = [
        Self::Switch,
        Self::Authority,
        Self::Upload,
        Self::SelfSigned,
        Self::Files,
    ];

    /// Where it is sent.
    fn action(self) -> &'static str {
        match self {
            Self::Switch => "/certificates/https",
            Self::Upload => "/certificates/upload",
            Self::SelfSigned => "/certificates/self-signed",
            Self::Files => "/certificates/files",
            Self::Authority => "/certificates/authority",
        }
    }

    fn groups(self, has_tls: bool) -> &'static [Group] {
        match self {
            Self::Switch if has_tls => fields::SWITCH_AGAIN,
            Self::Switch => fields::SWITCH,
            Self::Upload => fields::UPLOAD,
            Self::SelfSigned => fields::SELF_SIGNED,
            Self::Files => fields::FILES,
            Self::Authority => fields::AUTHORITY,
        }
    }
}

#[derive(Template)]
#[template(path = "certificates/page.html")]
struct Page {
    shell: Shell,
    lines: Vec<Line>,
    forms: Vec<View>,
    /// Whether the switch stands above the list: nothing speaks HTTPS yet, or it was asked for.
    is_switch_first: bool,
    /// What would fail of a certificate, after somebody asked.
    checked: Option<Checked>,
}

/// What would fail where a certificate is asked for.
struct Checked {
    title: String,
    /// In words, the first to be mended first; none where all is well.
    findings: Vec<String>,
}

/// The page; the form `typed` is as it was sent, with what was wrong, and the switch for `host`.
fn list(
    shell: Shell,
    handle: &Handle,
    typed: Option<(Which, &Desk, &Refused)>,
    host: &str,
) -> Page {
    let config = handle.config();
    let has_tls = config.listeners.iter().any(|one| one.tls.is_some()) && host.is_empty();
    let authorities: Vec<String> = config.acme.iter().map(|one| one.name.to_string()).collect();
    let first = authorities.first().cloned().unwrap_or_default();
    let offered = json!({ "host": host, "port": "443", "authority": first });
    let new_authority =
        json!({ "name": "letsencrypt", "directory": "letsencrypt", "challenge": "http-01" });
    let names = [("authority", authorities)];
    let view = |which: Which| {
        let frame = Frame {
            t: shell.t,
            groups: which.groups(has_tls),
            names: &names,
            revision: shell.revision,
            may: may(&shell),
        };
        let none = match which {
            Which::Switch => Source::Document(&offered),
            Which::Authority => Source::Document(&new_authority),
            _ => Source::Document(&Json::Null),
        };
        let word = match which {
            Which::Switch => shell.t.cert_turn_on(),
            Which::Upload => shell.t.cert_upload(),
            Which::SelfSigned => shell.t.cert_make(),
            Which::Files => shell.t.cert_add(),
            Which::Authority => shell.t.cert_add_authority(),
        };
        match typed {
            Some((of, desk, refused)) if of == which => {
                let typed = Source::Typed(&desk.form);
                let mut view = frame.view(which.action(), typed).small(word);
                refused.tell_new(&shell, &mut view, 0);
                view
            }
            _ => frame.view(which.action(), none).small(word),
        }
    };
    Page {
        lines: line::lines(&shell, handle),
        forms: Which::ALL.map(view).into(),
        is_switch_first: !has_tls,
        checked: None,
        shell,
    }
}

/// `GET /certificates`, with `?host=` the name to turn HTTPS on for.
pub(super) async fn page(request: HttpRequest, handle: Data<Handle>) -> HttpResponse {
    let host = request::query_value(&request, "host");
    let shell = Shell::of(&request, HERE);
    page::ok(&request, &list(shell, &handle, None, &host))
}

/// Sends the page with what was wrong about the form `which`.
fn refused(desk: &Desk, which: Which, refused: &Refused) -> HttpResponse {
    let shell = Shell::of(&desk.request, HERE);
    let host = match which {
        Which::Switch => desk.form.get("host"),
        _ => "",
    };
    let page = list(shell, &desk.handle, Some((which, desk, refused)), host);
    page::send(&desk.request, refused.status, &page)
}

/// A Problem beside the row `key` of a form.
fn beside(mut found: PlacedProblem, key: &str) -> PlacedProblem {
    found.in_part = Some(InPart {
        edit: 0,
        field: key.to_owned(),
    });
    found
}
