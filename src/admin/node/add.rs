//! Adding a node to a pool: its address is tried first if one likes.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::json;

use super::ENTRY;
use super::edit::capital;
use crate::admin::error_page::Wrong;
use crate::admin::form::Form;
use crate::admin::page::{self, Shell};
use crate::admin::saving::{self, Unsaved};
use crate::admin::texts::Texts;
use crate::admin::trial::{Shown, refusing};
use crate::control::{Handle, Trial};
use crate::document::{Part, PartEdit, PartOp};
use crate::model::{Code, Name, Node, NodeAddress, Pool};
use crate::people::People;

/// What was typed.
#[derive(Debug, Default)]
struct Typed {
    address: String,
    weight: String,
    name: String,
}

#[derive(Debug, Default)]
struct Faults {
    address: String,
    weight: String,
    name: String,
    whole: String,
}

impl Faults {
    fn is_empty(&self) -> bool {
        let all = [&self.address, &self.weight, &self.name, &self.whole];
        all.iter().all(|fault| fault.is_empty())
    }
}

/// The same form on a page of its own, with what was found or what is wrong.
#[derive(Template)]
#[template(path = "node/add.html")]
struct Page {
    shell: Shell,
    pool: String,
    revision: u64,
    typed: Typed,
    faults: Faults,
    tried: Option<Shown>,
}

/// What the form says.
struct Wanted {
    address: NodeAddress,
    weight: u16,
    name: String,
}

impl Typed {
    fn of(form: &Form) -> Self {
        let field = |name: &str| form.get(name).trim().to_owned();
        Self {
            address: field("address"),
            weight: field("weight"),
            name: field("name"),
        }
    }

    fn read(&self, pool: &Pool, faults: &mut Faults, t: Texts) -> Option<Wanted> {
        let address = NodeAddress::parse(&self.address).ok();
        match &address {
            None => faults.address = capital(t.paste_address()),
            Some(address) if pool.nodes.iter().any(|node| node.address == *address) => {
                t.node_fault_address_taken().clone_into(&mut faults.address);
            }
            Some(_) => {}
        }
        let weight = match self.weight.as_str() {
            "" => Some(1),
            text => text.parse::<u16>().ok(),
        };
        let weight = weight.filter(|weight| (1..=Node::MAX_WEIGHT).contains(weight));
        if weight.is_none() {
            t.fault_weight().clone_into(&mut faults.weight);
        }
        let taken = |name: &str| pool.nodes.iter().any(|node| node.name.as_str() == name);
        let name = match self.name.as_str() {
            "" => (1..)
                .map(|n| format!("web-{n}"))
                .find(|name| !taken(name))?,
            name => name.to_owned(),
        };
        if Name::parse(&name).is_err() {
            faults.name = capital(&t.paste_name(Name::MAX));
        } else if taken(&name) {
            t.node_fault_name_taken().clone_into(&mut faults.name);
        }
        match faults.is_empty() {
            true => Some(Wanted {
                address: address?,
                weight: weight?,
                name,
            }),
            false => None,
        }
    }
}

/// `POST /add-node/{pool}`: `address`, `weight`, `name`, `revision`, and `do`: `test` or `add`.
pub(in crate::admin) async fn add(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Result<HttpResponse, Wrong> {
    let form = Form::read(body).await?;
    let only_test = form.get("do") == "test";
    let pool = path.into_inner();
    let mut shell = Shell::of(&request, ENTRY);
    shell.here = ENTRY.to_owned();
    let config = handle.config();
    let mut pools = config.pools.iter();
    let found = pools.find(|found| found.name.as_str() == pool);
    let found = found.ok_or(Wrong::NotFound)?;
    let typed = Typed::of(&form);
    let mut faults = Faults::default();
    let wanted = typed.read(found, &mut faults, shell.t);
    let mut status = match faults.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    if let (Some(wanted), false) = (&wanted, only_test) {
        match keep(&request, &handle, &pool, wanted, form.get("revision")).await {
            Ok(revision) => return Ok(page::go(&format!("{ENTRY}?changed={revision}"))),
            Err(unsaved) => status = told(unsaved, &mut faults, shell.t)?,
        }
    }
    let tried = match (&wanted, only_test) {
        (Some(wanted), true) => {
            let trial = Trial::Address {
                address: wanted.address.clone(),
                pool: pool.clone(),
            };
            let tried = handle.trial(trial.clone()).await;
            let tried = refusing(&request, &people, &trial, tried).await;
            Some(Shown::of(shell.t, &typed.address, &tried))
        }
        _ => None,
    };
    let page = Page {
        revision: handle.revision(),
        shell,
        pool,
        typed,
        faults,
        tried,
    };
    Ok(page::send(&request, status, &page))
}

async fn keep(
    request: &HttpRequest,
    handle: &Handle,
    pool: &str,
    wanted: &Wanted,
    revision: &str,
) -> Result<u64, Unsaved> {
    let part = Part::Node(pool.to_owned(), wanted.name.clone());
    let node = json!({
        "name": wanted.name,
        "address": wanted.address.to_string(),
        "weight": wanted.weight,
    });
    let edits = vec![PartEdit::new(part, PartOp::Add(node))];
    saving::save(request, handle, edits, saving::revision(revision)).await
}

fn told(unsaved: Unsaved, faults: &mut Faults, t: Texts) -> Result<StatusCode, Wrong> {
    Ok(match unsaved {
        Unsaved::Gone => return Err(Wrong::NotFound),
        Unsaved::Stale => {
            t.stale().clone_into(&mut faults.whole);
            StatusCode::CONFLICT
        }
        Unsaved::Problems(problems) => {
            for placed in problems.iter() {
                let problem = &placed.problem;
                match problem.code {
                    Code::Duplicate => t.node_fault_name_taken().clone_into(&mut faults.name),
                    _ => faults.whole = t.not_saved(&problem.message),
                }
            }
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Unsaved::Cannot(why) => {
            faults.whole = t.not_saved(why);
            StatusCode::SERVICE_UNAVAILABLE
        }
    })
}
