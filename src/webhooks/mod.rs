//! Telling URLs of what happens here: one JSON message a time, in order, tried again.
//!
//! Handing over a message never waits. Each webhook has a short queue and one task, on the
//! control thread; names are looked up and certificates read on its blocking pool. What is
//! sent is in `docs/WEBHOOKS.md`.

mod deliver;
mod message;
mod post;
mod queue;
mod sign;
#[cfg(test)]
mod tests;
mod tls;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::timeout;

pub use message::{Message, News, Origin};

use crate::metrics::{Delivery, Metrics};
use crate::model::{Secrets, Webhook, WebhookEvent};
use deliver::Recipient;
use queue::Queue;
use sign::Signing;

/// How long a stop waits for what is under way. A supervisor that waits for the end of this
/// program is not kept long, and whoever answers at all answers within this.
const LAST_MOMENT: Duration = Duration::from_secs(2);

/// Every webhook in force, and what waits for it.
#[derive(Debug, Default)]
pub struct Outbox {
    hooks: Mutex<Vec<Hook>>,
}

#[derive(Debug)]
struct Hook {
    recipient: Arc<Recipient>,
    events: Vec<WebhookEvent>,
    queue: Arc<Queue>,
    task: Task,
}

// A running task; dropping it ends it.
#[derive(Debug)]
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Outbox {
    /// Tells exactly these webhooks from now on. What waits for one that was there before
    /// goes on waiting, also when its URL is another now. To be called on the runtime that
    /// shall do it.
    pub fn follow(&self, webhooks: &[Webhook], secrets: &Secrets, metrics: &Metrics) {
        let mut hooks = self.lock();
        let mut before = std::mem::take(&mut *hooks);
        for webhook in webhooks {
            let recipient = Recipient {
                name: webhook.name.clone(),
                url: webhook.url.clone(),
                signing: signing(webhook, secrets),
            };
            let events = webhook.events.clone();
            let known = before
                .iter()
                .position(|hook| hook.recipient.name == webhook.name);
            hooks.push(match known.map(|at| before.swap_remove(at)) {
                Some(hook) if *hook.recipient == recipient => Hook { events, ..hook },
                Some(hook) => Hook::start(recipient, events, hook.queue.clone()),
                None => {
                    let counters = metrics.deliveries(webhook.name.as_str());
                    let queue = Queue::new(webhook.name.clone(), counters);
                    Hook::start(recipient, events, Arc::new(queue))
                }
            });
        }
        for gone in before {
            drop(gone.task);
            gone.queue.give_up("it is no longer configured");
        }
    }

    /// Hands a message to every webhook that wants it. Never waits: where too many wait
    /// already, the oldest is dropped and counted.
    pub fn send(&self, message: &Arc<Message>) {
        for hook in self.lock().iter() {
            if hook.events.contains(&message.event) {
                hook.queue.push(message.clone());
            }
        }
    }

    /// Whether any webhook wants to be told of this.
    pub fn wants(&self, event: WebhookEvent) -> bool {
        self.lock().iter().any(|hook| hook.events.contains(&event))
    }

    /// Gives what waits a last moment, then drops it and says so.
    pub async fn stop(&self) {
        let hooks = std::mem::take(&mut *self.lock());
        let all_empty = async {
            for hook in &hooks {
                hook.queue.emptied().await;
            }
        };
        let _late = timeout(LAST_MOMENT, all_empty).await;
        for hook in hooks {
            drop(hook.task);
            hook.queue.give_up("the program ends");
        }
    }

    // Hooks cannot be left half written.
    fn lock(&self) -> MutexGuard<'_, Vec<Hook>> {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hook {
    fn start(recipient: Recipient, events: Vec<WebhookEvent>, queue: Arc<Queue>) -> Self {
        let recipient = Arc::new(recipient);
        let work = deliver::deliver(recipient.clone(), queue.clone());
        Self {
            recipient,
            events,
            queue,
            task: Task(tokio::spawn(work).abort_handle()),
        }
    }
}

fn signing(webhook: &Webhook, secrets: &Secrets) -> Signing {
    let owner = webhook.secret_owner();
    match (secrets.get(&owner), secrets.why_missing(&owner)) {
        (Some(secret), _) => Signing::With(secret.clone()),
        (None, Some(_)) => Signing::Missing,
        (None, None) => Signing::Unsigned,
    }
}

impl Queue {
    // Drops what still waits.
    fn give_up(&self, why: &str) {
        let dropped = self.clear();
        if dropped > 0 {
            let name = self.name();
            tracing::warn!("webhook {name}: {dropped} waiting messages are dropped: {why}");
            self.counters().count(Delivery::Dropped, dropped);
        }
    }
}
