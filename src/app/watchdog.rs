//! The watchdog: systemd is told that all is alive only while every data worker and every worker of
//! the session store comes round, and this thread, which applies changes and checks nodes, does. Otherwise it ends the process after
//! `WatchdogSec=` and starts it anew, with the same sockets.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::listener::{DataPlane, SessionPort};
use crate::systemd::Systemd;

/// Words a period, so that one that is late does no harm.
const PART: u32 = 3;
/// Never more often than workers tick, or a sound one would seem stuck.
const LEAST: Duration = Duration::from_millis(500);

/// Tells `systemd` that all is alive as long as it is. Ends at once where nobody wants to hear.
pub(super) async fn keep(systemd: Systemd, data_plane: DataPlane, sessions: SessionPort) {
    let Some(period) = systemd.watchdog() else {
        return;
    };
    let mut turns = interval((period / PART).max(LEAST));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first turn is now, and nobody has moved since.
    turns.tick().await;
    let mut before = (data_plane.beats(), sessions.beats());
    let mut told = false;
    loop {
        turns.tick().await;
        let now = (data_plane.beats(), sessions.beats());
        let name = |what, index| format!("{what}-{index}");
        let data = stuck(&before.0, &now.0).map(|index| name("worker", index));
        match data.or_else(|| Some(name("sessions", stuck(&before.1, &now.1)?))) {
            None => {
                systemd.alive();
                told = false;
            }
            Some(name) if !told => {
                tracing::error!("{name} is stuck: the watchdog is not told that all is alive");
                told = true;
            }
            Some(_) => {}
        }
        before = now;
    }
}

/// The first worker that has not moved.
fn stuck(before: &[u64], now: &[u64]) -> Option<usize> {
    before
        .iter()
        .zip(now)
        .position(|(before, now)| before == now)
}

#[cfg(test)]
mod tests {
    use super::stuck;

    #[test]
    fn each_worker_has_to_move() {
        assert_eq!(stuck(&[1, 9], &[2, 10]), None);
        assert_eq!(stuck(&[1, 9], &[2, 9]), Some(1));
        assert_eq!(stuck(&[1, 9], &[1, 10]), Some(0));
    }
}
