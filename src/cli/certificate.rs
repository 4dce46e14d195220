//! `certificate`: giving the running instance a certificate to keep, and showing all it has.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::control_client::{Client, Request};
use super::instance::{Instance, Outcome};
use super::output::{Failure, say};
use super::said;

#[derive(Debug, Args)]
pub(super) struct CertificateArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Give a certificate to be kept, or the next one in its place: it is in force at once
    Put {
        /// What the configuration calls it
        #[arg(value_name = "NAME")]
        name: String,
        /// PEM: the certificate, then those that lead to its authority
        #[arg(long, value_name = "FILE")]
        chain: PathBuf,
        /// PEM: its private key, without a passphrase
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Print what it holds as JSON
        #[arg(long)]
        json: bool,
    },
    /// Tell what would fail where an authority is asked for a certificate now
    Check {
        /// What the configuration calls it
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Have a certificate be renewed by its authority now, and wait for it
    Renew {
        /// What the configuration calls it
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Show every certificate: whom it is for, who signed it, until when it is good, who shows it
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(dir: &Path, args: &CertificateArgs) -> Result<ExitCode, Failure> {
    match &args.what {
        What::Put {
            name,
            chain,
            key,
            json,
        } => {
            let wanted = json!({ "chain": read(chain)?, "key": read(key)? });
            put(&client(dir)?, (name, &wanted), *json)
        }
        What::Check { name } => super::certificate_renew::check(&client(dir)?, name),
        What::Renew { name } => super::certificate_renew::renew(&client(dir)?, name),
        What::List { json } => list(&client(dir)?, *json),
    }
}

fn client(dir: &Path) -> Result<Client, Failure> {
    match Instance::find(dir)? {
        Instance::Running(client) => Ok(client),
        Instance::Stopped(_) => Err(Failure::run_time(
            "certificates are kept by a running Steelyard, and nothing runs here",
        )),
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    let read = std::fs::read(file);
    let shown = file.display();
    let bytes = read.map_err(|why| Failure::run_time(format!("{shown} cannot be read: {why}")))?;
    // PEM is text; what is not is told as what it holds.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn put(
    client: &Client,
    (name, wanted): (&str, &Value),
    as_json: bool,
) -> Result<ExitCode, Failure> {
    let answer = client.ask(&Request {
        method: "PUT",
        path: &format!("/api/v1/tls/{}", said::escaped(name)),
        body: Some(("application/json", wanted.to_string().as_bytes())),
        ..Request::default()
    })?;
    let told = match said::outcome(answer)? {
        Outcome::Done(told) => told,
        Outcome::Problems(told) => {
            let problems = told["problems"].as_array().map_or(&[][..], Vec::as_slice);
            let words = problems.iter().filter_map(|one| one["message"].as_str());
            return Err(Failure::run_time(words.collect::<Vec<_>>().join("\n")));
        }
    };
    if as_json {
        say(&told.to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let (made_for, until) = (joined(&told["made_for"]), day(&told["not_after"]));
    say(&format!(
        "certificate {name} is kept: for {made_for}, good until {until}"
    ))?;
    let alone = wanted["chain"].as_str().unwrap_or_default();
    if alone.matches("-----BEGIN CERTIFICATE-----").count() == 1 && told["self_signed"] != true {
        say(
            "the chain holds no more than the certificate itself: where its authority gave others with it, put them behind it, or clients may not find the way to that authority",
        )?;
    }
    if told["named"] != true {
        say(&format!(
            "nothing shows it yet: apply [[certificates]] with name = \"{name}\" and uploaded = true"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list(client: &Client, as_json: bool) -> Result<ExitCode, Failure> {
    let told = said::get(client, "/api/v1/tls")?;
    if as_json {
        say(&told.to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let all = told["certificates"].as_array();
    let all = all.map_or(&[][..], Vec::as_slice);
    if all.is_empty() {
        say("there are no certificates")?;
    }
    for one in all {
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        let mut shown = joined(&one["listeners"]);
        for (key, words) in [
            ("admin", "the admin address"),
            ("sessions", "the session store"),
        ] {
            if one[key] == true {
                shown = [shown.as_str(), words].join(if shown.is_empty() { "" } else { ", " });
            }
        }
        let shown = match shown.is_empty() {
            true => "nobody".to_owned(),
            false => shown,
        };
        let holds = match one["not_after"].is_null() {
            true => "cannot be used".to_owned(),
            false => format!(
                "for {}  by {}  until {}",
                joined(&one["made_for"]),
                text("issuer"),
                day(&one["not_after"])
            ),
        };
        let (name, source) = (text("name"), text("source"));
        say(&format!("{name}  {source}  {holds}  shown by {shown}"))?;
        if one["acme"].is_object() {
            say(&format!("  {}", with_authority(&one["acme"])))?;
        }
        for trouble in one["troubles"].as_array().into_iter().flatten() {
            say(&format!("  {}", trouble.as_str().unwrap_or_default()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn joined(list: &Value) -> String {
    let words = list.as_array().into_iter().flatten();
    let words: Vec<&str> = words.filter_map(Value::as_str).collect();
    words.join(", ")
}

/// How far it is with its authority.
fn with_authority(acme: &Value) -> String {
    let authority = acme["authority"].as_str().unwrap_or_default();
    let time = acme["next_try"]
        .as_i64()
        .and_then(|s| jiff::Timestamp::from_second(s).ok())
        .map(|time| time.strftime("%Y-%m-%d %H:%M UTC").to_string());
    let failures = acme["failures"].as_u64().unwrap_or(0);
    match (acme["last_error"].as_str(), time) {
        (Some(why), Some(time)) => {
            format!("authority {authority}: failed, {failures} in a row, tried again {time}: {why}")
        }
        (Some(why), None) => {
            format!("authority {authority}: asked now; failed before, {failures} in a row: {why}")
        }
        (None, Some(time)) => format!("authority {authority}: renewed from {time} on"),
        (None, None) => format!("authority {authority}: asked now"),
    }
}

/// A day of one that is known: `2027-02-01`.
pub(super) fn day(seconds: &Value) -> String {
    let time = seconds
        .as_i64()
        .and_then(|s| jiff::Timestamp::from_second(s).ok());
    time.map_or_else(
        || "?".to_owned(),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}
