//! The lock of the data directory: one program writes there at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, fchown};
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
    #[error("{} is in use by another steelyard{holder}", dir.display())]
    Held {
        /// The data directory.
        dir: std::path::PathBuf,
        /// The one that holds it, such as ` (pid 123)`; empty when it did not say.
        holder: String,
    },
    /// The lock file cannot be opened.
    #[error("cannot use {}", path.display())]
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
        give_to_owner(&file, dir);
        match file.try_lock() {
            Ok(()) => {
                sign(&file);
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => Err(LockError::Held {
                dir: dir.to_owned(),
                holder: signature(&path),
            }),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }
}

/// Root may be the first here, on somebody else's directory: who serves from it has to open this
/// too. Others may give nothing away, and need not.
fn give_to_owner(file: &File, dir: &Path) {
    if let (Ok(file_is), Ok(dir_is)) = (file.metadata(), dir.metadata())
        && file_is.uid() != dir_is.uid()
    {
        let _ = fchown(file, Some(dir_is.uid()), Some(dir_is.gid()));
    }
}

// Only for the message of whoever comes second: a disk that refuses is no reason to fail.
fn sign(file: &File) {
    let id = std::process::id().to_string();
    if file.set_len(0).is_ok() {
        let _ = file.write_at(id.as_bytes(), 0);
    }
}

fn signature(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    match text.parse::<u32>() {
        Ok(id) => format!(" (pid {id})"),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Lock, LockError};

    #[test]
    fn one_instance_at_a_time_holds_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path()).unwrap();
        let error = Lock::take(dir.path()).unwrap_err();
        assert!(matches!(error, LockError::Held { .. }));
        let holder = format!("(pid {})", std::process::id());
        assert!(error.to_string().ends_with(&holder), "{error}");
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
