//! Authorities that certificates are had from: adding one, having a certificate be renewed now, and
//! what would fail where one is asked for.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path, Payload};
use serde_json::json;

use super::{Answer, Checked, HERE, Which, fields, list, refused};
use crate::admin::api::renewals::renew_now;
use crate::admin::error_page::Wrong;
use crate::admin::forms::{Desk, fill, saved};
use crate::admin::page::{self, Shell};
use crate::control::Handle;
use crate::document::{Part, PartEdit, PartOp};
use crate::model::Language;
use crate::people::People;

/// `POST /certificates/authority`: `name`, `directory`, `email`, `challenge`, `ca`, `eab.*`.
pub(in crate::admin) async fn add(
    request: HttpRequest,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, HERE);
    let mut authority = json!({});
    fill(&mut authority, fields::AUTHORITY, &desk.form);
    let part = Part::Acme(desk.form.get("name").trim().to_owned());
    let edits = vec![PartEdit::new(part, PartOp::Add(authority))];
    Ok(match desk.change(&shell, edits).await? {
        Ok(applied) => saved(HERE, &applied),
        Err(why) => refused(&desk, Which::Authority, &why),
    })
}

/// `POST /certificates/{certificate}/renew`.
pub(in crate::admin) async fn renew(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
) -> Answer {
    match renew_now(&request, (&handle, &people), &path).await {
        true => Ok(page::go(HERE)),
        false => Err(Wrong::NotFound),
    }
}

/// `POST /certificates/{certificate}/check`: the page with what was found.
pub(in crate::admin) async fn check(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Answer {
    let name = path.into_inner();
    let found = handle.check_certificate(&name).await;
    let found = found.ok_or(Wrong::NotFound)?;
    let shell = Shell::of(&request, HERE);
    let t = shell.t;
    let words = |finding: crate::acme::Finding| match t.0 {
        Language::English => finding.english,
        Language::Chinese => finding.chinese,
    };
    let mut shown = list(shell, &handle, None, "");
    shown.checked = Some(Checked {
        title: t.cert_checked(&name),
        findings: found.into_iter().map(words).collect(),
    });
    Ok(page::ok(&request, &shown))
}
