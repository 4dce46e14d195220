//! Trying a URL: where a request would go, and why, without sending it.

use std::net::IpAddr;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::Value as Json;

use super::error_page::Wrong;
use super::page::{self, Shell, escaped};
use super::request::query_value;
use super::texts::{Texts, explained, problems};
use crate::control::Handle;
use crate::model::Language;
use crate::proxy::Question;

/// The entry of the rail.
const ENTRY: &str = "/sites";

struct Candidate {
    node: String,
    may: bool,
    why: String,
}

/// What was found.
#[derive(Default)]
struct Told {
    listener: String,
    client: String,
    site: String,
    site_href: String,
    route: String,
    target: String,
    target_href: String,
    refused: String,
    refused_words: String,
    candidates: Vec<Candidate>,
    request: String,
    response: String,
    notes: Vec<String>,
}

#[derive(Template)]
#[template(path = "try/page.html")]
struct Page {
    shell: Shell,
    url: String,
    method: String,
    client: String,
    headers: String,
    fault: String,
    client_fault: &'static str,
    told: Option<Told>,
}

/// `GET /try`: with `?url=`, `method`, `client` and `headers`, what would become of it.
pub(super) async fn page(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Wrong> {
    let mut shell = Shell::of(&request, ENTRY);
    let t = shell.t;
    let value = |name: &str| query_value(&request, name);
    let mut page = Page {
        url: value("url").trim().to_owned(),
        method: value("method").trim().to_owned(),
        client: value("client").trim().to_owned(),
        headers: value("headers").replace("\r\n", "\n"),
        fault: String::new(),
        client_fault: "",
        told: None,
        shell: {
            "/try".clone_into(&mut shell.here);
            shell
        },
    };
    if page.method.is_empty() {
        "GET".clone_into(&mut page.method);
    }
    if page.url.is_empty() {
        return Ok(page::ok(&request, &page));
    }
    // Whoever types a name alone means what their browser would.
    if !page.url.contains("://") {
        page.url.insert_str(0, "http://");
    }
    let client: Option<IpAddr> = page.client.parse().ok();
    if client.is_none() && !page.client.is_empty() {
        page.client_fault = t.try_client_wrong();
        return Ok(page::send(
            &request,
            StatusCode::UNPROCESSABLE_ENTITY,
            &page,
        ));
    }
    let lines = page.headers.lines().map(str::trim);
    let lines: Vec<String> = lines
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    let status = match Question::new(&page.method, &page.url, client, &lines) {
        Ok(question) => {
            let status = handle.status_in(t.0);
            page.told = Some(told(t, &handle.explain(&question), &status));
            StatusCode::OK
        }
        Err(why) => {
            page.fault = match t.0 {
                Language::Chinese => problems::chinese(&why).unwrap_or(why),
                Language::English => why,
            };
            StatusCode::UNPROCESSABLE_ENTITY
        }
    };
    Ok(page::send(&request, status, &page))
}

fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

fn told(t: Texts, found: &Json, status: &Json) -> Told {
    let list = |key: &str| found[key].as_array().cloned().unwrap_or_default();
    let is_chinese = t.0 == Language::Chinese;
    let words = |text: &str| match is_chinese {
        true => explained::note(text),
        false => text.to_owned(),
    };
    let lines = |key: &str| {
        let line = |field: Json| format!("{}: {}", text(&field["name"]), text(&field["value"]));
        list(key).into_iter().map(line).collect::<Vec<_>>()
    };
    let fields = |lines: Vec<String>| match is_chinese {
        true => explained::header_fields(&lines.join("\n")),
        false => lines.join("\n"),
    };
    let asked = ["pool", "fallback"].map(|key| text(&found["target"][key]));
    let candidate = |one: Json| {
        let (node, why) = (text(&one["node"]), text(&one["why"]));
        Candidate {
            may: one["eligible"] == true,
            why: match is_chinese {
                true => explained::why(&why, &checked(status, &asked, &node)),
                false => why,
            },
            node,
        }
    };
    let site = text(&found["site"]);
    let first = found["request_line"].as_str().map(str::to_owned);
    let sent: Vec<String> = first.into_iter().chain(lines("request_headers")).collect();
    let (target, target_href) = target(t, &found["target"]);
    let mut told = Told {
        listener: text(&found["listener"]),
        client: text(&found["client"]),
        site_href: format!("/sites/{}", escaped(&site)),
        site,
        route: text(&found["route"]),
        target,
        target_href,
        candidates: list("candidates").into_iter().map(candidate).collect(),
        request: fields(sent),
        response: fields(lines("response_headers")),
        notes: list("notes")
            .iter()
            .map(|note| words(&text(note)))
            .collect(),
        ..Told::default()
    };
    let refused = &found["refused"];
    if !refused.is_null() {
        let code = text(&refused["reason"]);
        told.refused = t
            .try_refused(text(&refused["status"]), &code)
            .trim()
            .to_owned();
        let own = text(&refused["words"]);
        told.refused_words = match t.0 {
            Language::Chinese => {
                explained::reason(&code).map_or_else(|| words(&own), str::to_owned)
            }
            Language::English => own,
        };
    }
    told
}

/// What the last check of a node found, in the reader's words.
fn checked(status: &Json, pools: &[String], node: &str) -> String {
    let list = |found: &Json, key: &str| found[key].as_array().cloned().unwrap_or_default();
    let pools_of = list(status, "pools").into_iter();
    let pool = pools_of.filter(|pool| pools.contains(&text(&pool["name"])));
    let nodes = pool.flat_map(|pool| list(&pool, "nodes"));
    let mut found = nodes.filter(|one| one["name"] == node);
    found
        .next()
        .map_or_else(String::new, |one| text(&one["check"]["text"]))
}

/// What answers, in words, and its page.
fn target(t: Texts, target: &Json) -> (String, String) {
    let part = |key: &str| target.get(key).map(text);
    let pool_page = |pool: &str| format!("/pools/{}", escaped(pool));
    if let Some(pool) = part("pool") {
        return (t.try_pool(&pool), pool_page(&pool));
    }
    let words = match (
        part("files"),
        part("fallback"),
        part("redirect"),
        part("respond"),
    ) {
        (Some(root), Some(pool), ..) => return (t.try_fallback(root, &pool), pool_page(&pool)),
        (Some(root), None, ..) => t.try_folder(root),
        (_, _, Some(to), _) => t.try_redirect(text(&target["status"]), to),
        (_, _, _, Some(status)) => t.try_answer(status),
        _ => String::new(),
    };
    (words, String::new())
}
