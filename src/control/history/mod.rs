//! The revisions before the one in force: what each changed.

mod made;

pub use made::Changes;
pub(super) use made::Made;

use super::Handle;

impl Handle {
    /// What `revision` changed, where it was made not long ago; none where that has to be read.
    pub fn made(&self, revision: u64) -> Option<Changes> {
        self.control.made.of(revision)
    }
}
