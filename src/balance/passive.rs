//! Failures that real requests saw, counted as nginx's `max_fails` and
//! `fail_timeout` do.
//!
//! After `max_fails` failures a node rests for `fail_timeout`; then one request
//! per `fail_timeout` tries it, until one succeeds.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The pool's settings for passive failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    /// Failures that eject a node, at least 1.
    pub(super) max_fails: u16,
    /// How long failures count and an ejected node rests.
    pub(super) fail_timeout: Duration,
}

/// One node's failures.
///
/// Written under the pool's lock only, so that plain stores do; read anywhere.
/// For the moment in which two snapshots serve, two locks may meet here: at
/// worst one failure is counted late.
#[derive(Debug)]
pub(super) struct Passive {
    // Times are nanoseconds since this.
    born: Instant,
    fails: AtomicU32,
    // When the last failure was seen.
    accessed: AtomicU64,
    // When the last failure was seen or the last trial began.
    checked: AtomicU64,
    // The node rests up to and including this time; 0 is not at all.
    rests_until: AtomicU64,
}

impl Passive {
    pub(super) fn new(born: Instant) -> Self {
        Self {
            born,
            fails: AtomicU32::new(0),
            accessed: AtomicU64::new(0),
            checked: AtomicU64::new(0),
            rests_until: AtomicU64::new(0),
        }
    }

    /// Until when the node rests, if it does.
    pub(super) fn ejected_until(&self, now: Instant) -> Option<Instant> {
        let until = self.rests_until.load(Ordering::Relaxed);
        let rests = until > 0 && self.nanos(now) <= until;
        rests.then(|| self.born + Duration::from_nanos(until))
    }

    /// Whether there is any failure to be forgiven.
    pub(super) fn has_failed(&self) -> bool {
        self.fails.load(Ordering::Relaxed) > 0
    }

    /// A request was given to the node: after `fail_timeout` it is the trial,
    /// and the others wait for its outcome.
    pub(super) fn chosen(&self, rules: Rules, now: Instant) {
        let fails = self.fails.load(Ordering::Relaxed);
        let now = self.nanos(now);
        let due = self.checked.load(Ordering::Relaxed) + wide(rules.fail_timeout);
        if fails > 0 && now > due {
            self.checked.store(now, Ordering::Relaxed);
            self.rest_after(fails, rules, now);
        }
    }

    /// A request failed by the node's doing.
    pub(super) fn failed(&self, rules: Rules, now: Instant) {
        let fails = self.fails.load(Ordering::Relaxed).saturating_add(1);
        let now = self.nanos(now);
        self.fails.store(fails, Ordering::Relaxed);
        self.accessed.store(now, Ordering::Relaxed);
        self.checked.store(now, Ordering::Relaxed);
        self.rest_after(fails, rules, now);
    }

    /// A request succeeded. It forgives only if it may have begun after the
    /// last failure's time was over: a request of before proves nothing.
    pub(super) fn succeeded(&self) {
        if self.accessed.load(Ordering::Relaxed) < self.checked.load(Ordering::Relaxed) {
            self.forgive();
        }
    }

    /// The node is another than the one that failed: it was down since, and has come back.
    pub(super) fn forgive(&self) {
        self.fails.store(0, Ordering::Relaxed);
        self.rests_until.store(0, Ordering::Relaxed);
    }

    fn rest_after(&self, fails: u32, rules: Rules, now: u64) {
        if fails >= u32::from(rules.max_fails) {
            let until = now.saturating_add(wide(rules.fail_timeout));
            self.rests_until.store(until, Ordering::Relaxed);
        }
    }

    // A time before the node was known is its first moment.
    fn nanos(&self, at: Instant) -> u64 {
        wide(at.saturating_duration_since(self.born))
    }
}

// Limit: nanoseconds in 64 bits are 584 years.
fn wide(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::proptest;
    use proptest::{collection, prop_assert_eq};
    use tokio::time::Instant;

    use super::{Passive, Rules};

    // nginx's fields and lines, one for one.
    #[derive(Default)]
    struct Peer {
        fails: u32,
        accessed: u64,
        checked: u64,
    }

    impl Peer {
        fn rests(&self, max_fails: u32, fail_timeout: u64, now: u64) -> bool {
            self.fails >= max_fails && now - self.checked <= fail_timeout
        }
    }

    proptest! {
        #[test]
        fn ejection_agrees_with_nginx_s_three_fields(
            max_fails in 1u16..4,
            fail_timeout in 0u64..6,
            steps in collection::vec((1u64..5, 0u8..3), 1..80),
        ) {
            let born = Instant::now();
            let passive = Passive::new(born);
            let rules = Rules { max_fails, fail_timeout: Duration::from_secs(fail_timeout) };
            let mut peer = Peer::default();
            let mut now = 0;
            for (wait, step) in steps {
                now += wait;
                let at = born + Duration::from_secs(now);
                let rests = peer.rests(max_fails.into(), fail_timeout, now);
                prop_assert_eq!(passive.ejected_until(at).is_some(), rests);
                match step {
                    0 if !rests => {
                        passive.chosen(rules, at);
                        if now - peer.checked > fail_timeout {
                            peer.checked = now;
                        }
                    }
                    1 => {
                        passive.failed(rules, at);
                        peer.fails += 1;
                        (peer.accessed, peer.checked) = (now, now);
                    }
                    2 => {
                        passive.succeeded();
                        if peer.accessed < peer.checked {
                            peer.fails = 0;
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}
