//! Trying the session store as an application would: over its port, with the password, a key of its own.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::caller::{Caller, Reply};
use crate::control::Handle;
use crate::model::Sessions;

/// How long one step may take: an application gives up sooner.
const PATIENCE: Duration = Duration::from_secs(5);

/// The key is gone by itself after so many seconds, should we be gone before we remove it.
const LIVES: &str = "10";

/// What is tried, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStep {
    /// Connecting.
    Connect,
    /// Shaking hands by TLS.
    Secure,
    /// Saying the password.
    Password,
    /// Choosing the database.
    Choose,
    /// Writing a key.
    Write,
    /// Reading it.
    Read,
    /// Removing it.
    Remove,
}

/// What a try came to.
#[derive(Debug, Clone)]
pub struct SessionTrial {
    /// Where the store listens.
    pub address: SocketAddr,
    /// The database it was.
    pub database: u8,
    /// What went well, and how long each took.
    pub steps: Vec<(SessionStep, Duration)>,
    /// What did not, and why, in the store's words or the system's.
    pub failed: Option<(SessionStep, String)>,
}

impl SessionTrial {
    /// How long all of it took.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.steps.iter().map(|(_, took)| *took).sum()
    }

    async fn step<T>(
        &mut self,
        what: SessionStep,
        work: impl Future<Output = Result<T, String>>,
    ) -> Option<T> {
        let began = Instant::now();
        let done = timeout(PATIENCE, work).await;
        let late = || Err(format!("no answer within {} s", PATIENCE.as_secs()));
        match done.unwrap_or_else(|_| late()) {
            Ok(done) => {
                self.steps.push((what, began.elapsed()));
                Some(done)
            }
            Err(why) => {
                self.failed = Some((what, why));
                None
            }
        }
    }
}

/// What is needed to come in.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) address: SocketAddr,
    pub(super) has_tls: bool,
    /// Why there is none, where there is none.
    pub(super) password: Result<String, String>,
}

impl Handle {
    /// Tries a database of the session store; none where that is off.
    pub async fn try_sessions(&self, database: u8) -> Option<SessionTrial> {
        let entry = self.session_entry(database)?;
        let mut trial = SessionTrial {
            address: entry.address,
            database,
            steps: Vec::new(),
            failed: None,
        };
        // What it came to stands in the trial.
        let _ = tried(&mut trial, entry).await;
        Some(trial)
    }

    /// The password of a database, or why it cannot be read; none where the store is off.
    pub fn session_password(&self, database: u8) -> Option<Result<String, String>> {
        Some(self.session_entry(database)?.password)
    }

    /// How to come into a database; none where the store is off.
    pub(super) fn session_entry(&self, database: u8) -> Option<Entry> {
        let now = self.control.now.load();
        let (config, secrets) = (&now.snapshot.config, &now.snapshot.secrets);
        let mut own = config.sessions.databases.iter();
        let own = own.find(|one| one.index == database);
        let owner = own.map_or_else(|| Sessions::PASSWORD.to_owned(), |o| o.password_owner());
        let password = secrets.get(&owner);
        let password = password.map(|it| String::from_utf8_lossy(it.bytes()).into_owned());
        let why = || secrets.why_missing(&owner);
        Some(Entry {
            address: self.control.session_address()?,
            has_tls: config.sessions.tls.is_some(),
            password: password.ok_or_else(|| why().map_or_else(String::new, |w| w.to_string())),
        })
    }
}

async fn tried(trial: &mut SessionTrial, entry: Entry) -> Option<()> {
    let connecting = async {
        let stream = Caller::connect(entry.address).await;
        stream.map_err(|error| error.to_string())
    };
    let stream = trial.step(SessionStep::Connect, connecting).await?;
    let mut caller = match entry.has_tls {
        false => Caller::plain(stream),
        true => {
            let securing = async { Caller::secured(stream).await.map_err(|e| e.to_string()) };
            trial.step(SessionStep::Secure, securing).await?
        }
    };
    let said = async { caller.ask(&["AUTH", &entry.password?]).await };
    trial.step(SessionStep::Password, said).await?;
    let database = trial.database.to_string();
    let words = ["SELECT", &database];
    trial.step(SessionStep::Choose, caller.ask(&words)).await?;
    let random = rand::random::<u64>();
    let (key, value) = (format!("steelyard-test-{random:016x}"), random.to_string());
    let words = ["SET", &key, &value, "EX", LIVES];
    trial.step(SessionStep::Write, caller.ask(&words)).await?;
    let read = async {
        match caller.ask(&["GET", &key]).await? {
            Reply::Text(text) if text == value => Ok(()),
            _ => Err("what came back is not what was written".to_owned()),
        }
    };
    trial.step(SessionStep::Read, read).await?;
    let removed = async {
        match caller.ask(&["DEL", &key]).await? {
            Reply::Number(1) => Ok(()),
            _ => Err("it was not there any more".to_owned()),
        }
    };
    trial.step(SessionStep::Remove, removed).await
}
