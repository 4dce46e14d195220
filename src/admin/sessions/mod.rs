//! Sessions: what the store holds and how it does, settings to paste, a test, signing out, its settings. No session is
//! ever shown.

#[rustfmt::skip]
mod fields;
mod forms;
mod moving;
mod parts;
mod paste;
mod shape;
mod tested;
mod words;

use std::borrow::Borrow;
use std::net::{IpAddr, SocketAddr};

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::json;

use super::api::note_shown;
use super::error_page::Wrong;
use super::forms::{Frame, Said, Source, View, may};
use super::page::{self, Shell};
use super::request;

use super::stream;
use crate::control::{Handle, SessionsView, django};
use crate::model::{Certificate, Config, HostPattern, Role};
use crate::people::People;
use parts::Look;
use paste::{Paste, Place, Stack, VARIABLE, pastes};
use tested::Tested;

pub(super) use forms::{ask_sign_out, save_settings, settings, sign_out, turn_on};
pub(super) use moving::move_sessions;

/// The entry of the rail.
const ENTRY: &str = "/sessions";

/// Where applications look for a Redis.
const USUAL: &str = "127.0.0.1:6379";

type Answer = Result<HttpResponse, Wrong>;

/// The page while there is no store.
#[derive(Template)]
#[template(path = "sessions/off.html")]
struct Off {
    shell: Shell,
    /// What nodes on other machines could connect to.
    address: Option<SocketAddr>,
    form: View,
}

impl Off {
    fn gains(&self) -> [&'static str; 3] {
        let t = self.shell.t;
        [t.se_off_protocol(), t.se_off_safe(), t.se_off_closed()]
    }
}

/// The page while there is one.
#[derive(Template)]
#[template(path = "sessions/page.html")]
struct Page {
    lead: String,
    state: String,
    databases: String,
    role: Option<Role>,
    stack: Stack,
    place: Place,
    /// The databases to choose among: number and words.
    choices: Vec<(u8, String)>,
    pastes: Vec<Paste>,
    /// The command that prints the password.
    command: String,
    /// The password, or why it cannot be read; none where nobody asked.
    password: Option<Result<String, String>>,
    tested: Option<Tested>,
    has_redis: bool,
    moving: String,
    /// Where sessions were to be moved, and why they are not.
    not_moved: Option<(String, Said)>,
    shell: Shell,
}

impl Page {
    fn is_admin(&self) -> bool {
        self.role >= Some(Role::Admin)
    }

    fn may_test(&self) -> bool {
        self.role >= Some(Role::Operator)
    }

    fn is_of(&self, stack: impl Borrow<Stack>) -> bool {
        self.stack == *stack.borrow()
    }

    /// The same sight for another make.
    fn to(&self, stack: impl Borrow<Stack>) -> String {
        query(*stack.borrow(), self.place.database)
    }

    /// What a form sends along to come back to the same sight.
    fn chosen(&self) -> String {
        query(self.stack, self.place.database)
    }
}

fn query(stack: Stack, database: u8) -> String {
    format!("for={}&database={database}", stack.word())
}

/// What is shown beside what is always there.
#[derive(Debug, Default)]
struct Beside {
    tested: Option<Tested>,
    password: Option<Result<String, String>>,
    not_moved: Option<(String, Said)>,
}

/// `GET /sessions`, with `?for=` the application's make and `?database=` its database.
pub(super) async fn page(request: HttpRequest, handle: Data<Handle>) -> Answer {
    let mut shell = Shell::of(&request, ENTRY);
    let done = request::query_value(&request, "signed-out");
    if let Ok(database) = done.parse::<u8>() {
        let words = shell.t.se_signed_out(database);
        shell.toast = Some(page::Toast::of(words));
        ENTRY.clone_into(&mut shell.here);
    }
    show(&request, &handle, shell, Beside::default())
}

/// `POST /sessions/test`: what an application would find now.
pub(super) async fn test(request: HttpRequest, handle: Data<Handle>) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    let trial = handle.try_sessions(database(&request)).await;
    let beside = Beside {
        tested: trial.map(|trial| Tested::of(shell.t, &trial)),
        ..Beside::default()
    };
    show(&request, &handle, shell, beside)
}

/// `POST /sessions/password`: the page with the password of the database. It stands in the audit log.
pub(super) async fn password(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
) -> Answer {
    note_shown(&request, &people).await;
    let shell = Shell::of(&request, ENTRY);
    let beside = Beside {
        password: handle.session_password(database(&request)),
        ..Beside::default()
    };
    show(&request, &handle, shell, beside)
}

/// `GET /sessions/live`: what is other than a second before.
pub(super) async fn live(request: HttpRequest, handle: Data<Handle>) -> Answer {
    let shell = Shell::of(&request, ENTRY);
    Ok(stream::every_second(&request, move |pieces| {
        let config = handle.config();
        let Some(view) = handle.sessions_view() else {
            return;
        };
        let look = Look {
            shell: &shell,
            view: &view,
            config: &config,
        };
        pieces.put("lead", look.lead());
        pieces.put("state", look.state());
        pieces.put("databases", look.databases());
        pieces.put("moving", look.moving());
    }))
}

