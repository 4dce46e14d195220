//! What is wrong, in the reader's language.

use crate::admin::texts::{Texts, problems};
use crate::model::{Language, Problem};

/// One thing told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::admin) struct Said {
    pub(in crate::admin) words: String,
    /// In the program's own words, for who looks for them.
    pub(in crate::admin) detail: String,
    /// Which field it is of, where it stands beside none.
    pub(in crate::admin) place: String,
    /// More of it, a line each.
    pub(in crate::admin) lines: Vec<String>,
}

impl Said {
    /// A Problem.
    pub(in crate::admin) fn of(t: Texts, problem: &Problem) -> Self {
        match t.0 {
            Language::English => Self::with(sentence(&problem.message), String::new()),
            Language::Chinese => match problems::chinese(&problem.message) {
                Some(words) => Self::with(words, String::new()),
                None => Self::with(problems::of_code(problem.code), problem.message.clone()),
            },
        }
    }

    /// Words, and the program's own.
    pub(in crate::admin) fn with(words: impl Into<String>, detail: String) -> Self {
        Self {
            words: words.into(),
            detail,
            ..Self::default()
        }
    }

    /// The same with its field.
    pub(in crate::admin) fn at(mut self, field: &str) -> Self {
        field.clone_into(&mut self.place);
        self
    }
}

/// `must be 1 to 9` as it begins a line.
fn sentence(message: &str) -> String {
    let plain = [
        "must", "may", "is ", "holds", "cannot", "needs", "has ", "no ", "any ", "there ",
    ];
    let mut letters = message.chars();
    match letters.next() {
        Some(first) if plain.iter().any(|word| message.starts_with(word)) => {
            first.to_uppercase().chain(letters).collect()
        }
        _ => message.to_owned(),
    }
}
