//! `check`: every Problem of a document, with its place. Needs no instance.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::output::{Failure, say, tell};
use super::source::{Source, SourceArg};
use crate::document;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    source: SourceArg,
    /// Print the Problems as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let source = Source::read(&args.source.file)?;
    match document::parse(&source.text, source.format()) {
        Ok(parsed) => {
            for warning in &parsed.warnings {
                tell(&format!("{}: warning: {warning}", source.name));
            }
            if args.json {
                say(&json!({"problems": [], "warnings": parsed.warnings}).to_string())?;
            } else {
                say(&format!("{}: no problems", source.name))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            tell(problems.text(&source.name).trim_end());
            if args.json {
                say(&problems.to_json().to_string())?;
            }
            Err(Failure::problems_shown())
        }
    }
}
