//! The node's settings, saved as one change, and the switch.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::{Beside, ENTRY, here, show};
use crate::admin::api;
use crate::admin::error_page::Wrong;
use crate::admin::form::Form;
use crate::admin::page::{self, Shell};
use crate::admin::request;
use crate::admin::saving::{self, Unsaved};
use crate::admin::texts::Texts;
use crate::control::{ChangeError, Handle, NodeEdit};
use crate::document::{Part, PartEdit, PartOp, PlacedProblems, parse_time, to_json};
use crate::model::{AdminState, Config, Node, NodeAddress};
use crate::people::People;

/// What stands in the form.
#[derive(Debug, Clone, Default)]
pub(super) struct Typed {
    pub(super) address: String,
    pub(super) weight: String,
    pub(super) backup: bool,
    pub(super) max_conns: String,
    pub(super) slow_start: String,
}

/// What is wrong, beside its field.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) address: String,
    pub(super) weight: String,
    pub(super) max_conns: String,
    pub(super) slow_start: String,
    pub(super) whole: String,
}

impl Faults {
    fn is_empty(&self) -> bool {
        let all = [
            &self.address,
            &self.weight,
            &self.max_conns,
            &self.slow_start,
        ];
        all.iter().all(|fault| fault.is_empty()) && self.whole.is_empty()
    }

    /// Whether the folded part has one.
    pub(super) fn of_limits(&self) -> bool {
        !self.max_conns.is_empty() || !self.slow_start.is_empty()
    }
}

/// The settings of a node as the document has them.
pub(super) fn of_config(config: &Config, pool: &str, node: &str) -> Typed {
    let document = to_json(config);
    let part = Part::Node(pool.to_owned(), node.to_owned());
    let Some(found) = part.of(&document) else {
        return Typed::default();
    };
    let text = |key: &str, default: &str| match &found[key] {
        Value::String(text) => text.clone(),
        Value::Null => default.to_owned(),
        other => other.to_string(),
    };
    Typed {
        address: text("address", ""),
        weight: text("weight", "1"),
        backup: found["backup"] == true,
        max_conns: text("max_conns", "0"),
        slow_start: text("slow_start", ""),
    }
}

/// `POST /nodes/{pool}/{node}`: `address`, `weight`, `backup`, `max_conns`, `slow_start`,
/// `revision`.
pub(in crate::admin) async fn save(
    request: HttpRequest,
    path: Path<(String, String)>,
    handle: Data<Handle>,
    body: Payload,
) -> Result<HttpResponse, Wrong> {
    let form = Form::read(body).await?;
    let t = Shell::of(&request, ENTRY).t;
    let path = path.into_inner();
    let field = |name: &str| form.get(name).trim().to_owned();
    let typed = Typed {
        address: field("address"),
        weight: field("weight"),
        backup: !form.get("backup").is_empty(),
        max_conns: field("max_conns"),
        slow_start: field("slow_start"),
    };
    let mut faults = Faults::default();
    let patch = patch(&typed, &mut faults, t);
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if faults.is_empty() {
        let part = Part::Node(path.0.clone(), path.1.clone());
        let edits = vec![PartEdit::new(part, PartOp::Merge(patch))];
        let revision = saving::revision(form.get("revision"));
        match saving::save(&request, &handle, edits, revision).await {
            Ok(revision) => {
                return Ok(page::go(&format!(
                    "{}?changed={revision}",
                    here(&path.0, &path.1)
                )));
            }
            Err(Unsaved::Gone) => return Err(Wrong::NotFound),
            Err(Unsaved::Stale) => {
                t.stale().clone_into(&mut faults.whole);
                status = StatusCode::CONFLICT;
            }
            Err(Unsaved::Problems(problems)) => place(&problems, &mut faults, t),
            Err(Unsaved::Cannot(why)) => {
                faults.whole = t.not_saved(why);
                status = StatusCode::SERVICE_UNAVAILABLE;
            }
        }
    }
    let beside = Beside {
        typed: Some(typed),
        faults,
        ..Beside::default()
    };
    show(&request, &handle, &path, (status, beside)).await
}

/// What the form says, as the document has it; what is no value of its field is a fault.
fn patch(typed: &Typed, faults: &mut Faults, t: Texts) -> Value {
    let weight = typed.weight.parse::<u16>().ok();
    let weight = weight.filter(|weight| (1..=Node::MAX_WEIGHT).contains(weight));
    if weight.is_none() {
        t.fault_weight().clone_into(&mut faults.weight);
    }
    let max_conns = match typed.max_conns.as_str() {
        "" => Some(0),
        text => text.parse::<u32>().ok().filter(|n| *n <= 1_000_000),
    };
    if max_conns.is_none() {
        t.node_fault_max_conns().clone_into(&mut faults.max_conns);
    }
    if NodeAddress::parse(&typed.address).is_err() {
        faults.address = capital(t.paste_address());
    }
    if !typed.slow_start.is_empty() && parse_time(&typed.slow_start).is_err() {
        t.node_fault_slow_start().clone_into(&mut faults.slow_start);
    }
    json!({
        "address": typed.address,
        "weight": weight,
        "backup": typed.backup,
        "max_conns": max_conns,
        "slow_start": Some(&typed.slow_start).filter(|text| !text.is_empty()),
    })
}

/// A sentence of its own.
pub(in crate::admin) fn capital(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), letters.as_str())
}

fn place(problems: &PlacedProblems, faults: &mut Faults, t: Texts) {
    use crate::model::Code;
    for placed in problems.iter() {
        let problem = &placed.problem;
        let key = problem.field.rsplit('.').next().unwrap_or_default();
        match (key, problem.code) {
            ("address", Code::Duplicate) => {
                t.node_fault_address_taken().clone_into(&mut faults.address);
            }
            ("address", _) => faults.address = t.not_saved(&problem.message),
            ("weight", _) => faults.weight = t.not_saved(&problem.message),
            ("max_conns", _) => faults.max_conns = t.not_saved(&problem.message),
            ("slow_start", _) => t.node_fault_slow_start().clone_into(&mut faults.slow_start),
            _ => faults.whole = t.not_saved(&problem.message),
        }
    }
}

/// `POST /nodes/{pool}/{node}/switch`: `state`. Comes back to the page of the node.
pub(in crate::admin) async fn switch(
    request: HttpRequest,
    path: Path<(String, String)>,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Result<HttpResponse, Wrong> {
    let form = Form::read(body).await?;
    let wanted = form.get("state");
    let mut states = AdminState::ALL.into_iter();
    let state = states
        .find(|state| state.as_str() == wanted)
        .ok_or(Wrong::BadForm)?;
    let (pool, node) = path.into_inner();
    let done = handle
        .edit_node(NodeEdit {
            pool: pool.clone(),
            node: node.clone(),
            weight: None,
            state: Some(state),
            if_revision: None,
            dry_run: false,
            author: request::author(&request),
        })
        .await;
    match done {
        Ok(applied) => {
            api::note(&request, &people, &applied).await;
            let here = here(&pool, &node);
            Ok(match applied.changed {
                true => page::go(&format!("{here}?changed={}", applied.revision)),
                false => page::go(&here),
            })
        }
        Err(ChangeError::NotFound(_)) => Err(Wrong::NotFound),
        Err(error) => Err(Wrong::Unavailable(error.to_string())),
    }
}
