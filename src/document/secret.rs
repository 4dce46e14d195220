//! A secret: text, `{ file = "…" }` or `{ env = "…" }`. No Problem repeats what stands there.

use super::files::absolute;
use super::reader::{Field, Reader};
use super::tree::Value;
use super::value::Fault;
use super::writer::Writer;
use crate::model::{Code, Secret, SecretBytes};

/// What a comparison shows in place of a text.
pub(super) const HIDDEN: &str = "(secret)";

/// Takes `key` as a secret; `{ file = "" }` and `{ env = "" }` say nothing, as no key does.
pub(super) fn read(r: &mut Reader<'_, '_>, key: &'static str) -> Secret {
    let Some(field) = r.take(key) else {
        return Secret::Absent;
    };
    let read = match &field.tree.value {
        Value::Text(text) => in_text(text),
        Value::Table(_) => return in_table(r, field),
        _ => Err(wrong_form()),
    };
    r.keep(&field, read).unwrap_or_default()
}

fn wrong_form() -> Fault {
    let message = "must be text in quotes, { file = \"…\" } or { env = \"…\" }";
    Fault::new(Code::Type, message)
}

fn in_text(text: &str) -> Result<Secret, Fault> {
    if text.is_empty() {
        let message = "must not be empty; without the key a secret stays as it is";
        return Err(Fault::value(message));
    }
    if text.len() > Secret::MAX_BYTES {
        let message = format!("must be at most {} bytes", Secret::MAX_BYTES);
        return Err(Fault::value(message));
    }
    Ok(Secret::Text(SecretBytes::new(text.as_bytes())))
}

fn in_table(r: &mut Reader<'_, '_>, field: Field<'_>) -> Secret {
    let read = |r: &mut Reader<'_, '_>| {
        let (has_file, has_env) = (r.has("file"), r.has("env"));
        let file = r.optional("file", |tree| match &tree.value {
            Value::Text(text) if text.is_empty() => Ok(Secret::Absent),
            Value::Text(text) => absolute(text).map(Secret::File).map_err(Fault::value),
            _ => Err(Fault::new(Code::Type, "must be a path in quotes")),
        });
        let env = r.optional("env", |tree| match &tree.value {
            Value::Text(text) if text.is_empty() => Ok(Secret::Absent),
            Value::Text(text) => variable(text).map_err(Fault::value),
            _ => Err(Fault::new(Code::Type, "must be a name in quotes")),
        });
        match (has_file, has_env) {
            (true, true) => {
                let message = "must hold file or env, not both";
                r.note_here(Fault::new(Code::Conflict, message));
            }
            // Any other key has a Problem of its own.
            (false, false) if r.is_empty() => r.note_here(Fault::new(
                Code::Missing,
                "must hold file or env: { file = \"…\" } or { env = \"…\" }",
            )),
            _ => {}
        }
        file.or(env).unwrap_or_default()
    };
    r.enter(field, &read, wrong_form)
}

// What no environment can hold.
fn variable(name: &str) -> Result<Secret, String> {
    if name.contains(['=', '\0']) || name.contains(char::is_control) {
        return Err(format!(
            "must be the name of a variable, such as WEBHOOK_SECRET (is {name:?})"
        ));
    }
    Ok(Secret::Env(name.to_owned()))
}

/// Puts where a secret is read from. A text is left out; with defaults, which is for comparing,
/// it is hidden.
pub(super) fn write(w: &mut Writer, key: &str, secret: &Secret) {
    match secret {
        Secret::Absent => {}
        Secret::Text(_) => w.only_with_defaults(key, HIDDEN),
        Secret::File(path) => {
            let path = path.display().to_string();
            w.table_always(key, |w| w.always("file", path));
        }
        Secret::Env(name) => w.table_always(key, |w| w.always("env", name.as_str())),
    }
}
