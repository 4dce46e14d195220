//! Saving what a form of the panel says, as one change of parts of the document.

use actix_web::HttpRequest;
use actix_web::web::Data;

use super::api;
use super::request;
use crate::control::{ChangeError, EditParts, Handle};
use crate::document::{PartEdit, PlacedProblems};
use crate::people::People;

/// Why nothing was saved.
#[derive(Debug)]
pub(super) enum Unsaved {
    /// The page is of another revision than the one in force.
    Stale,
    /// What was to be edited is gone.
    Gone,
    /// What is wrong with it.
    Problems(PlacedProblems),
    /// The instance takes no changes, in its words.
    Cannot(String),
}

/// Makes the `edits` of a page that was made of `revision`, and answers the revision in force.
/// The same form sent twice is saved once.
pub(super) async fn save(
    request: &HttpRequest,
    handle: &Handle,
    edits: Vec<PartEdit>,
    revision: Option<u64>,
) -> Result<u64, Unsaved> {
    let edit = EditParts {
        edits,
        if_revision: revision,
        dry_run: false,
        author: request::author(request),
    };
    let done = match handle.edit_parts(edit.clone()).await {
        Err(ChangeError::Stale { current }) => {
            let again = EditParts {
                if_revision: None,
                dry_run: true,
                ..edit
            };
            // Nothing to change any more: this very form was here before.
            return match handle.edit_parts(again).await {
                Ok(applied) if !applied.changed => Ok(current),
                _ => Err(Unsaved::Stale),
            };
        }
        done => done,
    };
    let applied = done.map_err(|error| match error {
        ChangeError::Invalid(problems) => Unsaved::Problems(problems),
        ChangeError::NotFound(_) => Unsaved::Gone,
        ChangeError::Stale { .. } => Unsaved::Stale,
        other => Unsaved::Cannot(other.to_string()),
    })?;
    if let Some(people) = request.app_data::<Data<People>>() {
        api::note(request, people, &applied).await;
    }
    Ok(applied.revision)
}

/// The revision that a form was made of; none where it does not say.
pub(super) fn revision(field: &str) -> Option<u64> {
    field.parse().ok()
}
