//! People: users and their roles, where they are signed in, tokens, and one's own password and
//! second factor.

mod forms;
pub(super) mod second_factor;

use std::borrow::Borrow;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::error_page::Wrong;
use super::identity;
use super::page::{self, Shell, Toast};
use super::request;
use super::texts::Texts;
use crate::model::{Role, Scope};
use crate::people::{People, SignIn, Token, User};

pub(super) use forms::{
    add_user, change_password, end_sign_in, end_token, make_token, remove_user, set_role,
};

/// The entry of the rail.
const ENTRY: &str = "/people";

/// What was wrong in a form, beside its field.
#[derive(Debug, Default)]
struct Fault {
    field: &'static str,
    words: String,
    /// What was typed, but for passwords.
    name: String,
    choice: String,
}

impl Fault {
    fn at(field: &'static str, words: impl Into<String>) -> Self {
        Self {
            field,
            words: words.into(),
            ..Self::default()
        }
    }

    /// What is wrong with `field`; nothing where that is another.
    fn of(&self, field: &str) -> &str {
        match self.field == field {
            true => &self.words,
            false => "",
        }
    }
}

#[derive(Template)]
#[template(path = "people/page.html")]
struct Page {
    shell: Shell,
    me: SignIn,
    users: Vec<User>,
    sign_ins: Vec<SignIn>,
    tokens: Vec<Token>,
    /// Since when a code is asked for, and how many recovery codes are left.
    factor: Option<(i64, u32)>,
    fault: Fault,
}

impl Page {
    fn is_admin(&self) -> bool {
        self.me.user.role == Role::Admin
    }

    fn scope(&self, scope: impl Borrow<Scope>) -> &'static str {
        let t = self.shell.t;
        match *scope.borrow() {
            Scope::Metrics => t.scope_metrics(),
            Scope::Api(Role::Viewer) => t.scope_viewer(),
            Scope::Api(Role::Operator) => t.scope_operator(),
            Scope::Api(Role::Admin) => t.scope_admin(),
        }
    }

    /// A browser in a word or two, of what it says of itself.
    fn browser<'a>(&self, agent: &'a str) -> &'a str {
        let known = ["Edg", "Firefox", "Chrome", "Safari", "curl"];
        let found = known.into_iter().find(|name| agent.contains(name));
        match found {
            Some("Edg") => "Edge",
            Some(name) => name,
            None => agent.split(['/', ' ']).next().unwrap_or_default(),
        }
    }
}

/// Asks before a user is removed.
#[derive(Template)]
#[template(path = "people/remove.html")]
struct AskRemove {
    shell: Shell,
    user: User,
    fault: &'static str,
}

/// A token, the one time it is shown.
#[derive(Template)]
#[template(path = "people/token.html")]
struct TokenMade {
    shell: Shell,
    name: String,
    token: String,
    url: String,
}

/// `GET /people`, with `?done=` of what was just done.
pub(super) async fn page(
    request: HttpRequest,
    people: Data<People>,
) -> Result<HttpResponse, Wrong> {
    let done = request::query_value(&request, "done");
    show(&request, &people, Fault::default(), toast(&done)).await
}

/// The page, with what was wrong or what was done.
async fn show(
    request: &HttpRequest,
    people: &People,
    fault: Fault,
    toast: Option<fn(Texts) -> &'static str>,
) -> Result<HttpResponse, Wrong> {
    let me = identity::person(request).ok_or(Wrong::SignIn)?;
    let is_admin = me.user.role == Role::Admin;
    let mut shell = Shell::of(request, ENTRY);
    shell.here = ENTRY.to_owned();
    shell.toast = toast.map(|words| Toast::of(words(shell.t)));
    let seen = identity::of(request).sees();
    let status = match fault.field {
        "" => StatusCode::OK,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = Page {
        users: people.users().await?,
        tokens: match is_admin {
            true => people.tokens().await?,
            false => Vec::new(),
        },
        sign_ins: people.sign_ins(seen).await?,
        factor: people.second_factor(&me.user).await?,
        shell,
        me,
        fault,
    };
    Ok(page::send(request, status, &page))
}

fn toast(done: &str) -> Option<fn(Texts) -> &'static str> {
    let words: fn(Texts) -> &'static str = match done {
        "user-added" => Texts::done_user_added,
        "role" => Texts::done_role,
        "user-removed" => Texts::done_user_removed,
        "sign-in-ended" => Texts::done_sign_in_ended,
        "token-ended" => Texts::done_token_ended,
        "password" => Texts::done_password,
        "factor-off" => Texts::done_factor_off,
        "factor-reset" => Texts::done_factor_reset,
        _ => return None,
    };
    Some(words)
}

/// `GET /people/users/{id}/remove`: what it would mean.
pub(super) async fn ask_remove(
    request: HttpRequest,
    path: Path<String>,
    people: Data<People>,
) -> Result<HttpResponse, Wrong> {
    let user = forms::user(&people, &path).await?;
    let page = AskRemove {
        shell: Shell::of(&request, ENTRY),
        user,
        fault: "",
    };
    Ok(page::ok(&request, &page))
}
