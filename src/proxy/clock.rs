//! The time, as one worker sees it.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// The time, read at most once while an exchange runs: what it does between two waits takes
/// microseconds, and asks for the time a dozen times.
#[derive(Debug, Default)]
pub(super) struct Clock {
    now: Cell<Option<Instant>>,
    wall: Cell<Option<Wall>>,
}

/// The time of day, and until when it is good enough.
#[derive(Debug, Clone, Copy)]
struct Wall {
    time: SystemTime,
    until: Instant,
}

/// Dates are told in milliseconds at most, so the time of day is read no more often. Whoever
/// sets it back is seen as soon.
const DAY_TICK: Duration = Duration::from_millis(1);

impl Clock {
    /// When what runs now first asked for the time since its last wait.
    pub(super) fn now(&self) -> Instant {
        self.now.get().unwrap_or_else(|| self.read())
    }

    /// The time at this moment.
    pub(super) fn read(&self) -> Instant {
        let now = Instant::now();
        self.now.set(Some(now));
        now
    }

    /// The time of day, a millisecond old at most.
    pub(super) fn time_of_day(&self) -> SystemTime {
        let now = self.now();
        match self.wall.get() {
            Some(wall) if now < wall.until => wall.time,
            _ => {
                let time = SystemTime::now();
                let until = now + DAY_TICK;
                self.wall.set(Some(Wall { time, until }));
                time
            }
        }
    }

    /// Runs `task`, which finds another time after each wait.
    pub(super) async fn run<T>(&self, mut task: impl Future<Output = T> + Unpin) -> T {
        poll_fn(|cx| {
            self.now.set(None);
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

    #[tokio::test(start_paused = true)]
    async fn the_time_of_day_is_read_anew_after_a_millisecond() {
        let clock = Clock::default();
        let task = async {
            let first = clock.time_of_day();
            tokio::time::advance(Duration::from_micros(999)).await;
            assert_eq!(clock.time_of_day(), first);
            tokio::time::advance(Duration::from_micros(1)).await;
            // The clock of the machine goes on, however coarse it is.
            while clock.time_of_day() == first {
                tokio::time::advance(Duration::from_millis(1)).await;
            }
        };
        clock.run(Box::pin(task)).await;
    }
}
