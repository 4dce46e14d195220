//! One thing wrong with one field, worded for the operator.

/// What kind of wrong, for programs; people read the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The text is not TOML or JSON.
    Syntax,
    /// A key that no version knows.
    UnknownKey,
    /// A key of a later capability.
    NotAvailable,
    /// A key that must be there and is not.
    Missing,
    /// A value of the wrong type.
    Type,
    /// A value outside its range or form.
    Value,
    /// A second thing with one name, host, path or address.
    Duplicate,
    /// A name that nothing carries.
    Dangling,
    /// Two values that exclude each other.
    Conflict,
}

impl Code {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::UnknownKey => "unknown_key",
            Self::NotAvailable => "not_available",
            Self::Missing => "missing",
            Self::Type => "type",
            Self::Value => "value",
            Self::Duplicate => "duplicate",
            Self::Dangling => "dangling",
            Self::Conflict => "conflict",
        }
    }
}

/// One thing wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The way to the field: `pools[0].nodes[1].weight`.
    pub field: String,
    /// What kind of wrong.
    pub code: Code,
    /// What is wrong and what to do: `must be 1 to 1000 (is 0)`.
    pub message: String,
}

/// Every Problem found, in the order found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Notes one more.
    pub fn add(&mut self, field: impl Into<String>, code: Code, message: impl Into<String>) {
        self.0.push(Problem {
            field: field.into(),
            code,
            message: message.into(),
        });
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The Problems, in the order found.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// Takes over all Problems of `other`.
    pub fn append(&mut self, mut other: Problems) {
        self.0.append(&mut other.0);
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
