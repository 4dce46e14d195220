//! `check`: every Problem of a document or of a boot file, with its place. Needs no instance.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::boot;
use super::output::{Failure, say, tell};
use super::source::Source;
use crate::document;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The document, TOML or JSON; - is standard input
    #[arg(value_name = "FILE", required_unless_present = "boot")]
    file: Option<PathBuf>,
    /// Check this boot file, such as /etc/steelyard/steelyard.toml, and no document
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    boot: Option<PathBuf>,
    /// Print the Problems as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let (source, checked) = match (&args.boot, &args.file) {
        (Some(file), _) => {
            let source = boot::source(file)?;
            let checked = document::parse_boot(&source.text).map(|_| Vec::new());
            (source, checked)
        }
        (None, file) => {
            let source = Source::read(file.as_deref().unwrap_or(Path::new("-")))?;
            let checked = document::parse(&source.text, source.format());
            (source, checked.map(|parsed| parsed.warnings))
        }
    };
    match checked {
        Ok(warnings) => {
            for warning in &warnings {
                tell(&format!("{}: warning: {warning}", source.name));
            }
            if args.json {
                say(&json!({"problems": [], "warnings": warnings}).to_string())?;
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
