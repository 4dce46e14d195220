//! The third step: where to listen, by which name, and where static files lie.

use std::net::SocketAddr;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::{Value, json};

use crate::admin::error_page::Wrong;
use crate::admin::form::Form;
use crate::admin::page::{self, Shell};
use crate::admin::saving::{self, Unsaved};
use crate::admin::texts::Texts;
use crate::control::{Handle, PortState, django};
use crate::document::{Part, PartEdit, PartOp, PlacedProblems, to_json};
use crate::model::{Config, HostPattern};

/// The listener and the site that are made where there are none.
const LISTENER: &str = "web";
const SITE: &str = "main";

/// The ports offered.
const PORTS: [u16; 2] = [80, 8080];

/// A port to choose.
#[derive(Debug)]
struct Offer {
    value: String,
    is_chosen: bool,
    /// Whether it can be had.
    is_free: bool,
    words: String,
}

#[derive(Debug, Default)]
struct Typed {
    /// `80`, `8080` or `other`.
    port: String,
    /// With `other`.
    address: String,
    host: String,
    folder: String,
    revision: Option<u64>,
}

#[derive(Debug, Default)]
struct Faults {
    address: String,
    host: String,
    folder: String,
    whole: String,
}

#[derive(Template)]
#[template(path = "setup/listen.html")]
struct Page {
    shell: Shell,
    typed: Typed,
    faults: Faults,
    offers: Vec<Offer>,
    /// Whether there is more than this page can show.
    several: bool,
}

/// `GET /setup/listen`.
pub(in crate::admin) async fn form(request: HttpRequest, handle: Data<Handle>) -> HttpResponse {
    let config = handle.config();
    let shell = Shell::of(&request, "");
    let mut typed = of_config(&config);
    typed.revision = Some(handle.revision());
    let offers = offers(&handle, shell.t, &mut typed).await;
    let page = Page {
        several: is_more(&config),
        typed,
        faults: Faults::default(),
        offers,
        shell,
    };
    page::ok(&request, &page)
}

