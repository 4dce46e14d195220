//! The command line: one file per verb.
//!
//! `serve` and `demo` build the whole program, which is `app`'s work and above
//! this layer: they are handed back to the caller as a [`Start`].

mod answer;
mod apply;
mod backup;
mod boot;
mod certificate;
mod certificate_renew;
mod check;
mod control_client;
mod doctor;
mod explain;
mod export;
mod health;
mod instance;
mod later;
mod logs;
mod manual;
mod node;
mod output;
mod owner;
mod passphrase;
mod people;
mod restore;
mod said;
mod sessions;
mod source;
mod status;
mod status_table;
mod stopped;
mod target;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use crate::control::AdminAddress;
use later::Later;
use output::Failure;

/// The data directory where none is named: the one the packages' unit has made for it.
const DATA_DIR: &str = "/var/lib/steelyard";

/// A load balancer appliance: balancing proxy, static files and configuration in one binary.
#[derive(Debug, Parser)]
#[command(name = "steelyard", version, max_term_width = 100)]
struct Cli {
    /// Where the configuration and the state are kept [default: /var/lib/steelyard]
    #[arg(long, global = true, value_name = "DIR", env = "STEELYARD_DATA_DIR")]
    data_dir: Option<PathBuf>,

    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Try it: three toy nodes behind a listener, and gentle traffic; writes nothing that stays
    Demo(DemoArgs),
    /// Run the appliance on a data directory
    Serve(ServeArgs),
    /// Make the configuration equal to a document, and show what changes
    Apply(apply::ApplyArgs),
    /// Print the configuration as a document
    Export(export::ExportArgs),
    /// Show every Problem of a document, with its place; exit 78 if there is any
    Check(check::CheckArgs),
    /// Show listeners, and per node: weight, state, health and why, requests, errors
    Status(status::StatusArgs),
    /// Look at everything (ports, DNS, clock, disk, limits, nodes, Django) and say what to do; exit 1 if anything is bad
    Doctor(doctor::DoctorArgs),
    /// For a container's health check and scripts: exit 0 where requests can be served
    Health,
    /// Drain, enable or disable a node, or change its weight
    Node(node::NodeArgs),
    /// Show where a request would go, and why, without sending it
    Explain(explain::ExplainArgs),
    /// Search the requests that were served, the newest last, or follow them
    Logs(logs::LogsArgs),
    /// Give certificates to be kept, and show all there are
    Certificate(certificate::CertificateArgs),
    /// The session store: the password that applications connect with
    Sessions(sessions::SessionsArgs),
    /// Put configuration, users and certificates into one file
    Backup(backup::BackupArgs),
    /// Put a backup in the place of what is here, and show what that changes
    Restore(restore::RestoreArgs),
    /// Print the one-time link by which the first user is made
    SetupUrl(people::SetupUrlArgs),
    /// Give a user of the panel another password
    ResetPassword(people::ResetArgs),
    #[command(hide = true)]
    Manual(manual::ManualArgs),
    #[command(flatten)]
    Later(Later),
}

#[derive(Debug, Args)]
struct DemoArgs {
    /// Where the demo site is served; port 0 takes a free one
    #[arg(long, value_name = "ADDR", value_parser = address, default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Where /metrics, /healthz and /readyz are served; port 0 takes a free one
    #[arg(long, value_name = "ADDR", value_parser = address, default_value = "127.0.0.1:9443")]
    admin: SocketAddr,
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// The admin address, instead of the one in the configuration
    #[arg(long, value_name = "ADDR", value_parser = address, env = "STEELYARD_ADMIN")]
    admin: Option<SocketAddr>,
    /// The boot file of this machine, such as /etc/steelyard/steelyard.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "must be an IP address and a port, such as 127.0.0.1:9443")
}

/// A command that starts the appliance instead of asking one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// The appliance on a data directory, until a signal.
    Serve(Serve),
    /// The demo, until a signal.
    Demo {
        /// Where the demo site is served.
        http: SocketAddr,
        /// Its admin address.
        admin: SocketAddr,
    },
}

/// How the appliance is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serve {
    /// The data directory; made when it is not there.
    pub data_dir: PathBuf,
    /// What is used instead of the configuration's admin address.
    pub admin: AdminAddress,
    /// Where logs are kept instead of in the data directory.
    pub logs_dir: Option<PathBuf>,
}

/// Runs the command this process was started with; `start` runs those that need the
/// whole program.
pub fn run(start: impl FnOnce(Start) -> anyhow::Result<ExitCode>) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match dispatch(cli, start) {
        Ok(code) => code,
        Err(failure) => failure.tell(),
    }
}

