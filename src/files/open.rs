//! Opening what is below the root and nothing else.
//!
//! The kernel holds the border (`openat2` with `RESOLVE_BENEATH`), so that no
//! link and no rename in between leads out. A link inside the root may lead
//! elsewhere inside; one with an absolute target counts as leading out.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::about::{About, Sort};

/// Never blocks on a FIFO or device, never makes a terminal ours.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// Limit: how often a lookup is repeated that a rename or a signal disturbed.
/// The kernel asks for it only when both happen at the same moment.
const TRIES: usize = 8;

/// How a look may go about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It may wait for the disk.
    MayWait,
    /// It finds what the kernel has in memory, or fails with [`io::ErrorKind::WouldBlock`].
    FromMemory,
}

/// What stands at a path.
#[derive(Debug)]
pub(super) enum Found {
    /// A regular file, and its present state.
    File { file: File, about: About },
    /// A directory.
    Directory,
    /// Nothing that is served: nothing at all, a device, a link that leads out.
    Nothing,
    /// Something we may not read.
    Forbidden,
}

/// Opens the directory `root`. It may itself be a link: deploys swap those.
pub(super) fn root(root: &Path, look: Look) -> io::Result<OwnedFd> {
    let flags = LOOK | OFlags::DIRECTORY;
    let opened = match look {
        Look::MayWait => rustix::fs::open(root, flags, Mode::empty()),
        Look::FromMemory => from_memory(CWD, root, flags, ResolveFlags::empty()),
    };
    Ok(opened?)
}

/// Opens `path`, wherever it is: for what the operator named.
pub(super) fn outside(path: &Path) -> io::Result<Found> {
    let fd = rustix::fs::open(path, READ, Mode::empty())?;
    classify(File::from(fd), Look::MayWait)
}

/// Looks at `path`, relative and without dot segments, below `root`.
///
/// # Errors
/// Our own trouble: no descriptors left, a disk that fails.
pub(super) fn find(root: BorrowedFd<'_>, path: &str, look: Look) -> io::Result<Found> {
    if path.is_empty() {
        return Ok(Found::Directory);
    }
    let open = |flags| match look {
        Look::MayWait => beneath(root, path, flags),
        Look::FromMemory => from_memory(root, path, flags, BENEATH),
    };
    match open(READ) {
        Ok(fd) => classify(File::from(fd), look),
        // A directory that may be passed through but not listed.
        Err(Errno::ACCESS) => match open(LOOK | OFlags::DIRECTORY) {
            Ok(_) => Ok(Found::Directory),
            Err(_) => Ok(Found::Forbidden),
        },
        Err(error) => absent(error.into()),
    }
}

/// The present state of the directory `path` below `root`.
///
/// # Errors
/// It is none, or it cannot be looked at.
pub(super) fn directory(root: BorrowedFd<'_>, path: &str, look: Look) -> io::Result<About> {
    if path.is_empty() {
        return Ok(About::of(root, look)?);
    }
    let flags = LOOK | OFlags::DIRECTORY;
    let fd = match look {
        Look::MayWait => beneath(root, path, flags),
        Look::FromMemory => from_memory(root, path, flags, BENEATH),
    }?;
    Ok(About::of(fd.as_fd(), look)?)
}

/// Turns an error of opening into what stands there, where it says so.
pub(super) fn absent(error: io::Error) -> io::Result<Found> {
    match Errno::from_io_error(&error) {
        Some(
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::NAMETOOLONG
            | Errno::LOOP
            | Errno::XDEV
            | Errno::NXIO
            | Errno::NODEV,
        ) => Ok(Found::Nothing),
        Some(Errno::ACCESS) => Ok(Found::Forbidden),
        _ => Err(error),
    }
}

fn classify(file: File, look: Look) -> io::Result<Found> {
    let about = About::of(file.as_fd(), look)?;
    Ok(match about.sort {
        Sort::File => Found::File { file, about },
        Sort::Directory => Found::Directory,
        Sort::Other => Found::Nothing,
    })
}

/// The border: nothing above the directory begun at, by whatever link.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);

fn beneath(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    for _ in 0..TRIES {
        match rustix::fs::openat2(root, path, flags, Mode::empty(), BENEATH) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            // Linux before 5.6, or a sandbox that does not know the call.
            Err(Errno::NOSYS | Errno::PERM) => return walk(root, path, flags),
            done => return done,
        }
    }
    Err(Errno::AGAIN)
}

/// Opens `path` where the kernel knows every name of it without asking a disk or a server.
fn from_memory(
    from: BorrowedFd<'_>,
    path: impl rustix::path::Arg,
    flags: OFlags,
    border: ResolveFlags,
) -> rustix::io::Result<OwnedFd> {
    let resolve = border | ResolveFlags::CACHED;
    let opened = rustix::fs::openat2(from, path, flags, Mode::empty(), resolve);
    opened.map_err(|error| match error {
        // Linux before 5.12, a sandbox, a signal.
        Errno::NOSYS | Errno::PERM | Errno::INVAL | Errno::INTR => Errno::AGAIN,
        error => error,
    })
}

