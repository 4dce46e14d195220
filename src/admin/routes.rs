//! Every URL of the operator's server, and who may ask for it: one table for the panel, the API
//! and the monitors. What stands here for nobody is answered to nobody.

use actix_web::Route as Handler;
use actix_web::http::Method;
use actix_web::web::to;

use super::api::parts::{self, Kind as Part};
use super::api::parts_described as about;
use super::api::{backup as backups, nights, renewals, tls};
use super::history::api as revisions;
use super::openapi::{self, Operation};
use super::people::second_factor;
use super::{
    api, audit, backup, box_only, certificates, check_status, diagnostics, document_page, explain,
    files, find, history, listeners, logs, logs_page, node, nodes, observe, overview, people,
    pools, preferences, sessions, settings, setup, sign_in, sites, statics, trial, try_url,
};
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
    /// How `openapi` describes it: every URL of the API, and no other.
    pub(super) about: Option<fn() -> Operation>,
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
        about: None,
    }
}

/// A URL of the API, with its description.
const fn api(
    who: Who,
    (method, path): (&'static str, &'static str),
    handler: fn() -> Handler,
    about: fn() -> Operation,
) -> Route {
    Route {
        about: Some(about),
        ..route(who, Api, (method, path), handler)
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
    route(ADMIN,  Page, ("GET",  "/setup/nodes"), || to(setup::nodes_form)),
    route(ADMIN,  Page, ("POST", "/setup/nodes"), || to(setup::nodes)),
    route(ADMIN,  Page, ("GET",  "/setup/listen"), || to(setup::listen_form)),
    route(ADMIN,  Page, ("POST", "/setup/listen"), || to(setup::listen)),
    route(ADMIN,  Page, ("GET",  "/setup/done"), || to(setup::done_page)),
    route(ANYONE, Page, ("POST", "/preferences"), || to(preferences::submit)),
    route(VIEWER, Page, ("POST", "/sign-out"), || to(sign_in::out)),
    route(VIEWER, Page, ("GET",  "/nodes"), || to(nodes::page)),
    route(VIEWER, Page, ("GET",  "/live/nodes"), || to(nodes::live)),
    route(OPERATOR, Page, ("POST", "/nodes/{pool}"), || to(nodes::change_many)),
    route(ADMIN,  Page, ("POST", "/add-node/{pool}"), || to(node::add)),
    route(VIEWER, Page, ("GET",  "/nodes/{pool}/{node}"), || to(node::page)),
    route(ADMIN,  Page, ("POST", "/nodes/{pool}/{node}"), || to(node::save)),
    route(OPERATOR, Page, ("POST", "/nodes/{pool}/{node}/switch"), || to(node::switch)),
    route(OPERATOR, Page, ("POST", "/nodes/{pool}/{node}/test"), || to(node::test)),
    route(VIEWER, Page, ("GET",  "/live/nodes/{pool}/{node}"), || to(node::live)),
    route(OPERATOR, Page, ("POST", "/nodes/{pool}/{node}/weight"), || to(nodes::set_weight)),
    route(OPERATOR, Page, ("POST", "/nodes/{pool}/{node}/state"), || to(nodes::set_state)),
    route(VIEWER, Page, ("GET",  "/"), || to(overview::page)),
    route(VIEWER, Page, ("GET",  "/overview/live"), || to(overview::live)),
    route(VIEWER, Page, ("GET",  "/find"), || to(find::page)),
    route(VIEWER, Page, ("GET",  "/people"), || to(people::page)),
    route(VIEWER, Page, ("POST", "/people/password"), || to(people::change_password)),
    route(VIEWER, Page, ("POST", "/people/sign-ins/{id}/end"), || to(people::end_sign_in)),
    route(VIEWER, Page, ("POST", "/people/second-factor"), || to(second_factor::begin)),
    route(VIEWER, Page, ("GET",  "/people/second-factor"), || to(second_factor::enrol)),
    route(VIEWER, Page, ("POST", "/people/second-factor/on"), || to(second_factor::switch_on)),
    route(VIEWER, Page, ("POST", "/people/second-factor/off"), || to(second_factor::switch_off)),
    route(ADMIN,  Page, ("POST", "/people/users"), || to(people::add_user)),
    route(ADMIN,  Page, ("POST", "/people/users/{id}/role"), || to(people::set_role)),
    route(ADMIN,  Page, ("GET",  "/people/users/{id}/remove"), || to(people::ask_remove)),
    route(ADMIN,  Page, ("POST", "/people/users/{id}/remove"), || to(people::remove_user)),
    route(ADMIN,  Page, ("GET",  "/people/users/{id}/second-factor"), || to(second_factor::ask_reset)),
    route(ADMIN,  Page, ("POST", "/people/users/{id}/second-factor"), || to(second_factor::reset)),
    route(ADMIN,  Page, ("POST", "/people/tokens"), || to(people::make_token)),
    route(ADMIN,  Page, ("POST", "/people/tokens/{id}/end"), || to(people::end_token)),
    route(ADMIN,  Page, ("GET",  "/audit"), || to(audit::page)),
    route(VIEWER, Page, ("GET",  "/history"), || to(history::page)),
    route(VIEWER, Page, ("GET",  "/history/compare"), || to(history::compare)),
    route(OPERATOR, Page, ("POST", "/history/undo"), || to(history::undo)),
    route(VIEWER, Page, ("GET",  "/history/{number}"), || to(history::revision)),
    route(ADMIN,  Page, ("GET",  "/history/{number}/rollback"), || to(history::ask)),
    route(ADMIN,  Page, ("POST", "/history/{number}/rollback"), || to(history::roll_back)),

    route(VIEWER, Page, ("GET", "/logs"), || to(logs_page::page)),
    route(VIEWER, Page, ("GET", "/logs/live"), || to(logs_page::live)),
    route(VIEWER, Page, ("GET", "/logs/download"), || to(logs_page::download)),
    route(VIEWER, Page, ("GET", "/logs/events"), || to(logs_page::events)),
    route(VIEWER, Page, ("GET", "/logs/record/{id}"), || to(logs_page::record)),
    route(VIEWER, Page, ("GET",  "/pools"), || to(pools::list)),
    route(ADMIN,  Page, ("POST", "/pools"), || to(pools::add)),
    route(VIEWER, Page, ("GET",  "/pools/{pool}"), || to(pools::show)),
    route(ADMIN,  Page, ("POST", "/pools/{pool}"), || to(pools::save)),
    route(ADMIN,  Page, ("GET",  "/pools/{pool}/remove"), || to(pools::ask_remove)),
    route(ADMIN,  Page, ("POST", "/pools/{pool}/remove"), || to(pools::remove)),
    route(VIEWER, Page, ("GET",  "/sites"), || to(sites::list)),
    route(ADMIN,  Page, ("POST", "/sites"), || to(sites::add)),
    route(VIEWER, Page, ("GET",  "/sites/{site}"), || to(sites::show)),
    route(ADMIN,  Page, ("POST", "/sites/{site}"), || to(sites::save)),
    route(ADMIN,  Page, ("GET",  "/sites/{site}/remove"), || to(sites::ask_remove)),
    route(ADMIN,  Page, ("POST", "/sites/{site}/remove"), || to(sites::remove)),
    route(VIEWER, Page, ("GET",  "/sites/{site}/route"), || to(sites::route_form)),
    route(ADMIN,  Page, ("POST", "/sites/{site}/route"), || to(sites::save_route)),
    route(ADMIN,  Page, ("GET",  "/sites/{site}/route/remove"), || to(sites::ask_remove_route)),
    route(ADMIN,  Page, ("POST", "/sites/{site}/route/remove"), || to(sites::remove_route)),
    route(VIEWER, Page, ("GET",  "/files"), || to(files::list)),
    route(ADMIN,  Page, ("POST", "/files"), || to(files::add)),
    route(ADMIN,  Page, ("GET",  "/files/test"), || to(files::test)),
    route(VIEWER, Page, ("GET",  "/sessions"), || to(sessions::page)),
    route(VIEWER, Page, ("GET",  "/sessions/live"), || to(sessions::live)),
    route(ADMIN,  Page, ("POST", "/sessions/on"), || to(sessions::turn_on)),
    route(OPERATOR, Page, ("POST", "/sessions/test"), || to(sessions::test)),
    route(ADMIN,  Page, ("POST", "/sessions/password"), || to(sessions::password)),
    route(ADMIN,  Page, ("POST", "/sessions/move"), || to(sessions::move_sessions)),
    route(VIEWER, Page, ("GET",  "/sessions/settings"), || to(sessions::settings)),
    route(ADMIN,  Page, ("POST", "/sessions/settings"), || to(sessions::save_settings)),
    route(ADMIN,  Page, ("GET",  "/sessions/sign-out/{database}"), || to(sessions::ask_sign_out)),
    route(ADMIN,  Page, ("POST", "/sessions/sign-out/{database}"), || to(sessions::sign_out)),
    route(VIEWER, Page, ("GET",  "/listeners"), || to(listeners::list)),
    route(ADMIN,  Page, ("POST", "/listeners"), || to(listeners::add)),
    route(VIEWER, Page, ("GET",  "/listeners/{listener}"), || to(listeners::show)),
    route(ADMIN,  Page, ("POST", "/listeners/{listener}"), || to(listeners::save)),
    route(ADMIN,  Page, ("GET",  "/listeners/{listener}/remove"), || to(listeners::ask_remove)),
    route(ADMIN,  Page, ("POST", "/listeners/{listener}/remove"), || to(listeners::remove)),
    route(VIEWER, Page, ("GET",  "/certificates"), || to(certificates::page)),
    route(ADMIN,  Page, ("POST", "/certificates/https"), || to(certificates::https)),
    route(ADMIN,  Page, ("POST", "/certificates/upload"), || to(certificates::upload)),
    route(ADMIN,  Page, ("POST", "/certificates/self-signed"), || to(certificates::self_signed)),
    route(ADMIN,  Page, ("POST", "/certificates/files"), || to(certificates::files)),
    route(ADMIN,  Page, ("POST", "/certificates/authority"), || to(certificates::add_authority)),
    route(ADMIN,  Page, ("POST", "/certificates/{certificate}/check"), || to(certificates::check)),
    route(ADMIN,  Page, ("POST", "/certificates/{certificate}/renew"), || to(certificates::renew)),
    route(ADMIN,  Page, ("GET",  "/certificates/{certificate}/remove"), || to(certificates::ask_remove)),
    route(ADMIN,  Page, ("POST", "/certificates/{certificate}/remove"), || to(certificates::remove)),
    route(VIEWER, Page, ("GET",  "/settings"), || to(settings::show)),
    route(ADMIN,  Page, ("POST", "/settings/webhooks"), || to(settings::add_webhook)),
    route(VIEWER, Page, ("GET",  "/settings/webhooks/{webhook}"), || to(settings::webhook)),
    route(ADMIN,  Page, ("POST", "/settings/webhooks/{webhook}"), || to(settings::save_webhook)),
    route(ADMIN,  Page, ("GET",  "/settings/webhooks/{webhook}/remove"), || to(settings::ask_remove_webhook)),
    route(ADMIN,  Page, ("POST", "/settings/webhooks/{webhook}/remove"), || to(settings::remove_webhook)),
    route(ADMIN,  Page, ("POST", "/settings/{section}"), || to(settings::save)),
    route(OPERATOR, Page, ("GET",  "/diagnostics"), || to(diagnostics::page)),
    route(OPERATOR, Page, ("GET",  "/diagnostics/bundle"), || to(diagnostics::bundle)),
    route(ADMIN,  Page, ("GET",  "/backup"), || to(backup::page)),
    route(ADMIN,  Page, ("POST", "/backup"), || to(backup::make)),
    route(ADMIN,  Page, ("GET",  "/backup/nightly/{name}"), || to(backup::nightly)),
    route(ADMIN,  Page, ("POST", "/backup/nightly/{name}"), || to(backup::take_nightly)),
    route(ADMIN,  Page, ("POST", "/backup/upload"), || to(backup::take_upload)),
    route(ADMIN,  Page, ("GET",  "/backup/restore/{id}"), || to(backup::look)),
    route(ADMIN,  Page, ("POST", "/backup/restore/{id}"), || to(backup::restore)),
    route(ADMIN,  Page, ("POST", "/backup/restore/{id}/passphrase"), || to(backup::unlock)),
    route(VIEWER, Page, ("GET",  "/document"), || to(document_page::show)),
    route(ADMIN,  Page, ("POST", "/document"), || to(document_page::submit)),
    route(VIEWER, Page, ("GET",  "/try"), || to(try_url::page)),

    api(VIEWER,   ("GET",    "/api/v1/openapi.json"), || to(openapi::get), openapi::about),
    api(VIEWER,   ("GET",    "/api/v1/config"), || to(api::export), api::about_export),
    api(ADMIN,    ("PUT",    "/api/v1/config"), || to(api::apply), api::about_apply),
    api(VIEWER,   ("POST",   "/api/v1/config/check"), || to(api::check), api::about_check),
    api(VIEWER,   ("GET",    "/api/v1/status"), || to(api::status), api::about_status),
    api(OPERATOR, ("GET",    "/api/v1/diagnostics"), || to(api::diagnostics), api::about_diagnostics),
    api(VIEWER,   ("GET",    "/api/v1/explain"), || to(explain::get), explain::about_get),
    api(VIEWER,   ("POST",   "/api/v1/explain"), || to(explain::post), explain::about_post),
    api(VIEWER,   ("GET",    "/api/v1/logs"), || to(logs::search), openapi::about_search),
    api(VIEWER,   ("GET",    "/api/v1/logs/histogram"), || to(logs::histogram), openapi::about_histogram),
    api(VIEWER,   ("GET",    "/api/v1/logs/live"), || to(logs::live), openapi::about_live),
    api(VIEWER,   ("GET",    "/api/v1/logs/{id}"), || to(logs::record), openapi::about_record),
    api(VIEWER,   ("GET",    "/api/v1/charts"), || to(logs::chart), openapi::about_chart),
    api(VIEWER,   ("GET",    "/api/v1/events"), || to(logs::events), openapi::about_events),
    api(OPERATOR, ("PATCH",  "/api/v1/pools/{pool}/nodes/{node}"), || to(api::edit_node), api::about_edit_node),
    api(OPERATOR, ("POST",   "/api/v1/pools/{pool}/nodes/{node}/trial"), || to(trial::of_node), trial::about_of_node),
    api(ADMIN,    ("POST",   "/api/v1/trial"), || to(trial::post), trial::about_post),
    api(VIEWER,   ("GET",    "/api/v1/revisions"), || to(revisions::list), revisions::about_list),
    api(VIEWER,   ("GET",    "/api/v1/revisions/{number}"), || to(revisions::one), revisions::about_one),
    api(VIEWER,   ("GET",    "/api/v1/revisions/{number}/diff"), || to(revisions::compare), revisions::about_compare),
    api(ADMIN,    ("POST",   "/api/v1/revisions/{number}/rollback"), || to(revisions::roll_back), revisions::about_roll_back),
    api(OPERATOR, ("POST",   "/api/v1/revisions/{number}/undo"), || to(revisions::undo), revisions::about_undo),
    api(VIEWER,   ("GET",    "/api/v1/listeners"), || parts::list(Part::Listener), || about::about_list(Part::Listener)),
    api(VIEWER,   ("GET",    "/api/v1/listeners/{listener}"), || parts::read(Part::Listener), || about::about_read(Part::Listener)),
    api(ADMIN,    ("PUT",    "/api/v1/listeners/{listener}"), || parts::put(Part::Listener), || about::about_put(Part::Listener)),
    api(ADMIN,    ("PATCH",  "/api/v1/listeners/{listener}"), || parts::merge(Part::Listener), || about::about_merge(Part::Listener)),
    api(ADMIN,    ("DELETE", "/api/v1/listeners/{listener}"), || parts::remove(Part::Listener), || about::about_remove(Part::Listener)),
    api(VIEWER,   ("GET",    "/api/v1/certificates"), || parts::list(Part::Certificate), || about::about_list(Part::Certificate)),
    api(VIEWER,   ("GET",    "/api/v1/certificates/{certificate}"), || parts::read(Part::Certificate), || about::about_read(Part::Certificate)),
    api(ADMIN,    ("PUT",    "/api/v1/certificates/{certificate}"), || parts::put(Part::Certificate), || about::about_put(Part::Certificate)),
    api(ADMIN,    ("PATCH",  "/api/v1/certificates/{certificate}"), || parts::merge(Part::Certificate), || about::about_merge(Part::Certificate)),
    api(ADMIN,    ("DELETE", "/api/v1/certificates/{certificate}"), || parts::remove(Part::Certificate), || about::about_remove(Part::Certificate)),
    api(VIEWER,   ("GET",    "/api/v1/pools"), || parts::list(Part::Pool), || about::about_list(Part::Pool)),
    api(VIEWER,   ("GET",    "/api/v1/pools/{pool}"), || parts::read(Part::Pool), || about::about_read(Part::Pool)),
    api(ADMIN,    ("PUT",    "/api/v1/pools/{pool}"), || parts::put(Part::Pool), || about::about_put(Part::Pool)),
    api(ADMIN,    ("PATCH",  "/api/v1/pools/{pool}"), || parts::merge(Part::Pool), || about::about_merge(Part::Pool)),
    api(ADMIN,    ("DELETE", "/api/v1/pools/{pool}"), || parts::remove(Part::Pool), || about::about_remove(Part::Pool)),
    api(VIEWER,   ("GET",    "/api/v1/pools/{pool}/nodes"), || parts::list(Part::Node), || about::about_list(Part::Node)),
    api(VIEWER,   ("GET",    "/api/v1/pools/{pool}/nodes/{node}"), || parts::read(Part::Node), || about::about_read(Part::Node)),
    api(ADMIN,    ("PUT",    "/api/v1/pools/{pool}/nodes/{node}"), || parts::put(Part::Node), || about::about_put(Part::Node)),
    api(ADMIN,    ("DELETE", "/api/v1/pools/{pool}/nodes/{node}"), || parts::remove(Part::Node), || about::about_remove(Part::Node)),
    api(VIEWER,   ("GET",    "/api/v1/sites"), || parts::list(Part::Site), || about::about_list(Part::Site)),
    api(VIEWER,   ("GET",    "/api/v1/sites/{site}"), || parts::read(Part::Site), || about::about_read(Part::Site)),
    api(ADMIN,    ("PUT",    "/api/v1/sites/{site}"), || parts::put(Part::Site), || about::about_put(Part::Site)),
    api(ADMIN,    ("PATCH",  "/api/v1/sites/{site}"), || parts::merge(Part::Site), || about::about_merge(Part::Site)),
    api(ADMIN,    ("DELETE", "/api/v1/sites/{site}"), || parts::remove(Part::Site), || about::about_remove(Part::Site)),
    api(VIEWER,   ("GET",    "/api/v1/sites/{site}/routes"), || parts::list(Part::Route), || about::about_list(Part::Route)),
    api(VIEWER,   ("GET",    "/api/v1/sites/{site}/routes/{route}"), || parts::read(Part::Route), || about::about_read(Part::Route)),
    api(ADMIN,    ("PUT",    "/api/v1/sites/{site}/routes/{route}"), || parts::put(Part::Route), || about::about_put(Part::Route)),
    api(ADMIN,    ("PATCH",  "/api/v1/sites/{site}/routes/{route}"), || parts::merge(Part::Route), || about::about_merge(Part::Route)),
    api(ADMIN,    ("DELETE", "/api/v1/sites/{site}/routes/{route}"), || parts::remove(Part::Route), || about::about_remove(Part::Route)),
    api(VIEWER,   ("GET",    "/api/v1/acme"), || parts::list(Part::Acme), || about::about_list(Part::Acme)),
    api(VIEWER,   ("GET",    "/api/v1/acme/{acme}"), || parts::read(Part::Acme), || about::about_read(Part::Acme)),
    api(ADMIN,    ("PUT",    "/api/v1/acme/{acme}"), || parts::put(Part::Acme), || about::about_put(Part::Acme)),
    api(ADMIN,    ("PATCH",  "/api/v1/acme/{acme}"), || parts::merge(Part::Acme), || about::about_merge(Part::Acme)),
    api(ADMIN,    ("DELETE", "/api/v1/acme/{acme}"), || parts::remove(Part::Acme), || about::about_remove(Part::Acme)),
    api(VIEWER,   ("GET",    "/api/v1/webhooks"), || parts::list(Part::Webhook), || about::about_list(Part::Webhook)),
    api(VIEWER,   ("GET",    "/api/v1/webhooks/{webhook}"), || parts::read(Part::Webhook), || about::about_read(Part::Webhook)),
    api(ADMIN,    ("PUT",    "/api/v1/webhooks/{webhook}"), || parts::put(Part::Webhook), || about::about_put(Part::Webhook)),
    api(ADMIN,    ("PATCH",  "/api/v1/webhooks/{webhook}"), || parts::merge(Part::Webhook), || about::about_merge(Part::Webhook)),
    api(ADMIN,    ("DELETE", "/api/v1/webhooks/{webhook}"), || parts::remove(Part::Webhook), || about::about_remove(Part::Webhook)),
    api(VIEWER,   ("GET",    "/api/v1/config/settings"), || parts::read(Part::Settings), || about::about_read(Part::Settings)),
    api(ADMIN,    ("PUT",    "/api/v1/config/settings"), || parts::put(Part::Settings), || about::about_put(Part::Settings)),
    api(ADMIN,    ("PATCH",  "/api/v1/config/settings"), || parts::merge(Part::Settings), || about::about_merge(Part::Settings)),
    api(ADMIN,    ("DELETE", "/api/v1/config/settings"), || parts::remove(Part::Settings), || about::about_remove(Part::Settings)),
    api(VIEWER,   ("GET",    "/api/v1/config/admin"), || parts::read(Part::Admin), || about::about_read(Part::Admin)),
    api(ADMIN,    ("PUT",    "/api/v1/config/admin"), || parts::put(Part::Admin), || about::about_put(Part::Admin)),
    api(ADMIN,    ("PATCH",  "/api/v1/config/admin"), || parts::merge(Part::Admin), || about::about_merge(Part::Admin)),
    api(ADMIN,    ("DELETE", "/api/v1/config/admin"), || parts::remove(Part::Admin), || about::about_remove(Part::Admin)),
    api(VIEWER,   ("GET",    "/api/v1/config/sessions"), || parts::read(Part::Sessions), || about::about_read(Part::Sessions)),
    api(ADMIN,    ("PUT",    "/api/v1/config/sessions"), || parts::put(Part::Sessions), || about::about_put(Part::Sessions)),
    api(ADMIN,    ("PATCH",  "/api/v1/config/sessions"), || parts::merge(Part::Sessions), || about::about_merge(Part::Sessions)),
    api(ADMIN,    ("DELETE", "/api/v1/config/sessions"), || parts::remove(Part::Sessions), || about::about_remove(Part::Sessions)),
    api(VIEWER,   ("GET",    "/api/v1/config/logs"), || parts::read(Part::Logs), || about::about_read(Part::Logs)),
    api(ADMIN,    ("PUT",    "/api/v1/config/logs"), || parts::put(Part::Logs), || about::about_put(Part::Logs)),
    api(ADMIN,    ("PATCH",  "/api/v1/config/logs"), || parts::merge(Part::Logs), || about::about_merge(Part::Logs)),
    api(ADMIN,    ("DELETE", "/api/v1/config/logs"), || parts::remove(Part::Logs), || about::about_remove(Part::Logs)),
    api(VIEWER,   ("GET",    "/api/v1/config/backup"), || parts::read(Part::Backup), || about::about_read(Part::Backup)),
    api(ADMIN,    ("PUT",    "/api/v1/config/backup"), || parts::put(Part::Backup), || about::about_put(Part::Backup)),
    api(ADMIN,    ("PATCH",  "/api/v1/config/backup"), || parts::merge(Part::Backup), || about::about_merge(Part::Backup)),
    api(ADMIN,    ("DELETE", "/api/v1/config/backup"), || parts::remove(Part::Backup), || about::about_remove(Part::Backup)),
    api(VIEWER,   ("GET",    "/api/v1/users"), || to(api::users), api::about_users),
    api(ADMIN,    ("POST",   "/api/v1/users"), || to(api::add_user), api::about_add_user),
    api(VIEWER,   ("GET",    "/api/v1/users/{id}"), || to(api::user), api::about_user),
    api(ADMIN,    ("PATCH",  "/api/v1/users/{id}"), || to(api::set_role), api::about_set_role),
    api(ADMIN,    ("DELETE", "/api/v1/users/{id}"), || to(api::remove_user), api::about_remove_user),
    api(ADMIN,    ("PUT",    "/api/v1/users/{id}/password"), || to(api::set_password), api::about_set_password),
    api(ADMIN,    ("PUT",    "/api/v1/users/{id}/second-factor"), || to(api::reset_second_factor), api::about_reset_second_factor),
    api(VIEWER,   ("GET",    "/api/v1/sign-ins"), || to(api::sign_ins), api::about_sign_ins),
    api(VIEWER,   ("DELETE", "/api/v1/sign-ins/{id}"), || to(api::end_sign_in), api::about_end_sign_in),
    api(ADMIN,    ("GET",    "/api/v1/tokens"), || to(api::tokens), api::about_tokens),
    api(ADMIN,    ("POST",   "/api/v1/tokens"), || to(api::make_token), api::about_make_token),
    api(ADMIN,    ("DELETE", "/api/v1/tokens/{id}"), || to(api::end_token), api::about_end_token),
    api(ADMIN,    ("POST",   "/api/v1/tls/{certificate}/check"), || to(renewals::check), renewals::about_check),
    api(ADMIN,    ("POST",   "/api/v1/tls/{certificate}/renew"), || to(renewals::renew), renewals::about_renew),
    api(VIEWER,   ("GET",    "/api/v1/tls"), || to(tls::certificates), tls::about_certificates),
    api(ADMIN,    ("PUT",    "/api/v1/tls/{certificate}"), || to(tls::put_certificate), tls::about_put_certificate),
    api(ADMIN,    ("DELETE", "/api/v1/tls/{certificate}"), || to(tls::forget_certificate), tls::about_forget_certificate),
    api(ADMIN,    ("POST",   "/api/v1/sessions/move"), || to(api::move_sessions), api::about_move_sessions),
    api(VIEWER,   ("GET",    "/api/v1/sessions/move"), || to(api::session_move), api::about_session_move),
    api(ADMIN,    ("POST",   "/api/v1/sessions/passwords"), || to(api::session_passwords), api::about_session_passwords),
    api(ADMIN,    ("POST",   "/api/v1/sessions/sign-out"), || to(api::sign_out_sessions), api::about_sign_out_sessions),
    api(ADMIN,    ("POST",   "/api/v1/backup"), || to(backups::back_up), backups::about_back_up),
    api(ADMIN,    ("GET",    "/api/v1/backups"), || to(nights::list), nights::about_list),
    api(ADMIN,    ("GET",    "/api/v1/backups/{name}"), || to(nights::one), nights::about_one),
    api(ADMIN,    ("POST",   "/api/v1/restore"), || to(backups::restore), backups::about_restore),
    api(ADMIN,    ("GET",    "/api/v1/audit"), || to(api::audit), api::about_audit),
    api(Who::Box, ("POST",   "/api/v1/setup-url"), || to(box_only::setup_url), box_only::about_setup_url),
    api(Who::Box, ("POST",   "/api/v1/reset-password"), || to(box_only::reset_password), box_only::about_reset_password),
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

/// The methods that the URLs of a pattern take, as `Allow` has them.
pub(super) fn methods(pattern: &str) -> String {
    let here = ROUTES.iter().filter(|route| route.path == pattern);
    let methods = here.flat_map(|route| match route.method {
        "GET" => vec!["GET", "HEAD"],
        method => vec![method],
    });
    methods.collect::<Vec<_>>().join(", ")
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
