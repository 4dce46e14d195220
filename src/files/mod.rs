//! Static files: what to send for a request, opened and ready.
//!
//! The decisions are pure and each has its file: the path below the root
//! (`path`), in which form (`coding`), conditions (`conditional`), ranges (`range`, `body`), how long it
//! keeps (`expires`). The border around the root is `open`'s. What was found is
//! kept open a while (`kept`), as long as it is what stands there (`about`).
//! No HTTP is written here.

mod about;
mod body;
mod coding;
mod conditional;
mod content_type;
mod date;
mod expires;
mod folder;
mod kept;
mod open;
mod opened;
mod page;
mod path;
mod range;
mod root;
#[cfg(test)]
mod tests;

use std::io;

pub use body::{Body, Parts};
pub use coding::Codings;
pub use folder::{Folder, FolderTrouble, look_at_folder, user_name};
pub use kept::{Kept, KeptHead, OpenFiles};
pub use open::Look;
pub use opened::Opened;
pub use page::Page;
pub use path::Wanted;
pub use root::{Root, Sight};

/// What a request does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Sends it.
    Get,
    /// Says what would be sent.
    Head,
    /// Anything else: refused.
    Other,
}

/// A request for a file, as far as files care. A field sent in several lines is
/// given as one, joined by commas.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The method.
    pub method: Method,
    /// The whole path as it was sent, still percent-encoded.
    pub path: &'a [u8],
    /// What of it follows the route's prefix: the end of `path`.
    pub rest: &'a [u8],
    /// What followed the `?`, if there was one.
    pub query: Option<&'a [u8]>,
    /// The forms in which the client takes a file.
    pub codings: Codings,
    /// The field of that name, if sent; so are the rest.
    pub if_match: Option<&'a [u8]>,
    /// See [`Ask::if_match`].
    pub if_none_match: Option<&'a [u8]>,
    /// See [`Ask::if_match`].
    pub if_modified_since: Option<&'a [u8]>,
    /// See [`Ask::if_match`].
    pub if_unmodified_since: Option<&'a [u8]>,
    /// See [`Ask::if_match`].
    pub if_range: Option<&'a [u8]>,
    /// See [`Ask::if_match`].
    pub range: Option<&'a [u8]>,
}

/// Header fields in the order they are sent. `Content-Length` is not among
/// them: the length of the range says it.
pub type Headers = Vec<(&'static str, String)>;

/// What to answer.
#[derive(Debug)]
pub enum Answer {
    /// 200 or 206 with these bytes of the file; to HEAD, their number only.
    Send {
        /// 200 or 206.
        status: u16,
        /// Everything but length and date.
        headers: Headers,
        /// What of the file to send. It may have become shorter since.
        body: Body,
    },
    /// 301, 304, 400, 403, 404, 405, 406, 412 or 416, without a body of ours.
    Empty {
        /// The status.
        status: u16,
        /// Everything but length and date.
        headers: Headers,
    },
    /// No file is there: the fallback is to be asked.
    Elsewhere,
    /// Our own trouble, such as a failing disk: 500, and worth a log line.
    Failed(io::Error),
}

#[cfg(test)]
impl<'a> Ask<'a> {
    /// A plain GET of `path` at a route for `/`.
    fn get(path: &'a [u8]) -> Self {
        Self {
            method: Method::Get,
            path,
            rest: &path[1..],
            query: None,
            codings: Codings::PLAIN,
            if_match: None,
            if_none_match: None,
            if_modified_since: None,
            if_unmodified_since: None,
            if_range: None,
            range: None,
        }
    }
}
