//! Moving all sessions to a Redis or back, by a form.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};

use super::{Answer, Beside, ENTRY, show_with};
use crate::admin::api::note_moved;
use crate::admin::form::Form;
use crate::admin::forms::Said;
use crate::admin::page::{self, Shell};
use crate::admin::request::author;
use crate::control::{ChangeError, Handle, MoveSessions};
use crate::model::{Code, Problem, RedisAddress, SecretBytes, SessionStore};
use crate::people::People;

/// `POST /sessions/move`: `to`, `password`, `replace`. Begins; the page shows how it goes on.
pub(in crate::admin) async fn move_sessions(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let form = Form::read(body).await?;
    let shell = Shell::of(&request, ENTRY);
    let to = form.get("to").trim().to_owned();
    let store = match to.as_str() {
        SessionStore::MEMORY => Ok(SessionStore::Memory),
        url => RedisAddress::parse(url).map(SessionStore::Redis),
    };
    let problem = |message: String| Problem {
        field: String::new(),
        code: Code::Value,
        message,
    };
    let (status, said) = match store {
        Err(why) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Said::of(shell.t, &problem(why.to_string())),
        ),
        Ok(store) => {
            let password = form.get("password");
            let wanted = MoveSessions {
                to: store,
                password: (!password.is_empty()).then(|| SecretBytes::new(password.as_bytes())),
                replace: !form.get("replace").is_empty(),
                author: author(&request),
            };
            match handle.move_sessions(wanted).await {
                Ok(_) => {
                    note_moved(&request, &people, &to).await;
                    return Ok(page::go(ENTRY));
                }
                Err(ChangeError::Invalid(problems)) => {
                    let first = problems.iter().next();
                    let said = first.map(|one| Said::of(shell.t, &one.problem));
                    (StatusCode::UNPROCESSABLE_ENTITY, said.unwrap_or_default())
                }
                Err(error) => (
                    StatusCode::SERVICE_UNAVAILABLE,
                    Said::with(shell.t.form_cannot_save(), error.to_string()),
                ),
            }
        }
    };
    let beside = Beside {
        not_moved: Some((to, said)),
        ..Beside::default()
    };
    show_with(&request, &handle, shell, (status, beside))
}
