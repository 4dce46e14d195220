//! Bringing the messages of one webhook, one after another, each tried again for a while.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Message;
use super::post::post;
use super::queue::Queue;
use super::sign::{Signing, hmac};
use crate::metrics::Delivery;
use crate::model::{Name, WebhookUrl};

/// How long after each failed try the next follows: seven tries within a minute, and, where
/// each runs into its time, within two. A receiver that restarts is back by then; one that is
/// away for longer must not hold up newer messages.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
    Duration::from_secs(32),
];

/// Who gets messages, and how they are signed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Recipient {
    pub(super) name: Name,
    pub(super) url: WebhookUrl,
    pub(super) signing: Signing,
}

/// How one try ended.
#[derive(Debug, PartialEq, Eq)]
enum Tried {
    Taken,
    // It may go better another time.
    Again(String),
    Refused(String),
}

/// Brings what `queue` holds, until dropped.
pub(super) async fn deliver(recipient: Arc<Recipient>, queue: Arc<Queue>) {
    loop {
        let message = queue.first().await;
        let delivery = bring(&recipient, &message).await;
        queue.done(delivery);
    }
}

async fn bring(recipient: &Recipient, message: &Message) -> Delivery {
    let (name, event) = (&recipient.name, message.event.as_str());
    let host = &recipient.url.host;
    let mut pauses = PAUSES.iter();
    loop {
        let tried = send(recipient, message).await;
        let first = pauses.len() == PAUSES.len();
        match (tried, pauses.next()) {
            (Tried::Taken, _) => {
                if !first {
                    tracing::info!("webhook {name}: {host} has taken {event} now");
                }
                return Delivery::Delivered;
            }
            (Tried::Again(why), Some(pause)) => {
                // Once for all tries of a message.
                if first {
                    tracing::warn!("webhook {name}: {event} not delivered yet: {why}");
                }
                sleep(*pause).await;
            }
            (Tried::Again(why) | Tried::Refused(why), _) => {
                tracing::warn!("webhook {name}: {event} not delivered, given up: {why}");
                return Delivery::Failed;
            }
        }
    }
}

async fn send(recipient: &Recipient, message: &Message) -> Tried {
    let signature = match &recipient.signing {
        Signing::Unsigned => None,
        Signing::With(secret) => Some(hmac(secret, &message.body)),
        Signing::Missing => return Tried::Again("its secret is missing".to_owned()),
    };
    let request = request(&recipient.url, message, signature.as_deref());
    match post(&recipient.url, &request).await {
        Ok(status) => judge(status),
        Err(why) => Tried::Again(why),
    }
}

fn judge(status: u16) -> Tried {
    match status {
        200..=299 => Tried::Taken,
        300..=399 => Tried::Refused(format!(
            "it answered {status}, and no redirect is followed: give the URL it leads to"
        )),
        429 | 500..=599 => Tried::Again(format!("it answered {status}")),
        _ => Tried::Refused(format!("it answered {status}")),
    }
}

fn request(url: &WebhookUrl, message: &Message, signature: Option<&str>) -> Vec<u8> {
    let mut text = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: steelyard/{}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\
         X-Steelyard-Event: {}\r\nX-Steelyard-Delivery: {}\r\n",
        url.target,
        url.authority(),
        env!("CARGO_PKG_VERSION"),
        message.body.len(),
        message.event.as_str(),
        message.id,
    );
    if let Some(signature) = signature {
        text.extend(["X-Steelyard-Signature: ", signature, "\r\n"]);
    }
    text.push_str("Connection: close\r\n\r\n");
    let mut request = text.into_bytes();
    request.extend_from_slice(&message.body);
    request
}

#[cfg(test)]
mod tests {
    use super::{Tried, judge};

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(judge(status), Tried::Taken, "{status}");
        }
        for status in [429, 500, 502, 503, 504, 599] {
            assert!(matches!(judge(status), Tried::Again(_)), "{status}");
        }
        for status in [101, 301, 302, 304, 308, 400, 401, 403, 404, 410, 422] {
            assert!(matches!(judge(status), Tried::Refused(_)), "{status}");
        }
    }
}
