//! Where people are signed in, and ending it.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::admin::answer::{self, Refusal};
use crate::admin::identity;
use crate::admin::openapi::schema::{Object, list, of};
use crate::admin::openapi::{Operation, id};
use crate::people::{People, SignIn};

const GROUP: &str = "People";

/// `GET /sign-ins`: one's own, or everybody's for an admin.
pub(in crate::admin) async fn sign_ins(
    request: HttpRequest,
    people: Data<People>,
) -> Result<HttpResponse, Refusal> {
    let me = identity::person(&request).map(|me| me.id);
    let told = |found: &SignIn| {
        json!({
            "id": found.id,
            "user": found.user.name,
            "since": found.created,
            "seen": found.seen,
            "address": found.address,
            "agent": found.agent,
            "is_this": me == Some(found.id),
        })
    };
    let seen = identity::of(&request).sees();
    let all: Vec<Value> = people.sign_ins(seen).await?.iter().map(told).collect();
    Ok(answer::json(&json!({ "sign_ins": all })))
}

pub(in crate::admin) fn about_sign_ins() -> Operation {
    let all = Object::new().must("sign_ins", list(of("SignIn"))).told();
    Operation::new("listSignIns", GROUP, "Where people are signed in")
        .detail("An admin sees everybody's, others their own.")
        .answers(200, "Who was seen last first.", all)
}

/// `DELETE /sign-ins/{id}`.
pub(in crate::admin) async fn end_sign_in(
    request: HttpRequest,
    path: Path<String>,
    people: Data<People>,
) -> Result<HttpResponse, Refusal> {
    let seen = identity::of(&request).sees();
    let all = people.sign_ins(seen).await?;
    let found = all.iter().find(|found| path.parse() == Ok(found.id));
    let found = found.ok_or_else(|| Refusal::NotFound("there is no such sign-in".to_owned()))?;
    people.end_sign_in(found, &super::by(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(in crate::admin) fn about_end_sign_in() -> Operation {
    Operation::new("endSignIn", GROUP, "Sign somebody out")
        .detail("One's own, or anybody's for an admin.")
        .path("id", id(), "The sign-in's number.")
        .answers_nothing("It is worth nothing any more.")
        .errors(&[404])
}
