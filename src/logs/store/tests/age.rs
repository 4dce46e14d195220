//! What is kept no longer: too much of it, and too old.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::troubles::{files, fill};
use super::{AGELESS, BEGIN, SECOND, Store, at};
use crate::logs::Record;
use crate::logs::store::filter::Filter;
use crate::model::LogStore;

#[test]
fn the_oldest_files_go_whole_when_there_is_too_much() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::keeping(
        dir.path(),
        LogStore {
            max_size: 16 << 20,
            ..AGELESS
        },
    );
    for round in 0..10 {
        fill(&mut store, round * 1000);
    }
    store.keeper().flush();
    let size = store.catalog.size();
    // A journal may stand beside the file that grows.
    assert!(size <= (16 << 20) + (4 << 20), "{size} bytes");
    assert!(files(&store, ".db").len() > 3);
    let page = store.search(&Filter::default());
    assert_eq!(page.records[0].time, BEGIN + 9999 * SECOND);
    let (ids, _) = store.all(&Filter::default(), 200);
    assert!(
        (2000..10_000).contains(&ids.len()),
        "{} are left",
        ids.len()
    );
    assert_eq!(store.lost.load(Ordering::Relaxed), 0);
}

#[test]
fn what_is_too_old_goes_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::keeping(dir.path(), LogStore::default());
    store.take(&[Record {
        time: std::time::UNIX_EPOCH,
        ..at(0)
    }]);
    store.keeper().flush();
    store.keeper().tidy();
    // It is being written.
    assert_eq!(store.search(&Filter::default()).records.len(), 1);
    store.keeper().seal();
    store.take(&[Record {
        time: std::time::SystemTime::now(),
        ..at(0)
    }]);
    store.keeper().flush();
    store.keeper().seal();
    for _ in 0..3 {
        store.keeper().tidy();
    }
    let page = store.search(&Filter::default());
    assert_eq!(page.records.len(), 1);
    assert!(page.records[0].time > 0);
    assert_eq!(files(&store, ".db").len(), 1);
}

#[test]
fn a_quiet_log_goes_on_in_a_new_file_too_so_that_the_old_one_can_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::in_folder(dir.path());
    store.take(&[at(0)]);
    store.keeper().roll();
    store.keeper().flush();
    store.keeper().roll();
    assert_eq!(files(&store, ".db").len(), 1);
    assert_eq!(files(&store, ".db-").len(), 1 + 2, "records and a journal");
    // A file may be no older than nothing.
    store.keeper().follow(LogStore {
        max_age: Duration::ZERO,
        ..AGELESS
    });
    store.take(&[at(1)]);
    store.keeper().roll();
    assert_eq!(store.search(&Filter::default()).records.len(), 2);
    store.keeper().roll();
    store.keeper().follow(AGELESS);
    assert!(store.search(&Filter::default()).records.is_empty());
}
