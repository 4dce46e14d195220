//! What `explain --json` says: where a request would go, by what is in force.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::Control;
use crate::proxy::{self, Explanation, Goal, Question, Reason};

impl Control {
    /// Where `question` would go. Changes nothing, no counter either.
    pub(super) fn explain(&self, question: &Question) -> Value {
        let now = self.now.load();
        let mut told = proxy::explain(&now.snapshot, question, Instant::now());
        if let Some(name) = &told.listener
            && let Some(data_plane) = &self.parts.data_plane
            && let Some((_, address, false)) =
                data_plane.listeners().iter().find(|(n, ..)| n == name)
        {
            let note = format!("listener {name} is not open on {address}");
            told.notes.push(note);
        }
        to_json(&told)
    }
}

fn to_json(told: &Explanation) -> Value {
    let candidates = told.candidates.iter().map(|candidate| {
        json!({
            "node": candidate.node.as_str(),
            "eligible": candidate.eligible,
            "why": candidate.why,
        })
    });
    json!({
        "listener": told.listener.as_ref().map(|name| name.as_str()),
        "client": told.client.to_string(),
        "site": told.site.as_ref().map(|name| name.as_str()),
        "route": told.route,
        "target": told.goal.as_ref().map(goal_json),
        "candidates": candidates.collect::<Vec<_>>(),
        "request_line": told.request_line,
        "request_headers": fields_json(&told.request_headers),
        "response_headers": fields_json(&told.response_headers),
        "refused": refused_json(told),
        "notes": told.notes,
    })
}

/// The target by the key it has in the document.
fn goal_json(goal: &Goal) -> Value {
    match goal {
        Goal::Pool(name) => json!({ "pool": name.as_str() }),
        Goal::Files {
            root,
            fallback: None,
        } => json!({ "files": root }),
        Goal::Files {
            root,
            fallback: Some(pool),
        } => json!({ "files": root, "fallback": pool.as_str() }),
        Goal::Respond { status } => json!({ "respond": status }),
        Goal::Redirect { to, status } => json!({ "redirect": to, "status": status }),
    }
}

fn fields_json(fields: &[(String, String)]) -> Vec<Value> {
    let field = |(name, value): &(String, String)| json!({ "name": name, "value": value });
    fields.iter().map(field).collect()
}

fn refused_json(told: &Explanation) -> Option<Value> {
    if told.listener.is_none() {
        // No answer at all: the connection is refused.
        let words = "Nothing listens.";
        return Some(json!({ "reason": null, "status": null, "rule": null, "words": words }));
    }
    let reason = told.refused?;
    let rule = match reason {
        Reason::BadRequest(refusal) => Some(refusal.rule),
        _ => None,
    };
    Some(json!({
        "reason": reason.code(),
        "status": reason.status(),
        "rule": rule,
        "words": reason.words(),
    }))
}
