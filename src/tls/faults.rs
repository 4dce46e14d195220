//! What can be wrong with a certificate, in the operator's words. None repeats what a file holds.

/// What is wrong with the files of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Which of the two files.
    pub(super) part: super::Part,
    /// What is wrong, and what to do.
    pub(super) words: String,
}

impl Fault {
    pub(super) fn chain(words: impl Into<String>) -> Self {
        Self {
            part: super::Part::Chain,
            words: words.into(),
        }
    }

    pub(super) fn key(words: impl Into<String>) -> Self {
        Self {
            part: super::Part::Key,
            words: words.into(),
        }
    }
}
