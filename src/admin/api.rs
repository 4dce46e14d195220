//! The API: the configuration, its nodes, and the status.

use actix_web::http::header::ETAG;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::answer::{self, Refusal};
use super::identity::{self, Identity};
use super::request;
use crate::control::{Applied, Apply, Handle, NodeEdit};
use crate::document::{Change, Format};
use crate::model::{AdminState, Code, Problems};
use crate::people::{Deed, Outcome, People};

/// Limit: of a change the audit log tells so many fields and characters; the revision has all.
const MOST_TOLD: usize = 20;
const LONGEST_TOLD: usize = 2000;

/// `GET /config`: the Config in force, JSON or with `?format=toml` the document.
pub(super) async fn export(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Refusal> {
    let (format, kind) = match request::query(&request, "format") {
        None | Some("json") => (Format::Json, "application/json"),
        Some("toml") => (Format::Toml, "application/toml"),
        Some(_) => return Err(Refusal::bad_request("format must be toml or json")),
    };
    let (revision, text) = handle.export(format)?;
    Ok(HttpResponse::Ok()
        .insert_header((ETAG, tag(revision)))
        .content_type(kind)
        .body(text))
}

/// `PUT /config`: make the Config equal to the body.
pub(super) async fn apply(
    request: HttpRequest,
    body: web::Payload,
    handle: Data<Handle>,
    people: Data<People>,
) -> Result<HttpResponse, Refusal> {
    let apply = Apply {
        format: request::format(&request)?,
        if_revision: request::if_match(&request)?,
        dry_run: request::flag(&request, "dry_run")?,
        author: request::author(&request),
        text: request::text(body).await?,
    };
    let applied = handle.apply(apply).await?;
    note(&request, &people, &applied).await;
    let mut answer = answer::json(&applied.to_json());
    let tag = tag(applied.revision).try_into();
    if let Ok(tag) = tag {
        answer.headers_mut().insert(ETAG, tag);
    }
    Ok(answer)
}

/// `POST /config/check`: every Problem of the body, or its warnings.
pub(super) async fn check(
    request: HttpRequest,
    body: web::Payload,
    handle: Data<Handle>,
) -> Result<HttpResponse, Refusal> {
    let format = request::format(&request)?;
    let text = request::text(body).await?;
    let warnings = handle.check(&text, format).map_err(Refusal::Invalid)?;
    Ok(answer::json(
        &json!({ "problems": [], "warnings": warnings }),
    ))
}

/// `GET /status`, the words about nodes with `?lang=zh-CN` in Chinese.
pub(super) async fn status(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Refusal> {
    let language = request::language(&request)?;
    Ok(answer::json(&handle.status_in(language)))
}

/// `PATCH /pools/{pool}/nodes/{node}`: `{"weight":3}` or `{"state":"draining"}`.
pub(super) async fn edit_node(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Payload,
    handle: Data<Handle>,
    people: Data<People>,
) -> Result<HttpResponse, Refusal> {
    let (pool, node) = path.into_inner();
    let if_revision = request::if_match(&request)?;
    let author = request::author(&request);
    let text = request::text(body).await?;
    let (weight, state) = read_edit(&text).map_err(|problems| Refusal::Invalid(problems.into()))?;
    let edit = NodeEdit {
        pool,
        node,
        weight,
        state,
        if_revision,
        author,
    };
    let applied = handle.edit_node(edit).await?;
    note(&request, &people, &applied).await;
    Ok(answer::json(&applied.to_json()))
}

/// Tells a change in the audit log: what is different, fields alone, as far as one line goes.
pub(super) async fn note(request: &HttpRequest, people: &People, applied: &Applied) {
    if !applied.changed || applied.dry_run {
        return;
    }
    let by = match identity::of(request) {
        Identity::Nobody => request::by_of_box(request),
        _ => identity::by(request),
    };
    let changes = applied.changes.iter().map(Change::to_json);
    let changes: Vec<String> = changes.take(MOST_TOLD).map(|c| c.to_string()).collect();
    let deed = Deed {
        action: "change",
        subject: &format!("revision {}", applied.revision),
        detail: &changes
            .join(" ")
            .chars()
            .take(LONGEST_TOLD)
            .collect::<String>(),
        outcome: Outcome::Done,
    };
    people.note(&by, deed).await;
}

fn tag(revision: u64) -> String {
    format!("\"{revision}\"")
}

fn read_edit(text: &str) -> Result<(Option<u64>, Option<AdminState>), Problems> {
    let mut problems = Problems::default();
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
        problems.add(
            "",
            Code::Syntax,
            "must be a JSON object, such as {\"weight\":3}",
        );
        return Err(problems);
    };
    let (mut weight, mut state) = (None, None);
    for (key, value) in &fields {
        match key.as_str() {
            "weight" => match value.as_u64() {
                Some(number) => weight = Some(number),
                None => problems.add("weight", Code::Type, "must be a whole number"),
            },
            "state" => {
                let word = value.as_str();
                let found = AdminState::ALL.iter().find(|s| Some(s.as_str()) == word);
                match found {
                    Some(found) => state = Some(*found),
                    None => problems.add(
                        "state",
                        Code::Value,
                        format!("must be enabled, draining or disabled (is {value})"),
                    ),
                }
            }
            _ => problems.add(
                key.as_str(),
                Code::UnknownKey,
                "is not known: weight and state can be changed",
            ),
        }
    }
    if fields.is_empty() {
        problems.add("", Code::Missing, "must hold weight or state");
    }
    match problems.is_empty() {
        true => Ok((weight, state)),
        false => Err(problems),
    }
}
