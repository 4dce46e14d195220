//! The only writer: every change of the Config goes through here, one at a time.
//!
//! The life of a change: parse and check, compare, compile, open the sockets it needs,
//! write the revision. Until that is on disk everything can fail without a trace; from
//! then on nothing does: publish, last-known-good, health.
//!
//! [`Handle`] is what the panel, the API and the command line hold. A stopped instance
//! is changed by the same code without a data plane ([`Control::offline`]).

mod admin_url;
mod backup;
mod certificates;
mod change;
mod check_report;
mod diagnosis;
pub mod django;
mod door;
mod edit;
mod edit_part;
mod ending;
mod explain;
mod handle;
mod history;
mod kept;
mod move_sessions;
mod nodes_view;
mod notices;
mod outline;
mod own_socket;
mod ports;
mod publish;
mod recent;
mod renewals;
mod roots;
mod secrets;
mod session_passwords;
mod session_view;
mod sessions;
mod start;
mod status;
mod tend;
#[cfg(test)]
mod tests;
mod trial;
mod words;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;

use crate::balance::{Registry, unix_now};
use crate::health::Supervisor;
use crate::listener::{DataPlane, SessionPort};
use crate::logs::{LastWords, Records};
use crate::metrics::Metrics;
use crate::model::{Config, KeptCertificates};
use crate::snapshot::Snapshot;
use crate::store::{self, Lock, Store, StoreError};
use crate::systemd::Systemd;
use crate::tls::Engine;

pub use backup::{BackupFault, Came, KeptBackup, KeptBackups, RestoreBackup, Restored};
pub use change::{Applied, Apply, ChangeError};
pub use check_report::{CheckReport, CheckRow};
pub use diagnosis::{Area, Diagnosis, Finding, Verdict};
pub use door::{AdminAddress, AdminSocket};
pub use edit::{NodeEdit, NodesChange, NodesEdit};
pub use edit_part::EditParts;
pub use handle::Handle;
pub use history::{
    Changes, HistoryError, Listed, Origin, Revision, Revisions, RollBack, RolledBack, Undo,
};
pub use kept::{CertificateView, GivenCertificate};
pub use move_sessions::MoveSessions;
pub use nodes_view::{NodeView, NodesView, PoolView};
pub use outline::{LeadsTo, ListenerNow, Outline, RouteNow, SiteNow, Trouble};
pub use own_socket::CONTROL_SOCKET;
pub use ports::PortState;
pub use recent::{MOST_RECENT, RECENT_STEP, Recent};
pub use renewals::RenewalView;
pub use session_view::{
    MoveView, NotSignedOut, RedisView, SessionDatabaseView, SessionStep, SessionTrial, SessionsView,
};
pub use start::{Loaded, Started};
pub use status::Readiness;
pub use trial::{Barred, Heard, Trial, TrialFault, Tried};

use door::Door;
use notices::{Happened, Notices};
use recent::Watched;

/// What outlives every snapshot, and who is told of a new one.
#[derive(Debug)]
pub struct Parts {
    /// Run-time facts of the nodes.
    pub registry: Arc<Registry>,
    /// The counters of the process.
    pub metrics: Arc<Metrics>,
    /// Sockets and workers; none where nothing serves.
    pub data_plane: Option<DataPlane>,
    /// The session store's port; none where nothing serves.
    pub sessions: Option<SessionPort>,
    /// The log store; none where nothing serves.
    pub records: Option<Records>,
    /// Who keeps the admin socket over a restart.
    pub systemd: Systemd,
    /// What went wrong, in the words of the own log.
    pub last_words: LastWords,
}

/// The state behind every [`Handle`].
#[derive(Debug)]
pub struct Control {
    dir: PathBuf,
    /// A stopped instance is changed by one command, which may replace a lost database.
    running: bool,
    parts: Parts,
    /// Outlives every snapshot, as the session tickets that clients have.
    engine: Engine,
    /// The certificates that are kept. Only who holds `writer` puts others in their place.
    kept: ArcSwap<KeptCertificates>,
    /// What is in force. Read without waiting for a change under way.
    now: ArcSwap<Now>,
    /// Told of every Config that comes in force.
    followers: watch::Sender<Arc<Config>>,
    /// Whoever holds it changes; nobody else.
    writer: tokio::sync::Mutex<Writer>,
    door: Door,
    notices: Notices,
    ending: ending::Ending,
    watched: Watched,
    made: history::Made,
    /// The way to read older revisions.
    revisions: tokio::sync::Mutex<store::Revisions>,
    trials: trial::Trials,
    pulse: session_view::Pulse,
    moves: move_sessions::Moves,
    renewals: renewals::Renewals,
    nightly: backup::Nightly,
    diagnoses: diagnosis::Diagnoses,
    stopping: AtomicBool,
    /// Why the last-known-good file is not the revision in force, if so.
    not_kept: Mutex<Option<String>>,
    // Nobody else writes in the directory as long as this lives.
    _lock: Lock,
}

