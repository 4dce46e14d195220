//! What follows once a revision is on disk, or a start has found what to serve.
//! Nothing here can fail a change any more.

use std::sync::{Arc, PoisonError};

use super::change::{Sockets, troubles};
use super::{Control, Now, Started, Writer};
use crate::health::{self, Target};
use crate::snapshot::Snapshot;
use crate::store::last_known_good;

impl Control {
    /// Puts `snapshot` in force.
    pub(super) async fn publish(
        &self,
        writer: &mut Writer,
        snapshot: Arc<Snapshot>,
        started: Started,
        sockets: Sockets,
    ) {
        let of_database = matches!(started, Started::Serving);
        // Requests that wait for a node learn here what the change is to them. First, or one that
        // comes by the new snapshot could wait for a node that was disabled only before.
        let balancers = snapshot.pools.iter().map(|pool| &pool.balancer);
        self.parts.registry.retain(balancers);
        let closing = match (&self.parts.data_plane, sockets.listeners) {
            (Some(data_plane), Some(prepared)) => {
                Some(data_plane.publish(snapshot.clone(), prepared))
            }
            _ => None,
        };
        if let (Some(port), Some(socket)) = (&self.parts.sessions, sockets.sessions) {
            port.publish(snapshot.clone(), socket);
        }
        self.now.store(Arc::new(Now {
            snapshot: snapshot.clone(),
            started,
        }));
        self.followers.send_replace(snapshot.config.clone());
        if let Some(socket) = sockets.admin {
            self.door.publish(&snapshot.config.admin, socket);
        }
        if of_database {
            self.keep(&snapshot).await;
        }
        if self.running {
            let refresh = snapshot.config.settings.dns_refresh;
            writer.supervisor.follow(targets(&snapshot), refresh);
            self.follow_webhooks(&snapshot);
        }
        self.parts.metrics.forget_gone();
        if let Some(closing) = closing {
            closing.closed().await;
        }
    }

    /// Serves what a start found.
    pub(super) async fn serve_first(&self) {
        let mut writer = self.writer.lock().await;
        let now = self.now.load_full();
        self.log(&now.started, now.snapshot.revision);
        self.serve(&mut writer, now.snapshot.clone(), now.started.clone())
            .await;
    }

    /// Serves `snapshot` as far as its sockets can be opened.
    pub(super) async fn serve(
        &self,
        writer: &mut Writer,
        snapshot: Arc<Snapshot>,
        started: Started,
    ) {
        health::resolve_new(&targets(&snapshot)).await;
        let mut sockets = Sockets::default();
        if let Some(data_plane) = &self.parts.data_plane {
            let (prepared, refused) = data_plane.prepare(&snapshot.config.listeners);
            for problem in refused {
                tracing::error!("{}: {}", problem.field, problem.message);
            }
            sockets.listeners = Some(prepared);
        }
        self.open_session_socket_anyway(&snapshot.config, &mut sockets)
            .await;
        self.publish(writer, snapshot.clone(), started, sockets)
            .await;
        for trouble in troubles(&snapshot).await {
            tracing::warn!("{trouble}");
        }
    }

    /// Writes the last-known-good. A disk that refuses costs no change; it is told.
    pub(super) async fn keep(&self, snapshot: &Snapshot) {
        let (dir, revision) = (self.dir.clone(), snapshot.revision);
        let config = snapshot.config.clone();
        let write = move || last_known_good::write(&dir, revision, &config);
        let why = match tokio::task::spawn_blocking(write).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        let mut not_kept = self.not_kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Said once, though it is tried again every few seconds.
        if let (Some(why), true) = (&why, *not_kept != why) {
            tracing::error!("the last-known-good could not be written: {why}");
        }
        *not_kept = why;
    }

    pub(super) fn log(&self, started: &Started, revision: u64) {
        match started {
            Started::Serving => tracing::info!(revision, "serving the newest revision"),
            Started::Setup => tracing::info!("nothing is configured yet: apply a document"),
            Started::LastKnownGood { why } | Started::Nothing { why } => {
                tracing::error!(revision, "READ-ONLY: {why}");
            }
        }
    }
}

/// What is probed and looked up while `snapshot` is in force.
pub(super) fn targets(snapshot: &Snapshot) -> Vec<Target> {
    let mut targets = Vec::new();
    for pool in &snapshot.pools {
        let host = snapshot.config.check_host(&pool.config);
        let nodes = Target::of(
            &pool.balancer,
            &pool.config,
            host.as_deref(),
            &pool.to_nodes,
        );
        targets.extend(nodes);
    }
    targets
}
