//! The file of the access log: opened, written, reopened, and its troubles.
//!
//! Nothing here stops for a full disk or a missing folder: the lines that
//! could not be written are counted, the operator is told once, and the next
//! ones try again.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use super::rotation::Rotation;
use super::{AccessFile, Losses};

/// Full is written at once; less waits until the queue is empty.
const FULL: usize = 64 * 1024;

/// Lines on their way into one file.
pub(super) struct Writer {
    path: Option<PathBuf>,
    file: Option<File>,
    /// Open before writing: nothing is open, or what is open is not what
    /// stands at the path any more.
    wants_open: bool,
    buffer: Vec<u8>,
    /// The file ends within a line: the disk was full.
    mid_line: bool,
    /// Lines lost since the file was last well; none while it is.
    trouble: Option<u64>,
    dropped: Arc<AtomicU64>,
    rotation: Rotation,
}

impl Writer {
    /// A writer to `file`, which it opens at once; without one it throws all
    /// lines away. What is lost is added to `losses`.
    pub(super) fn new(file: AccessFile, losses: Losses) -> Self {
        let mut writer = Self {
            path: file.path,
            file: None,
            wants_open: true,
            buffer: Vec::new(),
            mid_line: false,
            trouble: None,
            dropped: losses.lines,
            rotation: Rotation::new(file.rotate, losses.rotations),
        };
        writer.open_if_wanted();
        writer
    }

    /// Takes whole lines.
    pub(super) fn add(&mut self, lines: Vec<u8>) {
        if self.buffer.is_empty() {
            self.buffer = lines;
        } else {
            self.buffer.extend_from_slice(&lines);
        }
        if self.buffer.len() >= FULL {
            self.flush();
        }
    }

    /// Writes what is waiting.
    pub(super) fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        self.open_if_wanted();
        match &mut self.file {
            Some(file) => {
                let (written, error) = write_lines(file, self.mid_line, &self.buffer);
                if let Some(last) = self.buffer[..written].last() {
                    self.mid_line = *last != b'\n';
                }
                self.rotation.wrote(written);
                match error {
                    Some(error) => self.lose(count(&self.buffer[written..]), &error),
                    None => self.is_well(),
                }
            }
            // No file is wanted, or opening it has just failed and was told.
            None if self.trouble.is_some() => self.lost(count(&self.buffer)),
            None => {}
        }
        self.buffer.clear();
        self.rotate_if_due();
    }

    /// Goes on in a new file where the one at hand is large or old enough.
    pub(super) fn rotate_if_due(&mut self) {
        if let (Some(path), Some(file)) = (&self.path, &self.file)
            && !self.wants_open
            && self.rotation.rotate_if_due(path, file)
        {
            self.wants_open = true;
            self.open_if_wanted();
        }
    }

    /// When that is to be looked at though no line comes; none is never.
    pub(super) fn look_in(&self) -> Option<Duration> {
        self.rotation.look_in()
    }

    /// Opens what stands at the path now; what came before goes to the file
    /// that was open. For `USR1`, after the file has been renamed.
    pub(super) fn reopen(&mut self) {
        self.flush();
        self.wants_open = true;
        self.open_if_wanted();
    }

    /// Goes on in another file, or in none. The same path opens nothing anew.
    pub(super) fn switch(&mut self, file: AccessFile) {
        self.rotation.follow(file.rotate);
        if file.path == self.path {
            return;
        }
        self.flush();
        self.path = file.path;
        self.file = None;
        self.trouble = None;
        self.wants_open = true;
        self.open_if_wanted();
    }

    /// A failure leaves the old file in use: after a rename its lines are
    /// better there than nowhere.
    fn open_if_wanted(&mut self) {
        let Some(path) = self.path.as_deref().filter(|_| self.wants_open) else {
            return;
        };
        match open(path) {
            Ok(file) => {
                self.rotation.opened(path, &file);
                self.file = Some(file);
                self.wants_open = false;
                self.mid_line = false;
            }
            Err(error) => self.lose(0, &error),
        }
    }

    fn lose(&mut self, lines: u64, error: &io::Error) {
        if self.trouble.is_none() {
            self.trouble = Some(0);
            tracing::warn!(
                "the access log {} cannot be written: {error}; tried again with the next lines",
                self.shown()
            );
        }
        self.lost(lines);
    }

    fn lost(&mut self, lines: u64) {
        self.dropped.fetch_add(lines, Ordering::Relaxed);
        self.trouble = Some(self.trouble.unwrap_or(0).saturating_add(lines));
    }

    fn is_well(&mut self) {
        // A reopening that failed stays a trouble, though its lines go to the old file.
        if !self.wants_open
            && let Some(lines) = self.trouble.take()
        {
            tracing::info!(
                "the access log {} is written again; {lines} lines were lost",
                self.shown()
            );
        }
    }

    fn shown(&self) -> String {
        match &self.path {
            Some(path) => path.display().to_string(),
            None => String::new(),
        }
    }
}

