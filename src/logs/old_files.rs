//! The old files of the access log: their names, how many there are, how they are packed.
//!
//! `access.log` becomes `access.log.1`, that becomes `access.log.2`, and so on; packed ones end in
//! `.gz`. Packing is a thread's work of its own, since lines must not wait for it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::{Builder, JoinHandle};

use flate2::Compression;
use flate2::write::GzEncoder;

/// How a packed file's name ends.
const PACKED: &str = ".gz";

/// How the name ends of one that is being packed; there is one at a time.
const UNFINISHED: &str = ".gz.new";

/// Whether what stands at `path` is `file` itself: no link, no device, no other file.
pub(super) fn is_in_place(path: &Path, file: &File) -> io::Result<bool> {
    let (there, open) = (fs::symlink_metadata(path)?, file.metadata()?);
    Ok(there.is_file() && (there.dev(), there.ino()) == (open.dev(), open.ino()))
}

/// Gives what stands at `path` the name of the newest old file, and removes those beyond `keep`.
///
/// # Errors
/// What the system answered; the log may then still stand where it stood.
pub(super) fn shift(path: &Path, keep: u16) -> io::Result<()> {
    let old = old_files(path)?;
    // A gap ends it: those behind it have their numbers already.
    let first_free = (1..).find(|n| !old.contains_key(n)).unwrap_or(u32::MAX);
    for (number, files) in old.range(..first_free).rev() {
        for (file, end) in files {
            fs::rename(file, numbered(path, number + 1, end))?;
        }
    }
    fs::rename(path, numbered(path, 1, ""))?;
    for (_, files) in old_files(path)?.range(u32::from(keep) + 1..) {
        for (file, _) in files {
            fs::remove_file(file)?;
        }
    }
    Ok(())
}

/// Packs every old file of `path` that is not packed, on a thread of its own; `failed` is told
/// the first error, and the file it is about.
///
/// # Errors
/// No thread could be started.
pub(super) fn pack(
    path: &Path,
    failed: impl Fn(&Path, &io::Error) + Send + 'static,
) -> io::Result<Option<JoinHandle<()>>> {
    let path = path.to_owned();
    let plain = plain_files(&path)?;
    if plain.is_empty() {
        return Ok(None);
    }
    let work = move || {
        for file in plain {
            if let Err(error) = pack_one(&path, &file) {
                // What a full disk could not take need not be in its way.
                let _ = fs::remove_file(with(&path, UNFINISHED));
                return failed(&file, &error);
            }
        }
    };
    let thread = Builder::new().name("access-log-gzip".into());
    thread.spawn(work).map(Some)
}

fn plain_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let old = old_files(path)?.into_values().flatten();
    Ok(old
        .filter(|(_, end)| end.is_empty())
        .map(|(file, _)| file)
        .collect())
}

fn pack_one(path: &Path, plain: &Path) -> io::Result<()> {
    let unfinished = with(path, UNFINISHED);
    let mut from = File::open(plain)?;
    let to = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o640)
        .open(&unfinished)?;
    let mut packer = GzEncoder::new(BufWriter::new(to), Compression::default());
    io::copy(&mut from, &mut packer)?;
    let to = packer.finish()?.into_inner()?;
    to.set_modified(from.metadata()?.modified()?)?;
    // The plain one goes only when the other can no longer be lost.
    to.sync_all()?;
    fs::rename(&unfinished, with(plain, PACKED))?;
    fs::remove_file(plain)
}

/// The old files of `path` by number, each with the end of its name behind it.
fn old_files(path: &Path) -> io::Result<BTreeMap<u32, Vec<(PathBuf, &'static str)>>> {
    let mut found: BTreeMap<u32, Vec<(PathBuf, &'static str)>> = BTreeMap::new();
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(found);
    };
    let name = format!("{}.", name.to_string_lossy());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let file = entry.file_name();
        let Some(rest) = file.to_str().and_then(|file| file.strip_prefix(&name)) else {
            continue;
        };
        let (digits, end) = match rest.strip_suffix(PACKED) {
            Some(digits) => (digits, PACKED),
            None => (rest, ""),
        };
        // `007` and `+7` are somebody else's.
        if let Ok(number) = digits.parse::<u32>()
            && number > 0
            && number.to_string() == digits
            && entry.file_type()?.is_file()
        {
            found.entry(number).or_default().push((entry.path(), end));
        }
    }
    Ok(found)
}

