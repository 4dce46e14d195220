//! Language and theme: kept in cookies that hold nothing else, the language with the user too.

use actix_web::http::header::{HeaderValue, SET_COOKIE};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::error_page::Wrong;
use super::form::Form;
use super::identity;
use super::page::{self, LANGUAGE, THEME};
use crate::model::Language;
use crate::people::People;

/// A year, in seconds.
const KEPT: u32 = 31_536_000;

/// `POST /preferences`: `language` or `theme`, and `next`.
pub(super) async fn submit(
    request: HttpRequest,
    people: Data<People>,
    body: Payload,
) -> Result<HttpResponse, Wrong> {
    let form = Form::read(body).await?;
    let mut answer = page::go(form.get("next"));
    let mut keep = |name: &str, value: &str| {
        let secure = if request.app_config().secure() {
            "; Secure"
        } else {
            ""
        };
        let cookie =
            format!("{name}={value}; Path=/; Max-Age={KEPT}; HttpOnly; SameSite=Strict{secure}");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            answer.headers_mut().append(SET_COOKIE, cookie);
        }
    };
    let language = form.get("language");
    if let Some(language) = Language::ALL.into_iter().find(|l| l.as_str() == language) {
        keep(LANGUAGE, language.as_str());
        if let Some(sign_in) = identity::person(&request) {
            people.set_language(&sign_in.user, language).await;
        }
    }
    if let theme @ ("light" | "dark" | "system") = form.get("theme") {
        keep(THEME, theme);
    }
    Ok(answer)
}
