//! The files of the log store: which there are, and what each holds.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::segment::{About, DATA};

/// How a segment's name ends; before it stands its number.
const END: &str = ".db";

/// What a damaged file is called from then on, before the time.
const CORRUPT: &str = ".corrupt-";

/// Damaged files that are kept to be examined: logs can be done without, a full disk cannot.
const CORRUPT_KEPT: usize = 3;

/// What there is beside a file: its records, and what SQLite keeps there.
const BESIDE: [&str; 4] = [DATA, "-wal", "-shm", "-journal"];

/// The files of one folder by number. Cheap to clone: the writer and all who search share it.
#[derive(Debug, Clone)]
pub(super) struct Catalog {
    folder: PathBuf,
    known: Arc<Mutex<BTreeMap<u64, About>>>,
}

impl Catalog {
    /// The files of `folder`, none of them known yet.
    pub(super) fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            known: Arc::default(),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    // Numbers are replaced whole, so a poisoned lock is as good.
    fn known(&self) -> MutexGuard<'_, BTreeMap<u64, About>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the segment of this number is.
    pub(super) fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:010}{END}"))
    }

    /// The numbers of the files that are there, the oldest first.
    pub(super) fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(END));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Notes what a segment holds now.
    pub(super) fn set(&self, number: u64, about: About) {
        self.known().insert(number, about);
    }

    /// All that is known, the newest first.
    pub(super) fn newest_first(&self) -> Vec<(u64, About)> {
        self.known()
            .iter()
            .rev()
            .map(|(n, about)| (*n, *about))
            .collect()
    }

    /// The oldest segment.
    pub(super) fn oldest(&self) -> Option<(u64, About)> {
        self.known()
            .iter()
            .next()
            .map(|(number, about)| (*number, *about))
    }

    /// Bytes of all files of the folder, journals and what was set aside too.
    pub(super) fn size(&self) -> u64 {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return 0;
        };
        let length = |entry: fs::DirEntry| entry.metadata().ok().map(|about| about.len());
        entries.flatten().filter_map(length).sum()
    }

    /// Removes a segment.
    pub(super) fn remove(&self, number: u64) -> io::Result<()> {
        self.known().remove(&number);
        let path = self.path(number);
        for end in BESIDE {
            ignore_missing(fs::remove_file(with(&path, end)))?;
        }
        ignore_missing(fs::remove_file(path))
    }

    /// Sets a damaged file aside and answers where it went.
    pub(super) fn set_aside(&self, path: &Path) -> io::Result<PathBuf> {
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let mut to = with(path, &format!("{CORRUPT}{seconds}"));
        for more in 1.. {
            if !to.exists() {
                break;
            }
            to = with(path, &format!("{CORRUPT}{seconds}-{more}"));
        }
        fs::rename(path, &to)?;
        for end in BESIDE {
            ignore_missing(fs::rename(with(path, end), with(&to, end)))?;
        }
        self.forget_old_ones()?;
        Ok(to)
    }

    /// Takes a segment out of what is searched.
    pub(super) fn forget(&self, number: u64) {
        self.known().remove(&number);
    }

    fn forget_old_ones(&self) -> io::Result<()> {
        let mut aside: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.to_string_lossy();
            if name.contains(CORRUPT) && !BESIDE.iter().any(|end| name.ends_with(end)) {
                aside.push((fs::metadata(&path)?.modified()?, path));
            }
        }
        aside.sort();
        let surplus = aside.len().saturating_sub(CORRUPT_KEPT);
        for (_, path) in aside.into_iter().take(surplus) {
            for end in BESIDE {
                ignore_missing(fs::remove_file(with(&path, end)))?;
            }
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// Makes the folder where it is not: what people asked for is for the owner and the group only.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(folder)
}

fn ignore_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
