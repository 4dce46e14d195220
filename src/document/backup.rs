//! `[backup]`.

use std::path::PathBuf;

use super::files::absolute;
use super::reader::Reader;
use super::secret;
use super::value::{Fault, number, parsed};
use super::writer::Writer;
use crate::model::{Backup, Secret, TimeOfDay};

/// Backups kept at most: whoever wants more means an archive, elsewhere.
const MAX_KEEP: u16 = 1000;

pub(super) fn read(r: &mut Reader<'_, '_>) -> Backup {
    let d = Backup::default();
    let passphrase = secret::read(r, "passphrase");
    if let Secret::Text(text) = &passphrase
        && String::from_utf8_lossy(text.bytes()).chars().count() < Backup::MIN_PASSPHRASE
    {
        let least = Backup::MIN_PASSPHRASE;
        let message = format!("must have {least} characters at least");
        r.note_key("passphrase", Fault::value(message));
    }
    Backup {
        nightly: r.get("nightly", d.nightly, parsed(nightly)),
        keep: r.get("keep", d.keep, number(1..=MAX_KEEP)),
        dir: r.get("dir", d.dir, parsed(dir)),
        passphrase,
    }
}

fn nightly(text: &str) -> Result<Option<TimeOfDay>, String> {
    match text {
        "" => Ok(None),
        text => TimeOfDay::parse(text).map(Some),
    }
}

fn dir(text: &str) -> Result<Option<PathBuf>, String> {
    match text {
        "" => Ok(None),
        text => absolute(text).map(Some),
    }
}

pub(super) fn write(w: &mut Writer, backup: &Backup) {
    let d = Backup::default();
    let nightly = backup.nightly.map(|time| time.to_string());
    let dir = backup.dir.as_ref().map(|dir| dir.display().to_string());
    w.field("nightly", nightly.unwrap_or_default(), String::new());
    w.field("keep", backup.keep, d.keep);
    w.field("dir", dir.unwrap_or_default(), String::new());
    secret::write(w, "passphrase", &backup.passphrase);
}
