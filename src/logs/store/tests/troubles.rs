//! What goes wrong: damaged files, a clock that is set back, too much at once, an end in between.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{AGELESS, BEGIN, SECOND, Store, at, packet};
use crate::logs::Record;
use crate::logs::store::charts::{self, Range, Subject};
use crate::logs::store::events::{self, Event};
use crate::logs::store::filter::Filter;
use crate::logs::store::{MAX_WAITING, Records, start_store};

pub(super) fn files(store: &Store, part: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(store.catalog.folder()).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        let path = path.to_string_lossy();
        // A segment alone, or whatever has this in its name.
        match part {
            ".db" => path.ends_with(part),
            _ => path.contains(part),
        }
    });
    files.sort();
    files
}

/// Some three MiB that no two records share.
pub(super) fn fill(store: &mut Store, begin: u64) {
    for n in 0..1000_u64 {
        let agent = format!("{begin}-{n}-").repeat(300);
        let agent = agent.as_bytes();
        store.take(&[Record {
            user_agent: Some(agent),
            ..at((begin + n) * SECOND)
        }]);
    }
}

#[test]
fn what_was_kept_is_there_after_a_restart_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..3 {
        let mut store = Store::in_folder(dir.path());
        store.take(&[at(n * SECOND)]);
        let found = store.search(&Filter::default()).records.len() as u64;
        assert_eq!(found, n + 1);
        match n {
            0 => store.close(),
            // Killed: nothing is closed in order.
            _ => std::mem::forget(store.keeper.take()),
        }
        assert_eq!(files(&store, ".db-wal").is_empty(), n == 0);
    }
}

#[test]
fn a_damaged_file_is_set_aside_at_the_start_and_the_others_are_searched() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::in_folder(dir.path());
    for n in 0..3 {
        store.take(&[at(n * SECOND)]);
        store.keeper().flush();
        store.keeper().seal();
    }
    store.close();
    let all = files(&store, ".db");
    assert_eq!(all.len(), 3);
    fs::write(&all[1], "this is no database".repeat(1000)).unwrap();
    let mut newest = fs::read(&all[2]).unwrap();
    newest.truncate(5000);
    fs::write(&all[2], newest).unwrap();
    let mut store = Store::in_folder(dir.path());
    let page = store.search(&Filter::default());
    assert_eq!(page.records.len(), 1);
    let aside = files(&store, ".corrupt-");
    assert_eq!(aside.len(), 2 + 2, "{aside:?}: each with its records");
    store.take(&[at(9 * SECOND)]);
    assert_eq!(store.search(&Filter::default()).records.len(), 2);
    assert_eq!(store.lost.load(Ordering::Relaxed), 0);
}

#[test]
fn damage_that_a_search_finds_costs_its_file_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::in_folder(dir.path());
    store.take(&[at(0)]);
    store.keeper().flush();
    store.keeper().seal();
    store.take(&[Record {
        request_id: b"find-me-in-the-bytes",
        ..at(SECOND)
    }]);
    store.keeper().flush();
    store.keeper().seal();
    let path = &files(&store, ".db-data")[1];
    let mut bytes = fs::read(path).unwrap();
    let place = memchr::memmem::find(&bytes, b"find-me-in-the-bytes").unwrap();
    bytes[place] ^= 1;
    fs::write(path, bytes).unwrap();
    let page = store.search(&Filter::default());
    assert_eq!((page.records.len(), page.unreadable), (1, vec![2]));
    store.keeper().examine(2);
    let page = store.search(&Filter::default());
    assert_eq!((page.records.len(), page.unreadable.len()), (1, 0));
    assert_eq!(files(&store, ".corrupt-").len(), 2);
    // What is sound is no victim of a wrong word.
    store.keeper().examine(1);
    assert_eq!(store.search(&Filter::default()).records.len(), 1);
}

