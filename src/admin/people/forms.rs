//! The forms of the page. Each leads back to it, so that nothing is done twice by a reload.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{AskRemove, ENTRY, Fault, TokenMade, show};
use crate::admin::error_page::Wrong;
use crate::admin::form::Form;
use crate::admin::identity;
use crate::admin::page::{self, Shell};
use crate::admin::setup::password_words;
use crate::admin::sign_in::visitor;
use crate::control::Handle;
use crate::model::{Role, Scope};
use crate::people::{People, PeopleError, SignInFault, User, UserFault};

type Answer = Result<HttpResponse, Wrong>;

pub(super) fn done(what: &str) -> HttpResponse {
    page::go(&format!("{ENTRY}?done={what}"))
}

/// The user whose number is in the path.
pub(super) async fn user(people: &People, path: &Path<String>) -> Result<User, Wrong> {
    let id: i64 = path.parse().map_err(|_| Wrong::NotFound)?;
    people.user(id).await?.ok_or(Wrong::NotFound)
}

/// `POST /people/users`: `name`, `password`, `role`.
pub(in crate::admin) async fn add_user(
    request: HttpRequest,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let form = Form::read(body).await?;
    let t = Shell::of(&request, ENTRY).t;
    let name = form.get("name").trim();
    let typed = |fault: Fault| Fault {
        name: name.to_owned(),
        choice: form.get("role").to_owned(),
        ..fault
    };
    let Some(role) = Role::of(form.get("role")) else {
        let fault = typed(Fault::at("user-role", t.fault_role()));
        return show(&request, &people, fault, None).await;
    };
    let by = identity::by(&request);
    let added = people
        .add_user((name, form.get("password")), role, &by)
        .await;
    let fault = match added {
        Ok(_) => return Ok(done("user-added")),
        Err(UserFault::Name) => Fault::at("user-name", t.fault_name()),
        Err(UserFault::People(PeopleError::Taken)) => Fault::at("user-name", t.fault_taken()),
        Err(UserFault::Password(fault)) => Fault::at("user-password", password_words(t, fault)),
        Err(UserFault::People(error)) => return Err(error.into()),
        Err(UserFault::Current(_) | UserFault::Nobody(_)) => return Err(Wrong::Internal),
    };
    show(&request, &people, typed(fault), None).await
}

/// `POST /people/users/{id}/role`: `role`.
pub(in crate::admin) async fn set_role(
    request: HttpRequest,
    path: Path<String>,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let form = Form::read(body).await?;
    let t = Shell::of(&request, ENTRY).t;
    let user = user(&people, &path).await?;
    let fault = match Role::of(form.get("role")) {
        None => Fault::at("users", t.fault_role()),
        Some(role) if role == user.role => return Ok(page::go(ENTRY)),
        Some(role) => match people.set_role(&user, role, &identity::by(&request)).await {
            Ok(()) => return Ok(done("role")),
            Err(PeopleError::LastAdmin) => Fault::at("users", t.fault_last_admin()),
            Err(error) => return Err(error.into()),
        },
    };
    show(&request, &people, fault, None).await
}

