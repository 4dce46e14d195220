//! A second factor for signing in: a code from an app on something that somebody has, or one of
//! the recovery codes that they keep elsewhere. An option of each user.
//!
//! After a right password there is half a sign-in, which is good for a code and nothing else. A
//! code is six digits: how often it may be guessed is counted apart (`throttle`), for much longer
//! than passwords are. A recovery code is nobody's guess and waits for no more than a password.

mod recovery;
#[cfg(test)]
mod tests;
mod totp;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::sign_in::{SignInFault, SignedIn, Visitor};
use super::{By, Deed, Outcome, People, PeopleError, SignIn, User};
use super::{digest, done, lock, new_secret, told, unix_now};
use crate::store::StoreError;
use crate::store::people::{NewSecondFactor, SecondFactor};

/// How long half a sign-in waits for its code, and a seed for being shown to work.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Limit: half sign-ins, and seeds, that wait at once. The oldest gives way.
const MOST: usize = 256;

/// Recovery codes that are given out.
const RECOVERY_CODES: usize = 8;

/// What is kept in memory of second factors.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// By the token's digest.
    halves: HashMap<String, Half>,
    /// By the sign-in that switches one on.
    seeds: HashMap<i64, Seed>,
    /// The newest step used by each user: a disk that takes no writes lets no code be used twice.
    spent: HashMap<i64, i64>,
}

/// Somebody whose password was right.
#[derive(Debug)]
struct Half {
    user: i64,
    /// The hash it was right by: with another password one begins anew.
    password: String,
    since: Instant,
}

struct Seed {
    bytes: [u8; totp::SEED],
    since: Instant,
}

// Nothing of the seed.
impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seed").finish_non_exhaustive()
    }
}

/// What somebody puts into their app.
pub struct Enrolment {
    /// The seed as it is typed, in groups of four.
    pub seed: String,
    /// What the app reads from a picture.
    pub url: String,
}

// Nothing of the seed.
impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrolment").finish_non_exhaustive()
    }
}

/// Why a second factor was not switched on.
#[derive(Debug, thiserror::Error)]
pub enum EnrolFault {
    /// No seed waits: it was too long ago, or on another start.
    #[error("begin anew")]
    Over,
    /// The code is not of the seed that was shown, or not of now.
    #[error("this is not the code")]
    Code,
    /// The database, or one is asked for already.
    #[error(transparent)]
    People(#[from] PeopleError),
}

impl People {
    /// Half a sign-in of somebody whose password was right: what their next form sends back.
    pub(super) fn begin_half(&self, user: &User) -> String {
        let token = new_secret();
        let now = Instant::now();
        let mut waiting = lock(&self.0.waiting);
        waiting.forget(now);
        make_room(&mut waiting.halves, |half| half.since);
        let half = Half {
            user: user.id,
            password: user.password.clone(),
            since: now,
        };
        waiting.halves.insert(digest(&token), half);
        token
    }

    /// Signs in whoever has the token of half a sign-in and knows a code.
    ///
    /// # Errors
    /// `Wrong`: another code may be tried. `Over`: they begin anew.
    pub async fn sign_in_by_code(
        &self,
        half: &str,
        code: &str,
        visitor: &Visitor<'_>,
    ) -> Result<SignedIn, SignInFault> {
        let digest = digest(half);
        let known = {
            let mut waiting = lock(&self.0.waiting);
            waiting.forget(Instant::now());
            let half = waiting.halves.get(&digest);
            half.map(|half| (half.user, half.password.clone()))
        };
        let (id, password) = known.ok_or(SignInFault::Over)?;
        let user = self.user(id).await?;
        let is_same = |user: &User| user.password == password && user.second_factor;
        let user = user.filter(is_same).ok_or(SignInFault::Over)?;
        let tried = lock(&self.0.throttle).try_once(&user.name, visitor.address, Instant::now());
        tried.map_err(SignInFault::Wait)?;
        self.check_code(&user, code, visitor.address).await?;
        // Of two who send the same at once one is signed in.
        let is_first = lock(&self.0.waiting).halves.remove(&digest).is_some();
        if !is_first {
            return Err(SignInFault::Over);
        }
        lock(&self.0.throttle).was_right(&user.name, visitor.address);
        self.let_in(user, visitor).await
    }

