//! `manual`: the man pages and the completions, from the definitions in this folder. What
//! packages are built with, so it is in no help.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::output::Failure;

/// Where a package puts each shell's completions: folder, file.
const SHELLS: [(Shell, &str, &str); 3] = [
    (Shell::Bash, "bash", "steelyard"),
    (Shell::Zsh, "zsh", "_steelyard"),
    (Shell::Fish, "fish", "steelyard.fish"),
];

#[derive(Debug, Args)]
pub(super) struct ManualArgs {
    /// Where they are written: man8/, bash/, zsh/ and fish/
    #[arg(value_name = "DIR")]
    into: PathBuf,
}

pub(super) fn run(args: &ManualArgs) -> Result<ExitCode, Failure> {
    let shown = args.into.display();
    write(&args.into)
        .map(|()| ExitCode::SUCCESS)
        .map_err(|error| Failure::run_time(format!("cannot write to {shown}: {error}")))
}

fn write(into: &Path) -> io::Result<()> {
    let pages = into.join("man8");
    fs::create_dir_all(&pages)?;
    let mut command = Cli::command();
    // Built, so that each page knows its whole name and the options of all.
    command.build();
    write_pages(command, &pages)?;
    for (shell, folder, file) in SHELLS {
        let folder = into.join(folder);
        fs::create_dir_all(&folder)?;
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "steelyard", &mut text);
        fs::write(folder.join(file), text)?;
    }
    Ok(())
}

/// One page a command, `steelyard-node-drain.8` and its like; of what is hidden none.
fn write_pages(command: clap::Command, into: &Path) -> io::Result<()> {
    let subcommands = command.get_subcommands();
    let shown = subcommands.filter(|one| !one.is_hide_set() && one.get_name() != "help");
    for subcommand in shown {
        write_pages(subcommand.clone(), into)?;
    }
    let name = command
        .get_display_name()
        .unwrap_or(command.get_name())
        .to_owned();
    let mut page = Vec::new();
    let manual = clap_mangen::Man::new(command.disable_help_subcommand(true));
    manual
        .title(name.to_uppercase())
        .section("8")
        .render(&mut page)?;
    fs::write(into.join(format!("{name}.8")), page)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::write;

    #[test]
    fn every_command_has_a_page_and_what_is_hidden_has_none() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path()).unwrap();
        let pages = fs::read_dir(dir.path().join("man8")).unwrap();
        let pages: BTreeSet<String> = pages
            .map(|page| page.unwrap().file_name().into_string().unwrap())
            .collect();
        for page in [
            "steelyard.8",
            "steelyard-setup-url.8",
            "steelyard-node-drain.8",
        ] {
            assert!(pages.contains(page), "{page} is not in {pages:?}");
        }
        for page in [
            "steelyard-manual.8",
            "steelyard-import.8",
            "steelyard-help.8",
        ] {
            assert!(!pages.contains(page), "{page}");
        }
        let page = fs::read_to_string(dir.path().join("man8/steelyard-apply.8")).unwrap();
        assert!(page.contains("dry\\-run"), "{page}");
        for completions in ["bash/steelyard", "zsh/_steelyard", "fish/steelyard.fish"] {
            let text = fs::read_to_string(dir.path().join(completions)).unwrap();
            assert!(text.contains("setup-url"), "{completions}");
        }
    }
}
