//! Files that bodies are held in where memory is too dear for them. They have no name: a
//! process that dies leaves none behind.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, Mode, OFlags};
use tokio::runtime::Handle;

/// Where spool files are made.
#[derive(Debug, Clone)]
pub struct Spool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dir: Option<PathBuf>,
    /// For a file that has a name for a moment.
    next: AtomicU64,
    /// What the operator was told last: whether files fail.
    failing: AtomicBool,
    started: Instant,
    /// When they were last said to fail: seconds since `started`, and one; 0 is never.
    warned: AtomicU64,
}

/// Least time between two warnings: a disk that is nearly full fails and works in turns.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// A file that one body is held in. Waits for the disk, but for its end: to close a long file
/// takes as long as to give back its blocks, so that is done on the blocking pool.
#[derive(Debug)]
pub(super) struct SpoolFile(Option<File>);

impl SpoolFile {
    /// Bytes read at a time.
    pub(super) const PIECE: usize = 256 * 1024;
    /// What a file's blocks are a multiple of, nearly everywhere.
    const BLOCK: u64 = 4096;

    fn file(&self) -> io::Result<&File> {
        self.0
            .as_ref()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The bytes from `at` to `end`, a piece of them at most.
    pub(super) fn piece(&self, at: u64, end: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut piece = vec![0; length.min(Self::PIECE)];
        self.file()?.read_exact_at(&mut piece, at)?;
        Ok(piece)
    }

    /// Gives back the room of `length` bytes from `at` on, which nobody reads again, nor what is
    /// before them. False where the file system cannot.
    pub(super) fn free(&self, at: u64, length: usize) -> bool {
        // The block that the last piece ended in goes with this one.
        let start = at - at % Self::BLOCK;
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        self.file().is_ok_and(|file| {
            rustix::fs::fallocate(file, flags, start, at - start + length as u64).is_ok()
        })
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        let file = self.0.take();
        // Without a runtime, at the end of the process, nobody waits.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || drop(file));
        }
    }
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
            started: Instant::now(),
            warned: AtomicU64::new(0),
        }))
    }

    /// Writes `bytes` at `at` of `file`, or of a new one, and tells what became of that. Waits
    /// for the disk.
    pub(super) fn write(
        &self,
        file: Option<Arc<SpoolFile>>,
        bytes: &[u8],
        at: u64,
    ) -> io::Result<Arc<SpoolFile>> {
        let new = || Ok(Arc::new(SpoolFile(Some(self.create()?))));
        let written = file.map_or_else(new, Ok).and_then(|file| {
            file.file()?.write_all_at(bytes, at)?;
            Ok(file)
        });
        self.note(written.as_ref().map(|_| ()));
        written
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

    /// Whether the operator is to be told that files fail, or that they no longer do, `now` after
    /// the start: once, and of each at most once in [`WARN_EVERY`].
    fn is_news(&self, failed: bool, now: Duration) -> bool {
        // Read first: whoever writes takes the line of cache from all other workers.
        if self.0.failing.load(Ordering::Relaxed) == failed {
            return false;
        }
        let (now, last) = (now.as_secs() + 1, self.0.warned.load(Ordering::Relaxed));
        if failed && last > 0 && now < last + WARN_EVERY.as_secs() {
            return false;
        }
        let is_news = self.0.failing.swap(failed, Ordering::Relaxed) != failed;
        if is_news && failed {
            self.0.warned.store(now, Ordering::Relaxed);
        }
        is_news
    }

    /// Tells the operator once of files that fail, and once that they no longer do.
    pub(super) fn note(&self, result: Result<(), &io::Error>) {
        if !self.is_news(result.is_err(), self.0.started.elapsed()) {
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
    use std::os::unix::fs::MetadataExt;
    use std::time::Duration;

    use super::{NAMED, Spool, SpoolFile};

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

    #[test]
    fn what_is_read_no_longer_takes_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::at(dir.path().join("spool"));
        let bytes: Vec<u8> = (0..=255).cycle().take(1_000_001).collect();
        let file = spool.write(None, &bytes, 0).unwrap();
        let blocks = |file: &SpoolFile| file.file().unwrap().metadata().unwrap().blocks();
        let (full, mut read) = (blocks(&file), Vec::new());
        assert!(full * 512 >= 1_000_001);
        while read.len() < bytes.len() {
            let piece = file.piece(read.len() as u64, 1_000_001).unwrap();
            if !file.free(read.len() as u64, piece.len()) {
                // This file system cannot.
                return;
            }
            read.extend_from_slice(&piece);
            let left = (bytes.len() - read.len()) as u64;
            assert!(blocks(&file) * 512 <= left + 8192, "{left}");
        }
        assert!(read == bytes);
        // It goes on behind what is gone.
        let file = spool.write(Some(file), b"more", 1_000_001).unwrap();
        assert_eq!(file.piece(1_000_001, 1_000_005).unwrap(), b"more");
    }

    #[test]
    fn a_disk_that_fails_and_works_in_turns_is_told_once_a_minute() {
        let spool = Spool::nowhere();
        let told = |from: u64| {
            let second = |n| Duration::from_secs(from + n);
            let of = |n: u64| usize::from(spool.is_news(n.is_multiple_of(2), second(n)));
            (0..60).map(of).sum::<usize>()
        };
        // That it fails, and that it does not.
        assert_eq!(told(0), 2);
        assert_eq!(told(60), 2);
        assert!(!spool.is_news(false, Duration::from_secs(200)));
        assert!(spool.is_news(true, Duration::from_secs(200)));
        assert!(!spool.is_news(true, Duration::from_secs(900)));
        assert!(spool.is_news(false, Duration::from_secs(900)));
    }

    #[test]
    fn a_file_is_closed_on_the_blocking_pool() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let (mut end, file) = std::io::pipe().unwrap();
        rustix::fs::fcntl_setfl(&end, super::OFlags::NONBLOCK).unwrap();
        let file = SpoolFile(Some(std::fs::File::from(std::os::fd::OwnedFd::from(file))));
        let (release, held_up) = std::sync::mpsc::channel::<()>();
        runtime.block_on(async {
            // The pool has something else to do.
            let busy = tokio::task::spawn_blocking(move || held_up.recv());
            drop(file);
            let open = end.read(&mut [0]).unwrap_err();
            assert_eq!(open.kind(), std::io::ErrorKind::WouldBlock);
            drop(release);
            busy.await.unwrap().unwrap_err();
            // Jobs are done in their order.
            tokio::task::spawn_blocking(|| ()).await.unwrap();
            assert_eq!(end.read(&mut [0]).unwrap(), 0);
        });
    }
}
