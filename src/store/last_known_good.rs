//! The last-known-good: the Config last published, in a file of its own, for the day
//! the database is gone.
//!
//! Two generations, each with its revision and digest. A torn or altered one is refused
//! and the older one used.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::{Value, json};

use super::digest::sha256;
use crate::document::{self, Format};
use crate::model::Config;

const NEWEST: &str = "last-known-good.json";
const PREVIOUS: &str = "last-known-good.previous.json";
const UNFINISHED: &str = "last-known-good.new";
const SECOND_NAME: &str = "last-known-good.previous.new";

/// Limit: a longer file was not written by us; a document has at most 4 MiB.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// A Config that has been served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastKnownGood {
    /// Its revision.
    pub revision: u64,
    /// The Config, without the secrets that were given as text.
    pub config: Config,
    /// The owners of those secrets: only `config.db` has them.
    pub without: Vec<String>,
}

/// What the files of a data directory hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The newest generation that is whole.
    pub good: Option<LastKnownGood>,
    /// Why others were refused, one sentence each.
    pub refused: Vec<String>,
}

/// Reads the last-known-good of `dir`.
pub fn read(dir: &Path) -> Found {
    let mut found = Found::default();
    for name in [NEWEST, PREVIOUS] {
        match load(&dir.join(name)) {
            Ok(None) => {}
            Ok(Some(good)) => {
                found.good = Some(good);
                break;
            }
            Err(why) => found.refused.push(format!("{name} {why}")),
        }
    }
    found
}

/// Reads the last-known-good of `dir` where it is newer than revision `than`. What is in the
/// database anyway is not read a second time.
pub fn read_newer(dir: &Path, than: u64) -> Option<LastKnownGood> {
    for name in [NEWEST, PREVIOUS] {
        match sealed(&dir.join(name)) {
            // The other generation is older still.
            Ok(Some(sealed)) if sealed.revision <= than => return None,
            Ok(Some(sealed)) => match sealed.open() {
                Ok(good) => return Some(good),
                Err(_) => continue,
            },
            Ok(None) | Err(_) => {}
        }
    }
    None
}

/// Writes `config` as the last-known-good of `dir`; what was there becomes the previous
/// generation. Does nothing when it is there already.
///
/// # Errors
/// What the system answered. The newest generation is then as it was.
pub fn write(dir: &Path, revision: u64, config: &Config) -> io::Result<()> {
    let document = document::to_json(config).to_string();
    let without: Vec<String> = config.secret_texts().into_iter().map(|(o, _)| o).collect();
    let mut text = json!({
        "revision": revision,
        "sha256": seal(revision, &without, &document),
        "document": document,
    });
    if !without.is_empty() {
        text["without"] = without.into();
    }
    let text = text.to_string();
    let newest = dir.join(NEWEST);
    if fs::read(&newest).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    let unfinished = dir.join(UNFINISHED);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // A torn file must not push out a whole one.
    if matches!(load(&newest), Ok(Some(_))) {
        keep_previous(dir, &newest)?;
    }
    fs::rename(&unfinished, &newest)?;
    File::open(dir)?.sync_all()
}

/// The newest is the previous one as well, by a second name: at no moment is there none.
fn keep_previous(dir: &Path, newest: &Path) -> io::Result<()> {
    let second = dir.join(SECOND_NAME);
    match fs::remove_file(&second) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    match fs::hard_link(newest, &second) {
        Ok(()) => fs::rename(&second, dir.join(PREVIOUS)),
        // Not every file system has second names.
        Err(_) => fs::rename(newest, dir.join(PREVIOUS)),
    }
}

/// Reads one generation: none where there is no file, or why it is refused.
fn load(path: &Path) -> Result<Option<LastKnownGood>, String> {
    sealed(path)?.map(Sealed::open).transpose()
}

/// One generation that is as it was written, its document not yet read.
struct Sealed {
    revision: u64,
    without: Vec<String>,
    document: String,
}

impl Sealed {
    fn open(self) -> Result<LastKnownGood, String> {
        let parsed = document::parse(&self.document, Format::Json)
            .map_err(|_| "holds what this version does not know".to_owned())?;
        Ok(LastKnownGood {
            revision: self.revision,
            config: parsed.config,
            without: self.without,
        })
    }
}

fn sealed(path: &Path) -> Result<Option<Sealed>, String> {
    let text = match File::open(path).and_then(read_limited) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be read: {error}")),
    };
    let torn = || "is torn or was altered".to_owned();
    let value: Value = serde_json::from_str(&text).map_err(|_| torn())?;
    let field = |name: &str| value.get(name).ok_or_else(torn);
    let revision = field("revision")?.as_u64().ok_or_else(torn)?;
    let document = field("document")?.as_str().ok_or_else(torn)?;
    let without: Vec<String> = match value.get("without") {
        None => Vec::new(),
        Some(names) => serde_json::from_value(names.clone()).map_err(|_| torn())?,
    };
    if field("sha256")?.as_str() != Some(seal(revision, &without, document).as_str()) {
        return Err(torn());
    }
    Ok(Some(Sealed {
        revision,
        without,
        document: document.to_owned(),
    }))
}

// The revision is sealed too: it is what the numbers go on from.
fn seal(revision: u64, without: &[String], document: &str) -> String {
    let without: String = without.iter().map(|owner| format!("{owner}\n")).collect();
    sha256(&format!("{revision}\n{without}{document}"))
}

fn read_limited(file: File) -> io::Result<String> {
    if file.metadata()?.len() > MAX_BYTES {
        return Err(io::Error::other("it is too long"));
    }
    io::read_to_string(file)
}

#[cfg(test)]
mod tests {
    use super::super::tests::config_with_weight;
    use super::{Found, LastKnownGood, NEWEST, PREVIOUS, UNFINISHED, read, read_newer, write};
    use crate::model::{Config, Secret, SecretBytes};
    use std::fs;

