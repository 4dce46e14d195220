//! The lock of the data directory: one program writes there at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The data directory held for oneself, until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    // The kernel's lock lives as long as this descriptor.
    _file: File,
}

/// Why the data directory is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A running instance holds it.
    #[error("another instance is using this data directory")]
    Held,
    /// The lock file cannot be opened.
    #[error("{}: {source}", path.display())]
    Io {
        /// The lock file.
        path: std::path::PathBuf,
        /// What the system answered.
        source: io::Error,
    },
}

impl Lock {
    /// Takes the lock of `dir` without waiting.
    ///
    /// # Errors
    /// `Held` while a running instance has it.
    pub fn take(dir: &Path) -> Result<Self, LockError> {
        let path = dir.join("lock");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            // A lock can be had of a file that a read-only disk does not let us write.
            .or_else(|error| File::open(&path).map_err(|_| error));
        let io = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        let file = file.map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lock, LockError};

    #[test]
    fn one_instance_at_a_time_holds_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path()).unwrap();
        assert!(matches!(Lock::take(dir.path()), Err(LockError::Held)));
        drop(first);
        assert!(Lock::take(dir.path()).is_ok());
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = Lock::take(&dir.path().join("gone")).unwrap_err();
        assert!(error.to_string().contains("gone/lock"), "{error}");
    }
}
