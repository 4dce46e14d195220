//! Reading the files at a start. Whatever they hold, it ends with something to serve and a log to go on with.
//!
//! `base-N` is all of memory as it was while `log-N` began; the logs from N on tell what came since. The highest base
//! is the one that counts: giving it its name is what makes older files superfluous.

use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom};

use rustix::io::Errno;

use super::disk::{Disk, Growing};
use super::encode::decode;
use super::record::{HEAD, Next, Records, find_whole, length};
use crate::session::change::Change;

/// Limit: after so many damaged places in a base, what is behind them is not looked for any more: each costs a search.
const MOST_HOLES: usize = 64;

/// Read at once.
const PIECE: usize = 256 << 10;

/// What was found, and how the journal goes on.
#[derive(Debug)]
pub(super) struct Found {
    /// The log to add to; none after damage, when all of memory is to be written anew first.
    pub(super) log: Option<Growing>,
    /// Its number, or the highest there is.
    pub(super) number: u64,
    /// How long the base is.
    pub(super) base: u64,
    /// How long the logs are that count, the one to add to left out.
    pub(super) older: u64,
    /// Changes read.
    pub(super) changes: u64,
    /// What the operator should know, a sentence each.
    pub(super) told: Vec<String>,
}

pub(super) fn base_name(number: u64) -> String {
    format!("base-{number:06}")
}

pub(super) fn log_name(number: u64) -> String {
    format!("log-{number:06}")
}

/// What a base is called until it is whole.
pub(super) fn unfinished(number: u64) -> String {
    format!("{}.new", base_name(number))
}

/// The files of ours in a folder, by number, each sorted.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) bases: Vec<u64>,
    pub(super) logs: Vec<u64>,
    pub(super) unfinished: Vec<String>,
}

impl Listed {
    pub(super) fn of(disk: &Disk) -> io::Result<Self> {
        let mut listed = Self::default();
        for name in disk.names()? {
            let number = |before: &str| name.strip_prefix(before)?.parse().ok();
            if let Some(number) = number("base-") {
                listed.bases.push(number);
            } else if let Some(number) = number("log-") {
                listed.logs.push(number);
            } else if name.starts_with("base-") && name.ends_with(".new") {
                listed.unfinished.push(name);
            }
        }
        listed.bases.sort_unstable();
        listed.logs.sort_unstable();
        Ok(listed)
    }

    /// Removes what the base of this number made superfluous, and what was never finished.
    pub(super) fn remove_older(&self, disk: &Disk, base: u64) -> io::Result<()> {
        for name in &self.unfinished {
            disk.remove(name)?;
        }
        // Logs in order: with a later one gone first, what is left would tell of a hole.
        for number in self.logs.iter().filter(|number| **number < base) {
            disk.remove(&log_name(*number))?;
        }
        for number in self.bases.iter().filter(|number| **number < base) {
            disk.remove(&base_name(*number))?;
        }
        Ok(())
    }
}

/// Reads all there is and gives each change to `apply`.
///
/// # Errors
/// The folder or a file in it cannot be opened or mended. Nothing was lost; it may be tried again.
pub(super) fn recover(disk: &Disk, apply: &dyn Fn(Change<'_>)) -> io::Result<Found> {
    disk.make()?;
    let listed = Listed::of(disk)?;
    let mut reading = Reading {
        disk,
        apply,
        changes: 0,
        told: Vec::new(),
        aside: Vec::new(),
    };
    let newest = listed.bases.last().copied();
    let base = match newest {
        Some(number) => reading.base(number)?,
        None => 0,
    };
    let logs: Vec<u64> = match newest {
        Some(number) => listed
            .logs
            .iter()
            .copied()
            .filter(|n| *n >= number)
            .collect(),
        None => listed.logs.clone(),
    };
    let first = newest.or(logs.first().copied()).unwrap_or(1);
    let is_baseless = newest.is_none() && first > 1;
    if is_baseless {
        let missing = base_name(first);
        reading.told.push(format!(
            "{missing} is missing: only what was written after it is there"
        ));
    }
    let good = reading.logs(first, &logs)?;
    let is_sound = reading.aside.is_empty() && !is_baseless;
    reading.set_aside()?;
    let Reading { changes, told, .. } = reading;
    let number = logs.last().copied().unwrap_or(first);
    let log = match good {
        _ if !is_sound => None,
        Some((length, _)) if length > 0 => Some(disk.go_on(&log_name(number), length)?),
        _ => Some(begin(disk, number)?),
    };
    listed.remove_older(disk, newest.unwrap_or(0))?;
    Ok(Found {
        log,
        number,
        base,
        older: good.map_or(0, |(_, older)| older),
        changes,
        told,
    })
}

/// Begins a log: it and its name are on disk before anything is added.
pub(super) fn begin(disk: &Disk, number: u64) -> io::Result<Growing> {
    let name = log_name(number);
    disk.remove(&name)?;
    let mut log = disk.create(&name)?;
    log.add(HEAD)?;
    log.sync()?;
    disk.sync()?;
    Ok(log)
}

struct Reading<'a> {
    disk: &'a Disk,
    apply: &'a dyn Fn(Change<'_>),
    changes: u64,
    told: Vec<String>,
    /// Files with damage, and those behind them that do not count for it.
    aside: Vec<String>,
}