/// What is in force.
#[derive(Debug)]
struct Now {
    snapshot: Arc<Snapshot>,
    started: Started,
}

/// The way to the disk.
#[derive(Debug, Default)]
struct Writer {
    store: Option<Store>,
    /// Why there is no store.
    trouble: Option<StoreError>,
    /// The health checks, which follow what is in force.
    supervisor: Supervisor,
}

impl Control {
    /// Reads what is to be served from the data directory `dir`.
    ///
    /// Never fails: what cannot be used is told by [`Handle::started`] and in the status.
    pub async fn load(dir: &Path, lock: Lock) -> Loaded {
        let dir = dir.to_owned();
        let found = start::load(&dir, true).await;
        Loaded { dir, lock, found }
    }

    /// Starts: serves what was loaded, and keeps on trying what could not be done at once.
    /// Runs on the current runtime.
    pub async fn start(loaded: Loaded, parts: Parts) -> Handle {
        let handle = Self::with(loaded, parts, true).await;
        let (tell, verdicts) = unbounded_channel();
        handle.control.writer.lock().await.supervisor.tell(tell);
        handle.control.recall_renewals().await;
        handle.control.serve_first().await;
        handle
            .control
            .note_event(Happened::new("start", "the instance started"));
        let control = Arc::downgrade(&handle.control);
        let watch = notices::watch(control.clone(), verdicts);
        handle.runtime.spawn(watch);
        handle.runtime.spawn(recent::watch(control.clone()));
        handle.runtime.spawn(renewals::watch(control.clone()));
        handle.runtime.spawn(backup::watch(control.clone()));
        handle.runtime.spawn(tend::tend(control));
        handle
    }

    /// The same on a stopped instance: changes are checked and written, nothing is
    /// served. Looking changes nothing on disk. Runs on the current runtime.
    pub async fn offline(dir: &Path, lock: Lock) -> Handle {
        let loaded = Loaded {
            found: start::load(dir, false).await,
            dir: dir.to_owned(),
            lock,
        };
        let parts = Parts {
            registry: Arc::new(Registry::new()),
            metrics: Arc::new(Metrics::new()),
            data_plane: None,
            sessions: None,
            records: None,
            systemd: Systemd::default(),
            last_words: LastWords::default(),
        };
        Self::with(loaded, parts, false).await
    }

    async fn with(loaded: Loaded, parts: Parts, running: bool) -> Handle {
        let Loaded {
            dir,
            lock,
            mut found,
        } = loaded;
        match running {
            true => secrets::generate_lost(&mut found.config),
            false => _ = secrets::generate(&mut found.config),
        }
        let mut kept = found.kept;
        if running {
            kept::make_at_start(&mut kept, &found.config, &mut found.writer).await;
        }
        let kept = Arc::new(kept);
        let config = Arc::new(found.config);
        let engine = Engine::new();
        let read = certificates::read_at_start(&engine, (&config, &kept), &found.lost).await;
        let followers = watch::Sender::new(config.clone());
        let snapshot = Snapshot::build(
            config,
            read,
            found.revision,
            &parts.registry,
            &parts.metrics,
        );
        if found.has_served {
            begin(&snapshot, found.made);
        }
        let revisions = store::Revisions::of(&dir);
        let door = Door::of(parts.systemd.clone());
        let control = Self {
            dir,
            running,
            parts,
            engine,
            kept: ArcSwap::new(kept),
            now: ArcSwap::from_pointee(Now {
                snapshot: Arc::new(snapshot),
                started: found.started,
            }),
            followers,
            writer: tokio::sync::Mutex::new(found.writer),
            door,
            notices: Notices::default(),
            ending: ending::Ending::default(),
            watched: Watched::default(),
            made: history::Made::default(),
            revisions: tokio::sync::Mutex::new(revisions),
            trials: trial::Trials::default(),
            pulse: session_view::Pulse::default(),
            moves: move_sessions::Moves::default(),
            renewals: renewals::Renewals::default(),
            nightly: backup::Nightly::default(),
            diagnoses: diagnosis::Diagnoses::default(),
            stopping: AtomicBool::new(false),
            not_kept: Mutex::new(None),
            _lock: lock,
        };
        Handle {
            control: Arc::new(control),
            runtime: tokio::runtime::Handle::current(),
        }
    }
}

/// Tells the pools of a snapshot made at `made` that this process begins with it.
fn begin(snapshot: &Snapshot, made: Option<u64>) {
    let now = unix_now();
    for pool in &snapshot.pools {
        pool.balancer.began(now, made.unwrap_or(now));
    }
}

impl Control {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn not_kept(&self) -> Option<String> {
        let why = self.not_kept.lock();
        why.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
