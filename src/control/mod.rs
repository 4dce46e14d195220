//! The only writer: every change of the Config goes through here, one at a time.
//!
//! The life of a change: parse and check, compare, compile, open the sockets it needs,
//! write the revision. Until that is on disk everything can fail without a trace; from
//! then on nothing does: publish, last-known-good, health.
//!
//! [`Handle`] is what the panel, the API and the command line hold. A stopped instance
//! is changed by the same code without a data plane ([`Control::offline`]).

mod admin_url;
mod certificates;
mod change;
mod check_report;
mod door;
mod edit;
mod edit_part;
mod explain;
mod nodes_view;
mod notices;
mod own_socket;
mod publish;
mod recent;
mod secrets;
mod start;
mod status;
mod tend;
#[cfg(test)]
mod tests;
mod words;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;

use crate::balance::{Registry, unix_now};
use crate::document::{self, Format, PlacedProblems};
use crate::health::Supervisor;
use crate::listener::DataPlane;
use crate::logs::Records;
use crate::metrics::Metrics;
use crate::model::{Admin, Config, Language, SecretBytes};
use crate::proxy::Question;
use crate::snapshot::Snapshot;
use crate::store::{Lock, Store, StoreError};
use crate::tls::Engine;

pub use change::{Applied, Apply, ChangeError};
pub use check_report::{CheckReport, CheckRow};
pub use door::AdminSocket;
pub use edit::{NodeEdit, NodesChange, NodesEdit};
pub use edit_part::EditParts;
pub use nodes_view::{NodeView, NodesView, PoolView};
pub use own_socket::CONTROL_SOCKET;
pub use recent::{MOST_RECENT, RECENT_STEP, Recent};
pub use start::{Loaded, Started};
pub use status::Readiness;

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
    /// The log store; none where nothing serves.
    pub records: Option<Records>,
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
    /// What is in force. Read without waiting for a change under way.
    now: ArcSwap<Now>,
    /// Told of every Config that comes in force.
    followers: watch::Sender<Arc<Config>>,
    /// Whoever holds it changes; nobody else.
    writer: tokio::sync::Mutex<Writer>,
    door: Door,
    notices: Notices,
    watched: Watched,
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
        handle.control.serve_first().await;
        handle
            .control
            .note_event(Happened::new("start", "the instance started"));
        let control = Arc::downgrade(&handle.control);
        let watch = notices::watch(control.clone(), verdicts);
        handle.runtime.spawn(watch);
        handle.runtime.spawn(recent::watch(control.clone()));
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
            records: None,
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
        let config = Arc::new(found.config);
        let engine = Engine::new();
        let read = certificates::read_at_start(&engine, &config, &found.lost).await;
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
        let control = Self {
            dir,
            running,
            parts,
            engine,
            now: ArcSwap::from_pointee(Now {
                snapshot: Arc::new(snapshot),
                started: found.started,
            }),
            followers,
            writer: tokio::sync::Mutex::new(found.writer),
            door: Door::default(),
            notices: Notices::default(),
            watched: Watched::default(),
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

/// The way to Control, for any thread and any runtime.
///
/// A change runs on Control's own runtime: a client that hangs up does not leave it half
/// done.
#[derive(Debug, Clone)]
pub struct Handle {
    control: Arc<Control>,
    runtime: tokio::runtime::Handle,
}

impl Handle {
    /// Makes the Config equal to a document.
    ///
    /// # Errors
    /// Why nothing happened.
    pub async fn apply(&self, apply: Apply) -> Result<Applied, ChangeError> {
        let control = self.control.clone();
        let change = async move { control.apply(apply).await };
        let done = self.runtime.spawn(change).await;
        done.unwrap_or_else(|error| Err(ChangeError::BrokenOff(error.to_string())))
    }

    /// Changes one node of one pool: a change like any other.
    ///
    /// # Errors
    /// Why nothing happened.
    pub async fn edit_node(&self, edit: NodeEdit) -> Result<Applied, ChangeError> {
        let control = self.control.clone();
        let change = async move { control.edit_node(edit).await };
        let done = self.runtime.spawn(change).await;
        done.unwrap_or_else(|error| Err(ChangeError::BrokenOff(error.to_string())))
    }

    /// Changes parts of the document, several in one change like any other. Every Problem has its
    /// field by names, and its way within the part that was edited.
    ///
    /// # Errors
    /// Why nothing happened.
    pub async fn edit_parts(&self, edit: EditParts) -> Result<Applied, ChangeError> {
        let control = self.control.clone();
        let change = async move { control.edit_parts(edit).await };
        let done = self.runtime.spawn(change).await;
        done.unwrap_or_else(|error| Err(ChangeError::BrokenOff(error.to_string())))
    }

    /// Reads the files again that the Config in force names, and serves with them. A phrase for
    /// each that is another.
    pub async fn read_again(&self) -> Vec<String> {
        let control = self.control.clone();
        let read = async move {
            let mut writer = control.writer.lock().await;
            control.read_again(&mut writer, false).await
        };
        self.runtime.spawn(read).await.unwrap_or_default()
    }

    /// Checks a document and answers its warnings.
    ///
    /// # Errors
    /// Every Problem of it.
    pub fn check(&self, text: &str, format: Format) -> Result<Vec<String>, PlacedProblems> {
        document::parse(text, format).map(|parsed| parsed.warnings)
    }

    /// The Config in force as a document, and its revision. TOML opens with it.
    ///
    /// # Errors
    /// Where everything was lost: an empty document would be mistaken for the Config.
    pub fn export(&self, format: Format) -> Result<(u64, String), ChangeError> {
        let now = self.control.now.load();
        if let Started::Nothing { why } = &now.started {
            return Err(ChangeError::ReadOnly(why.clone()));
        }
        let (revision, config) = (now.snapshot.revision, &now.snapshot.config);
        let text = match format {
            Format::Toml => format!("# revision {revision}\n{}", document::to_toml(config)),
            Format::Json => document::to_json(config).to_string(),
        };
        Ok((revision, text))
    }

    /// What `status --json` says.
    pub fn status(&self) -> Value {
        self.status_in(Language::English)
    }

    /// The same with the words about nodes in this language.
    pub fn status_in(&self, language: Language) -> Value {
        self.control.status(language)
    }

    /// What `explain --json` says of `question`.
    pub fn explain(&self, question: &Question) -> Value {
        self.control.explain(question)
    }

    /// What the check module's status page shows: every node that has a check.
    pub fn check_report(&self, language: Language) -> CheckReport {
        self.control.check_report(language)
    }

    /// The log store; none where nothing serves.
    pub fn records(&self) -> Option<Records> {
        self.control.parts.records.clone()
    }

    /// The text for `/metrics`.
    pub fn metrics(&self) -> String {
        self.control.metrics_text()
    }

    /// Whether requests can be served.
    pub fn readiness(&self) -> Readiness {
        self.control.readiness()
    }

    /// Where the Config in force came from.
    pub fn started(&self) -> Started {
        self.control.now.load().started.clone()
    }

    /// The Config's word on who may ask the admin server.
    pub fn admin(&self) -> Admin {
        self.control.now.load().snapshot.config.admin.clone()
    }

    /// The Config in force, and every one that comes in force from then on: for what is
    /// set up outside, such as the program's own log.
    pub fn follow(&self) -> watch::Receiver<Arc<Config>> {
        self.control.followers.subscribe()
    }

    /// The number of the Config in force.
    pub fn revision(&self) -> u64 {
        self.control.now.load().snapshot.revision
    }

    /// How many nodes that are wanted are down.
    pub fn nodes_down(&self) -> usize {
        self.control.nodes_down()
    }

    /// The Config in force.
    pub fn config(&self) -> Arc<Config> {
        self.control.now.load().snapshot.config.clone()
    }

    /// The secret of `owner`, as [`Config::secrets`] names it; none where there is none or it
    /// could not be read.
    pub fn secret(&self, owner: &str) -> Option<SecretBytes> {
        self.control.now.load().snapshot.secrets.get(owner).cloned()
    }

    /// Opens the admin address, `rescue` or else the Config's, and answers where its
    /// sockets arrive: one now, or as soon as it can be opened, and one more whenever the
    /// address changes. The newest counts.
    pub fn open_admin(&self, rescue: Option<SocketAddr>) -> UnboundedReceiver<AdminSocket> {
        let configured = self.admin();
        self.control.door.hang(rescue, &configured)
    }

    /// Closes the admin address: its server has stopped.
    pub fn shut_admin(&self) {
        self.control.door.shut();
    }

    /// Where the admin server really listens, once it does.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.control.door.local_address()
    }

    /// From now on the instance says that it is not ready: it is about to stop.
    pub fn stopping(&self) {
        self.control.stopping.store(true, Ordering::Relaxed);
    }

    /// Waits for a change under way, refuses those that come later, ends the health checks,
    /// gives webhooks a last moment and closes the database in order.
    pub async fn close(&self) {
        self.stopping();
        let mut writer = self.control.writer.lock().await;
        writer.supervisor = Supervisor::new();
        self.control.notices.outbox.stop().await;
        self.control
            .note_event(Happened::new("stop", "the instance stopped"));
        if let Some(store) = writer.store.take() {
            store.close().await;
        }
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
