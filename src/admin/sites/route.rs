//! A route of a site: its path and what answers there.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::{Value as Json, json};

use super::fields::ROUTE;
use super::{Answer, ENTRY, pool_names, shape, url};
use crate::admin::error_page::Wrong;
use crate::admin::forms::{
    AskRemove, Desk, Frame, Source, View, asking, fill, may, part, removed, saved,
};
use crate::admin::page::{self, Shell, escaped};
use crate::admin::request;
use crate::control::Handle;
use crate::document::{Part, PartEdit, PartOp};
use crate::model::Config;
use crate::people::People;

#[derive(Template)]
#[template(path = "sites/route.html")]
struct Page {
    shell: Shell,
    site: String,
    site_href: String,
    /// The path; none of a new one.
    path: String,
    remove: String,
    /// The folder to be tested, where it leads to one.
    folder: String,
    form: View,
}

fn at(site: &str, key: &str) -> String {
    match key {
        "" => format!("{}/route", url(site)),
        key => format!("{}/route?path={}", url(site), escaped(key)),
    }
}

/// A route as exported and as the form shows it; a new one without a key.
fn shown(handle: &Handle, site: &str, key: &str) -> Result<(Json, Json), Wrong> {
    let (brief, mut full) = match key {
        "" => {
            part(handle, &Part::Site(site.to_owned()))?;
            let new = json!({
                "body_limit": "100m", "buffer_request": true, "buffer_response": true,
                "upgrade": true, "tunnel_idle_timeout": "1h",
            });
            (json!({}), new)
        }
        key => part(handle, &Part::Route(site.to_owned(), key.to_owned()))?,
    };
    shape::open(&mut full);
    Ok((brief, full))
}

fn names(config: &Config) -> [(&'static str, Vec<String>); 2] {
    let pools = pool_names(config);
    let or_none = std::iter::once(String::new()).chain(pools.clone());
    let or_none = or_none.collect();
    [("pool", pools), ("files.fallback", or_none)]
}

fn frame<'a>(shell: &Shell, names: &'a [(&'static str, Vec<String>)]) -> Frame<'a> {
    Frame {
        t: shell.t,
        groups: ROUTE,
        names,
        revision: shell.revision,
        may: may(shell),
    }
}

fn route_page(shell: Shell, (site, key): (&str, &str), full: &Json, form: View) -> Page {
    let root = full["files"]["root"].as_str();
    let remove = match key {
        "" => String::new(),
        key => format!("{}/route/remove?path={}", url(site), escaped(key)),
    };
    Page {
        shell,
        site: site.to_owned(),
        site_href: url(site),
        path: key.trim_start_matches('=').to_owned(),
        remove,
        folder: root.map_or_else(String::new, escaped),
        form,
    }
}

/// `GET /sites/{site}/route`: the one that `?path=` names, or a new one.
pub(in crate::admin) async fn route_form(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    let (site, key) = (path.into_inner(), request::query_value(&request, "path"));
    let (_, full) = shown(&handle, &site, &key)?;
    let names = names(&handle.config());
    let form = frame(&shell, &names).view(at(&site, &key), Source::Document(&full));
    let page = route_page(shell, (&site, &key), &full, form);
    Ok(page::ok(&request, &page))
}

/// `POST /sites/{site}/route`: the same, sent.
pub(in crate::admin) async fn save_route(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let (site, key) = (
        path.into_inner(),
        request::query_value(&desk.request, "path"),
    );
    let (mut route, full) = shown(&desk.handle, &site, &key)?;
    fill(&mut route, ROUTE, &desk.form);
    shape::close(&mut route);
    let (edits, new_key) = edits(&site, &key, route);
    let refused = match desk.change(&shell, edits).await? {
        Ok(applied) => {
            let back = match key.is_empty() {
                true => url(&site),
                false => at(&site, &new_key),
            };
            return Ok(saved(&back, &applied));
        }
        Err(refused) => refused,
    };
    let names = names(&desk.handle.config());
    let frame = frame(&shell, &names);
    let again = desk.again(&shell, (&frame, at(&site, &key)), &full, &refused);
    let Some(form) = again else {
        return Ok(page::go(&at(&site, &key)));
    };
    let page = route_page(shell, (&site, &key), &full, form);
    Ok(page::send(&desk.request, refused.status, &page))
}

/// The change: another path is another route, and the old one goes in the same moment.
fn edits(site: &str, key: &str, route: Json) -> (Vec<PartEdit>, String) {
    let path = route["path"].as_str().unwrap_or_default();
    let new_key = match route["match"] == "exact" {
        true => format!("={path}"),
        false => path.to_owned(),
    };
    let part = |key: &str| Part::Route(site.to_owned(), key.to_owned());
    let edits = match key {
        "" => vec![PartEdit::new(part(&new_key), PartOp::Add(route))],
        key if key == new_key => vec![PartEdit::new(part(key), PartOp::Put(route))],
        key => vec![
            PartEdit::new(part(&new_key), PartOp::Add(route)),
            PartEdit::new(part(key), PartOp::Remove),
        ],
    };
    (edits, new_key)
}

fn remove_page(shell: Shell, site: &str, key: &str) -> AskRemove {
    let action = format!("{}/route/remove?path={}", url(site), escaped(key));
    let form = asking(&shell, action);
    let path = key.trim_start_matches('=');
    AskRemove {
        what: shell.t.sites_route_remove_title(path, site),
        words: shell.t.sites_route_remove(),
        users: Vec::new(),
        form,
        fields: Vec::new(),
        back: at(site, key),
        shell,
    }
}

/// `GET /sites/{site}/route/remove?path=`.
pub(in crate::admin) async fn ask_remove_route(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Result<HttpResponse, Wrong> {
    let shell = Shell::of(&request, ENTRY);
    let key = request::query_value(&request, "path");
    part(&handle, &Part::Route(path.to_string(), key.clone()))?;
    Ok(page::ok(&request, &remove_page(shell, &path, &key)))
}

/// `POST /sites/{site}/route/remove?path=`.
pub(in crate::admin) async fn remove_route(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let shell = Shell::of(&desk.request, ENTRY);
    let (site, key) = (
        path.into_inner(),
        request::query_value(&desk.request, "path"),
    );
    let page = remove_page(shell, &site, &key);
    removed(&desk, Part::Route(site.clone(), key), page, &url(&site)).await
}
