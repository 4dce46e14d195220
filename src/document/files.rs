//! `files` of a route.

use std::path::{Component, Path, PathBuf};

use super::reader::Reader;
use super::value::{flag, parsed, parsed_or_empty};
use super::writer::Writer;
use crate::model::{Expires, Files, HeaderValue, Name};

pub(super) fn read(r: &mut Reader<'_, '_>) -> Files {
    let root = r.required("root", parsed(absolute));
    let d = Files::new(root.unwrap_or_else(|| "/".into()));
    Files {
        index: r.list("index", parsed(index), |_| None).unwrap_or(d.index),
        expires: r.get("expires", d.expires, parsed(Expires::parse)),
        cache_control: r.get("cache_control", None, parsed_or_empty(HeaderValue::parse)),
        precompressed: r.get("precompressed", d.precompressed, flag),
        fallback: r.reference_unless_empty("fallback"),
        root: d.root,
    }
}

/// A place on this machine, in one spelling.
pub(super) fn absolute(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    if !path.is_absolute() {
        return Err(format!("must be an absolute path (is {text:?})"));
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(format!("must not hold .. (is {text:?})"));
    }
    if text.contains(char::is_control) {
        return Err(format!("must not hold control characters (is {text:?})"));
    }
    // One spelling: no double slash, no `/./`, none at the end.
    Ok(path.components().collect())
}

fn index(text: &str) -> Result<String, String> {
    let plain = !matches!(text, "" | "." | "..") && !text.contains(['/', '\\']);
    if plain && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "must be a plain file name, such as index.html (is {text:?})"
        ))
    }
}

pub(super) fn write(w: &mut Writer, files: &Files) {
    let d = Files::new(files.root.clone());
    w.always("root", files.root.to_string_lossy());
    w.list("index", &files.index, &d.index);
    w.field("expires", files.expires.to_string(), d.expires.to_string());
    let cache_control = files.cache_control.as_ref();
    w.field(
        "cache_control",
        cache_control.map_or("", HeaderValue::as_str),
        "",
    );
    w.field("precompressed", files.precompressed, d.precompressed);
    let fallback = files.fallback.as_ref();
    w.field("fallback", fallback.map_or("", Name::as_str), "");
}
