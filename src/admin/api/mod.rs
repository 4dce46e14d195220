//! The API for programs: one file per noun, each handler with its description for `openapi`
//! beside it. What it does, the panel does by the same operations.

mod audit;
pub(super) mod backup;
mod config;
mod diagnostics;
mod fields;
pub(super) mod nights;
mod nodes;
pub(super) mod parts;
pub(super) mod parts_described;
pub(super) mod renewals;
mod sessions;
mod sign_ins;
pub(super) mod tls;
mod tokens;
mod users;

use actix_web::http::header::{ETAG, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};

use super::answer;
use super::identity::{self, Identity};
use super::request;
use crate::control::Applied;
use crate::document::Change;
use crate::people::{By, Deed, Outcome, People};

pub(super) use audit::{about_audit, audit};
pub(super) use config::{
    about_apply, about_check, about_export, about_status, apply, check, export, status,
};
pub(super) use diagnostics::{about_diagnostics, diagnostics, diagnostics_schema};
pub(super) use nodes::{about_edit_node, edit_node};
pub(super) use sessions::{
    about_move_sessions, about_session_move, about_session_passwords, about_sign_out_sessions,
    end_all, move_sessions, note_moved, note_shown, session_move, session_passwords,
    sign_out_sessions,
};
pub(super) use sign_ins::{about_end_sign_in, about_sign_ins, end_sign_in, sign_ins};
pub(super) use tokens::{
    about_end_token, about_make_token, about_tokens, end_token, make_token, tokens,
};
pub(super) use users::{
    about_add_user, about_remove_user, about_reset_second_factor, about_set_password,
    about_set_role, about_user, about_users, add_user, remove_user, reset_second_factor,
    set_password, set_role, user, users,
};

/// Limit: of a change the audit log tells so many fields and characters; the revision has all.
const MOST_TOLD: usize = 20;
const LONGEST_TOLD: usize = 2000;

/// Who asks, for the audit log: the gate's word, or the kernel's on `control.sock`.
fn by(request: &HttpRequest) -> By {
    match identity::of(request) {
        Identity::Nobody => request::by_of_box(request),
        _ => identity::by(request),
    }
}

/// Answers what a change did, and tells it in the audit log.
pub(super) async fn done(
    request: &HttpRequest,
    people: &People,
    applied: &Applied,
) -> HttpResponse {
    note(request, people, applied).await;
    tagged(answer::json(&applied.to_json()), applied.revision)
}

/// Tells a change in the audit log: what is different, fields alone, as far as one line goes.
pub(super) async fn note(request: &HttpRequest, people: &People, applied: &Applied) {
    if !applied.changed || applied.dry_run {
        return;
    }
    let changes = applied.changes.iter().map(Change::to_json);
    let changes: Vec<String> = changes.take(MOST_TOLD).map(|c| c.to_string()).collect();
    let deed = Deed {
        action: "change",
        subject: &format!("revision {}", applied.revision),
        detail: &changes
            .join(" ")
            .chars()
            .take(LONGEST_TOLD)
            .collect::<String>(),
        outcome: Outcome::Done,
    };
    people.note(&by(request), deed).await;
}

/// The answer with the revision it is about.
pub(super) fn tagged(mut answer: HttpResponse, revision: u64) -> HttpResponse {
    let tag = HeaderValue::from_str(&format!("\"{revision}\""));
    if let Ok(tag) = tag {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}
