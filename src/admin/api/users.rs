//! Users: who there is, adding, roles, passwords, removing.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::fields::Fields;
use crate::admin::answer::{self, Refusal};
use crate::admin::identity::{self, Identity};
use crate::admin::openapi::schema::{Object, form, list, of, said, text, word};
use crate::admin::openapi::{Operation, id};
use crate::admin::sign_in::visitor;
use crate::model::Role;
use crate::people::{MAX_PASSWORD, MIN_PASSWORD, People, User};

const GROUP: &str = "People";

fn told(user: &User) -> Value {
    json!({
        "id": user.id,
        "name": user.name,
        "role": user.role.as_str(),
        "second_factor": user.second_factor,
        "created": user.created,
    })
}

/// The user whose number is in the path.
async fn meant(people: &People, path: &Path<String>) -> Result<User, Refusal> {
    let found = match path.parse() {
        Ok(id) => people.user(id).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| Refusal::NotFound("there is no such user".to_owned()))
}

/// `GET /users`.
pub(in crate::admin) async fn users(people: Data<People>) -> Result<HttpResponse, Refusal> {
    let users: Vec<Value> = people.users().await?.iter().map(told).collect();
    Ok(answer::json(&json!({ "users": users })))
}

pub(in crate::admin) fn about_users() -> Operation {
    let all = Object::new().must("users", list(of("User"))).told();
    Operation::new("listUsers", GROUP, "Who may sign in").answers(200, "By name.", all)
}

/// `GET /users/{id}`.
pub(in crate::admin) async fn user(
    path: Path<String>,
    people: Data<People>,
) -> Result<HttpResponse, Refusal> {
    Ok(answer::json(&told(&meant(&people, &path).await?)))
}

pub(in crate::admin) fn about_user() -> Operation {
    Operation::new("readUser", GROUP, "One user")
        .path("id", id(), "The user's number.")
        .answers(200, "The user.", of("User"))
        .errors(&[404])
}

/// `POST /users`: `{"name":…,"password":…,"role":…}`.
pub(in crate::admin) async fn add_user(
    request: HttpRequest,
    people: Data<People>,
    body: Payload,
) -> Result<HttpResponse, Refusal> {
    let mut fields = Fields::read(&request, body).await?;
    let (name, password) = (fields.text("name"), fields.text("password"));
    let role = fields.word("role", &Role::ALL, Role::as_str);
    fields.end()?;
    let role = role.unwrap_or(Role::Viewer);
    let by = super::by(&request);
    let user = people.add_user((&name, &password), role, &by).await?;
    let mut answer = answer::with_status(StatusCode::CREATED, &told(&user));
    if let Ok(place) = format!("/api/v1/users/{}", user.id).try_into() {
        answer.headers_mut().insert(LOCATION, place);
    }
    Ok(answer)
}

pub(in crate::admin) fn about_add_user() -> Operation {
    let taken = Object::new()
        .must(
            "name",
            said(
                text(),
                "1 to 64 letters, digits and . _ - @ or spaces between them.",
            ),
        )
        .must("password", password())
        .must("role", word(Role::ALL.map(Role::as_str)))
        .taken();
    let example = json!({ "name": "ann", "password": "hangs level at noon", "role": "operator" });
    Operation::new("addUser", GROUP, "Add a user")
        .body(taken, example)
        .answers(201, "The new user.", of("User"))
        .with_field(
            201,
            "Location",
            form("^/api/v1/users/[0-9]+$"),
            "Where it is.",
        )
        .errors(&[409, 422])
}

fn password() -> Value {
    let mut password = text();
    password["minLength"] = json!(MIN_PASSWORD);
    password["maxLength"] = json!(MAX_PASSWORD);
    password["writeOnly"] = json!(true);
    said(
        password,
        "Whatever it is made of; what everybody tries first is refused.",
    )
}

/// `PATCH /users/{id}`: `{"role":…}`.
pub(in crate::admin) async fn set_role(
    request: HttpRequest,
    path: Path<String>,
    people: Data<People>,
    body: Payload,
) -> Result<HttpResponse, Refusal> {
    let mut fields = Fields::read(&request, body).await?;
    let role = fields.word("role", &Role::ALL, Role::as_str);
    fields.end()?;
    let user = meant(&people, &path).await?;
    let role = role.unwrap_or(user.role);
    people.set_role(&user, role, &super::by(&request)).await?;
    Ok(answer::json(&told(&User { role, ..user })))
}

