//! Every few seconds: what could not be done at once is tried again.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::{Control, Now, Started, begin, secrets, start};
use crate::snapshot::Snapshot;

/// How often.
const PERIOD: Duration = Duration::from_secs(5);

/// Runs until Control is gone.
pub(super) async fn tend(control: Weak<Control>) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once, and the start has just tried everything.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let Some(control) = control.upgrade() else {
            return;
        };
        if !control.is_stopping() {
            control.mend().await;
        }
    }
}

impl Control {
    /// Opens what is closed and should not be, the database included.
    pub(super) async fn mend(&self) {
        let mut writer = self.writer.lock().await;
        if start::may_pass(writer.trouble.as_ref()) {
            let loaded = start::load(&self.dir, true).await;
            writer.store = loaded.writer.store;
            writer.trouble = loaded.writer.trouble;
            let now = self.now.load_full();
            if matches!(loaded.started, Started::Serving | Started::Setup) {
                self.log(&loaded.started, loaded.revision);
                let mut config = loaded.config;
                secrets::generate_lost(&mut config);
                self.kept.store(Arc::new(loaded.kept));
                self.renew_self_signed(&mut writer, &config).await;
                let config = Arc::new(config);
                let read = self.read_at_start(&config, &loaded.lost).await;
                let snapshot = self.build(config, read, loaded.revision).await;
                begin(&snapshot, loaded.made);
                self.serve(&mut writer, snapshot, loaded.started).await;
            } else if loaded.started != now.started {
                self.log(&loaded.started, now.snapshot.revision);
                self.now.store(Arc::new(Now {
                    snapshot: now.snapshot.clone(),
                    started: loaded.started,
                }));
            }
        }
        let config = self.now.load().snapshot.config.clone();
        self.renew_self_signed(&mut writer, &config).await;
        let missing = !self.now.load().snapshot.secrets.missing().is_empty();
        if missing || self.certificates_changed().await {
            // It tells in the log what it found.
            self.read_again(&mut writer, false).await;
        }
        let now = self.now.load_full();
        self.open_closed_listeners(&now.snapshot);
        self.open_closed_session_port(&now.snapshot);
        self.door.mend(&now.snapshot.config.admin);
        if self.not_kept().is_some() {
            self.keep(&now.snapshot).await;
        }
    }

    /// Opens the listeners that could not be opened before.
    pub(super) fn open_closed_listeners(&self, snapshot: &Arc<Snapshot>) {
        let Some(data_plane) = &self.parts.data_plane else {
            return;
        };
        let closed = |(.., open): &(_, _, bool)| !open;
        let before = data_plane.listeners();
        if !before.iter().any(closed) {
            return;
        }
        let (prepared, _) = data_plane.prepare(&snapshot.config.listeners);
        // None closes: the listeners are those in force.
        drop(data_plane.publish(snapshot.clone(), prepared));
        let after = data_plane.listeners();
        for (name, address, _) in before.into_iter().filter(closed) {
            if after.iter().any(|(other, _, open)| *other == name && *open) {
                tracing::info!(%address, "listener {name} is open now");
            }
        }
    }
}