#[test]
fn what_a_machine_without_power_had_not_written_is_dropped_and_the_rest_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::in_folder(dir.path());
    for second in 0..3 {
        store.take(&[at(second * SECOND)]);
        store.keeper().flush();
        store.keeper().restart_block();
    }
    std::mem::forget(store.keeper.take());
    let path = &files(&store, ".db-data")[0];
    let bytes = fs::read(path).unwrap();
    let each = bytes.len() / 3;
    // Of the last block half is there; of the second a page is all zeros.
    let mut torn = bytes[..each * 5 / 2].to_vec();
    torn[each..each * 2].fill(0);
    fs::write(path, &torn).unwrap();
    let mut store = Store::in_folder(dir.path());
    assert_eq!(store.search(&Filter::default()).records.len(), 1);
    assert_eq!(fs::read(&files(&store, ".db-data")[0]).unwrap().len(), each);
    store.take(&[at(9 * SECOND)]);
    let page = store.search(&Filter::default());
    assert_eq!((page.records.len(), page.unreadable.len()), (2, 0));
    // Written, and then killed before it was named: as if it had not come.
    std::mem::forget(store.keeper.take());
    let path = &files(&store, ".db-data")[0];
    let whole = fs::read(path).unwrap();
    fs::write(path, [&whole[..], b"half a batch"].concat()).unwrap();
    let mut store = Store::in_folder(dir.path());
    assert_eq!(store.search(&Filter::default()).records.len(), 2);
    assert_eq!(fs::read(&files(&store, ".db-data")[0]).unwrap(), whole);
    // Without its records it is no segment.
    std::mem::forget(store.keeper.take());
    fs::remove_file(&files(&store, ".db-data")[0]).unwrap();
    let mut store = Store::in_folder(dir.path());
    assert_eq!(store.search(&Filter::default()).records.len(), 0);
    store.take(&[at(10 * SECOND)]);
    assert_eq!(store.search(&Filter::default()).records.len(), 1);
}

#[test]
fn records_written_ahead_of_their_row_are_found_with_it_and_cut_off_without() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::in_folder(dir.path());
    let many = |begin: u64| -> Vec<Record<'_>> { (0..700).map(|n| at(begin + n)).collect() };
    let length = |store: &Store| fs::metadata(&files(store, ".db-data")[0]).unwrap().len();
    store.take(&[at(0)]);
    store.keeper().flush();
    let first = length(&store);
    store.take(&many(SECOND));
    let second = length(&store);
    assert!(second > first + (16 << 10), "{first} {second}");
    // Killed before the row: as if they had not come.
    std::mem::forget(store.keeper.take());
    let mut store = Store::in_folder(dir.path());
    assert_eq!(store.all(&Filter::default(), 200).0.len(), 1);
    assert_eq!(length(&store), first);
    // With rows, over several blocks and what comes singly.
    for n in 0..5 {
        store.take(&many((2 + n) * SECOND));
        store.take(&[at((2 + n) * SECOND + 1000)]);
    }
    assert_eq!(store.all(&Filter::default(), 200).0.len(), 1 + 5 * 701);
    let third = length(&store);
    // A row that cannot be written: its records are counted as lost, and cut off.
    let file = &files(&store, ".db")[0];
    let db = rusqlite::Connection::open(file).unwrap();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.take(&many(8 * SECOND));
    assert!(length(&store) > third);
    store.keeper().flush();
    assert_eq!(store.lost.load(Ordering::Relaxed), 700);
    db.execute_batch("ROLLBACK").unwrap();
    drop(db);
    store.keeper().not_before = None;
    store.take(&[at(9 * SECOND)]);
    assert_eq!(store.all(&Filter::default(), 200).0.len(), 2 + 5 * 701);
    assert!(length(&store) < third + 1000);
}

#[test]
fn a_file_of_another_version_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::in_folder(dir.path());
    store.take(&[at(0)]);
    store.close();
    let db = rusqlite::Connection::open(&files(&store, ".db")[0]).unwrap();
    db.pragma_update(None, "user_version", 2).unwrap();
    drop(db);
    let mut store = Store::in_folder(dir.path());
    assert_eq!(store.search(&Filter::default()).records.len(), 0);
    assert_eq!(files(&store, ".corrupt-").len(), 2);
    store.take(&[at(1)]);
    assert_eq!(store.search(&Filter::default()).records.len(), 1);
}

#[test]
fn a_clock_set_back_hides_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::in_folder(dir.path());
    for second in [100, 101, 102, 3, 4, 5, 103] {
        store.take(&[at(second * SECOND)]);
    }
    let within = |from: u64, to: u64| Filter {
        from: Some(BEGIN + from * SECOND),
        to: Some(BEGIN + to * SECOND),
        ..Filter::default()
    };
    assert_eq!(store.search(&within(0, 10)).records.len(), 3);
    assert_eq!(store.search(&within(100, 110)).records.len(), 4);
    assert_eq!(store.search(&Filter::default()).records.len(), 7);
    store.keeper().seal();
    assert_eq!(store.search(&within(4, 101)).records.len(), 4);
}

#[test]
fn a_folder_that_cannot_be_made_costs_records_until_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("store");
    fs::write(&folder, "in the way").unwrap();
    let mut store = Store::in_folder(&folder);
    store.take(&[at(0)]);
    store.take(&[at(1)]);
    assert_eq!(store.search(&Filter::default()).records.len(), 0);
    assert_eq!(store.lost.load(Ordering::Relaxed), 2);
    fs::remove_file(&folder).unwrap();
    store.keeper().not_before = None;
    store.take(&[at(2)]);
    assert_eq!(store.search(&Filter::default()).records.len(), 1);
    assert_eq!(store.lost.load(Ordering::Relaxed), 2);
}

