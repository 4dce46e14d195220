//! The configuration as one document, checking one, and the status.

use actix_web::http::header::ETAG;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::done;
use crate::admin::answer::{self, Refusal};
use crate::admin::openapi::schema::{of, text, word};
use crate::admin::openapi::{Operation, applied};
use crate::admin::request;
use crate::control::{Apply, Handle};
use crate::document::Format;
use crate::model::Language;
use crate::people::People;

const GROUP: &str = "Configuration";

/// `GET /config`: the Config in force, JSON or with `?format=toml` the document.
pub(in crate::admin) async fn export(
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
        .insert_header((ETAG, format!("\"{revision}\"")))
        .content_type(kind)
        .body(text))
}

pub(in crate::admin) fn about_export() -> Operation {
    let kinds = json!({
        "application/json": { "schema": of("Config") },
        "application/toml": { "schema": text() },
    });
    Operation::new("readConfig", GROUP, "The configuration in force")
        .query(
            "format",
            word(["json", "toml"]),
            "How it is written; JSON where nobody says.",
        )
        .answer(200, "The document, without defaults and secrets.", kinds)
        .tagged()
        .errors(&[400])
}

/// `PUT /config`: make the Config equal to the body.
pub(in crate::admin) async fn apply(
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
    Ok(done(&request, &people, &applied).await)
}

pub(in crate::admin) fn about_apply() -> Operation {
    let operation = Operation::new("applyConfig", GROUP, "Make the configuration equal to this")
        .detail("Idempotent: what is there already is no change. Secrets that the document leaves out stay as they are.")
        .bodies(documents())
        .changes();
    applied(operation)
}

/// `POST /config/check`: every Problem of the body, or its warnings.
pub(in crate::admin) async fn check(
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

pub(in crate::admin) fn about_check() -> Operation {
    Operation::new("checkConfig", GROUP, "Every Problem of a document")
        .detail("Nothing is changed and no socket opened.")
        .bodies(documents())
        .answers(
            200,
            "It has none, and what is probably not meant.",
            of("Checked"),
        )
        .errors(&[422])
}

/// A document in either form.
fn documents() -> Vec<(&'static str, serde_json::Value, serde_json::Value)> {
    let example = json!({
        "version": 1,
        "listeners": [{ "name": "http", "address": "127.0.0.1:8080" }],
        "pools": [{ "name": "django", "nodes": [{ "name": "web-1", "address": "127.0.0.1:8001" }] }],
    });
    let toml = "version = 1\n\n[[pools]]\nname = \"django\"\n\n[[pools.nodes]]\naddress = \"127.0.0.1:8001\"\n";
    vec![
        ("application/json", of("Config"), example),
        ("application/toml", text(), toml.into()),
    ]
}

/// `GET /status`, the words about nodes with `?lang=zh-CN` in Chinese.
pub(in crate::admin) async fn status(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Refusal> {
    let language = request::language(&request)?;
    Ok(answer::json(&handle.status_in(language)))
}

pub(in crate::admin) fn about_status() -> Operation {
    let words = "Of the words about nodes.";
    Operation::new("readStatus", "Status", "Nodes, health and why, listeners")
        .query("lang", word(Language::ALL.map(Language::as_str)), words)
        .answers(200, "What is so now.", of("Status"))
        .errors(&[400])
}
