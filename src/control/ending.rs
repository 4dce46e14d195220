//! Certificates that near their end, have ended, or cannot be read again: told once each, over
//! restarts too as far as the log store remembers what was told.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tokio::task::spawn_blocking;

use super::Control;
use super::certificates::unix_now;
use super::notices::Happened;
use crate::logs::{MAX_EVENTS_PAGE, Noted};
use crate::model::{Name, WebhookEvent};
use crate::snapshot::Snapshot;
use crate::webhooks::News;

const DAY: i64 = 86_400;

/// At so many days before its end a certificate is told of, and when it has ended.
const STEPS: [i64; 4] = [0, 1, 7, 21];

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Ending(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    /// Whether what was told before the start is in here.
    is_recalled: bool,
    /// Until when each was good, and the least step told of that.
    steps: HashMap<Name, (i64, i64)>,
    troubles: HashMap<Name, String>,
}

impl Ending {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The step that a certificate is at; none while it is good for long. A step of half its life
/// and more is none: who issues for a day would be told every day.
pub(super) fn step((not_before, not_after): (i64, i64), now: i64) -> Option<i64> {
    let life = not_after - not_before;
    let is_reached = |step: &&i64| not_after - now <= *step * DAY;
    let is_told = |step: &&i64| **step * DAY * 2 < life;
    STEPS.iter().filter(is_told).find(is_reached).copied()
}

impl Told {
    /// Takes up what `events` told, the newest first.
    fn recall(&mut self, events: &[Noted]) {
        for event in events.iter().filter(|event| event.kind == "certificate") {
            let facts = &event.facts;
            let name = facts["certificate"].as_str().map(Name::parse);
            let Some(Ok(name)) = name else {
                continue;
            };
            if let (Some(until), Some(step)) = (facts["not_after"].as_i64(), facts["step"].as_i64())
            {
                self.steps.entry(name).or_insert((until, step));
            } else if let Some(trouble) = facts["trouble"].as_str() {
                let trouble = trouble.to_owned();
                self.troubles.entry(name).or_insert(trouble);
            }
        }
    }

    /// Whether a certificate good until then has come to `step` without being told.
    fn is_news(&mut self, name: &Name, until: i64, step: i64) -> bool {
        let told = self.steps.get(name);
        let is_news = told.is_none_or(|(of, least)| *of != until || *least > step);
        if is_news {
            self.steps.insert(name.clone(), (until, step));
        }
        is_news
    }
}

impl Control {
    /// Takes up what was told before the start, once.
    pub(super) async fn recall_certificates(&self) {
        let records = self.parts.records.clone();
        let is_recalled = self.ending.told().is_recalled;
        let Some(records) = records.filter(|_| !is_recalled) else {
            return;
        };
        let read = spawn_blocking(move || records.events(MAX_EVENTS_PAGE, None)).await;
        let mut told = self.ending.told();
        told.recall(&read.ok().and_then(Result::ok).unwrap_or_default());
        told.is_recalled = true;
    }

    /// Tells of each certificate what is news of it.
    pub(super) fn tell_certificates(&self, snapshot: &Snapshot) {
        let now = unix_now();
        for certificate in snapshot.certificates.usable() {
            let until = certificate.not_after;
            let Some(step) = step((certificate.not_before(), until), now) else {
                continue;
            };
            let name = &certificate.name;
            if !self.ending.told().is_news(name, until, step) {
                continue;
            }
            let facts = json!({ "certificate": name.as_str(), "not_after": until, "step": step });
            let days = (until - now).max(0) / DAY;
            let news = News::Ending {
                name: name.as_str(),
                days: (step > 0).then_some(days),
                not_after: until,
            };
            self.tell_certificate(snapshot, (news.words(), facts), &news);
        }
        for certificate in &snapshot.config.certificates {
            let name = &certificate.name;
            let trouble = snapshot.certificates.trouble(name);
            let mut told = self.ending.told();
            let before = told.troubles.get(name).map(String::as_str);
            if before == trouble {
                continue;
            }
            match trouble {
                Some(trouble) => told.troubles.insert(name.clone(), trouble.to_owned()),
                None => told.troubles.remove(name),
            };
            drop(told);
            if let Some(trouble) = trouble {
                let facts = json!({ "certificate": name.as_str(), "trouble": trouble });
                let news = News::NotRenewed {
                    name: name.as_str(),
                    why: trouble,
                };
                self.tell_certificate(snapshot, (news.words(), facts), &news);
            }
        }
    }

    fn tell_certificate(
        &self,
        snapshot: &Snapshot,
        ([words, _], facts): ([String; 2], serde_json::Value),
        news: &News<'_>,
    ) {
        tracing::warn!("{words}");
        self.note_event(Happened {
            facts,
            ..Happened::new("certificate", &words)
        });
        self.tell(WebhookEvent::Certificate, snapshot.revision, news);
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY, Told, step};
    use crate::model::Name;

    #[test]
    fn each_step_is_told_once_and_anew_of_another_certificate() {
        let name = Name::parse("shop").unwrap();
        let mut told = Told::default();
        let until = 90 * DAY;
        let mut news = Vec::new();
        for hour in 0..24 * 95 {
            let now = hour * 3600;
            if let Some(step) = step((0, until), now)
                && told.is_news(&name, until, step)
            {
                news.push((step, (until - now) / DAY));
            }
        }
        assert_eq!(news, [(21, 21), (7, 7), (1, 1), (0, 0)]);
        assert!(!told.is_news(&name, until, 0));
        assert!(told.is_news(&name, 180 * DAY, 21));
        assert!(!told.is_news(&name, 180 * DAY, 21));
    }

    #[test]
    fn what_is_issued_for_days_is_told_of_in_its_last_ones_alone() {
        let of = |life: i64, left: i64| step((0, life * DAY), (life - left) * DAY);
        assert_eq!(of(6, 5), None);
        assert_eq!(of(6, 1), Some(1));
        assert_eq!(of(1, 1), None);
        assert_eq!(of(1, 0), Some(0));
        assert_eq!(of(30, 7), Some(7));
        assert_eq!(of(30, 20), None, "21 days are most of it");
        assert_eq!(of(365, -3), Some(0));
    }
}
