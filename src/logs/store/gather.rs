//! Records are taken in many at a time.
//!
//! A thread that waits for each packet is woken for each: by a call of the kernel in the worker, which on
//! its core it then interrupts. So it rests after each look into the queue, and nobody wakes it but who
//! wants an answer.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// So long it rests: as long as a worker keeps records before it hands them over.
const REST: Duration = Duration::from_millis(100);

/// Between the thread and all who tell it something.
#[derive(Debug, Default)]
pub(super) struct Gather {
    hurry: Mutex<bool>,
    told: Condvar,
}

impl Gather {
    /// Rests until there may be much to do, or somebody is in a hurry.
    pub(super) fn rest(&self) {
        let hurry = self.hurry.lock().unwrap_or_else(PoisonError::into_inner);
        let rested = self.told.wait_timeout_while(hurry, REST, |hurry| !*hurry);
        *rested.unwrap_or_else(PoisonError::into_inner).0 = false;
    }

    /// What has just been sent is not to wait.
    pub(super) fn hurry(&self) {
        *self.hurry.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.told.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::Gather;

    #[test]
    fn who_was_in_a_hurry_before_the_rest_began_is_not_forgotten() {
        let gather = Gather::default();
        for _ in 0..1000 {
            gather.hurry();
            // A rest each time would last a hundred seconds.
            gather.rest();
            assert!(!*gather.hurry.lock().unwrap());
        }
    }
}
