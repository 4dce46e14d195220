//! The setup. Its first step makes the first user, by the one-time link; later there is nothing
//! there. The others are for an admin, now or later: nodes, where to listen, a first request.

mod done;
mod listen;
mod nodes;
mod paste;
mod pool;

use actix_web::http::StatusCode;
use actix_web::http::header::SET_COOKIE;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

pub(super) use done::page as done_page;
pub(super) use listen::{form as listen_form, port_words, submit as listen};
pub(super) use nodes::{form as nodes_form, submit as nodes};

use super::error_page::Wrong;
use super::form::Form;
use super::identity;
use super::page::{self, Shell};
use super::request;
use super::sign_in::visitor;
use super::texts::Texts;
use crate::model::Language;
use crate::people::{
    MAX_PASSWORD, MIN_PASSWORD, PasswordFault, People, PeopleError, SetupFault, UserFault,
};

#[derive(Template)]
#[template(path = "setup/page.html")]
struct Page<'a> {
    shell: Shell,
    token: &'a str,
    name: &'a str,
    name_fault: &'a str,
    password_fault: &'a str,
}

#[derive(Template)]
#[template(path = "setup/closed.html")]
struct Closed {
    shell: Shell,
}

/// `GET /setup?token=TOKEN`.
pub(super) async fn form(
    request: HttpRequest,
    people: Data<People>,
) -> Result<HttpResponse, Wrong> {
    if people.has_users().await? {
        return Err(Wrong::NotFound);
    }
    let token = request::query_value(&request, "token");
    if !people.is_setup_token(&token) {
        return Ok(closed(&request));
    }
    let page = Page {
        shell: Shell::of(&request, ""),
        token: &token,
        name: "admin",
        name_fault: "",
        password_fault: "",
    };
    Ok(page::ok(&request, &page))
}

/// `POST /setup`: `token`, `name`, `password`, `again`, `language`.
pub(super) async fn submit(
    request: HttpRequest,
    people: Data<People>,
    body: Payload,
) -> Result<HttpResponse, Wrong> {
    if people.has_users().await? {
        return Err(Wrong::NotFound);
    }
    let form = Form::read(body).await?;
    let (token, name, password) = (form.get("token"), form.get("name"), form.get("password"));
    if !people.is_setup_token(token) {
        return Ok(closed(&request));
    }
    let chosen = form.get("language");
    let chosen = Language::ALL.into_iter().find(|l| l.as_str() == chosen);
    let mut shell = Shell::of(&request, "");
    let language = chosen.unwrap_or(shell.t.0);
    shell.t = Texts(language);
    let (name_fault, password_fault) = if password != form.get("again") {
        (String::new(), shell.t.fault_differ().to_owned())
    } else {
        let made = people
            .set_up(token, (name, password), language, &visitor(&request))
            .await;
        match made {
            Ok(signed_in) => {
                let mut answer = page::go("/setup/nodes");
                let secure = request.app_config().secure();
                let cookie = identity::set_cookie(&signed_in.token, secure);
                answer.headers_mut().append(SET_COOKIE, cookie);
                return Ok(answer);
            }
            Err(SetupFault::Link | SetupFault::Users) => return Err(Wrong::NotFound),
            Err(SetupFault::User(fault)) => words(shell.t, fault)?,
        }
    };
    let page = Page {
        shell,
        token,
        name,
        name_fault: &name_fault,
        password_fault: &password_fault,
    };
    Ok(page::send(
        &request,
        StatusCode::UNPROCESSABLE_ENTITY,
        &page,
    ))
}

fn closed(request: &HttpRequest) -> HttpResponse {
    let shell = Shell::of(request, "");
    page::send(request, StatusCode::FORBIDDEN, &Closed { shell })
}

/// What is wrong with the name and with the password of a user, in words.
pub(super) fn words(t: Texts, fault: UserFault) -> Result<(String, String), Wrong> {
    let nothing = String::new();
    Ok(match fault {
        UserFault::Name => (t.fault_name().to_owned(), nothing),
        UserFault::People(PeopleError::Taken) => (t.fault_taken().to_owned(), nothing),
        UserFault::People(error) => return Err(error.into()),
        UserFault::Password(fault) => (nothing, password_words(t, fault)),
        // Nobody was asked for theirs.
        UserFault::Current(_) | UserFault::Nobody(_) => return Err(Wrong::Internal),
    })
}

/// What is wrong with a password, in words.
pub(super) fn password_words(t: Texts, fault: PasswordFault) -> String {
    match fault {
        PasswordFault::TooShort => t.fault_short(MIN_PASSWORD),
        PasswordFault::TooLong => t.fault_long(MAX_PASSWORD),
        PasswordFault::Common => t.fault_common().to_owned(),
        PasswordFault::Obvious => t.fault_obvious().to_owned(),
    }
}
