//! The queue of a webhook that takes nothing.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::queue::LENGTH;
use super::{Message, News, Origin, Outbox};
use crate::metrics::{Delivery, Metrics};
use crate::model::{Name, Secrets, Webhook, WebhookEvent, WebhookUrl};

fn webhook(listener: &TcpListener) -> Webhook {
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let url = WebhookUrl::parse(&url).unwrap();
    Webhook::new(Name::parse("ops").unwrap(), url)
}

fn message(revision: u64) -> Arc<Message> {
    let news = News::FailOpen {
        pool: "django",
        begins: true,
    };
    let origin = Origin {
        host: "lb-1".to_owned(),
        revision,
        at: SystemTime::UNIX_EPOCH,
    };
    Arc::new(Message::new(&news, &origin))
}

#[tokio::test(start_paused = true)]
async fn of_too_many_messages_the_oldest_are_dropped_and_counted() {
    // Its connections are never accepted: the first message stays under way.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let (outbox, metrics) = (Outbox::default(), Metrics::new());
    let mut hook = webhook(&deaf);
    outbox.follow(&[hook.clone()], &Secrets::default(), &metrics);
    let dropped = || metrics.deliveries("ops").read(Delivery::Dropped);
    for revision in 1..=300 {
        outbox.send(&message(revision));
    }
    let over = 300 - u64::try_from(LENGTH).unwrap();
    assert_eq!(dropped(), over);
    let waiting = |outbox: &Outbox| {
        let bodies = outbox.lock()[0].queue.bodies();
        let read = |body: &Vec<u8>| serde_json::from_slice::<Value>(body).unwrap();
        let revisions = bodies.iter().map(|body| read(body)["revision"].as_u64());
        revisions.map(Option::unwrap).collect::<Vec<u64>>()
    };
    let kept: Vec<u64> = std::iter::once(1).chain(over + 2..=300).collect();
    assert_eq!(waiting(&outbox), kept);
    // The same hook, told of less: what waits goes on waiting.
    hook.events = vec![WebhookEvent::Change];
    outbox.follow(&[hook.clone()], &Secrets::default(), &metrics);
    assert_eq!(waiting(&outbox), kept);
    outbox.send(&message(301));
    assert_eq!(waiting(&outbox), kept);
    assert!(!outbox.wants(WebhookEvent::FailOpen));
    // One that is gone takes what waits along.
    outbox.follow(&[], &Secrets::default(), &metrics);
    assert_eq!(dropped(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_a_moment_and_drops_the_rest() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let (outbox, metrics) = (Outbox::default(), Metrics::new());
    outbox.follow(&[webhook(&deaf)], &Secrets::default(), &metrics);
    let deliveries = metrics.deliveries("ops");
    outbox.send(&message(1));
    outbox.send(&message(2));
    outbox.stop().await;
    assert_eq!(deliveries.read(Delivery::Dropped), 2);
    outbox.send(&message(3));
    assert_eq!(deliveries.read(Delivery::Dropped), 2);
}
