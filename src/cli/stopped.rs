//! A stopped instance: its data directory, read and changed by the same code that the
//! running one uses. The lock is held until the command ends.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::instance::{Apply, NodeChange, NodePath, Outcome};
use super::output::Failure;
use super::restore::Restore;
use crate::control::{
    self, Applied, BackupFault, ChangeError, Control, Handle, NodeEdit, RestoreBackup, Started,
};
use crate::document::Format;
use crate::logs::{Asked, LOGS_FOLDER, Records, STORE_FOLDER};
use crate::model::{Language, SecretBytes};
use crate::people::{self, By, Deed, People, SetupFault, audit_entry};
use crate::proxy::Question;
use crate::store::Lock;

/// A stopped instance.
#[derive(Debug)]
pub(super) struct Stopped {
    runtime: Runtime,
    control: Handle,
    dir: PathBuf,
    people: People,
}

impl Stopped {
    /// Opens the data directory `dir`, whose lock is held.
    ///
    /// # Errors
    /// When the system gives no runtime.
    pub(super) fn open(dir: &Path, lock: Lock) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::run_time(format!("cannot start: {error}")))?;
        let control = runtime.block_on(Control::offline(dir, lock));
        Ok(Self {
            people: People::of(dir),
            runtime,
            control,
            dir: dir.to_owned(),
        })
    }

    pub(super) fn apply(&self, apply: &Apply<'_>) -> Result<Outcome, Failure> {
        let apply = control::Apply {
            text: apply.text.to_owned(),
            format: apply.format,
            if_revision: apply.if_revision,
            dry_run: apply.dry_run,
            author: author(),
        };
        outcome(self.runtime.block_on(self.control.apply(apply)))
    }

    pub(super) fn export(&self, format: Format) -> Result<String, Failure> {
        match self.control.export(format) {
            Ok((_, text)) => Ok(text),
            Err(error) => Err(Failure::run_time(error.to_string())),
        }
    }

    pub(super) fn back_up(&self, passphrase: Option<&SecretBytes>) -> Result<Vec<u8>, Failure> {
        let made = self.control.back_up(passphrase.cloned());
        match self.runtime.block_on(made) {
            Ok(made) => Ok(made.bytes),
            Err(fault) => Err(Failure::run_time(fault.to_string())),
        }
    }

    pub(super) fn restore(&self, restore: &Restore<'_>) -> Result<Outcome, Failure> {
        let about = crate::store::backup::about(restore.bytes);
        let about = about.map_err(|fault| Failure::run_time(fault.to_string()))?;
        let deed = Deed {
            action: "restored",
            subject: &about.shown(),
            detail: "",
            outcome: people::Outcome::Done,
        };
        let wanted = RestoreBackup {
            bytes: restore.bytes.to_vec(),
            passphrase: restore.passphrase.cloned(),
            if_revision: restore.if_revision,
            dry_run: restore.dry_run,
            author: author(),
            entry: audit_entry(&by(), deed),
        };
        match self.runtime.block_on(self.control.restore(wanted)) {
            Ok(restored) => Ok(Outcome::Done(restored.to_json())),
            Err(BackupFault::Backup(fault)) => Err(Failure::run_time(fault.to_string())),
            Err(BackupFault::Change(error)) => outcome(Err(error)),
        }
    }

    pub(super) fn setup_url(&self, anew: bool) -> Result<String, Failure> {
        let by = by();
        let issued = self.runtime.block_on(self.people.setup_token(anew, &by));
        let token = issued.map_err(|error| Failure::run_time(error.to_string()))?;
        let token = token.ok_or_else(|| Failure::run_time(SetupFault::Users.to_string()))?;
        Ok(format!("{}/setup?token={token}", self.control.admin_url()))
    }

    pub(super) fn reset_password(
        &self,
        user: Option<&str>,
        password: &str,
    ) -> Result<(String, bool), Failure> {
        let by = by();
        let reset = self.people.reset_password(user, password, &by);
        let done = self.runtime.block_on(reset);
        let user = done.map_err(|fault| Failure::run_time(fault.to_string()))?;
        Ok((user.name, user.second_factor))
    }

    pub(super) fn session_passwords(&self) -> Value {
        self.control.session_passwords()
    }

    /// As of a running one, except that nothing serves and no listener is missed.
    pub(super) fn status(&self) -> Value {
        let mut status = self.control.status();
        let (state, reasons) = match self.control.started() {
            Started::Setup => ("setup", Vec::new()),
            Started::Serving => ("stopped", Vec::new()),
            Started::LastKnownGood { why } | Started::Nothing { why } => ("stopped", vec![why]),
        };
        status["ready"] = false.into();
        status["state"] = state.into();
        status["reasons"] = reasons.into();
        status
    }

    /// As of a running one, as far as it can be looked at from here.
    pub(super) fn diagnose(&self) -> Value {
        let look = self.control.diagnose(Language::English);
        self.runtime.block_on(look).to_json()
    }

    /// As of a running one, except that of the nodes' health nothing is known.
    pub(super) fn explain(&self, question: &Question) -> Value {
        let mut told = self.control.explain(question);
        let has_nodes = told["candidates"] != Value::Array(Vec::new());
        if has_nodes && let Some(notes) = told["notes"].as_array_mut() {
            notes.push("steelyard is stopped: nothing is known of the nodes' health".into());
        }
        told
    }

    pub(super) fn logs(&self, pairs: &[(&str, String)]) -> Result<Value, Failure> {
        let asked = Asked::read(pairs.iter().map(|(key, value)| (*key, value.as_str())));
        let asked = asked.map_err(Failure::usage)?;
        let records = Records::at_rest(&self.dir.join(LOGS_FOLDER).join(STORE_FOLDER));
        Ok(records.asked(&asked).to_value())
    }

    pub(super) fn change_node(
        &self,
        path: &NodePath,
        change: NodeChange,
    ) -> Result<Outcome, Failure> {
        let mut edit = NodeEdit {
            dry_run: false,
            pool: path.pool.clone(),
            node: path.node.clone(),
            weight: None,
            state: None,
            if_revision: None,
            author: author(),
        };
        match change {
            NodeChange::Weight(weight) => edit.weight = Some(weight.into()),
            NodeChange::State(state) => edit.state = Some(state),
        }
        match self.runtime.block_on(self.control.edit_node(edit)) {
            Err(ChangeError::NotFound(words)) => Err(path.not_found(&words)),
            done => outcome(done),
        }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.runtime.block_on(async {
            self.people.close().await;
            self.control.close().await;
        });
    }
}

/// Who makes the change, in the list of revisions.
fn author() -> String {
    let uid = rustix::process::getuid().as_raw();
    format!("uid {uid} on a stopped instance")
}

fn by() -> By {
    let uid = rustix::process::getuid().as_raw();
    By::new(format!("uid {uid}"), "a stopped instance")
}

fn outcome(done: Result<Applied, ChangeError>) -> Result<Outcome, Failure> {
    match done {
        Ok(applied) => Ok(Outcome::Done(applied.to_json())),
        Err(ChangeError::Invalid(problems)) => Ok(Outcome::Problems(problems.to_json())),
        Err(
            error @ (ChangeError::NotFound(_)
            | ChangeError::Stale { .. }
            | ChangeError::ReadOnly(_)
            | ChangeError::Store(_)
            | ChangeError::BrokenOff(_)),
        ) => Err(Failure::run_time(error.to_string())),
    }
}
