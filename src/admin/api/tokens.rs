//! Tokens for programs: shown once, where they are made.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::fields::Fields;
use crate::admin::answer::{self, Refusal};
use crate::admin::openapi::schema::{Object, list, of, said, text, word};
use crate::admin::openapi::{Operation, id};
use crate::model::Scope;
use crate::people::{People, Token};

const GROUP: &str = "People";

fn told(token: &Token) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "scope": token.scope.as_str(),
        "made_by": token.made_by,
        "created": token.created,
        "used": token.used,
    })
}

/// `GET /tokens`.
pub(in crate::admin) async fn tokens(people: Data<People>) -> Result<HttpResponse, Refusal> {
    let all: Vec<Value> = people.tokens().await?.iter().map(told).collect();
    Ok(answer::json(&json!({ "tokens": all })))
}

pub(in crate::admin) fn about_tokens() -> Operation {
    let all = Object::new().must("tokens", list(of("Token"))).told();
    Operation::new("listTokens", GROUP, "Tokens of programs").answers(200, "The newest first.", all)
}

/// `POST /tokens`: `{"name":…,"scope":…}`.
pub(in crate::admin) async fn make_token(
    request: HttpRequest,
    people: Data<People>,
    body: Payload,
) -> Result<HttpResponse, Refusal> {
    let mut fields = Fields::read(&request, body).await?;
    let name = fields.text("name");
    let scope = fields.word("scope", &Scope::ALL, Scope::as_str);
    fields.end()?;
    let scope = scope.unwrap_or(Scope::Metrics);
    let made = people
        .make_token(&name, scope, &super::by(&request))
        .await?;
    let mut answer = told(&made.token);
    answer["token"] = made.shown.into();
    Ok(answer::with_status(StatusCode::CREATED, &answer))
}

pub(in crate::admin) fn about_make_token() -> Operation {
    let taken = Object::new()
        .must(
            "name",
            said(
                text(),
                "1 to 64 letters, digits and . _ - @ or spaces between them.",
            ),
        )
        .must("scope", word(Scope::ALL.map(Scope::as_str)))
        .taken();
    Operation::new("makeToken", GROUP, "Make a token")
        .detail("The answer is the one place that shows it.")
        .body(taken, json!({ "name": "deploy", "scope": "operator" }))
        .answers(201, "The token.", of("Token"))
        .errors(&[409, 422])
}

/// `DELETE /tokens/{id}`.
pub(in crate::admin) async fn end_token(
    request: HttpRequest,
    path: Path<String>,
    people: Data<People>,
) -> Result<HttpResponse, Refusal> {
    let all = people.tokens().await?;
    let found = all.iter().find(|token| path.parse() == Ok(token.id));
    let token = found.ok_or_else(|| Refusal::NotFound("there is no such token".to_owned()))?;
    people.end_token(token, &super::by(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(in crate::admin) fn about_end_token() -> Operation {
    Operation::new("endToken", GROUP, "End a token")
        .path("id", id(), "The token's number.")
        .answers_nothing("It is worth nothing any more.")
        .errors(&[404])
}
