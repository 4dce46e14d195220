//! One directory of files, and the life of a request for one of them.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::SystemTime;

use jiff::tz::TimeZone;

use super::about::About;
use super::coding::{Coding, Codings};
use super::conditional::Verdict;
use super::open::Found;
use super::path::{Refused, Wanted};
use super::range::Asked;
use super::{
    Answer, Ask, Body, Headers, Look, Method, Opened, Parts, date, expires, open, path, range,
};
use crate::model;

/// A directory whose files are served, compiled from a [`model::Files`].
///
/// It holds no descriptor: the directory is opened anew for each look. So a
/// deploy that swaps it, or the link that names it, counts from the next
/// request on, and a file system can be unmounted.
#[derive(Debug, Clone)]
pub struct Root {
    directory: PathBuf,
    index: Vec<String>,
    expires: model::Expires,
    cache_control: Option<String>,
    /// Whether packed forms are looked for beside a file.
    precompressed: bool,
    /// Whether somebody else is asked where there is no file.
    has_fallback: bool,
    zone: TimeZone,
}

/// What a look found.
#[derive(Debug)]
pub enum Sight {
    /// A file.
    File(Opened),
    /// A directory that was asked for without its slash.
    AddSlash,
    /// Nothing that is served.
    Nothing,
    /// Something we may not read.
    Forbidden,
    /// A file, in no form that the client takes.
    NotAcceptable,
    /// Our own trouble.
    Failed(io::Error),
}

impl Root {
    /// Compiles `files`. A missing directory is no error: see
    /// [`Root::trouble`].
    pub fn new(files: &model::Files) -> Self {
        Self {
            directory: files.root.clone(),
            index: files.index.clone(),
            expires: files.expires,
            cache_control: files.cache_control.as_ref().map(ToString::to_string),
            precompressed: files.precompressed,
            has_fallback: files.fallback.is_some(),
            zone: TimeZone::system(),
        }
    }

    /// Why nothing can be served from here right now, in words for the
    /// operator; none if something can.
    pub fn trouble(&self) -> Option<String> {
        let shown = self.directory.display();
        match fs::metadata(&self.directory) {
            Ok(about) if about.is_dir() => None,
            Ok(_) => Some(format!("{shown} is not a directory")),
            Err(error) => Some(format!("{shown} cannot be read: {error}")),
        }
    }

    /// What is answered to `ask` whatever is on the disk; none is that only the disk knows.
    pub fn certain(&self, ask: &Ask<'_>) -> Option<Answer> {
        self.wanted(ask).err()
    }

    /// Which file is meant, or what is answered without looking for one.
    ///
    /// # Errors
    /// The answer.
    pub fn wanted(&self, ask: &Ask<'_>) -> Result<Wanted, Answer> {
        if ask.method == Method::Other && !self.has_fallback {
            return Err(not_allowed());
        }
        path::parse(ask.path, ask.rest).map_err(|refused| match refused {
            // No file has such a name, but the fallback may have a use for it.
            _ if self.has_fallback => Answer::Elsewhere,
            Refused::Bad => empty(400, Headers::new()),
            Refused::Hidden => empty(404, Headers::new()),
        })
    }

    /// The forms in which `field`, an `Accept-Encoding`, has a file sent.
    pub fn codings(&self, field: Option<&[u8]>) -> Codings {
        match self.precompressed {
            true => Codings::of(field),
            false => Codings::PLAIN,
        }
    }

    /// Looks for what is wanted, in the best of the forms; none where the disk would have to be asked and must not be.
    pub fn look(&self, wanted: &Wanted, codings: Codings, look: Look) -> Option<Sight> {
        match self.find(wanted, codings, look) {
            Ok(sight) => Some(sight),
            Err(error) if look == Look::FromMemory && is_again(&error) => None,
            Err(error) => Some(Sight::Failed(error)),
        }
    }

    fn find(&self, wanted: &Wanted, codings: Codings, look: Look) -> io::Result<Sight> {
        let root = match open::root(&self.directory, look) {
            Ok(root) => root,
            Err(error) => return open::absent(error).map(|found| self.sight(found, "", look)),
        };
        if wanted.directory {
            let found = self.find_index(root.as_fd(), &wanted.path, look)?;
            return self.choose(root.as_fd(), found, codings, look);
        }
        let found = open::find(root.as_fd(), &wanted.path, look)?;
        let found = self.sight(found, &wanted.path, look);
        if !matches!(found, Sight::AddSlash) || !self.has_fallback {
            return self.choose(root.as_fd(), found, codings, look);
        }
        // A directory is no file: it is worth a slash only for what would be found behind it.
        match self.find_index(root.as_fd(), &wanted.path, look)? {
            Sight::File(_) => Ok(found),
            nothing => Ok(nothing),
        }
    }

