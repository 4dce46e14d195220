//! Every URL of the operator's server, and who may ask for it: one table for the panel, the API
//! and the monitors. What stands here for nobody is answered to nobody.

use actix_web::Route as Handler;
use actix_web::http::Method;
use actix_web::web::to;

use super::{api, audit, box_only, check_status, explain, logs, observe};
use super::{people, preferences, setup, sign_in, statics};
use crate::model::Role;

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Anyone who can connect.
    Anyone,
    /// Whom `[admin].metrics` admits, and whoever shows a token or is signed in.
    Monitors,
    /// Signed in, or by a token, with this role at least.
    Role(Role),
    /// Root and the user steelyard runs as, on the box: `control.sock` alone.
    Box,
}

/// What is at a URL, which decides how somebody is known and told that they may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// For people: by cookie, told by a page.
    Page,
    /// For programs: by token or cookie, told in JSON. On `control.sock` too.
    Api,
    /// For monitors and browsers' own needs: neither.
    Plain,
}

/// One method of one URL.
#[derive(Clone, Copy)]
pub(super) struct Route {
    /// `GET` answers `HEAD` too.
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) who: Who,
    pub(super) kind: Kind,
    pub(super) handler: fn() -> Handler,
}

const fn route(
    who: Who,
    kind: Kind,
    (method, path): (&'static str, &'static str),
    handler: fn() -> Handler,
) -> Route {
    Route {
        method,
        path,
        who,
        kind,
        handler,
    }
}

const ANYONE: Who = Who::Anyone;
const VIEWER: Who = Who::Role(Role::Viewer);
const OPERATOR: Who = Who::Role(Role::Operator);
const ADMIN: Who = Who::Role(Role::Admin);

use Kind::{Api, Page, Plain};

/// The table.
#[rustfmt::skip]
pub(super) const ROUTES: &[Route] = &[
    route(ANYONE,        Plain, ("GET", "/healthz"), || to(observe::healthz)),
    route(ANYONE,        Plain, ("GET", "/readyz"), || to(observe::readyz)),
    route(ANYONE,        Plain, ("GET", "/static/{print}/{file}"), || to(statics::file)),
    route(ANYONE,        Plain, ("GET", "/favicon.ico"), || to(statics::favicon)),
    route(Who::Monitors, Plain, ("GET", "/metrics"), || to(observe::metrics)),
    route(Who::Monitors, Plain, ("GET", "/check_status"), || to(check_status::page)),

    route(ANYONE, Page, ("GET",  "/sign-in"), || to(sign_in::form)),
    route(ANYONE, Page, ("POST", "/sign-in"), || to(sign_in::submit)),
    route(ANYONE, Page, ("GET",  "/setup"), || to(setup::form)),
    route(ANYONE, Page, ("POST", "/setup"), || to(setup::submit)),
    route(ANYONE, Page, ("POST", "/preferences"), || to(preferences::submit)),
    route(VIEWER, Page, ("POST", "/sign-out"), || to(sign_in::out)),
    route(VIEWER, Page, ("GET",  "/"), || to(people::home)),
    route(VIEWER, Page, ("GET",  "/people"), || to(people::page)),
    route(VIEWER, Page, ("POST", "/people/password"), || to(people::change_password)),
    route(VIEWER, Page, ("POST", "/people/sign-ins/{id}/end"), || to(people::end_sign_in)),
    route(ADMIN,  Page, ("POST", "/people/users"), || to(people::add_user)),
    route(ADMIN,  Page, ("POST", "/people/users/{id}/role"), || to(people::set_role)),
    route(ADMIN,  Page, ("GET",  "/people/users/{id}/remove"), || to(people::ask_remove)),
    route(ADMIN,  Page, ("POST", "/people/users/{id}/remove"), || to(people::remove_user)),
    route(ADMIN,  Page, ("POST", "/people/tokens"), || to(people::make_token)),
    route(ADMIN,  Page, ("POST", "/people/tokens/{id}/end"), || to(people::end_token)),
    route(ADMIN,  Page, ("GET",  "/audit"), || to(audit::page)),

    route(VIEWER,   Api, ("GET",   "/api/v1/config"), || to(api::export)),
    route(ADMIN,    Api, ("PUT",   "/api/v1/config"), || to(api::apply)),
    route(VIEWER,   Api, ("POST",  "/api/v1/config/check"), || to(api::check)),
    route(VIEWER,   Api, ("GET",   "/api/v1/status"), || to(api::status)),
    route(VIEWER,   Api, ("GET",   "/api/v1/explain"), || to(explain::get)),
    route(VIEWER,   Api, ("POST",  "/api/v1/explain"), || to(explain::post)),
    route(VIEWER,   Api, ("GET",   "/api/v1/logs"), || to(logs::search)),
    route(VIEWER,   Api, ("GET",   "/api/v1/logs/histogram"), || to(logs::histogram)),
    route(VIEWER,   Api, ("GET",   "/api/v1/logs/live"), || to(logs::live)),
    route(VIEWER,   Api, ("GET",   "/api/v1/logs/{id}"), || to(logs::record)),
    route(VIEWER,   Api, ("GET",   "/api/v1/charts"), || to(logs::chart)),
    route(VIEWER,   Api, ("GET",   "/api/v1/events"), || to(logs::events)),
    route(OPERATOR, Api, ("PATCH", "/api/v1/pools/{pool}/nodes/{node}"), || to(api::edit_node)),
    route(Who::Box, Api, ("POST",  "/api/v1/setup-url"), || to(box_only::setup_url)),
    route(Who::Box, Api, ("POST",  "/api/v1/reset-password"), || to(box_only::reset_password)),
];

/// The route of a request, by the pattern its path has; none for a method it does not take.
pub(super) fn find(method: &Method, pattern: &str) -> Option<&'static Route> {
    let method = match method {
        &Method::HEAD => "GET",
        method => method.as_str(),
    };
    let mut routes = ROUTES.iter();
    routes.find(|route| route.method == method && route.path == pattern)
}

/// Whether there is such a line.
pub(super) fn has(method: &str, path: &str) -> bool {
    ROUTES
        .iter()
        .any(|route| route.method == method && route.path == path)
}

/// The paths, each once, in the order of the table.
pub(super) fn paths() -> Vec<&'static str> {
    let mut paths: Vec<&'static str> = Vec::new();
    for route in ROUTES {
        if !paths.contains(&route.path) {
            paths.push(route.path);
        }
    }
    paths
}
