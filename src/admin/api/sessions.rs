//! The session store's passwords, and signing everybody out.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::fields::Fields;
use crate::admin::answer::{self, Refusal};
use crate::admin::openapi::Operation;
use crate::admin::openapi::schema::{
    Object, count, flag, list, maybe, number, or, said, text, word,
};
use crate::admin::request::author;
use crate::control::{Handle, MoveSessions, NotSignedOut};
use crate::model::{Code, RedisAddress, SecretBytes, SessionStore};
use crate::people::{Deed, Outcome, People};

const GROUP: &str = "Sessions";

/// `POST /sessions/passwords`. Not a `GET`: that they were shown stands in the audit log.
pub(in crate::admin) async fn session_passwords(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
) -> HttpResponse {
    note_shown(&request, &people).await;
    answer::json(&handle.session_passwords())
}

/// Notes that the passwords were shown.
pub(in crate::admin) async fn note_shown(request: &HttpRequest, people: &People) {
    let deed = Deed {
        action: "session_passwords",
        subject: "",
        detail: "",
        outcome: Outcome::Done,
    };
    people.note(&super::by(request), deed).await;
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

/// `POST /sessions/sign-out`: `{"database":0}`.
pub(in crate::admin) async fn sign_out_sessions(
    request: HttpRequest,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Result<HttpResponse, Refusal> {
    let mut fields = Fields::read(&request, body).await?;
    let database = fields.whole_if("database");
    if database.is_none() && fields.problems.is_empty() {
        fields.problems.add("database", Code::Missing, "is missing");
    }
    fields.end()?;
    // One that no database has is told as such.
    let database = database.and_then(|number| u8::try_from(number).ok());
    let database = database.unwrap_or(u8::MAX);
    let ended = end_all(&request, (&handle, &people), database).await;
    let keys = ended.map_err(|why| match why {
        NotSignedOut::Unknown => Refusal::field("database", &why.to_string()),
        NotSignedOut::Off => Refusal::Conflict(why.to_string()),
        NotSignedOut::Failed(_) => Refusal::Unavailable(why.to_string()),
    })?;
    Ok(answer::json(&json!({ "database": database, "keys": keys })))
}

/// Ends every session of a database, and tells it in the audit log.
pub(in crate::admin) async fn end_all(
    request: &HttpRequest,
    (handle, people): (&Handle, &People),
    database: u8,
) -> Result<u64, NotSignedOut> {
    let ended = handle.sign_out_sessions(database, &author(request)).await;
    let (outcome, detail) = match &ended {
        Ok(keys) => (Outcome::Done, keys.to_string()),
        Err(why) => (Outcome::Failed, why.to_string()),
    };
    let deed = Deed {
        action: "sessions_ended",
        subject: &database.to_string(),
        detail: &detail,
        outcome,
    };
    people.note(&super::by(request), deed).await;
    ended
}

pub(in crate::admin) fn about_sign_out_sessions() -> Operation {
    let taken = Object::new().must("database", number(0, 15)).taken();
    let done = Object::new()
        .must("database", number(0, 15))
        .must("keys", said(count(), "How many there were."))
        .told();
    Operation::new(
        "signOutSessions",
        GROUP,
        "Sign out everybody whose session is in a database",
    )
    .detail("Everything in the database goes, as by FLUSHDB. Stands in the audit log.")
    .body(taken, json!({ "database": 0 }))
    .answers(200, "They are signed out.", done)
    .errors(&[400, 409, 415, 422, 503])
}

/// `POST /sessions/move`: `{"to":"redis://10.0.0.5:6379/1"}` or `{"to":"memory"}`. Begins; `GET` tells how it goes on.
pub(in crate::admin) async fn move_sessions(
    request: HttpRequest,
    body: Payload,
    handle: Data<Handle>,
    people: Data<People>,
) -> Result<HttpResponse, Refusal> {
    let mut fields = Fields::read(&request, body).await?;
    let to = fields.text("to");
    let password = fields.text_if("password");
    let replace = fields.flag_if("replace").unwrap_or(false);
    let store = match to.as_str() {
        SessionStore::MEMORY => Ok(SessionStore::Memory),
        url => RedisAddress::parse(url).map(SessionStore::Redis),
    };
    let store = store.unwrap_or_else(|why| {
        if !to.is_empty() {
            fields.problems.add("to", Code::Value, why);
        }
        SessionStore::Memory
    });
    fields.end()?;
    let wanted = MoveSessions {
        to: store,
        password: password.map(|text| SecretBytes::new(text.as_bytes())),
        replace,
        author: author(&request),
    };
    let begun = handle.move_sessions(wanted).await?;
    note_moved(&request, &people, &to).await;
    Ok(answer::json(&begun))
}

/// Notes that sessions are being moved.
pub(in crate::admin) async fn note_moved(request: &HttpRequest, people: &People, to: &str) {
    let deed = Deed {
        action: "change",
        subject: "sessions",
        detail: &format!("move to {to}"),
        outcome: Outcome::Done,
    };
    people.note(&super::by(request), deed).await;
}

pub(in crate::admin) fn about_move_sessions() -> Operation {
    let asked = Object::new()
        .must(
            "to",
            said(
                text(),
                "memory, or redis://[USER@]HOST[:PORT][/DATABASE], rediss:// by TLS.",
            ),
        )
        .may(
            "password",
            said(text(), "Ours at the Redis; absent: the one that is set."),
        )
        .may(
            "replace",
            said(or(flag(), false), "What is there already is lost."),
        )
        .taken();
    Operation::new(
        "moveSessions",
        GROUP,
        "Move sessions to a Redis or back to memory",
    )
    .detail("Applications go on meanwhile, and no session is lost. The change of sessions.store is a part of it.")
    .body(asked, json!({ "to": "memory" }))
    .answers(200, "It has begun.", progress())
}

/// `GET /sessions/move`.
pub(in crate::admin) async fn session_move(handle: Data<Handle>) -> HttpResponse {
    answer::json(&handle.session_move())
}

pub(in crate::admin) fn about_session_move() -> Operation {
    Operation::new(
        "showSessionMove",
        GROUP,
        "How far the moving of sessions has come",
    )
    .answers(
        200,
        "The move under way, or the last since the start.",
        progress(),
    )
}

fn progress() -> serde_json::Value {
    Object::new()
        .must("state", word(["none", "moving", "moved", "failed"]))
        .must("to", maybe(text()))
        .must("copied", said(count(), "Keys."))
        .must("total", count())
        .must(
            "revision",
            said(maybe(count()), "That put the other store in force."),
        )
        .must("why", said(maybe(text()), "Why it failed."))
        .told()
}