/// `POST /people/users/{id}/remove`.
pub(in crate::admin) async fn remove_user(
    request: HttpRequest,
    path: Path<String>,
    people: Data<People>,
) -> Answer {
    let user = user(&people, &path).await?;
    match people.remove_user(&user, &identity::by(&request)).await {
        Ok(()) => Ok(done("user-removed")),
        Err(PeopleError::LastAdmin) => {
            let shell = Shell::of(&request, ENTRY);
            let fault = shell.t.fault_last_admin();
            let page = AskRemove { shell, user, fault };
            Ok(page::send(
                &request,
                StatusCode::UNPROCESSABLE_ENTITY,
                &page,
            ))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /people/sign-ins/{id}/end`: one's own, or anybody's as an admin.
pub(in crate::admin) async fn end_sign_in(
    request: HttpRequest,
    path: Path<String>,
    people: Data<People>,
) -> Answer {
    let me = identity::person(&request).ok_or(Wrong::SignIn)?;
    let id: i64 = path.parse().map_err(|_| Wrong::NotFound)?;
    // Of those that are none of their business it is not told that there are.
    let seen = identity::of(&request).sees();
    let mut all = people.sign_ins(seen).await?.into_iter();
    let found = all.find(|found| found.id == id).ok_or(Wrong::NotFound)?;
    people.end_sign_in(&found, &identity::by(&request)).await?;
    Ok(match found.id == me.id {
        true => page::go("/sign-in"),
        false => done("sign-in-ended"),
    })
}

/// `POST /people/tokens`: `name`, `scope`. The answer is the one place that shows the token.
pub(in crate::admin) async fn make_token(
    request: HttpRequest,
    people: Data<People>,
    handle: Data<Handle>,
    body: Payload,
) -> Answer {
    let form = Form::read(body).await?;
    let shell = Shell::of(&request, ENTRY);
    let name = form.get("name").trim();
    let typed = |fault: Fault| Fault {
        name: name.to_owned(),
        choice: form.get("scope").to_owned(),
        ..fault
    };
    let Some(scope) = Scope::of(form.get("scope")) else {
        let fault = typed(Fault::at("token-scope", shell.t.fault_role()));
        return show(&request, &people, fault, None).await;
    };
    let by = identity::by(&request);
    let fault = match people.make_token(name, scope, &by).await {
        Ok(made) => {
            let what = match scope {
                Scope::Metrics => "/metrics",
                Scope::Api(_) => "/api/v1/status",
            };
            let page = TokenMade {
                shell,
                name: name.to_owned(),
                token: made.shown,
                url: format!("{}{what}", handle.admin_url()),
            };
            return Ok(page::ok(&request, &page));
        }
        Err(UserFault::Name) => Fault::at("token-name", shell.t.fault_name()),
        Err(UserFault::People(PeopleError::Taken)) => {
            Fault::at("token-name", shell.t.fault_taken())
        }
        Err(UserFault::People(error)) => return Err(error.into()),
        Err(_) => return Err(Wrong::Internal),
    };
    show(&request, &people, typed(fault), None).await
}

/// `POST /people/tokens/{id}/end`.
pub(in crate::admin) async fn end_token(
    request: HttpRequest,
    path: Path<String>,
    people: Data<People>,
) -> Answer {
    let id: i64 = path.parse().map_err(|_| Wrong::NotFound)?;
    let mut all = people.tokens().await?.into_iter();
    let token = all.find(|token| token.id == id).ok_or(Wrong::NotFound)?;
    people.end_token(&token, &identity::by(&request)).await?;
    Ok(done("token-ended"))
}

/// `POST /people/password`: `current`, `password`, `again`.
pub(in crate::admin) async fn change_password(
    request: HttpRequest,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let form = Form::read(body).await?;
    let me = identity::person(&request).ok_or(Wrong::SignIn)?;
    let t = Shell::of(&request, ENTRY).t;
    let (current, new) = (form.get("current"), form.get("password"));
    if new != form.get("again") {
        let fault = Fault::at("own-again", t.fault_differ());
        return show(&request, &people, fault, None).await;
    }
    let address = visitor(&request).address;
    let fault = match people.change_password(&me, (current, new), address).await {
        Ok(()) => return Ok(done("password")),
        Err(UserFault::Current(SignInFault::Wait(wait))) => {
            Fault::at("own-current", t.wait_sign_in(wait.as_secs() + 1))
        }
        Err(UserFault::Current(_)) => Fault::at("own-current", t.fault_current()),
        Err(UserFault::Password(fault)) => Fault::at("own-password", password_words(t, fault)),
        Err(UserFault::People(error)) => return Err(error.into()),
        Err(UserFault::Name | UserFault::Nobody(_)) => return Err(Wrong::Internal),
    };
    show(&request, &people, fault, None).await
}
