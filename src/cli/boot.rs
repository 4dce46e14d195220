//! The boot file: what a packaged machine says before there is a data directory to ask.

use std::path::{Path, PathBuf};

use rustix::thread::CapabilitySet;

use super::output::{BAD_CONFIG, Failure, tell};
use super::owner::become_owner_of;
use super::source::Source;
use super::{DATA_DIR, Serve, ServeArgs};
use crate::control::AdminAddress;
use crate::document;
use crate::model::Boot;

/// How the appliance is started: what the command line or the environment says, then the boot
/// file, then what is usual.
pub(super) fn serve(data_dir: Option<PathBuf>, args: &ServeArgs) -> Result<Serve, Failure> {
    let boot = match &args.config {
        Some(file) => read(file)?,
        None => Boot::default(),
    };
    let data_dir = data_dir
        .or(boot.data_dir)
        .unwrap_or_else(|| DATA_DIR.into());
    // For rescue, say: with the rights of the service, which are as many.
    become_owner_of(&data_dir, CapabilitySet::NET_BIND_SERVICE)?;
    Ok(Serve {
        data_dir,
        admin: AdminAddress {
            rescue: args.admin,
            home: boot.admin,
        },
        logs_dir: boot.logs_dir,
    })
}

fn read(file: &Path) -> Result<Boot, Failure> {
    let source = source(file)?;
    document::parse_boot(&source.text).map_err(|problems| {
        tell(problems.text(&source.name).trim_end());
        Failure::problems_shown()
    })
}

/// The boot file's text. One that cannot be read is a bad configuration: trying again every
/// second, as systemd would, mends nothing.
pub(super) fn source(file: &Path) -> Result<Source, Failure> {
    Source::read(file).map_err(|failure| Failure {
        code: BAD_CONFIG,
        ..failure
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::{Serve, ServeArgs, serve};

    fn with(text: &str, data_dir: Option<&str>, admin: Option<&str>) -> Result<Serve, u8> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("steelyard.toml");
        fs::write(&file, text).unwrap();
        let args = ServeArgs {
            admin: admin.map(|text| text.parse().unwrap()),
            config: Some(file),
        };
        serve(data_dir.map(PathBuf::from), &args).map_err(|failure| failure.code)
    }

    #[test]
    fn the_command_line_wins_over_the_file_and_the_file_over_what_is_usual() {
        let text = "data_dir = \"/file\"\nadmin = \"[::]:1\"\nlogs_dir = \"/l\"\n";
        let of_file = with(text, None, None).unwrap();
        assert_eq!(of_file.data_dir, Path::new("/file"));
        assert_eq!(of_file.admin.home, "[::]:1".parse().ok());
        assert_eq!(of_file.logs_dir.as_deref(), Some(Path::new("/l")));
        let given = with(text, Some("/given"), Some("127.0.0.1:2")).unwrap();
        assert_eq!(given.data_dir, Path::new("/given"));
        assert_eq!(given.admin.rescue, "127.0.0.1:2".parse().ok());
        let usual = with("", None, None).unwrap();
        assert_eq!(usual.data_dir, Path::new("/var/lib/steelyard"));
        assert_eq!((usual.admin.home, usual.logs_dir), (None, None));
    }

    #[test]
    fn a_bad_or_missing_file_is_a_bad_configuration() {
        assert_eq!(with("workers = 3\n", None, None).unwrap_err(), 78);
        let args = ServeArgs {
            admin: None,
            config: Some("/nowhere/steelyard.toml".into()),
        };
        assert_eq!(serve(None, &args).unwrap_err().code, 78);
    }
}
