//! Sites: which host names are answered, and by which routes.

#[rustfmt::skip]
pub(super) mod fields;
mod route;
pub(super) mod shape;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::{Value as Json, json};

use super::error_page::Wrong;
use super::forms::{AskRemove, Desk, Frame, Source, View, asking, fill, may, part, removed, saved};
use super::page::{self, Shell, escaped};
use crate::control::Handle;
use crate::document::{Part, PartEdit, PartOp};
use crate::model::{Config, PathMatch, Route, Site, Target};
use crate::people::People;
use fields::{NEW_SITE, SITE};

pub(super) use route::{ask_remove_route, remove_route, route_form, save_route};

/// The entry of the rail.
const ENTRY: &str = "/sites";

type Answer = Result<HttpResponse, Wrong>;

/// A site in the list.
struct Line {
    name: String,
    href: String,
    hosts: Vec<String>,
    routes: Vec<RouteLine>,
}

/// A route in a list.
pub(super) struct RouteLine {
    path: String,
    is_exact: bool,
    href: String,
    /// What it leads to: the kind, and which.
    kind: &'static str,
    target: String,
}

#[derive(Template)]
#[template(path = "sites/list.html")]
struct List {
    shell: Shell,
    sites: Vec<Line>,
    /// The pool that gets everything while there is no site.
    implied: Option<String>,
    has_pools: bool,
    form: View,
}

#[derive(Template)]
#[template(path = "sites/page.html")]
struct Page {
    shell: Shell,
    name: String,
    routes: Vec<RouteLine>,
    new_route: String,
    /// The name that HTTPS can be turned on for; none where its visitors are sent there.
    https_for: Option<String>,
    form: View,
}

fn url(site: &str) -> String {
    format!("/sites/{}", escaped(site))
}

/// A route as a document's way names it.
pub(super) fn route_key(route: &Route) -> String {
    match route.path_match {
        PathMatch::Exact => format!("={}", route.path),
        PathMatch::Prefix => route.path.to_string(),
    }
}

/// The page of a route.
pub(super) fn route_url(site: &str, route: &Route) -> String {
    let key = route_key(route);
    format!("{}/route?path={}", url(site), escaped(&key))
}

/// The routes of a site in the order in which a path tries them.
fn route_lines(shell: &Shell, site: &Site) -> Vec<RouteLine> {
    let mut routes: Vec<&Route> = site.routes.iter().collect();
    routes.sort_by_key(|route| {
        let is_prefix = route.path_match == PathMatch::Prefix;
        (is_prefix, std::cmp::Reverse(route.path.as_str().len()))
    });
    let line = |route: &Route| {
        let t = shell.t;
        let (kind, target) = match &route.target {
            Target::Pool(pool) => (t.sites_to_pool(), pool.to_string()),
            Target::Files(files) => (t.sites_to_files(), files.root.display().to_string()),
            Target::Redirect(to) => (t.sites_to_redirect(), to.to.as_str().to_owned()),
            Target::Respond(answer) => (t.sites_to_answer(), answer.status.to_string()),
        };
        RouteLine {
            path: route.path.to_string(),
            is_exact: route.path_match == PathMatch::Exact,
            href: route_url(site.name.as_str(), route),
            kind,
            target,
        }
    };
    routes.into_iter().map(line).collect()
}

/// The names of the pools, for a choice among them.
pub(super) fn pool_names(config: &Config) -> Vec<String> {
    config
        .pools
        .iter()
        .map(|pool| pool.name.to_string())
        .collect()
}

fn new_view(shell: &Shell, config: &Config, source: Source<'_>) -> View {
    let names = [("pool", pool_names(config))];
    let frame = Frame {
        t: shell.t,
        groups: NEW_SITE,
        names: &names,
        revision: shell.revision,
        may: may(shell),
    };
    frame.view("/sites", source).small(shell.t.sites_add())
}

fn list_page(shell: Shell, config: &Config, form: View) -> List {
    let line = |site: &Site| Line {
        name: site.name.to_string(),
        href: url(site.name.as_str()),
        hosts: site.hosts.iter().map(ToString::to_string).collect(),
        routes: route_lines(&shell, site),
    };
    let implied = config.pools.first().filter(|_| config.sites.is_empty());
    List {
        sites: config.sites.iter().map(line).collect(),
        implied: implied.map(|pool| pool.name.to_string()),
        has_pools: !config.pools.is_empty(),
        shell,
        form,
    }
}

