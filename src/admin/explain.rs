//! The API's `explain`: where a request would go, without sending it.

use std::net::IpAddr;

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use super::answer::{self, Refusal};
use super::openapi::Operation;
use super::openapi::schema::{any_of, list, of, text as text_schema};
use super::request;
use crate::control::Handle;
use crate::proxy::Question;

/// Limit: requests explained at once. Each costs some microseconds, which others wait for.
const MOST: usize = 1000;

/// A request to be explained, as the API takes it.
#[derive(Debug, Default)]
struct Asked {
    url: String,
    method: Option<String>,
    client: Option<IpAddr>,
    /// Lines `Name: value`.
    headers: Vec<String>,
}

impl Asked {
    /// Reads one request; what is wrong is told with its field.
    fn read(value: Value) -> Result<Self, Refusal> {
        let Value::Object(fields) = value else {
            return Err(Refusal::bad_request(
                "must be an object with a url, or a list of them",
            ));
        };
        let mut asked = Self::default();
        let mut has_url = false;
        for (name, value) in fields {
            match name.as_str() {
                "url" => {
                    asked.url = text(&name, value)?;
                    has_url = true;
                }
                _ if value.is_null() => {}
                "method" => asked.method = Some(text(&name, value)?),
                "client" => asked.client = Some(address(&text(&name, value)?)?),
                "headers" => asked.headers = lines(value)?,
                _ => {
                    let why = format!("{name} is not known: url, method, client and headers are");
                    return Err(Refusal::BadRequest(why));
                }
            }
        }
        match has_url {
            true => Ok(asked),
            false => Err(Refusal::bad_request("url is missing")),
        }
    }

    fn question(&self) -> Result<Question, Refusal> {
        let method = self.method.as_deref().unwrap_or("GET");
        Question::new(method, &self.url, self.client, &self.headers).map_err(Refusal::BadRequest)
    }
}

fn text(name: &str, value: Value) -> Result<String, Refusal> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(Refusal::BadRequest(format!(
            "{name} must be a string (is {other})"
        ))),
    }
}

fn address(text: &str) -> Result<IpAddr, Refusal> {
    let wrong = |_| Refusal::BadRequest(format!("client must be an IP address (is {text:?})"));
    text.parse().map_err(wrong)
}

/// Header fields as lines: each given as one, or as the answer tells them.
fn lines(value: Value) -> Result<Vec<String>, Refusal> {
    let Value::Array(fields) = value else {
        return Err(Refusal::bad_request("headers must be a list"));
    };
    let line = |(i, field): (usize, Value)| match field {
        Value::String(line) if line.contains(':') => Ok(line),
        Value::Object(field) if field.len() == 2 => {
            let part = |name: &str| field.get(name).and_then(Value::as_str);
            let both = part("name").zip(part("value"));
            let line = both.map(|(name, value)| format!("{name}: {value}"));
            line.ok_or_else(|| no_line(i, &Value::Object(field)))
        }
        other => Err(no_line(i, &other)),
    };
    fields.into_iter().enumerate().map(line).collect()
}

fn no_line(i: usize, found: &Value) -> Refusal {
    Refusal::BadRequest(format!(
        "headers[{i}] must be \"Name: value\" or {{\"name\": …, \"value\": …}} (is {found})"
    ))
}

/// `GET /explain?url=URL`, with `method`, `client`, and `header` as often as wanted.
pub(super) async fn get(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Refusal> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let pairs = pairs.map_err(|error| Refusal::bad_request(error.to_string()))?;
    let mut asked = Asked::default();
    for (name, value) in pairs.into_inner() {
        match name.as_str() {
            "url" => asked.url = value,
            "method" => asked.method = Some(value),
            "client" => asked.client = Some(address(&value)?),
            "header" => asked.headers.push(value),
            _ => {
                let why = format!("{name} is not known: url, method, client and header are");
                return Err(Refusal::BadRequest(why));
            }
        }
    }
    let told = handle.explain(&asked.question()?);
    Ok(answer::json(&told))
}

pub(super) fn about_get() -> Operation {
    Operation::new(
        "explainUrl",
        "Try a URL",
        "Where a request would go, and why",
    )
    .detail("Nothing is sent.")
    .query_required("url", text_schema(), "Of the request.")
    .query("method", text_schema(), "GET where nobody says.")
    .query(
        "client",
        text_schema(),
        "The IP address that it would come from.",
    )
    .query(
        "header",
        list(text_schema()),
        "Name: value, as often as wanted.",
    )
    .answers(200, "What would happen.", of("Explanation"))
    .errors(&[400])
}

pub(super) fn about_post() -> Operation {
    let mut several = list(of("Question"));
    several["maxItems"] = MOST.into();
    let example = serde_json::json!({ "url": "http://shop.example.com/cart/", "method": "GET" });
    let answers = any_of([of("Explanation"), list(of("Explanation"))]);
    Operation::new(
        "explainRequests",
        "Try a URL",
        "The same for one request or several",
    )
    .body(any_of([of("Question"), several]), example)
    .answers(200, "As it was asked: one or a list.", answers)
}

/// `POST /explain`: `{"url":…,"method":…,"client":…,"headers":["Name: value", {"name":…,"value":…}]}`, or a list
/// of them, answered by a list.
pub(super) async fn post(
    body: web::Payload,
    handle: Data<Handle>,
) -> Result<HttpResponse, Refusal> {
    let text = request::text(body).await?;
    let wrong = |error: serde_json::Error| Refusal::bad_request(error.to_string());
    let value: Value = serde_json::from_str(&text).map_err(wrong)?;
    let asked = match value {
        Value::Array(asked) => asked,
        one => {
            let told = handle.explain(&Asked::read(one)?.question()?);
            return Ok(answer::json(&told));
        }
    };
    if asked.len() > MOST {
        let why = format!("at most {MOST} requests are explained at once");
        return Err(Refusal::BadRequest(why));
    }
    let told = asked
        .into_iter()
        .map(|asked| Ok(handle.explain(&Asked::read(asked)?.question()?)));
    let told: Vec<Value> = told.collect::<Result<_, Refusal>>()?;
    Ok(answer::json(&told.into()))
}
