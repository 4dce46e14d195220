//! A private directory that is gone when the demo ends.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// A directory only this user may enter, removed with all in it on drop.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes one where temporary files belong (`TMPDIR`).
    pub(super) fn make() -> anyhow::Result<Self> {
        let parent = std::env::temp_dir();
        let parent = parent.canonicalize().with_context(|| {
            format!(
                "cannot use {}; TMPDIR names another place",
                parent.display()
            )
        })?;
        let path = parent.join(format!("steelyard-demo-{:08x}", rand::random::<u32>()));
        // `create` and not `create_all`: one that is already there is not ours.
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| {
                format!("cannot make {}; TMPDIR names another place", path.display())
            })?;
        Ok(Self { path })
    }

    /// Where it is. Absolute.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is in the temporary directory, which is cleared anyway.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::Scratch;

    #[test]
    fn it_is_private_and_leaves_nothing_behind() {
        let scratch = Scratch::make().unwrap();
        let path = scratch.path().to_owned();
        std::fs::create_dir(path.join("inner")).unwrap();
        std::fs::write(path.join("inner/file"), "x").unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(scratch);
        assert!(!path.exists());
    }
}
