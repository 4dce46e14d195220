//! Rotation: when the access log goes on in a new file.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::old_files::{is_in_place, pack, shift};
use crate::model::Rotate;

/// After a failure it is tried again no sooner: the log itself goes on meanwhile.
const RETRY: Duration = Duration::from_secs(60);

/// Where nothing is written it is looked no oftener, and no seldomer, whether the file is due: a
/// look costs nothing, and the clock may be set.
const LOOK: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3600)];

/// What the open file is like, and when it is to be an old one.
#[derive(Debug)]
pub(super) struct Rotation {
    wanted: Rotate,
    filled: Option<Filled>,
    packing: Option<JoinHandle<()>>,
    /// There is an old file of ours that nobody has packed yet.
    is_to_pack: bool,
    not_before: Option<Instant>,
    trouble: Trouble,
}

/// What could not be done: counted each time, told once.
#[derive(Debug, Clone)]
struct Trouble {
    failures: Arc<AtomicU64>,
    is_told: Arc<AtomicBool>,
}

impl Rotation {
    /// As `wanted`; what could not be done is added to `failures`.
    pub(super) fn new(wanted: Rotate, failures: Arc<AtomicU64>) -> Self {
        Self {
            wanted,
            filled: None,
            packing: None,
            is_to_pack: false,
            not_before: None,
            trouble: Trouble {
                failures,
                is_told: Arc::default(),
            },
        }
    }

    /// From now on as `wanted`.
    pub(super) fn follow(&mut self, wanted: Rotate) {
        self.wanted = wanted;
        self.not_before = None;
    }

    /// `file` was opened at `path`: what stood there before is nobody's any more.
    pub(super) fn opened(&mut self, path: &Path, file: &File) {
        self.filled = Filled::of(file, SystemTime::now()).ok();
        // What others have renamed (`USR1`) is theirs to pack.
        if std::mem::take(&mut self.is_to_pack) && self.wanted.compress {
            let trouble = self.trouble.clone();
            let failed = move |file: &Path, error: &io::Error| trouble.tell("packed", file, error);
            match pack(path, failed) {
                Ok(packing) => self.packing = packing,
                Err(error) => self.trouble.tell("packed", path, &error),
            }
        }
    }

    /// So many bytes were written to the file that was opened last.
    pub(super) fn wrote(&mut self, bytes: usize) {
        if let Some(filled) = &mut self.filled {
            filled.size = filled.size.saturating_add(bytes as u64);
        }
    }

    /// When the file is to be looked at though nothing is written; none is never.
    pub(super) fn look_in(&self) -> Option<Duration> {
        let left = self.time_left(SystemTime::now())?;
        let wait = self.not_before.map(|t| t - Instant::now());
        Some(left.max(wait.unwrap_or_default()).clamp(LOOK[0], LOOK[1]))
    }

    /// Makes an old file of `file` at `path` if it is due, and answers whether it did: then a new
    /// one is to be opened.
    pub(super) fn rotate_if_due(&mut self, path: &Path, file: &File) -> bool {
        let now = SystemTime::now();
        if self.time_left(now) != Some(Duration::ZERO)
            || self.not_before.is_some_and(|t| Instant::now() < t)
            // The next one waits for it, rather than move its file under its hands.
            || self.is_packing()
        {
            return false;
        }
        // Somebody may have cut the file meanwhile (logrotate's copytruncate).
        self.filled = Filled::of(file, now).ok();
        if self.time_left(now) != Some(Duration::ZERO) {
            return false;
        }
        let done = match is_in_place(path, file) {
            Ok(true) => shift(path, self.wanted.keep),
            // A link, a device, or renamed by another program that will tell us so (`USR1`).
            Ok(false) => {
                self.filled = None;
                return false;
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => {
                self.not_before = None;
                self.is_to_pack = true;
                self.trouble.is_over(path);
                true
            }
            Err(error) => {
                self.not_before = Some(Instant::now() + RETRY);
                self.trouble.tell("rotated", path, &error);
                false
            }
        }
    }

    fn time_left(&self, now: SystemTime) -> Option<Duration> {
        self.filled?.time_left(self.wanted, now)
    }

    fn is_packing(&self) -> bool {
        self.packing
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
    }
}

impl Trouble {
    fn tell(&self, done: &str, file: &Path, error: &io::Error) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        if !self.is_told.swap(true, Ordering::Relaxed) {
            let file = PathBuf::from(file);
            tracing::warn!(
                "{} cannot be {done}: {error}; the log goes on, and it is tried again",
                file.display()
            );
        }
    }

