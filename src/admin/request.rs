//! Reading what a client of the API asks for.

use std::any::Any;
use std::ops::RangeInclusive;

use actix_web::dev::Extensions;
use actix_web::http::header::{CONTENT_TYPE, IF_MATCH};
use actix_web::{HttpRequest, web};
use tokio::net::UnixStream;

use super::answer::Refusal;
use super::identity;
use crate::document::Format;
use crate::model::{Code, Language, Problems};
use crate::people::By;

/// Limit: the longest body taken, in bytes. A document of ten thousand nodes has one MiB.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Limit: the longest name that a client may give its operator, in characters.
const MAX_AUTHOR: usize = 100;

/// Who is at the other end of `control.sock`, by the kernel's word.
#[derive(Debug, Clone, Copy)]
struct Peer {
    uid: u32,
}

/// Who is at the other end of `control.sock`, for the audit log.
pub(super) fn by_of_box(request: &HttpRequest) -> By {
    let uid = request.conn_data::<Peer>().map(|peer| peer.uid);
    let who = uid.map_or_else(|| "control.sock".to_owned(), |uid| format!("uid {uid}"));
    By::new(who, "control.sock")
}

/// Notes who has connected.
pub(super) fn remember_peer(connection: &dyn Any, data: &mut Extensions) {
    let stream = connection.downcast_ref::<UnixStream>();
    if let Some(peer) = stream.and_then(|stream| stream.peer_cred().ok()) {
        data.insert(Peer { uid: peer.uid() });
    }
}

/// Who makes the change: who is signed in or whose token it is; on `control.sock` whom the
/// client names, else the user that connected.
pub(super) fn author(request: &HttpRequest) -> String {
    let by = identity::by(request);
    if !by.who.is_empty() {
        return format!("{} from {}", by.who, by.address);
    }
    let named = request.headers().get("X-Steelyard-Author");
    let named = named.and_then(|name| name.to_str().ok());
    // `to_str` lets tabs through and no other control character.
    let named = named.map(|name| name.replace('\t', " ").chars().take(MAX_AUTHOR).collect());
    match (named, request.conn_data::<Peer>()) {
        (Some(name), _) if !String::is_empty(&name) => name,
        (_, Some(peer)) => format!("uid {} by control.sock", peer.uid),
        _ => "control.sock".to_owned(),
    }
}

/// The revision the client's change was made from; none where it does not say.
pub(super) fn if_match(request: &HttpRequest) -> Result<Option<u64>, Refusal> {
    let Some(tag) = request.headers().get(IF_MATCH) else {
        return Ok(None);
    };
    let text = tag.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let number = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    match number.unwrap_or(text).parse() {
        Ok(revision) => Ok(Some(revision)),
        Err(_) => Err(Refusal::bad_request(
            "If-Match must be a revision, such as \"7\"",
        )),
    }
}

/// How the body is written.
pub(super) fn format(request: &HttpRequest) -> Result<Format, Refusal> {
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    match kind.to_ascii_lowercase().as_str() {
        "application/toml" => Ok(Format::Toml),
        "application/json" => Ok(Format::Json),
        _ => Err(Refusal::UnknownType),
    }
}

/// The value of `name` in the query; the first where it stands there twice.
pub(super) fn query<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    let pairs = request.query_string().split('&');
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// The same with its escapes read; empty where it is not there.
pub(super) fn query_value(request: &HttpRequest, name: &str) -> String {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let pairs = pairs.map(web::Query::into_inner).unwrap_or_default();
    let found = pairs.into_iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value).unwrap_or_default()
}

/// The language that the query asks for; English where it does not say.
pub(super) fn language(request: &HttpRequest) -> Result<Language, Refusal> {
    let Some(tag) = query(request, "lang") else {
        return Ok(Language::default());
    };
    let known = Language::ALL.into_iter();
    let found = known.into_iter().find(|known| known.as_str() == tag);
    found.ok_or_else(|| {
        let tags = Language::ALL.map(Language::as_str).join(" or ");
        Refusal::bad_request(format!("lang must be {tags}"))
    })
}

/// Whether the query asks for `name`. A value that is neither yes nor no is refused:
/// a change that was meant as a trial must not happen.
pub(super) fn flag(request: &HttpRequest, name: &str) -> Result<bool, Refusal> {
    match query(request, name) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(Refusal::bad_request(format!(
            "{name} must be true or false"
        ))),
    }
}

/// A whole number of the query; none where it is not there.
pub(super) fn number(
    request: &HttpRequest,
    name: &str,
    within: RangeInclusive<i64>,
) -> Result<Option<i64>, Refusal> {
    let Some(text) = query(request, name) else {
        return Ok(None);
    };
    let number = text.parse().ok().filter(|number| within.contains(number));
    let wrong = || {
        let (low, high) = (within.start(), within.end());
        Refusal::BadRequest(format!("{name} must be {low} to {high} (is {text:?})"))
    };
    number.map(Some).ok_or_else(wrong)
}

/// The body, of so many bytes at most.
pub(super) async fn bytes(body: web::Payload, limit: usize) -> Result<Vec<u8>, Refusal> {
    match body.to_bytes_limited(limit).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(error)) => {
            let why = format!("the body broke off: {error}");
            Err(Refusal::bad_request(why))
        }
        Err(_) => Err(Refusal::TooLarge { limit }),
    }
}

/// The body as text.
pub(super) async fn text(body: web::Payload) -> Result<String, Refusal> {
    let bytes = bytes(body, MAX_BODY).await?;
    String::from_utf8(bytes).map_err(|_| {
        let mut problems = Problems::default();
        problems.add("", Code::Syntax, "the document is not UTF-8 text");
        Refusal::Invalid(problems.into())
    })
}
