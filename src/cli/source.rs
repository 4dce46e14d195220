//! A document as it is named on the command line: a file, or `-` for standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::output::Failure;
use crate::document::Format;

/// Longest document taken, in bytes: as much as the API takes. Ten thousand nodes have
/// about one MiB.
const MAX_DOCUMENT: u64 = 4 * 1024 * 1024;

/// A document that was read.
#[derive(Debug)]
pub(super) struct Source {
    /// What stands before `:LINE:COL:`.
    pub(super) name: String,
    /// Its text.
    pub(super) text: String,
}

impl Source {
    /// Reads the document `file`, or standard input where it is `-`.
    ///
    /// # Errors
    /// When it cannot be read, is too long or is not UTF-8.
    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        if file == Path::new("-") {
            return Self::take("<stdin>".to_owned(), io::stdin().lock());
        }
        let name = file.display().to_string();
        let opened = File::open(file)
            .map_err(|error| Failure::run_time(format!("cannot read {name}: {error}")))?;
        Self::take(name, opened)
    }

    fn take(name: String, from: impl Read) -> Result<Self, Failure> {
        let mut bytes = Vec::new();
        from.take(MAX_DOCUMENT + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::run_time(format!("cannot read {name}: {error}")))?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_DOCUMENT) {
            return Err(Failure::run_time(format!(
                "{name} is longer than {} MiB; is it a document?",
                MAX_DOCUMENT / 1024 / 1024
            )));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let line = 1 + memchr::memchr_iter(b'\n', &error.as_bytes()[..at]).count();
            Failure {
                code: super::output::BAD_CONFIG,
                message: format!("{name}:{line}: the document is not UTF-8; save it as UTF-8"),
            }
        })?;
        Ok(Self { name, text })
    }

    /// How the document is written. No TOML begins with a brace.
    pub(super) fn format(&self) -> Format {
        if self.text.trim_start().starts_with('{') {
            Format::Json
        } else {
            Format::Toml
        }
    }
}

/// The document argument of a command.
#[derive(Debug, clap::Args)]
pub(super) struct SourceArg {
    /// The document, TOML or JSON; - is standard input
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::{Format, Source};

    #[test]
    fn a_document_is_json_when_it_begins_with_a_brace() {
        let format = |text: &str| Source::take("x".into(), text.as_bytes()).unwrap().format();
        assert_eq!(format(" \n{\"version\": 1}"), Format::Json);
        assert_eq!(format("version = 1"), Format::Toml);
        assert_eq!(format(""), Format::Toml);
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_with_their_line() {
        let failure = Source::take("x.toml".into(), &b"version = 1\n# \xff\n"[..]).unwrap_err();
        assert_eq!(failure.code, 78);
        assert!(failure.message.starts_with("x.toml:2: "), "{failure}");
    }
}
