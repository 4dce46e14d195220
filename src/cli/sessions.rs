//! `sessions`: what the operator needs to know of the session store.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::instance::{Instance, Outcome, pause};
use super::output::{Failure, say};

#[derive(Debug, Args)]
pub(super) struct SessionsArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the password that applications connect with
    Password {
        /// A database with a password of its own, by its name; without one, all the others'
        #[arg(value_name = "DATABASE")]
        database: Option<String>,
    },
    /// Move all sessions to a Redis, or back to memory, while applications go on
    Move {
        /// Where to: memory, or redis://[USER@]HOST[:PORT][/DATABASE], rediss:// by TLS
        #[arg(value_name = "TO")]
        to: String,
        /// The file that holds the password for the Redis; without one, the one that is set
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// What is there already is lost
        #[arg(long)]
        replace: bool,
        /// Print what came of it as JSON
        #[arg(long)]
        json: bool,
    },
}

/// How often it is asked how far a move has come.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn run(dir: &Path, args: &SessionsArgs) -> Result<ExitCode, Failure> {
    match &args.what {
        What::Password { database } => password(dir, database.as_deref()),
        What::Move {
            to,
            password_file,
            replace,
            json,
        } => {
            let password = password_file.as_deref().map(read_password).transpose()?;
            let mut wanted = json!({ "to": to, "replace": replace });
            if let Some(password) = password {
                wanted["password"] = password.into();
            }
            move_to(&Instance::find(dir)?, &wanted, *json)
        }
    }
}

fn read_password(file: &Path) -> Result<String, Failure> {
    let shown = file.display();
    let read = std::fs::read_to_string(file);
    let text = read.map_err(|why| Failure::run_time(format!("{shown} cannot be read: {why}")))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(Failure::run_time(format!("{shown} is empty"))),
        text => Ok(text.to_owned()),
    }
}

fn move_to(instance: &Instance, wanted: &Value, as_json: bool) -> Result<ExitCode, Failure> {
    let mut told = match instance.move_sessions(wanted)? {
        Outcome::Done(told) => told,
        Outcome::Problems(told) => {
            let problems = told["problems"].as_array().map_or(&[][..], Vec::as_slice);
            let words = problems.iter().filter_map(|one| one["message"].as_str());
            return Err(Failure::run_time(words.collect::<Vec<_>>().join("\n")));
        }
    };
    while told["state"] == "moving" {
        pause(LOOK);
        told = instance.session_move()?;
    }
    if told["state"] != "moved" {
        let why = told["why"].as_str().unwrap_or("nobody knows why");
        return Err(Failure::run_time(format!(
            "the sessions stay where they were: {why}"
        )));
    }
    if as_json {
        say(&told.to_string())?;
    } else {
        let to = told["to"].as_str().unwrap_or_default();
        let (keys, revision) = (&told["copied"], &told["revision"]);
        say(&format!(
            "sessions are in {to} now (keys: {keys}), by revision {revision}"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn password(dir: &Path, wanted: Option<&str>) -> Result<ExitCode, Failure> {
    let told = Instance::find(dir)?.session_passwords()?;
    let all = told["passwords"].as_array().map_or(&[][..], Vec::as_slice);
    let found = all.iter().find(|one| one["database"].as_str() == wanted);
    let Some(found) = found else {
        let names = all.iter().filter_map(|one| one["database"].as_str());
        let names: Vec<&str> = names.collect();
        return Err(Failure::run_time(match names.is_empty() {
            true => "no database has a password of its own".to_owned(),
            false => format!(
                "no such database has a password of its own (there are: {})",
                names.join(", ")
            ),
        }));
    };
    let password = found["password"].as_str().ok_or_else(|| {
        Failure::run_time(match found["why"].as_str() {
            Some(why) => format!("it cannot be read: {why}"),
            None => {
                "there is none: the session store is off (sessions.listen is not set)".to_owned()
            }
        })
    })?;
    say(password)?;
    Ok(ExitCode::SUCCESS)
}