#[test]
fn what_does_not_fit_into_the_queue_is_counted_and_nobody_waits() {
    // Nobody takes anything here: the disk is away.
    let (records, messages) = Records::untended();
    let one = || packet(&vec![at(0); 1000]);
    let length = one().bytes.len();
    let fit = MAX_WAITING / length;
    for _ in 0..fit {
        records.send(one());
    }
    assert_eq!(records.lost(), 0);
    records.send(one());
    records.send(one());
    assert_eq!(records.lost(), 2000);
    records.note(event("start"));
    assert_eq!(messages.try_iter().count(), fit + 1);
}

fn event(kind: &'static str) -> Event {
    Event {
        time: std::time::UNIX_EPOCH + Duration::from_micros(BEGIN),
        kind,
        pool: Some("django".into()),
        node: None,
        revision: 7,
        author: None,
        words: "what happened".into(),
        facts: serde_json::json!({ "why": "known" }),
    }
}

#[test]
fn the_thread_keeps_what_it_was_sent_and_more_is_counted_once_it_has_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = AGELESS;
    let (records, thread) = start_store(dir.path(), wanted, std::sync::Arc::default()).unwrap();
    records.send(packet(&[at(0), at(1)]));
    records.note(event("start"));
    assert_eq!(
        records.search(&Filter::default(), 10, None).records.len(),
        2
    );
    let events = records.events(10, None).unwrap();
    assert_eq!((events.len(), events[0].kind.as_str()), (1, "start"));
    let other = records.clone();
    records.stop();
    thread.join().unwrap();
    other.send(packet(&[at(2)]));
    assert_eq!(other.lost(), 1);
    assert_eq!(other.search(&Filter::default(), 10, None).records.len(), 2);
}

#[test]
fn minutes_add_up_over_restarts_and_the_clock_and_a_damaged_file_costs_only_them() {
    let dir = tempfile::tempdir().unwrap();
    let now = BEGIN + 30 * SECOND;
    for start in 0..3 {
        let mut store = Store::in_folder(dir.path());
        let slow = Duration::from_millis(900);
        store.take(&[
            at(0),
            Record {
                status: 503,
                total: slow,
                ..at(1)
            },
        ]);
        // The clock is set back a minute, and on again.
        store.take(&[
            at(0),
            Record {
                site: None,
                pool: None,
                node: None,
                ..at(2)
            },
        ]);
        store.keeper().flush();
        store.take(&[Record {
            status: 101,
            total: Duration::from_secs(999),
            ..at(3)
        }]);
        store.keeper().note(event("node_down"));
        let of = |subject: &Subject| {
            let chart = charts::chart(dir.path(), subject, Range::Hour, now);
            chart.unwrap().to_json()
        };
        let last =
            |chart: &serde_json::Value, class: &str| chart["requests"][class][59].as_u64().unwrap();
        let all = of(&Subject::All);
        let times = start + 1;
        assert_eq!(
            (last(&all, "2xx"), last(&all, "5xx"), last(&all, "other")),
            (3 * times, times, times)
        );
        assert_eq!(last(&of(&Subject::Site("shop".into())), "2xx"), 2 * times);
        assert_eq!(
            last(&of(&Subject::Node("django/web-2".into())), "5xx"),
            times
        );
        assert_eq!(last(&of(&Subject::Node("web-2".into())), "5xx"), 0);
        let p99 = all["latency"]["p99_s"][59].as_f64().unwrap();
        assert!((0.87..0.93).contains(&p99), "{p99}");
        assert_eq!(all["latency"]["p99_s"][58], serde_json::Value::Null);
        assert_eq!(all["events"].as_array().unwrap().len() as u64, times);
        for (range, points) in [
            (Range::QuarterHour, 15),
            (Range::Day, 144),
            (Range::Week, 168),
        ] {
            let chart = charts::chart(dir.path(), &Subject::All, range, now);
            let chart = chart.unwrap().to_json();
            assert_eq!(chart["time"].as_array().unwrap().len(), points);
            assert_eq!(chart["requests"]["5xx"][points - 1], times);
        }
        store.close();
    }
    fs::write(dir.path().join(charts::FILE), "no database").unwrap();
    let mut store = Store::in_folder(dir.path());
    store.keeper().note(event("start"));
    assert_eq!(files(&store, "sqlite.corrupt-").len(), 1);
    store.keeper().note(event("start"));
    assert!(store.search(&Filter::default()).records.len() == 15);
    assert!(!events::events(dir.path(), 10, None).unwrap().is_empty());
}
