//! What webhooks are told, and what is noted beside the log: verdicts of the health checks, pools
//! that begin or end to fail open, certificates (`ending`), changes. All of it off the way of requests.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Applied, Control, words};
use crate::balance::Health;
use crate::health::Verdict;
use crate::logs::Event;
use crate::model::{Language, Name, WebhookEvent};
use crate::snapshot::Snapshot;
use crate::webhooks::{Message, News, Origin, Outbox};

/// How often pools are looked at: a node that real requests have ejected is back without any
/// verdict. An operator reads the message seconds later at best.
const LOOK: Duration = Duration::from_secs(1);

/// Who is told, and what was told last.
#[derive(Debug, Default)]
pub(super) struct Notices {
    pub(super) outbox: Outbox,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    // By pool and node. Up is news of these alone: not of a node's first verdict.
    down: HashSet<(Name, Name)>,
    failing_open: HashSet<Name>,
}

/// Something to be noted beside the log.
#[derive(Debug, Default)]
pub(super) struct Happened<'a> {
    pub(super) kind: &'static str,
    pub(super) pool: Option<&'a str>,
    pub(super) node: Option<&'a str>,
    pub(super) author: Option<&'a str>,
    /// None is the one in force.
    pub(super) revision: Option<u64>,
    pub(super) words: String,
    /// What the words in another language are made of.
    pub(super) facts: Value,
}

impl Happened<'_> {
    /// What is about the instance as a whole.
    pub(super) fn new(kind: &'static str, words: &str) -> Self {
        Self {
            kind,
            words: words.to_owned(),
            ..Self::default()
        }
    }
}

impl Notices {
    // Two sets cannot be left half written.
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs until Control is gone.
pub(super) async fn watch(control: Weak<Control>, mut verdicts: UnboundedReceiver<Verdict>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let verdict = tokio::select! {
            // First what happened, then what it came to.
            biased;
            Some(verdict) = verdicts.recv() => Some(verdict),
            _ = looks.tick() => None,
        };
        let Some(control) = control.upgrade() else {
            return;
        };
        let now = control.now.load_full();
        if let Some(verdict) = verdict {
            control.tell_verdict(&now.snapshot, &verdict);
        }
        control.tell_fail_open(&now.snapshot);
        control.recall_certificates().await;
        control.tell_certificates(&now.snapshot);
    }
}

impl Control {
    /// Tells the webhooks of `snapshot` from now on.
    pub(super) fn follow_webhooks(&self, snapshot: &Snapshot) {
        let (webhooks, secrets) = (&snapshot.config.webhooks, &snapshot.secrets);
        let outbox = &self.notices.outbox;
        outbox.follow(webhooks, secrets, &self.parts.metrics);
        let mut told = self.notices.told();
        let pool = |name: &Name| snapshot.pools.iter().find(|p| p.balancer.name() == name);
        told.down.retain(|(name, node)| {
            // Without a check nobody would ever find it up.
            let checked = pool(name).filter(|pool| pool.config.health_check.is_some());
            checked.is_some_and(|p| p.balancer.nodes().iter().any(|n| n.name == *node))
        });
        told.failing_open.retain(|name| pool(name).is_some());
    }

    /// Notes an event in the log store.
    pub(super) fn note_event(&self, happened: Happened<'_>) {
        if let Some(records) = &self.parts.records {
            records.note(Event {
                time: SystemTime::now(),
                kind: happened.kind,
                pool: happened.pool.map(str::to_owned),
                node: happened.node.map(str::to_owned),
                revision: happened
                    .revision
                    .unwrap_or_else(|| self.now.load().snapshot.revision),
                author: happened.author.map(str::to_owned),
                words: happened.words,
                facts: happened.facts,
            });
        }
    }

    /// Tells that a change came in force.
    pub(super) fn tell_change(&self, author: &str, words: &str, applied: &Applied) {
        self.note_event(Happened {
            author: Some(author),
            revision: Some(applied.revision),
            facts: words::facts(&applied.changes),
            ..Happened::new("change", words)
        });
        self.tell(
            WebhookEvent::Change,
            applied.revision,
            &News::Change {
                author,
                words,
                changes: applied.changes.len(),
            },
        );
    }

    fn tell_verdict(&self, snapshot: &Snapshot, verdict: &Verdict) {
        let balancers = snapshot.pools.iter().map(|pool| &pool.balancer);
        let mut nodes = balancers
            .filter(|balancer| *balancer.name() == verdict.pool)
            .flat_map(|balancer| balancer.nodes());
        // A verdict of a node that has gone meanwhile, or is another now, is no news.
        let Some(node) = nodes.find(|node| node.state.id() == verdict.state) else {
            return;
        };
        let key = (verdict.pool.clone(), node.name.clone());
        let mut told = self.notices.told();
        let event = match verdict.health {
            Health::Up if told.down.remove(&key) => WebhookEvent::NodeUp,
            Health::Down if told.down.insert(key) => WebhookEvent::NodeDown,
            Health::Down | Health::Up | Health::Unknown => return,
        };
        drop(told);
        let (kind, word) = match event {
            WebhookEvent::NodeUp => ("node_up", "up"),
            _ => ("node_down", "down"),
        };
        let name = node.name.as_str();
        let check = verdict.check.text(Language::English);
        let texts = Language::ALL.map(|l| (l.as_str().to_owned(), verdict.check.text(l).into()));
        self.note_event(Happened {
            pool: Some(verdict.pool.as_str()),
            node: Some(name),
            facts: json!({ "check": Value::Object(texts.into_iter().collect()) }),
            ..Happened::new(kind, &format!("node {name} is {word}: {check}"))
        });
        self.tell(
            event,
            snapshot.revision,
            &News::Node {
                pool: verdict.pool.as_str(),
                node: node.name.as_str(),
                address: &node.address.to_string(),
                health: verdict.health,
                admin_state: node.admin_state,
                check: &verdict.check,
            },
        );
    }

    fn tell_fail_open(&self, snapshot: &Snapshot) {
        let now = Instant::now();
        for pool in &snapshot.pools {
            let name = pool.balancer.name();
            let begins = pool.balancer.fail_open(now);
            let mut told = self.notices.told();
            let is_news = match begins {
                true => told.failing_open.insert(name.clone()),
                false => told.failing_open.remove(name),
            };
            drop(told);
            if is_news {
                let pool = name.as_str();
                let (kind, words) = match begins {
                    true => ("fail_open", "no enabled node is well: all are tried"),
                    false => ("fail_open_end", "a node is well again"),
                };
                self.note_event(Happened {
                    pool: Some(pool),
                    ..Happened::new(kind, &format!("pool {pool}: {words}"))
                });
                let news = News::FailOpen { pool, begins };
                self.tell(WebhookEvent::FailOpen, snapshot.revision, &news);
            }
        }
    }

    pub(super) fn tell(&self, event: WebhookEvent, revision: u64, news: &News<'_>) {
        if !self.notices.outbox.wants(event) {
            return;
        }
        let host = rustix::system::uname();
        let origin = Origin {
            host: host.nodename().to_string_lossy().into_owned(),
            revision,
            at: SystemTime::now(),
        };
        self.notices
            .outbox
            .send(&Arc::new(Message::new(news, &origin)));
    }
}
