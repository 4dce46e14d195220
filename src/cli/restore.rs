//! `restore`: a backup in the place of what is here, after showing what that means.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::Args;
use serde_json::Value;

use super::answer::{self, Applied};
use super::control_client::Request;
use super::instance::{Instance, Outcome};
use super::output::{Failure, print, say, tell};
use super::passphrase::{self, PassphraseArg};
use super::said::outcome;
use crate::model::SecretBytes;
use crate::store::backup::{self, About, MAX_FILE};

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The backup; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArg,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the outcome as JSON, and ask nothing
    #[arg(long)]
    json: bool,
    /// Ask nothing. Without a terminal nothing is asked either
    #[arg(long)]
    yes: bool,
}

/// A backup to be restored.
#[derive(Debug)]
pub(super) struct Restore<'a> {
    /// The file.
    pub(super) bytes: &'a [u8],
    /// Its passphrase, where it has one.
    pub(super) passphrase: Option<&'a SecretBytes>,
    /// Change nothing.
    pub(super) dry_run: bool,
    /// Only if this is the newest revision.
    pub(super) if_revision: Option<u64>,
}

impl Instance {
    /// Puts a backup in the place of what is here.
    ///
    /// # Errors
    /// When that cannot be done for another reason than Problems.
    fn restore(&self, restore: &Restore<'_>) -> Result<Outcome, Failure> {
        let client = match self {
            Self::Stopped(stopped) => return stopped.restore(restore),
            Self::Running(client) => client,
        };
        let dry_run = if restore.dry_run { "?dry_run=true" } else { "" };
        let passphrase = restore.passphrase.map(|text| BASE64.encode(text.bytes()));
        let field = passphrase
            .as_deref()
            .map(|text| ("Steelyard-Passphrase", text));
        let answer = client.ask(&Request {
            method: "POST",
            path: &format!("/api/v1/restore{dry_run}"),
            if_match: restore.if_revision,
            body: Some(("application/octet-stream", restore.bytes)),
            field,
        })?;
        outcome(answer)
    }
}

pub(super) fn run(dir: &Path, args: &RestoreArgs) -> Result<ExitCode, Failure> {
    let name = match args.file == Path::new("-") {
        true => "<stdin>".to_owned(),
        false => args.file.display().to_string(),
    };
    let bytes = read(&args.file, &name)?;
    let fault = |fault: backup::BackupError| Failure::run_time(format!("{name}: {fault}"));
    let about = backup::about(&bytes).map_err(fault)?;
    let passphrase = match about.secrets {
        true => passphrase::known(&args.passphrase)?,
        false => None,
    };
    if about.secrets && passphrase.is_none() {
        return Err(Failure::usage(format!(
            "{name} is encrypted: name a --passphrase-file, or set {}",
            passphrase::VARIABLE
        )));
    }
    let instance = Instance::find(dir)?;
    let mut wanted = Restore {
        bytes: &bytes,
        passphrase: passphrase.as_ref(),
        dry_run: true,
        if_revision: None,
    };
    let preview = done(&name, instance.restore(&wanted)?, args.json)?;
    if args.dry_run {
        show(&name, preview, (args.json, instance.is_running()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_asked = !args.yes && !args.json && io::stdin().is_terminal();
    // What was shown is what is done, or nothing.
    wanted.if_revision = preview["applied"]["revision"].as_u64();
    wanted.dry_run = false;
    if is_asked {
        show(&name, preview, (false, instance.is_running()))?;
        if !passphrase::is_agreed("Restore this?") {
            return Err(Failure::run_time("nothing was restored"));
        }
    }
    let restored = done(&name, instance.restore(&wanted)?, args.json)?;
    show(&name, restored, (args.json, instance.is_running()))?;
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path, name: &str) -> Result<Vec<u8>, Failure> {
    let failed = |error: io::Error| Failure::run_time(format!("cannot read {name}: {error}"));
    let mut bytes = Vec::new();
    // One byte more than may be: that it is too long is told with the rest.
    let most = MAX_FILE as u64 + 1;
    match file == Path::new("-") {
        true => io::stdin().lock().take(most).read_to_end(&mut bytes),
        false => File::open(file)
            .map_err(failed)?
            .take(most)
            .read_to_end(&mut bytes),
    }
    .map_err(failed)?;
    Ok(bytes)
}

fn done(name: &str, outcome: Outcome, as_json: bool) -> Result<Value, Failure> {
    match outcome {
        Outcome::Done(told) => Ok(told),
        Outcome::Problems(problems) => {
            answer::tell_problems(name, &problems)?;
            if as_json {
                say(&problems.to_string())?;
            }
            Err(Failure::problems_shown())
        }
    }
}

fn show(name: &str, told: Value, (as_json, is_running): (bool, bool)) -> Result<(), Failure> {
    if as_json {
        return say(&told.to_string());
    }
    let applied: Applied = answer::read(told["applied"].clone())?;
    for warning in &applied.warnings {
        tell(&format!("{name}: warning: {warning}"));
    }
    let about: About = answer::read(told["backup"].clone())?;
    print(&format!("{name}: {}\n", about.shown()))?;
    let changes = applied.render(is_running);
    // What serves now is the last line, behind all that came and went.
    let (changes, last) = changes
        .trim_end()
        .rsplit_once('\n')
        .unwrap_or(("", &changes));
    print(&format!(
        "{changes}\n{}{}\n",
        people(&told),
        last.trim_end()
    ))
}

/// Users, tokens and certificates that come and go, and what is missing, a line each.
fn people(told: &Value) -> String {
    let mut text = String::new();
    let mut lines = |sign: &str, names: &Value, words: &str| {
        for name in names.as_array().into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            let _ = writeln!(text, "{sign} {}", words.replace("{}", name));
        }
    };
    for (key, what) in [
        ("users", "user {}"),
        ("tokens", "token {}"),
        ("certificates", "kept certificate {}"),
    ] {
        lines("+", &told[key]["added"], what);
        lines("-", &told[key]["removed"], what);
    }
    lines("~", &told["certificates"]["changed"], "kept certificate {}");
    for user in told["users"]["changed"].as_array().into_iter().flatten() {
        let word = |key: &str| user[key].as_str().unwrap_or_default();
        let (name, before, after) = (word("name"), word("before"), word("after"));
        let _ = writeln!(text, "~ user {name}: {before} -> {after}");
    }
    let mut lines = |names: &Value, words: &str| {
        for name in names.as_array().into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            let _ = writeln!(text, "! {}", words.replace("{}", name));
        }
    };
    lines(
        &told["users"]["without_password"],
        "user {} has no password: steelyard reset-password {}",
    );
    lines(
        &told["users"]["second_factor_off"],
        "user {} has no second factor: it can be switched on again in the panel",
    );
    lines(
        &told["certificates"]["missing"],
        "certificate {} has no key: steelyard certificate put {} --chain FILE --key FILE",
    );
    lines(
        &told["secrets_missing"],
        "the secret {} is missing: give it again",
    );
    lines(
        &told["secrets_anew"],
        "the secret {} is another: whoever had the old one needs the new",
    );
    if let Some(place) = told["replaced"].as_str() {
        let _ = writeln!(text, "the database that was replaced is kept as {place}");
    }
    text
}
