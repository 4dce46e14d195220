//! `export`: print the configuration as a document.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::instance::Instance;
use super::later::not_available;
use super::output::{Failure, print};
use crate::document::Format;

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// How it is written
    #[arg(long, value_enum, default_value_t = Wanted::Toml)]
    format: Wanted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Wanted {
    Toml,
    Json,
    #[value(hide = true)]
    Nginx,
    #[value(hide = true)]
    Haproxy,
    #[value(hide = true)]
    Caddy,
}

pub(super) fn run(dir: &Path, args: ExportArgs) -> Result<ExitCode, Failure> {
    let later = |name: &str| Err(not_available(&format!("export --format {name}")));
    let format = match args.format {
        Wanted::Toml => Format::Toml,
        Wanted::Json => Format::Json,
        Wanted::Nginx => return later("nginx"),
        Wanted::Haproxy => return later("haproxy"),
        Wanted::Caddy => return later("caddy"),
    };
    let mut document = Instance::find(dir)?.export(format)?;
    if !document.ends_with('\n') {
        document.push('\n');
    }
    print(&document)?;
    Ok(ExitCode::SUCCESS)
}
