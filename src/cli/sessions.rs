//! `sessions`: what the operator needs to know of the session store.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::instance::Instance;
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
}

pub(super) fn run(dir: &Path, args: &SessionsArgs) -> Result<ExitCode, Failure> {
    let What::Password { database } = &args.what;
    let told = Instance::find(dir)?.session_passwords()?;
    let all = told["passwords"].as_array().map_or(&[][..], Vec::as_slice);
    let wanted = database.as_deref();
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
