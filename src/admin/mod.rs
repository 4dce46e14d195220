//! The operator's own server: the API on `control.sock`, which the file's permission
//! guards, and what monitors ask on the admin address.
//!
//! One actix worker per socket, on threads of their own: what the operator does never
//! waits for a data worker, nor the other way round.

mod answer;
mod api;
mod check_status;
mod explain;
mod live;
mod logs;
mod observe;
mod request;
mod socket;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use actix_web::dev::{Server as ActixServer, ServerHandle};
use actix_web::middleware::DefaultHeaders;
use actix_web::rt::System;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpServer};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use crate::control::Handle;

/// Limit: connections at once, to each of the two sockets. Scripts and a scraper.
const MAX_CONNECTIONS: usize = 256;

/// How long a request under way may go on when the server stops, in seconds. A change goes
/// on by itself.
const GRACE: u64 = 2;

/// What `control.sock` answers.
fn control_urls(urls: &mut ServiceConfig) {
    urls.service(
        web::scope("/api/v1")
            .service(
                web::resource("/config")
                    .route(web::get().to(api::export))
                    .route(web::put().to(api::apply)),
            )
            .service(web::resource("/config/check").route(web::post().to(api::check)))
            .service(web::resource("/status").route(web::get().to(api::status)))
            .service(
                web::resource("/explain")
                    .route(web::get().to(explain::get))
                    .route(web::post().to(explain::post)),
            )
            .service(web::resource("/logs").route(web::get().to(logs::search)))
            .service(web::resource("/logs/histogram").route(web::get().to(logs::histogram)))
            .service(web::resource("/logs/live").route(web::get().to(logs::live)))
            .service(web::resource("/logs/{id}").route(web::get().to(logs::record)))
            .service(web::resource("/charts").route(web::get().to(logs::chart)))
            .service(web::resource("/events").route(web::get().to(logs::events)))
            .service(
                web::resource("/pools/{pool}/nodes/{node}").route(web::patch().to(api::edit_node)),
            ),
    )
    .default_service(web::to(answer::no_such_thing));
}

/// What the admin address answers.
fn admin_urls(urls: &mut ServiceConfig) {
    urls.service(web::resource("/metrics").route(web::get().to(observe::metrics)))
        .service(
            web::resource("/check_status")
                .route(web::get().to(check_status::page))
                .route(web::head().to(check_status::page)),
        )
        .service(
            web::resource("/healthz")
                .route(web::get().to(observe::healthz))
                .route(web::head().to(observe::healthz)),
        )
        .service(
            web::resource("/readyz")
                .route(web::get().to(observe::readyz))
                .route(web::head().to(observe::readyz)),
        )
        .default_service(web::to(answer::no_such_thing));
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
    /// Opens `control.sock` in the data directory, and the admin address: `rescue` where
    /// one is given, else the Config's, which it follows from then on. An admin address
    /// in use is told in the log and tried again; it stops nothing. Nor does a
    /// `control.sock` that cannot be opened, on a read-only disk say.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(dir: &Path, rescue: Option<SocketAddr>, handle: Handle) -> io::Result<Self> {
        let control = socket::bind(dir)
            .inspect_err(|error| {
                tracing::error!("control.sock cannot be opened, so no command reaches us: {error}");
            })
            .ok();
        let doors = handle.open_admin(rescue);
        let (stop, stopped) = oneshot::channel();
        let for_thread = handle.clone();
        let serve = move || {
            let served = System::new().block_on(serve(control, doors, for_thread, stopped));
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

async fn serve(
    control: Option<UnixListener>,
    mut doors: UnboundedReceiver<TcpListener>,
    handle: Handle,
    mut stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let api = match control {
        Some(control) => Some(run(serve_control(control, handle.clone())?)),
        None => None,
    };
    let mut admin: Option<ServerHandle> = None;
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Some(socket) = doors.recv() => match serve_admin(socket, handle.clone()) {
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

fn serve_control(socket: UnixListener, handle: Handle) -> io::Result<ActixServer> {
    let handle = Data::new(handle);
    let app = move || App::new().app_data(handle.clone()).configure(control_urls);
    let server = HttpServer::new(app)
        .on_connect(request::remember_peer)
        .workers(1)
        .max_connections(MAX_CONNECTIONS)
        .shutdown_timeout(GRACE)
        .disable_signals()
        .listen_uds(socket)?;
    Ok(server.run())
}

fn serve_admin(socket: TcpListener, handle: Handle) -> io::Result<ActixServer> {
    let handle = Data::new(handle);
    let app = move || {
        let headers = DefaultHeaders::new()
            .add(("X-Content-Type-Options", "nosniff"))
            .add(("Cache-Control", "no-store"));
        App::new()
            .app_data(handle.clone())
            .wrap(headers)
            .configure(admin_urls)
    };
    let server = HttpServer::new(app)
        .workers(1)
        .max_connections(MAX_CONNECTIONS)
        .shutdown_timeout(GRACE)
        .disable_signals()
        .listen(socket)?;
    Ok(server.run())
}
