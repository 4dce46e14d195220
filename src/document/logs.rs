//! `[logs]`.

use std::time::Duration;

use super::reader::Reader;
use super::value::{flag, number, parsed, size, time, word};
use super::writer::Writer;
use crate::model::{LogFormat, LogLevel, LogStore, Logs, Rotate};

/// Old files at most: whoever wants more means an archive, elsewhere.
const MAX_KEEP: u16 = 10_000;

/// The least that the log store takes: it is kept in parts, and one of them grows.
const MIN_STORE: u64 = 16 << 20;

/// The longest age of a file or record: with more, nobody notices that nothing goes.
const MAX_AGE: Duration = Duration::from_secs(366 * 86_400);

pub(super) fn read(r: &mut Reader<'_, '_>) -> Logs {
    let d = Logs::default();
    Logs {
        file: r.get("file", d.file, parsed(file)),
        format: r.get(
            "format",
            d.format,
            word(&LogFormat::ALL, LogFormat::as_str, &[]),
        ),
        level: r.get(
            "level",
            d.level,
            word(&LogLevel::ALL, LogLevel::as_str, &[]),
        ),
        rotate: r.table("rotate", read_rotate).unwrap_or(d.rotate),
        store: r.table("store", read_store).unwrap_or(d.store),
    }
}

fn read_rotate(r: &mut Reader<'_, '_>) -> Rotate {
    let d = Rotate::default();
    Rotate {
        size: r.get("size", d.size, size(0..=1 << 40)),
        age: r.get("age", d.age, time(Duration::ZERO..=MAX_AGE)),
        keep: r.get("keep", d.keep, number(0..=MAX_KEEP)),
        compress: r.get("compress", d.compress, flag),
    }
}

fn read_store(r: &mut Reader<'_, '_>) -> LogStore {
    let d = LogStore::default();
    LogStore {
        on: r.get("on", d.on, flag),
        max_size: r.get("max_size", d.max_size, size(MIN_STORE..=1 << 50)),
        max_age: r.get(
            "max_age",
            d.max_age,
            time(Duration::from_secs(60)..=MAX_AGE),
        ),
    }
}

fn file(text: &str) -> Result<String, String> {
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    // Empty is no access log.
    if text.is_empty() || text.split('/').all(plain) && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "must be a path within the logs directory, such as access.log, without .. (is {text:?})"
        ))
    }
}

pub(super) fn write(w: &mut Writer, logs: &Logs) {
    let d = Logs::default();
    w.field("file", logs.file.as_str(), d.file.as_str());
    w.field("format", logs.format.as_str(), d.format.as_str());
    w.field("level", logs.level.as_str(), d.level.as_str());
    w.table("rotate", |w| write_rotate(w, logs.rotate));
    w.table("store", |w| write_store(w, logs.store));
}

fn write_store(w: &mut Writer, store: LogStore) {
    let d = LogStore::default();
    w.field("on", store.on, d.on);
    w.size("max_size", store.max_size, d.max_size);
    w.time("max_age", store.max_age, d.max_age);
}

fn write_rotate(w: &mut Writer, rotate: Rotate) {
    let d = Rotate::default();
    w.size("size", rotate.size, d.size);
    w.time("age", rotate.age, d.age);
    w.field("keep", rotate.keep, d.keep);
    w.field("compress", rotate.compress, d.compress);
}
