//! Keys that are not read: those of later capabilities, and those misspelt.

use super::tree::{Tree, Value};
use super::{size, time};

/// A key of a later capability, and the value of it that asks for nothing and so is let pass.
pub(super) type Later = (&'static str, Off);

/// The value of a later key that changes nothing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Off {
    /// There is none.
    Never,
    /// `false`.
    False,
    /// `0`, `"0s"`.
    Zero,
    /// This word.
    Word(&'static str),
}

impl Off {
    /// Whether `tree` is this value.
    pub(super) fn is(self, tree: &Tree) -> bool {
        match (self, &tree.value) {
            (Self::False, Value::Flag(flag)) => !flag,
            (Self::Zero, Value::Integer(number)) => *number == 0,
            (Self::Zero, Value::Text(text)) => {
                time::parse(text).is_ok_and(|time| time.is_zero()) || size::parse(text) == Ok(0)
            }
            (Self::Word(word), Value::Text(text)) => word == text,
            _ => false,
        }
    }
}

/// The one of `known` that was probably meant: at most every third letter differs.
pub(super) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    // Longer than any key by far: not worth comparing.
    if key.len() > 64 {
        return None;
    }
    let key = key.to_ascii_lowercase().replace('-', "_");
    let distance = |known: &&str| strsim::damerau_levenshtein(&key, known);
    let near = known.iter().copied().min_by_key(distance)?;
    (distance(&near) <= (near.len() / 3).max(1)).then_some(near)
}