    fn find_index(&self, root: BorrowedFd<'_>, directory: &str, look: Look) -> io::Result<Sight> {
        let before = match open::directory(root, directory, look) {
            Ok(about) => about,
            Err(error) => return open::absent(error).map(|found| self.sight(found, "", look)),
        };
        for name in &self.index {
            let path = match directory {
                "" => name.clone(),
                directory => format!("{directory}/{name}"),
            };
            match self.sight(open::find(root, &path, look)?, &path, look) {
                Sight::Nothing | Sight::AddSlash => {}
                Sight::File(mut file) => {
                    // A name that is tried before it may come to be.
                    file.witness(self.directory.join(directory), before);
                    return Ok(Sight::File(file));
                }
                found => return Ok(found),
            }
        }
        Ok(Sight::Nothing)
    }

    /// The best of the forms in which what was found is there.
    fn choose(
        &self,
        root: BorrowedFd<'_>,
        found: Sight,
        codings: Codings,
        look: Look,
    ) -> io::Result<Sight> {
        let Sight::File(plain) = found else {
            return Ok(found);
        };
        if codings == Codings::PLAIN {
            return Ok(Sight::File(plain));
        }
        let Some(path) = self.below(&plain) else {
            return Ok(Sight::File(plain));
        };
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let before = open::directory(root, folder, look)?;
        for coding in codings.iter() {
            let chosen = if coding == Coding::Identity {
                None
            } else {
                let name = format!("{path}{}", coding.suffix());
                match open::find(root, &name, look)? {
                    Found::File { file, about } if !is_stale(&about, &plain.about) => {
                        let (at, what) = (self.directory.join(&name), (path.as_str(), coding));
                        Some(Opened::new((file, about), at, what, look))
                    }
                    _ => continue,
                }
            };
            let mut file = match chosen {
                Some(mut file) => {
                    file.witness_all(plain);
                    file
                }
                None => plain,
            };
            // A better form may come to be.
            file.witness(self.directory.join(folder), before);
            return Ok(Sight::File(file));
        }
        Ok(Sight::NotAcceptable)
    }

    /// The path of `file` below the root.
    fn below(&self, file: &Opened) -> Option<String> {
        let path = file.path().strip_prefix(&self.directory).ok()?;
        path.to_str().map(str::to_owned)
    }

    fn sight(&self, found: Found, path: &str, look: Look) -> Sight {
        match found {
            Found::File { file, about } => {
                let at = self.directory.join(path);
                let what = (path, Coding::Identity);
                Sight::File(Opened::new((file, about), at, what, look))
            }
            Found::Directory => Sight::AddSlash,
            Found::Nothing => Sight::Nothing,
            Found::Forbidden => Sight::Forbidden,
        }
    }

    /// What is answered to `ask` at the time `now` where no file was found.
    pub fn without(&self, ask: &Ask<'_>, sight: Sight, now: SystemTime) -> Answer {
        match sight {
            Sight::File(file) => self.with(ask, &file, now),
            Sight::AddSlash if ask.method == Method::Other => Answer::Elsewhere,
            Sight::AddSlash => {
                let mut headers = vec![("Location", with_slash(ask.path, ask.query))];
                self.add_caching(&mut headers, date::seconds(now), None);
                empty(301, headers)
            }
            // A directory without an index too: what it holds is nobody's business.
            Sight::Nothing if self.has_fallback => Answer::Elsewhere,
            Sight::Nothing => empty(404, Headers::new()),
            Sight::Forbidden => empty(403, Headers::new()),
            Sight::NotAcceptable if ask.method == Method::Other => not_allowed(),
            Sight::NotAcceptable => empty(406, vec![vary()]),
            Sight::Failed(error) => Answer::Failed(error),
        }
    }

