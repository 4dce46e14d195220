//! The way to Control for everybody else: the panel, the API, the command line, signals.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;
use tokio::sync::watch;

use super::notices::Happened;
use super::{
    Applied, Apply, ChangeError, CheckReport, Control, EditParts, NodeEdit, Now, Readiness, Started,
};
use crate::document::{self, Format, PlacedProblems};
use crate::health::Supervisor;
use crate::logs::Records;
use crate::model::{Admin, Config, Language, SecretBytes};
use crate::proxy::Question;

/// The way to Control, for any thread and any runtime.
///
/// A change runs on Control's own runtime: a client that hangs up does not leave it half
/// done.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) control: Arc<Control>,
    pub(super) runtime: tokio::runtime::Handle,
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
        let now = self.known()?;
        let (revision, config) = (now.snapshot.revision, &now.snapshot.config);
        let text = match format {
            Format::Toml => format!("# revision {revision}\n{}", document::to_toml(config)),
            Format::Json => document::to_json(config).to_string(),
        };
        Ok((revision, text))
    }

    /// The same document as a value.
    ///
    /// # Errors
    /// As of [`Handle::export`].
    pub fn document(&self) -> Result<(u64, Value), ChangeError> {
        let now = self.known()?;
        let (revision, config) = (now.snapshot.revision, &now.snapshot.config);
        Ok((revision, document::to_json(config)))
    }

    fn known(&self) -> Result<Arc<Now>, ChangeError> {
        let now = self.control.now.load_full();
        match &now.started {
            Started::Nothing { why } => Err(ChangeError::ReadOnly(why.clone())),
            _ => Ok(now),
        }
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

    /// Counts a request to the panel that ran into a mistake of ours.
    pub fn count_panic(&self) {
        self.control.parts.metrics.count_panic();
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

    /// From now on the instance says that it is not ready: it is about to stop.
    pub fn stopping(&self) {
        self.control.stopping.store(true, Ordering::Relaxed);
    }

    /// Waits for a change under way, refuses those that come later, ends the health checks,
    /// gives webhooks a last moment and closes the database in order.
    pub async fn close(&self) {
        self.stopping();
        self.control.renewals.stop();
        let mut writer = self.control.writer.lock().await;
        writer.supervisor = Supervisor::new();
        self.control.notices.outbox.stop().await;
        self.control
            .note_event(Happened::new("stop", "the instance stopped"));
        self.control.revisions.lock().await.close().await;
        if let Some(store) = writer.store.take() {
            store.close().await;
        }
    }
}
