//! `doctor`: everything that is looked at first when something is wrong, fit to be pasted into an
//! issue.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::instance::Instance;
use super::output::{Failure, RUN_TIME, print, say};

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(dir: &Path, args: &DoctorArgs) -> Result<ExitCode, Failure> {
    let told = Instance::find(dir)?.diagnose()?;
    match args.json {
        true => say(&told.to_string())?,
        false => print(told["text"].as_str().unwrap_or_default())?,
    }
    Ok(match told["state"] == "bad" {
        true => ExitCode::from(RUN_TIME),
        false => ExitCode::SUCCESS,
    })
}
