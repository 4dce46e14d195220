//! What of the disk no site serves: the system's own folders, and what this program keeps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::spawn_blocking;

use crate::model::{Code, Config, Problems, Target};

/// Folders of the system: passwords, and what the kernel tells root.
const SYSTEM: [&str; 3] = ["/etc", "/proc", "/sys"];

/// Folders of ours in the data directory; another one there is the operator's own.
const OURS: [&str; 3] = ["logs", "sessions", "spool"];

/// A Problem for each directory of files that is not to be served, with the data directory `dir`.
/// Asked of a change alone, as what an older version has taken goes on being served.
pub(super) async fn check(dir: &Path, config: &Arc<Config>) -> Problems {
    let (dir, config) = (dir.to_owned(), Arc::clone(config));
    // Where a folder really is, a disk has to tell.
    let look = spawn_blocking(move || problems(&dir, &config));
    look.await.unwrap_or_default()
}

fn problems(dir: &Path, config: &Config) -> Problems {
    let mut problems = Problems::default();
    let dir = really(dir);
    for (i, site) in config.sites.iter().enumerate() {
        for (j, route) in site.routes.iter().enumerate() {
            if let Target::Files(files) = &route.target
                && let Some(why) = barred(&really(&files.root), &dir)
            {
                let field = format!("sites[{i}].routes[{j}].files.root");
                problems.add(field, Code::Value, why);
            }
        }
    }
    problems
}

fn barred(root: &Path, dir: &Path) -> Option<String> {
    if let Some(system) = SYSTEM.iter().find(|system| root.starts_with(system)) {
        return Some(format!("{system} is the system's own and not served"));
    }
    let is_ours = OURS.iter().any(|ours| root.starts_with(dir.join(ours)));
    let holds_ours = dir.starts_with(root);
    (is_ours || holds_ours).then(|| {
        "holds what this program keeps (passwords, keys, logs), which is not served".to_owned()
    })
}

/// Where a folder is behind its links; as it is written where it is not there yet.
fn really(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::{barred, really};

    #[test]
    fn no_site_serves_the_system_or_what_this_program_keeps() {
        let dir = Path::new("/var/lib/steelyard");
        for bad in ["/", "/var/lib", "/etc", "/etc/ssl", "/proc/1", "/sys"] {
            assert!(barred(Path::new(bad), dir).is_some(), "{bad}");
        }
        for bad in ["/var/lib/steelyard", "/var/lib/steelyard/logs/store"] {
            assert!(barred(Path::new(bad), dir).is_some(), "{bad}");
        }
        for good in [
            "/srv/www",
            "/etcetera",
            "/var/lib/shop",
            "/var/lib/steelyard/site",
        ] {
            assert_eq!(barred(Path::new(good), dir), None, "{good}");
        }
        let there = tempfile::tempdir().unwrap();
        symlink("/etc", there.path().join("static")).unwrap();
        let behind = really(&there.path().join("static"));
        assert!(barred(&behind, dir).is_some(), "by whatever way");
    }
}