fn show(request: &HttpRequest, handle: &Handle, shell: Shell, beside: Beside) -> Answer {
    show_with(request, handle, shell, (StatusCode::OK, beside))
}

fn show_with(
    request: &HttpRequest,
    handle: &Handle,
    mut shell: Shell,
    (status, beside): (StatusCode, Beside),
) -> Answer {
    let config = handle.config();
    let Some(view) = handle.sessions_view() else {
        let form = on_form(&shell, Source::Document(&json!({ "listen": USUAL })));
        return Ok(page::ok(request, &off(shell, &config, form)));
    };
    if request.method() != actix_web::http::Method::GET {
        ENTRY.clone_into(&mut shell.here);
    }
    let look = Look {
        shell: &shell,
        view: &view,
        config: &config,
    };
    let asked = request::query_value(request, "for");
    let mut stacks = Stack::ALL.into_iter();
    let stack = stacks.find(|stack| stack.word() == asked);
    let stack = stack.unwrap_or(Stack::Django);
    let place = place(request, &config, &view);
    let name = own_name(&config, place.database);
    let page = Page {
        lead: look.lead(),
        state: look.state(),
        databases: look.databases(),
        role: shell.user.as_ref().map(|user| user.role),
        pastes: pastes(shell.t, stack, &place),
        choices: choices(&view),
        command: format!("steelyard sessions password {}", name.unwrap_or_default())
            .trim_end()
            .to_owned(),
        password: beside.password,
        tested: beside.tested,
        has_redis: view.redis.is_some(),
        moving: look.moving(),
        not_moved: beside.not_moved,
        stack,
        place,
        shell,
    };
    Ok(page::send(request, status, &page))
}

fn off(shell: Shell, config: &Config, form: View) -> Off {
    let nodes = config.pools.iter().flat_map(|pool| &pool.nodes);
    let mut nodes = nodes.filter_map(|node| node.address.as_socket());
    let node = nodes.find(|node| !node.ip().is_loopback());
    let own = node.and_then(django::own_address);
    Off {
        address: own.map(|ip| SocketAddr::new(ip, 6379)),
        shell,
        form,
    }
}

fn on_form(shell: &Shell, source: Source<'_>) -> View {
    let frame = Frame {
        t: shell.t,
        groups: fields::TURN_ON,
        names: &[],
        revision: shell.revision,
        may: may(shell),
    };
    let view = frame.view(format!("{ENTRY}/on"), source);
    view.button(shell.t.se_on())
}

/// The page while there is no store, with what was wrong.
fn off_again(
    request: &HttpRequest,
    handle: &Handle,
    shell: Shell,
    status: StatusCode,
    form: View,
) -> Answer {
    let config = handle.config();
    Ok(page::send(request, status, &off(shell, &config, form)))
}

/// The database that the page is asked about.
fn database(request: &HttpRequest) -> u8 {
    let asked = request::query_value(request, "database");
    asked
        .parse()
        .ok()
        .filter(|n| *n <= crate::model::Sessions::MAX_INDEX)
        .unwrap_or(0)
}

fn own_name(config: &Config, database: u8) -> Option<&str> {
    let mut own = config.sessions.databases.iter();
    let own = own.find(|one| one.index == database)?;
    Some(own.name.as_str())
}

fn choices(view: &SessionsView) -> Vec<(u8, String)> {
    let words = |one: &crate::control::SessionDatabaseView| match &one.name {
        Some(name) => format!("{} {name}", one.index),
        None => one.index.to_string(),
    };
    let all = view.databases.iter();
    all.map(|one| (one.index, words(one))).collect()
}

/// Where an application connects.
fn place(request: &HttpRequest, config: &Config, view: &SessionsView) -> Place {
    let sessions = &config.sessions;
    let certificate = sessions.tls.as_ref().and_then(|tls| {
        let shown = |one: &&Certificate| {
            tls.certificates.is_empty() || tls.certificates.contains(&one.name)
        };
        let mut hosts = config
            .certificates
            .iter()
            .filter(shown)
            .flat_map(|one| &one.hosts);
        hosts.find_map(|host| match host {
            HostPattern::Exact(name) => Some(name.to_string()),
            HostPattern::Below(_) => None,
        })
    });
    Place {
        host: certificate.unwrap_or_else(|| host(request, config, view.address.ip())),
        port: view.address.port(),
        database: database(request),
        has_tls: sessions.tls.is_some(),
    }
}

/// An address that applications reach which listens at `ip`.
fn host(request: &HttpRequest, config: &Config, ip: IpAddr) -> String {
    let shown = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    if !ip.is_unspecified() {
        return shown(ip);
    }
    let nodes = config.pools.iter().flat_map(|pool| &pool.nodes);
    let mut nodes = nodes.filter_map(|node| node.address.as_socket());
    if let Some(own) = nodes
        .find(|node| !node.ip().is_loopback())
        .and_then(django::own_address)
    {
        return shown(own);
    }
    // As the panel was reached.
    let asked = request.connection_info().host().to_owned();
    match asked.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name.to_owned(),
        _ => asked,
    }
}
