//! The backups that were made by night: which there are, and one of them.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::backup::{GROUP, KIND, about_schema, attached, binary};
use super::by;
use crate::admin::answer::{self, Refusal};
use crate::admin::openapi::Operation;
use crate::admin::openapi::schema::{Object, count, list as list_of, maybe, said, text, unix_time};
use crate::control::{Handle, KeptBackup};
use crate::people::{Deed, Outcome, People};

/// `GET /backups`.
pub(in crate::admin) async fn list(handle: Data<Handle>) -> Result<HttpResponse, Refusal> {
    let kept = handle.nightly_backups().await;
    let folder = kept.folder.display().to_string();
    let files = kept.files;
    let files = files.map_err(|why| Refusal::Unavailable(format!("{folder}: {why}")))?;
    let told = |one: &KeptBackup| {
        json!({
            "name": one.name,
            "made": one.made,
            "size": one.size,
            "backup": one.about,
        })
    };
    let backups: Vec<Value> = files.iter().map(told).collect();
    Ok(answer::json(&json!({
        "nightly": kept.nightly,
        "folder": folder,
        "why_missing": kept.why,
        "backups": backups,
    })))
}

pub(in crate::admin) fn about_list() -> Operation {
    let backup = said(
        maybe(about_schema()),
        "What it says of itself, unchecked; null where that cannot be read.",
    );
    let one = Object::new()
        .must("name", text())
        .must("made", unix_time())
        .must("size", said(count(), "Of the file, in bytes."))
        .must("backup", backup)
        .told();
    let nightly = "The time of day one is made at; null where none is.";
    let why = "Why the last one was not made; null where it was.";
    let told = Object::new()
        .must("nightly", said(maybe(text()), nightly))
        .must("folder", text())
        .must("why_missing", said(maybe(text()), why))
        .must("backups", said(list_of(one), "The newest first."))
        .told();
    Operation::new("listBackups", GROUP, "List the nightly backups").answers(
        200,
        "Those of this machine, in the folder where they are put now.",
        told,
    )
}

/// `GET /backups/{name}`: the file.
pub(in crate::admin) async fn one(
    request: HttpRequest,
    name: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
) -> Result<HttpResponse, Refusal> {
    let bytes = taken(&request, (&handle, &people), &name).await?;
    Ok(attached(&name, bytes))
}

/// The bytes of one, and its line in the audit log.
pub(in crate::admin) async fn taken(
    request: &HttpRequest,
    (handle, people): (&Handle, &People),
    name: &str,
) -> Result<Vec<u8>, Refusal> {
    let read = handle.nightly_backup(name).await;
    let read = read.map_err(|error| Refusal::Unavailable(format!("{name}: {error}")))?;
    let none = || Refusal::NotFound("there is no nightly backup of this name".to_owned());
    let bytes = read.ok_or_else(none)?;
    let deed = Deed {
        action: "backup_taken",
        subject: name,
        detail: "",
        outcome: Outcome::Done,
    };
    people.note(&by(request), deed).await;
    Ok(bytes)
}

pub(in crate::admin) fn about_one() -> Operation {
    Operation::new("takeBackup", GROUP, "Take a nightly backup")
        .path("name", text(), "As the list has it.")
        .answer(200, "The file.", json!({ KIND: { "schema": binary() } }))
        .errors(&[404])
}
