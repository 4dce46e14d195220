//! Files that bodies are held in where memory is too dear for them. They have no name: a
//! process that dies leaves none behind.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::{Mode, OFlags};

/// Where spool files are made.
#[derive(Debug, Clone)]
pub struct Spool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dir: Option<PathBuf>,
    /// For a file that has a name for a moment.
    next: AtomicU64,
    /// Whether the last file failed: said once, not for each.
    failing: AtomicBool,
}

impl Spool {
    /// Makes `dir`, and removes what a crash can have left in it. A directory that cannot be
    /// made or cleared is told by the first file.
    pub fn at(dir: PathBuf) -> Self {
        drop(DirBuilder::new().recursive(true).mode(0o700).create(&dir));
        for left in fs::read_dir(&dir).into_iter().flatten().flatten() {
            if left
                .file_name()
                .as_encoded_bytes()
                .starts_with(NAMED.as_bytes())
            {
                drop(fs::remove_file(left.path()));
            }
        }
        Self::new(Some(dir))
    }

    /// Nowhere: no file can be made.
    pub fn nowhere() -> Self {
        Self::new(None)
    }

    fn new(dir: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner {
            dir,
            next: AtomicU64::new(0),
            failing: AtomicBool::new(false),
        }))
    }

    /// A new file for one body. Waits for the disk.
    ///
    /// # Errors
    /// The directory is not there, cannot be written, or has no room.
    pub fn create(&self) -> io::Result<File> {
        let Some(dir) = &self.0.dir else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let flags = OFlags::TMPFILE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        match rustix::fs::open(dir, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => Ok(File::from(file)),
            // A file system that knows no such file, or a kernel.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR) => self.named(dir),
            Err(error) => Err(error.into()),
        }
    }

    /// A file whose name is gone before anything is in it.
    fn named(&self, dir: &Path) -> io::Result<File> {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("{NAMED}{number}"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        fs::remove_file(&path)?;
        Ok(file)
    }

    /// Tells the operator once of files that fail, and once that they no longer do.
    pub(super) fn note(&self, result: Result<(), &io::Error>) {
        let failed = result.is_err();
        // Read first: whoever writes takes the line of cache from all other workers.
        if self.0.failing.load(Ordering::Relaxed) == failed
            || self.0.failing.swap(failed, Ordering::Relaxed) == failed
        {
            return;
        }
        let dir = self.0.dir.as_deref().unwrap_or(Path::new("nowhere"));
        let dir = dir.display();
        match result {
            Ok(()) => tracing::info!("spool files in {dir} are written again"),
            Err(error) => tracing::warn!(
                "no spool file in {dir}: {error}; bodies that memory does not hold are passed on as they come"
            ),
        }
    }
}

/// What a file's name begins with, while it has one.
const NAMED: &str = "body-";

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write};

    use super::{NAMED, Spool};

    fn works(mut file: std::fs::File) {
        file.write_all(b"body").unwrap();
        file.rewind().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "body");
    }

    #[test]
    fn a_spool_file_has_no_name_and_what_a_crash_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("spool");
        std::fs::create_dir(&place).unwrap();
        std::fs::write(place.join(format!("{NAMED}7")), "left").unwrap();
        std::fs::write(place.join("not ours"), "kept").unwrap();
        let spool = Spool::at(place.clone());
        let files = [spool.create().unwrap(), spool.named(&place).unwrap()];
        let names: Vec<_> = std::fs::read_dir(&place).unwrap().collect();
        assert_eq!(names.len(), 1);
        assert_eq!(names[0].as_ref().unwrap().file_name(), "not ours");
        files.into_iter().for_each(works);
    }

    #[test]
    fn without_a_directory_there_is_no_file() {
        assert!(Spool::nowhere().create().is_err());
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("spool");
        let spool = Spool::at(place.clone());
        std::fs::remove_dir(&place).unwrap();
        assert!(spool.create().is_err());
        std::fs::create_dir(&place).unwrap();
        works(spool.create().unwrap());
        std::fs::write(dir.path().join("file"), "").unwrap();
        assert!(Spool::at(dir.path().join("file")).create().is_err());
    }
}
