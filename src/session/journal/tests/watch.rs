//! What the journal does to its disk, noted step by step; and a disk that fails when told to.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use rustix::io::Errno;

/// A step that changes what is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Step {
    Create(String),
    Write(String, u64, Vec<u8>),
    Cut(String, u64),
    Sync(String),
    /// It failed: what was not on disk may be there or not, and no later one changes that.
    FailedSync(String),
    Rename(String, String),
    Link(String, String),
    Remove(String),
    SyncNames,
    /// Not a step of the disk: the test noted that so much had been acknowledged.
    Acknowledged(usize),
}

/// Notes steps; shared by all files of a folder.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Watch(Arc<(Mutex<Inside>, Condvar)>);

#[derive(Debug, Default)]
struct Inside {
    steps: Vec<Step>,
    /// So many bytes find room.
    room: Option<usize>,
    /// So many fsyncs fail, of files whose name begins so.
    failing_syncs: (usize, String),
    failed: usize,
    /// fsyncs of files whose name begins so wait, and one does.
    holds: Option<&'static str>,
    is_held: bool,
}

/// Holds fsyncs until it is opened.
pub(super) struct Gate(Watch);

impl Gate {
    /// Ends when an fsync waits.
    pub(super) fn until_held(&self) {
        let (inside, moved) = &*self.0.0;
        drop(moved.wait_while(inside.lock().unwrap(), |inside| !inside.is_held));
    }

    pub(super) fn open(self) {}
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.inside().holds = None;
        self.0.0.1.notify_all();
    }
}

impl Watch {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.0.lock().unwrap()
    }

    pub(in super::super) fn step(&self, step: Step) -> io::Result<()> {
        let mut inside = self.inside();
        let synced = match &step {
            Step::Sync(name) => Some(name.clone()),
            Step::SyncNames => Some("names".to_owned()),
            Step::Create(_) if inside.room == Some(0) => {
                inside.failed += 1;
                return Err(Errno::NOSPC.into());
            }
            _ => None,
        };
        if let Some(name) = synced
            && inside.failing_syncs.0 > 0
            && name.starts_with(&inside.failing_syncs.1)
        {
            inside.failing_syncs.0 -= 1;
            inside.failed += 1;
            inside.steps.push(Step::FailedSync(name));
            return Err(Errno::IO.into());
        }
        let is_held = |inside: &Inside| match (&step, inside.holds) {
            (Step::Sync(name), Some(held)) => name.starts_with(held),
            _ => false,
        };
        if is_held(&inside) {
            inside.is_held = true;
            self.0.1.notify_all();
            inside = self
                .0
                .1
                .wait_while(inside, |inside| is_held(inside))
                .unwrap();
            inside.is_held = false;
        }
        inside.steps.push(step);
        Ok(())
    }

    /// From now on fsyncs of files wait whose name begins so.
    pub(super) fn hold_syncs(&self, name: &'static str) -> Gate {
        self.inside().holds = Some(name);
        Gate(self.clone())
    }

    /// What of `bytes` may be written.
    pub(in super::super) fn write<'a>(
        &self,
        name: &str,
        at: u64,
        bytes: &'a [u8],
    ) -> io::Result<&'a [u8]> {
        let mut inside = self.inside();
        let fits = inside.room.unwrap_or(usize::MAX).min(bytes.len());
        if fits == 0 {
            inside.failed += 1;
            return Err(Errno::NOSPC.into());
        }
        inside.room = inside.room.map(|room| room - fits);
        let bytes = &bytes[..fits];
        inside
            .steps
            .push(Step::Write(name.to_owned(), at, bytes.to_vec()));
        Ok(bytes)
    }

    /// From now on so many bytes find room.
    pub(super) fn room(&self, bytes: Option<usize>) {
        self.inside().room = bytes;
    }

    /// The next so many fsyncs of files fail whose name begins so; `names` is the folder.
    pub(super) fn fail_syncs(&self, count: usize, name: &str) {
        self.inside().failing_syncs = (count, name.to_owned());
    }

    /// How many steps failed.
    pub(super) fn failed(&self) -> usize {
        self.inside().failed
    }

    pub(super) fn steps(&self) -> Vec<Step> {
        self.inside().steps.clone()
    }

    pub(super) fn note(&self, acknowledged: usize) {
        self.inside().steps.push(Step::Acknowledged(acknowledged));
    }
}
