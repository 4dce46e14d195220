//! Taking out what is over although nobody asks for it any more.

use std::sync::Arc;
use std::time::Duration;

use super::{Memory, STRETCH};
use crate::session::Clock;

/// Between two stretches of work. A session that ended holds its memory for about a minute at most.
const PAUSE: Duration = Duration::from_millis(100);

/// Shards looked at after each pause: all 1,024 within 52 s.
const AT_ONCE: usize = 2;

/// Looks at all entries about once a minute, for as long as it is polled. Others of the thread get their turn after
/// every 512 entries.
pub async fn sweep(memory: Arc<Memory>, clock: Clock) {
    let mut number = 0;
    loop {
        tokio::time::sleep(PAUSE).await;
        for _ in 0..AT_ONCE {
            let mut from = Some(0);
            while let Some(hash) = from {
                from = memory.sweep_some(number, hash, clock.now());
                tokio::task::yield_now().await;
            }
            number = (number + 1) % memory.shards.len();
        }
    }
}

impl Memory {
    fn sweep_some(&self, number: usize, from: u32, now: u64) -> Option<u32> {
        let (next, bytes) = self.lock_numbered(number).take_over(from, STRETCH, now);
        self.count(bytes);
        next
    }
}
