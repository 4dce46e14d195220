//! `setup-url` and `reset-password`: for whoever is on the box and may read its files. Running
//! or stopped, the same code.

use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::instance::Instance;
use super::output::{Failure, say};

/// Limit: what is read of a new password, in bytes; longer ones are refused by length anyway.
const MOST: u64 = 4096;

#[derive(Debug, Args)]
pub(super) struct SetupUrlArgs {
    /// Issue another link, which makes the one before worthless
    #[arg(long)]
    new: bool,
}

#[derive(Debug, Args)]
pub(super) struct ResetArgs {
    /// Who; may be left out where there is one user
    #[arg(value_name = "USER")]
    user: Option<String>,
    /// Read the new password from standard input, instead of having one made and printed
    #[arg(long)]
    stdin: bool,
}

pub(super) fn setup_url(dir: &Path, args: &SetupUrlArgs) -> Result<ExitCode, Failure> {
    let url = Instance::find(dir)?.setup_url(args.new)?;
    say(&url)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn reset_password(dir: &Path, args: &ResetArgs) -> Result<ExitCode, Failure> {
    let password = match args.stdin {
        true => first_line()?,
        false => made(),
    };
    let (user, was_off) = Instance::find(dir)?.reset_password(args.user.as_deref(), &password)?;
    match args.stdin {
        true => say(&format!("the password of {user} is another now"))?,
        false => say(&format!("the password of {user} is now: {password}"))?,
    }
    if was_off {
        say("the second factor was switched off: it can be switched on again in the panel")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn first_line() -> Result<String, Failure> {
    let mut text = String::new();
    let read = io::stdin().lock().take(MOST).read_to_string(&mut text);
    read.map_err(|error| Failure::run_time(format!("cannot read the password: {error}")))?;
    let line = text.lines().next().unwrap_or_default();
    match line.is_empty() {
        true => Err(Failure::usage("there is no password on standard input")),
        false => Ok(line.to_owned()),
    }
}

/// One that nobody guesses and a person can type: 100 bits in groups.
fn made() -> String {
    // Without what is mistaken for another: 0 O o, 1 l I.
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random: [u8; 20] = rand::random();
    let mut password = String::new();
    for (i, byte) in random.iter().enumerate() {
        if i > 0 && i % 5 == 0 {
            password.push('-');
        }
        password.push(char::from(LETTERS[usize::from(byte % 32)]));
    }
    password
}

#[cfg(test)]
mod tests {
    use super::made;

    #[test]
    fn a_password_that_is_made_is_long_and_another_each_time() {
        let one = made();
        assert_eq!(one.len(), 23);
        assert!(one.split('-').all(|group| group.len() == 5), "{one}");
        assert_ne!(one, made());
    }
}
