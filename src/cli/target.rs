//! The file that a backup is written to: nothing that is there is lost by it but an older backup.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::output::Failure;
use crate::disk::{read_at_most, write_private};
use crate::store::backup::is_backup;

/// Where a backup goes.
#[derive(Debug)]
pub(super) struct Target {
    /// As it was named.
    pub(super) path: PathBuf,
    to: To,
}

#[derive(Debug)]
enum To {
    /// A file, as a whole or not at all; where a link is named, that which it leads to.
    File { folder: PathBuf, name: String },
    /// A pipe or a device, which is written into.
    Stream(fs::File),
}

impl Target {
    /// Looks at what is there, and writes nothing yet.
    ///
    /// # Errors
    /// It cannot be used, or is a file that is no backup.
    pub(super) fn of(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let cannot = |error: io::Error| Failure::run_time(format!("cannot use {shown}: {error}"));
        let real = match fs::canonicalize(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            real => real.map_err(cannot)?,
        };
        let to = match fs::metadata(&real) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => file(&real)?,
            Err(error) => return Err(cannot(error)),
            Ok(found) if found.is_dir() => {
                return Err(Failure::usage(format!(
                    "{shown} is a directory: name a file in it"
                )));
            }
            Ok(found) if !found.is_file() => {
                let opened = OpenOptions::new().write(true).open(&real);
                To::Stream(opened.map_err(cannot)?)
            }
            Ok(found)
                if found.len() > 0 && !is_backup(&read_at_most(&real, 64).map_err(cannot)?) =>
            {
                return Err(Failure::run_time(format!(
                    "{shown} is there and is no backup: name another file, or remove it"
                )));
            }
            Ok(_) => file(&real)?,
        };
        Ok(Self {
            path: path.to_owned(),
            to,
        })
    }

    /// Writes it.
    ///
    /// # Errors
    /// It cannot be written; a file that was there is then as it was.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        let written = match &self.to {
            To::File { folder, name } => write_private(folder, name, bytes),
            To::Stream(stream) => (&mut &*stream).write_all(bytes),
        };
        written.map_err(|error| {
            Failure::run_time(format!(
                "{} cannot be written: {error}",
                self.path.display()
            ))
        })
    }
}

fn file(path: &Path) -> Result<To, Failure> {
    let name = path.file_name().and_then(|name| name.to_str());
    let none = || Failure::usage(format!("{} is no file's name", path.display()));
    let name = name.ok_or_else(none)?.to_owned();
    let folder = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).to_owned();
    Ok(To::File { folder, name })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use std::thread;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::Target;

    #[test]
    fn nothing_is_replaced_but_a_backup_and_links_and_pipes_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let backup = b"STEELYARD BACKUP\nnew";
        let put = |name: &str| Target::of(&at(name)).and_then(|target| target.write(backup));
        let read = |name: &str| fs::read(at(name)).unwrap();
        put("new").unwrap();
        fs::write(at("older"), b"STEELYARD BACKUP\nold").unwrap();
        fs::write(at("empty"), b"").unwrap();
        fs::create_dir(at("disk")).unwrap();
        fs::write(at("disk/real"), b"").unwrap();
        symlink(at("disk/real"), at("latest")).unwrap();
        for name in ["older", "empty", "latest"] {
            put(name).unwrap();
        }
        for name in ["new", "older", "empty", "disk/real"] {
            assert_eq!(read(name), backup, "{name}");
        }
        assert!(at("latest").is_symlink());

        fs::write(at("config.db"), b"SQLite format 3").unwrap();
        let told = format!("{:?}", put("config.db").unwrap_err());
        assert!(told.contains("is there and is no backup"), "{told}");
        assert_eq!(read("config.db"), b"SQLite format 3");
        assert!(format!("{:?}", put("disk").unwrap_err()).contains("is a directory"));

        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut got = Vec::new();
                fs::File::open(at("pipe"))
                    .unwrap()
                    .read_to_end(&mut got)
                    .unwrap();
                got
            });
            put("pipe").unwrap();
            assert_eq!(reader.join().unwrap(), backup);
        });
    }
}