/// Appends, as `copytruncate` of logrotate needs. Never waits: a FIFO that
/// nobody reads must not hold the writer.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY
        | OFlags::CREATE
        | OFlags::APPEND
        | OFlags::CLOEXEC
        | OFlags::NOCTTY
        | OFlags::NONBLOCK;
    // Addresses and URLs of people: for the owner and the group only.
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP;
    Ok(File::from(rustix::fs::open(path, flags, mode)?))
}

/// Writes `lines`, on a new line where the file ends within one, and says how
/// many of their bytes went in.
fn write_lines(file: &mut File, mid_line: bool, lines: &[u8]) -> (usize, Option<io::Error>) {
    let mut written = 0;
    if mid_line && let Err(error) = file.write_all(b"\n") {
        return (0, Some(error));
    }
    while written < lines.len() {
        match file.write(&lines[written..]) {
            Ok(0) => return (written, Some(io::ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Some(error)),
        }
    }
    (written, None)
}

/// How many lines end in `lines`.
pub(super) fn count(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).fold(0, |n, _| n + 1)
}

#[cfg(test)]
mod tests {
    use super::{FULL, Writer};
    use crate::logs::{AccessFile, Losses};
    use crate::model::Rotate;
    use rustix::fs::{FileType, Mode, OFlags};
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn writer(path: PathBuf) -> (Writer, Arc<AtomicU64>) {
        rotating(path, Rotate::default())
    }

    fn rotating(path: PathBuf, rotate: Rotate) -> (Writer, Arc<AtomicU64>) {
        let losses = Losses::default();
        let dropped = Arc::clone(&losses.lines);
        (Writer::new(to(Some(path), rotate), losses), dropped)
    }

    fn to(path: Option<PathBuf>, rotate: Rotate) -> AccessFile {
        AccessFile { path, rotate }
    }

    fn goes_to(path: Option<PathBuf>) -> AccessFile {
        to(path, Rotate::default())
    }

