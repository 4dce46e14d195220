//! `apply`: make the configuration equal to a document.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::answer::{self, Applied};
use super::instance::{Apply, Instance, Outcome};
use super::output::{Failure, print, say, tell};
use super::source::{Source, SourceArg};

#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    source: SourceArg,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
    /// Refuse when the newest revision is another
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,
}

pub(super) fn run(dir: &Path, args: &ApplyArgs) -> Result<ExitCode, Failure> {
    let source = Source::read(&args.source.file)?;
    let instance = Instance::find(dir)?;
    let outcome = instance.apply(&Apply {
        text: &source.text,
        format: source.format(),
        dry_run: args.dry_run,
        if_revision: args.if_revision,
    })?;
    match outcome {
        Outcome::Done(done) if args.json => say(&done.to_string())?,
        Outcome::Done(done) => {
            let applied: Applied = answer::read(done)?;
            for warning in &applied.warnings {
                tell(&format!("{}: warning: {warning}", source.name));
            }
            print(&applied.render(instance.is_running()))?;
        }
        Outcome::Problems(problems) => {
            answer::tell_problems(&source.name, &problems)?;
            if args.json {
                say(&problems.to_string())?;
            }
            return Err(Failure::problems_shown());
        }
    }
    Ok(ExitCode::SUCCESS)
}
