//! The audit log, a page of rows at a time.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::error_page::Wrong;
use super::page::{self, Shell};
use super::request;
use crate::people::{AuditEntry, AuditRow, Outcome, People};

/// Rows on one page.
const ROWS: u32 = 100;

#[derive(Template)]
#[template(path = "audit/page.html")]
struct Page {
    shell: Shell,
    rows: Vec<AuditRow>,
    is_whole: bool,
    /// Where the rows before these begin.
    older: Option<i64>,
    is_newest: bool,
}

impl Page {
    fn outcome(&self, outcome: &Outcome) -> &'static str {
        let t = self.shell.t;
        match outcome {
            Outcome::Done => t.outcome_done(),
            Outcome::Refused => t.outcome_refused(),
            Outcome::Failed => t.outcome_failed(),
        }
    }

    /// The revision that a change made, which has its page in the history.
    fn revision(&self, entry: &AuditEntry) -> Option<u64> {
        let number = entry.subject.strip_prefix("revision ")?;
        number.parse().ok().filter(|_| entry.action == "change")
    }

    /// What was done, in words; an action that a newer version wrote is shown as it is.
    fn action<'a>(&self, action: &'a str) -> &'a str {
        let t = self.shell.t;
        match action {
            "setup" => t.action_setup(),
            "setup_link" => t.action_setup_link(),
            "sign_in" => t.action_sign_in(),
            "sign_out" => t.action_sign_out(),
            "sign_in_ended" => t.action_sign_in_ended(),
            "user_added" => t.action_user_added(),
            "user_removed" => t.action_user_removed(),
            "role_changed" => t.action_role_changed(),
            "password_changed" => t.action_password_changed(),
            "password_reset" => t.action_password_reset(),
            "second_factor_on" => t.action_second_factor_on(),
            "second_factor_off" => t.action_second_factor_off(),
            "recovery_code" => t.action_recovery_code(),
            "code" => t.action_code(),
            "token_made" => t.action_token_made(),
            "backup_made" => t.action_backup_made(),
            "backup_taken" => t.action_backup_taken(),
            "restored" => t.action_restored(),
            "token_ended" => t.action_token_ended(),
            "session_passwords" => t.action_session_passwords(),
            "sessions_ended" => t.action_sessions_ended(),
            "certificate_uploaded" => t.action_certificate_uploaded(),
            "certificate_forgotten" => t.action_certificate_forgotten(),
            "certificate_renewal" => t.action_certificate_renewal(),
            "cross_site" => t.action_cross_site(),
            "forbidden" => t.action_forbidden(),
            "bad_token" => t.action_bad_token(),
            "change" => t.action_change(),
            other => other,
        }
    }
}

/// `GET /audit?before=NUMBER`.
pub(super) async fn page(
    request: HttpRequest,
    people: Data<People>,
) -> Result<HttpResponse, Wrong> {
    let before: Option<i64> = request::query_value(&request, "before").parse().ok();
    let rows = people.audit(before, ROWS).await?;
    let last = rows.last().map(|row| row.number);
    let page = Page {
        shell: Shell::of(&request, "/audit"),
        is_whole: rows.iter().all(|row| row.is_whole),
        older: last.filter(|number| *number > 1 && rows.len() == ROWS as usize),
        is_newest: before.is_none(),
        rows,
    };
    Ok(page::ok(&request, &page))
}