/// The same without `openat2`: one segment after the other, and no link at all.
fn walk(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let through = LOOK | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut here: Option<OwnedFd> = None;
    for folder in folders.split('/').filter(|folder| !folder.is_empty()) {
        let from = here.as_ref().map_or(root, AsFd::as_fd);
        here = Some(rustix::fs::openat(from, folder, through, Mode::empty())?);
    }
    let from = here.as_ref().map_or(root, AsFd::as_fd);
    rustix::fs::openat(from, name, flags | OFlags::NOFOLLOW, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::{Found, Look, READ, absent, find, root, walk};
    use rustix::fs::{FileType, Mode};
    use rustix::io::Errno;
    use std::fs::{self, File};
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use tempfile::TempDir;

    /// `root/` with a file, folders and links of all kinds; `outside` beside it.
    fn tree() -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("root/a/b")).unwrap();
        fs::write(at("outside"), "outside").unwrap();
        fs::write(at("root/a/b/file"), "inside").unwrap();
        for (link, target) in [
            ("root/within", "a/b"),
            ("root/a/up", "../a/b/file"),
            ("root/out", "../outside"),
            ("root/a/far", "../../outside"),
            ("root/absolute", "/etc"),
            ("root/loop", "loop"),
            ("root/dangling", "a/nothing"),
        ] {
            symlink(target, at(link)).unwrap();
        }
        symlink(at("root/a"), at("root/home")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("root/fifo"),
            FileType::Fifo,
            Mode::RWXU,
            0,
        )
        .unwrap();
        dir
    }

    fn text(mut file: File) -> String {
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn files_and_links_inside_are_found() {
        let dir = tree();
        let root = root(&dir.path().join("root"), Look::MayWait).unwrap();
        for path in ["a/b/file", "within/file", "a/up"] {
            match find(root.as_fd(), path, Look::MayWait).unwrap() {
                Found::File { file, about } => {
                    assert_eq!((text(file).as_str(), about.size), ("inside", 6));
                }
                other => panic!("{path}: {other:?}"),
            }
        }
        for path in ["", "a", "a/b", "within"] {
            let found = find(root.as_fd(), path, Look::MayWait).unwrap();
            assert!(matches!(found, Found::Directory), "{path}");
        }
    }

    #[test]
    fn what_leads_out_or_is_no_file_is_not_there() {
        let dir = tree();
        let _socket = UnixListener::bind(dir.path().join("root/socket")).unwrap();
        let root = root(&dir.path().join("root"), Look::MayWait).unwrap();
        let long = "x".repeat(300);
        for path in [
            "out",
            "a/far",
            "absolute",
            "absolute/passwd",
            "home/b/file",
            "loop",
            "dangling",
            "fifo",
            "socket",
            "nothing",
            "a/b/file/x",
            &long,
            "../outside",
            "/etc/passwd",
        ] {
            let found = find(root.as_fd(), path, Look::MayWait).unwrap();
            assert!(matches!(found, Found::Nothing), "{path}: {found:?}");
        }
    }

    #[test]
    fn without_openat2_no_link_is_followed() {
        let dir = tree();
        let root = root(&dir.path().join("root"), Look::MayWait).unwrap();
        let fd = walk(root.as_fd(), "a/b/file", READ).unwrap();
        assert_eq!(text(File::from(fd)), "inside");
        assert!(walk(root.as_fd(), "a", READ).is_ok());
        for path in ["within/file", "a/up", "out", "a/far", "absolute/passwd"] {
            let error = walk(root.as_fd(), path, READ).unwrap_err();
            assert!(matches!(error, Errno::LOOP | Errno::NOTDIR), "{path}");
        }
    }

    #[test]
    fn what_we_may_not_read_is_forbidden_and_a_closed_folder_is_a_folder() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tree();
        let at = |path: &str| dir.path().join(path);
        let set = |path: &str, mode| {
            fs::set_permissions(at(path), fs::Permissions::from_mode(mode)).unwrap();
        };
        set("root/a/b/file", 0o000);
        set("root/a", 0o311);
        let root = root(&at("root"), Look::MayWait).unwrap();
        let (file, folder) = (
            find(root.as_fd(), "a/b/file", Look::MayWait),
            find(root.as_fd(), "a", Look::MayWait),
        );
        set("root/a", 0o700);
        assert!(matches!(folder.unwrap(), Found::Directory));
        let denied = absent(Errno::ACCESS.into()).unwrap();
        assert!(matches!(denied, Found::Forbidden));
        assert!(absent(Errno::MFILE.into()).is_err());
        // Root may read everything, so that the file has two right answers.
        let root_user = rustix::process::geteuid().is_root();
        assert!(matches!(file.unwrap(), Found::Forbidden) || root_user);
    }
}
