//! How many writers one fsync serves, and when one comes.

use std::sync::Barrier;
use std::thread;

use super::{Kept, folder, until, wait};
use crate::session::journal::{Fsync, Standing, Ticket};

#[test]
fn all_that_comes_during_an_fsync_is_served_by_the_next() {
    let dir = folder();
    let kept = Kept::open(dir.path(), Fsync::Always);
    let before = kept.journal.figures().syncs;
    let gate = kept.watch.hold_syncs("log-");
    let first = kept.put("first", "1");
    gate.until_held();
    let tickets: Vec<Ticket> = (0..50)
        .map(|n| kept.put(&format!("key {n}"), "1"))
        .collect();
    assert_eq!(kept.journal.figures().syncs, before + 1);
    gate.open();
    for ticket in std::iter::once(first).chain(tickets) {
        wait(kept.journal.durable(ticket)).unwrap();
    }
    assert_eq!(kept.journal.figures().syncs, before + 2);
}

#[test]
fn fifty_writers_that_wait_all_get_on() {
    let dir = folder();
    let kept = Kept::open(dir.path(), Fsync::Always);
    let (writers, rounds) = (50, 20);
    let start = Barrier::new(writers);
    thread::scope(|scope| {
        for writer in 0..writers {
            let (kept, start) = (&kept, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..rounds {
                    let ticket = kept.put(&format!("{writer} {round}"), "1");
                    wait(kept.journal.durable(ticket)).unwrap();
                }
            });
        }
    });
    // How many fsyncs that takes is a figure of the bench: it hangs on the disk.
    assert_eq!(kept.journal.figures().records, 1000);
    let entries = kept.toy.entries();
    assert_eq!(kept.again(dir.path()).toy.entries(), entries);
}

#[test]
fn who_is_busy_for_ever_holds_nobody_up_for_ever() {
    let dir = folder();
    let kept = Kept::open(dir.path(), Fsync::Always);
    let hand = kept.journal.hand();
    hand.begin();
    let gate = kept.watch.hold_syncs("log-");
    let first = kept.put("first", "1");
    gate.until_held();
    let more = [kept.put("second", "1"), kept.put("third", "1")];
    gate.open();
    for ticket in [first, more[0], more[1]] {
        wait(kept.journal.durable(ticket)).unwrap();
    }
    // A group of three is waited for, and one comes.
    let alone = kept.put("fourth", "1");
    wait(kept.journal.durable(alone)).unwrap();
}

#[test]
fn with_everysec_nobody_waits_and_an_fsync_comes_by_itself() {
    let dir = folder();
    let kept = Kept::open(dir.path(), Fsync::EverySecond);
    let before = kept.journal.figures().syncs;
    for n in 0..1000 {
        assert_eq!(kept.put(&format!("key {n}"), "1"), Ticket::NOTHING);
    }
    until("it is synced", || kept.journal.figures().syncs > before);
    until("it is written", || kept.journal.figures().records == 1000);
}

#[test]
fn with_everysec_a_slow_disk_holds_writes_up_before_a_second_is_at_stake() {
    let dir = folder();
    let kept = Kept::open(dir.path(), Fsync::EverySecond);
    let gate = kept.watch.hold_syncs("log-");
    let _ = kept.put("a", "1");
    gate.until_held();
    until("writes are held up", || {
        kept.journal.standing() == Standing::Behind
    });
    gate.open();
    assert_eq!(wait(kept.journal.admit()), Ok(()));
}

#[test]
fn with_no_fsync_the_kernel_decides_until_the_end() {
    let dir = folder();
    let kept = Kept::open(dir.path(), Fsync::No);
    let before = kept.journal.figures().syncs;
    let _ = kept.put("a", "1");
    until("it is written", || kept.journal.figures().records == 1);
    assert_eq!(kept.journal.figures().syncs, before);
    assert_eq!(kept.again(dir.path()).toy.entries().len(), 1);
}

#[test]
fn with_too_much_handed_over_writes_wait() {
    let dir = folder();
    let kept = Kept::open(dir.path(), Fsync::Always);
    let gate = kept.watch.hold_syncs("log-");
    let first = kept.put("first", "1");
    gate.until_held();
    let value = "x".repeat(1 << 20);
    for n in 0..65 {
        assert_eq!(kept.journal.standing(), Standing::Working);
        let _ = kept.put(&format!("key {n}"), &value);
        if kept.journal.standing() == Standing::Behind {
            assert!(n >= 63);
            gate.open();
            wait(kept.journal.durable(first)).unwrap();
            assert_eq!(wait(kept.journal.admit()), Ok(()));
            return;
        }
    }
    panic!("64 MiB were not too much");
}
