//! Small files: those that a configuration names are read, those that are the appliance's own secret are written.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// The first `most` bytes of the file at `path`. Waits for the disk, and for nothing else: a pipe
/// without a writer, a device or a directory is refused.
///
/// # Errors
/// It cannot be opened or read, or is not a file.
pub fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its writer.
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Puts `bytes` into the file `name` of `dir`, which only its owner reads: all of them or, after a
/// crash, what was there. Waits for the disk.
///
/// # Errors
/// It cannot be written; what was there stays.
pub fn write_private(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let unfinished = dir.join(format!("{name}.new"));
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(unfinished, dir.join(name))?;
    fs::File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::read_at_most;

    #[test]
    fn a_file_is_read_as_far_as_is_asked_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "0123456789").unwrap();
        let read = |path: &Path, most| read_at_most(path, most).map_err(|e| e.to_string());
        assert_eq!(read(&at("file"), 4).unwrap(), b"0123");
        assert_eq!(read(&at("file"), 10).unwrap(), b"0123456789");
        assert_eq!(read(&at("file"), 11).unwrap(), b"0123456789");
        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        for none in [at("pipe"), dir.path().to_owned(), "/dev/zero".into()] {
            assert_eq!(read(&none, 4).unwrap_err(), "it is not a file");
        }
        assert!(read(&at("gone"), 4).unwrap_err().contains("No such file"));
    }

    #[test]
    fn what_is_secret_is_for_its_owner_alone_and_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let left = dir.path().join("key.new");
        // What a crash left, for all to read, is not written into.
        fs::write(&left, "left").unwrap();
        for words in ["first", "2"] {
            super::write_private(dir.path(), "key", words.as_bytes()).unwrap();
            let key = dir.path().join("key");
            assert_eq!(fs::read_to_string(&key).unwrap(), words);
            assert_eq!(
                fs::metadata(&key).unwrap().permissions().mode() & 0o777,
                0o600
            );
            assert!(!left.exists());
        }
        assert!(super::write_private(&dir.path().join("gone"), "key", b"").is_err());
    }
}
