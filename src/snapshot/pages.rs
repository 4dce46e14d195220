//! A site's own pages for errors.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::files::Page;

/// A site's own pages for errors, read when the snapshot is built: none is looked for when a
/// request fails.
#[derive(Debug, Default)]
pub struct Pages {
    pages: Vec<(u16, Page)>,
    /// Why there are fewer than were wanted, in words for the operator.
    pub(super) troubles: Vec<String>,
}

impl Pages {
    /// Reads the files. Blocks on the disk.
    pub(super) fn read(files: &BTreeMap<u16, PathBuf>) -> Self {
        let mut read = Self::default();
        for (status, path) in files {
            match Page::read(path) {
                Ok(page) => read.pages.push((*status, page)),
                Err(why) => {
                    let words = format!("error_pages.{status}: {why}; our own text is sent");
                    read.troubles.push(words);
                }
            }
        }
        read
    }

    /// The page for this status.
    pub fn of(&self, status: u16) -> Option<&Page> {
        let page = self.pages.iter().find(|(of, _)| *of == status);
        page.map(|(_, page)| page)
    }
}
