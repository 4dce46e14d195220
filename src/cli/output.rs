//! What a command prints, and how it ends when it cannot do what was asked.
//!
//! Written with `write_all`, not `println!`: a reader who has gone away
//! (`steelyard export | head -1`) is no error and no panic.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// A run-time failure: permission, a port, an instance that does not answer.
pub(super) const RUN_TIME: u8 = 1;
/// The command was used wrongly, or is not in this version.
pub(super) const USAGE: u8 = 2;
/// The configuration has Problems (`EX_CONFIG`; systemd does not restart on it).
pub(super) const BAD_CONFIG: u8 = 78;

/// Why a command ends without having done what was asked: one line and an exit code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The exit code.
    pub(super) code: u8,
    /// What happened and what to do; empty when it has been said already.
    pub(super) message: String,
}

impl Failure {
    /// Something that may work another time.
    pub(super) fn run_time(message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code: RUN_TIME,
            message,
        }
    }

    /// A command that can never work as it was typed.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code: USAGE,
            message,
        }
    }

    /// The configuration is refused, and each Problem has been shown.
    pub(super) fn problems_shown() -> Self {
        Self {
            code: BAD_CONFIG,
            message: String::new(),
        }
    }

    /// Says the line and gives the exit code.
    pub(super) fn tell(&self) -> ExitCode {
        if !self.message.is_empty() {
            // One line, whatever a cause brought along.
            tell(&format!("steelyard: {}", self.message.replace('\n', " ")));
        }
        ExitCode::from(self.code)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::run_time(format!("{error:#}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Prints `text` as it is on standard output.
///
/// # Errors
/// When it cannot be written, except that nobody reads it.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::run_time(format!(
            "cannot write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}

/// Prints `text` and a line end on standard output.
///
/// # Errors
/// As [`print`].
pub(super) fn say(text: &str) -> Result<(), Failure> {
    print(&format!("{text}\n"))
}

/// Prints `text` and a line end on standard error. Where even that fails there
/// is no one left to tell.
pub(super) fn tell(text: &str) {
    let _ = io::stderr()
        .lock()
        .write_all(format!("{text}\n").as_bytes());
}
