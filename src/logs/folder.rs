//! Where logs lie: in the data directory, or, where this machine wants them elsewhere, behind a
//! link there. Who reads them finds them by the data directory alone, whoever says where they are.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::Path;

/// Makes `folder`, readable by the group, or the link from there to `elsewhere`. Logs that are
/// in `folder` already stay there.
///
/// # Errors
/// What the system answered.
pub fn make_folder(folder: &Path, elsewhere: Option<&Path>) -> io::Result<()> {
    let Some(elsewhere) = elsewhere else {
        return make(folder);
    };
    make(elsewhere)?;
    match fs::read_link(folder) {
        Ok(there) if there == elsewhere => return Ok(()),
        // It is no link.
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            tracing::warn!(
                "logs stay in {}, where they are; to have them in {}, stop, move them there and remove the folder",
                folder.display(),
                elsewhere.display()
            );
            return Ok(());
        }
        _ => {}
    }
    let new = folder.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    symlink(elsewhere, &new)?;
    fs::rename(&new, folder)
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o750).create(folder)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::make_folder;

    #[test]
    fn logs_are_found_by_the_data_directory_wherever_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, first, second) = (
            dir.path().join("logs"),
            dir.path().join("var/log/first"),
            dir.path().join("second"),
        );
        for elsewhere in [&first, &first, &second] {
            make_folder(&folder, Some(elsewhere)).unwrap();
            assert_eq!(&fs::read_link(&folder).unwrap(), elsewhere);
            fs::write(folder.join("access.log"), "").unwrap();
            assert!(elsewhere.join("access.log").exists());
        }
        // Without the setting they stay where they are.
        make_folder(&folder, None).unwrap();
        assert_eq!(fs::read_link(&folder).unwrap(), second);
    }

    #[test]
    fn logs_that_are_in_the_data_directory_stay_there() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("logs");
        make_folder(&folder, None).unwrap();
        fs::write(folder.join("access.log"), "a line").unwrap();
        make_folder(&folder, Some(&dir.path().join("elsewhere"))).unwrap();
        assert!(fs::symlink_metadata(&folder).unwrap().is_dir());
        assert!(folder.join("access.log").exists());
    }
}
