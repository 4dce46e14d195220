//! The name of a listener, pool, node, site: its identity.

use std::fmt;

/// A name of 1 to 64 characters out of `A-Z a-z 0-9 . _ -`.
///
/// Identity is the name: a rename is a remove and an add.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// Longest name, in characters: it stands in log lines and metric labels.
    pub const MAX: usize = 64;

    /// Takes `text` as a name.
    ///
    /// # Errors
    /// The phrase for the operator when the text is not a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if text.is_empty() {
            return Err("must not be empty".into());
        }
        if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
            return Err(format!(
                "may hold letters, digits and . _ - only (has {bad:?})"
            ));
        }
        if text.len() > Self::MAX {
            return Err(format!(
                "must have at most {} characters (has {})",
                Self::MAX,
                text.len()
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text as it was typed, for a value that has already been reported
    /// as a Problem: references to it then still find it.
    pub fn unchecked(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn a_name_holds_letters_digits_and_three_marks() {
        for good in ["a", "web-1", "10.0.0.1_8000", &"x".repeat(64)] {
            assert_eq!(Name::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a/b", "é", "a:1", &"x".repeat(65)] {
            assert!(Name::parse(bad).is_err(), "{bad:?} passed");
        }
    }
}
