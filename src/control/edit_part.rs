//! Editing parts of the document: pools, sites, settings and what else has a name, several in one
//! change. Made from the document in force and checked as `apply` checks one.

use serde_json::Value as Json;

use super::Control;
use super::change::{Applied, ChangeError, Wanted};
use crate::document::{self, Format, NoEdit, Part, PartEdit, PartOp, PlacedProblems};
use crate::model::{Config, Problems};

/// Keys told one by one; the rest is counted.
const TOLD: usize = 3;

/// A change of parts of the document. Everything else of it stays as it is, and so does a secret
/// of which an edit says nothing.
#[derive(Debug, Clone)]
pub struct EditParts {
    /// The edits, made in this order; all or none.
    pub edits: Vec<PartEdit>,
    /// The revision the change was made from; none is any.
    pub if_revision: Option<u64>,
    /// Only tell what would change.
    pub dry_run: bool,
    /// Who makes the change.
    pub author: String,
}

impl Control {
    pub(super) async fn edit_parts(&self, edit: EditParts) -> Result<Applied, ChangeError> {
        let dry_run = edit.dry_run;
        let outcome = self.try_edit_parts(edit).await;
        if !dry_run {
            self.count(&outcome);
        }
        outcome
    }

    async fn try_edit_parts(&self, edit: EditParts) -> Result<Applied, ChangeError> {
        let mut writer = self.writer.lock().await;
        let now = self.now.load_full();
        let current = now.snapshot.revision;
        if edit.if_revision.is_some_and(|from| from != current) {
            return Err(ChangeError::Stale { current });
        }
        let edits = &edit.edits;
        let before = document::to_json(&now.snapshot.config);
        let after = made(&before, edits)?;
        let parsed = document::parse(&after.to_string(), Format::Json)
            .map_err(|problems| ChangeError::Invalid(told(problems, &after, edits)))?;
        let wanted = Wanted {
            words: words(edits, &before, &parsed.config),
            config: parsed.config,
            warnings: parsed.warnings,
            dry_run: edit.dry_run,
            author: edit.author,
        };
        let done = self.change(&mut writer, wanted).await;
        done.map_err(|error| match error {
            // Such as a socket that cannot be opened.
            ChangeError::Invalid(problems) => {
                ChangeError::Invalid(problems.by_names(&after, edits))
            }
            error => error,
        })
    }
}

/// `before` with every edit made, or why one cannot be.
fn made(before: &Json, edits: &[PartEdit]) -> Result<Json, ChangeError> {
    let mut after = before.clone();
    for (i, edit) in edits.iter().enumerate() {
        document::edit(&mut after, edit).map_err(|refused| match refused {
            NoEdit::NotFound(why) => ChangeError::NotFound(why),
            NoEdit::Problem(problem) => {
                let mut problems = Problems::default();
                problems.add(problem.field, problem.code, problem.message);
                ChangeError::Invalid(PlacedProblems::from(problems).in_edit(i, edit))
            }
        })?;
    }
    Ok(after)
}

/// The Problems of the document `after`, each told of what was edited where it is of two things.
fn told(problems: PlacedProblems, after: &Json, edits: &[PartEdit]) -> PlacedProblems {
    let mut turned = after.clone();
    document::put_last(&mut turned, edits);
    match document::parse(&turned.to_string(), Format::Json) {
        Err(problems) => problems.by_names(&turned, edits),
        Ok(_) => problems.by_names(after, edits),
    }
}

/// What was done, in the operator's words: `set policy of pool django to least_conn`.
fn words(edits: &[PartEdit], before: &Json, after: &Config) -> Option<String> {
    let after = document::to_json(after);
    let mut told: Vec<String> = Vec::new();
    for PartEdit { part, op } in edits {
        let name = part.words();
        match (part.of(before), part.of(&after)) {
            _ if *op == PartOp::Remove => told.push(format!("remove {name}")),
            (None, Some(_)) => told.push(format!("add {name}")),
            (Some(old), Some(new)) => told.extend(keys(part, old, new, op)),
            (_, None) => {}
        }
    }
    let more = told.len().saturating_sub(TOLD);
    told.truncate(TOLD);
    match (told.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(told.join(", ")),
        (false, more) => Some(format!("{} and {more} more", told.join(", "))),
    }
}

/// The keys of `part` that differ.
fn keys(part: &Part, old: &Json, new: &Json, op: &PartOp) -> Vec<String> {
    let name = part.words();
    let empty = serde_json::Map::new();
    let (old, new) = (
        old.as_object().unwrap_or(&empty),
        new.as_object().unwrap_or(&empty),
    );
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    // A pool's nodes may have edits of their own.
    let named = |key: &String| match op {
        PartOp::Merge(patch) => patch.get(key).is_some(),
        _ => true,
    };
    let differ = new.keys().chain(gone);
    let differ = differ.filter(|key| named(key) && old.get(*key) != new.get(*key));
    let mut told: Vec<String> = differ
        .map(|key| match new.get(key) {
            // Whoever knows the way to a webhook may use it, and these words are sent to others.
            Some(Json::String(text)) if !matches!(part, Part::Webhook(_)) => {
                format!("set {key} of {name} to {text}")
            }
            Some(value @ (Json::Bool(_) | Json::Number(_))) => {
                format!("set {key} of {name} to {value}")
            }
            Some(_) => format!("change {key} of {name}"),
            None => format!("set {key} of {name} to the default"),
        })
        .collect();
    // A secret given as text is in nothing that is shown, so that it shows no difference.
    if let PartOp::Add(given) | PartOp::Put(given) | PartOp::Merge(given) = op {
        let secrets = ["secret", "affinity_secret", "password", "store_password"].into_iter();
        let given = secrets.filter(|key| given.get(key).is_some_and(Json::is_string));
        told.extend(given.map(|key| format!("change {key} of {name}")));
    }
    told
}
