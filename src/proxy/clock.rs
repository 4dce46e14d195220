//! The time, as one worker sees it.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;

use tokio::time::Instant;

/// The time, read at most once while an exchange runs: what it does between two waits takes
/// microseconds, and asks for the time a dozen times.
#[derive(Debug, Default)]
pub(super) struct Clock(Cell<Option<Instant>>);

impl Clock {
    /// When what runs now first asked for the time since its last wait.
    pub(super) fn now(&self) -> Instant {
        self.0.get().unwrap_or_else(|| self.read())
    }

    /// The time at this moment.
    pub(super) fn read(&self) -> Instant {
        let now = Instant::now();
        self.0.set(Some(now));
        now
    }

    /// Runs `task`, which finds another time after each wait.
    pub(super) async fn run<T>(&self, mut task: impl Future<Output = T> + Unpin) -> T {
        poll_fn(|cx| {
            self.0.set(None);
            Pin::new(&mut task).poll(cx)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::Clock;

    #[tokio::test(start_paused = true)]
    async fn time_stands_between_two_waits_and_goes_on_in_them() {
        let clock = Clock::default();
        let task = async {
            let began = clock.now();
            tokio::time::advance(Duration::ZERO).await;
            assert_eq!(clock.now(), clock.now());
            sleep(Duration::from_secs(5)).await;
            assert_eq!(clock.now() - began, Duration::from_secs(5));
            assert_eq!(clock.read(), clock.now());
        };
        clock.run(Box::pin(task)).await;
    }
}
