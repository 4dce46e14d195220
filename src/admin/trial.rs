//! Trying an address: the API's `trial`, and what a page shows of one.

use std::time::Duration;

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::answer::{self, Refusal};
use super::identity::{self, Identity};
use super::openapi::Operation;
use super::openapi::schema::{self, Object, of};
use super::request;
use super::texts::Texts;
use crate::balance::{Cause, CheckResult};
use crate::control::{Barred, Handle, Heard, Trial, TrialFault, Tried, django};
use crate::model::{CheckKind, Code, HealthCheck, HttpCheck, Language, NodeAddress, Problems, Way};
use crate::people::{Deed, Outcome, People};

/// `POST /trial`: `{"address":"10.0.0.1:8000"}`, tried as a node of `pool` would be, or by `GET /`
/// where no pool is named.
pub(super) async fn post(
    request: HttpRequest,
    body: web::Payload,
    handle: Data<Handle>,
    people: Data<People>,
) -> Result<HttpResponse, Refusal> {
    let language = request::language(&request)?;
    let text = request::text(body).await?;
    let trial = read(&text).map_err(|problems| Refusal::Invalid(problems.into()))?;
    let tried = refusing(&request, &people, &trial, handle.trial(trial.clone()).await).await;
    told(tried, language)
}

/// `POST /pools/{pool}/nodes/{node}/trial`: the node as it is configured.
pub(super) async fn of_node(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    handle: Data<Handle>,
    people: Data<People>,
) -> Result<HttpResponse, Refusal> {
    let language = request::language(&request)?;
    let (pool, node) = path.into_inner();
    let trial = Trial::Node { pool, node };
    let tried = refusing(&request, &people, &trial, handle.trial(trial.clone()).await).await;
    told(tried, language)
}

pub(super) fn about_post() -> Operation {
    let taken = Object::new()
        .must("address", of("NodeAddress"))
        .may("pool", schema::maybe(schema::text()))
        .taken();
    let operation = Operation::new("tryAddress", "Try a node", "Try an address as a node")
        .detail("Link-local and cloud metadata addresses and our own are refused.")
        .body(taken, json!({ "address": "10.0.0.1:8000" }));
    about(operation)
}

pub(super) fn about_of_node() -> Operation {
    let operation = Operation::new("tryNode", "Try a node", "Try a node as it is configured")
        .path("pool", of("Name"), "The pool's name.")
        .path("node", of("NodeName"), "The node's name.")
        .without_body()
        .errors(&[422]);
    about(operation)
}

fn about(operation: Operation) -> Operation {
    let words = Language::ALL.map(Language::as_str);
    operation
        .query("lang", schema::word(words), "Of the words.")
        .answers(200, "What came back.", of("Tried"))
        .errors(&[400, 404, 409, 429])
}

fn told(tried: Result<Tried, TrialFault>, language: Language) -> Result<HttpResponse, Refusal> {
    match tried {
        Ok(tried) => Ok(answer::json(&to_json(&tried, language))),
        Err(TrialFault::Barred(barred)) => {
            let mut problems = Problems::default();
            problems.add("address", Code::Value, barred.to_string());
            Err(Refusal::Invalid(problems.into()))
        }
        Err(fault @ TrialFault::NotFound) => Err(Refusal::NotFound(fault.to_string())),
        Err(TrialFault::TooMany) => Err(Refusal::TooMany(TrialFault::TooMany.to_string())),
        Err(fault @ TrialFault::BrokenOff) => Err(Refusal::Conflict(fault.to_string())),
    }
}

/// Notes a trial that was refused in the audit log: somebody wants to reach what they may not.
pub(super) async fn refusing(
    request: &HttpRequest,
    people: &People,
    trial: &Trial,
    tried: Result<Tried, TrialFault>,
) -> Result<Tried, TrialFault> {
    if let Err(TrialFault::Barred(barred)) = &tried {
        let by = match identity::of(request) {
            Identity::Nobody => request::by_of_box(request),
            _ => identity::by(request),
        };
        let subject = match trial {
            Trial::Node { pool, node } | Trial::Visit { pool, node, .. } => {
                format!("{pool}/{node}")
            }
            Trial::Address { address, .. } | Trial::Check { address, .. } => address.to_string(),
        };
        let deed = Deed {
            action: "trial",
            subject: &subject,
            detail: barred.as_str(),
            outcome: Outcome::Refused,
        };
        people.note(&by, deed).await;
    }
    tried
}

