//! Power cuts. A kill loses nothing that was written; a power cut loses what was not synced, in parts and in any order.
//!
//! The steps of a run are noted. For every beginning of them the states are made that a disk may then be in, and each
//! must give what the memory was after some number of writes, no fewer than were acknowledged by then.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::watch::Step;
use super::{Entries, Kept, Pace, apply, folder, put, wait};
use crate::session::change::Change;
use crate::session::journal::{Fsync, Standing};

/// Lost or kept as one, within a file.
const BLOCK: usize = 64;

const WRITES: usize = 60;

const OFTEN: Pace = Pace {
    rewritten_over: 1500,
    probed: Duration::ZERO,
};

#[derive(Debug, Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    /// What was done to it and is not on disk for certain.
    pending: Vec<Edit>,
}

#[derive(Debug, Clone)]
enum Edit {
    Write(usize, Vec<u8>),
    Cut(usize),
    /// The fsync of it failed: it happened on disk or not, for good.
    Doubtful(Box<Edit>),
}

#[derive(Debug, Clone)]
enum Naming {
    Is(String, usize),
    IsNot(String),
}

/// A disk: files by number, names that are there for certain, and what was done to names since.
#[derive(Debug, Clone, Default)]
struct Model {
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    /// The names as the program sees them.
    seen: BTreeMap<String, usize>,
    namings: Vec<Naming>,
}

impl Model {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Create(name) => {
                self.files.push(Content::default());
                self.name(name, self.files.len() - 1);
            }
            Step::Write(name, at, bytes) => {
                let at = usize::try_from(*at).unwrap();
                self.pending(name).push(Edit::Write(at, bytes.clone()));
            }
            Step::Cut(name, length) => {
                let length = usize::try_from(*length).unwrap();
                self.pending(name).push(Edit::Cut(length));
            }
            Step::Sync(name) => {
                let file = &mut self.files[self.seen[name]];
                let pending = std::mem::take(&mut file.pending);
                for edit in pending {
                    match edit {
                        Edit::Doubtful(_) => file.pending.push(edit),
                        _ => edit.make(&mut file.bytes),
                    }
                }
            }
            Step::FailedSync(name) if name == "names" => {}
            Step::FailedSync(name) => {
                let pending = self.pending(name);
                for edit in std::mem::take(pending) {
                    pending.push(Edit::Doubtful(Box::new(edit)));
                }
            }
            Step::Rename(from, to) => {
                let file = self.seen[from];
                self.name(to, file);
                self.unname(from);
            }
            Step::Link(from, to) => self.name(to, self.seen[from]),
            Step::Remove(name) => self.unname(name),
            Step::SyncNames => {
                for naming in std::mem::take(&mut self.namings) {
                    naming.make(&mut self.names);
                }
            }
            Step::Acknowledged(_) => {}
        }
    }

    fn pending(&mut self, name: &str) -> &mut Vec<Edit> {
        &mut self.files[self.seen[name]].pending
    }

    fn name(&mut self, name: &str, file: usize) {
        self.seen.insert(name.to_owned(), file);
        self.namings.push(Naming::Is(name.to_owned(), file));
    }

    fn unname(&mut self, name: &str) {
        self.seen.remove(name);
        self.namings.push(Naming::IsNot(name.to_owned()));
    }

    /// Writes a state the disk may be in into a folder: how much of what is pending happened is drawn.
    fn cut_power(&self, draw: &mut SmallRng, to: &Path) {
        let mut names = self.names.clone();
        // File systems keep the order of names, or none: a beginning of it, or any part.
        let upto = draw.random_range(0..=self.namings.len());
        let any = draw.random_bool(0.5);
        for (i, naming) in self.namings.iter().enumerate() {
            if if any { draw.random_bool(0.5) } else { i < upto } {
                naming.make(&mut names);
            }
        }
        let drawn: Vec<Vec<u8>> = self.files.iter().map(|file| file.drawn(draw)).collect();
        for (name, file) in names {
            fs::write(to.join(name), &drawn[file]).unwrap();
        }
    }
}

impl Content {
    fn drawn(&self, draw: &mut SmallRng) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let how = draw.random_range(0..4);
        let upto = draw.random_range(0..=self.pending.len());
        for (i, edit) in self.pending.iter().enumerate() {
            match how {
                0 => edit.make(&mut bytes),
                1 => {}
                // All before, a part of one, nothing after.
                2 if i < upto => edit.make(&mut bytes),
                2 if i == upto => edit.make_some(&mut bytes, |block| block == 0),
                2 => {}
                _ => edit.make_some(&mut bytes, |_| draw.random_bool(0.5)),
            }
        }
        bytes
    }
}

impl Edit {
    fn make(&self, bytes: &mut Vec<u8>) {
        self.make_some(bytes, |_| true);
    }

    /// The length counts with any block of it: what was not written reads as zeros.
    fn make_some(&self, bytes: &mut Vec<u8>, mut is_made: impl FnMut(usize) -> bool) {
        match self {
            Self::Doubtful(edit) => edit.make_some(bytes, is_made),
            Self::Cut(length) if is_made(0) => bytes.truncate(*length),
            Self::Cut(_) => {}
            Self::Write(at, written) => {
                for (i, block) in written.chunks(BLOCK).enumerate() {
                    if is_made(i) {
                        let (start, end) = (at + i * BLOCK, at + i * BLOCK + block.len());
                        if bytes.len() < end {
                            bytes.resize(end, 0);
                        }
                        bytes[start..end].copy_from_slice(block);
                    }
                }
            }
        }
    }
}

