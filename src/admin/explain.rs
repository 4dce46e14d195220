//! The API's `explain`: where a request would go, without sending it.

use std::net::IpAddr;

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::Value;

use super::answer::{self, Refusal};
use super::request;
use crate::control::Handle;
use crate::proxy::Question;

/// Limit: requests explained at once. Each costs some microseconds, which others wait for.
const MOST: usize = 1000;

/// A request to be explained, as the API takes it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    url: String,
    method: Option<String>,
    client: Option<IpAddr>,
    /// Lines `Name: value`.
    #[serde(default)]
    headers: Vec<String>,
}

impl Asked {
    fn question(&self) -> Result<Question, Refusal> {
        let method = self.method.as_deref().unwrap_or("GET");
        Question::new(method, &self.url, self.client, &self.headers).map_err(Refusal::BadRequest)
    }
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
            "client" => {
                let address = value.parse();
                let address =
                    address.map_err(|_| Refusal::bad_request("client must be an IP address"))?;
                asked.client = Some(address);
            }
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

/// `POST /explain`: `{"url":…,"method":…,"client":…,"headers":["Name: value"]}`, or a list
/// of them, answered by a list.
pub(super) async fn post(
    body: web::Payload,
    handle: Data<Handle>,
) -> Result<HttpResponse, Refusal> {
    let text = request::text(body).await?;
    let wrong = |error: serde_json::Error| Refusal::bad_request(error.to_string());
    let value: Value = serde_json::from_str(&text).map_err(wrong)?;
    if !value.is_array() {
        let asked: Asked = serde_json::from_value(value).map_err(wrong)?;
        return Ok(answer::json(&handle.explain(&asked.question()?)));
    }
    let asked: Vec<Asked> = serde_json::from_value(value).map_err(wrong)?;
    if asked.len() > MOST {
        let why = format!("at most {MOST} requests are explained at once");
        return Err(Refusal::BadRequest(why));
    }
    let told = asked
        .iter()
        .map(|asked| Ok(handle.explain(&asked.question()?)));
    let told: Vec<Value> = told.collect::<Result<_, Refusal>>()?;
    Ok(answer::json(&told.into()))
}
