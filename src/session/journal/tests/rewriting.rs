//! Files that have grown are written anew while writes go on.

use std::fs;
use std::thread;

use super::{Kept, PACE, Pace, folder, names, until, wait};
use crate::session::journal::{Fsync, Standing};

const OFTEN: Pace = Pace {
    rewritten_over: 20_000,
    ..PACE
};

#[test]
fn under_writers_the_files_stay_short_and_hold_all() {
    for fsync in [Fsync::Always, Fsync::No] {
        let dir = folder();
        let kept = Kept::at_pace(dir.path(), fsync, OFTEN);
        thread::scope(|scope| {
            for writer in 0..4 {
                let kept = &kept;
                scope.spawn(move || {
                    for n in 0.. {
                        let key = format!("{writer} {}", n % 20);
                        let ticket = kept.put(&key, &format!("{n:0100}"));
                        wait(kept.journal.durable(ticket)).unwrap();
                        if n > 200 && kept.journal.figures().rewrites >= 5 {
                            break;
                        }
                    }
                });
            }
        });
        let size = kept.journal.figures().size;
        let entries = kept.toy.entries();
        drop(kept);
        let on_disk: u64 = names(dir.path())
            .iter()
            .map(|name| fs::metadata(dir.path().join(name)).unwrap().len())
            .sum();
        let kept = Kept::open(dir.path(), fsync);
        assert_eq!(kept.toy.entries(), entries);
        assert_eq!(kept.recovered.told, [] as [String; 0]);
        assert!(on_disk >= size, "{on_disk} on disk, {size} told");
        let files = names(dir.path());
        assert!(files.len() <= 3, "{files:?}");
    }
}

#[test]
fn what_is_long_by_itself_is_not_written_anew_again_and_again() {
    let dir = folder();
    let kept = Kept::at_pace(dir.path(), Fsync::No, OFTEN);
    for n in 0..1000 {
        let _ = kept.put(&format!("key {n}"), &"x".repeat(100));
    }
    until("all is written", || kept.journal.figures().records == 1000);
    until("it is written anew", || kept.journal.figures().rewrites > 0);
    let _ = kept.put("one", "more");
    until("that is written", || kept.journal.figures().records == 1001);
    let rewrites = kept.journal.figures().rewrites;
    // Twice 100 kB is far away.
    for n in 0..100 {
        let _ = kept.put(&format!("another {n}"), "1");
    }
    until("all is written", || kept.journal.figures().records == 1101);
    assert!(kept.journal.figures().rewrites <= rewrites + 1);
}

#[test]
fn a_base_that_finds_no_room_is_given_up_and_writes_go_on() {
    let dir = folder();
    let kept = Kept::at_pace(dir.path(), Fsync::Always, OFTEN);
    kept.watch.fail_syncs(1, "base-");
    for n in 0..300 {
        let ticket = kept.put(&format!("key {n}"), &"x".repeat(100));
        wait(kept.journal.durable(ticket)).unwrap();
    }
    assert_eq!(kept.watch.failed(), 1);
    assert_eq!(kept.journal.standing(), Standing::Working);
    assert_eq!(kept.journal.figures().rewrites, 0);
    assert_eq!(names(dir.path()), ["log-000001", "log-000002"]);
    let entries = kept.toy.entries();
    assert_eq!(kept.again(dir.path()).toy.entries(), entries);
}

#[test]
fn a_kill_while_it_is_written_anew_loses_nothing() {
    let dir = folder();
    let kept = Kept::at_pace(dir.path(), Fsync::Always, OFTEN);
    let gate = kept.watch.hold_syncs("base-");
    for n in 0..19 {
        let ticket = kept.put(&format!("key {n}"), &"x".repeat(1000));
        wait(kept.journal.durable(ticket)).unwrap();
    }
    let last = kept.put("last", &"x".repeat(2000));
    wait(kept.journal.durable(last)).unwrap();
    gate.until_held();
    let copy = folder();
    for name in names(dir.path()) {
        fs::copy(dir.path().join(&name), copy.path().join(&name)).unwrap();
    }
    let expected = ["base-000002.new", "log-000001", "log-000002"];
    assert_eq!(names(copy.path()), expected);
    gate.open();
    let after = Kept::open(copy.path(), Fsync::Always);
    assert_eq!(after.toy.entries(), kept.toy.entries());
    assert_eq!(names(copy.path()), expected[1..]);
}
