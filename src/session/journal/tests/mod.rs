//! What the journal promises, with a memory as simple as can be.

mod damage;
mod encoding;
mod failing;
mod groups;
mod kills;
mod power;
mod rewriting;
pub(super) mod watch;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use self::watch::Watch;
use super::disk::Disk;
use super::writer::Pace;
use super::{Contents, Fsync, Journal, Recovered, Standing, Ticket};
use crate::session::change::{Change, Value};

/// Values of one database by key; the time when they end does not matter here.
type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// The simplest memory there is.
#[derive(Debug, Clone, Default)]
struct Toy(Arc<Mutex<Entries>>);

impl Toy {
    fn entries(&self) -> Entries {
        self.0.lock().unwrap().clone()
    }

    fn contents(&self) -> Contents {
        let (to, from) = (self.clone(), self.clone());
        Contents {
            apply: Box::new(move |change| apply(&mut to.0.lock().unwrap(), &change)),
            // One entry a call: as fuzzy as it can be.
            walk: Box::new(move |position, each| {
                let entries = from.0.lock().unwrap();
                let index = usize::try_from(position).unwrap();
                let (key, value) = entries.iter().nth(index)?;
                each(put(key, value));
                Some(position + 1)
            }),
        }
    }

    /// Changes the memory and hands that over, under one lock.
    fn write(&self, journal: &Journal, changes: &[Change<'_>]) -> Ticket {
        let mut entries = self.0.lock().unwrap();
        for change in changes {
            apply(&mut entries, change);
        }
        journal.append(changes.iter().copied())
    }
}

fn apply(entries: &mut Entries, change: &Change<'_>) {
    match *change {
        Change::Put { key, value, .. } => {
            entries.insert(key.to_vec(), value.bytes().to_vec());
        }
        Change::Remove { key, .. } => {
            entries.remove(key);
        }
        Change::Clear { .. } => entries.clear(),
        Change::Expire { .. } => {}
    }
}

fn put<'a>(key: &'a [u8], value: &'a [u8]) -> Change<'a> {
    Change::Put {
        database: 0,
        key,
        value: Value::text(value),
        expires_at: Some(7),
    }
}

/// A folder in memory where the system has one: these tests sync thousands of times.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

const PACE: Pace = Pace {
    rewritten_over: 64 << 20,
    probed: Duration::from_millis(1),
};

/// A journal with its memory and what is noted of its disk.
struct Kept {
    toy: Toy,
    journal: Journal,
    watch: Watch,
    recovered: Recovered,
}

impl Kept {
    fn open(dir: &Path, fsync: Fsync) -> Self {
        Self::at_pace(dir, fsync, PACE)
    }

    fn at_pace(dir: &Path, fsync: Fsync, pace: Pace) -> Self {
        let toy = Toy::default();
        let disk = Disk::new(dir);
        let watch = disk.watch.clone();
        let (journal, recovered) = Journal::on(disk, fsync, toy.contents(), pace).unwrap();
        Self {
            toy,
            journal,
            watch,
            recovered,
        }
    }

    fn put(&self, key: &str, value: &str) -> Ticket {
        let changes = [put(key.as_bytes(), value.as_bytes())];
        self.toy.write(&self.journal, &changes)
    }

    /// Stops it, and starts it again on the same folder.
    fn again(self, dir: &Path) -> Self {
        drop(self);
        Self::open(dir, Fsync::Always)
    }

    fn until_it_works(&self) {
        until("it works", || self.journal.standing() == Standing::Working);
    }
}

/// Ends when what is asked is so.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "not within a minute: {what}");
        std::thread::yield_now();
    }
}

/// Waits for a future in a thread without a runtime.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().build().unwrap().block_on(future)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_was_written_is_there_after_a_start_and_only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    for fsync in [Fsync::Always, Fsync::EverySecond, Fsync::No] {
        let dir = folder();
        let sessions = dir.path().join("sessions");
        let kept = Kept::open(&sessions, fsync);
        assert_eq!(kept.recovered, Recovered::default());
        assert_eq!(wait(kept.journal.admit()), Ok(()));
        let ticket = kept.put("a", "1");
        assert_eq!(wait(kept.journal.durable(ticket)), Ok(()));
        let _ = kept.put("b", "2");
        let _ = kept.toy.write(
            &kept.journal,
            &[
                Change::Remove {
                    database: 0,
                    key: b"a",
                },
                put(b"c", b"3"),
            ],
        );
        let entries = kept.toy.entries();
        let kept = kept.again(&sessions);
        assert_eq!(kept.toy.entries(), entries);
        assert_eq!(
            kept.recovered,
            Recovered {
                changes: 4,
                told: Vec::new()
            }
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&sessions), 0o700);
        assert_eq!(names(&sessions), ["log-000001"]);
        assert_eq!(mode(&sessions.join("log-000001")), 0o600);
    }
}

#[test]
fn a_change_of_nothing_is_no_record_and_nothing_to_wait_for() {
    let dir = folder();
    let kept = Kept::open(dir.path(), Fsync::Always);
    assert_eq!(kept.journal.append([]), Ticket::NOTHING);
    assert_eq!(wait(kept.journal.durable(Ticket::NOTHING)), Ok(()));
    assert_eq!(kept.journal.figures().records, 0);
}

#[test]
fn how_writes_are_made_safe_changes_without_a_stop() {
    let dir = folder();
    let kept = Kept::open(dir.path(), Fsync::No);
    assert_eq!(kept.put("a", "1"), Ticket::NOTHING);
    kept.journal.set_fsync(Fsync::Always);
    let ticket = kept.put("b", "2");
    assert_ne!(ticket, Ticket::NOTHING);
    assert_eq!(wait(kept.journal.durable(ticket)), Ok(()));
    kept.journal.set_fsync(Fsync::No);
    let syncs = kept.journal.figures().syncs;
    let _ = kept.put("c", "3");
    until("it is written", || kept.journal.figures().records == 3);
    kept.journal.set_fsync(Fsync::EverySecond);
    until("what was left to the kernel is made safe", || {
        kept.journal.figures().syncs > syncs
    });
}
