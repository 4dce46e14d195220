//! The one-time link: good until the first user is there. Its token lies in a file that only
//! its owner reads, so that it can be shown again, on the box.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::sign_in::{SignedIn, Visitor};
use super::users::UserFault;
use super::{By, People, PeopleError, digest, done, new_secret, told, unix_now};
use crate::disk::write_private;
use crate::model::{Language, Role};
use crate::store::StoreError;
use crate::store::people::NewUser;

/// The file in the data directory.
const FILE: &str = "setup-token";

/// Limit: what is read of the file, in bytes.
const LONGEST: u64 = 128;

/// Why the first user was not made.
#[derive(Debug, thiserror::Error)]
pub enum SetupFault {
    /// There is nothing to set up.
    #[error("there are users already; `steelyard reset-password` lets one of them in again")]
    Users,
    /// The link is not good, or was used.
    #[error("the link is not good any more")]
    Link,
    /// Its name or password.
    #[error("the name or the password cannot be taken")]
    User(UserFault),
}

impl People {
    /// Whether anybody may sign in.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn has_users(&self) -> Result<bool, StoreError> {
        self.store().await.has_users().await
    }

    /// The token of the link: the one there is, or another that makes it worthless, where it is
    /// `anew` or there is none. None when there are users.
    ///
    /// # Errors
    /// When the database cannot be read, or the file not be written.
    pub async fn setup_token(&self, anew: bool, by: &By) -> Result<Option<String>, PeopleError> {
        // Held to the end: of two who ask at once, the second gets what the first was given.
        let mut store = self.store().await;
        if store.has_users().await? {
            return Ok(None);
        }
        if !anew && let Some(token) = read(self.dir()) {
            return Ok(Some(token));
        }
        let token = new_secret();
        let line = format!("{token}\n");
        write_private(self.dir(), FILE, line.as_bytes()).map_err(|error| StoreError::Io {
            why: format!("{FILE} cannot be written: {error}"),
        })?;
        let entry = done(by, "setup_link", "", "");
        if let Err(error) = told(&entry, store.note(&entry).await) {
            tracing::warn!("the audit log could not be added to: {error}");
        }
        Ok(Some(token))
    }

    /// Whether `token` is that of the link. Worth nothing once there is a user.
    pub fn is_setup_token(&self, token: &str) -> bool {
        // Digests are compared: how long that takes tells nothing of the token.
        read(self.dir()).is_some_and(|good| digest(&good) == digest(token))
    }

    /// Makes the first user, an admin, by the link, and signs them in.
    ///
    /// # Errors
    /// Why not; nothing has happened.
    pub async fn set_up(
        &self,
        token: &str,
        (name, password): (&str, &str),
        language: Language,
        visitor: &Visitor<'_>,
    ) -> Result<SignedIn, SetupFault> {
        if !self.is_setup_token(token) {
            return Err(SetupFault::Link);
        }
        let hash = self
            .accepted(name, password)
            .await
            .map_err(SetupFault::User)?;
        let user = NewUser {
            name,
            role: Role::Admin,
            password: &hash,
            language: Some(language),
            now: unix_now(),
        };
        let by = By::new(name, visitor.address.to_string());
        let entry = done(&by, "setup", name, "admin");
        let added = told(&entry, self.store().await.add_first(&user, &entry).await);
        let id = match added {
            Ok(id) => id,
            Err(PeopleError::SetUp) => return Err(SetupFault::Link),
            Err(error) => return Err(SetupFault::User(error.into())),
        };
        if let Err(error) = fs::remove_file(self.dir().join(FILE)) {
            tracing::warn!("{FILE} cannot be removed, and is worth nothing any more: {error}");
        }
        let failed = |error| SetupFault::User(UserFault::People(error));
        self.begin(id, name, visitor).await.map_err(failed)
    }
}

fn read(dir: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(dir.join(FILE)).ok()?;
    io::Read::read_to_string(&mut io::Read::take(file, LONGEST), &mut text).ok()?;
    let token = text.trim();
    // One that was cut short would be easier to guess.
    (token.len() >= 43).then(|| token.to_owned())
}