fn dispatch(
    cli: Cli,
    start: impl FnOnce(Start) -> anyhow::Result<ExitCode>,
) -> Result<ExitCode, Failure> {
    if let Verb::Serve(args) = cli.verb {
        return Ok(start(Start::Serve(boot::serve(cli.data_dir, &args)?))?);
    }
    let dir = cli.data_dir.unwrap_or_else(|| DATA_DIR.into());
    match cli.verb {
        // Above, since its boot file may name another directory.
        Verb::Serve(_) => Ok(ExitCode::SUCCESS),
        Verb::Demo(args) => Ok(start(Start::Demo {
            http: args.http,
            admin: args.admin,
        })?),
        Verb::Apply(args) => apply::run(&dir, &args),
        Verb::Export(args) => export::run(&dir, args),
        Verb::Check(args) => check::run(&args),
        Verb::Status(args) => status::run(&dir, args),
        Verb::Doctor(args) => doctor::run(&dir, &args),
        Verb::Health => health::run(&dir),
        Verb::Node(args) => node::run(&dir, &args),
        Verb::Explain(args) => explain::run(&dir, &args),
        Verb::Logs(args) => logs::run(&dir, &args),
        Verb::Certificate(args) => certificate::run(&dir, &args),
        Verb::Sessions(args) => sessions::run(&dir, &args),
        Verb::Backup(args) => backup::run(&dir, &args),
        Verb::Restore(args) => restore::run(&dir, &args),
        Verb::SetupUrl(args) => people::setup_url(&dir, &args),
        Verb::ResetPassword(args) => people::reset_password(&dir, &args),
        Verb::Manual(args) => manual::run(&args),
        Verb::Later(later) => Err(later.refuse()),
    }
}

/// Help and version go to standard output and are no failure; the rest is exit code 2.
fn usage(error: &clap::Error) -> ExitCode {
    // Nothing can be done when the terminal is gone.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(output::USAGE),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::process::ExitCode;

    use clap::{CommandFactory, Parser};

    use super::{AdminAddress, Cli, Failure, Serve, Start, dispatch};

    fn start(words: &[&str]) -> Option<Start> {
        let mut started = None;
        let cli = Cli::try_parse_from(words).unwrap();
        dispatch(cli, |start| {
            started = Some(start);
            Ok(ExitCode::SUCCESS)
        })
        .unwrap();
        started
    }

    fn refusal(words: &[&str]) -> Failure {
        let cli = Cli::try_parse_from(words).unwrap();
        dispatch(cli, |_| Ok(ExitCode::SUCCESS)).unwrap_err()
    }

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_data_directory_may_stand_before_or_after_the_verb() {
        for words in [
            ["steelyard", "--data-dir", "/d", "status", "--json"],
            ["steelyard", "status", "--data-dir", "/d", "--json"],
        ] {
            let cli = Cli::try_parse_from(words).unwrap();
            assert_eq!(cli.data_dir.as_deref(), Some(Path::new("/d")));
        }
        let words = "steelyard node --data-dir /d weight shop/web-1 3".split(' ');
        assert_eq!(
            Cli::try_parse_from(words).unwrap().data_dir.as_deref(),
            Some(Path::new("/d"))
        );
    }

    #[test]
    fn serve_and_demo_are_handed_to_the_caller() {
        assert_eq!(
            start(&[
                "steelyard",
                "serve",
                "--data-dir",
                "/d",
                "--admin",
                "[::1]:1"
            ]),
            Some(Start::Serve(Serve {
                data_dir: PathBuf::from("/d"),
                admin: AdminAddress {
                    rescue: Some("[::1]:1".parse().unwrap()),
                    home: None,
                },
                logs_dir: None,
            }))
        );
        assert_eq!(
            start(&["steelyard", "demo"]),
            Some(Start::Demo {
                http: "127.0.0.1:8080".parse().unwrap(),
                admin: "127.0.0.1:9443".parse().unwrap(),
            })
        );
    }

    #[test]
    fn what_comes_later_is_refused_by_name() {
        let failure = refusal(&["steelyard", "import", "nginx", "nginx.conf"]);
        assert_eq!(failure.code, 2);
        assert_eq!(failure.message, "`import` is not available in this version");
        let failure = refusal(&["steelyard", "export", "--format", "nginx"]);
        assert_eq!(failure.code, 2);
        assert_eq!(
            failure.message,
            "`export --format nginx` is not available in this version"
        );
    }

    #[test]
    fn a_directory_that_is_not_there_is_said_with_what_to_do() {
        for verb in ["status", "export"] {
            let failure = refusal(&["steelyard", verb, "--data-dir", "/nowhere/at-all"]);
            assert_eq!(failure.code, 1);
            assert_eq!(
                failure.message,
                "/nowhere/at-all does not exist; start `steelyard serve --data-dir /nowhere/at-all`, \
                 or name the right directory with --data-dir"
            );
        }
    }
}
