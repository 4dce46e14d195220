//! The boot file, `steelyard.toml`: read with the same Problems as a document, and never written.

use super::files::absolute;
use super::place::{Lines, PlacedProblems};
use super::reader::{Found, Reader};
use super::value::{parsed, socket};
use super::{no_document, placed, tree};
use crate::model::Boot;

/// Reads a boot file. Every key may be left out.
///
/// # Errors
/// Every Problem of it, each with its line and column.
pub fn parse_boot(text: &str) -> Result<Boot, PlacedProblems> {
    let tree = tree::from_toml(text).map_err(|error| no_document(text, error))?;
    let mut found = Vec::new();
    let boot = Reader::document(&tree, &mut found, |r| Boot {
        data_dir: r.optional("data_dir", parsed(absolute)),
        admin: r.optional("admin", socket),
        logs_dir: r.optional("logs_dir", parsed(absolute)),
    });
    if found.is_empty() {
        return Ok(boot);
    }
    found.sort_by_key(|found| found.at);
    let lines = Lines::new(text);
    let in_place = |Found { at, problem }| placed(problem, Some(lines.place(at)));
    Err(PlacedProblems::new(
        found.into_iter().map(in_place).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::parse_boot;
    use crate::model::Boot;

    fn problems(text: &str) -> Vec<String> {
        let problems = parse_boot(text).unwrap_err();
        problems.iter().map(|problem| problem.text("b")).collect()
    }

    #[test]
    fn every_key_may_be_left_out() {
        assert_eq!(parse_boot("# nothing yet\n"), Ok(Boot::default()));
        let text = "data_dir = \"/d\"\nadmin = \"[::]:9443\"\nlogs_dir = \"/l\"\n";
        let whole = Boot {
            data_dir: Some(PathBuf::from("/d")),
            admin: Some("[::]:9443".parse().unwrap()),
            logs_dir: Some(PathBuf::from("/l")),
        };
        assert_eq!(parse_boot(text), Ok(whole));
    }

    #[test]
    fn what_is_wrong_is_told_all_at_once_in_its_place() {
        let text = "data_dir = \"here\"\n\nadmn = \"[::]:9443\"\n  logs_dir = 3\n";
        assert_eq!(
            problems(text),
            [
                "b:1:12: data_dir: must be an absolute path (is \"here\")",
                "b:3:1: admn: unknown key \"admn\"; did you mean \"admin\"?",
                "b:4:14: logs_dir: must be text in quotes (is 3)",
            ]
        );
        let text = "listeners = []\n";
        assert_eq!(
            problems(text),
            ["b:1:1: listeners: unknown key \"listeners\" (known here: data_dir, admin, logs_dir)"]
        );
        assert!(problems("data_dir = ")[0].starts_with("b:1:"));
    }

    /// The file that the packages install is one of the boot files there are.
    #[test]
    fn the_packaged_file_is_sound_and_names_every_key() {
        let text = include_str!("../../packaging/steelyard.toml");
        let boot = parse_boot(text).unwrap();
        assert_eq!(boot.data_dir, Some(PathBuf::from("/var/lib/steelyard")));
        assert_eq!(boot.logs_dir, Some(PathBuf::from("/var/log/steelyard")));
        assert_eq!(boot.admin, Some("[::]:9443".parse().unwrap()));
    }
}