    /// What is answered to `ask` at the time `now` with `file`.
    pub fn with(&self, ask: &Ask<'_>, file: &Opened, now: SystemTime) -> Answer {
        if ask.method == Method::Other {
            return not_allowed();
        }
        let (validators, size, now) = (&file.validators, file.size(), date::seconds(now));
        match validators.judge(ask) {
            Verdict::Failed => return empty(412, Headers::new()),
            Verdict::NotModified => {
                let mut headers = Headers::new();
                self.add_validity(&mut headers, file, now);
                return empty(304, headers);
            }
            Verdict::Send => {}
        }
        // RFC 9110 section 14.2: a range means something to GET alone.
        let asked = match ask.range {
            Some(field) if ask.method == Method::Get && validators.range_holds(ask.if_range) => {
                range::parse(field, size)
            }
            _ => Asked::Whole,
        };
        let of_file = ("Content-Type", file.content_type.clone());
        let (status, mut headers, body) = match asked {
            Asked::Whole => (200, vec![of_file], Body::Range(0..size)),
            Asked::Part(part) => {
                let last = part.end.saturating_sub(1);
                let value = format!("bytes {}-{last}/{size}", part.start);
                let headers = vec![of_file, ("Content-Range", value)];
                (206, headers, Body::Range(part))
            }
            Asked::Parts(parts) => {
                let parts = Parts::new(parts, size, &file.content_type);
                let headers = vec![("Content-Type", parts.content_type())];
                (206, headers, Body::Parts(parts))
            }
            Asked::Beyond => {
                let value = format!("bytes */{size}");
                return empty(416, vec![("Content-Range", value)]);
            }
        };
        self.add_served(&mut headers, file, now);
        Answer::Send {
            status,
            headers,
            body,
        }
    }

    /// The header fields of `file` sent whole at the time `now`.
    pub fn plain_headers(&self, file: &Opened, now: SystemTime) -> Headers {
        let mut headers = vec![("Content-Type", file.content_type.clone())];
        self.add_served(&mut headers, file, date::seconds(now));
        headers
    }

    fn add_served(&self, headers: &mut Headers, file: &Opened, now: i64) {
        headers.push(("Accept-Ranges", "bytes".into()));
        if let Some(token) = file.coding.token() {
            headers.push(("Content-Encoding", token.into()));
        }
        self.add_validity(headers, file, now);
    }

    fn add_validity(&self, headers: &mut Headers, file: &Opened, now: i64) {
        let validators = &file.validators;
        let modified = validators.modified;
        // Also of a file that has one form only: another may come to be.
        if self.precompressed {
            headers.push(vary());
        }
        headers.push(("Last-Modified", date::http(modified)));
        headers.push(("ETag", validators.etag.clone()));
        self.add_caching(headers, now, Some(modified));
    }

    /// On 200, 206, 301 and 304, where nginx's `expires` and `add_header` act.
    fn add_caching(&self, headers: &mut Headers, now: i64, modified: Option<i64>) {
        if let Some(fields) = expires::fields(self.expires, now, modified, &self.zone) {
            headers.push(("Expires", fields.expires));
            headers.push(("Cache-Control", fields.cache_control));
        }
        if let Some(own) = &self.cache_control {
            headers.push(("Cache-Control", own.clone()));
        }
    }
}

/// Whether a packed form was made of an older state of its file. Both may come from one copying,
/// which keeps no order within a second.
fn is_stale(packed: &About, file: &About) -> bool {
    let a_second_on = (packed.modified.0.saturating_add(1), packed.modified.1);
    a_second_on < file.modified
}

/// What is chosen hangs on this field.
fn vary() -> (&'static str, String) {
    ("Vary", "Accept-Encoding".into())
}

fn is_again(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

fn not_allowed() -> Answer {
    empty(405, vec![("Allow", "GET, HEAD".into())])
}

fn empty(status: u16, headers: Headers) -> Answer {
    Answer::Empty { status, headers }
}

/// The path with its slash, and the query. No host: the client knows it. That
/// it cannot name another one, as `//host/` would, is [`path::parse`]'s doing.
fn with_slash(path: &[u8], query: Option<&[u8]>) -> String {
    let mut location = String::with_capacity(path.len() + 1);
    push_visible(&mut location, path);
    location.push('/');
    if let Some(query) = query {
        location.push('?');
        push_visible(&mut location, query);
    }
    location
}

/// Adds `bytes` as a URL may hold them, so that they stay on their line.
fn push_visible(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_graphic() {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}
