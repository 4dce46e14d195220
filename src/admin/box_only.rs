//! What only root and steelyard's own user may, on the box: the setup link, and a password for
//! who has forgotten theirs.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::answer::{self, Refusal};
use super::openapi::Operation;
use super::openapi::schema::{Object, flag, said, text};
use super::request;
use crate::control::Handle;
use crate::people::{People, SetupFault, UserFault};

const GROUP: &str = "On the box";

/// `POST /setup-url`: `{"new":true}` for another link. Answers its URL.
pub(super) async fn setup_url(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Result<HttpResponse, Refusal> {
    let asked = object(body).await?;
    let anew = asked["new"].as_bool().unwrap_or(false);
    let by = request::by_of_box(&request);
    let token = people.setup_token(anew, &by).await?;
    let token = token.ok_or_else(|| Refusal::Conflict(SetupFault::Users.to_string()))?;
    let url = format!("{}/setup?token={token}", handle.admin_url());
    Ok(answer::json(&json!({ "url": url })))
}

pub(super) fn about_setup_url() -> Operation {
    let anew = said(flag(), "Another link; the old one is worth nothing then.");
    let answer = Object::new().must("url", text()).told();
    Operation::new("makeSetupUrl", GROUP, "The one-time link of the setup")
        .detail("On control.sock alone.")
        .body(
            Object::new().may("new", anew).taken(),
            json!({ "new": true }),
        )
        .answers(200, "The link.", answer)
        .errors(&[409])
}

/// `POST /reset-password`: `{"user":…,"password":…}`.
pub(super) async fn reset_password(
    request: HttpRequest,
    people: Data<People>,
    body: Payload,
) -> Result<HttpResponse, Refusal> {
    let asked = object(body).await?;
    let password = asked["password"].as_str().unwrap_or_default();
    let by = request::by_of_box(&request);
    let reset = people.reset_password(asked["user"].as_str(), password, &by);
    match reset.await {
        Ok(user) => Ok(answer::json(
            &json!({ "user": user.name, "second_factor_off": user.second_factor }),
        )),
        Err(UserFault::Nobody(known)) => Err(Refusal::NotFound(known)),
        Err(UserFault::People(error)) => Err(error.into()),
        Err(fault) => Err(Refusal::bad_request(fault.to_string())),
    }
}

pub(super) fn about_reset_password() -> Operation {
    let user = said(text(), "May be left out where there is one alone.");
    let taken = Object::new()
        .may("user", user)
        .must("password", text())
        .taken();
    let off = said(
        flag(),
        "Whether a code was asked for too, which is not any more.",
    );
    let answer = Object::new()
        .must("user", text())
        .must("second_factor_off", off)
        .told();
    let example = json!({ "user": "admin", "password": "swings back to level" });
    Operation::new("resetPassword", GROUP, "Give a user another password")
        .detail(
            "On control.sock alone. Everywhere the user is signed out, and signs in by it alone.",
        )
        .body(taken, example)
        .answers(200, "Whose password it is now.", answer)
        .errors(&[404])
}

async fn object(body: Payload) -> Result<Value, Refusal> {
    let text = request::text(body).await?;
    if text.is_empty() {
        return Ok(json!({}));
    }
    let value: Result<Value, _> = serde_json::from_str(&text);
    let value = value.map_err(|error| Refusal::bad_request(error.to_string()))?;
    match value.is_object() {
        true => Ok(value),
        false => Err(Refusal::bad_request("must be an object")),
    }
}
