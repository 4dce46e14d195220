//! Signing in and out.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::http::StatusCode;
use actix_web::http::header::{RETRY_AFTER, SET_COOKIE, USER_AGENT};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::error_page::Wrong;
use super::form::Form;
use super::identity;
use super::page::{self, Shell, own_path};
use super::request;
use crate::people::{People, SignInFault, Visitor};

#[derive(Template)]
#[template(path = "sign_in/page.html")]
struct Page<'a> {
    shell: Shell,
    name: &'a str,
    next: &'a str,
    fault: &'a str,
}

/// The second step, of whoever is asked for a code.
#[derive(Template)]
#[template(path = "sign_in/code.html")]
struct CodePage<'a> {
    shell: Shell,
    half: &'a str,
    next: &'a str,
    fault: &'a str,
}

/// Where the client is.
pub(super) fn visitor(request: &HttpRequest) -> Visitor<'_> {
    let agent = request.headers().get(USER_AGENT);
    let address = request.peer_addr().map(|peer| peer.ip().to_canonical());
    Visitor {
        address: address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        agent: agent
            .and_then(|agent| agent.to_str().ok())
            .unwrap_or_default(),
    }
}

/// `GET /sign-in?next=PATH`.
pub(super) async fn form(
    request: HttpRequest,
    people: Data<People>,
) -> Result<HttpResponse, Wrong> {
    if !people.has_users().await? {
        return Ok(page::go("/setup"));
    }
    let next = request::query_value(&request, "next");
    if identity::person(&request).is_some() {
        return Ok(page::go(&next));
    }
    let page = Page {
        shell: Shell::of(&request, ""),
        name: "",
        next: &next,
        fault: "",
    };
    Ok(page::ok(&request, &page))
}

/// `POST /sign-in`: `name`, `password`, `next`; or, for the second step, `half`, `code`, `next`.
pub(super) async fn submit(
    request: HttpRequest,
    people: Data<People>,
    body: Payload,
) -> Result<HttpResponse, Wrong> {
    let form = Form::read(body).await?;
    let visitor = visitor(&request);
    let half = form.get("half");
    let signed_in = match half {
        "" => {
            let (name, password) = (form.get("name"), form.get("password"));
            people.sign_in(name, password, &visitor).await
        }
        half => {
            let code = form.get("code");
            people.sign_in_by_code(half, code, &visitor).await
        }
    };
    match signed_in {
        Ok(signed_in) => {
            // By another token than before, whatever cookie the browser came with.
            if let Some(before) = identity::person(&request) {
                let _ = people.end_sign_in(&before, &identity::by(&request)).await;
            }
            let mut answer = page::go(own_path(form.get("next")).unwrap_or("/"));
            let cookie = identity::set_cookie(&signed_in.token, request.app_config().secure());
            answer.headers_mut().append(SET_COOKIE, cookie);
            Ok(answer)
        }
        Err(SignInFault::Store(error)) => Err(error.into()),
        Err(fault) => Ok(again(&request, &form, &fault)),
    }
}

/// The step that is to be done again, or the next one.
fn again(request: &HttpRequest, form: &Form, fault: &SignInFault) -> HttpResponse {
    let (shell, next) = (Shell::of(request, ""), form.get("next"));
    let (is_second, t) = (!form.get("half").is_empty(), shell.t);
    let (status, words, wait) = match fault {
        SignInFault::CodeAsked(_) => (StatusCode::OK, String::new(), 0),
        SignInFault::Wrong if is_second => (StatusCode::UNAUTHORIZED, t.code_wrong().into(), 0),
        // A database that cannot be read has its own page.
        SignInFault::Wrong | SignInFault::Store(_) => {
            (StatusCode::UNAUTHORIZED, t.wrong_sign_in().into(), 0)
        }
        SignInFault::Over => (StatusCode::UNAUTHORIZED, t.code_over().into(), 0),
        SignInFault::Wait(wait) => {
            let seconds = wait.as_secs() + 1;
            (
                StatusCode::TOO_MANY_REQUESTS,
                t.wait_sign_in(seconds),
                seconds,
            )
        }
    };
    let half = match fault {
        SignInFault::CodeAsked(half) => half,
        SignInFault::Over => "",
        _ => form.get("half"),
    };
    let mut answer = match half {
        "" => {
            let page = Page {
                shell,
                name: form.get("name"),
                next,
                fault: &words,
            };
            page::send(request, status, &page)
        }
        half => {
            let page = CodePage {
                shell,
                half,
                next,
                fault: &words,
            };
            page::send(request, status, &page)
        }
    };
    if wait > 0 {
        answer.headers_mut().insert(RETRY_AFTER, wait.into());
    }
    answer
}

/// `POST /sign-out`.
pub(super) async fn out(request: HttpRequest, people: Data<People>) -> Result<HttpResponse, Wrong> {
    if let Some(sign_in) = identity::person(&request) {
        people
            .end_sign_in(&sign_in, &identity::by(&request))
            .await?;
    }
    let mut answer = page::go("/sign-in");
    let cookie = identity::set_cookie("", request.app_config().secure());
    answer.headers_mut().append(SET_COOKIE, cookie);
    Ok(answer)
}
