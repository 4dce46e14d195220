//! Looking at everything at once.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use crate::admin::answer::{self, Refusal};
use crate::admin::openapi::Operation;
use crate::admin::openapi::schema::{Object, flag, list, maybe, of, said, text, time, word};
use crate::admin::request;
use crate::control::{Area, Handle, Verdict};
use crate::model::Language;

/// `GET /api/v1/diagnostics?lang=`.
pub(in crate::admin) async fn diagnostics(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Refusal> {
    let language = request::language(&request)?;
    Ok(answer::json(&handle.diagnose(language).await.to_json()))
}

pub(in crate::admin) fn about_diagnostics() -> Operation {
    let words = "Of all words.";
    Operation::new("diagnose", "Status", "Look at everything, and what to do")
        .query("lang", word(Language::ALL.map(Language::as_str)), words)
        .answers(200, "What was found. No secrets.", of("Diagnosis"))
        .errors(&[400])
}

/// How an answer looks.
pub(in crate::admin) fn diagnostics_schema() -> Value {
    let states = || word([Verdict::Ok, Verdict::Warn, Verdict::Bad].map(Verdict::as_str));
    let areas: Vec<&str> = Area::ALL.iter().map(|area| area.as_str()).collect();
    let finding = Object::new()
        .must("area", word(areas))
        .must("name", text())
        .must("state", states())
        .must("text", said(text(), "What was seen."))
        .must("advice", said(maybe(text()), "What to do."))
        .told();
    Object::new()
        .must("version", text())
        .must("at", maybe(time()))
        .must("running", flag())
        .must("state", said(states(), "The worst of the findings."))
        .must("summary", text())
        .must("findings", list(finding))
        .must(
            "log",
            said(
                list(text()),
                "Its last words at WARN and ERROR, the oldest first.",
            ),
        )
        .must("text", said(text(), "All of it, to be pasted."))
        .told()
}
