//! Files served from a directory.

use std::path::PathBuf;

use super::{Expires, HeaderValue, Name};

/// Files served from a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The directory that stands for the route's path (nginx's `alias`). Absolute.
    pub root: PathBuf,
    /// Names tried, in order, where a directory is asked for.
    pub index: Vec<String>,
    /// How long a file may be kept.
    pub expires: Expires,
    /// A `Cache-Control` of the operator's own, sent besides that of `expires`.
    pub cache_control: Option<HeaderValue>,
    /// Whether a form packed beforehand that lies beside a file (`.br`, `.zst`, `.gz`) is sent to
    /// who takes it.
    pub precompressed: bool,
    /// The pool asked where there is no file (nginx's `try_files`).
    pub fallback: Option<Name>,
}

impl Files {
    /// Files below `root` with every default of the document.
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            index: vec!["index.html".into()],
            expires: Expires::Off,
            cache_control: None,
            precompressed: true,
            fallback: None,
        }
    }
}