/// `GET /sites`.
pub(super) async fn list(request: HttpRequest, handle: Data<Handle>) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    let config = handle.config();
    let form = new_view(&shell, &config, Source::Document(&Json::Null));
    Ok(page::ok(&request, &list_page(shell, &config, form)))
}

/// `POST /sites`: `name`, `hosts`, `pool`.
pub(super) async fn add(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let mut site = json!({});
    fill(&mut site, NEW_SITE, &desk.form);
    let name = desk.form.get("name").trim().to_owned();
    let pool = site
        .as_object_mut()
        .and_then(|site| site.shift_remove("pool"));
    if let Some(pool) = pool {
        site["routes"] = json!([{ "path": "/", "pool": pool }]);
    }
    let edits = vec![PartEdit::new(Part::Site(name.clone()), PartOp::Add(site))];
    let refused = match desk.change(&shell, edits).await? {
        Ok(applied) => return Ok(saved(&url(&name), &applied)),
        Err(refused) => refused,
    };
    let config = desk.handle.config();
    let mut form = new_view(&shell, &config, Source::Typed(&desk.form));
    refused.tell_new(&shell, &mut form, 0);
    let page = list_page(shell, &config, form);
    Ok(page::send(&desk.request, refused.status, &page))
}

fn listener_names(config: &Config) -> [(&'static str, Vec<String>); 1] {
    let names = config.listeners.iter().map(|one| one.name.to_string());
    [("listeners", names.collect())]
}

fn frame<'a>(shell: &Shell, names: &'a [(&'static str, Vec<String>)]) -> Frame<'a> {
    Frame {
        t: shell.t,
        groups: SITE,
        names,
        revision: shell.revision,
        may: may(shell),
    }
}

fn site_page(shell: Shell, config: &Config, name: String, form: View) -> Page {
    let site = config.sites.iter().find(|site| site.name.as_str() == name);
    let plain = site.filter(|site| !site.https_redirect);
    let https_for = plain.and_then(|site| Some(escaped(&site.hosts.first()?.to_string())));
    Page {
        https_for,
        routes: site.map_or_else(Vec::new, |site| route_lines(&shell, site)),
        new_route: format!("{}/route", url(&name)),
        shell,
        name,
        form,
    }
}

/// `GET /sites/{site}`.
pub(super) async fn show(request: HttpRequest, path: Path<String>, handle: Data<Handle>) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    let name = path.into_inner();
    let (_, full) = part(&handle, &Part::Site(name.clone()))?;
    let config = handle.config();
    let names = listener_names(&config);
    let form = frame(&shell, &names).view(url(&name), Source::Document(&full));
    Ok(page::ok(&request, &site_page(shell, &config, name, form)))
}

/// `POST /sites/{site}`.
pub(super) async fn save(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let name = path.into_inner();
    let part_of = Part::Site(name.clone());
    let (mut site, full) = part(&desk.handle, &part_of)?;
    fill(&mut site, SITE, &desk.form);
    let edits = vec![PartEdit::new(part_of, PartOp::Put(site))];
    let refused = match desk.change(&shell, edits).await? {
        Ok(applied) => return Ok(saved(&url(&name), &applied)),
        Err(refused) => refused,
    };
    let config = desk.handle.config();
    let names = listener_names(&config);
    let frame = frame(&shell, &names);
    let again = desk.again(&shell, (&frame, url(&name)), &full, &refused);
    let Some(form) = again else {
        return Ok(page::go(&url(&name)));
    };
    let page = site_page(shell, &config, name, form);
    Ok(page::send(&desk.request, refused.status, &page))
}

fn remove_page(shell: Shell, name: &str) -> AskRemove {
    let form = asking(&shell, format!("{}/remove", url(name)));
    AskRemove {
        what: shell.t.sites_remove_title(name),
        words: shell.t.sites_remove(),
        users: Vec::new(),
        form,
        fields: Vec::new(),
        back: url(name),
        shell,
    }
}

/// `GET /sites/{site}/remove`.
pub(super) async fn ask_remove(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    part(&handle, &Part::Site(path.to_string()))?;
    Ok(page::ok(&request, &remove_page(shell, &path)))
}

/// `POST /sites/{site}/remove`.
pub(super) async fn remove(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let name = path.into_inner();
    let page = remove_page(shell, &name);
    removed(&desk, Part::Site(name), page, ENTRY).await
}