    fn is_over(&self, path: &Path) {
        if self.is_told.swap(false, Ordering::Relaxed) {
            tracing::info!("{} is rotated again", path.display());
        }
    }
}

/// What an open file has behind it.
#[derive(Debug, Clone, Copy)]
struct Filled {
    /// Its length in bytes.
    size: u64,
    /// When it was begun.
    began: SystemTime,
}

impl Filled {
    /// What there is of `file` at `now`.
    fn of(file: &File, now: SystemTime) -> io::Result<Self> {
        let about = file.metadata()?;
        // Where the file system does not know: when it was last written, which is no earlier.
        let began = about.created().or_else(|_| about.modified());
        Ok(Self {
            size: about.len(),
            began: match about.len() {
                0 => now,
                _ => began.unwrap_or(now).min(now),
            },
        })
    }

    /// How long until it is full by `rotate`: zero when it is, none when it never will be by itself.
    fn time_left(&self, rotate: Rotate, now: SystemTime) -> Option<Duration> {
        if self.size == 0 {
            return None;
        }
        if rotate.size > 0 && self.size >= rotate.size {
            return Some(Duration::ZERO);
        }
        if rotate.age.is_zero() {
            return None;
        }
        // A clock that was set back makes the file young again, not ancient.
        let age = now.duration_since(self.began).unwrap_or_default();
        Some(rotate.age.saturating_sub(age))
    }
}

#[cfg(test)]
mod tests {
    use super::{Filled, Rotation};
    use crate::model::Rotate;
    use std::fs::{self, OpenOptions};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, SystemTime};

    fn rotate(size: u64, age: u64) -> Rotate {
        Rotate {
            size,
            age: Duration::from_secs(age),
            ..Rotate::default()
        }
    }

    #[test]
    fn a_file_is_full_by_size_or_by_age_and_an_empty_one_never() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let filled = |size| Filled {
            size,
            began: SystemTime::UNIX_EPOCH + Duration::from_secs(400),
        };
        let seconds = |left: Option<Duration>| left.map(|left| left.as_secs());
        assert_eq!(seconds(filled(9).time_left(rotate(10, 0), now)), None);
        assert_eq!(seconds(filled(10).time_left(rotate(10, 0), now)), Some(0));
        assert_eq!(seconds(filled(1).time_left(rotate(0, 600), now)), Some(0));
        assert_eq!(seconds(filled(1).time_left(rotate(0, 700), now)), Some(100));
        assert_eq!(seconds(filled(0).time_left(rotate(0, 600), now)), None);
        assert_eq!(seconds(filled(99).time_left(rotate(0, 0), now)), None);
        // A clock set back.
        let before = SystemTime::UNIX_EPOCH;
        assert_eq!(
            seconds(filled(1).time_left(rotate(0, 60), before)),
            Some(60)
        );
    }

    #[test]
    fn a_rotation_that_fails_is_counted_and_not_tried_with_every_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        // In the way of the rename: a file never takes the place of a folder.
        fs::create_dir(dir.path().join("a.log.1")).unwrap();
        fs::write(&path, "line\n").unwrap();
        let file = OpenOptions::new().append(true).open(&path).unwrap();
        let failures = Arc::new(AtomicU64::new(0));
        let mut rotation = Rotation::new(rotate(5, 0), Arc::clone(&failures));
        rotation.opened(&path, &file);
        for _ in 0..3 {
            assert!(!rotation.rotate_if_due(&path, &file));
        }
        assert_eq!(failures.load(Ordering::Relaxed), 1);
        assert!(rotation.look_in().unwrap() > Duration::from_secs(1));
        fs::remove_dir(dir.path().join("a.log.1")).unwrap();
        rotation.follow(rotate(5, 0));
        assert!(rotation.rotate_if_due(&path, &file));
        assert!(!path.exists());
    }

    #[test]
    fn what_was_cut_or_renamed_by_others_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        fs::write(&path, "line\n").unwrap();
        let file = OpenOptions::new().append(true).open(&path).unwrap();
        let mut rotation = Rotation::new(rotate(5, 0), Arc::default());
        rotation.opened(&path, &file);
        file.set_len(0).unwrap();
        assert!(!rotation.rotate_if_due(&path, &file));
        fs::write(&path, "line\n").unwrap();
        rotation.opened(&path, &file);
        fs::rename(&path, dir.path().join("a.log.old")).unwrap();
        fs::write(&path, "another's\n").unwrap();
        assert!(!rotation.rotate_if_due(&path, &file));
        assert_eq!(fs::read_to_string(&path).unwrap(), "another's\n");
    }
}
