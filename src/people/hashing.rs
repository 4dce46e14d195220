//! Hashing passwords: argon2id, on the blocking pool, two at once at most.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::store::people::NO_PASSWORD as NOBODY;

/// Memory of one hash in KiB, rounds, lanes: what OWASP asks at least, for small boxes.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// Limit: hashes at once. Each takes 19 MiB: a flood of sign-ins must not take the memory.
const AT_ONCE: usize = 2;

/// The places to hash in.
#[derive(Debug)]
pub(super) struct Hashing(Arc<Semaphore>);

impl Default for Hashing {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Hashing {
    /// The hash of `password`, a PHC string.
    pub(super) async fn hash(&self, password: &str) -> String {
        let password = password.to_owned();
        self.run(move || hash(&password)).await
    }

    /// Whether `password` is the one of `hash`; of nobody's it is not, and takes as long.
    pub(super) async fn is_right(&self, password: &str, hash: Option<&str>) -> bool {
        let password = password.to_owned();
        let hash = hash.unwrap_or(NOBODY).to_owned();
        self.run(move || is_right(&password, &hash)).await
    }

    async fn run<T: Send + Default + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        // Never closed.
        let Ok(place) = self.0.clone().acquire_owned().await else {
            return T::default();
        };
        // The place is held to the end of the work, be it that nobody waits for it any more.
        let held = spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        held.await.unwrap_or_default()
    }
}

fn hash(password: &str) -> String {
    let (memory, rounds, lanes) = COST;
    let cost = Params::new(memory, rounds, lanes, None).expect("a cost that argon2 allows");
    let salt: [u8; 16] = rand::random();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, cost)
        .hash_password_with_salt(password.as_bytes(), &salt)
        .expect("a salt and a password that argon2 allows")
        .to_string()
}

fn is_right(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// Whether `hash` was made with less than today's cost.
pub(super) fn is_weak(hash: &str) -> bool {
    let (memory, rounds, lanes) = COST;
    !hash.starts_with(&format!("$argon2id$v=19$m={memory},t={rounds},p={lanes}$"))
}

#[cfg(test)]
mod tests {
    use super::{Hashing, NOBODY, hash, is_right, is_weak};

    #[test]
    fn a_hash_is_argon2id_of_the_agreed_cost_and_knows_its_password() {
        let made = hash("correct horse");
        assert!(
            made.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{made}"
        );
        assert!(is_right("correct horse", &made));
        assert!(!is_right("correct horsf", &made));
        assert_ne!(made, hash("correct horse"), "the salt is another each time");
        assert!(!is_weak(&made));
        assert!(is_weak(&made.replace("m=19456", "m=4096")));
    }

    #[tokio::test]
    async fn nobody_has_a_password() {
        let hashing = Hashing::default();
        assert!(!is_weak(NOBODY), "it costs as much as another");
        assert!(!hashing.is_right("", None).await);
        assert!(argon2::password_hash::phc::PasswordHash::new(NOBODY).is_ok());
    }
}
