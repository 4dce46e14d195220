//! `health`: whether requests can be served, for a container's health check and for scripts.
//!
//! It takes no lock and opens no file of the data directory: it may be asked while an instance
//! starts, and must not stand in its way.

use std::path::Path;
use std::process::ExitCode;

use super::control_client::Client;
use super::output::{Failure, say};
use super::said::get;

pub(super) fn run(dir: &Path) -> Result<ExitCode, Failure> {
    let client = Client::new(dir);
    if !client.is_there() {
        return Err(Failure::run_time(format!(
            "not ready: nothing runs on {}",
            dir.display()
        )));
    }
    let status = get(&client, "/api/v1/status")?;
    let reasons = status["reasons"].as_array().map_or(&[][..], Vec::as_slice);
    let reasons: Vec<&str> = reasons.iter().filter_map(|why| why.as_str()).collect();
    match (status["ready"] == true, reasons.is_empty()) {
        (true, true) => say("ready")?,
        (true, false) => say(&format!("ready, degraded: {}", reasons.join("; ")))?,
        (false, true) => return Err(Failure::run_time("not ready: nothing is configured yet")),
        (false, false) => {
            let why = reasons.join("; ");
            return Err(Failure::run_time(format!("not ready: {why}")));
        }
    }
    Ok(ExitCode::SUCCESS)
}
