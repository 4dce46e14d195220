//! Pools: how requests are shared out among the nodes of each, and what is done about failures.

#[rustfmt::skip]
mod fields;
mod shape;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::{Value as Json, json};

use super::error_page::Wrong;
use super::forms::{
    AskRemove, Desk, Frame, Source, User, View, asking, fill, may, part, removed, saved,
};
use super::page::{self, Shell, escaped};
use crate::control::Handle;
use crate::document::{Part, PartEdit, PartOp};
use crate::model::{Config, Target};
use crate::people::People;
use fields::{NEW_POOL, POOL};

/// The entry of the rail.
const ENTRY: &str = "/nodes";

type Answer = Result<HttpResponse, Wrong>;

/// A pool in the list.
struct Line {
    name: String,
    href: String,
    policy: &'static str,
    nodes: usize,
    users: Vec<User>,
}

#[derive(Template)]
#[template(path = "pools/list.html")]
struct List {
    shell: Shell,
    pools: Vec<Line>,
    form: View,
}

#[derive(Template)]
#[template(path = "pools/page.html")]
struct Page {
    shell: Shell,
    name: String,
    nodes: usize,
    users: Vec<User>,
    form: View,
}

/// Who asks a pool.
pub(super) fn users(config: &Config, pool: &str) -> Vec<User> {
    let mut users = Vec::new();
    for site in &config.sites {
        for route in &site.routes {
            let asked = match &route.target {
                Target::Pool(name) => Some(name),
                Target::Files(files) => files.fallback.as_ref(),
                Target::Redirect(_) | Target::Respond(_) => None,
            };
            if asked.is_some_and(|name| name.as_str() == pool) {
                users.push(User {
                    words: format!("{} {}", site.name, route.path),
                    href: super::sites::route_url(site.name.as_str(), route),
                });
            }
        }
    }
    users
}

fn url(pool: &str) -> String {
    format!("/pools/{}", escaped(pool))
}

fn new_view(shell: &Shell, source: Source<'_>) -> View {
    let frame = Frame {
        t: shell.t,
        groups: NEW_POOL,
        names: &[],
        revision: shell.revision,
        may: may(shell),
    };
    frame.view("/pools", source).small(shell.t.pools_add())
}

fn list_page(shell: Shell, handle: &Handle, form: View) -> List {
    let config = handle.config();
    let line = |pool: &crate::model::Pool| Line {
        name: pool.name.to_string(),
        href: url(pool.name.as_str()),
        policy: fields::policy_words(shell.t, pool.policy.as_str()),
        nodes: pool.nodes.len(),
        users: users(&config, pool.name.as_str()),
    };
    List {
        pools: config.pools.iter().map(line).collect(),
        shell,
        form,
    }
}

/// `GET /pools`.
pub(super) async fn list(request: HttpRequest, handle: Data<Handle>) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    let form = new_view(&shell, Source::Document(&Json::Null));
    let page = list_page(shell, &handle, form);
    Ok(page::ok(&request, &page))
}

/// `POST /pools`: `name`, `nodes`.
pub(super) async fn add(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let mut pool = json!({});
    fill(&mut pool, NEW_POOL, &desk.form);
    let name = desk.form.get("name").trim().to_owned();
    let addresses = pool["nodes"].as_array().cloned().unwrap_or_default();
    let nodes = addresses
        .into_iter()
        .map(|address| json!({ "address": address }));
    pool["nodes"] = nodes.collect();
    let config = desk.handle.config();
    let mut edits = vec![PartEdit::new(Part::Pool(name.clone()), PartOp::Add(pool))];
    // The first pool of a document without sites has every request; a second would leave open
    // which.
    if config.sites.is_empty()
        && let Some(first) = config.pools.first()
    {
        let site = json!({ "routes": [{ "path": "/", "pool": first.name.as_str() }] });
        let part = Part::Site("default".to_owned());
        edits.push(PartEdit::new(part, PartOp::Put(site)));
    }
    let refused = match desk.change(&shell, edits).await? {
        Ok(applied) => return Ok(saved(&url(&name), &applied)),
        Err(refused) => refused,
    };
    let mut form = new_view(&shell, Source::Typed(&desk.form));
    refused.tell_new(&shell, &mut form, 0);
    let status = refused.status;
    let page = list_page(shell, &desk.handle, form);
    Ok(page::send(&desk.request, status, &page))
}

fn frame(shell: &Shell) -> Frame<'static> {
    Frame {
        t: shell.t,
        groups: POOL,
        names: &[],
        revision: shell.revision,
        may: may(shell),
    }
}

fn shown(handle: &Handle, part_of: &Part) -> Result<(Json, Json), Wrong> {
    let (brief, mut full) = part(handle, part_of)?;
    shape::open(&mut full);
    Ok((brief, full))
}

fn pool_page(shell: Shell, handle: &Handle, name: String, form: View) -> Page {
    let config = handle.config();
    let pool = config.pools.iter().find(|pool| pool.name.as_str() == name);
    Page {
        nodes: pool.map_or(0, |pool| pool.nodes.len()),
        users: users(&config, &name),
        shell,
        name,
        form,
    }
}

/// `GET /pools/{pool}`.
pub(super) async fn show(request: HttpRequest, path: Path<String>, handle: Data<Handle>) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    let name = path.into_inner();
    let (_, full) = shown(&handle, &Part::Pool(name.clone()))?;
    let form = frame(&shell).view(url(&name), Source::Document(&full));
    Ok(page::ok(&request, &pool_page(shell, &handle, name, form)))
}

/// `POST /pools/{pool}`.
pub(super) async fn save(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let name = path.into_inner();
    let part = Part::Pool(name.clone());
    let (mut pool, full) = shown(&desk.handle, &part)?;
    fill(&mut pool, POOL, &desk.form);
    shape::close(&mut pool);
    let edits = vec![PartEdit::new(part, PartOp::Put(pool))];
    let refused = match desk.change(&shell, edits).await? {
        Ok(applied) => return Ok(saved(&url(&name), &applied)),
        Err(refused) => refused,
    };
    let frame = frame(&shell);
    let again = desk.again(&shell, (&frame, url(&name)), &full, &refused);
    let Some(form) = again else {
        return Ok(page::go(&url(&name)));
    };
    let status = refused.status;
    let page = pool_page(shell, &desk.handle, name, form);
    Ok(page::send(&desk.request, status, &page))
}

fn remove_page(shell: Shell, handle: &Handle, name: &str) -> AskRemove {
    let form = asking(&shell, format!("{}/remove", url(name)));
    AskRemove {
        what: shell.t.pools_remove_title(name),
        words: shell.t.pools_remove(),
        users: users(&handle.config(), name),
        form,
        fields: Vec::new(),
        back: url(name),
        shell,
    }
}

/// `GET /pools/{pool}/remove`.
pub(super) async fn ask_remove(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    part(&handle, &Part::Pool(path.to_string()))?;
    Ok(page::ok(&request, &remove_page(shell, &handle, &path)))
}

/// `POST /pools/{pool}/remove`.
pub(super) async fn remove(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let name = path.into_inner();
    let page = remove_page(shell, &desk.handle, &name);
    removed(&desk, Part::Pool(name), page, "/pools").await
}
