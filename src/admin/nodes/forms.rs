//! The forms of the page. Each leads back to it, so that nothing is done twice by a reload.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{ENTRY, Fault, show};
use crate::admin::api;
use crate::admin::error_page::Wrong;
use crate::admin::form::Form;
use crate::admin::identity;
use crate::admin::page::{self, Shell};
use crate::admin::request;
use crate::control::{Applied, ChangeError, Handle, NodeEdit, NodesChange, NodesEdit};
use crate::model::{AdminState, Node, Role};
use crate::people::People;

type Answer = Result<HttpResponse, Wrong>;

/// Asks before a pool is left without any healthy node.
#[derive(Template)]
#[template(path = "nodes/remove.html")]
struct AskRemove {
    shell: Shell,
    pool: String,
    names: String,
    nodes: Vec<String>,
    revision: u64,
}

/// `POST /nodes/{pool}/{node}/weight`: `weight`.
pub(in crate::admin) async fn set_weight(
    request: HttpRequest,
    path: Path<(String, String)>,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let form = Form::read(body).await?;
    let (pool, node) = path.into_inner();
    let t = Shell::of(&request, ENTRY).t;
    let typed = form.get("weight").trim();
    let Some(weight) = weight(typed) else {
        let fault = Fault {
            pool,
            node,
            words: t.fault_weight().to_owned(),
            typed: typed.chars().take(12).collect(),
        };
        // Where it is gone meanwhile there is no field to tell it beside.
        let view = handle.nodes_view(t.0);
        let is_there = view.pool(&fault.pool).and_then(|p| p.node(&fault.node));
        let on_top = is_there.map_or(t.fault_gone(), |_| "");
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(show(&request, &handle, status, (Some(&fault), on_top)));
    };
    let edit = NodeEdit {
        weight: Some(weight),
        state: None,
        ..edit(&request, pool, node)
    };
    let done = handle.edit_node(edit).await;
    finish(&request, &handle, &people, done).await
}

/// `POST /nodes/{pool}/{node}/state`: `state`.
pub(in crate::admin) async fn set_state(
    request: HttpRequest,
    path: Path<(String, String)>,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let form = Form::read(body).await?;
    let (pool, node) = path.into_inner();
    let wanted = form.get("state");
    let found = AdminState::ALL
        .iter()
        .find(|state| state.as_str() == wanted);
    let Some(state) = found else {
        let words = Shell::of(&request, ENTRY).t.fault_state();
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(show(&request, &handle, status, (None, words)));
    };
    let edit = NodeEdit {
        weight: None,
        state: Some(*state),
        ..edit(&request, pool, node)
    };
    let done = handle.edit_node(edit).await;
    finish(&request, &handle, &people, done).await
}

fn edit(request: &HttpRequest, pool: String, node: String) -> NodeEdit {
    NodeEdit {
        pool,
        node,
        weight: None,
        state: None,
        if_revision: None,
        dry_run: false,
        author: request::author(request),
    }
}

/// `POST /nodes/{pool}`: `do` with each `node`, from `revision`: one change.
pub(in crate::admin) async fn change_many(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let form = Form::read(body).await?;
    let pool = path.into_inner();
    let shell = Shell::of(&request, ENTRY);
    let t = shell.t;
    let wrong = |words: &str| {
        let fault = Fault {
            pool: pool.clone(),
            words: words.to_owned(),
            ..Fault::default()
        };
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Ok(show(&request, &handle, status, (Some(&fault), "")))
    };
    let change = match form.get("do") {
        "on" => NodesChange::State(AdminState::Enabled),
        "drain" => NodesChange::State(AdminState::Draining),
        "off" => NodesChange::State(AdminState::Disabled),
        "weight" => match weight(form.get("weight").trim()) {
            Some(weight) => NodesChange::Weight(weight),
            None => return wrong(t.fault_weight()),
        },
        "remove" => {
            let person = identity::person(&request).ok_or(Wrong::SignIn)?;
            if person.user.role < Role::Admin {
                return Err(Wrong::Forbidden);
            }
            NodesChange::Remove
        }
        _ => return wrong(t.fault_state()),
    };
    let nodes: Vec<String> = form.all("node").map(str::to_owned).collect();
    if nodes.is_empty() {
        return wrong(t.fault_nobody());
    }
    let revision = form.get("revision").parse().ok();
    if change == NodesChange::Remove && form.get("sure") != "yes" {
        let view = handle.nodes_view(t.0);
        let leaves = |pool: &crate::control::PoolView| {
            pool.well_without(&[]) > 0 && pool.well_without(&nodes) == 0
        };
        if view.pool(&pool).is_some_and(leaves) {
            let page = AskRemove {
                shell,
                pool,
                names: nodes.join(", "),
                nodes,
                revision: revision.unwrap_or(view.revision),
            };
            return Ok(page::ok(&request, &page));
        }
    }
    let done = handle.edit_nodes(NodesEdit {
        pool: pool.clone(),
        nodes,
        change,
        if_revision: revision,
        author: request::author(&request),
    });
    finish(&request, &handle, &people, done.await).await
}

/// A weight as somebody types it.
fn weight(typed: &str) -> Option<u64> {
    let weight = typed.parse().ok();
    weight.filter(|weight| (1..=u64::from(Node::MAX_WEIGHT)).contains(weight))
}

/// Back to the page, with what has become of it.
async fn finish(
    request: &HttpRequest,
    handle: &Handle,
    people: &People,
    done: Result<Applied, ChangeError>,
) -> Answer {
    let t = Shell::of(request, ENTRY).t;
    let (status, words) = match done {
        Ok(applied) => {
            api::note(request, people, &applied).await;
            return Ok(match applied.changed {
                true => page::go(&format!("{ENTRY}?changed={}", applied.revision)),
                false => page::go(ENTRY),
            });
        }
        Err(ChangeError::NotFound(_)) => (StatusCode::NOT_FOUND, t.fault_some_gone().to_owned()),
        Err(ChangeError::Stale { .. }) => (StatusCode::CONFLICT, t.fault_stale().to_owned()),
        Err(error @ ChangeError::Invalid(_)) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            t.fault_refused(error.to_string()),
        ),
        Err(error) => {
            tracing::error!("a change on the page was refused: {error}");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                t.fault_refused(error.to_string()),
            )
        }
    };
    Ok(show(request, handle, status, (None, &words)))
}
