//! The session store's passwords.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::admin::answer;
use crate::admin::openapi::Operation;
use crate::admin::openapi::schema::{Object, list, maybe, number, said, text};
use crate::control::Handle;
use crate::people::{Deed, Outcome, People};

const GROUP: &str = "Sessions";

/// `POST /sessions/passwords`. Not a `GET`: that they were shown stands in the audit log.
pub(in crate::admin) async fn session_passwords(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
) -> HttpResponse {
    let deed = Deed {
        action: "session_passwords",
        subject: "",
        detail: "",
        outcome: Outcome::Done,
    };
    people.note(&super::by(&request), deed).await;
    answer::json(&handle.session_passwords())
}

pub(in crate::admin) fn about_session_passwords() -> Operation {
    let one = Object::new()
        .must(
            "database",
            said(
                maybe(text()),
                "None: all that have no password of their own.",
            ),
        )
        .must("index", maybe(number(0, 15)))
        .must("password", maybe(text()))
        .must("why", said(maybe(text()), "Why it cannot be read."))
        .told();
    let all = Object::new().must("passwords", list(one)).told();
    Operation::new(
        "showSessionPasswords",
        GROUP,
        "The passwords that applications connect with",
    )
    .detail("Stands in the audit log.")
    .without_body()
    .answers(200, "Every one.", all)
}
