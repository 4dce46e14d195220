//! `backup`: all that another machine needs, in one file.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::control_client::Request;
use super::instance::Instance;
use super::output::{Failure, say, tell};
use super::passphrase::{self, PassphraseArg};
use super::said::refusal;
use super::target::Target;
use crate::model::SecretBytes;
use crate::store::backup;

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// Where to put it; - is standard output. Without it, a file named after machine and time
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArg,
    /// Leave out secrets, passwords and the keys of certificates, and encrypt nothing
    #[arg(long, conflicts_with = "passphrase_file")]
    without_secrets: bool,
}

impl Instance {
    /// Makes a backup, with secrets where there is a passphrase.
    ///
    /// # Errors
    /// When none can be made.
    fn back_up(&self, passphrase: Option<&SecretBytes>) -> Result<Vec<u8>, Failure> {
        let client = match self {
            Self::Stopped(stopped) => return stopped.back_up(passphrase),
            Self::Running(client) => client,
        };
        let asked = match passphrase {
            Some(text) => json!({ "passphrase": String::from_utf8_lossy(text.bytes()) }),
            None => json!({ "without_secrets": true }),
        };
        let answer = client.ask(&Request {
            method: "POST",
            path: "/api/v1/backup",
            body: Some(("application/json", asked.to_string().as_bytes())),
            ..Request::default()
        })?;
        match answer.status {
            200 => Ok(answer.body),
            _ => Err(refusal(&answer)),
        }
    }
}

pub(super) fn run(dir: &Path, args: &BackupArgs) -> Result<ExitCode, Failure> {
    let is_output = args.file.as_deref() == Some(Path::new("-"));
    if is_output && io::stdout().is_terminal() {
        return Err(Failure::usage(
            "a backup is not for a terminal: name a FILE",
        ));
    }
    let passphrase = match args.without_secrets {
        true => None,
        false => Some(chosen(&args.passphrase)?),
    };
    let target = match &args.file {
        Some(file) if !is_output => Some(Target::of(file)?),
        _ => None,
    };
    let bytes = made(dir, passphrase.as_ref())?;
    // Also what a running instance of another version has sent.
    let about = backup::about(&bytes).map_err(|fault| Failure::run_time(fault.to_string()))?;
    if is_output {
        let mut out = io::stdout().lock();
        let written = out.write_all(&bytes).and_then(|()| out.flush());
        written.map_err(|error| {
            Failure::run_time(format!("cannot write to standard output: {error}"))
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let target = match target {
        Some(target) => target,
        None => Target::of(Path::new(&about.file_name()))?,
    };
    target.write(&bytes)?;
    let (shown, revision) = (target.path.display(), about.revision);
    match about.secrets {
        true => say(&format!(
            "{shown}: revision {revision}, with secrets, encrypted: keep the passphrase elsewhere"
        ))?,
        false => say(&format!(
            "{shown}: revision {revision}, without secrets, passwords and keys"
        ))?,
    }
    if about.secrets && !about.left_out.is_empty() {
        tell("some secrets were sealed by a key that is gone, and are not in it");
    }
    Ok(ExitCode::SUCCESS)
}

fn chosen(named: &PassphraseArg) -> Result<SecretBytes, Failure> {
    let found = passphrase::new(named)?;
    let passphrase = found.ok_or_else(|| {
        Failure::usage(format!(
            "a backup holds secrets: name a --passphrase-file, set {}, or leave them out with --without-secrets",
            passphrase::VARIABLE
        ))
    })?;
    backup::check_passphrase(&passphrase).map_err(|fault| Failure::usage(fault.to_string()))?;
    Ok(passphrase)
}

/// On a thread of its own: on a stopped instance of another user root's rights end there, and the
/// file is to be written where root may.
fn made(dir: &Path, passphrase: Option<&SecretBytes>) -> Result<Vec<u8>, Failure> {
    let make = || Instance::find(dir)?.back_up(passphrase);
    let done = std::thread::scope(|scope| scope.spawn(make).join());
    done.unwrap_or_else(|_| Err(Failure::run_time("the backup was broken off")))
}