    fn good(revision: u64, weight: u16) -> Option<LastKnownGood> {
        Some(LastKnownGood {
            revision,
            config: config_with_weight(weight),
            without: Vec::new(),
        })
    }

    #[test]
    fn the_newest_is_there_at_every_moment() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 1, &config_with_weight(1)).unwrap();
        // What cannot be replaced stands in the way in the middle of it.
        fs::create_dir(dir.path().join(PREVIOUS)).unwrap();
        assert!(write(dir.path(), 2, &config_with_weight(2)).is_err());
        assert!(dir.path().join(NEWEST).exists());
        assert_eq!(read(dir.path()).good, good(1, 1));
        fs::remove_dir(dir.path().join(PREVIOUS)).unwrap();
        write(dir.path(), 2, &config_with_weight(2)).unwrap();
        assert_eq!(read(dir.path()).good, good(2, 2));
        fs::remove_file(dir.path().join(NEWEST)).unwrap();
        assert_eq!(read(dir.path()).good, good(1, 1));
    }

    #[test]
    fn a_secret_is_left_out_and_that_it_is_missing_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config_with_weight(1);
        config.settings.affinity_secret = Secret::Text(SecretBytes::new(b"open sesame"));
        write(dir.path(), 1, &config_with_weight(1)).unwrap();
        write(dir.path(), 2, &config).unwrap();
        let newest = dir.path().join(NEWEST);
        let whole = fs::read(&newest).unwrap();
        assert!(!String::from_utf8_lossy(&whole).contains("sesame"));
        let found = read(dir.path()).good.unwrap();
        assert_eq!(found.config, config_with_weight(1));
        assert_eq!(found.without, [Config::AFFINITY_SECRET]);
        for at in 0..whole.len() {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            fs::write(&newest, &altered).unwrap();
            assert_eq!(read(dir.path()).good, good(1, 1), "byte {at}");
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()), Found::default());
        write(dir.path(), 7, &config_with_weight(3)).unwrap();
        let found = read(dir.path());
        assert_eq!(found.good, good(7, 3));
        assert_eq!(found.refused, Vec::<String>::new());
    }

    #[test]
    fn a_torn_file_is_refused_and_the_older_one_used() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 1, &config_with_weight(1)).unwrap();
        write(dir.path(), 2, &config_with_weight(2)).unwrap();
        let newest = dir.path().join(NEWEST);
        let whole = fs::read(&newest).unwrap();
        for length in 0..whole.len() {
            fs::write(&newest, &whole[..length]).unwrap();
            let found = read(dir.path());
            assert_eq!(found.good, good(1, 1), "cut to {length} bytes");
            assert_eq!(found.refused, [format!("{NEWEST} is torn or was altered")]);
        }
    }

    #[test]
    fn an_altered_byte_is_never_served() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 1, &config_with_weight(1)).unwrap();
        write(dir.path(), 2, &config_with_weight(2)).unwrap();
        let newest = dir.path().join(NEWEST);
        let whole = fs::read(&newest).unwrap();
        for at in 0..whole.len() {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            fs::write(&newest, &altered).unwrap();
            assert_eq!(read(dir.path()).good, good(1, 1), "byte {at}");
        }
    }

    #[test]
    fn a_torn_file_does_not_push_out_a_whole_one() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 1, &config_with_weight(1)).unwrap();
        write(dir.path(), 2, &config_with_weight(2)).unwrap();
        fs::write(dir.path().join(NEWEST), "{").unwrap();
        write(dir.path(), 3, &config_with_weight(3)).unwrap();
        assert_eq!(read(dir.path()).good, good(3, 3));
        fs::remove_file(dir.path().join(NEWEST)).unwrap();
        assert_eq!(read(dir.path()).good, good(1, 1));
    }

    #[test]
    fn only_what_is_newer_than_the_database_is_read_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_newer(dir.path(), 0), None);
        write(dir.path(), 1, &config_with_weight(1)).unwrap();
        write(dir.path(), 2, &config_with_weight(2)).unwrap();
        assert_eq!(read_newer(dir.path(), 2), None);
        assert_eq!(read_newer(dir.path(), 1), good(2, 2));
        fs::write(dir.path().join(NEWEST), "{").unwrap();
        assert_eq!(read_newer(dir.path(), 1), None);
        assert_eq!(read_newer(dir.path(), 0), good(1, 1));
    }

    #[test]
    fn writing_the_same_again_keeps_both_generations() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 1, &config_with_weight(1)).unwrap();
        write(dir.path(), 2, &config_with_weight(2)).unwrap();
        write(dir.path(), 2, &config_with_weight(2)).unwrap();
        fs::remove_file(dir.path().join(NEWEST)).unwrap();
        assert_eq!(read(dir.path()).good, good(1, 1));
    }

    // Each state that a stop between two steps of `write` can leave behind.
    #[test]
    fn a_write_broken_off_anywhere_leaves_something_to_serve() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        write(dir.path(), 1, &config_with_weight(1)).unwrap();
        let first = fs::read(at(NEWEST)).unwrap();

        fs::write(at(UNFINISHED), &first[..first.len() / 2]).unwrap();
        assert_eq!(read(dir.path()).good, good(1, 1));
        fs::rename(at(NEWEST), at(PREVIOUS)).unwrap();
        assert_eq!(read(dir.path()).good, good(1, 1));
        write(dir.path(), 2, &config_with_weight(2)).unwrap();
        assert_eq!(read(dir.path()).good, good(2, 2));
    }

    #[test]
    fn only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 1, &config_with_weight(1)).unwrap();
        let mode = fs::metadata(dir.path().join(NEWEST)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
}
