//! What waits for one webhook: short, in order, and handed over without waiting.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Message;
use crate::metrics::{Deliveries, Delivery};
use crate::model::Name;

/// Limit: messages that wait for one webhook, the one under way included. At most some 4 KiB
/// each, so 1 MiB; and with a receiver that is away each takes a minute, so four hours of them.
pub(super) const LENGTH: usize = 256;

/// The queue of one webhook.
#[derive(Debug)]
pub(super) struct Queue {
    name: Name,
    counters: Arc<Deliveries>,
    waiting: Mutex<Waiting>,
    // Told of every message that comes, and of every one that goes.
    came: Notify,
    went: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Arc<Message>>,
    // Since the queue was last empty.
    dropped: u64,
}

impl Queue {
    pub(super) fn new(name: Name, counters: Arc<Deliveries>) -> Self {
        Self {
            name,
            counters,
            waiting: Mutex::default(),
            came: Notify::new(),
            went: Notify::new(),
        }
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    pub(super) fn counters(&self) -> &Deliveries {
        &self.counters
    }

    /// Puts a message behind the others. Where as many wait as may, the oldest goes: of a
    /// long outage the end is worth more than the beginning.
    pub(super) fn push(&self, message: Arc<Message>) {
        let mut waiting = self.lock();
        if waiting.messages.len() == LENGTH {
            // The first is under way.
            waiting.messages.remove(1);
            waiting.dropped += 1;
            self.counters.count(Delivery::Dropped, 1);
            if waiting.dropped == 1 {
                let name = &self.name;
                tracing::warn!(
                    "webhook {name}: {LENGTH} messages wait; the oldest is dropped for each new one"
                );
            }
        }
        waiting.messages.push_back(message);
        drop(waiting);
        self.came.notify_one();
    }

    /// The first message, once there is one. It stays in the queue until it is done with.
    pub(super) async fn first(&self) -> Arc<Message> {
        loop {
            if let Some(message) = self.lock().messages.front() {
                return message.clone();
            }
            self.came.notified().await;
        }
    }

    /// Is done with the first message, and counts what became of it.
    pub(super) fn done(&self, delivery: Delivery) {
        self.counters.count(delivery, 1);
        let mut waiting = self.lock();
        waiting.messages.pop_front();
        if waiting.messages.is_empty() {
            let dropped = std::mem::take(&mut waiting.dropped);
            if dropped > 0 {
                let name = &self.name;
                tracing::info!("webhook {name}: nothing waits any more; {dropped} were dropped");
            }
            self.went.notify_one();
        }
    }

    /// Returns once nothing waits.
    pub(super) async fn emptied(&self) {
        while !self.lock().messages.is_empty() {
            self.went.notified().await;
        }
    }

    /// Forgets what waits, and answers how much that was.
    pub(super) fn clear(&self) -> u64 {
        let waiting = std::mem::take(&mut self.lock().messages);
        u64::try_from(waiting.len()).unwrap_or(u64::MAX)
    }

    #[cfg(test)]
    pub(super) fn bodies(&self) -> Vec<Vec<u8>> {
        let waiting = self.lock();
        waiting.messages.iter().map(|m| m.body.clone()).collect()
    }

    // No code under the lock panics.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
