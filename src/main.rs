//! The program: everything is in the library.

use std::process::ExitCode;

use steelyard::{app, cli};

fn main() -> ExitCode {
    cli::run(app::run)
}
