//! Static files: the folders that are served, and whether they can be.

use std::time::Duration;

use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::{Value as Json, json};

use super::error_page::Wrong;
use super::forms::{Desk, Frame, Source, View, fill, may, pick, saved};
use super::page::{self, Shell, escaped};
use super::request;
use super::sites::fields::{CACHES, NEW_MOUNT};
use super::sites::{self, pool_names, shape};
use crate::control::Handle;
use crate::document::{self, Part, PartEdit, PartOp};
use crate::files::{Folder, FolderTrouble, look_at_folder};
use crate::model::{Config, Target};
use crate::people::People;

/// The entry of the rail.
const ENTRY: &str = "/files";

/// Limit: a disk that is away, as one on a network may be, holds no page.
const PATIENCE: Duration = Duration::from_secs(10);

type Answer = Result<HttpResponse, Wrong>;

struct Mount {
    site: String,
    path: String,
    href: String,
    root: String,
    test: String,
    cache: String,
}

#[derive(Template)]
#[template(path = "files/page.html")]
struct Page {
    shell: Shell,
    mounts: Vec<Mount>,
    has_sites: bool,
    /// For Django: of the first folder, or an example.
    url: String,
    root: String,
    form: View,
}

#[derive(Template)]
#[template(path = "files/test.html")]
struct Tested {
    shell: Shell,
    folder: String,
    found: Result<Folder, String>,
    /// What to do about a folder that may not be entered.
    todo: String,
}

fn mounts(shell: &Shell, config: &Config) -> Vec<Mount> {
    let document = document::to_full_json(config);
    let mut mounts = Vec::new();
    for site in &config.sites {
        for route in &site.routes {
            let Target::Files(files) = &route.target else {
                continue;
            };
            let key = sites::route_key(route);
            let part = Part::Route(site.name.to_string(), key);
            let said = part
                .of(&document)
                .map_or("other", |route| shape::cache(&route["files"]));
            let words = CACHES.iter().find(|(name, ..)| *name == said);
            let cache = match words {
                Some((name, words, _)) if *name != "other" => pick(shell.t, *words).to_owned(),
                _ => files.expires.to_string(),
            };
            let root = files.root.display().to_string();
            mounts.push(Mount {
                site: site.name.to_string(),
                path: route.path.to_string(),
                href: sites::route_url(site.name.as_str(), route),
                test: format!("/files/test?folder={}", escaped(&root)),
                root,
                cache,
            });
        }
    }
    mounts
}

fn new_view(shell: &Shell, config: &Config, source: Source<'_>) -> View {
    let sites = config.sites.iter().map(|site| site.name.to_string());
    let mut sites: Vec<String> = sites.collect();
    if sites.is_empty() {
        sites.push("default".to_owned());
    }
    let or_none = std::iter::once(String::new()).chain(pool_names(config));
    let names = [("site", sites), ("files.fallback", or_none.collect())];
    let frame = Frame {
        t: shell.t,
        groups: NEW_MOUNT,
        names: &names,
        revision: shell.revision,
        may: may(shell),
    };
    frame.view(ENTRY, source).small(shell.t.files_add())
}

fn files_page(shell: Shell, config: &Config, form: View) -> Page {
    let mounts = mounts(&shell, config);
    let first = mounts.first();
    Page {
        url: first.map_or("/static/", |mount| &mount.path).to_owned(),
        root: first
            .map_or("/srv/shop/static", |mount| &mount.root)
            .to_owned(),
        has_sites: !config.sites.is_empty(),
        mounts,
        shell,
        form,
    }
}

/// `GET /files`.
pub(super) async fn list(request: HttpRequest, handle: Data<Handle>) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    let config = handle.config();
    let typical = json!({
        "path": "/static/", "cache": "short", "files": { "precompressed": true },
    });
    let form = new_view(&shell, &config, Source::Document(&typical));
    Ok(page::ok(&request, &files_page(shell, &config, form)))
}

/// `POST /files`: `site`, `path`, `files.root`, `cache` …
pub(super) async fn add(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let config = desk.handle.config();
    let mut route = json!({ "target": "files" });
    fill(&mut route, NEW_MOUNT, &desk.form);
    route["target"] = "files".into();
    if let Some(route) = route.as_object_mut() {
        route.shift_remove("site");
    }
    shape::close(&mut route);
    let site = match config.sites.is_empty() {
        true => "default",
        false => desk.form.get("site"),
    };
    let mut edits = Vec::new();
    if config.sites.is_empty() {
        let pool = config.pools.first();
        let routes: Vec<Json> = pool
            .map(|pool| json!({ "path": "/", "pool": pool.name.as_str() }))
            .into_iter()
            .collect();
        let all = json!({ "routes": routes });
        edits.push(PartEdit::new(Part::Site(site.to_owned()), PartOp::Add(all)));
    }
    let path = route["path"].as_str().unwrap_or_default().to_owned();
    let part = Part::Route(site.to_owned(), path);
    edits.push(PartEdit::new(part, PartOp::Add(route)));
    let last = edits.len() - 1;
    let refused = match desk.change(&shell, edits).await? {
        Ok(applied) => return Ok(saved(ENTRY, &applied)),
        Err(refused) => refused,
    };
    let mut form = new_view(&shell, &config, Source::Typed(&desk.form));
    refused.tell_new(&shell, &mut form, last);
    let page = files_page(shell, &config, form);
    Ok(page::send(&desk.request, refused.status, &page))
}

/// `GET /files/test?folder=`: what steelyard finds there.
pub(super) async fn test(request: HttpRequest) -> Answer {
    let mut shell = Shell::of(&request, ENTRY);
    ENTRY.clone_into(&mut shell.here);
    let folder = request::query_value(&request, "folder");
    let asked = folder.clone();
    let look = web::block(move || look_at_folder(&asked));
    let found = match tokio::time::timeout(PATIENCE, look).await {
        Ok(Ok(found)) => found,
        _ => Err(FolderTrouble::Failed(folder.clone(), "?".to_owned())),
    };
    let todo = match &found {
        Err(trouble) => trouble.remedy().unwrap_or_default(),
        Ok(_) => String::new(),
    };
    let found = found.map_err(|trouble| trouble.text(shell.t.0));
    let page = Tested {
        shell,
        folder,
        found,
        todo,
    };
    Ok(page::ok(&request, &page))
}