    /// Whether `code` is one that is good now for `user`, who asks for one. It is not any more.
    ///
    /// # Errors
    /// `Wrong`, `Wait`, or the database's.
    async fn check_code(
        &self,
        user: &User,
        code: &str,
        address: IpAddr,
    ) -> Result<(), SignInFault> {
        let factor = self.store().await.second_factor(user.id).await?;
        let factor = factor.ok_or(SignInFault::Over)?;
        let by = By::new(&*user.name, address.to_string());
        if let Some(code) = recovery::plain(code) {
            return match self.spend_recovery_code(user, &code, &factor, &by).await {
                Err(PeopleError::Store(error)) => Err(error.into()),
                Err(_) => Err(self.wrong_code(&by).await),
                Ok(()) => Ok(()),
            };
        }
        let tried = lock(&self.0.throttle).try_code(&user.name, address, Instant::now());
        tried.map_err(SignInFault::Wait)?;
        let Some(seed) = &factor.seed else {
            tracing::error!(
                "no key opens the second factor of {}: a recovery code lets them in, or `steelyard reset-password`",
                user.name.escape_debug()
            );
            return Err(SignInFault::Wrong);
        };
        let step = totp::step_of(seed, code, unix_now(), factor.spent);
        let is_right = match step {
            Some(step) => self.spend_code(user.id, step).await,
            None => false,
        };
        if !is_right {
            return Err(self.wrong_code(&by).await);
        }
        lock(&self.0.throttle).code_was_right(&user.name, address);
        Ok(())
    }

    /// Told, because whoever tried knows the password.
    async fn wrong_code(&self, by: &By) -> SignInFault {
        let deed = Deed {
            action: "code",
            subject: &by.who,
            detail: "",
            outcome: Outcome::Failed,
        };
        self.note(by, deed).await;
        SignInFault::Wrong
    }

    /// Uses a code up. A disk that takes no writes keeps nobody out: memory knows it too.
    async fn spend_code(&self, user: i64, step: i64) -> bool {
        {
            let mut waiting = lock(&self.0.waiting);
            let newest = waiting.spent.entry(user).or_insert(i64::MIN);
            if step <= *newest {
                return false;
            }
            *newest = step;
        }
        let spent = self.store().await.spend_code(user, step).await;
        spent.unwrap_or_else(|error| {
            tracing::warn!("that a code was used is known until the next start only: {error}");
            true
        })
    }

    async fn spend_recovery_code(
        &self,
        user: &User,
        code: &str,
        factor: &SecondFactor,
        by: &By,
    ) -> Result<(), PeopleError> {
        let left = factor.recovery_codes.saturating_sub(1);
        let entry = done(by, "recovery_code", &user.name, &format!("{left}"));
        let digest = digest(code);
        let mut store = self.store().await;
        let spent = store.spend_recovery_code(user.id, &digest, &entry).await;
        told(&entry, spent)
    }

    /// What is to be known of a user's second factor: since when it is asked for, and how many
    /// recovery codes are left.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn second_factor(&self, user: &User) -> Result<Option<(i64, u32)>, StoreError> {
        let factor = self.store().await.second_factor(user.id).await?;
        Ok(factor.map(|factor| (factor.since, factor.recovery_codes)))
    }

    /// Begins to switch one on, for who is signed in and knows their password: a new seed waits.
    ///
    /// # Errors
    /// `Wrong` or `Wait`.
    pub async fn begin_second_factor(
        &self,
        me: &SignIn,
        current: &str,
        address: IpAddr,
    ) -> Result<(), SignInFault> {
        self.confirm(&me.user, current, address).await?;
        let now = Instant::now();
        let mut waiting = lock(&self.0.waiting);
        waiting.forget(now);
        make_room(&mut waiting.seeds, |seed| seed.since);
        let bytes = rand::random();
        waiting.seeds.insert(me.id, Seed { bytes, since: now });
        Ok(())
    }

