//! Making a backup, and restoring one.

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::fields::Fields;
use super::{by, tagged};
use crate::admin::answer::{self, Refusal};
use crate::admin::identity::{self, Identity};
use crate::admin::openapi::Operation;
use crate::admin::openapi::schema::{Object, any_of, flag, list, maybe, of, said, text, unix_time};
use crate::admin::request;
use crate::admin::sign_in::visitor;
use crate::control::{BackupFault, Handle, RestoreBackup, Restored};
use crate::model::{Code, SecretBytes};
use crate::people::{Deed, Outcome, People, audit_entry};
use crate::store::backup::{self, Backup, BackupError, MAX_FILE};

pub(super) const GROUP: &str = "Backup";

/// The type of a backup.
pub(super) const KIND: &str = "application/octet-stream";

/// The field that a passphrase is sent in with a file: base64, so that it may hold anything.
const PASSPHRASE: &str = "Steelyard-Passphrase";

/// The field that who is signed in by a cookie sends their own password in once more, in base64.
const PASSWORD: &str = "Steelyard-Password";

/// `POST /backup`: `{"passphrase":…}` or `{"without_secrets":true}`. Answers the file.
pub(in crate::admin) async fn back_up(
    request: HttpRequest,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Result<HttpResponse, Refusal> {
    let mut fields = Fields::read(&request, body).await?;
    let without = fields.flag_if("without_secrets").unwrap_or(false);
    let passphrase = match without {
        true => None,
        false => Some(fields.hidden("passphrase")),
    };
    fields.end()?;
    let passphrase = passphrase.map(|text| SecretBytes::new(text.as_bytes()));
    let made = made(&request, (&handle, &people), passphrase).await?;
    Ok(attached(&made.about.file_name(), made.bytes))
}

/// Makes a backup, and tells it in the audit log.
pub(in crate::admin) async fn made(
    request: &HttpRequest,
    (handle, people): (&Handle, &People),
    passphrase: Option<SecretBytes>,
) -> Result<Backup, BackupFault> {
    let made = handle.back_up(passphrase).await?;
    let deed = Deed {
        action: "backup_made",
        subject: &format!("revision {}", made.about.revision),
        detail: match made.about.secrets {
            true => "with secrets",
            false => "without secrets",
        },
        outcome: Outcome::Done,
    };
    people.note(&by(request), deed).await;
    Ok(made)
}

/// The answer that a browser saves.
pub(in crate::admin) fn attached(name: &str, bytes: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, KIND))
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ))
        .body(bytes)
}

pub(in crate::admin) fn about_back_up() -> Operation {
    let mut passphrase = text();
    passphrase["writeOnly"] = json!(true);
    passphrase["minLength"] = json!(backup::MIN_PASSPHRASE);
    let words = "What it is encrypted by: nobody can restore it without.";
    let without =
        "Secrets, passwords and keys of certificates are left out, and nothing is encrypted.";
    let yes = said(json!({ "type": "boolean", "enum": [true] }), without);
    let taken = any_of([
        Object::new()
            .must("passphrase", said(passphrase, words))
            .taken(),
        Object::new().must("without_secrets", yes).taken(),
    ]);
    Operation::new("makeBackup", GROUP, "Make a backup")
        .detail("Of one moment, while changes go on: the configuration and its history, users, tokens, certificates, the audit log. Where people are signed in is not in it.")
        .body(taken, json!({ "passphrase": "swings back to level" }))
        .answer(200, "The file.", json!({ KIND: { "schema": binary() } }))
}

