//! What became of the messages to each webhook.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::text::{Kind, Text};

/// What became of a message to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The other side took it.
    Delivered,
    /// It did not, and is not asked again.
    Failed,
    /// It was never asked: too many messages waited, or the program ended.
    Dropped,
}

impl Delivery {
    const ALL: [Self; 3] = [Self::Delivered, Self::Failed, Self::Dropped];

    /// The word in the metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

/// The counters of one webhook.
#[derive(Debug, Default)]
pub struct Deliveries {
    delivered: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl Deliveries {
    /// Counts messages.
    pub fn count(&self, delivery: Delivery, messages: u64) {
        self.counter(delivery)
            .fetch_add(messages, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn read(&self, delivery: Delivery) -> u64 {
        self.counter(delivery).load(Ordering::Relaxed)
    }

    fn counter(&self, delivery: Delivery) -> &AtomicU64 {
        match delivery {
            Delivery::Delivered => &self.delivered,
            Delivery::Failed => &self.failed,
            Delivery::Dropped => &self.dropped,
        }
    }
}

pub(super) fn write(text: &mut Text, webhooks: &BTreeMap<String, Arc<Deliveries>>) {
    let name = "steelyard_webhook_deliveries_total";
    text.family(
        name,
        Kind::Counter,
        "Messages to webhooks, by what became of them.",
    );
    for (webhook, deliveries) in webhooks {
        for delivery in Delivery::ALL {
            let labels = [("webhook", webhook.as_str()), ("result", delivery.as_str())];
            text.sample(name, &labels, deliveries.read(delivery));
        }
    }
}
