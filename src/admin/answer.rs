//! Answers, and the one place where an error becomes a status.

use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::{Value, json};

use super::routes;
use crate::control::ChangeError;
use crate::document::PlacedProblems;
use crate::model::{Code, Problems};
use crate::people::{PeopleError, SignInFault, UserFault};
use crate::store::StoreError;

/// Why a request is not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The request makes no sense.
    #[error("{0}")]
    BadRequest(String),
    /// The body is of a kind we do not read.
    #[error("Content-Type must be application/toml or application/json")]
    UnknownType,
    /// The body is too long.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// The most that is taken.
        limit: usize,
    },
    /// The body has Problems.
    #[error("{0}")]
    Invalid(PlacedProblems),
    /// Nothing is kept here that could be searched.
    #[error("there is no log store here")]
    NoStore,
    /// What was to be changed is not there.
    #[error("{0}")]
    NotFound(String),
    /// Their role does not suffice for this one.
    #[error("{0}")]
    Forbidden(String),
    /// It cannot be done any more.
    #[error("{0}")]
    Conflict(String),
    /// It cannot be done now.
    #[error("{0}")]
    Unavailable(String),
    /// Passwords were tried too often.
    #[error("too many tries; wait {} s", .0.as_secs() + 1)]
    Wait(Duration),
    /// It was asked for too often.
    #[error("{0}")]
    TooMany(String),
    /// Nothing about people was done.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// The change did not happen.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl Refusal {
    /// One Problem of one field of the body.
    pub(super) fn field(field: &str, message: &str) -> Self {
        let mut problems = Problems::default();
        problems.add(field, Code::Value, message);
        Self::Invalid(problems.into())
    }

    /// The request makes no sense, and why.
    pub(super) fn bad_request(why: impl Into<String>) -> Self {
        Self::BadRequest(why.into())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::People(error.into())
    }
}

impl From<SignInFault> for Refusal {
    fn from(fault: SignInFault) -> Self {
        match fault {
            SignInFault::Wrong => Self::field("current", "is not your password"),
            SignInFault::Wait(wait) => Self::Wait(wait),
            // Nothing of the API signs in.
            SignInFault::CodeAsked(_) | SignInFault::Over => Self::Conflict(fault.to_string()),
            SignInFault::Store(error) => error.into(),
        }
    }
}

impl From<UserFault> for Refusal {
    fn from(fault: UserFault) -> Self {
        match fault {
            UserFault::Name => Self::field("name", &fault.to_string()),
            UserFault::Password(fault) => Self::field("password", &fault.to_string()),
            UserFault::Current(fault) => fault.into(),
            UserFault::Nobody(known) => Self::NotFound(known),
            UserFault::People(error) => error.into(),
        }
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::UnknownType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Invalid(_) | Self::Change(ChangeError::Invalid(_)) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::NotFound(_) | Self::Change(ChangeError::NotFound(_)) => StatusCode::NOT_FOUND,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Change(ChangeError::Stale { .. }) => StatusCode::PRECONDITION_FAILED,
            Self::People(PeopleError::Gone) => StatusCode::NOT_FOUND,
            Self::People(PeopleError::Taken | PeopleError::LastAdmin | PeopleError::SetUp) => {
                StatusCode::CONFLICT
            }
            Self::Wait(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NoStore
            | Self::Unavailable(_)
            | Self::People(PeopleError::Store(_))
            | Self::Change(ChangeError::ReadOnly(_) | ChangeError::Store(_)) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Change(ChangeError::BrokenOff(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let body = match self {
            Self::Invalid(problems) | Self::Change(ChangeError::Invalid(problems)) => {
                problems.to_json()
            }
            Self::Change(ChangeError::Stale { current }) => {
                json!({ "error": self.to_string(), "revision": current })
            }
            other => json!({ "error": other.to_string() }),
        };
        let status = self.status_code();
        if status.is_server_error() {
            tracing::error!(status = status.as_u16(), "a change was refused: {self}");
        }
        let mut answer = with_status(status, &body);
        if let Self::Wait(wait) = self {
            let seconds = HeaderValue::from(wait.as_secs() + 1);
            answer.headers_mut().insert(RETRY_AFTER, seconds);
        }
        answer
    }
}

/// A JSON answer.
pub(super) fn json(body: &Value) -> HttpResponse {
    with_status(StatusCode::OK, body)
}

/// A JSON answer with a status.
pub(super) fn with_status(status: StatusCode, body: &Value) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("application/json")
        .body(format!("{body}\n"))
}

/// What no URL leads to.
pub(super) async fn no_such_thing() -> HttpResponse {
    with_status(StatusCode::NOT_FOUND, &json!({ "error": "not found" }))
}

/// What a URL that is there does not do.
pub(super) async fn not_this_way(request: HttpRequest) -> HttpResponse {
    let body = json!({ "error": "method not allowed" });
    let mut answer = with_status(StatusCode::METHOD_NOT_ALLOWED, &body);
    allow(&mut answer, &request);
    answer
}

/// Says what the URL does.
pub(super) fn allow(answer: &mut HttpResponse, request: &HttpRequest) {
    let pattern = request.match_pattern().unwrap_or_default();
    if let Ok(methods) = HeaderValue::from_str(&routes::methods(&pattern)) {
        answer.headers_mut().insert(ALLOW, methods);
    }
}
