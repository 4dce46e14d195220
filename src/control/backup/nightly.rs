//! A backup every night, and the newest of them kept. One that was missed, because nothing ran or
//! something failed, is made as soon as that is possible.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Zoned;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::super::notices::Happened;
use super::super::{Control, Started};
use crate::disk::write_private;
use crate::model::{Backup, SecretBytes, TimeOfDay};
use crate::snapshot::Snapshot;
use crate::store::backup::{self, plain_host};

/// How often it is looked whether one is due.
const LOOK: Duration = Duration::from_secs(5);

/// How long after a failure it is tried again.
const AGAIN: Duration = Duration::from_secs(5 * 60);

/// The folder in the data directory where no other is named.
const FOLDER: &str = "backups";

const END: &str = ".backup";
const UNFINISHED: &str = ".backup.new";
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// Why the last one was not made.
#[derive(Debug, Default)]
pub(in crate::control) struct Nightly(Mutex<Option<String>>);

impl Nightly {
    /// Why the last one was not made; none where it was.
    pub(in crate::control) fn why(&self) -> Option<String> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A backup that was made by night.
#[derive(Debug)]
pub(super) struct Made {
    /// Its file's name.
    pub(super) name: String,
    /// When it was made, in seconds since 1970.
    pub(super) made: i64,
}

/// Runs until Control is gone.
pub(in crate::control) async fn watch(control: Weak<Control>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut not_before = None;
    // With another setting it is tried at once.
    let mut tried_with = Backup::default();
    loop {
        looks.tick().await;
        let Some(control) = control.upgrade() else {
            return;
        };
        let config = control.now.load().snapshot.config.clone();
        if config.backup != tried_with {
            tried_with = config.backup.clone();
            not_before = None;
        }
        let waits = not_before.is_some_and(|time| Instant::now() < time);
        if waits || control.is_stopping() {
            continue;
        }
        let done = control.back_up_if_due().await;
        not_before = done.is_err().then(|| Instant::now() + AGAIN);
        control.tell_backup(done.err());
    }
}

impl Control {
    async fn back_up_if_due(&self) -> Result<(), String> {
        let now = self.now.load_full();
        let wanted = &now.snapshot.config.backup;
        let (Some(at), Started::Serving) = (wanted.nightly, &now.started) else {
            return Ok(());
        };
        let folder = folder(&self.dir, wanted);
        let due = last_due(&Zoned::now(), at);
        let looked = folder.clone();
        let newest = spawn_blocking(move || all(&looked)).await;
        let shown = folder.display().to_string();
        let told = |error: io::Error| format!("{shown}: {error}");
        let newest = newest.map_err(|error| error.to_string())?;
        if newest.map_err(told)?.iter().any(|one| one.made >= due) {
            return Ok(());
        }
        let made = backup::make(&self.dir, passphrase(&now.snapshot)?).await;
        let made = made.map_err(|error| error.to_string())?;
        let name = name_of(made.about.made);
        let (revision, keep) = (made.about.revision, usize::from(wanted.keep));
        let is_own = wanted.dir.is_none();
        let (into, file) = (folder.clone(), name.clone());
        let put = spawn_blocking(move || put((&into, is_own), &file, &made.bytes, keep)).await;
        put.map_err(|error| error.to_string())?.map_err(told)?;
        tracing::info!(revision, "backup made: {shown}/{name}");
        Ok(())
    }

    /// Tells once why there is none, and once that there is one again.
    fn tell_backup(&self, why: Option<String>) {
        let mut last = self.nightly.lock();
        if let (Some(why), true) = (&why, *last != why) {
            tracing::error!("the nightly backup could not be made: {why}");
            self.note_event(Happened {
                facts: json!({ "why": why }),
                ..Happened::new(
                    "backup",
                    &format!("the nightly backup could not be made: {why}"),
                )
            });
        }
        *last = why;
    }
}

/// What it is encrypted by. One that is named and cannot be read is no reason to leave secrets out.
fn passphrase(snapshot: &Arc<Snapshot>) -> Result<Option<SecretBytes>, String> {
    let secrets = &snapshot.secrets;
    match (
        secrets.get(Backup::PASSPHRASE),
        secrets.why_missing(Backup::PASSPHRASE),
    ) {
        (Some(passphrase), _) => Ok(Some(passphrase.clone())),
        (None, Some(why)) => Err(format!("its passphrase: {why}")),
        (None, None) => Ok(None),
    }
}

pub(super) fn folder(dir: &Path, wanted: &Backup) -> PathBuf {
    let named = wanted.dir.clone();
    named.unwrap_or_else(|| dir.join(FOLDER))
}

/// What those of this machine begin with: others may lie in the same folder.
fn prefix() -> String {
    format!("steelyard-{}-nightly-", plain_host())
}

/// What one is called that was made then, in seconds since 1970.
pub(super) fn name_of(made: i64) -> String {
    format!("{}{}{END}", prefix(), utc(made))
}

/// When one was due last, in seconds since 1970.
fn last_due(now: &Zoned, at: TimeOfDay) -> i64 {
    let hour = i8::try_from(at.hour).unwrap_or_default();
    let minute = i8::try_from(at.minute).unwrap_or_default();
    let on = |day: jiff::civil::Date| {
        // An hour that the clock leaves out is the one after it.
        let time = day.at(hour, minute, 0, 0).to_zoned(now.time_zone().clone());
        time.map_or(i64::MAX, |time| time.timestamp().as_second())
    };
    let (today, seconds) = (now.date(), now.timestamp().as_second());
    match on(today) {
        due if due <= seconds => due,
        _ => on(today.yesterday().unwrap_or(today)),
    }
}

/// Those of this machine, the newest first.
pub(super) fn all(folder: &Path) -> io::Result<Vec<Made>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let (prefix, now) = (prefix(), jiff::Timestamp::now().as_second());
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let time = name.strip_prefix(&prefix);
        let made = time.and_then(|rest| made(rest.strip_suffix(END)?));
        // A clock that was set back must not end them for as long.
        if let Some(made) = made.filter(|made| *made <= now) {
            found.push(Made { name, made });
        }
    }
    found.sort_by_key(|one| std::cmp::Reverse(one.made));
    Ok(found)
}

