//! The backup that somebody looks at before they restore it. It is held here in between, so that what
//! was shown is what is restored, and nobody has to choose the file again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::web::{Bytes, Data};

use crate::model::SecretBytes;

/// Limit: how long one is held, and that it is one: the next takes its place.
const HELD: Duration = Duration::from_secs(10 * 60);

/// What waits for a decision.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    /// What it is found by.
    pub(super) id: String,
    /// The file.
    pub(super) bytes: Bytes,
    /// Its passphrase, once it was typed.
    pub(super) passphrase: Option<SecretBytes>,
}

/// The backup that is looked at, where there is one.
#[derive(Debug, Default)]
pub(in crate::admin) struct Held(Mutex<Option<Waiting>>);

impl Held {
    fn lock(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds one; the id it is found by, which nobody guesses.
    fn hold(&self, bytes: Bytes) -> String {
        let id = format!("{:032x}", rand::random::<u128>());
        *self.lock() = Some(Waiting {
            id: id.clone(),
            bytes,
            passphrase: None,
        });
        id
    }

    /// The one with this id.
    pub(super) fn find(&self, id: &str) -> Option<Waiting> {
        let held = self.lock();
        held.as_ref().filter(|one| one.id == id).cloned()
    }

    /// Keeps the passphrase that opened it.
    pub(super) fn opened(&self, id: &str, passphrase: SecretBytes) {
        if let Some(one) = self.lock().as_mut().filter(|one| one.id == id) {
            one.passphrase = Some(passphrase);
        }
    }

    /// Holds it no longer.
    pub(super) fn forget(&self, id: &str) {
        self.lock().take_if(|one| one.id == id);
    }
}

/// Holds one, for as long as somebody may think about it; the id it is found by.
pub(super) fn hold(held: &Data<Held>, bytes: Bytes) -> String {
    let id = held.hold(bytes);
    let (held, one) = (held.clone(), id.clone());
    actix_web::rt::spawn(async move {
        tokio::time::sleep(HELD).await;
        held.forget(&one);
    });
    id
}

#[cfg(test)]
mod tests {
    use actix_web::web::Bytes;

    use super::Held;
    use crate::model::SecretBytes;

    #[test]
    fn one_is_held_until_the_next() {
        let held = Held::default();
        let first = held.hold(Bytes::from_static(b"one"));
        assert_eq!(held.find(&first).unwrap().bytes, "one");
        assert!(held.find("").is_none());
        held.opened(&first, SecretBytes::new(b"a beam that swings"));
        assert!(held.find(&first).unwrap().passphrase.is_some());
        let next = held.hold(Bytes::from_static(b"two"));
        assert!(held.find(&first).is_none());
        held.opened(&first, SecretBytes::new(b"a beam that swings"));
        assert!(held.find(&next).unwrap().passphrase.is_none());
        held.forget(&first);
        assert!(held.find(&next).is_some());
        held.forget(&next);
        assert!(held.find(&next).is_none());
    }
}
