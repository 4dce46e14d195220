//! A small disk of its own that can be full or read-only, where the tests run as root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file system in memory of 2 MiB, mounted until dropped. Declare it behind the appliance
/// that uses it: it has to go first.
pub(crate) struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// Mounts one at `at`; none where that is not allowed, which is said.
    pub(crate) fn mount(at: &Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = run(
            &["mount", "-t", "tmpfs", "-o", "size=2m,mode=755", "tmpfs"],
            at,
        );
        if !mounted {
            eprintln!("not run: no file system may be mounted here");
        }
        mounted.then(|| Self { at: at.to_owned() })
    }

    /// Fills it to its last byte.
    pub(crate) fn fill(&self) {
        let filler = self.at.join("filler");
        // Written until it fails, in pages.
        let _full = fs::write(&filler, vec![0; 4 << 20]).unwrap_err();
    }

    /// Gives the room back.
    pub(crate) fn free(&self) {
        fs::remove_file(self.at.join("filler")).unwrap();
    }

    /// Lets nothing be written from now on, or all again. Files open for writing go on where
    /// the kernel says so, so that it may refuse: none may be open then.
    pub(crate) fn set_read_only(&self, read_only: bool) -> bool {
        let option = if read_only {
            "remount,ro"
        } else {
            "remount,rw"
        };
        run(&["mount", "-o", option], &self.at)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _gone = run(&["umount", "-l"], &self.at);
    }
}

fn run(words: &[&str], at: &Path) -> bool {
    let status = Command::new(words[0])
        .args(&words[1..])
        .arg(at)
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
