//! Signing in with a password, and out again.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::hashing::is_weak;
use super::{
    By, Deed, Outcome, People, PeopleError, User, digest, done, lock, new_secret, told, unix_now,
};
use crate::store::StoreError;
use crate::store::people::{NewSignIn, SignIn};

/// Limit: what is kept of a browser's own word, in characters.
const AGENT: usize = 200;

/// Limit: places where people are signed in that the disk does not take.
const UNSAVED: usize = 16;

/// Where somebody who signs in is.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    /// Their IP address.
    pub address: IpAddr,
    /// Their browser, by its own word.
    pub agent: &'a str,
}

/// Somebody who has just signed in.
pub struct SignedIn {
    /// What their cookie holds. Nowhere else.
    pub token: String,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn").finish_non_exhaustive()
    }
}

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInFault {
    /// Nobody has this name and password.
    #[error("the name or the password is wrong")]
    Wrong,
    /// Too many were tried.
    #[error("too many tries; wait {} s", .0.as_secs())]
    Wait(Duration),
    /// The password was right, and a code is asked for too: by this, half a sign-in.
    #[error("a code is asked for too")]
    CodeAsked(String),
    /// What was begun is over: it took too long, or something else has changed.
    #[error("begin anew")]
    Over,
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl People {
    /// Signs somebody in by name and password. Whether there is a user of this name cannot be
    /// told from the answer, nor from when it comes.
    ///
    /// # Errors
    /// Why not; `CodeAsked` where a code is still missed.
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        visitor: &Visitor<'_>,
    ) -> Result<SignedIn, SignInFault> {
        let tried = lock(&self.0.throttle).try_once(name, visitor.address, Instant::now());
        tried.map_err(SignInFault::Wait)?;
        let user = self.store().await.user_named(name).await?;
        let hash = user.as_ref().map(|user| user.password.as_str());
        let is_right = self.0.hashing.is_right(password, hash).await;
        let (true, Some(user)) = (is_right, user) else {
            let by = By::new(name, visitor.address.to_string());
            let deed = Deed {
                action: "sign_in",
                subject: name,
                detail: "",
                outcome: Outcome::Failed,
            };
            self.note(&by, deed).await;
            return Err(SignInFault::Wrong);
        };
        let user = self.rehashed(user, password).await;
        if user.second_factor {
            // The try stays counted until the code is right too.
            return Err(SignInFault::CodeAsked(self.begin_half(&user)));
        }
        lock(&self.0.throttle).was_right(name, visitor.address);
        self.let_in(user, visitor).await
    }

    /// The user with a hash of today's parameters. The old one is good until the next time.
    async fn rehashed(&self, user: User, password: &str) -> User {
        if !is_weak(&user.password) {
            return user;
        }
        let hash = self.0.hashing.hash(password).await;
        match self.store().await.rehash(user.id, &hash).await {
            Ok(()) => User {
                password: hash,
                ..user
            },
            Err(_) => user,
        }
    }

    /// Signs in whoever has shown all that is asked for.
    pub(super) async fn let_in(
        &self,
        user: User,
        visitor: &Visitor<'_>,
    ) -> Result<SignedIn, SignInFault> {
        match self.begin(user.id, &user.name, visitor).await {
            Err(PeopleError::Store(error)) => self.begin_unsaved(user, visitor, &error),
            begun => begun.map_err(|_| SignInFault::Wrong),
        }
    }

    /// Whether `password` is the user's own, at the pace of signing in.
    ///
    /// # Errors
    /// `Wrong` or `Wait`.
    pub async fn confirm(
        &self,
        user: &User,
        password: &str,
        address: IpAddr,
    ) -> Result<(), SignInFault> {
        let tried = lock(&self.0.throttle).try_once(&user.name, address, Instant::now());
        tried.map_err(SignInFault::Wait)?;
        let hash = Some(user.password.as_str());
        if !self.0.hashing.is_right(password, hash).await {
            return Err(SignInFault::Wrong);
        }
        lock(&self.0.throttle).was_right(&user.name, address);
        Ok(())
    }

    /// Signs a user in whose password was right, by a new token.
    pub(super) async fn begin(
        &self,
        user: i64,
        name: &str,
        visitor: &Visitor<'_>,
    ) -> Result<SignedIn, PeopleError> {
        let token = new_secret();
        let (address, agent) = (visitor.address.to_string(), short(visitor.agent));
        let new = NewSignIn {
            sha256: &digest(&token),
            user,
            now: unix_now(),
            address: &address,
            agent: &agent,
        };
        let entry = done(&By::new(name, &*address), "sign_in", name, "");
        let mut store = self.store().await;
        told(&entry, store.sign_in(&new, &entry).await)?;
        Ok(SignedIn { token })
    }

    fn begin_unsaved(
        &self,
        user: User,
        visitor: &Visitor<'_>,
        why: &StoreError,
    ) -> Result<SignedIn, SignInFault> {
        let mut unsaved = lock(&self.0.unsaved);
        if unsaved.len() >= UNSAVED
            && let Some(oldest) = unsaved.iter().min_by_key(|(_, s)| s.seen)
        {
            let oldest = oldest.0.clone();
            unsaved.remove(&oldest);
        }
        tracing::warn!(
            "{} is signed in until the next start only: {why}",
            user.name
        );
        let (token, now) = (new_secret(), unix_now());
        let id = unsaved.values().map(|s| s.id).min().unwrap_or(0) - 1;
        let sign_in = SignIn {
            id,
            user,
            created: now,
            seen: now,
            address: visitor.address.to_string(),
            agent: short(visitor.agent),
        };
        unsaved.insert(digest(&token), sign_in);
        Ok(SignedIn { token })
    }
}

fn short(agent: &str) -> String {
    let plain = agent.chars().filter(|c| !c.is_control());
    plain.take(AGENT).collect()
}
