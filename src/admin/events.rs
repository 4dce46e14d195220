//! Events in the reader's language, of their facts.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::changes;
use super::links;
use super::page::Shell;
use super::texts::{Texts, problems};
use crate::control::Changes;
use crate::logs::Noted;
use crate::model::Language;

/// An event as a page shows it.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// When, as this machine's clock shows it: the hour, with the day where that is another.
    pub(super) time: String,
    /// The same in UTC.
    pub(super) utc: String,
    /// What happened.
    pub(super) words: String,
    /// Why, or who did it.
    pub(super) detail: String,
    /// The colour and the shape of its mark; empty is none.
    pub(super) mark: (&'static str, &'static str),
    /// What can be done about it: words, and where that leads.
    pub(super) link: Option<(String, String)>,
}

impl Told {
    /// Tells `event`.
    pub(super) fn of(shell: &Shell, event: &Noted) -> Self {
        let t = shell.t;
        let pool = event.pool.as_deref().unwrap_or_default();
        let node = event.node.as_deref().unwrap_or_default();
        let to_node = || (t.open_one(node), links::node(pool, node));
        let (words, detail, mark, link) = match event.kind.as_str() {
            "node_up" => (
                t.e_up(node),
                check(t, event),
                ("up", "s-up"),
                Some(to_node()),
            ),
            "node_down" => (
                t.e_down(node),
                check(t, event),
                ("down", "s-down"),
                Some(to_node()),
            ),
            "fail_open" => (
                t.e_open(pool),
                t.why_all_tried().into(),
                ("down", "s-down"),
                None,
            ),
            "fail_open_end" => (t.e_open_end(pool), String::new(), ("up", "s-up"), None),
            "change" => (
                change(t, event),
                author(t, event),
                NONE,
                to_history(t, event),
            ),
            "sessions_ended" => (sessions_ended(t, event), author(t, event), NONE, None),
            "certificate" => (
                certificate(t, event),
                String::new(),
                match event.facts["step"].as_i64() {
                    Some(1..) => ("warn", "s-half"),
                    _ => ("down", "s-down"),
                },
                Some((t.certificates().to_owned(), links::plain("/certificates"))),
            ),
            "backup" => (
                t.why_no_backup().to_owned(),
                event.facts["why"].as_str().unwrap_or_default().to_owned(),
                ("warn", "s-half"),
                None,
            ),
            "start" => (
                t.e_start().to_owned(),
                t.revision(event.revision),
                NONE,
                None,
            ),
            "stop" => (
                t.e_stop().to_owned(),
                t.revision(event.revision),
                NONE,
                None,
            ),
            // Of a later version: what it said of it then.
            _ => (event.words.clone(), String::new(), NONE, None),
        };
        let seconds = i64::try_from(event.time / 1_000_000).unwrap_or(0);
        Self {
            time: hour(shell, UNIX_EPOCH + Duration::from_micros(event.time)),
            utc: shell.utc(seconds),
            words,
            detail,
            mark,
            link: link.filter(|(_, href)| !href.is_empty()),
        }
    }
}

const NONE: (&str, &str) = ("", "");

/// The time of day, with the day where that is another.
pub(super) fn hour(shell: &Shell, time: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(time).unwrap_or_default();
    let local = |seconds| shell.local(seconds);
    let now = local(jiff::Timestamp::now().as_second());
    let time = local(time.as_second());
    let (day, hour) = time.split_once(' ').unwrap_or((&time, ""));
    let hour = hour.get(..5).unwrap_or(hour);
    match now.starts_with(day) {
        true => hour.to_owned(),
        false => format!("{} {hour}", day.get(5..).unwrap_or(day)),
    }
}

/// What the check said then, in the reader's language where it was kept in that.
fn check(t: Texts, event: &Noted) -> String {
    let kept = event.facts["check"][t.0.as_str()].as_str();
    let (_, words) = event.words.split_once(": ").unwrap_or_default();
    kept.unwrap_or(words).to_owned()
}

/// What was changed.
fn change(t: Texts, event: &Noted) -> String {
    match Changes::of_facts(&event.facts) {
        Some(changes) => changes::sentence(t, &changes),
        None => t.e_change(event.revision),
    }
}

/// What is with a certificate.
fn certificate(t: Texts, event: &Noted) -> String {
    let facts = &event.facts;
    let name = facts["certificate"].as_str().unwrap_or_default();
    match (facts["step"].as_i64(), facts["not_after"].as_i64()) {
        (Some(0), _) => t.e_certificate_expired(name),
        (Some(_), Some(until)) => {
            let then = i64::try_from(event.time / 1_000_000).unwrap_or(0);
            t.e_certificate_ends(name, (until - then).max(0) / 86_400)
        }
        _ => {
            let why = facts["trouble"].as_str().unwrap_or_default();
            t.e_certificate_trouble(name, told(t, why))
        }
    }
}

/// What is said of a certificate, in the reader's language.
pub(super) fn told(t: Texts, words: &str) -> String {
    match t.0 {
        Language::English => words.to_owned(),
        Language::Chinese => problems::chinese(words).unwrap_or_else(|| words.to_owned()),
    }
}

/// How many were signed out, and where.
fn sessions_ended(t: Texts, event: &Noted) -> String {
    let facts = &event.facts;
    match (facts["name"].as_str(), facts["keys"].as_u64()) {
        (Some(name), Some(keys)) => t.e_sessions_ended(keys, name),
        (None, Some(keys)) => t.e_sessions_ended(keys, &facts["database"]),
        _ => event.words.clone(),
    }
}

/// Who did it, and from where.
fn author(t: Texts, event: &Noted) -> String {
    let author = event.author.as_deref().unwrap_or_default();
    if let Some((who, address)) = author.rsplit_once(" from ") {
        return t.e_by(who, address);
    }
    match author.split_once(" by control.sock") {
        Some((who, _)) => t.e_by_box(who),
        None => author.to_owned(),
    }
}

fn to_history(t: Texts, event: &Noted) -> Option<(String, String)> {
    Some((t.revision(event.revision), links::plain("/history")))
}
