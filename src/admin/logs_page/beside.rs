//! What stands beside the list: filters in force, quick choices of time, and what the operator has to
//! know of the store.

use super::asked::Search;
use super::shown;
use crate::admin::texts::Texts;
use crate::logs::{Ailment, Page as Found, Records};
use crate::model::LogStore;

/// A filter in force: its name, what it says, the search without it.
pub(super) struct Chip {
    pub(super) name: &'static str,
    pub(super) words: String,
    pub(super) link: String,
}

/// What the operator has to know of the store.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) words: String,
    pub(super) is_bad: bool,
}

/// The words for a field.
pub(super) fn label(t: Texts, field: &str) -> &'static str {
    match field {
        "from" => t.log_f_from(),
        "to" => t.log_f_to(),
        "path" => t.log_f_path(),
        "status" => t.log_f_status(),
        "site" => t.log_f_site(),
        "node" => t.log_f_node(),
        "method" => t.log_f_method(),
        "client" => t.log_f_client(),
        "slower_than" => t.log_f_slower(),
        "request_id" => t.log_f_request_id(),
        _ => t.log_f_reason(),
    }
}

/// The filters in force.
pub(super) fn chips(search: &Search, t: Texts) -> Vec<Chip> {
    let mut chips = Vec::new();
    if search.is_dated() {
        let at = |time: Option<u64>| time.map(shown::moment);
        let to = search.filter.to.map(|to| to + 1);
        let words = match (at(search.filter.from), at(to)) {
            (Some(from), Some(to)) => t.log_between(from, to),
            (Some(from), None) => t.log_since_time(from),
            (None, Some(to)) => t.log_until_time(to),
            (None, None) => String::new(),
        };
        if !words.is_empty() {
            chips.push(Chip {
                name: t.log_f_time(),
                words,
                link: search.at("", ""),
            });
        }
    }
    for (field, value) in search.traits() {
        chips.push(Chip {
            name: label(t, field),
            words: match field {
                "reason" => shown::reason(t, value),
                _ => shown::short(value),
            },
            link: search.without(field),
        });
    }
    chips
}

/// The quick choices of time.
pub(super) fn ranges(search: &Search, t: Texts) -> Vec<(&'static str, String, bool)> {
    let all = [
        ("15m", t.log_last_15m()),
        ("1h", t.log_last_1h()),
        ("24h", t.log_last_24h()),
        ("7d", t.log_last_7d()),
        ("all", t.log_all_time()),
    ];
    let choice = |(range, words)| (words, search.at(range, ""), search.range() == range);
    all.map(choice).into()
}

/// What is not as it should be with the store, the worst first.
pub(super) fn notes(
    t: Texts,
    records: &Records,
    found: &Found,
    store: &LogStore,
    is_gone: bool,
) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |is_bad, words: String| notes.push(Note { words, is_bad });
    if is_gone {
        note(true, t.log_record_gone().to_owned());
    }
    match records.ailment() {
        Some(Ailment::Full) => note(true, t.log_store_full().to_owned()),
        Some(Ailment::ReadOnly) => note(true, t.log_store_read_only().to_owned()),
        Some(Ailment::Other(why)) => {
            note(
                true,
                format!("{} ({})", t.log_store_ails(), shown::text(&why)),
            );
        }
        None => {}
    }
    match records.lost() {
        0 => {}
        lost => note(true, t.log_lost_records(shown::count(lost))),
    }
    if !found.unreadable.is_empty() {
        note(true, t.log_unreadable_files(found.unreadable.len()));
    }
    if !store.on {
        note(
            false,
            format!("{} {}", t.log_store_off(), t.log_store_off_do()),
        );
    }
    notes
}

/// How much is kept, and for how long.
pub(super) fn kept(t: Texts, store: &LogStore, used: u64) -> String {
    let hours = store.max_age.as_secs() / 3600;
    let time = match hours {
        48.. => t.log_days(hours / 24),
        _ => t.log_hours(hours),
    };
    t.log_kept_for(time, shown::bytes(store.max_size), shown::bytes(used))
}