fn made(time: &str) -> Option<i64> {
    let time = DateTime::strptime(TIME, time).ok()?;
    let time = time.to_zoned(TimeZone::UTC).ok()?;
    Some(time.timestamp().as_second())
}

fn utc(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime(TIME).to_string()
}

/// Writes one, and removes the oldest of those that it made. A folder that is named has to be
/// there: where a disk is not mounted, it is not to be filled with what belongs on it.
fn put((folder, is_own): (&Path, bool), name: &str, bytes: &[u8], keep: usize) -> io::Result<()> {
    if is_own {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let prefix = prefix();
    for entry in fs::read_dir(folder)? {
        let left = entry?.file_name();
        let left = left.to_string_lossy();
        // What a crash or a full disk has left of one.
        if left.starts_with(&prefix) && left.ends_with(UNFINISHED) {
            fs::remove_file(folder.join(&*left))?;
        }
    }
    write_private(folder, name, bytes)?;
    for old in all(folder)?.into_iter().skip(keep) {
        fs::remove_file(folder.join(old.name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::civil::date;
    use jiff::tz::TimeZone;

    use super::{UNFINISHED, all, last_due, made, prefix, put, utc};
    use crate::model::TimeOfDay;

    #[test]
    fn one_is_due_at_the_hour_of_the_clock_whatever_the_clock_does() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let at = |day: jiff::civil::Date, hour, minute| {
            day.at(hour, minute, 0, 0).to_zoned(zone.clone()).unwrap()
        };
        let due = |now: &jiff::Zoned, at: &str| utc(last_due(now, TimeOfDay::parse(at).unwrap()));
        let day = date(2026, 11, 23);
        assert_eq!(due(&at(day, 3, 0), "03:00"), "20261123T020000Z");
        assert_eq!(due(&at(day, 2, 59), "03:00"), "20261122T020000Z");
        assert_eq!(due(&at(day, 23, 59), "03:00"), "20261123T020000Z");
        // The night without the hour from 2 to 3, and the one with two of it.
        assert_eq!(
            due(&at(date(2026, 3, 29), 12, 0), "02:30"),
            "20260329T013000Z"
        );
        assert_eq!(
            due(&at(date(2026, 10, 25), 12, 0), "02:30"),
            "20261025T003000Z"
        );
    }

    #[test]
    fn the_newest_are_kept_and_what_is_others_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("backups");
        let name = |day: u8| format!("{}202611{day:02}T020000Z.backup", prefix());
        for day in 1..=9 {
            put((&folder, true), &name(day), b"x", 3).unwrap();
        }
        let others = [
            "steelyard-other-nightly-20261101T020000Z.backup",
            "notes.txt",
        ];
        for other in others {
            fs::write(folder.join(other), "x").unwrap();
        }
        fs::write(folder.join(format!("{}x{UNFINISHED}", prefix())), "torn").unwrap();
        put((&folder, true), &name(10), b"xyz", 3).unwrap();
        let kept = all(&folder).unwrap();
        let names: Vec<&str> = kept.iter().map(|one| &*one.name).collect();
        assert_eq!(names, [&*name(10), &name(9), &name(8)]);
        assert_eq!(Some(kept[0].made), made("20261110T020000Z"));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 5);
        let gone = dir.path().join("not mounted");
        assert!(put((&gone, false), &name(1), b"x", 3).is_err());
        assert!(!gone.exists());
    }
}
