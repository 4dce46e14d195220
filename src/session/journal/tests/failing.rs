//! A disk that is full, and one whose fsync fails.

use std::fs;

use super::watch::Step;
use super::{Kept, folder, names, until, wait};
use crate::session::journal::{Fsync, Standing};

#[test]
fn on_a_full_disk_nothing_is_acknowledged_and_with_room_it_goes_on_by_itself() {
    let dir = folder();
    let kept = Kept::open(dir.path(), Fsync::Always);
    let safe = kept.put("safe", "1");
    wait(kept.journal.durable(safe)).unwrap();
    // Room for a part of a record.
    kept.watch.room(Some(10));
    let refused = kept.put("refused", "2");
    let why = wait(kept.journal.durable(refused)).unwrap_err().to_string();
    assert!(why.contains("No space left on device"), "{why}");
    assert_eq!(kept.journal.standing(), Standing::Failed);
    assert_eq!(wait(kept.journal.admit()).unwrap_err().to_string(), why);
    assert_eq!(kept.journal.trouble().unwrap().to_string(), why);
    let tries = kept.watch.failed();
    until("it was tried again", || kept.watch.failed() > tries + 2);
    assert_eq!(kept.journal.standing(), Standing::Failed);

    kept.watch.room(None);
    kept.until_it_works();
    assert_eq!(kept.journal.trouble(), None);
    let later = kept.put("later", "3");
    wait(kept.journal.durable(later)).unwrap();
    // What was refused is in memory all the same: nobody knows, said the answer.
    let entries = kept.toy.entries();
    let kept = kept.again(dir.path());
    assert_eq!(kept.toy.entries(), entries);
    assert_eq!(kept.recovered.told, [] as [String; 0]);
}

#[test]
fn a_kill_on_a_full_disk_leaves_what_was_acknowledged() {
    let dir = folder();
    let kept = Kept::open(dir.path(), Fsync::Always);
    let safe = kept.put("safe", "1");
    wait(kept.journal.durable(safe)).unwrap();
    kept.watch.room(Some(10));
    let refused = kept.put("refused", "2");
    assert!(wait(kept.journal.durable(refused)).is_err());
    // As a kill leaves it: the files as they are, half a record in them.
    let copy = folder();
    for name in names(dir.path()) {
        fs::copy(dir.path().join(&name), copy.path().join(&name)).unwrap();
    }
    let after = Kept::open(copy.path(), Fsync::Always);
    assert_eq!(
        after.toy.entries().into_keys().collect::<Vec<_>>(),
        [b"safe"]
    );
    assert!(after.recovered.told[0].contains("10 bytes are cut off"));
}

#[test]
fn with_everysec_what_was_acknowledged_before_the_disk_was_full_is_written_later() {
    let dir = folder();
    let kept = Kept::open(dir.path(), Fsync::EverySecond);
    kept.watch.room(Some(0));
    let _ = kept.put("a", "1");
    until("the disk is found full", || {
        kept.journal.standing() == Standing::Failed
    });
    kept.watch.room(None);
    kept.until_it_works();
    assert_eq!(kept.again(dir.path()).toy.entries().len(), 1);
}

#[test]
fn a_disk_full_until_the_end_is_no_reason_to_wait_at_a_stop() {
    let dir = folder();
    let kept = Kept::open(dir.path(), Fsync::Always);
    kept.watch.room(Some(3));
    let refused = kept.put("refused", "2");
    assert!(wait(kept.journal.durable(refused)).is_err());
    let kept = kept.again(dir.path());
    assert_eq!(kept.toy.entries().len(), 0);
}

#[test]
fn a_failed_fsync_is_never_repeated_all_of_memory_is_written_anew() {
    let dir = folder();
    let kept = Kept::open(dir.path(), Fsync::Always);
    let safe = kept.put("safe", "1");
    wait(kept.journal.durable(safe)).unwrap();
    kept.watch.fail_syncs(1, "log-000001");
    // No name for the new files at first: still nothing is acknowledged.
    kept.watch.room(Some(1000));
    let refused = kept.put("refused", "2");
    let why = wait(kept.journal.durable(refused)).unwrap_err().to_string();
    assert!(why.contains("Input/output error"), "{why}");
    kept.until_it_works();

    let steps = kept.watch.steps();
    let failed = Step::FailedSync("log-000001".to_owned());
    let at = steps.iter().position(|step| *step == failed).unwrap();
    let after = &steps[at..];
    assert!(!after.contains(&Step::Sync("log-000001".to_owned())));
    let place = |step: Step| after.iter().position(|one| *one == step).unwrap();
    let base = place(Step::Sync("base-000002.new".to_owned()));
    let renamed = place(Step::Rename(
        "base-000002.new".to_owned(),
        "base-000002".to_owned(),
    ));
    let removed = place(Step::Remove("log-000001".to_owned()));
    assert!(base < renamed && renamed < removed);
    assert!(after[renamed..removed].contains(&Step::SyncNames));
    assert_eq!(names(dir.path()), ["base-000002", "log-000002"]);

    kept.watch.room(None);
    let later = kept.put("later", "3");
    wait(kept.journal.durable(later)).unwrap();
    assert_eq!(kept.again(dir.path()).toy.entries().len(), 3);
}

#[test]
fn while_new_files_cannot_be_made_safe_either_writes_stay_refused() {
    let dir = folder();
    let kept = Kept::open(dir.path(), Fsync::Always);
    for (count, name) in [(1, "log"), (3, "base"), (2, "names"), (4, "")] {
        let failed = kept.watch.failed();
        kept.watch.fail_syncs(1, "log");
        let refused = kept.put(name, "1");
        assert!(wait(kept.journal.durable(refused)).is_err());
        kept.watch.fail_syncs(count, name);
        until("so many failed", || {
            kept.watch.failed() >= failed + 1 + count
        });
        kept.until_it_works();
    }
    let entries = kept.toy.entries();
    let kept = kept.again(dir.path());
    assert_eq!(kept.toy.entries(), entries);
    assert_eq!(kept.recovered.told, [] as [String; 0]);
}
