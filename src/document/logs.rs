//! `[logs]`.

use super::later::{Later, Off};
use super::reader::Reader;
use super::value::{parsed, word};
use super::writer::Writer;
use crate::model::{LogFormat, LogLevel, Logs};

const LATER: &[Later] = &[("rotate", Off::Never), ("store", Off::Never)];

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
}
