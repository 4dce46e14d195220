//! The backups that were made by night, for who wants to see or take one.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use super::super::Handle;
use super::nightly::{all, folder};
use crate::store::backup::{self, About, MAX_FILE};

/// The nightly backups there are.
#[derive(Debug)]
pub struct KeptBackups {
    /// When one is made, as the document says it; none is never.
    pub nightly: Option<String>,
    /// The folder they are in.
    pub folder: PathBuf,
    /// Why the last one was not made; none where it was.
    pub why: Option<String>,
    /// The newest first; or why the folder cannot be read.
    pub files: Result<Vec<KeptBackup>, String>,
}

/// A nightly backup.
#[derive(Debug)]
pub struct KeptBackup {
    /// Its file's name.
    pub name: String,
    /// When it was made, in seconds since 1970.
    pub made: i64,
    /// Of the file, in bytes.
    pub size: u64,
    /// What it says of itself, unchecked; none where that cannot be read.
    pub about: Option<About>,
}

impl Handle {
    /// The nightly backups of this machine, in the folder where they are put now.
    pub async fn nightly_backups(&self) -> KeptBackups {
        let (wanted, folder) = self.nightly_folder();
        let looked = folder.clone();
        let found = spawn_blocking(move || list(&looked)).await;
        let files = match found {
            Ok(files) => files.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        KeptBackups {
            nightly: wanted,
            folder,
            why: self.control.nightly.why(),
            files,
        }
    }

    /// The bytes of one of them; none where there is none of this name.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn nightly_backup(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let (_, folder) = self.nightly_folder();
        let name = name.to_owned();
        let read = spawn_blocking(move || read(&folder, &name)).await;
        read.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    fn nightly_folder(&self) -> (Option<String>, PathBuf) {
        let now = self.control.now.load();
        let wanted = &now.snapshot.config.backup;
        let at = wanted.nightly.map(|at| at.to_string());
        (at, folder(&self.control.dir, wanted))
    }
}

fn list(folder: &Path) -> io::Result<Vec<KeptBackup>> {
    let mut found = Vec::new();
    for one in all(folder)? {
        let Ok(file) = File::open(folder.join(&one.name)) else {
            // It was the oldest, and the next night has come.
            continue;
        };
        found.push(KeptBackup {
            size: file.metadata()?.len(),
            about: backup::about_unchecked(file).ok(),
            name: one.name,
            made: one.made,
        });
    }
    Ok(found)
}

/// Only what is in the list: a name is never a path.
fn read(folder: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    if !all(folder)?.iter().any(|one| one.name == name) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let file = File::open(folder.join(name))?;
    file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes)?;
    match bytes.len() > MAX_FILE {
        true => Err(io::Error::other("it is longer than any backup")),
        false => Ok(Some(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::nightly::name_of;
    use super::{list, read};

    #[test]
    fn what_is_taken_is_in_the_list_and_no_path() {
        let dir = tempfile::tempdir().unwrap();
        let name = name_of(1_700_000_000);
        fs::write(dir.path().join(&name), "torn").unwrap();
        fs::write(dir.path().join("other"), "x").unwrap();
        let found = list(dir.path()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].made, found[0].size), (1_700_000_000, 4));
        assert!(found[0].about.is_none(), "it is torn, and told still");
        assert_eq!(read(dir.path(), &name).unwrap().unwrap(), b"torn");
        for not_one in ["other", "../other", "", &format!("./{name}")] {
            assert!(read(dir.path(), not_one).unwrap().is_none(), "{not_one}");
        }
        assert!(list(&dir.path().join("none")).unwrap().is_empty());
    }
}
