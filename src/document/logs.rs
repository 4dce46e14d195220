//! `[logs]`.

use std::time::Duration;

use super::later::{Later, Off};
use super::reader::Reader;
use super::value::{flag, number, parsed, size, time, word};
use super::writer::Writer;
use crate::model::{LogFormat, LogLevel, Logs, Rotate};

const LATER: &[Later] = &[("store", Off::Never)];

/// Old files at most: whoever wants more means an archive, elsewhere.
const MAX_KEEP: u16 = 10_000;

/// The longest age of a file: with more, nobody notices that nothing rotates.
const MAX_AGE: Duration = Duration::from_secs(366 * 86_400);

pub(super) fn read(r: &mut Reader<'_, '_>) -> Logs {
    r.later(LATER);
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
}

fn write_rotate(w: &mut Writer, rotate: Rotate) {
    let d = Rotate::default();
    w.size("size", rotate.size, d.size);
    w.time("age", rotate.age, d.age);
    w.field("keep", rotate.keep, d.keep);
    w.field("compress", rotate.compress, d.compress);
}