pub(in crate::admin) fn about_set_role() -> Operation {
    let taken = Object::new()
        .must("role", word(Role::ALL.map(Role::as_str)))
        .taken();
    Operation::new("setRole", GROUP, "Give a user another role")
        .detail("In force at the user's next request. The last admin stays one.")
        .path("id", id(), "The user's number.")
        .body(taken, json!({ "role": "viewer" }))
        .answers(200, "The user.", of("User"))
        .errors(&[404, 409, 422])
}

/// `PUT /users/{id}/password`: `{"password":…}`, with `current` one's own where it is asked by a
/// cookie: whoever finds a browser signed in must not be able to take it over.
pub(in crate::admin) async fn set_password(
    request: HttpRequest,
    path: Path<String>,
    people: Data<People>,
    body: Payload,
) -> Result<HttpResponse, Refusal> {
    let mut fields = Fields::read(&request, body).await?;
    let password = fields.text("password");
    let current = own_password(&request, &mut fields);
    fields.end()?;
    confirm(&request, &people, &current).await?;
    let user = meant(&people, &path).await?;
    people
        .set_password(&user, &password, &super::by(&request))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(in crate::admin) fn about_set_password() -> Operation {
    let current = said(text(), "One's own, where one is signed in by a cookie.");
    let taken = Object::new()
        .must("password", password())
        .may("current", current)
        .taken();
    Operation::new("setPassword", GROUP, "Give a user another password")
        .detail("Everywhere the user is signed out.")
        .path("id", id(), "The user's number.")
        .body(taken, json!({ "password": "swings back to level" }))
        .answers_nothing("It is in force.")
        .errors(&[404, 422, 429])
}

/// One's own password, which is asked for again where one is signed in by a cookie.
fn own_password(request: &HttpRequest, fields: &mut Fields) -> String {
    match identity::of(request) {
        Identity::Person(_) => fields.text("current"),
        _ => fields.text_if("current").unwrap_or_default(),
    }
}

async fn confirm(request: &HttpRequest, people: &People, current: &str) -> Result<(), Refusal> {
    if let Identity::Person(me) = identity::of(request) {
        let address = visitor(request).address;
        people.confirm(&me.user, current, address).await?;
    }
    Ok(())
}

/// `PUT /users/{id}/second-factor`: `{"on":false}`, with `current` as for a password. To switch
/// one on takes the user, who puts it into their app.
pub(in crate::admin) async fn reset_second_factor(
    request: HttpRequest,
    path: Path<String>,
    people: Data<People>,
    body: Payload,
) -> Result<HttpResponse, Refusal> {
    let mut fields = Fields::read(&request, body).await?;
    fields.off("on", "its user alone switches it on, in the panel");
    let current = own_password(&request, &mut fields);
    fields.end()?;
    confirm(&request, &people, &current).await?;
    let user = meant(&people, &path).await?;
    if user.second_factor {
        let by = super::by(&request);
        people.reset_second_factor(&user, &by).await?;
    }
    Ok(answer::json(&told(&User {
        second_factor: false,
        ..user
    })))
}

pub(in crate::admin) fn about_reset_second_factor() -> Operation {
    let current = said(
        text(),
        "One's own password, where one is signed in by a cookie.",
    );
    let off = said(json!({ "const": false }), "Only its user switches it on.");
    let taken = Object::new()
        .must("on", off)
        .may("current", current)
        .taken();
    Operation::new(
        "resetSecondFactor",
        GROUP,
        "Ask a user for no code any more",
    )
    .detail("For who has lost what the codes come from. Everywhere the user is signed out.")
    .path("id", id(), "The user's number.")
    .body(taken, json!({ "on": false }))
    .answers(200, "The user.", of("User"))
    .errors(&[404, 422, 429])
}

/// `DELETE /users/{id}`.
pub(in crate::admin) async fn remove_user(
    request: HttpRequest,
    path: Path<String>,
    people: Data<People>,
) -> Result<HttpResponse, Refusal> {
    let user = meant(&people, &path).await?;
    people.remove_user(&user, &super::by(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(in crate::admin) fn about_remove_user() -> Operation {
    Operation::new("removeUser", GROUP, "Remove a user")
        .detail("Signed out everywhere at once. The last admin stays.")
        .path("id", id(), "The user's number.")
        .answers_nothing("The user is gone.")
        .errors(&[404, 409])
}
