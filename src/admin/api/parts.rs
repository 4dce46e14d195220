//! The parts of the configuration, each by its name: listeners, certificates, pools, nodes, sites,
//! routes, webhooks, and the sections. Every change goes the way of a whole document.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, Route};
use serde_json::{Map, Value, json};

use super::{done, note, tagged};
use crate::admin::answer::{self, Refusal};
use crate::admin::request;
use crate::control::{EditParts, Handle};
use crate::document::{Format, Part, PartEdit, PartOp};
use crate::people::People;

/// What there is of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum Kind {
    Listener,
    Certificate,
    Acme,
    Pool,
    Node,
    Site,
    Route,
    Webhook,
    Settings,
    Admin,
    Sessions,
    Logs,
    Backup,
}

impl Kind {
    /// The key of the list or section in the document.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Listener => "listeners",
            Self::Certificate => "certificates",
            Self::Acme => "acme",
            Self::Pool => "pools",
            Self::Node => "nodes",
            Self::Site => "sites",
            Self::Route => "routes",
            Self::Webhook => "webhooks",
            Self::Settings => "settings",
            Self::Admin => "admin",
            Self::Sessions => "sessions",
            Self::Logs => "logs",
            Self::Backup => "backup",
        }
    }

    /// The part that a path names.
    fn part(self, request: &HttpRequest) -> Part {
        let names = request.match_info();
        let name = |key: &str| web_name(names.get(key).unwrap_or_default());
        match self {
            Self::Listener => Part::Listener(name("listener")),
            Self::Certificate => Part::Certificate(name("certificate")),
            Self::Acme => Part::Acme(name("acme")),
            Self::Pool => Part::Pool(name("pool")),
            Self::Node => Part::Node(name("pool"), name("node")),
            Self::Site => Part::Site(name("site")),
            Self::Route => Part::Route(name("site"), name("route")),
            Self::Webhook => Part::Webhook(name("webhook")),
            Self::Settings => Part::Settings,
            Self::Admin => Part::Admin,
            Self::Sessions => Part::Sessions,
            Self::Logs => Part::Logs,
            Self::Backup => Part::Backup,
        }
    }

    /// The part that its list stands in; none is the document.
    fn outer(self, request: &HttpRequest) -> Option<Part> {
        match self {
            Self::Node => Some(Self::Pool.part(request)),
            Self::Route => Some(Self::Site.part(request)),
            _ => None,
        }
    }
}

/// A name as it stands in a path: what the router leaves encoded is read.
fn web_name(text: &str) -> String {
    let read =
        web::Query::<Vec<(String, String)>>::from_query(&format!("n={}", text.replace('+', "%2B")));
    let read = read.map(web::Query::into_inner).unwrap_or_default();
    read.into_iter()
        .next()
        .map(|(_, name)| name)
        .unwrap_or_default()
}

fn not_there(part: &Part) -> Refusal {
    Refusal::NotFound(format!("there is no {}", part.words()))
}

/// `GET` of all of a kind.
pub(in crate::admin) fn list(kind: Kind) -> Route {
    web::to(
        move |request: HttpRequest, handle: Data<Handle>| async move {
            let (revision, document) = handle.document()?;
            let table = match kind.outer(&request) {
                None => Some(&document),
                Some(outer) => match outer.of(&document) {
                    None => return Err(not_there(&outer)),
                    found => found,
                },
            };
            let all = table.and_then(|table| table.get(kind.key()));
            let all = json!({ (kind.key()): all.cloned().unwrap_or_else(|| json!([])) });
            Ok(tagged(answer::json(&all), revision))
        },
    )
}

/// `GET` of one.
pub(in crate::admin) fn read(kind: Kind) -> Route {
    web::to(
        move |request: HttpRequest, handle: Data<Handle>| async move {
            let part = kind.part(&request);
            let (revision, document) = handle.document()?;
            let found = part.of(&document).ok_or_else(|| not_there(&part))?;
            let found = match found {
                Value::Null => &json!({}),
                found => found,
            };
            Ok::<_, Refusal>(tagged(answer::json(found), revision))
        },
    )
}

/// `PUT`: it says this and nothing else, and is made where it is not there.
pub(in crate::admin) fn put(kind: Kind) -> Route {
    web::to(
        move |request: HttpRequest,
              body: web::Payload,
              handle: Data<Handle>,
              people: Data<People>| async move {
            let value = object(&request, body).await?;
            let part = kind.part(&request);
            let (_, document) = handle.document()?;
            let is_new = part.of(&document).is_none();
            let mut answer = change(&request, (&handle, &people), part, PartOp::Put(value)).await?;
            let is_trial = request::flag(&request, "dry_run")?;
            if is_new && !is_trial {
                *answer.status_mut() = StatusCode::CREATED;
            }
            Ok::<_, Refusal>(answer)
        },
    )
}

/// `PATCH`: it says this too; null takes a key back to its default.
pub(in crate::admin) fn merge(kind: Kind) -> Route {
    web::to(
        move |request: HttpRequest,
              body: web::Payload,
              handle: Data<Handle>,
              people: Data<People>| async move {
            let value = object(&request, body).await?;
            let part = kind.part(&request);
            change(&request, (&handle, &people), part, PartOp::Merge(value)).await
        },
    )
}

/// `DELETE`: it is gone; a section is all defaults.
pub(in crate::admin) fn remove(kind: Kind) -> Route {
    web::to(
        move |request: HttpRequest, handle: Data<Handle>, people: Data<People>| async move {
            let part = kind.part(&request);
            let edit = edit(&request, part, PartOp::Remove)?;
            let is_trial = edit.dry_run;
            let applied = handle.edit_parts(edit).await?;
            if is_trial {
                return Ok(done(&request, &people, &applied).await);
            }
            note(&request, &people, &applied).await;
            let gone = HttpResponse::NoContent().finish();
            Ok::<_, Refusal>(tagged(gone, applied.revision))
        },
    )
}

fn edit(request: &HttpRequest, part: Part, op: PartOp) -> Result<EditParts, Refusal> {
    Ok(EditParts {
        edits: vec![PartEdit::new(part, op)],
        if_revision: request::if_match(request)?,
        dry_run: request::flag(request, "dry_run")?,
        author: request::author(request),
    })
}

async fn change(
    request: &HttpRequest,
    (handle, people): (&Handle, &People),
    part: Part,
    op: PartOp,
) -> Result<HttpResponse, Refusal> {
    let applied = handle.edit_parts(edit(request, part, op)?).await?;
    Ok(done(request, people, &applied).await)
}

/// The body: a table, in JSON.
async fn object(request: &HttpRequest, body: web::Payload) -> Result<Value, Refusal> {
    if request::format(request)? != Format::Json {
        return Err(Refusal::UnknownType);
    }
    let text = request::text(body).await?;
    let object: Result<Map<String, Value>, _> = serde_json::from_str(&text);
    object
        .map(Value::Object)
        .map_err(|error| Refusal::field("", &format!("must be a JSON object: {error}")))
}
