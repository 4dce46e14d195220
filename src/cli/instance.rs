//! Which instance a command speaks to: the running one, over its `control.sock`, or,
//! when nothing runs on the data directory, the directory itself with the same code.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::thread::CapabilitySet;
use serde_json::{Value, json};

use super::control_client::{Client, Request};
use super::explain::ExplainArgs;
use super::output::Failure;
use super::owner::become_owner_of;
use super::said::{escaped, get, outcome, post, read, refusal};
use super::stopped::Stopped;
use crate::document::Format;
use crate::model::AdminState;
use crate::proxy::Question;
use crate::store::{Lock, LockError};

/// How long a command waits for an instance that is starting, stopping, or held by another command.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it looks meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// The instance on a data directory.
#[derive(Debug)]
pub(super) enum Instance {
    /// It runs and answers on its socket.
    Running(Client),
    /// Nothing runs; the lock is ours until the command ends.
    Stopped(Stopped),
}

/// A document to be applied.
#[derive(Debug)]
pub(super) struct Apply<'a> {
    /// The document.
    pub(super) text: &'a str,
    /// How it is written.
    pub(super) format: Format,
    /// Change nothing.
    pub(super) dry_run: bool,
    /// Only if this is the newest revision.
    pub(super) if_revision: Option<u64>,
}

/// Which node is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodePath {
    /// The name of its pool.
    pub(super) pool: String,
    /// Its own name.
    pub(super) node: String,
}

impl NodePath {
    /// That there is none, with what was asked for and what there is.
    pub(super) fn not_found(&self, words: &str) -> Failure {
        Failure::run_time(format!("{}/{}: {words}", self.pool, self.node))
    }
}

/// A change of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeChange {
    /// Its weight is this.
    Weight(u16),
    /// It is to do this.
    State(AdminState),
}

/// What came of a change.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The object of `apply --json`.
    Done(Value),
    /// `{"problems": […]}`; nothing happened.
    Problems(Value),
}

impl Instance {
    /// Finds out whether an instance runs on `dir`.
    ///
    /// # Errors
    /// When there is no such directory, or it may not be used.
    pub(super) fn find(dir: &Path) -> Result<Self, Failure> {
        check_directory(dir)?;
        let client = Client::new(dir);
        let began = Instant::now();
        loop {
            match Lock::take(dir) {
                Ok(lock) => {
                    become_owner_of(dir, CapabilitySet::empty())?;
                    return Stopped::open(dir, lock).map(Self::Stopped);
                }
                Err(LockError::Held { .. }) if client.is_there() => {
                    return Ok(Self::Running(client));
                }
                // It is starting or stopping, or another command is at work.
                Err(LockError::Held { .. }) if began.elapsed() < PATIENCE => pause(LOOK),
                Err(LockError::Held { .. }) => {
                    return Err(Failure::run_time(format!(
                        "another steelyard holds {} and does not answer; look at its log, or end it",
                        dir.display()
                    )));
                }
                // Who may not open the lock may still be allowed on the socket.
                Err(LockError::Io { .. }) if client.is_there() => return Ok(Self::Running(client)),
                Err(LockError::Io { path, source }) => {
                    return Err(Failure::run_time(format!(
                        "cannot use {}: {source}{}",
                        path.display(),
                        hint(&source)
                    )));
                }
            }
        }
    }

    /// Whether a change is in force at once.
    pub(super) fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    /// Makes the configuration equal to a document.
    ///
    /// # Errors
    /// When that cannot be done for another reason than the document's Problems.
    pub(super) fn apply(&self, apply: &Apply<'_>) -> Result<Outcome, Failure> {
        match self {
            Self::Stopped(stopped) => stopped.apply(apply),
            Self::Running(client) => {
                let content_type = match apply.format {
                    Format::Toml => "application/toml",
                    Format::Json => "application/json",
                };
                let dry_run = if apply.dry_run { "?dry_run=true" } else { "" };
                let answer = client.ask(&Request {
                    method: "PUT",
                    path: &format!("/api/v1/config{dry_run}"),
                    if_match: apply.if_revision,
                    body: Some((content_type, apply.text.as_bytes())),
                    ..Request::default()
                })?;
                outcome(answer)
            }
        }
    }

