//! Everything that is looked at first when something is wrong, on one page and as a file for who is
//! asked for help.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::{Value, json};

use super::page::{self, Shell};
use crate::control::{Area, Diagnosis, Finding, Handle, Verdict};
use crate::model::{Config, Language};

/// The entry of the rail, and the page itself.
const HERE: &str = "/diagnostics";

#[derive(Template)]
#[template(path = "diagnostics/page.html")]
struct Page {
    shell: Shell,
    found: Diagnosis,
    text: String,
}

impl Page {
    /// The areas in which something was found.
    fn areas(&self) -> Vec<(Area, Vec<&Finding>)> {
        let of = |area: &Area| {
            let findings = self.found.findings.iter();
            let findings = findings.filter(|finding| finding.area == *area);
            (*area, findings.collect())
        };
        let all: Vec<(Area, Vec<&Finding>)> = Area::ALL.iter().map(of).collect();
        all.into_iter()
            .filter(|(_, found)| !found.is_empty())
            .collect()
    }

    /// The class and the shape of a state.
    fn mark(&self, state: &Verdict) -> (&'static str, &'static str) {
        match state {
            Verdict::Ok => ("up", "up"),
            Verdict::Warn => ("warn", "half"),
            Verdict::Bad => ("down", "down"),
        }
    }

    fn word(&self, state: &Verdict) -> &'static str {
        state.text(self.shell.t.0)
    }

    fn area(&self, area: &Area) -> &'static str {
        area.text(self.shell.t.0)
    }
}

/// `GET /diagnostics`.
pub(super) async fn page(request: HttpRequest, handle: Data<Handle>) -> HttpResponse {
    let shell = Shell::of(&request, HERE);
    let found = handle.diagnose(shell.t.0).await;
    let text = found.to_text();
    page::ok(&request, &Page { shell, found, text })
}

/// `GET /diagnostics/bundle`: what was found and the configuration, as JSON, without secrets.
pub(super) async fn bundle(handle: Data<Handle>) -> HttpResponse {
    let found = handle.diagnose(Language::English).await;
    let document = handle.document().ok().map(|(_, document)| document);
    let document = document.map(|document| without_ways(document, &handle.config()));
    let bundle = json!({ "diagnosis": found.to_json(), "document": document });
    let text = serde_json::to_string_pretty(&bundle).unwrap_or_default();
    let name = "attachment; filename=\"steelyard-support.json\"";
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .body(text)
}

/// A webhook's path and query may let whoever has them write there.
fn without_ways(mut document: Value, config: &Config) -> Value {
    let hooks = document["webhooks"].as_array_mut();
    for (told, hook) in hooks.into_iter().flatten().zip(&config.webhooks) {
        told["url"] = hook.url.origin().into();
    }
    document
}