/// How the reading of a file ended, with the length of what is good.
enum Ending {
    /// At its end.
    Whole(u64),
    /// Where a record was being written, or the file itself.
    Torn(u64),
    /// At something that is no record of ours.
    Damaged(u64),
}

impl Reading<'_> {
    /// Reads a base. Its entries do not build on each other, so what is behind damage counts too.
    fn base(&mut self, number: u64) -> io::Result<u64> {
        let name = base_name(number);
        let mut file = self.disk.read(&name)?;
        let whole = file.metadata()?.len();
        let mut holes = 0;
        let mut ending = self.records(&mut file, true)?;
        while let Ending::Damaged(at) | Ending::Torn(at) = ending {
            holes += 1;
            let Some(next) = after(&mut file, at)?.filter(|_| holes < MOST_HOLES) else {
                break;
            };
            file.seek(SeekFrom::Start(next))?;
            ending = match self.records(&mut file, false)? {
                Ending::Whole(more) => Ending::Whole(next + more),
                Ending::Torn(more) => Ending::Torn(next + more),
                Ending::Damaged(more) => Ending::Damaged(next + more),
            };
        }
        if holes > 0 {
            self.told.push(format!(
                "{name} is damaged: the sessions that stood there are lost, all others kept"
            ));
            self.aside.push(name);
        }
        Ok(whole)
    }

    /// Reads the logs in order as far as they are sound: answers how long the last is and all before it together.
    fn logs(&mut self, first: u64, numbers: &[u64]) -> io::Result<Option<(u64, u64)>> {
        let mut last = None;
        let mut older = 0;
        for (i, number) in numbers.iter().enumerate() {
            let name = log_name(*number);
            let wanted = first + length(i);
            if *number != wanted {
                let missing = log_name(wanted);
                self.told.push(format!(
                    "{missing} is missing: what was written after it is not read"
                ));
                self.leave(&numbers[i..]);
                break;
            }
            older += last.unwrap_or(0);
            let mut file = self.disk.read(&name)?;
            let is_last = i + 1 == numbers.len();
            match self.log(&mut file)? {
                Ending::Whole(good) => last = Some(good),
                Ending::Torn(good) if is_last => {
                    let cut = file.metadata()?.len().saturating_sub(good);
                    self.told.push(format!(
                        "{name} ends in a record that was never written whole: {cut} bytes are cut off"
                    ));
                    last = Some(good);
                }
                Ending::Torn(good) | Ending::Damaged(good) => {
                    self.told.push(format!(
                        "{name} is damaged at byte {good}: what was written before is kept, what came after is lost"
                    ));
                    self.leave(&numbers[i..]);
                    break;
                }
            }
        }
        Ok(last.map(|last| (last, older)))
    }

    fn leave(&mut self, numbers: &[u64]) {
        self.aside.extend(numbers.iter().map(|n| log_name(*n)));
    }

    fn log(&mut self, file: &mut File) -> io::Result<Ending> {
        let ending = self.records(file, true)?;
        if let Ending::Torn(at) = ending
            && after(file, at)?.is_some()
        {
            return Ok(Ending::Damaged(at));
        }
        Ok(ending)
    }

    /// Reads records from where the file stands. «Torn» is only a guess: it looks at nothing behind it.
    fn records(&mut self, file: &mut File, has_head: bool) -> io::Result<Ending> {
        let mut records = Records::new(BufReader::with_capacity(PIECE, file));
        if has_head {
            match readable(records.head())? {
                Some(true) => {}
                // Shorter than a head: it was just being made.
                Some(false) if records.at == 0 => return Ok(Ending::Torn(0)),
                _ => return Ok(Ending::Damaged(0)),
            }
        }
        loop {
            let at = records.at;
            match readable(records.next())? {
                None => return Ok(Ending::Damaged(at)),
                Some(Next::End) => return Ok(Ending::Whole(at)),
                Some(Next::Bad) => return Ok(Ending::Torn(at)),
                Some(Next::Payload(payload)) => match decode(payload) {
                    None => return Ok(Ending::Damaged(at)),
                    Some(changes) => {
                        self.changes += length(changes.len());
                        changes.into_iter().for_each(self.apply);
                    }
                },
            }
        }
    }

    /// Gives what is damaged a second name that nothing ever removes.
    fn set_aside(&mut self) -> io::Result<()> {
        let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        for name in &self.aside {
            let mut to = format!("{name}.damaged-{time}");
            let mut n = 2;
            while self.disk.has(&to)? {
                to = format!("{name}.damaged-{time}.{n}");
                n += 1;
            }
            self.disk.link(name, &to)?;
            self.told.push(format!("{name} is kept as {to}"));
        }
        if !self.aside.is_empty() {
            self.disk.sync()?;
        }
        Ok(())
    }
}

/// Where the next whole record begins behind a bad one at `at`.
fn after(file: &mut File, at: u64) -> io::Result<Option<u64>> {
    file.seek(SeekFrom::Start(at + 1))?;
    let found = readable(find_whole(file))?.flatten();
    Ok(found.map(|offset| at + 1 + offset))
}

/// A place that the disk cannot read any more is damage, not a reason to serve nothing.
fn readable<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::IO) => Ok(None),
        read => read.map(Some),
    }
}
