//! What went wrong, told by a page to people and in JSON to programs: never more than they need.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{LOCATION, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use serde_json::json;

use super::answer;
use super::page::{self, Shell};
use crate::people::PeopleError;
use crate::store::StoreError;

/// Why a request is not answered as it wished.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Wrong {
    /// No such URL.
    #[error("not found")]
    NotFound,
    /// Not by this method.
    #[error("method not allowed")]
    Method,
    /// The client's address is not admitted.
    #[error("your address may not ask this")]
    Address,
    /// The Host is a name that is not this machine's.
    #[error("ask by the IP address or localhost")]
    Host,
    /// A change asked for by another site.
    #[error("the request came from another site: send Sec-Fetch-Site or Origin, or a token")]
    CrossSite,
    /// `/metrics` without what it needs.
    #[error("your address may not ask this without a token")]
    Metrics,
    /// Nobody is signed in.
    #[error("sign in, or show a token: Authorization: Bearer …")]
    SignIn,
    /// The role does not suffice.
    #[error("your role may not do this")]
    Forbidden,
    /// More than a form may hold.
    #[error("a form may hold {} KiB", .0 / 1024)]
    TooLarge(usize),
    /// The form cannot be read.
    #[error("the form cannot be read")]
    BadForm,
    /// The database cannot be used.
    #[error("{0}")]
    Unavailable(String),
    /// A mistake of ours.
    #[error("internal error")]
    Internal,
}

impl From<StoreError> for Wrong {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<PeopleError> for Wrong {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Gone => Self::NotFound,
            error => Self::Unavailable(error.to_string()),
        }
    }
}

#[derive(Template)]
#[template(path = "error/page.html")]
struct Page<'a> {
    shell: Shell,
    title: &'a str,
    words: &'a str,
    detail: &'a str,
}

impl Wrong {
    /// Tells it in the way the client asked.
    pub(super) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let path = request.path();
        let is_program = path.starts_with("/api/") || matches!(path, "/metrics" | "/check_status");
        if is_program || !accepts_html(request) {
            return self.plain();
        }
        if *self == Self::SignIn {
            return to_sign_in(request);
        }
        let shell = Shell::of(request, "");
        let words = self.words(&shell);
        let page = Page {
            title: &words.0,
            words: &words.1,
            detail: match self {
                Self::Unavailable(why) => why,
                _ => "",
            },
            shell,
        };
        page::send(request, self.status_code(), &page)
    }

    /// Tells it in JSON.
    pub(super) fn plain(&self) -> HttpResponse {
        let body = json!({ "error": self.to_string() });
        let mut answer = answer::with_status(self.status_code(), &body);
        if matches!(self, Self::SignIn | Self::Metrics) {
            let scheme = actix_web::http::header::HeaderValue::from_static("Bearer");
            answer.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        answer
    }

    fn words(&self, shell: &Shell) -> (String, String) {
        let t = shell.t;
        let (title, words) = match self {
            Self::NotFound => (t.not_found_title(), t.not_found()),
            Self::Method => (t.method_title(), t.method()),
            Self::Address | Self::Metrics => (t.address_title(), t.address()),
            Self::Host => (t.host_title(), t.host()),
            Self::CrossSite => (t.cross_site_title(), t.cross_site()),
            Self::SignIn | Self::Forbidden => (t.forbidden_title(), t.forbidden()),
            Self::TooLarge(most) => {
                let words = t.too_large(most / 1024);
                return (t.too_large_title().to_owned(), words);
            }
            Self::BadForm => (t.bad_form_title(), t.bad_form()),
            Self::Unavailable(_) => (t.unavailable_title(), t.unavailable()),
            Self::Internal => (t.internal_title(), t.internal()),
        };
        (title.to_owned(), words.to_owned())
    }
}

impl ResponseError for Wrong {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Address | Self::CrossSite | Self::Forbidden => StatusCode::FORBIDDEN,
            Self::SignIn | Self::Metrics => StatusCode::UNAUTHORIZED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BadForm => StatusCode::BAD_REQUEST,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.plain()
    }
}

fn accepts_html(request: &HttpRequest) -> bool {
    let accept = request.headers().get(actix_web::http::header::ACCEPT);
    accept.is_some_and(|accept| memchr::memmem::find(accept.as_bytes(), b"text/html").is_some())
}

/// To the sign-in page, and back here after it where that makes sense.
fn to_sign_in(request: &HttpRequest) -> HttpResponse {
    let target = request.uri().path_and_query().map_or("/", |t| t.as_str());
    let next = match *request.method() == actix_web::http::Method::GET && target != "/" {
        true => format!("?next={}", page::escaped(target)),
        false => String::new(),
    };
    HttpResponse::SeeOther()
        .insert_header((LOCATION, format!("/sign-in{next}")))
        .finish()
}
