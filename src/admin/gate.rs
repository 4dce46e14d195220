//! The gate before the admin address: who may ask for what (`routes`), from where and from which
//! site, and the header fields that every answer has. Nothing that came through it needs to ask
//! again.

use std::future::Future;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};

use super::answer;
use super::error_page::Wrong;
use super::identity::Identity;
use super::observe;
use super::routes::{self, Kind, Route, Who};
use crate::control::Handle;
use crate::model::Admin;
use crate::people::{By, Deed, Outcome, People};

/// No script, style, frame or form but our own, and none within a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets a request through, or answers why not.
pub(super) async fn gate<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let tls = request.app_config().secure();
    let handle = request.app_data::<Data<Handle>>().cloned();
    let mut response = match admit(&mut request).await {
        Err(wrong) => {
            let mut answer = wrong.answer(request.request());
            if wrong == Wrong::Method {
                answer::allow(&mut answer, request.request());
            }
            request.into_response(answer)
        }
        Ok(()) => match unless_it_panics(next.call(request)).await {
            Ok(done) => told_as_asked(done?.map_into_boxed_body()),
            Err(()) => {
                tracing::error!("a request to the panel ran into a mistake of ours");
                if let Some(handle) = handle {
                    handle.count_panic();
                }
                return Err(Panicked { tls }.into());
            }
        },
    };
    secure(response.headers_mut(), tls);
    Ok(response)
}

/// What a page could not do is told to people by a page.
fn told_as_asked(response: ServiceResponse) -> ServiceResponse {
    let error = response.response().error();
    let wrong = error.and_then(|error| error.as_error::<Wrong>()).cloned();
    match wrong {
        Some(wrong) => {
            let answer = wrong.answer(response.request());
            response.into_response(answer)
        }
        None => response,
    }
}

/// Whether the request is let through.
async fn admit(request: &mut ServiceRequest) -> Result<(), Wrong> {
    let (Some(handle), Some(people)) = (
        request.app_data::<Data<Handle>>().cloned(),
        request.app_data::<Data<People>>().cloned(),
    ) else {
        return Err(Wrong::Internal);
    };
    let admin = handle.admin();
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    if !observe::may_ask(&admin, peer) {
        return Err(Wrong::Address);
    }
    let pattern = request.match_pattern();
    let Some(pattern) = pattern else {
        return Err(Wrong::NotFound);
    };
    let Some(route) = routes::find(request.method(), &pattern) else {
        return Err(Wrong::Method);
    };
    if route.who == Who::Box {
        return Err(Wrong::NotFound);
    }
    if !is_probe(route) && !is_host_ours(request, peer) {
        return Err(Wrong::Host);
    }
    let identity = match route.kind == Kind::Plain && route.who == Who::Anyone {
        true => Identity::Nobody,
        false => Identity::of(request, &people, route.kind).await?,
    };
    let is_program = matches!(identity, Identity::Program(_) | Identity::Unknown);
    if changes(request.method()) && !is_program && !is_same_site(request) {
        note(&people, request, &identity, "cross_site").await;
        return Err(Wrong::CrossSite);
    }
    let judged = may(route, &identity, &admin, peer);
    if judged.is_err() {
        match &identity {
            Identity::Unknown => note(&people, request, &identity, "bad_token").await,
            Identity::Nobody => {}
            _ => note(&people, request, &identity, "forbidden").await,
        }
    }
    request.extensions_mut().insert(identity);
    judged
}

/// Whether `identity` may ask for `route`.
fn may(
    route: &Route,
    identity: &Identity,
    admin: &Admin,
    peer: Option<IpAddr>,
) -> Result<(), Wrong> {
    let known = !matches!(identity, Identity::Nobody | Identity::Unknown);
    match route.who {
        Who::Anyone => Ok(()),
        Who::Monitors if known || observe::may_read_metrics(admin, peer) => Ok(()),
        Who::Role(role) if identity.role() >= Some(role) => Ok(()),
        Who::Monitors => Err(Wrong::Metrics),
        Who::Role(_) if known => Err(Wrong::Forbidden),
        Who::Role(_) => Err(Wrong::SignIn),
        Who::Box => Err(Wrong::NotFound),
    }
}

