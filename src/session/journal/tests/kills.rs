//! `kill -9` in the middle of writes: another process writes and says what was acknowledged.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{Kept, PACE, Pace, folder, put, wait};
use crate::model::Fsync;

/// Says to the other process where to write, and how.
const FOLDER: &str = "STEELYARD_TEST_JOURNAL";
const ALWAYS: &str = "STEELYARD_TEST_JOURNAL_ALWAYS";

const WRITERS: usize = 4;
const KEYS: usize = 10;

/// What is read of a pipe on a machine with other work was said earlier.
const HEARD_LATE: Duration = Duration::from_millis(500);

/// Written anew many times a second.
const OFTEN: Pace = Pace {
    rewritten_over: 20_000,
    ..PACE
};

fn key(writer: usize, n: usize) -> String {
    format!("writer {writer} key {}", n % KEYS)
}

/// Not a test of its own: what the other process does.
#[test]
fn writes_until_it_is_killed_where_it_is_asked_to() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let fsync = match std::env::var_os(ALWAYS) {
        Some(_) => Fsync::Always,
        None => Fsync::EverySecond,
    };
    let kept = Kept::at_pace(Path::new(&folder), fsync, OFTEN);
    let first: usize = kept
        .toy
        .entries()
        .values()
        .map(|n| number(n))
        .max()
        .unwrap_or(0);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let kept = &kept;
            scope.spawn(move || {
                for n in first + 1.. {
                    let (key, text) = (key(writer, n), n.to_string());
                    let twin = format!("{key} twin");
                    let changes = [&key, &twin].map(|key| put(key.as_bytes(), text.as_bytes()));
                    wait(kept.journal.admit()).unwrap();
                    let ticket = kept.toy.write(&kept.journal, &changes);
                    wait(kept.journal.durable(ticket)).unwrap();
                    let said = format!("acknowledged {writer} {n}\n");
                    // Past the test's own output, at once.
                    if std::io::stderr().write_all(said.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
}

fn number(text: &[u8]) -> usize {
    std::str::from_utf8(text).unwrap().parse().unwrap()
}

/// Lets another process write until so many writes were acknowledged, kills it, and answers what it said and when.
fn writes(folder: &Path, fsync: Fsync, goal: usize) -> (Vec<(usize, usize, Instant)>, Instant) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "writes_until_it_is_killed_where_it_is_asked_to",
        "--nocapture",
    ]);
    command.env(FOLDER, folder).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    if fsync == Fsync::Always {
        command.env(ALWAYS, "1");
    }
    let mut child = command.spawn().unwrap();
    let said = BufReader::new(child.stderr.take().unwrap());
    let (mut heard, mut killed) = (Vec::new(), None);
    for line in said.split(b'\n') {
        // The last may be cut short.
        let line = String::from_utf8(line.unwrap()).unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        if let ["acknowledged", writer, n] = words[..]
            && let (Ok(writer), Ok(n)) = (writer.parse(), n.parse())
        {
            heard.push((writer, n, Instant::now()));
        }
        if heard.len() >= goal && killed.is_none() {
            killed = Some(Instant::now());
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    let killed =
        killed.unwrap_or_else(|| panic!("it ended by itself after {} writes", heard.len()));
    // Of the last line a part may look like a smaller number.
    heard.pop();
    (heard, killed)
}

/// So many kills; nothing may be lost that was heard of before `safe_at` the kill.
fn kills(fsync: Fsync, safe_at: impl Fn(Instant) -> Option<Instant>) {
    let kills = match std::env::var_os("STEELYARD_ASSURANCE") {
        Some(_) => 500,
        None => 50,
    };
    let folder = folder();
    let (mut acknowledged, mut lost) = (0, 0);
    for round in 0..kills {
        let (heard, killed) = writes(folder.path(), fsync, 1 + round * 37 % 400);
        let safe_at = safe_at(killed);
        let kept = Kept::open(folder.path(), fsync);
        let found = kept.toy.entries();
        let mut newest = BTreeMap::new();
        acknowledged += heard.len();
        for (writer, n, when) in heard {
            newest.insert(key(writer, n), (n, when));
        }
        for (key, (n, when)) in newest {
            let there = found.get(key.as_bytes());
            assert_eq!(
                there,
                found.get(format!("{key} twin").as_bytes()),
                "half of a write"
            );
            if there.is_none_or(|there| number(there) < n) {
                lost += 1;
                let early = safe_at.is_none_or(|safe_at| when <= safe_at);
                assert!(
                    !early,
                    "round {round}: {key} {n} is lost, {:?} before the kill",
                    killed - when
                );
            }
        }
    }
    #[allow(clippy::print_stderr, reason = "the figures of a run are for people")]
    {
        eprintln!(
            "figure: {fsync:?}: {kills} kills, {acknowledged} writes acknowledged, {lost} keys older than said"
        );
    }
    assert!(fsync != Fsync::Always || lost == 0);
}

#[test]
fn fifty_kills_lose_nothing_that_always_acknowledged() {
    kills(Fsync::Always, |_| None);
}

#[test]
fn fifty_kills_lose_at_most_the_last_second_of_everysec() {
    kills(Fsync::EverySecond, |killed| {
        Some(killed - Duration::from_secs(1) - HEARD_LATE)
    });
}
