//! The journal's folder and the files in it: every step that a power cut can come between.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::record::length;
#[cfg(test)]
use super::tests::watch::{Step, Watch};

/// The folder.
#[derive(Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    #[cfg(test)]
    pub(super) watch: Watch,
}

/// A file that grows.
#[derive(Debug)]
pub(super) struct Growing {
    file: File,
    /// What is in it, the beginning of a record that found no room included.
    pub(super) length: u64,
    #[cfg(test)]
    name: String,
    #[cfg(test)]
    watch: Watch,
}

impl Disk {
    pub(super) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            #[cfg(test)]
            watch: Watch::default(),
        }
    }

    /// Makes the folder where there is none, for its owner alone.
    pub(super) fn make(&self) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
            Ok(()) => match self.dir.parent() {
                Some(parent) => File::open(parent)?.sync_all(),
                None => Ok(()),
            },
        }
    }

    /// The names in the folder, sorted.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            // A name that is no text is none of ours.
            names.extend(entry?.file_name().to_str().map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// Opens a file to read it.
    pub(super) fn read(&self, name: &str) -> io::Result<File> {
        File::open(self.dir.join(name))
    }

    /// A new file. One of that name that is there already is an error.
    pub(super) fn create(&self, name: &str) -> io::Result<Growing> {
        #[cfg(test)]
        self.watch.step(Step::Create(name.to_owned()))?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.dir.join(name))?;
        Ok(self.growing(name, file, 0))
    }

    /// Goes on with a file that has `length` good bytes; what is behind them is cut off.
    pub(super) fn go_on(&self, name: &str, length: u64) -> io::Result<Growing> {
        let file = OpenOptions::new().write(true).open(self.dir.join(name))?;
        if file.metadata()?.len() != length {
            #[cfg(test)]
            self.watch.step(Step::Cut(name.to_owned(), length))?;
            file.set_len(length)?;
            #[cfg(test)]
            self.watch.step(Step::Sync(name.to_owned()))?;
            file.sync_all()?;
        }
        Ok(self.growing(name, file, length))
    }

    fn growing(&self, name: &str, file: File, length: u64) -> Growing {
        let _ = name;
        Growing {
            file,
            length,
            #[cfg(test)]
            name: name.to_owned(),
            #[cfg(test)]
            watch: self.watch.clone(),
        }
    }

    /// Gives a file another name, in place of whatever had it.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        #[cfg(test)]
        self.watch
            .step(Step::Rename(from.to_owned(), to.to_owned()))?;
        fs::rename(self.dir.join(from), self.dir.join(to))
    }

    /// Gives a file one name more, under which nothing may be.
    pub(super) fn link(&self, from: &str, to: &str) -> io::Result<()> {
        #[cfg(test)]
        self.watch
            .step(Step::Link(from.to_owned(), to.to_owned()))?;
        fs::hard_link(self.dir.join(from), self.dir.join(to))
    }

    /// Removes a file, where it is there.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        #[cfg(test)]
        self.watch.step(Step::Remove(name.to_owned()))?;
        match fs::remove_file(self.dir.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Has the names of the folder on disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        #[cfg(test)]
        self.watch.step(Step::SyncNames)?;
        File::open(&self.dir)?.sync_all()
    }

    /// Whether a name is taken.
    pub(super) fn has(&self, name: &str) -> io::Result<bool> {
        self.dir.join(name).try_exists()
    }
}

impl Growing {
    /// Adds bytes at the end. With an error, `length` says how many got there: they are a beginning of `bytes`, and the
    /// rest may be added later.
    pub(super) fn add(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let piece = bytes;
            #[cfg(test)]
            let piece = self.watch.write(&self.name, self.length, piece)?;
            match self.file.write_at(piece, self.length) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.length += length(written);
                    bytes = &bytes[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Has on disk what was added. After an error nobody knows what is: the kernel may have dropped it and would say
    /// «done» the next time.
    pub(super) fn sync(&self) -> io::Result<()> {
        #[cfg(test)]
        self.watch.step(Step::Sync(self.name.clone()))?;
        self.file.sync_data()
    }
}