async fn note(people: &People, request: &ServiceRequest, identity: &Identity, action: &str) {
    let address = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let by = By::new(
        identity.name(),
        address.map(|ip| ip.to_string()).unwrap_or_default(),
    );
    let path: String = request.path().chars().take(200).collect();
    let deed = Deed {
        action,
        subject: &format!("{} {path}", request.method()),
        detail: "",
        outcome: Outcome::Refused,
    };
    people.note(&by, deed).await;
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Outer balancers ask by whatever name they have, and learn nothing.
fn is_probe(route: &Route) -> bool {
    matches!(route.path, "/healthz" | "/readyz")
}

/// Whether a browser says that the request came from a page of ours, or from no page.
fn is_same_site(request: &ServiceRequest) -> bool {
    let headers = request.headers();
    if let Some(site) = headers.get(FETCH_SITE) {
        return matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let origin = headers.get(ORIGIN).and_then(|value| value.to_str().ok());
    let host = host(request);
    let scheme = match request.app_config().secure() {
        true => "https://",
        false => "http://",
    };
    let origin = origin.and_then(|origin| origin.strip_prefix(scheme));
    // Every browser says one or the other: a request without either is none of a page of ours.
    origin.is_some_and(|origin| Some(origin) == host)
}

/// The host that the request names: HTTP/2 has no field for it.
fn host(request: &ServiceRequest) -> Option<&str> {
    let field = request.headers().get(HOST);
    let named = request
        .uri()
        .authority()
        .map(|authority| authority.as_str());
    named.or_else(|| field.map(|value| value.to_str().unwrap_or("?")))
}

/// Whether the request was meant for this machine. On plain loopback a name that anybody can
/// point at 127.0.0.1 would let their page read what loopback may.
fn is_host_ours(request: &ServiceRequest, peer: Option<IpAddr>) -> bool {
    if request.app_config().secure() || !peer.is_some_and(|peer| peer.is_loopback()) {
        return true;
    }
    let Some(host) = host(request) else {
        return true;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let literal = name.trim_start_matches('[').trim_end_matches(']');
    let machine = rustix::system::uname();
    literal.parse::<IpAddr>().is_ok()
        || name == "localhost"
        || name.ends_with(".localhost")
        || name == machine.nodename().to_string_lossy().to_ascii_lowercase()
}

/// The fields that every answer has.
pub(super) fn secure(headers: &mut HeaderMap, tls: bool) {
    let fixed = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if tls {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(STRICT_TRANSPORT_SECURITY, year);
    }
}

/// A mistake of ours in a handler: that request fails, and nothing else.
#[derive(Debug, thiserror::Error)]
#[error("the panel ran into a mistake of ours")]
struct Panicked {
    tls: bool,
}

impl ResponseError for Panicked {
    fn status_code(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut answer = Wrong::Internal.plain();
        secure(answer.headers_mut(), self.tls);
        answer
    }
}

/// What `work` comes to, or that it panicked.
async fn unless_it_panics<F: Future>(work: F) -> Result<F::Output, ()> {
    let mut work = pin!(work);
    std::future::poll_fn(move |context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(_) => Poll::Ready(Err(())),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use actix_web::http::StatusCode;
    use actix_web::http::header::CONTENT_SECURITY_POLICY;
    use actix_web::{ResponseError, web};

    use super::{Identity, Panicked, Wrong, may, unless_it_panics};
    use crate::admin::routes::{Kind, Route, Who};
    use crate::model::{Admin, MetricsAccess, Role, Scope};
    use crate::people::Token;

    fn route(who: Who) -> Route {
        Route {
            method: "GET",
            path: "/",
            who,
            kind: Kind::Api,
            handler: web::route,
            about: None,
        }
    }

    fn program(scope: Scope) -> Identity {
        Identity::Program(Box::new(Token {
            id: 1,
            name: "ci".into(),
            scope,
            made_by: String::new(),
            created: 0,
            used: None,
        }))
    }

    #[test]
    fn monitors_elsewhere_need_what_the_configuration_says_or_a_token() {
        let far: Option<IpAddr> = Some([192, 0, 2, 1].into());
        let near: Option<IpAddr> = Some([127, 0, 0, 1].into());
        let monitors = route(Who::Monitors);
        let asked = |identity: &Identity, metrics, peer| {
            let admin = Admin {
                metrics,
                ..Admin::default()
            };
            may(&monitors, identity, &admin, peer)
        };
        let token = program(Scope::Metrics);
        for metrics in [
            MetricsAccess::Token,
            MetricsAccess::Allow,
            MetricsAccess::Public,
        ] {
            assert_eq!(asked(&Identity::Nobody, metrics, near), Ok(()));
            assert_eq!(asked(&token, metrics, far), Ok(()));
        }
        for unknown in [Identity::Nobody, Identity::Unknown] {
            let refused = asked(&unknown, MetricsAccess::Token, far);
            assert_eq!(refused, Err(Wrong::Metrics));
        }
        assert_eq!(asked(&Identity::Nobody, MetricsAccess::Public, far), Ok(()));
    }

    #[test]
    fn whoever_is_known_and_may_not_is_told_so_and_others_to_sign_in() {
        let admin = Admin::default();
        let asked = |who, identity: &Identity| may(&route(who), identity, &admin, None);
        let operator = program(Scope::Api(Role::Operator));
        assert_eq!(asked(Who::Role(Role::Viewer), &operator), Ok(()));
        assert_eq!(
            asked(Who::Role(Role::Admin), &operator),
            Err(Wrong::Forbidden)
        );
        let metrics = program(Scope::Metrics);
        assert_eq!(
            asked(Who::Role(Role::Viewer), &metrics),
            Err(Wrong::Forbidden)
        );
        assert_eq!(
            asked(Who::Role(Role::Viewer), &Identity::Nobody),
            Err(Wrong::SignIn)
        );
        assert_eq!(
            asked(Who::Box, &program(Scope::Api(Role::Admin))),
            Err(Wrong::NotFound)
        );
    }

    #[tokio::test]
    async fn a_mistake_in_a_handler_is_a_500_and_nothing_else() {
        // Not by `panic!`, which prints as one of the program's own would.
        let broken = async {
            tokio::task::yield_now().await;
            std::panic::resume_unwind(Box::new("a mistake"))
        };
        let done: Result<(), ()> = unless_it_panics(broken).await;
        assert_eq!(done, Err(()));
        assert_eq!(unless_it_panics(async { 7 }).await, Ok(7));
        let answer = Panicked { tls: true }.error_response();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(answer.headers().contains_key(CONTENT_SECURITY_POLICY));
        assert!(answer.headers().contains_key("strict-transport-security"));
    }
}
