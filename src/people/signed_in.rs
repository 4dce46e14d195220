//! Who is signed in, for how long, and ending it.

use super::{By, People, PeopleError, SignIn, digest, done, lock, told, unix_now};
use crate::store::StoreError;

/// Seconds without a request after which one has to sign in again.
const IDLE: i64 = 30 * 60;

/// Seconds after which one has to, in any case.
const LONGEST: i64 = 12 * 60 * 60;

/// Every how many seconds it is noted that somebody is still there: not a write for each request.
const SEEN: i64 = 60;

/// Whose sign-ins somebody may see and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// An admin everybody's.
    Everybodys,
    /// Others those of the user of this number: their own.
    Users(i64),
    /// A program is nowhere signed in.
    Nobodys,
}

impl People {
    /// Who is signed in by the token of a cookie.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn signed_in(&self, token: &str) -> Result<Option<SignIn>, StoreError> {
        let (digest, now) = (digest(token), unix_now());
        if let Some(found) = self.unsaved(&digest, now) {
            // They may have been removed since, or had their role changed.
            let user = self.store().await.user_named(&found.user.name).await?;
            let user = user.filter(|user| user.id == found.user.id);
            return Ok(user.map(|user| SignIn { user, ..found }));
        }
        let mut store = self.store().await;
        let found = store.signed_in(&digest).await?;
        let Some(found) = found.filter(|found| lasts(found, now)) else {
            return Ok(None);
        };
        // A clock that was set back must not make it last.
        if (now - found.seen).abs() >= SEEN {
            // A disk that refuses costs them no more than having to sign in again.
            let _ = store.seen(found.id, now).await;
        }
        Ok(Some(found))
    }

    /// Where people are signed in, who was seen last first: `whose` alone.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn sign_ins(&self, whose: Whose) -> Result<Vec<SignIn>, StoreError> {
        let now = unix_now();
        let mut store = self.store().await;
        let _ = store.forget_ended(now - IDLE, now - LONGEST).await;
        let mut all = store.sign_ins().await?;
        all.extend(lock(&self.0.unsaved).values().cloned());
        all.retain(|found| {
            let is_seen = match whose {
                Whose::Everybodys => true,
                Whose::Users(id) => found.user.id == id,
                Whose::Nobodys => false,
            };
            is_seen && lasts(found, now)
        });
        Ok(all)
    }

    /// Ends one, which is then worth nothing.
    ///
    /// # Errors
    /// `Gone`, or the database's.
    pub async fn end_sign_in(&self, found: &SignIn, by: &By) -> Result<(), PeopleError> {
        let action = match by.who == found.user.name {
            true => "sign_out",
            false => "sign_in_ended",
        };
        lock(&self.0.unsaved).retain(|_, other| other.id != found.id);
        if found.id < 0 {
            return Ok(());
        }
        let entry = done(by, action, &found.user.name, &found.address);
        let ended = self.store().await.end_sign_in(found.id, &entry).await;
        told(&entry, ended)
    }

    /// Ends whatever is known until the next start only: the users were replaced.
    pub fn forget_unsaved(&self) {
        lock(&self.0.unsaved).clear();
        *lock(&self.0.waiting) = super::second_factor::Waiting::default();
    }

    /// Ends where a user is signed in until the next start only, but for `keep`.
    pub(super) fn end_unsaved(&self, user: i64, keep: Option<i64>) {
        let ends = |other: &SignIn| other.user.id == user && Some(other.id) != keep;
        lock(&self.0.unsaved).retain(|_, other| !ends(other));
    }

    fn unsaved(&self, digest: &str, now: i64) -> Option<SignIn> {
        let mut unsaved = lock(&self.0.unsaved);
        let found = unsaved.get_mut(digest)?;
        if !lasts(found, now) {
            unsaved.remove(digest);
            return None;
        }
        found.seen = now;
        Some(found.clone())
    }
}

fn lasts(found: &SignIn, now: i64) -> bool {
    now - found.seen < IDLE && now - found.created < LONGEST
}

#[cfg(test)]
mod tests {
    use super::{IDLE, LONGEST, SignIn, lasts};
    use crate::model::Role;
    use crate::people::User;

    #[test]
    fn one_is_signed_in_half_an_hour_unseen_and_twelve_hours_in_all() {
        let found = |created, seen| SignIn {
            id: 1,
            user: User {
                id: 1,
                name: "alice".into(),
                role: Role::Viewer,
                password: String::new(),
                second_factor: false,
                language: None,
                created: 0,
            },
            created,
            seen,
            address: String::new(),
            agent: String::new(),
        };
        assert_eq!((IDLE, LONGEST), (1800, 43_200));
        assert!(lasts(&found(0, 0), 1799));
        assert!(!lasts(&found(0, 0), 1800));
        assert!(lasts(&found(0, 43_000), 43_199));
        assert!(!lasts(&found(0, 43_190), 43_200));
    }
}
