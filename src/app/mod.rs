//! Wiring: the parts are built in the order of the layers, run until a signal, drained
//! and stopped.

mod signals;
mod watchdog;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::{JoinHandle, available_parallelism};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::admin::Server;
use crate::balance::Registry;
use crate::cli::{Serve, Start};
use crate::control::{AdminAddress, Control, Handle, Parts};
use crate::demo::Stage;
use crate::listener::{DataPlane, SessionPort};
use crate::logs::{
    self, AccessFile, LOGS_FOLDER, Logging, Losses, OwnLog, OwnLogLevel, STORE_FOLDER,
};
use crate::metrics::Metrics;
use crate::model::{Config, Language, Logs};
use crate::people::{By, People, Visitor};
use crate::proxy::Spool;
use crate::store::{self, Lock, LockError};
use crate::systemd::Systemd;

use signals::{Asked, Signals};

/// Where bodies that memory does not hold lie, below the data directory.
const SPOOL: &str = "spool";
/// Where sessions are kept, below the data directory.
const SESSIONS: &str = "sessions";
/// How long a command may hold the data directory before the start gives up.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// How long applications may take to finish the commands they have sent to the session store.
const SESSIONS_GRACE: Duration = Duration::from_secs(2);
const LOCK_LOOK: Duration = Duration::from_millis(50);
/// What a stop may take beyond the grace: sessions, the panel and the logs come after it.
const STOP_BEYOND_GRACE: Duration = Duration::from_secs(10);

/// Runs the appliance or the demo until a signal ends it. Control, the database, health
/// checks and timers run on this thread.
///
/// # Errors
/// Why it could not start.
pub fn run(start: Start) -> anyhow::Result<ExitCode> {
    leave_no_core();
    allow_descriptors();
    let systemd = match start {
        Start::Serve { .. } => Systemd::of_environment(),
        Start::Demo { .. } => Systemd::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(async {
        match start {
            Start::Serve(wanted) => serve(wanted, systemd).await,
            Start::Demo { http, admin } => demo(http, admin).await,
        }
    });
    // A name look-up without an answer is not waited for.
    runtime.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS)
}

/// What is in memory (keys, passwords on their way) gets into no file of a crash.
fn leave_no_core() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Less may always be asked for.
    let _ = setrlimit(Resource::Core, none);
}

/// As many descriptors as this process may give itself: shells allow 1024 by default, for programs
/// that use `select`, and each client may need three.
fn allow_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // With fewer than there might be it goes on as well.
    let _ = setrlimit(Resource::Nofile, limit);
}

async fn serve(wanted: Serve, systemd: Systemd) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let own_log = OwnLog::start()?;
    let running = Running::start(wanted, own_log, systemd.clone()).await?;
    systemd.settled();
    systemd.ready(&running.in_brief());
    let told = tokio::spawn(tell_status(running.control.clone(), systemd.clone()));
    let watched = tokio::spawn(watchdog::keep(
        systemd.clone(),
        running.data_plane.clone(),
        running.sessions.clone(),
    ));
    loop {
        match signals.next().await {
            Asked::Stop => break,
            Asked::Reopen => running.logging.sink.reopen(),
            Asked::Reload => {
                systemd.reloading();
                if running.control.read_again().await.is_empty() {
                    tracing::info!(
                        "no file is another than before; the configuration is in config.db"
                    );
                }
                systemd.ready(&running.in_brief());
            }
        }
    }
    told.abort();
    watched.abort();
    systemd.stopping(running.control.config().settings.shutdown_grace + STOP_BEYOND_GRACE);
    tracing::info!("stopping: requests under way are finished");
    let sessions = running.sessions.clone();
    tokio::select! {
        () = running.stop() => {}
        () = signals.again() => {
            tracing::warn!("stopped at once, as asked");
            // What was answered to applications is kept all the same.
            drop(spawn_blocking(move || sessions.stop(Duration::ZERO)).await);
        }
    }
    tracing::info!("stopped");
    Ok(())
}

async fn demo(http: SocketAddr, admin: SocketAddr) -> anyhow::Result<()> {
    let mut stage = Stage::set(http, admin).await?;
    let own_log = OwnLog::silent();
    let rescue = Some(stage.admin());
    let wanted = Serve {
        data_dir: stage.data_dir().to_owned(),
        admin: AdminAddress { rescue, home: None },
        logs_dir: None,
    };
    let running = Running::start(wanted, own_log, Systemd::default()).await?;
    let password = demo_user(&running.people).await;
    let played = stage.play(&running.control, password.as_deref()).await;
    running.stop().await;
    played
}

/// Lets somebody into the panel of the demo: the password of the user `demo`; none where that
/// could not be made.
async fn demo_user(people: &People) -> Option<String> {
    // Read off a screen: no letters that look alike.
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let letter = || char::from(LETTERS[rand::random_range(0..LETTERS.len())]);
    let word = || -> String { std::iter::repeat_with(letter).take(5).collect() };
    let password = format!("{}-{}-{}", word(), word(), word());
    let by = By::new("steelyard", "demo");
    let token = people.setup_token(false, &by).await.ok().flatten()?;
    let visitor = Visitor {
        address: Ipv4Addr::LOCALHOST.into(),
        agent: "",
    };
    let language = Language::default();
    let made = people.set_up(&token, ("demo", &password), language, &visitor);
    made.await.ok().map(|_| password)
}

/// The whole program, running.
struct Running {
    control: Handle,
    people: People,
    server: Server,
    data_plane: DataPlane,
    sessions: SessionPort,
    logging: Logging,
    threads: [JoinHandle<()>; 2],
    own_log: OwnLog,
}