impl Naming {
    fn make(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Is(name, file) => {
                // A rename is one step: its old name goes with it, or stays as a second one.
                names.insert(name.clone(), *file);
            }
            Self::IsNot(name) => {
                names.remove(name);
            }
        }
    }
}

/// The changes of one write: two keys that belong together, and sometimes less.
fn changes<'a>(n: usize, texts: &'a [String; 3]) -> Vec<Change<'a>> {
    let [key, n_text, filled] = texts;
    match n % 13 {
        11 => vec![Change::Clear { database: 0 }, put(b"n", n_text.as_bytes())],
        7 => vec![
            Change::Remove {
                database: 0,
                key: key.as_bytes(),
            },
            put(b"n", n_text.as_bytes()),
        ],
        _ => vec![
            put(key.as_bytes(), filled.as_bytes()),
            put(b"n", n_text.as_bytes()),
        ],
    }
}

fn texts(n: usize) -> [String; 3] {
    [format!("key {}", n % 5), n.to_string(), format!("{n:0>40}")]
}

/// What the memory is after each number of writes.
fn states() -> Vec<Entries> {
    let mut entries = Entries::new();
    let mut states = vec![entries.clone()];
    for n in 0..WRITES {
        for change in changes(n, &texts(n)) {
            apply(&mut entries, &change);
        }
        states.push(entries.clone());
    }
    states
}

/// Writes and notes what was acknowledged; `before` may make the disk fail.
fn steps(fsync: Fsync, before: impl Fn(&Kept, usize)) -> Vec<Step> {
    let dir = folder();
    let kept = Kept::at_pace(dir.path(), fsync, OFTEN);
    for n in 0..WRITES {
        before(&kept, n);
        let ticket = kept.toy.write(&kept.journal, &changes(n, &texts(n)));
        let is_safe = wait(kept.journal.durable(ticket)).is_ok();
        if is_safe && fsync == Fsync::Always {
            kept.watch.note(n + 1);
        }
        kept.until_it_works();
    }
    let watch = kept.watch.clone();
    drop(kept);
    watch.note(WRITES);
    watch.steps()
}

fn holds(steps: &[Step], seed: u64) {
    let states = states();
    let mut draw = SmallRng::seed_from_u64(seed);
    let mut model = Model::default();
    let mut acknowledged = 0;
    for (i, step) in steps.iter().enumerate() {
        model.step(step);
        if let Step::Acknowledged(count) = step {
            acknowledged = *count;
        }
        for _ in 0..3 {
            let dir = folder();
            model.cut_power(&mut draw, dir.path());
            let kept = Kept::open(dir.path(), Fsync::Always);
            assert_eq!(kept.journal.standing(), Standing::Working);
            let found = kept.toy.entries();
            let which = states.iter().rposition(|state| *state == found);
            let told = &kept.recovered.told;
            let Some(which) = which else {
                panic!("seed {seed}, step {i}, {step:?}: never was {found:?}; {told:?}");
            };
            assert!(
                which >= acknowledged,
                "seed {seed}, step {i}, {step:?}: {acknowledged} acknowledged, {which} there; {told:?}"
            );
        }
    }
}

#[test]
fn at_no_step_does_a_power_cut_lose_what_was_acknowledged() {
    let steps = steps(Fsync::Always, |_, _| {});
    let renamed = steps.iter().filter(|step| matches!(step, Step::Rename(..)));
    assert!(renamed.count() >= 2, "it was hardly ever written anew");
    for seed in 0..2 {
        holds(&steps, seed);
    }
}

#[test]
fn at_no_step_does_a_power_cut_leave_half_of_what_belongs_together() {
    for fsync in [Fsync::EverySecond, Fsync::No] {
        holds(&steps(fsync, |_, _| {}), 7);
    }
}

#[test]
fn with_fsyncs_that_fail_a_power_cut_loses_nothing_acknowledged() {
    let names = ["log", "base", "names", ""];
    let failing = |kept: &Kept, n: usize| {
        if n % 9 == 4 {
            kept.watch.fail_syncs(1 + n % 2, names[n % names.len()]);
        }
    };
    let steps = steps(Fsync::Always, failing);
    assert!(steps.iter().any(|step| matches!(step, Step::FailedSync(_))));
    holds(&steps, 11);
}

#[test]
fn on_a_disk_that_fills_up_a_power_cut_loses_nothing_acknowledged() {
    let filling = |kept: &Kept, n: usize| match n % 10 {
        5 => kept.watch.room(Some(n)),
        6 => kept.watch.room(None),
        _ => {}
    };
    holds(&steps_on_a_full_disk(filling), 13);
}

/// As [`steps`], but a write that finds the disk full is not waited for.
fn steps_on_a_full_disk(before: impl Fn(&Kept, usize)) -> Vec<Step> {
    let dir = folder();
    let kept = Kept::at_pace(dir.path(), Fsync::Always, OFTEN);
    for n in 0..WRITES {
        before(&kept, n);
        let ticket = kept.toy.write(&kept.journal, &changes(n, &texts(n)));
        if wait(kept.journal.durable(ticket)).is_ok() {
            kept.watch.note(n + 1);
        }
    }
    kept.watch.room(None);
    kept.until_it_works();
    let watch = kept.watch.clone();
    drop(kept);
    watch.note(WRITES);
    watch.steps()
}
