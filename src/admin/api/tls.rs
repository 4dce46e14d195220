//! Certificates as they are: what each holds, who shows it, what is wrong; and giving one to be
//! kept. What the configuration says of them is `certificates`.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::fields::Fields;
use crate::admin::answer::{self, Refusal};
use crate::admin::openapi::Operation;
use crate::admin::openapi::schema::{Object, flag, list, maybe, of, said, text, unix_time, word};
use crate::admin::request::author;
use crate::control::{CertificateView, ChangeError, GivenCertificate, Handle};
use crate::model::SecretBytes;
use crate::people::{Deed, Outcome, People};

const GROUP: &str = "Certificates";

/// `GET /tls`.
pub(in crate::admin) async fn certificates(handle: Data<Handle>) -> HttpResponse {
    let all: Vec<Value> = handle
        .certificates()
        .iter()
        .map(CertificateView::to_json)
        .collect();
    answer::json(&json!({ "certificates": all }))
}

pub(in crate::admin) fn about_certificates() -> Operation {
    let all = Object::new()
        .must("certificates", list(of("CertificateFacts")))
        .told();
    Operation::new("listCertificateFacts", GROUP, "Certificates as they are")
        .detail("Those the configuration names, and those that are kept and it does not name.")
        .answers(200, "By name.", all)
}

/// What there is to know of one.
pub(in crate::admin) fn schema() -> Value {
    Object::new()
        .must("name", text())
        .must("source", word(["files", "uploaded", "self_signed", "acme"]))
        .must("named", said(flag(), "Whether the configuration names it."))
        .must("hosts", list(text()))
        .must("made_for", maybe(list(text())))
        .must("issuer", maybe(text()))
        .must("self_signed", maybe(flag()))
        .must("not_before", maybe(unix_time()))
        .must("not_after", maybe(unix_time()))
        .must("sha256", maybe(text()))
        .must(
            "kept_since",
            said(maybe(unix_time()), "None of one in files."),
        )
        .must("listeners", said(list(text()), "Those that may show it."))
        .must("admin", flag())
        .must("sessions", flag())
        .must("troubles", said(list(text()), "What is wrong with it."))
        .must("acme", maybe(super::renewals::schema()))
        .told()
}

/// `PUT /tls/{certificate}`: `{"chain":…,"key":…}`.
pub(in crate::admin) async fn put_certificate(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Result<HttpResponse, Refusal> {
    let mut fields = Fields::read(&request, body).await?;
    let (chain, key) = (fields.text("chain"), fields.hidden("key"));
    fields.end()?;
    let given = GivenCertificate {
        name: path.into_inner(),
        chain,
        key: SecretBytes::new(key.as_bytes()),
        hosts: Vec::new(),
        author: author(&request),
    };
    let view = give(&request, (&handle, &people), given).await?;
    Ok(answer::json(&view.to_json()))
}

/// Gives a certificate to be kept, and tells it in the audit log.
pub(in crate::admin) async fn give(
    request: &HttpRequest,
    (handle, people): (&Handle, &People),
    given: GivenCertificate,
) -> Result<CertificateView, ChangeError> {
    let name = given.name.clone();
    let view = handle.put_certificate(given).await?;
    let facts = view.facts.as_ref();
    let deed = Deed {
        action: "certificate_uploaded",
        subject: &name,
        detail: facts.map_or("", |facts| &facts.sha256),
        outcome: Outcome::Done,
    };
    people.note(&super::by(request), deed).await;
    Ok(view)
}

pub(in crate::admin) fn about_put_certificate() -> Operation {
    let mut key = text();
    key["writeOnly"] = json!(true);
    let taken = Object::new()
        .must(
            "chain",
            said(
                text(),
                "PEM: the certificate, then those that lead to its authority.",
            ),
        )
        .must("key", said(key, "PEM, without a passphrase. Never shown."))
        .taken();
    let pem = |what: &str| format!("-----BEGIN {what}-----\n…\n-----END {what}-----\n");
    let example = json!({ "chain": pem("CERTIFICATE"), "key": pem("PRIVATE KEY") });
    Operation::new("giveCertificate", GROUP, "Give a certificate to be kept")
        .detail(
            "In place of the one of this name before: in force at once where the configuration has it as uploaded, no connection is cut.",
        )
        .path("certificate", of("Name"), "Its name.")
        .body(taken, example)
        .answers(200, "What it holds.", of("CertificateFacts"))
        .errors(&[422])
}

/// `DELETE /tls/{certificate}`.
pub(in crate::admin) async fn forget_certificate(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
) -> Result<HttpResponse, Refusal> {
    let name = path.into_inner();
    forget(&request, (&handle, &people), name).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Keeps an uploaded certificate no longer, and tells it in the audit log.
pub(in crate::admin) async fn forget(
    request: &HttpRequest,
    (handle, people): (&Handle, &People),
    name: String,
) -> Result<(), ChangeError> {
    handle.forget_certificate(name.clone()).await?;
    let deed = Deed {
        action: "certificate_forgotten",
        subject: &name,
        detail: "",
        outcome: Outcome::Done,
    };
    people.note(&super::by(request), deed).await;
    Ok(())
}

pub(in crate::admin) fn about_forget_certificate() -> Operation {
    Operation::new(
        "forgetCertificate",
        GROUP,
        "Keep an uploaded certificate no longer",
    )
    .detail("One that the configuration names is to be removed there first.")
    .path("certificate", of("Name"), "Its name.")
    .answers_nothing("It is gone, its key too.")
    .errors(&[404, 422])
}
