//! A file that was found, open, with all that an answer says of it.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rustix::io::{Errno, ReadWriteFlags};

use super::about::{About, is_local};
use super::coding::Coding;
use super::conditional::Validators;
use super::{Look, content_type};

/// A file that was found, open for reading at any position.
#[derive(Debug)]
pub struct Opened {
    file: Held,
    /// As it was when it was opened.
    pub(super) about: About,
    pub(super) content_type: String,
    pub(super) coding: Coding,
    pub(super) validators: Validators,
    /// What must still stand where it stood for this to be what a new look would find.
    witnesses: Vec<(PathBuf, About)>,
    local: bool,
}

/// How far apart the bytes are that are looked at to tell whether a range is in memory.
const STEP: u64 = 256 * 1024;

impl Opened {
    /// `file`, found in the state `about` at `path`: what `name` is, in the form `coding`.
    pub(super) fn new(
        (file, about): (File, About),
        path: PathBuf,
        (name, coding): (&str, Coding),
        look: Look,
    ) -> Self {
        Self {
            content_type: content_type::of(name).into_owned(),
            validators: Validators::new(about.modified.0, about.size, coding),
            coding,
            witnesses: vec![(path, about)],
            local: look == Look::MayWait && is_local(file.as_fd()),
            file: Held(Some(file)),
            about,
        }
    }

    /// Has `path`, which was in this state before the look, count among what must not change.
    pub(super) fn witness(&mut self, path: PathBuf, about: About) {
        self.witnesses.push((path, about));
    }

    /// Has all that must not change of `other` count too.
    pub(super) fn witness_all(&mut self, other: Self) {
        self.witnesses.extend(other.witnesses);
    }

    /// Whether a new look would find it again, as it is. Asks no disk: that it is open keeps
    /// the names on the way to it in memory.
    pub(super) fn is_what_stands_there(&self) -> bool {
        let same = |(path, about): &(PathBuf, About)| About::at(path) == Ok(*about);
        self.witnesses.iter().all(same)
    }

    /// The file system it is on, if it was found to be this machine's own.
    pub(super) fn local_device(&self) -> Option<u64> {
        self.local.then_some(self.about.device)
    }

    /// Its length in bytes when it was opened.
    pub fn size(&self) -> u64 {
        self.about.size
    }

    /// Where it is, for the operator.
    pub fn path(&self) -> &std::path::Path {
        self.witnesses.first().map_or("".as_ref(), |(path, _)| path)
    }

    /// Reads from `at` what is in memory; 0 is the file's end, none that the disk would have to
    /// be asked.
    ///
    /// # Errors
    /// The disk failed, earlier.
    pub fn read_from_memory(&self, at: u64, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let buffers = &mut [IoSliceMut::new(buffer)];
        match rustix::io::preadv2(self, buffers, at, ReadWriteFlags::NOWAIT) {
            Ok(count) => Ok(Some(count)),
            // A file system that cannot tell, or a sandbox.
            Err(Errno::AGAIN | Errno::INTR | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether `range` can be sent without waiting for the disk, as far as every 256 KiB of it
    /// and its end tell. What is beyond the file's end is: there is nothing to wait for.
    ///
    /// # Errors
    /// As [`Opened::read_from_memory`].
    pub fn is_in_memory(&self, range: Range<u64>) -> io::Result<bool> {
        let mut byte = [0];
        let mut at = range.start;
        while at < range.end {
            if self.read_from_memory(at, &mut byte)?.is_none() {
                return Ok(false);
            }
            let last = range.end - 1;
            at = if at == last {
                range.end
            } else {
                last.min(at.saturating_add(STEP))
            };
        }
        Ok(true)
    }

    /// Reads `range` as far as the file goes. Waits for the disk.
    ///
    /// # Errors
    /// The disk failed.
    pub fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let length = usize::try_from(range.end.saturating_sub(range.start));
        let mut piece = vec![0; length.map_err(io::Error::other)?];
        let mut filled = 0;
        while filled < piece.len() {
            match self
                .file
                .get()
                .read_at(&mut piece[filled..], range.start + filled as u64)?
            {
                0 => break,
                count => filled += count,
            }
        }
        piece.truncate(filled);
        Ok(piece)
    }
}

impl AsFd for Opened {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.get().as_fd()
    }
}

/// An open file that is not closed where that takes long: to let go of the last of a removed
/// file is to give back its space.
#[derive(Debug)]
struct Held(Option<File>);

impl Held {
    fn get(&self) -> &File {
        self.0.as_ref().expect("taken in drop only")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(file) = self.0.take() else {
            return;
        };
        let is_removed = rustix::fs::fstat(&file).is_ok_and(|about| about.st_nlink == 0);
        if is_removed && let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Nobody waits for it.
            drop(runtime.spawn_blocking(move || drop(file)));
        }
    }
}
