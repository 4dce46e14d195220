//! Who may do what: users and their passwords, where they are signed in, tokens for programs,
//! the one-time link of the setup, and the audit log of all that.
//!
//! It decides who somebody is and what they may; which URL asks for what is `admin/`'s. What is
//! kept is in `config.db` (`store/people`), and in a file of its own the token of the link.

mod hashing;
mod password;
mod second_factor;
mod setup;
mod sign_in;
mod signed_in;
#[cfg(test)]
mod tests;
mod throttle;
mod tokens;
mod users;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::store::StoreError;
use crate::store::people;

pub use crate::store::people::{AuditEntry, AuditRow, Outcome, PeopleError, SignIn, Token, User};
pub use password::{MAX_PASSWORD, MIN_PASSWORD, PasswordFault};
pub use second_factor::{EnrolFault, Enrolment};
pub use setup::SetupFault;
pub use sign_in::{SignInFault, SignedIn, Visitor};
pub use signed_in::Whose;
pub use tokens::MadeToken;
pub use users::{UserFault, is_name};

use hashing::Hashing;
use throttle::Throttle;

/// Who does something, and from where: for the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// The name of a user or a token, or what is known of them.
    pub who: String,
    /// Their IP address, or the way they came.
    pub address: String,
}

impl By {
    /// Somebody at an address.
    pub fn new(who: impl Into<String>, address: impl Into<String>) -> Self {
        Self {
            who: who.into(),
            address: address.into(),
        }
    }
}

/// What is told of a deed in the audit log.
#[derive(Debug, Clone, Copy)]
pub struct Deed<'a> {
    /// What, by its word: `sign_in`, say.
    pub action: &'a str,
    /// To whom or what.
    pub subject: &'a str,
    /// Before and after, or why not. Never a secret.
    pub detail: &'a str,
    /// What came of it.
    pub outcome: Outcome,
}

/// The way to all that is known of people, for any thread and any runtime.
#[derive(Debug, Clone)]
pub struct People(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    store: tokio::sync::Mutex<people::People>,
    hashing: Hashing,
    throttle: Mutex<Throttle>,
    notes: Mutex<throttle::Notes>,
    waiting: Mutex<second_factor::Waiting>,
    /// Those signed in whom a full or read-only disk could not take, by the token's digest: the
    /// panel is needed most when something is wrong.
    unsaved: Mutex<HashMap<String, SignIn>>,
}

impl People {
    /// Those of the data directory `dir`, whose lock is held. Looks at nothing yet.
    pub fn of(dir: &Path) -> Self {
        Self(Arc::new(Inner {
            dir: dir.to_owned(),
            store: tokio::sync::Mutex::new(people::People::of(dir)),
            hashing: Hashing::default(),
            throttle: Mutex::default(),
            notes: Mutex::default(),
            waiting: Mutex::default(),
            unsaved: Mutex::default(),
        }))
    }

    /// Closes the database in order.
    pub async fn close(&self) {
        self.store().await.close().await;
    }

    /// Adds to the audit log. A disk that refuses costs nothing but the row: it stands in the
    /// program's own log in any case.
    pub async fn note(&self, by: &By, deed: Deed<'_>) {
        if deed.outcome != Outcome::Done && !lock(&self.0.notes).may_write(Instant::now()) {
            return;
        }
        let entry = entry(by, deed);
        tell(&entry);
        let done = self.store().await.note(&entry).await;
        if let Err(error) = done {
            tracing::warn!("the audit log could not be added to: {error}");
        }
    }

    /// The newest `most` rows of the audit log, from before the row `before` where one is given.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn audit(&self, before: Option<i64>, most: u32) -> Result<Vec<AuditRow>, StoreError> {
        self.store().await.audit(before, most).await
    }

    async fn store(&self) -> tokio::sync::MutexGuard<'_, people::People> {
        self.0.store.lock().await
    }

    fn dir(&self) -> &Path {
        &self.0.dir
    }
}

/// The entry for what is done in one transaction with it, elsewhere.
pub fn audit_entry(by: &By, deed: Deed<'_>) -> AuditEntry {
    entry(by, deed)
}

fn entry(by: &By, deed: Deed<'_>) -> AuditEntry {
    AuditEntry {
        time: unix_now(),
        who: by.who.clone(),
        address: by.address.clone(),
        action: deed.action.to_owned(),
        subject: deed.subject.to_owned(),
        detail: deed.detail.to_owned(),
        outcome: deed.outcome,
    }
}

/// The entry for what is done in the same transaction; `told` then says so.
fn done(by: &By, action: &str, subject: &str, detail: &str) -> AuditEntry {
    let deed = Deed {
        action,
        subject,
        detail,
        outcome: Outcome::Done,
    };
    entry(by, deed)
}

/// Tells what was done in the program's own log too.
fn told<T, E>(entry: &AuditEntry, done: Result<T, E>) -> Result<T, E> {
    if done.is_ok() {
        tell(entry);
    }
    done
}

fn tell(entry: &AuditEntry) {
    // What a stranger typed stays in its line.
    tracing::info!(
        who = %entry.who.escape_debug(),
        address = %entry.address,
        subject = %entry.subject.escape_debug(),
        "{}: {}",
        entry.action,
        entry.outcome.as_str()
    );
}

/// Something that nobody guesses: 256 random bits, as 43 characters.
fn new_secret() -> String {
    use base64::Engine as _;
    let random: [u8; 32] = rand::random();
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random)
}

/// What is kept of a secret: enough to know it again and no more.
fn digest(secret: &str) -> String {
    let digest = Sha256::digest(secret.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unix_now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
