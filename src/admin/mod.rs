//! The operator's own server: the API on `control.sock`, which the file's permission
//! guards, and on the admin address, behind the gate, the panel, the API and what monitors ask.
//!
//! One actix worker per socket, on threads of their own: what the operator does never
//! waits for a data worker, nor the other way round.

mod answer;
mod api;
mod audit;
mod backup;
mod box_only;
mod certificates;
mod changes;
mod check_status;
mod diagnostics;
mod document_page;
mod error_page;
mod events;
mod explain;
mod files;
mod find;
mod form;
mod forms;
mod gate;
mod history;
mod identity;
mod links;
mod listeners;
mod live;
mod logs;
mod logs_page;
mod node;
mod nodes;
mod observe;
mod openapi;
mod overview;
mod page;
mod people;
mod pools;
mod preferences;
mod rail;
mod request;
mod routes;
mod saving;
mod secure;
mod sessions;
mod settings;
mod setup;
mod sign_in;
mod sites;
mod socket;
mod statics;
mod stream;
#[cfg(test)]
mod tests;
mod texts;
mod trial;
mod try_url;

use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::{Server as ActixServer, ServerHandle};
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::rt::System;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpServer};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use crate::control::{AdminAddress, AdminSocket, Handle};
use crate::people::People;

use backup::Held;
use routes::{Kind, ROUTES, Who};

/// Limit: connections at once, to each of the two sockets. Scripts and a scraper.
const MAX_CONNECTIONS: usize = 256;

/// How long a request under way may go on when the server stops, in seconds. A change goes
/// on by itself.
const GRACE: u64 = 2;

/// How long after a failure `control.sock` is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// What a socket answers: of the table, what it `takes`.
fn urls(takes: fn(&routes::Route) -> bool) -> impl FnOnce(&mut ServiceConfig) {
    move |urls| {
        for path in routes::paths() {
            let mut resource = web::resource(path);
            let here = ROUTES.iter().filter(|route| route.path == path);
            for route in here.filter(|route| takes(route)) {
                let method = Method::from_bytes(route.method.as_bytes());
                let methods = match method {
                    Ok(Method::GET) => vec![Method::GET, Method::HEAD],
                    method => method.into_iter().collect(),
                };
                for method in methods {
                    resource = resource.route((route.handler)().method(method));
                }
            }
            urls.service(resource.default_service(web::to(answer::not_this_way)));
        }
        urls.default_service(web::to(answer::no_such_thing));
    }
}

/// The API, which its file's permission guards.
fn of_control(route: &routes::Route) -> bool {
    route.kind == Kind::Api
}

/// All but what is for the box alone.
fn of_admin(route: &routes::Route) -> bool {
    route.who != Who::Box
}

/// The running server. Stop it with [`Server::stop`].
#[derive(Debug)]
pub struct Server {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    socket: PathBuf,
    handle: Handle,
}

impl Server {
    /// Opens `control.sock` in the data directory, and the admin address: what
    /// is to be used `instead`, else the Config's, which it follows from then on. An admin address
    /// in use is told in the log and tried again; it stops nothing. Nor does a
    /// `control.sock` that cannot be opened, on a read-only disk say.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        dir: &Path,
        instead: AdminAddress,
        handle: Handle,
        people: People,
    ) -> io::Result<Self> {
        let control = socket::bind(dir)
            .inspect_err(|error| {
                tracing::error!("control.sock cannot be opened, so no command reaches us: {error}");
            })
            .ok();
        let doors = handle.open_admin(instead);
        let (stop, stopped) = oneshot::channel();
        let shared = Shared {
            dir: dir.to_owned(),
            handle: Data::new(handle.clone()),
            people: Data::new(people),
            held: Data::default(),
        };
        let serve = move || {
            let served = System::new().block_on(serve(control, doors, shared, stopped));
            if let Err(error) = served {
                tracing::error!("control.sock is not served: {error}");
            }
        };
        let thread = std::thread::Builder::new().name("admin".to_owned());
        Ok(Self {
            stop,
            thread: thread.spawn(serve)?,
            socket: dir.join(socket::NAME),
            handle,
        })
    }

    /// Takes nothing new, lets requests under way end, and waits for it.
    pub fn stop(self) {
        let _ = std::fs::remove_file(&self.socket);
        // Either there is somebody to hear it, or the thread has ended already.
        let _ = self.stop.send(());
        self.handle.shut_admin();
        if self.thread.join().is_err() {
            tracing::error!("the admin server ended by a panic");
        }
    }
}

/// What every handler may ask.
#[derive(Clone)]
struct Shared {
    dir: PathBuf,
    handle: Data<Handle>,
    people: Data<People>,
    held: Data<Held>,
}

async fn serve(
    control: Option<UnixListener>,
    mut doors: UnboundedReceiver<AdminSocket>,
    shared: Shared,
    mut stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let mut api = match control {
        Some(control) => Some(run(serve_control(control, shared.clone())?)),
        None => None,
    };
    let mut again = tokio::time::interval(AGAIN);
    let mut admin: Option<ServerHandle> = None;
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            _ = again.tick(), if api.is_none() => {
                // Said once, at the start.
                if let Ok(control) = socket::bind(&shared.dir) {
                    api = Some(run(serve_control(control, shared.clone())?));
                    tracing::info!("control.sock is open");
                }
            }
            Some(socket) = doors.recv() => match serve_admin(socket, shared.clone()) {
                Ok(server) => {
                    if let Some(old) = admin.replace(run(server)) {
                        old.stop(true).await;
                    }
                }
                Err(error) => tracing::error!("the admin address is not served: {error}"),
            },
        }
    }
    if let Some(admin) = admin {
        admin.stop(true).await;
    }
    if let Some(api) = api {
        api.stop(true).await;
    }
    Ok(())
}

fn run(server: ActixServer) -> ServerHandle {
    let handle = server.handle();
    actix_web::rt::spawn(server);
    handle
}

fn serve_control(socket: UnixListener, shared: Shared) -> io::Result<ActixServer> {
    let app = move || {
        App::new()
            .app_data(shared.handle.clone())
            .app_data(shared.people.clone())
            .configure(urls(of_control))
    };
    let server = HttpServer::new(app)
        .on_connect(request::remember_peer)
        .workers(1)
        .max_connections(MAX_CONNECTIONS)
        .shutdown_timeout(GRACE)
        .disable_signals()
        .listen_uds(socket)?;
    Ok(server.run())
}

fn serve_admin(open: AdminSocket, shared: Shared) -> io::Result<ActixServer> {
    let tls = match open.secure {
        true => Some(secure::config(&shared.dir, &shared.handle)?),
        false => None,
    };
    let app = move || {
        App::new()
            .app_data(shared.handle.clone())
            .app_data(shared.people.clone())
            .app_data(shared.held.clone())
            .wrap(from_fn(gate::gate))
            .configure(urls(of_admin))
    };
    let server = HttpServer::new(app)
        .workers(1)
        .max_connections(MAX_CONNECTIONS)
        .shutdown_timeout(GRACE)
        .disable_signals();
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(open.socket, tls)?,
        None => server.listen(open.socket)?,
    };
    Ok(server.run())
}