    /// The configuration as a document.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub(super) fn export(&self, format: Format) -> Result<String, Failure> {
        match self {
            Self::Stopped(stopped) => stopped.export(format),
            Self::Running(client) => {
                let format = match format {
                    Format::Toml => "toml",
                    Format::Json => "json",
                };
                let answer = client.ask(&Request {
                    method: "GET",
                    path: &format!("/api/v1/config?format={format}"),
                    ..Request::default()
                })?;
                match answer.status {
                    200 => Ok(String::from_utf8_lossy(&answer.body).into_owned()),
                    _ => Err(refusal(&answer)),
                }
            }
        }
    }

    /// The one-time link of the setup; another where it is `anew`. Refused once there are users.
    pub(super) fn setup_url(&self, anew: bool) -> Result<String, Failure> {
        match self {
            Self::Stopped(stopped) => stopped.setup_url(anew),
            Self::Running(client) => {
                let told = post(client, "/api/v1/setup-url", &json!({ "new": anew }))?;
                Ok(told["url"].as_str().unwrap_or_default().to_owned())
            }
        }
    }

    /// Gives a user another password, the only one where none is named. Answers whom, and
    /// whether a code was asked for besides it, which is not any more.
    ///
    /// # Errors
    /// When there is no such user, or the password cannot be taken.
    pub(super) fn reset_password(
        &self,
        user: Option<&str>,
        password: &str,
    ) -> Result<(String, bool), Failure> {
        match self {
            Self::Stopped(stopped) => stopped.reset_password(user, password),
            Self::Running(client) => {
                let asked = json!({ "user": user, "password": password });
                let told = post(client, "/api/v1/reset-password", &asked)?;
                let user = told["user"].as_str().unwrap_or_default().to_owned();
                Ok((user, told["second_factor_off"] == true))
            }
        }
    }

    /// The passwords of the session store.
    ///
    /// # Errors
    /// When they cannot be asked for.
    pub(super) fn session_passwords(&self) -> Result<Value, Failure> {
        match self {
            Self::Stopped(stopped) => Ok(stopped.session_passwords()),
            Self::Running(client) => post(client, "/api/v1/sessions/passwords", &json!({})),
        }
    }

    /// Begins to move sessions.
    ///
    /// # Errors
    /// When it cannot be begun.
    pub(super) fn move_sessions(&self, wanted: &Value) -> Result<Outcome, Failure> {
        let client = self.moving()?;
        let answer = client.ask(&Request {
            method: "POST",
            path: "/api/v1/sessions/move",
            body: Some(("application/json", wanted.to_string().as_bytes())),
            ..Request::default()
        })?;
        outcome(answer)
    }

    /// How far the move has come.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(super) fn session_move(&self) -> Result<Value, Failure> {
        get(self.moving()?, "/api/v1/sessions/move")
    }

    fn moving(&self) -> Result<&Client, Failure> {
        match self {
            Self::Running(client) => Ok(client),
            Self::Stopped(_) => Err(Failure::run_time(
                "sessions are moved while Steelyard runs, and nothing runs here".to_owned(),
            )),
        }
    }

    /// What `status --json` shows.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn status(&self) -> Result<Value, Failure> {
        match self {
            Self::Stopped(stopped) => Ok(stopped.status()),
            Self::Running(client) => get(client, "/api/v1/status"),
        }
    }

    /// What `doctor --json` shows.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(super) fn diagnose(&self) -> Result<Value, Failure> {
        match self {
            Self::Stopped(stopped) => Ok(stopped.diagnose()),
            Self::Running(client) => get(client, "/api/v1/diagnostics"),
        }
    }

    /// What `explain --json` shows of a request.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(super) fn explain(
        &self,
        asked: &ExplainArgs,
        question: &Question,
    ) -> Result<Value, Failure> {
        match self {
            Self::Stopped(stopped) => Ok(stopped.explain(question)),
            Self::Running(client) => {
                let body = asked.to_json().to_string();
                let answer = client.ask(&Request {
                    method: "POST",
                    path: "/api/v1/explain",
                    body: Some(("application/json", body.as_bytes())),
                    ..Request::default()
                })?;
                match answer.status {
                    200 => read(&answer),
                    _ => Err(refusal(&answer)),
                }
            }
        }
    }

    /// A page of the log store; `pairs` say what is searched for.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(super) fn logs(&self, pairs: &[(&str, String)]) -> Result<Value, Failure> {
        match self {
            Self::Stopped(stopped) => stopped.logs(pairs),
            Self::Running(client) => {
                let query: Vec<String> = pairs
                    .iter()
                    .map(|(key, value)| format!("{key}={}", escaped(value)))
                    .collect();
                get(client, &format!("/api/v1/logs?{}", query.join("&")))
            }
        }
    }

    /// Changes one node.
    ///
    /// # Errors
    /// When there is no such node, or the change cannot be made.
    pub(super) fn change_node(
        &self,
        path: &NodePath,
        change: NodeChange,
    ) -> Result<Outcome, Failure> {
        match self {
            Self::Stopped(stopped) => stopped.change_node(path, change),
            Self::Running(client) => {
                let body = match change {
                    NodeChange::Weight(weight) => json!({ "weight": weight }),
                    NodeChange::State(state) => json!({ "state": state.as_str() }),
                };
                let (pool, node) = (escaped(&path.pool), escaped(&path.node));
                let answer = client.ask(&Request {
                    method: "PATCH",
                    path: &format!("/api/v1/pools/{pool}/nodes/{node}"),
                    body: Some(("application/json", body.to_string().as_bytes())),
                    ..Request::default()
                })?;
                if answer.status == 404 {
                    return Err(path.not_found(&refusal(&answer).message));
                }
                outcome(answer)
            }
        }
    }
}

/// Waits a moment. A command is one thread with nothing else to do.
#[allow(
    clippy::disallowed_methods,
    reason = "there is no runtime and no worker here to block"
)]
pub(super) fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn check_directory(dir: &Path) -> Result<(), Failure> {
    let shown = dir.display();
    match std::fs::metadata(dir) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(Failure::run_time(format!(
            "{shown} is not a directory; name the data directory with --data-dir"
        ))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Failure::run_time(format!(
                "{shown} does not exist; start `steelyard serve --data-dir {shown}`, \
                 or name the right directory with --data-dir"
            )))
        }
        Err(error) => Err(Failure::run_time(format!(
            "cannot use {shown}: {error}{}",
            hint(&error)
        ))),
    }
}

fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => {
            "; run the command as the user steelyard runs as, or as root"
        }
        _ => "",
    }
}
