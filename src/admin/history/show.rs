//! A revision as it is shown: who, from where, when, and one sentence.

use std::net::IpAddr;

use super::{Row, may_roll_back, row};
use crate::admin::changes;
use crate::admin::page::Shell;
use crate::admin::texts::Texts;
use crate::control::{Changes, Listed, Origin, Revision};
use crate::model::Role;

/// Limit: rows shown in a list; the page of the revision has all.
const ROWS: usize = 12;

/// The revisions of one day, the newest first.
#[derive(Debug)]
pub(super) struct Day {
    /// Its date.
    pub(super) date: String,
    /// The same in a word, where there is one.
    pub(super) word: &'static str,
    pub(super) revisions: Vec<Shown>,
}

/// A revision.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) number: u64,
    /// One sentence on what it changed.
    pub(super) sentence: String,
    pub(super) who: String,
    /// The way it came; nothing where that is not known.
    pub(super) from: String,
    pub(super) time: i64,
    /// Hours and minutes, or all of it.
    pub(super) clock: String,
    pub(super) rows: Vec<Row>,
    /// How many there are in all.
    pub(super) all: usize,
    pub(super) is_in_force: bool,
    pub(super) may_roll_back: bool,
    pub(super) may_undo: bool,
}

impl Shown {
    pub(super) fn of(shell: &Shell, revision: Revision, changes: Option<Changes>) -> Self {
        let t = shell.t;
        let (who, from) = author(t, &revision.author);
        let is_in_force = revision.number == shell.revision;
        let is_admin = may_roll_back(shell);
        let role = shell.user.as_ref().map(|user| user.role);
        let nodes_alone = changes.as_ref().is_some_and(|c| c.nodes_alone && c.all > 0);
        let has_changes = changes.as_ref().is_some_and(|c| c.all > 0);
        Self {
            sentence: sentence(t, revision.origin, changes.as_ref()),
            rows: changes
                .iter()
                .flat_map(|c| c.first.iter())
                .take(ROWS)
                .map(|c| row(t, c))
                .collect(),
            all: changes.as_ref().map_or(0, |c| c.all),
            may_roll_back: is_admin && !is_in_force,
            may_undo: has_changes && (is_admin || nodes_alone && role >= Some(Role::Operator)),
            number: revision.number,
            clock: shell.local(revision.time),
            time: revision.time,
            is_in_force,
            who,
            from,
        }
    }
}

/// The list by days of this machine's clock.
pub(super) fn days(shell: &Shell, listed: Vec<Listed>) -> Vec<Day> {
    let today = jiff::Timestamp::now().as_second();
    let date = |time: i64| shell.local(time).chars().take(10).collect::<String>();
    let (this, last) = (date(today), date(today - 86_400));
    let mut days: Vec<Day> = Vec::new();
    for Listed { revision, changes } in listed {
        let date = date(revision.time);
        let mut shown = Shown::of(shell, revision, changes);
        shown.clock = shown.clock.chars().skip(11).take(5).collect();
        match days.last_mut() {
            Some(day) if day.date == date => day.revisions.push(shown),
            _ => days.push(Day {
                word: match &date {
                    d if *d == this => shell.t.day_today(),
                    d if *d == last => shell.t.day_yesterday(),
                    _ => "",
                },
                date,
                revisions: vec![shown],
            }),
        }
    }
    days
}

fn sentence(t: Texts, origin: Origin, changes: Option<&Changes>) -> String {
    let changed = match changes {
        Some(changes) => changes::sentence(t, changes),
        None => t.change_not_told().to_owned(),
    };
    match origin {
        Origin::Change => changed,
        Origin::RolledBack(to) => t.rolled_back_to(to, changed),
        Origin::Undone(of) => t.undid_revision(of, changed),
        Origin::Restored => t.revision_restored().to_owned(),
    }
}

/// Who made a revision, and the way they came: of what stands beside it.
fn author(t: Texts, author: &str) -> (String, String) {
    if let Some(who) = author.strip_suffix(" by control.sock") {
        return (who.to_owned(), t.made_by_command().to_owned());
    }
    if let Some(who) = author.strip_suffix(" on a stopped instance") {
        return (who.to_owned(), t.made_by_stopped().to_owned());
    }
    match author.rsplit_once(" from ") {
        Some((who, address)) if address.parse::<IpAddr>().is_ok() => {
            match who.strip_prefix("token ") {
                Some(token) => (token.to_owned(), t.made_by_token(address)),
                None => (who.to_owned(), t.made_by_panel(address)),
            }
        }
        _ => (author.to_owned(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::author;
    use crate::admin::texts::Texts;
    use crate::model::Language::{Chinese, English};

    #[test]
    fn the_author_says_who_and_the_way_they_came() {
        for (text, who, from) in [
            ("Ann Lee from 10.0.0.7", "Ann Lee", "panel, 10.0.0.7"),
            ("token ci from ::1", "ci", "API token, ::1"),
            ("uid 0 by control.sock", "uid 0", "command line"),
            (
                "uid 0 on a stopped instance",
                "uid 0",
                "command line, while stopped",
            ),
            ("alice by steelyard apply", "alice by steelyard apply", ""),
            ("tea from two", "tea from two", ""),
            ("steelyard", "steelyard", ""),
        ] {
            assert_eq!(
                author(Texts(English), text),
                (who.to_owned(), from.to_owned())
            );
        }
        let told = author(Texts(Chinese), "ann from 10.0.0.7");
        assert_eq!(told.1, "面板，10.0.0.7");
    }
}