/// `POST /setup/listen`: `port`, `address`, `host`, `folder`, `revision`.
pub(in crate::admin) async fn submit(
    request: HttpRequest,
    handle: Data<Handle>,
    body: Payload,
) -> Result<HttpResponse, Wrong> {
    let form = Form::read(body).await?;
    let shell = Shell::of(&request, "");
    let config = handle.config();
    if is_more(&config) {
        return Ok(page::go("/setup/listen"));
    }
    let field = |name: &str| form.get(name).trim().to_owned();
    let mut typed = Typed {
        port: field("port"),
        address: field("address"),
        host: field("host").to_ascii_lowercase(),
        folder: field("folder"),
        revision: saving::revision(form.get("revision")),
    };
    let mut faults = Faults::default();
    let address = wanted(&handle, &typed).await;
    if address.is_none() {
        shell.t.fault_listen().clone_into(&mut faults.address);
    }
    if !typed.host.is_empty() && HostPattern::parse(&typed.host).is_err() {
        shell.t.fault_host().clone_into(&mut faults.host);
    }
    if let Some(fault) = folder_fault(&typed.folder, shell.t).await {
        faults.folder = fault;
    }
    let status = match address {
        Some(address) if faults.host.is_empty() && faults.folder.is_empty() => {
            let edits = edits(&config, address, &typed);
            match saving::save(&request, &handle, edits, typed.revision).await {
                Ok(_) => return Ok(page::go("/setup/done")),
                Err(unsaved) => told(unsaved, (&handle, address), &mut faults, shell.t).await,
            }
        }
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    typed.revision = Some(handle.revision());
    let offers = offers(&handle, shell.t, &mut typed).await;
    let page = Page {
        shell,
        typed,
        faults,
        offers,
        several: false,
    };
    Ok(page::send(&request, status, &page))
}

/// What this page cannot show without losing something of it.
fn is_more(config: &Config) -> bool {
    config.listeners.len() > 1
        || config.sites.len() > 1
        || config.pools.len() > 1
        || config.sites.iter().any(|site| site.hosts.len() > 1)
        || config
            .listeners
            .iter()
            .any(|listener| listener.tls.is_some())
}

fn of_config(config: &Config) -> Typed {
    let site = config.sites.first();
    let (port, address) = match config.listeners.first() {
        None => (String::new(), String::new()),
        Some(listener) => {
            let address = listener.address;
            let is_everywhere = address.ip().is_unspecified();
            match PORTS.contains(&address.port()) && is_everywhere {
                true => (address.port().to_string(), String::new()),
                false => ("other".to_owned(), address.to_string()),
            }
        }
    };
    let folder = site.and_then(django::static_root);
    Typed {
        port,
        address,
        host: site.and_then(|site| site.hosts.first()).map_or_else(
            String::new,
            |host| match host {
                HostPattern::Exact(name) => name.clone(),
                HostPattern::Below(name) => format!("*.{name}"),
            },
        ),
        folder: folder.unwrap_or_default(),
        revision: None,
    }
}

async fn wanted(handle: &Handle, typed: &Typed) -> Option<SocketAddr> {
    let everywhere = match typed.port.as_str() {
        "other" => match typed.address.parse::<SocketAddr>() {
            Ok(address) => return Some(address).filter(|address| address.port() > 0),
            Err(_) => typed.address.parse::<u16>(),
        },
        port => port.parse::<u16>(),
    };
    match everywhere.ok().filter(|port| *port > 0) {
        Some(port) => Some(handle.everywhere(port).await),
        None => None,
    }
}

/// The ports as they are now; the first that is free is chosen where nothing was.
async fn offers(handle: &Handle, t: Texts, typed: &mut Typed) -> Vec<Offer> {
    let mut offers = Vec::new();
    for port in PORTS {
        let state = handle.port_state(handle.everywhere(port).await).await;
        let is_free = matches!(state, PortState::Free | PortState::Ours);
        if typed.port.is_empty() && is_free {
            typed.port = port.to_string();
        }
        offers.push(Offer {
            value: port.to_string(),
            is_chosen: false,
            is_free,
            words: port_words(t, port, &state),
        });
    }
    if typed.port.is_empty() {
        "other".clone_into(&mut typed.port);
    }
    for offer in &mut offers {
        offer.is_chosen = offer.value == typed.port;
    }
    offers
}

/// What is with a port, in words.
pub(in crate::admin) fn port_words(t: Texts, port: u16, state: &PortState) -> String {
    match state {
        PortState::Free => t.port_free().to_owned(),
        PortState::Ours => t.port_ours().to_owned(),
        PortState::Busy(busy) => busy.text(port, t.0),
    }
}

async fn told(
    unsaved: Unsaved,
    (handle, address): (&Handle, SocketAddr),
    faults: &mut Faults,
    t: Texts,
) -> StatusCode {
    match unsaved {
        Unsaved::Stale | Unsaved::Gone => {
            t.stale().clone_into(&mut faults.whole);
            StatusCode::CONFLICT
        }
        Unsaved::Problems(problems) => {
            let state = handle.port_state(address).await;
            place(&problems, &port_words(t, address.port(), &state), faults, t);
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Unsaved::Cannot(why) => {
            faults.whole = t.not_saved(why);
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

fn place(problems: &PlacedProblems, port: &str, faults: &mut Faults, t: Texts) {
    for placed in problems.iter() {
        let problem = &placed.problem;
        let field = problem.field.as_str();
        if field.starts_with("listeners") {
            port.clone_into(&mut faults.address);
        } else if field.contains(".hosts") {
            t.fault_host().clone_into(&mut faults.host);
        } else if field.contains("files") {
            faults.folder = t.not_saved(&problem.message);
        } else {
            faults.whole = t.not_saved(&problem.message);
        }
    }
}

/// What is wrong with the folder; nothing where none is given.
async fn folder_fault(folder: &str, t: Texts) -> Option<String> {
    if folder.is_empty() {
        return None;
    }
    if !folder.starts_with('/') || folder.contains("/../") || folder.ends_with("/..") {
        return Some(t.fault_folder_absolute().to_owned());
    }
    let path = folder.to_owned();
    let look = actix_web::web::block(move || std::fs::read_dir(path).map(|_| ()));
    let error = match look.await {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => error,
        Err(_) => return Some(t.trial_broken_off().to_owned()),
    };
    Some(match error.kind() {
        std::io::ErrorKind::NotFound => t.fault_folder_missing().to_owned(),
        std::io::ErrorKind::PermissionDenied => t.fault_folder_permission().to_owned(),
        std::io::ErrorKind::NotADirectory => t.fault_folder_file().to_owned(),
        _ => t.fault_folder_other(error),
    })
}

/// The listener and the site of the form. A site is made only where there is something to say.
fn edits(config: &Config, address: SocketAddr, typed: &Typed) -> Vec<PartEdit> {
    let mut edits = Vec::new();
    let address = address.to_string();
    edits.push(match config.listeners.first() {
        Some(listener) => PartEdit::new(
            Part::Listener(listener.name.to_string()),
            PartOp::Merge(json!({ "address": address })),
        ),
        None => PartEdit::new(
            Part::Listener(LISTENER.to_owned()),
            PartOp::Add(json!({ "name": LISTENER, "address": address })),
        ),
    });
    let hosts: Vec<&String> = Some(&typed.host)
        .filter(|h| !h.is_empty())
        .into_iter()
        .collect();
    match config.sites.first() {
        Some(site) => edits.push(PartEdit::new(
            Part::Site(site.name.to_string()),
            PartOp::Merge(json!({ "hosts": hosts, "routes": routes(config, &typed.folder) })),
        )),
        None if hosts.is_empty() && typed.folder.is_empty() => {}
        None => edits.push(PartEdit::new(
            Part::Site(SITE.to_owned()),
            PartOp::Add(json!({
                "name": SITE, "hosts": hosts, "routes": routes(config, &typed.folder),
            })),
        )),
    }
    edits
}

/// The routes of the site: to the pool, and to static files where there are some.
fn routes(config: &Config, folder: &str) -> Vec<Value> {
    let document = to_json(config);
    let there = document
        .pointer("/sites/0/routes")
        .and_then(Value::as_array);
    let mut routes = there.cloned().unwrap_or_default();
    if let Some(pool) = config.pools.first()
        && !routes.iter().any(|route| route["path"] == "/")
    {
        routes.push(json!({ "path": "/", "pool": pool.name.as_str() }));
    }
    let place = routes
        .iter()
        .position(|route| route["path"] == django::STATIC_PATH);
    match (place, folder) {
        (Some(place), "") => drop(routes.remove(place)),
        (Some(place), folder) => routes[place]["files"]["root"] = folder.into(),
        (None, "") => {}
        (None, folder) => {
            routes.push(json!({ "path": django::STATIC_PATH, "files": { "root": folder } }))
        }
    }
    routes
}
