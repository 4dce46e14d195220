//! Reading the small files that a configuration names.

use std::fs::OpenOptions;
use std::io::{self, Read};
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

#[cfg(test)]
mod tests {
    use std::fs;
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
}