impl Running {
    async fn start(wanted: Serve, own_log: OwnLog, systemd: Systemd) -> anyhow::Result<Self> {
        let data_dir = wanted.data_dir;
        store::make_directory(&data_dir)
            .with_context(|| format!("cannot use the data directory {}", data_dir.display()))?;
        let lock = take_lock(&data_dir).await?;
        let folder = data_dir.join(LOGS_FOLDER);
        // Only who serves makes it: see `Loaded::never_served`.
        let has_served = folder.symlink_metadata().is_ok();
        if let Err(error) = logs::make_folder(&folder, wanted.logs_dir.as_deref()) {
            tracing::warn!("cannot make the folder for logs: {error}");
        }
        let mut loaded = Control::load(&data_dir, lock).await;
        if !has_served {
            loaded.never_served();
        }
        let metrics = Arc::new(Metrics::new());
        let losses = Losses {
            lines: Arc::clone(&metrics.logs.lines),
            rotations: Arc::clone(&metrics.logs.rotations),
        };
        let file = access_file(&folder, &loaded.config().logs);
        let (access_log, access_log_thread) =
            logs::start(file, losses).context("cannot start a thread")?;
        let workers = match loaded.config().settings.workers {
            0 => available_parallelism().map_or(1, usize::from),
            workers => usize::from(workers),
        };
        let spool = Spool::at(data_dir.join(SPOOL));
        let lost = Arc::clone(&metrics.logs.records);
        let store = loaded.config().logs.store;
        let (records, records_thread) = logs::start_store(&folder.join(STORE_FOLDER), store, lost)
            .context("cannot start a thread")?;
        let logging = Logging {
            sink: access_log.clone(),
            records: records.clone(),
        };
        let (counters, logs, kept) = (Arc::clone(&metrics), logging.clone(), systemd.clone());
        let data_plane = DataPlane::start(workers, counters, logs, spool, kept)
            .context("cannot start the data workers")?;
        let sessions = SessionPort::new(data_dir.join(SESSIONS), workers, systemd.clone());
        let parts = Parts {
            registry: Arc::new(Registry::new()),
            metrics,
            data_plane: Some(data_plane.clone()),
            sessions: Some(sessions.clone()),
            records: Some(records),
            systemd,
            last_words: own_log.last_words(),
        };
        let control = Control::start(loaded, parts).await;
        tokio::spawn(follow_logs(
            control.follow(),
            folder,
            logging.clone(),
            own_log.level(),
        ));
        let people = People::of(&data_dir);
        let server = Server::start(&data_dir, wanted.admin, control.clone(), people.clone())
            .context("cannot start a thread")?;
        tell_setup_link(&control, &people).await;
        Ok(Self {
            control,
            people,
            server,
            data_plane,
            sessions,
            logging,
            threads: [access_log_thread, records_thread],
            own_log,
        })
    }

    /// What is served, in a line for `systemctl status`.
    fn in_brief(&self) -> String {
        in_brief(&self.control)
    }

    /// Stops in the order of a request's life: no new ones, those under way finished, then
    /// the panel, the database and the logs.
    async fn stop(self) {
        self.control.stopping();
        let grace = self.control.config().settings.shutdown_grace;
        let stopped = spawn_blocking(move || {
            self.data_plane.stop(grace);
            // After the last request, which may want its session.
            self.sessions.stop(SESSIONS_GRACE);
            self.server.stop();
        });
        drop(stopped.await);
        self.people.close().await;
        self.control.close().await;
        self.logging.sink.stop();
        self.logging.records.stop();
        let ended = spawn_blocking(move || {
            for thread in self.threads {
                drop(thread.join());
            }
            self.own_log.flush();
        });
        drop(ended.await);
    }
}

/// Tells systemd in a line what is served, whenever that is something else.
async fn tell_status(control: Handle, systemd: Systemd) {
    let mut configs = control.follow();
    while configs.changed().await.is_ok() {
        systemd.status(&in_brief(&control));
    }
}

fn in_brief(control: &Handle) -> String {
    let config = control.config();
    let nodes: usize = config.pools.iter().map(|pool| pool.nodes.len()).sum();
    let (listeners, sites) = (config.listeners.len(), config.sites.len());
    let panel = control.admin_url();
    format!(
        "revision {}, listeners {listeners}, sites {sites}, nodes {nodes}; panel at {panel}",
        control.revision()
    )
}

/// Says how the first user is made, as long as there is none.
async fn tell_setup_link(control: &Handle, people: &People) {
    let by = By::new("steelyard", "start");
    // What is wrong with the database has been told.
    if let Ok(Some(token)) = people.setup_token(false, &by).await {
        let url = control.admin_url();
        tracing::info!(
            "nobody can sign in yet; the first user is made at {url}/setup?token={token}"
        );
    }
}

/// Keeps the logs as the Config in force wants them.
async fn follow_logs(
    mut configs: watch::Receiver<Arc<Config>>,
    folder: PathBuf,
    logging: Logging,
    level: OwnLogLevel,
) {
    loop {
        let logs = configs.borrow_and_update().logs.clone();
        level.set(logs.level);
        logging.sink.switch(access_file(&folder, &logs));
        logging.records.follow(logs.store);
        if configs.changed().await.is_err() {
            return;
        }
    }
}

/// Takes the lock, which a command at work on the stopped instance may hold for a moment.
async fn take_lock(data_dir: &Path) -> Result<Lock, LockError> {
    let end = Instant::now() + LOCK_PATIENCE;
    loop {
        match Lock::take(data_dir) {
            Err(LockError::Held { .. }) if Instant::now() < end => sleep(LOCK_LOOK).await,
            taken => return taken,
        }
    }
}

fn access_file(folder: &Path, logs: &Logs) -> AccessFile {
    AccessFile {
        path: (!logs.file.is_empty()).then(|| folder.join(&logs.file)),
        rotate: logs.rotate,
    }
}
