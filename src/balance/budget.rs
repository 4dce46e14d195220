//! The retry budget: retries may not become the load that breaks a pool.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// One bucket a second: the window slides by these.
const BUCKETS: usize = 10;

/// Retries are at most one in so many requests of the window (20 %).
const REQUESTS_PER_RETRY: u64 = 5;

/// Always allowed per window, 3 a second: a quiet pool must be able to fail over.
const ALWAYS: u64 = 30;

/// Counts requests and retries of one pool over the last ten seconds.
#[derive(Debug)]
pub(super) struct Budget {
    born: Instant,
    buckets: Mutex<[Bucket; BUCKETS]>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    second: u64,
    requests: u64,
    retries: u64,
}

impl Budget {
    pub(super) fn new(born: Instant) -> Self {
        Self {
            born,
            buckets: Mutex::new([Bucket::default(); BUCKETS]),
        }
    }

    /// Counts one request, whatever number of tries it will take.
    pub(super) fn count_request(&self, now: Instant) {
        let second = self.second(now);
        current(&mut self.lock(), second).requests += 1;
    }

    /// Whether one more retry is allowed; counts it if so.
    pub(super) fn may_retry(&self, now: Instant) -> bool {
        let second = self.second(now);
        let mut buckets = self.lock();
        let window = buckets.iter().filter(|bucket| bucket.second + 10 > second);
        let (requests, retries) = window.fold((0, 0), |(requests, retries), bucket| {
            (requests + bucket.requests, retries + bucket.retries)
        });
        let allowed = retries < ALWAYS.max(requests / REQUESTS_PER_RETRY);
        if allowed {
            current(&mut buckets, second).retries += 1;
        }
        allowed
    }

    fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.born).as_secs()
    }

    // Counters cannot be left half written, so a poisoned lock is as good.
    fn lock(&self) -> MutexGuard<'_, [Bucket; BUCKETS]> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// The bucket of this second, emptied if it was last used ten seconds ago.
fn current(buckets: &mut [Bucket; BUCKETS], second: u64) -> &mut Bucket {
    let place = usize::try_from(second % 10).unwrap_or(0);
    let bucket = &mut buckets[place];
    if bucket.second != second {
        *bucket = Bucket {
            second,
            ..Bucket::default()
        };
    }
    bucket
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::proptest;
    use proptest::{collection, prop_assert_eq};
    use tokio::time::Instant;

    use super::Budget;

    #[test]
    fn a_quiet_pool_may_retry_thirty_times_in_ten_seconds() {
        let born = Instant::now();
        let budget = Budget::new(born);
        let allowed = (0..100).filter(|_| budget.may_retry(born)).count();
        assert_eq!(allowed, 30);
        assert!(!budget.may_retry(born + Duration::from_secs(9)));
        assert!(budget.may_retry(born + Duration::from_secs(10)));
    }

    #[test]
    fn a_busy_pool_may_retry_one_request_in_five() {
        let born = Instant::now();
        let budget = Budget::new(born);
        for _ in 0..1000 {
            budget.count_request(born);
        }
        let allowed = (0..1000).filter(|_| budget.may_retry(born)).count();
        assert_eq!(allowed, 200);
    }

    proptest! {
        #[test]
        fn the_window_agrees_with_a_list_of_everything(
            steps in collection::vec((0u64..1500, 0u16..40, 0u16..40), 1..40),
        ) {
            let born = Instant::now();
            let budget = Budget::new(born);
            let (mut requests, mut retries) = (Vec::new(), Vec::new());
            let mut millis = 0;
            for (wait, asked, wanted) in steps {
                millis += wait;
                let now = born + Duration::from_millis(millis);
                let second = millis / 1000;
                for _ in 0..asked {
                    budget.count_request(now);
                    requests.push(second);
                }
                for _ in 0..wanted {
                    let recent = |list: &[u64]| list.iter().filter(|s| **s + 10 > second).count();
                    let allowed = recent(&retries) < 30.max(recent(&requests) / 5);
                    prop_assert_eq!(budget.may_retry(now), allowed);
                    if allowed {
                        retries.push(second);
                    }
                }
            }
        }
    }
}