/// `POST /restore`: the file; `?dry_run=true` only tells.
pub(in crate::admin) async fn restore(
    request: HttpRequest,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Result<HttpResponse, Refusal> {
    let dry_run = request::flag(&request, "dry_run")?;
    let if_revision = request::if_match(&request)?;
    let passphrase = hidden(&request, PASSPHRASE)?;
    let password = hidden(&request, PASSWORD)?;
    let kind = request.headers().get(CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes() != KIND.as_bytes()) {
        return Err(Refusal::UnknownType);
    }
    let bytes = request::bytes(body, MAX_FILE).await?;
    // It brings other users and passwords: a browser that was left signed in is not enough.
    if let (Identity::Person(me), false) = (identity::of(&request), dry_run) {
        let typed = password.as_ref().map(SecretBytes::bytes);
        let typed = std::str::from_utf8(typed.unwrap_or_default()).unwrap_or_default();
        let address = visitor(&request).address;
        people.confirm(&me.user, typed, address).await?;
    }
    let asked = Asked {
        bytes,
        passphrase,
        if_revision,
        dry_run,
    };
    let restored = restored(&request, (&handle, &people), asked).await?;
    let revision = restored.applied.revision;
    Ok(tagged(answer::json(&restored.to_json()), revision))
}

/// What is asked for.
pub(in crate::admin) struct Asked {
    pub(in crate::admin) bytes: Vec<u8>,
    pub(in crate::admin) passphrase: Option<SecretBytes>,
    pub(in crate::admin) if_revision: Option<u64>,
    pub(in crate::admin) dry_run: bool,
}

/// Restores a backup. What the audit log is told is written with it; that it failed, apart.
pub(in crate::admin) async fn restored(
    request: &HttpRequest,
    (handle, people): (&Handle, &People),
    asked: Asked,
) -> Result<Restored, BackupFault> {
    let about = backup::about(&asked.bytes)?;
    let (subject, dry_run) = (about.shown(), asked.dry_run);
    let by = by(request);
    let deed = |outcome, detail| Deed {
        action: "restored",
        subject: &subject,
        detail,
        outcome,
    };
    let wanted = RestoreBackup {
        bytes: asked.bytes,
        passphrase: asked.passphrase,
        if_revision: asked.if_revision,
        dry_run,
        author: request::author(request),
        entry: audit_entry(&by, deed(Outcome::Done, "")),
    };
    let done = handle.restore(wanted).await;
    match &done {
        _ if dry_run => {}
        Ok(_) => people.forget_unsaved(),
        Err(fault) => {
            let why = fault.to_string();
            people.note(&by, deed(Outcome::Failed, &why)).await;
        }
    }
    done
}

/// What a field of the head holds that only its sender knows.
fn hidden(request: &HttpRequest, name: &str) -> Result<Option<SecretBytes>, Refusal> {
    let Some(sent) = request.headers().get(name) else {
        return Ok(None);
    };
    let bytes = BASE64.decode(sent.as_bytes().trim_ascii());
    let bytes = bytes.map_err(|_| Refusal::bad_request(format!("{name} must be base64")))?;
    Ok(Some(SecretBytes::new(&bytes)))
}

pub(in crate::admin) fn about_restore() -> Operation {
    let words = "The passphrase of the backup in base64, where it has one.";
    let own = "One's own password in base64, where one is signed in by a cookie: not to look by dry_run, and not by a token.";
    Operation::new("restoreBackup", GROUP, "Restore a backup")
        .detail("Configuration, users, tokens and certificates become those of the backup, all at once or not at all; on a machine without a configuration its history too, and its audit log where there is none yet. A copy of what was there stays beside it. Whose password, role and second factor are the same stays signed in.")
        .header(PASSPHRASE, text(), words)
        .header(PASSWORD, text(), own)
        .bodies(vec![(KIND, binary(), "STEELYARD BACKUP …".into())])
        .changes()
        .answers(200, "What is different, or would be.", schema())
        .errors(&[429])
        .tagged()
}

fn schema() -> Value {
    let names = || list(text());
    let changed = Object::new()
        .must("name", text())
        .must("before", text())
        .must("after", text())
        .told();
    let users = Object::new()
        .must("added", names())
        .must("removed", names())
        .must("changed", list(changed))
        .must("without_password", names())
        .must("second_factor_off", names())
        .told();
    let tokens = Object::new()
        .must("added", names())
        .must("removed", names())
        .told();
    let certificates = Object::new()
        .must("added", names())
        .must("removed", names())
        .must("changed", names())
        .must("missing", said(names(), "To be uploaded again."))
        .told();
    let kept = "A copy of the database that was replaced.";
    Object::new()
        .must("applied", of("Applied"))
        .must("backup", about_schema())
        .must("users", users)
        .must("tokens", tokens)
        .must("certificates", certificates)
        .must("secrets_missing", said(names(), "To be given again."))
        .must(
            "secrets_anew",
            said(names(), "Made anew: nobody gave them before either."),
        )
        .must("replaced", said(maybe(text()), kept))
        .told()
}

/// What a backup says of itself.
pub(super) fn about_schema() -> Value {
    let names = || list(text());
    let left_out = Object::new()
        .must("secrets", names())
        .must("certificates", names())
        .must("second_factors", names())
        .told();
    Object::new()
        .must("made", unix_time())
        .must("version", text())
        .must("schema", json!({ "type": "integer" }))
        .must("revision", json!({ "type": "integer" }))
        .must("host", text())
        .must("secrets", flag())
        .must("left_out", left_out)
        .told()
}

pub(super) fn binary() -> Value {
    json!({ "type": "string", "format": "binary" })
}

impl From<BackupFault> for Refusal {
    fn from(fault: BackupFault) -> Self {
        match fault {
            BackupFault::Change(error) => error.into(),
            BackupFault::Backup(BackupError::TooLong) => Self::TooLarge { limit: MAX_FILE },
            BackupFault::Backup(error) => {
                let field = match error {
                    BackupError::PassphraseMissing
                    | BackupError::WrongPassphrase
                    | BackupError::Passphrase => "passphrase",
                    _ => "",
                };
                let mut problems = crate::model::Problems::default();
                problems.add(field, Code::Value, error.to_string());
                Self::Invalid(problems.into())
            }
        }
    }
}
