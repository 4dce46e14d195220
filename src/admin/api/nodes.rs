//! One node of a pool: its weight and what is wanted of it.

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::done;
use super::fields::Fields;
use crate::admin::answer::Refusal;
use crate::admin::openapi::schema::{Object, of, word};
use crate::admin::openapi::{Operation, applied};
use crate::admin::request;
use crate::control::{Handle, NodeEdit};
use crate::model::{AdminState, Code};
use crate::people::People;

/// `PATCH /pools/{pool}/nodes/{node}`: `{"weight":3}` or `{"state":"draining"}`.
pub(in crate::admin) async fn edit_node(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Payload,
    handle: Data<Handle>,
    people: Data<People>,
) -> Result<HttpResponse, Refusal> {
    let (pool, node) = path.into_inner();
    let if_revision = request::if_match(&request)?;
    let dry_run = request::flag(&request, "dry_run")?;
    let author = request::author(&request);
    let mut fields = Fields::read(&request, body).await?;
    if fields.is_empty() {
        fields
            .problems
            .add("", Code::Missing, "must hold weight or state");
    }
    let weight = fields.whole_if("weight");
    let state = fields.word_if("state", &AdminState::ALL, AdminState::as_str);
    fields.end()?;
    let edit = NodeEdit {
        pool,
        node,
        weight,
        state,
        if_revision,
        dry_run,
        author,
    };
    let applied = handle.edit_node(edit).await?;
    Ok(done(&request, &people, &applied).await)
}

pub(in crate::admin) fn about_edit_node() -> Operation {
    let taken = Object::new()
        .may("weight", of("Weight"))
        .may("state", word(AdminState::ALL.map(AdminState::as_str)))
        .taken_in_part();
    let operation = Operation::new(
        "editNode",
        "Pools",
        "Weigh, drain, enable or disable a node",
    )
    .path("pool", of("Name"), "The pool's name.")
    .path("node", of("NodeName"), "The node's name.")
    .body(taken, json!({ "weight": 3, "state": "enabled" }))
    .changes()
    .errors(&[404]);
    applied(operation)
}
