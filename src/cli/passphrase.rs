//! Passphrases: from a file, a variable, or a person at the terminal; never from the command line,
//! which every user of the machine can read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::output::Failure;
use crate::disk::read_at_most;
use crate::model::SecretBytes;

/// The variable that may hold it.
pub(super) const VARIABLE: &str = "STEELYARD_BACKUP_PASSPHRASE";

/// Limit: what is read of one, in bytes; longer ones are refused by length anyway.
const MOST: u64 = 8192;

#[derive(Debug, Args)]
pub(super) struct PassphraseArg {
    /// The file that holds the passphrase, which is its first line
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// The passphrase of a backup that is there; none where nobody says it.
pub(super) fn known(named: &PassphraseArg) -> Result<Option<SecretBytes>, Failure> {
    match said(named)? {
        Some(said) => Ok(Some(said)),
        None => ask("Passphrase of the backup: "),
    }
}

/// The same for one that is to be made: a person types it twice.
pub(super) fn new(named: &PassphraseArg) -> Result<Option<SecretBytes>, Failure> {
    if let Some(said) = said(named)? {
        return Ok(Some(said));
    }
    let Some(first) = ask("Passphrase for the backup: ")? else {
        return Ok(None);
    };
    match ask("The same again: ")? {
        Some(second) if second == first => Ok(Some(first)),
        _ => Err(Failure::usage("the two passphrases differ")),
    }
}

fn said(named: &PassphraseArg) -> Result<Option<SecretBytes>, Failure> {
    if let Some(file) = &named.passphrase_file {
        let shown = file.display();
        let text = read_at_most(file, MOST)
            .map_err(|error| Failure::run_time(format!("{shown} cannot be read: {error}")))?;
        return match first_line(&text) {
            [] => Err(Failure::usage(format!(
                "the first line of {shown} is empty"
            ))),
            line => Ok(Some(SecretBytes::new(line))),
        };
    }
    let variable = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
    Ok(variable.map(|text| SecretBytes::new(text.as_bytes())))
}

fn first_line(text: &[u8]) -> &[u8] {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Asks who sits at the terminal, without showing what they type; none where nobody does.
fn ask(question: &str) -> Result<Option<SecretBytes>, Failure> {
    let failed = |error: io::Error| Failure::run_time(format!("cannot ask: {error}"));
    // Standard input may be the backup.
    let Ok(mut terminal) = File::options().read(true).write(true).open("/dev/tty") else {
        return Ok(None);
    };
    if !io::stderr().is_terminal() {
        return Ok(None);
    }
    terminal.write_all(question.as_bytes()).map_err(failed)?;
    let before = tcgetattr(&terminal).map_err(|error| failed(error.into()))?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&terminal, OptionalActions::Flush, &quiet).map_err(|error| failed(error.into()))?;
    let mut line = String::new();
    let read = terminal
        .try_clone()
        .and_then(|input| BufReader::new(input).read_line(&mut line));
    // Nothing more can be done where even that fails.
    let _ = tcsetattr(&terminal, OptionalActions::Flush, &before);
    let _ = terminal.write_all(b"\n");
    read.map_err(failed)?;
    Ok(match first_line(line.as_bytes()) {
        [] => None,
        line => Some(SecretBytes::new(line)),
    })
}

/// Asks a question of yes or no; no where nobody answers.
pub(super) fn is_agreed(question: &str) -> bool {
    let Ok(mut terminal) = File::options().read(true).write(true).open("/dev/tty") else {
        return false;
    };
    let mut line = String::new();
    let asked = terminal
        .write_all(format!("{question} [y/N] ").as_bytes())
        .and_then(|()| BufReader::new(terminal).read_line(&mut line));
    asked.is_ok() && matches!(line.trim(), "y" | "Y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::first_line;

    #[test]
    fn a_passphrase_is_the_first_line_as_it_stands() {
        assert_eq!(first_line(b" a b \r\nc\n"), b" a b ");
        assert_eq!(first_line(b"alone"), b"alone");
        assert_eq!(first_line(b"\nx"), b"");
    }
}