    #[test]
    fn a_small_batch_waits_and_a_full_buffer_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let (mut writer, _) = writer(path.clone());
        writer.add(b"a\n".to_vec());
        writer.add(b"b\n".to_vec());
        assert_eq!(fs::read(&path).unwrap(), b"");
        writer.add(vec![b'\n'; FULL]);
        assert_eq!(fs::read(&path).unwrap().len(), FULL + 4);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o137, 0);
    }

    #[test]
    fn a_missing_folder_costs_its_lines_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs/access.log");
        let (mut writer, dropped) = writer(path.clone());
        writer.add(b"a\nb\n".to_vec());
        writer.flush();
        writer.add(b"c\n".to_vec());
        writer.flush();
        assert_eq!(dropped.load(Ordering::Relaxed), 3);
        fs::create_dir(dir.path().join("logs")).unwrap();
        writer.add(b"d\n".to_vec());
        writer.flush();
        assert_eq!(fs::read(&path).unwrap(), b"d\n");
        assert_eq!(dropped.load(Ordering::Relaxed), 3);
        assert_eq!(writer.trouble, None);
    }

    #[test]
    fn a_full_disk_costs_its_lines_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let (mut writer, dropped) = writer("/dev/full".into());
        writer.add(b"a\n".to_vec());
        writer.flush();
        assert_eq!(
            (dropped.load(Ordering::Relaxed), writer.trouble),
            (1, Some(1))
        );
        writer.switch(goes_to(Some(path.clone())));
        writer.add(b"b\n".to_vec());
        writer.flush();
        assert_eq!(fs::read(&path).unwrap(), b"b\n");
    }

    #[test]
    fn after_half_a_line_the_next_begins_a_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, mode, 0).unwrap();
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let mut reader = fs::File::from(rustix::fs::open(&path, flags, Mode::empty()).unwrap());
        let (mut writer, dropped) = writer(path);
        // More than a pipe holds, in lines of odd length.
        let lines = b"0123456\n9abcdef012345678\n".repeat(20_000);
        writer.add(lines.clone());
        let mut got = vec![0; lines.len()];
        let first = reader.read(&mut got).unwrap();
        assert!(first > 0 && dropped.load(Ordering::Relaxed) > 0);
        assert!(lines.starts_with(&got[..first]));
        let half = got[first - 1] != b'\n';
        assert_eq!(writer.mid_line, half);
        writer.add(b"next\n".to_vec());
        writer.flush();
        let more = reader.read(&mut got).unwrap();
        let expected: &[u8] = if half { b"\nnext\n" } else { b"next\n" };
        assert_eq!(&got[..more], expected);
    }

    #[test]
    fn a_fifo_that_nobody_reads_holds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
        let (mut writer, dropped) = writer(path);
        writer.add(b"a\n".to_vec());
        writer.flush();
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn reopening_goes_on_in_a_new_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let moved = dir.path().join("access.log.1");
        let (mut writer, _) = writer(path.clone());
        writer.add(b"a\n".to_vec());
        writer.flush();
        fs::rename(&path, &moved).unwrap();
        writer.add(b"b\n".to_vec());
        writer.reopen();
        writer.add(b"c\n".to_vec());
        writer.flush();
        assert_eq!(fs::read(&moved).unwrap(), b"a\nb\n");
        assert_eq!(fs::read(&path).unwrap(), b"c\n");
    }

    #[test]
    fn a_reopening_that_fails_keeps_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let logs = dir.path().join("logs");
        let moved = dir.path().join("moved");
        fs::create_dir(&logs).unwrap();
        let (mut writer, dropped) = writer(logs.join("access.log"));
        fs::rename(&logs, &moved).unwrap();
        writer.reopen();
        writer.add(b"a\n".to_vec());
        writer.flush();
        assert_eq!(fs::read(moved.join("access.log")).unwrap(), b"a\n");
        assert_eq!(
            (dropped.load(Ordering::Relaxed), writer.trouble),
            (0, Some(0))
        );
        fs::create_dir(&logs).unwrap();
        writer.add(b"b\n".to_vec());
        writer.flush();
        assert_eq!(fs::read(logs.join("access.log")).unwrap(), b"b\n");
        assert_eq!(writer.trouble, None);
    }

    #[test]
    fn without_a_file_lines_are_not_lost_but_unwanted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let (mut writer, dropped) = writer(path.clone());
        writer.add(b"a\n".to_vec());
        writer.switch(goes_to(None));
        writer.add(b"b\n".to_vec());
        writer.flush();
        writer.switch(goes_to(Some(path.clone())));
        writer.add(b"c\n".to_vec());
        writer.flush();
        assert_eq!(fs::read(&path).unwrap(), b"a\nc\n");
        assert_eq!(dropped.load(Ordering::Relaxed), 0);
    }
}