    /// What waits to be put into an app, on this machine by the name `host`.
    pub fn enrolment(&self, me: &SignIn, host: &str) -> Option<Enrolment> {
        let seed = lock(&self.0.waiting).seed(me)?;
        let letters: Vec<char> = totp::base32(&seed).chars().collect();
        let groups = letters.chunks(4).map(String::from_iter);
        Some(Enrolment {
            seed: groups.collect::<Vec<_>>().join(" "),
            url: totp::url(&seed, &me.user.name, host),
        })
    }

    /// Switches one on, by a code that shows that the app has it. Elsewhere the user is signed
    /// out. Answers the recovery codes, this once.
    ///
    /// # Errors
    /// Why not.
    pub async fn switch_second_factor_on(
        &self,
        me: &SignIn,
        code: &str,
        by: &By,
    ) -> Result<Vec<String>, EnrolFault> {
        let seed = lock(&self.0.waiting).seed(me).ok_or(EnrolFault::Over)?;
        let now = unix_now();
        let step = totp::step_of(&seed, code, now, i64::MIN).ok_or(EnrolFault::Code)?;
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery::new_code()).collect();
        let plain = codes.iter().filter_map(|code| recovery::plain(code));
        let digests: Vec<String> = plain.map(|code| digest(&code)).collect();
        let new = NewSecondFactor {
            user: me.user.id,
            seed: &seed,
            spent: step,
            recovery_codes: &digests,
            now,
        };
        let entry = done(by, "second_factor_on", &me.user.name, "");
        let set = self
            .store()
            .await
            .set_second_factor(&new, me.id, &entry)
            .await;
        told(&entry, set)?;
        lock(&self.0.waiting).seeds.remove(&me.id);
        self.end_unsaved(me.user.id, Some(me.id));
        Ok(codes)
    }

    /// Switches one's own off, by password and code. Elsewhere the user is signed out.
    ///
    /// # Errors
    /// `Wrong`, `Wait`, `Over` where there is none, or the database's.
    pub async fn switch_second_factor_off(
        &self,
        me: &SignIn,
        (current, code): (&str, &str),
        address: IpAddr,
    ) -> Result<(), SignInFault> {
        self.confirm(&me.user, current, address).await?;
        self.check_code(&me.user, code, address).await?;
        let by = By::new(&*me.user.name, address.to_string());
        let ended = self.end_second_factor(&me.user, Some(me.id), &by).await;
        ended.map_err(|error| match error {
            PeopleError::Store(error) => SignInFault::Store(error),
            _ => SignInFault::Over,
        })
    }

    /// Switches another's off, who has lost what the codes come from. They are signed out.
    ///
    /// # Errors
    /// `Gone` where there is none, or the database's.
    pub async fn reset_second_factor(&self, user: &User, by: &By) -> Result<(), PeopleError> {
        self.end_second_factor(user, None, by).await
    }

    async fn end_second_factor(
        &self,
        user: &User,
        keep: Option<i64>,
        by: &By,
    ) -> Result<(), PeopleError> {
        let entry = done(by, "second_factor_off", &user.name, "");
        let mut store = self.store().await;
        told(&entry, store.end_second_factor(user.id, keep, &entry).await)?;
        self.end_unsaved(user.id, keep);
        Ok(())
    }
}

impl Waiting {
    fn forget(&mut self, now: Instant) {
        let lasts = |since: Instant| now.duration_since(since) < PATIENCE;
        self.halves.retain(|_, half| lasts(half.since));
        self.seeds.retain(|_, seed| lasts(seed.since));
    }

    fn seed(&mut self, me: &SignIn) -> Option<[u8; totp::SEED]> {
        self.forget(Instant::now());
        self.seeds.get(&me.id).map(|seed| seed.bytes)
    }
}

fn make_room<K: Clone + Eq + std::hash::Hash, V>(
    all: &mut HashMap<K, V>,
    since: fn(&V) -> Instant,
) {
    if all.len() >= MOST
        && let Some(oldest) = all.iter().min_by_key(|(_, it)| since(it))
    {
        let oldest = oldest.0.clone();
        all.remove(&oldest);
    }
}
