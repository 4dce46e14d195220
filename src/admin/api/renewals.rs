//! Certificates from authorities: how far each is, and having one be renewed.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::admin::answer::{self, Refusal};
use crate::admin::openapi::Operation;
use crate::admin::openapi::schema::{Object, list, maybe, of, said, text, unix_time, word};
use crate::control::Handle;
use crate::people::{Deed, Outcome, People};

const GROUP: &str = "Certificates";

/// How far one is.
pub(super) fn schema() -> Value {
    let count = json!({ "type": "integer", "minimum": 0 });
    Object::new()
        .must("authority", said(text(), "Its name in the document."))
        .must("state", word(["valid", "asking", "failed"]))
        .must("since", unix_time())
        .must(
            "next_try",
            said(maybe(unix_time()), "None while it is asked."),
        )
        .must(
            "tries",
            said(
                count.clone(),
                "How many have ended since the program began.",
            ),
        )
        .must("failures", said(count, "In a row."))
        .must("last_error", maybe(text()))
        .must("last_error_zh", said(maybe(text()), "The same in Chinese."))
        .told()
}

/// `POST /tls/{certificate}/renew`.
pub(in crate::admin) async fn renew(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
) -> Result<HttpResponse, Refusal> {
    let name = path.into_inner();
    match renew_now(&request, (&handle, &people), &name).await {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(not_issued(&name)),
    }
}

/// Has a certificate be renewed now, and tells it in the audit log; false where none of this name
/// comes from an authority.
pub(in crate::admin) async fn renew_now(
    request: &HttpRequest,
    (handle, people): (&Handle, &People),
    name: &str,
) -> bool {
    let is_issued = handle.renew_certificate(name);
    if is_issued {
        let deed = Deed {
            action: "certificate_renewal",
            subject: name,
            detail: "",
            outcome: Outcome::Done,
        };
        people.note(&super::by(request), deed).await;
    }
    is_issued
}

/// `POST /tls/{certificate}/check`.
pub(in crate::admin) async fn check(
    path: Path<String>,
    handle: Data<Handle>,
) -> Result<HttpResponse, Refusal> {
    let name = path.into_inner();
    let found = handle.check_certificate(&name).await;
    let found = found.ok_or_else(|| not_issued(&name))?;
    let all: Vec<Value> = found
        .iter()
        .map(|one| json!({ "en": one.english, "zh": one.chinese }))
        .collect();
    Ok(answer::json(&json!({ "findings": all })))
}

fn not_issued(name: &str) -> Refusal {
    Refusal::NotFound(format!("no certificate {name} comes from an authority"))
}

pub(in crate::admin) fn about_check() -> Operation {
    let finding = Object::new().must("en", text()).must("zh", text()).told();
    let all = Object::new().must("findings", list(finding)).told();
    Operation::new("checkCertificate", GROUP, "What would fail where an authority is asked now")
        .detail("Its hosts are looked at as the authority would, and the authority itself. Nothing is ordered.")
        .path("certificate", of("Name"), "Its name.")
        .without_body()
        .answers(200, "Empty where all is well.", all)
        .errors(&[404])
}

pub(in crate::admin) fn about_renew() -> Operation {
    Operation::new("renewCertificate", GROUP, "Have a certificate be renewed now")
        .detail("By its authority, whether it is due or not. How it goes is told where certificates are listed.")
        .path("certificate", of("Name"), "Its name.")
        .without_body()
        .answers_nothing("Its authority is asked.")
        .errors(&[404])
}
