//! The state of a file: what tells it from another, and from itself before a change.

use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, CWD, FileType, StatxFlags, makedev};
use rustix::io::{Errno, Result};
use rustix::path::Arg;

use super::Look;

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    File,
    Directory,
    /// A device, a FIFO, a socket.
    Other,
}

/// One state of one file. Whatever happens to it (written, cut, moved, replaced, removed, taken
/// away) makes another: the time of its last change is the kernel's, and nobody can set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct About {
    pub(super) sort: Sort,
    /// The file system it is on.
    pub(super) device: u64,
    inode: u64,
    /// In bytes.
    pub(super) size: u64,
    /// When it was written, in seconds since 1970 and nanoseconds.
    pub(super) modified: (i64, u32),
    changed: (i64, u32),
}

impl About {
    /// The state of what is open as `file`.
    pub(super) fn of(file: BorrowedFd<'_>, look: Look) -> Result<Self> {
        // A server that has the file is not asked where nobody may wait for it.
        let sync = match look {
            Look::MayWait => AtFlags::empty(),
            Look::FromMemory => AtFlags::STATX_DONT_SYNC,
        };
        match Self::ask(file, "", AtFlags::EMPTY_PATH | sync) {
            // A sandbox that does not know the call.
            Err(Errno::NOSYS | Errno::PERM) => Self::asked_plainly(file),
            done => done,
        }
    }

    /// The state of what is at `path`. Opens nothing.
    pub(super) fn at(path: impl Arg) -> Result<Self> {
        Self::ask(CWD, path, AtFlags::STATX_DONT_SYNC)
    }

    fn ask(from: BorrowedFd<'_>, path: impl Arg, flags: AtFlags) -> Result<Self> {
        let told = rustix::fs::statx(from, path, flags, StatxFlags::BASIC_STATS)?;
        Ok(Self {
            sort: sort(FileType::from_raw_mode(told.stx_mode.into())),
            device: makedev(told.stx_dev_major, told.stx_dev_minor),
            inode: told.stx_ino,
            size: told.stx_size,
            modified: (told.stx_mtime.tv_sec, told.stx_mtime.tv_nsec),
            changed: (told.stx_ctime.tv_sec, told.stx_ctime.tv_nsec),
        })
    }

    fn asked_plainly(file: BorrowedFd<'_>) -> Result<Self> {
        let told = rustix::fs::fstat(file)?;
        let nanoseconds = |n| u32::try_from(n).unwrap_or(0);
        Ok(Self {
            sort: sort(FileType::from_raw_mode(told.st_mode)),
            device: told.st_dev,
            inode: told.st_ino,
            size: u64::try_from(told.st_size).unwrap_or(0),
            modified: (told.st_mtime, nanoseconds(told.st_mtime_nsec)),
            changed: (told.st_ctime, nanoseconds(told.st_ctime_nsec)),
        })
    }
}

fn sort(kind: FileType) -> Sort {
    match kind {
        FileType::RegularFile => Sort::File,
        FileType::Directory => Sort::Directory,
        _ => Sort::Other,
    }
}

/// Whether the file system of `file` is one of this machine's: what the kernel knows of it is
/// true without asking a server or a program. One that is not listed is taken for none.
pub(super) fn is_local(file: BorrowedFd<'_>) -> bool {
    const LOCAL: [rustix::fs::FsWord; 12] = [
        0xef53,      // ext2, ext3, ext4
        0x5846_5342, // XFS
        0x9123_683e, // Btrfs
        0x0102_1994, // tmpfs
        0x8584_58f6, // ramfs
        0x794c_7630, // overlayfs, a container's
        0x2fc1_2fc1, // ZFS
        0xf2f5_2010, // F2FS
        0xca45_1a4e, // bcachefs
        0x7371_7368, // SquashFS
        0xe0f5_e1e2, // EROFS
        0x9660,      // ISO 9660
    ];
    // The kernel gives 32 bits, with or without a sign.
    rustix::fs::fstatfs(file).is_ok_and(|about| LOCAL.contains(&(about.f_type & 0xffff_ffff)))
}

#[cfg(test)]
mod tests {
    use super::{About, is_local};
    use crate::files::Look;
    use std::fs::{self, File, Permissions};
    use std::os::fd::AsFd;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    /// What may happen to a file between two requests.
    type Change = (&'static str, fn(&Path));

    const CHANGES: [Change; 7] = [
        ("written, as long as before and as old", |path| {
            let old = fs::metadata(path).unwrap().modified().unwrap();
            fs::write(path, "INSIDE").unwrap();
            set_modified(path, old);
        }),
        ("grown", |path| fs::write(path, "inside and more").unwrap()),
        ("cut", |path| {
            let file = File::options().write(true).open(path).unwrap();
            file.set_len(1).unwrap();
        }),
        ("replaced", |path| {
            let new = path.with_extension("new");
            fs::write(&new, "inside").unwrap();
            fs::rename(new, path).unwrap();
        }),
        ("removed", |path| fs::remove_file(path).unwrap()),
        ("taken away", |path| {
            fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
        }),
        ("moved with its folder", |path| {
            let folder = path.parent().unwrap();
            fs::rename(folder, folder.with_extension("old")).unwrap();
        }),
    ];

    fn set_modified(path: &Path, time: SystemTime) {
        let file = File::options().append(true).open(path).unwrap();
        file.set_modified(time).unwrap();
    }

    #[test]
    fn every_change_of_a_file_is_seen_at_its_path() {
        for (what, change) in CHANGES {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("folder/file");
            fs::create_dir(path.parent().unwrap()).unwrap();
            fs::write(&path, "inside").unwrap();
            set_modified(&path, SystemTime::now() - Duration::from_secs(60));
            let file = File::open(&path).unwrap();
            let about = About::of(file.as_fd(), Look::FromMemory).unwrap();
            assert_eq!(about, About::of(file.as_fd(), Look::MayWait).unwrap());
            assert_eq!(about, About::asked_plainly(file.as_fd()).unwrap());
            assert_eq!(About::at(&path), Ok(about));
            // The clock that stamps changes may be a coarse one.
            let clock = dir.path().join("clock");
            let stamp = |path: &Path| About::at(path).map(|about| about.changed);
            while !stamp(&clock).is_ok_and(|now| now > about.changed) {
                fs::write(&clock, "tick").unwrap();
            }
            change(&path);
            assert_ne!(About::at(&path), Ok(about), "{what}");
        }
    }

    #[test]
    fn a_file_of_the_kernel_s_own_is_not_taken_for_one_on_a_disk() {
        let file = File::open("/proc/self/status").unwrap();
        assert!(!is_local(file.as_fd()));
    }
}
