//! Certificates from authorities: obtained, kept, renewed in time, each by a task of its own.
//!
//! The tasks follow the configuration in force. An order may take minutes, and an authority may
//! hang: nothing here holds up a change, a start or what is served meanwhile.

mod account;
mod board;
mod check;
mod obtain;
mod task;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Notify, Semaphore};
use tokio::task::AbortHandle;

pub use board::RenewalView;

use super::{Control, Handle};
use crate::model::{Acme, CertificateSource, Config, HostPattern, Name};
use board::Board;

/// Limit: orders under way at once. An authority counts them, and each waits mostly.
const AT_ONCE: usize = 4;

/// What is known of the certificates that authorities issue.
#[derive(Debug)]
pub(super) struct Renewals {
    pub(super) board: Board,
    places: Semaphore,
    accounts: account::Turns,
    nudges: Mutex<HashMap<String, Arc<Notify>>>,
    stop: Arc<Notify>,
}

impl Default for Renewals {
    fn default() -> Self {
        Self {
            board: Board::default(),
            places: Semaphore::new(AT_ONCE),
            accounts: account::Turns::default(),
            nudges: Mutex::default(),
            stop: Arc::default(),
        }
    }
}

/// What one certificate is to be, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    name: Name,
    hosts: Vec<HostPattern>,
    acme: Acme,
}

impl Wanted {
    /// What an authority's answer is about: a failure of one is none of another.
    fn words(&self) -> String {
        let hosts = self.hosts.iter().map(ToString::to_string);
        let (directory, challenge) = (self.acme.directory.url(), self.acme.challenge.as_str());
        format!(
            "{directory} {challenge} {}",
            hosts.collect::<Vec<_>>().join(" ")
        )
    }

    /// Every one of `config`.
    fn all(config: &Config) -> Vec<Self> {
        let one = |certificate: &crate::model::Certificate| {
            let CertificateSource::Acme(by) = &certificate.source else {
                return None;
            };
            let acme = config.acme.iter().find(|acme| acme.name == *by)?;
            Some(Self {
                name: certificate.name.clone(),
                hosts: certificate.hosts.clone(),
                acme: acme.clone(),
            })
        };
        config.certificates.iter().filter_map(one).collect()
    }
}

/// A running task; dropping it ends it.
#[derive(Debug)]
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs until Control is gone.
pub(super) async fn watch(control: Weak<Control>) {
    let mut tasks: Vec<(Wanted, Task)> = Vec::new();
    let Some(mut followed) = control
        .upgrade()
        .map(|control| control.followers.subscribe())
    else {
        return;
    };
    let Some(stop) = control
        .upgrade()
        .map(|control| control.renewals.stop.clone())
    else {
        return;
    };
    loop {
        let wanted = Wanted::all(&followed.borrow_and_update());
        let Some(strong) = control.upgrade() else {
            return;
        };
        // What is wanted as before goes on, in the middle of an order too.
        tasks.retain(|(before, _)| wanted.contains(before));
        let names: Vec<&str> = wanted.iter().map(|one| one.name.as_str()).collect();
        strong.renewals.keep_only(&names);
        for one in wanted {
            if tasks.iter().all(|(before, _)| *before != one) {
                let nudge = strong.renewals.nudge(one.name.as_str());
                let work = task::renew(control.clone(), one.clone(), nudge);
                tasks.push((one, Task(tokio::spawn(work).abort_handle())));
            }
        }
        drop(strong);
        tokio::select! {
            changed = followed.changed() => if changed.is_err() {
                return;
            },
            () = stop.notified() => return,
        }
    }
}

impl Renewals {
    /// Forgets all others than these.
    fn keep_only(&self, names: &[&str]) {
        self.board.keep_only(names);
        self.lock().retain(|name, _| names.contains(&name.as_str()));
    }

    /// Gives up what is under way: an order is begun anew after the next start.
    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }

    fn nudge(&self, name: &str) -> Arc<Notify> {
        self.lock().entry(name.to_owned()).or_default().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.nudges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handle {
    /// Has a certificate be renewed now, whether it is due or not; false where none of this name
    /// comes from an authority. How it goes is in its view.
    pub fn renew_certificate(&self, name: &str) -> bool {
        let nudge = self.control.renewals.lock().get(name).cloned();
        if let Some(nudge) = &nudge {
            nudge.notify_one();
        }
        nudge.is_some()
    }
}