fn read(text: &str) -> Result<Trial, Problems> {
    let mut problems = Problems::default();
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
        let example = "must be a JSON object, such as {\"address\":\"10.0.0.1:8000\"}";
        problems.add("", Code::Syntax, example);
        return Err(problems);
    };
    let (mut address, mut pool) = (None, None);
    for (key, value) in &fields {
        match (key.as_str(), value.as_str()) {
            ("address", Some(text)) => match NodeAddress::parse(text) {
                Ok(parsed) => address = Some(parsed),
                Err(why) => problems.add("address", Code::Value, why),
            },
            ("pool", Some(text)) => pool = Some(text.to_owned()),
            ("pool", None) if value.is_null() => {}
            ("address" | "pool", None) => problems.add(key.as_str(), Code::Type, "must be a text"),
            _ => {
                let message = "is not known: address and pool are";
                problems.add(key.as_str(), Code::UnknownKey, message);
            }
        }
    }
    if !fields.contains_key("address") {
        problems.add("address", Code::Missing, "is missing");
    }
    match (address, problems.is_empty()) {
        (Some(address), true) => Ok(match pool {
            Some(pool) => Trial::Address { address, pool },
            None => Trial::Check {
                address,
                check: Box::new(HealthCheck {
                    kind: CheckKind::Http(HttpCheck::default()),
                    timeout: Duration::from_secs(3),
                    ..HealthCheck::default()
                }),
            },
        }),
        _ => Err(problems),
    }
}

fn to_json(tried: &Tried, language: Language) -> Value {
    let result = &tried.result;
    let heard = &tried.heard;
    json!({
        "address": tried.address.to_string(),
        "passed": result.passed(),
        "code": result.code(),
        "cause": result.cause.map(Cause::as_str),
        "text": result.text(language),
        "status": result.status(),
        "connected_ms": tried.connected.map(|time| time.as_millis().try_into().unwrap_or(u32::MAX)),
        "ms": result.ms,
        "only_connects": tried.only_connects,
        "server": heard.server,
        "django": heard.is_django,
        "exchange": {
            "sent": heard.sent,
            "head": heard.head,
            "body": heard.body,
            "more": heard.more,
        },
    })
}

/// A line to be put where it helps.
#[derive(Debug, Clone)]
pub(super) struct Help {
    /// Where.
    pub(super) words: &'static str,
    /// The line.
    pub(super) code: String,
}

/// What a page shows of a trial.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// The address as it was given.
    pub(super) address: String,
    /// Classes of the shape, the shape, and the class of the words.
    pub(super) mark: (&'static str, &'static str, &'static str),
    /// What is the matter, in a line.
    pub(super) line: String,
    /// What else is known; may be empty.
    pub(super) detail: String,
    /// What to put where.
    pub(super) help: Option<Help>,
    /// What was said; none where nothing was tried.
    pub(super) heard: Option<Heard>,
    /// Whether it passed.
    pub(super) passed: bool,
    /// Whether Django does not take the Host that was asked for.
    pub(super) wants_host: bool,
    /// Whether nothing is at the path that was asked for.
    pub(super) is_missing: bool,
}

const GOOD: (&str, &str, &str) = ("up", "s-up", "m2");
const HALF: (&str, &str, &str) = ("warn", "s-half", "warn");
const BAD: (&str, &str, &str) = ("down", "s-down", "down");

impl Shown {
    /// What was found at `address`.
    pub(super) fn of(t: Texts, address: &str, tried: &Result<Tried, TrialFault>) -> Self {
        match tried {
            Ok(tried) => Self::tried(t, tried),
            Err(fault) => Self::fault(t, address, *fault),
        }
    }

    /// What cannot be tried at all, and why.
    pub(super) fn bad(address: &str, line: String) -> Self {
        Self {
            address: address.to_owned(),
            mark: BAD,
            line,
            detail: String::new(),
            help: None,
            heard: None,
            passed: false,
            wants_host: false,
            is_missing: false,
        }
    }

    fn fault(t: Texts, address: &str, fault: TrialFault) -> Self {
        let line = match fault {
            TrialFault::Barred(Barred::OwnSessions) => t.trial_own_sessions(),
            TrialFault::Barred(Barred::OwnPanel) => t.trial_own_panel(),
            TrialFault::Barred(Barred::OwnSocket) => t.trial_own_socket(),
            TrialFault::Barred(Barred::LinkLocal) => t.trial_link_local(),
            TrialFault::Barred(Barred::NoMachine) => t.trial_no_machine(),
            TrialFault::TooMany => t.trial_too_many(),
            TrialFault::NotFound | TrialFault::BrokenOff => t.trial_broken_off(),
        };
        Self::bad(address, line.to_owned())
    }