fn numbered(path: &Path, number: u32, end: &str) -> PathBuf {
    with(path, &format!(".{number}{end}"))
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::{is_in_place, pack, shift};
    use flate2::read::GzDecoder;
    use std::fs::{self, File};
    use std::io::Read;
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn old_files_move_up_to_the_first_gap_and_no_more_are_kept_than_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let put = |name: &str| fs::write(dir.path().join(name), name).unwrap();
        for name in ["a.log", "a.log.1", "a.log.2.gz", "a.log.4.gz"] {
            put(name);
        }
        // Not ours.
        for name in [
            "a.log.x",
            "a.log.01",
            "b.log.1",
            "a.log.1.gz.old",
            "a.log.+3",
        ] {
            put(name);
        }
        let others = [
            "a.log.+3",
            "a.log.01",
            "a.log.1.gz.old",
            "a.log.x",
            "b.log.1",
        ];
        let ours = || -> Vec<String> {
            let all = names(dir.path()).into_iter();
            all.filter(|name| !others.contains(&&**name)).collect()
        };
        shift(&path, 9).unwrap();
        assert_eq!(ours(), ["a.log.1", "a.log.2", "a.log.3.gz", "a.log.4.gz"]);
        assert_eq!(
            fs::read_to_string(dir.path().join("a.log.1")).unwrap(),
            "a.log"
        );
        assert_eq!(
            fs::read_to_string(dir.path().join("a.log.2")).unwrap(),
            "a.log.1"
        );
        put("a.log");
        shift(&path, 2).unwrap();
        assert_eq!(ours(), ["a.log.1", "a.log.2"]);
        put("a.log");
        shift(&path, 0).unwrap();
        assert_eq!(ours(), Vec::<String>::new());
        assert_eq!(names(dir.path()), others);
    }

    #[test]
    fn packed_is_what_was_written_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let text = "a line of a log\n".repeat(10_000);
        fs::write(dir.path().join("a.log.1"), &text).unwrap();
        // From a packing that was broken off.
        fs::write(dir.path().join("a.log.gz.new"), "half").unwrap();
        let packing = pack(&path, |file, error| panic!("{file:?}: {error}")).unwrap();
        packing.unwrap().join().unwrap();
        assert_eq!(names(dir.path()), ["a.log.1.gz"]);
        let mut unpacked = String::new();
        GzDecoder::new(File::open(dir.path().join("a.log.1.gz")).unwrap())
            .read_to_string(&mut unpacked)
            .unwrap();
        assert!(unpacked == text);
        assert!(pack(&path, |_, _| ()).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_packed_stays_and_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        fs::write(dir.path().join("a.log.1"), "text").unwrap();
        // Something in the way of the unfinished file.
        fs::create_dir(dir.path().join("a.log.gz.new")).unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let packing = pack(&path, move |file, _| {
            tell.lock().unwrap().push(file.to_owned());
        });
        packing.unwrap().unwrap().join().unwrap();
        assert_eq!(*told.lock().unwrap(), [dir.path().join("a.log.1")]);
        assert_eq!(
            fs::read_to_string(dir.path().join("a.log.1")).unwrap(),
            "text"
        );
    }

    #[test]
    fn only_the_very_file_is_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let file = File::create(&path).unwrap();
        assert!(is_in_place(&path, &file).unwrap());
        fs::rename(&path, dir.path().join("moved")).unwrap();
        assert!(is_in_place(&path, &file).is_err());
        fs::write(&path, "").unwrap();
        assert!(!is_in_place(&path, &file).unwrap());
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(dir.path().join("moved"), &path).unwrap();
        assert!(!is_in_place(&path, &file).unwrap());
    }
}
