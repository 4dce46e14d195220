//! `status`: listeners and nodes, for people and for scripts.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::answer;
use super::instance::Instance;
use super::output::{Failure, print, say};
use super::status_table::Status;

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(dir: &Path, args: StatusArgs) -> Result<ExitCode, Failure> {
    let status = Instance::find(dir)?.status()?;
    if args.json {
        say(&status.to_string())?;
    } else {
        let status: Status = answer::read(status)?;
        print(&status.render())?;
    }
    Ok(ExitCode::SUCCESS)
}