    fn tried(t: Texts, tried: &Tried) -> Self {
        let result = &tried.result;
        let (mark, line) = match (result.cause, result.status()) {
            (Some(cause), _) => {
                let mark = if cause.code() == "L7STS" { HALF } else { BAD };
                (mark, result.text(t.0))
            }
            (None, Some(status)) => (GOOD, t.trial_answers(status, ms(t, result.ms))),
            (None, None) => (GOOD, t.trial_connects(ms(t, result.ms))),
        };
        Self {
            address: tried.address.to_string(),
            mark,
            line,
            detail: detail(t, tried),
            help: help_with(t, result, &tried.address.to_string()),
            heard: Some(tried.heard.clone()),
            passed: result.passed(),
            wants_host: result.cause == Some(Cause::DisallowedHost),
            is_missing: result.cause == Some(Cause::NotFound),
        }
    }
}

fn ms(t: Texts, ms: u32) -> String {
    match ms {
        0 => t.trial_below_one().to_owned(),
        ms => t.trial_ms(ms),
    }
}

/// Who answered, and how soon it was connected.
fn detail(t: Texts, tried: &Tried) -> String {
    let heard = &tried.heard;
    let server = heard.server.as_deref().map(|server| match server {
        "gunicorn" => "Gunicorn",
        "uvicorn" => "Uvicorn",
        other => other,
    });
    let who = match (server, heard.is_django) {
        (Some(server), true) => Some(t.trial_server_django(server)),
        (Some(server), false) => Some(t.trial_server(server)),
        (None, true) => Some(t.trial_django().to_owned()),
        (None, false) => None,
    };
    let connected = tried.connected.map(|time| {
        let time = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        t.trial_connected(ms(t, time))
    });
    let known: Vec<String> = who.into_iter().chain(connected).collect();
    let comma = match t.0 {
        Language::English => ", ",
        Language::Chinese => "，",
    };
    let mut detail = known.join(comma);
    if tried.only_connects && !detail.is_empty() {
        detail.push_str(match t.0 {
            Language::English => ". ",
            Language::Chinese => "。",
        });
        detail.push_str(t.trial_only_connects());
    }
    detail
}

/// The line that helps most people whose check of the node at `address` found this.
pub(super) fn help_with(t: Texts, result: &CheckResult, address: &str) -> Option<Help> {
    let (words, code) = match result.cause? {
        Cause::Refused | Cause::SocketMissing => {
            let parsed = NodeAddress::parse(address).ok()?;
            let bind = match parsed.way() {
                Way::Ip(address) if !address.ip().is_loopback() => {
                    format!("0.0.0.0:{}", address.port())
                }
                Way::Name { port, .. } => format!("0.0.0.0:{port}"),
                Way::Ip(_) | Way::Unix(_) => parsed.to_string(),
            };
            let code = format!("gunicorn PROJECT.wsgi --bind {bind} --keep-alive 5");
            (t.trial_start(), code)
        }
        Cause::DisallowedHost => {
            let code = django::allow_host(result.facts.allowed());
            (t.trial_allow_host(), code)
        }
        Cause::SslRedirect => {
            let code = format!(
                "SECURE_REDIRECT_EXEMPT = [r\"^{}$\"]",
                result.facts.exempt()
            );
            (t.trial_exempt(), code)
        }
        _ => return None,
    };
    Some(Help { words, code })
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::control::Trial;

    #[test]
    fn what_is_to_be_tried_is_an_address_and_a_pool_at_most() {
        let good = read(r#"{"address":"10.0.0.1:8000","pool":"django"}"#).unwrap();
        assert!(matches!(good, Trial::Address { .. }), "{good:?}");
        for (text, field) in [
            ("[]", ""),
            ("{}", "address"),
            (r#"{"address":"http://a"}"#, "address"),
            (r#"{"address":7}"#, "address"),
            (r#"{"address":"a:1","pool":7}"#, "pool"),
            (r#"{"address":"a:1","url":"x"}"#, "url"),
        ] {
            let problems = read(text).unwrap_err();
            assert_eq!(problems.iter().next().unwrap().field, field, "{text}");
        }
    }
}
