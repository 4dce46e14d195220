//! `certificate renew` and `certificate check`: having an authority issue a certificate anew, and
//! looking before whether it could.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::certificate::day;
use super::control_client::{Client, Request};
use super::instance::pause;
use super::output::{Failure, say};
use super::said;

/// Longer than an order may take: it ends by itself before.
const LONGEST: Duration = Duration::from_secs(360);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn renew(client: &Client, name: &str) -> Result<ExitCode, Failure> {
    let before = look(client, name)?;
    let answer = client.ask(&Request {
        method: "POST",
        path: &format!("/api/v1/tls/{}/renew", said::escaped(name)),
        ..Request::default()
    })?;
    if answer.status != 204 {
        return Err(said::refusal(&answer));
    }
    let until = Instant::now() + LONGEST;
    while Instant::now() < until {
        pause(LOOK);
        let now = look(client, name)?;
        if now["sha256"] != before["sha256"] {
            let until = day(&now["not_after"]);
            say(&format!("certificate {name} is new: good until {until}"))?;
            return Ok(ExitCode::SUCCESS);
        }
        let (was, is) = (&before["acme"], &now["acme"]);
        // Failures in a row begin anew with a change of hosts; a try has ended in any case.
        let has_ended = is["tries"].as_u64() > was["tries"].as_u64();
        if let Some(why) = is["last_error"].as_str().filter(|_| has_ended) {
            return Err(Failure::run_time(format!(
                "certificate {name} was not obtained, the one before is shown on: {why}"
            )));
        }
    }
    Err(Failure::run_time(format!(
        "certificate {name} is still asked for: steelyard certificate list tells how it went"
    )))
}

/// What would fail, a line each; success where that is nothing.
pub(super) fn check(client: &Client, name: &str) -> Result<ExitCode, Failure> {
    let path = format!("/api/v1/tls/{}/check", said::escaped(name));
    let answer = client.ask(&Request {
        method: "POST",
        path: &path,
        ..Request::default()
    })?;
    if answer.status != 200 {
        return Err(said::refusal(&answer));
    }
    let told = said::read(&answer)?;
    let all = told["findings"].as_array().map_or(&[][..], Vec::as_slice);
    for one in all {
        say(one["en"].as_str().unwrap_or_default())?;
    }
    if all.is_empty() {
        say("nothing stands in the way, as far as can be seen from here")?;
    }
    Ok(ExitCode::from(u8::from(!all.is_empty())))
}

/// How far it is.
fn look(client: &Client, name: &str) -> Result<Value, Failure> {
    let answer = client.ask(&Request {
        method: "GET",
        path: "/api/v1/tls",
        ..Request::default()
    })?;
    if answer.status != 200 {
        return Err(said::refusal(&answer));
    }
    let told = said::read(&answer)?;
    let all = told["certificates"].as_array();
    let mut all = all.into_iter().flatten();
    let found = all.find(|one| one["name"] == name && one["acme"].is_object());
    found
        .cloned()
        .ok_or_else(|| Failure::run_time(format!("no certificate {name} comes from an authority")))
}
