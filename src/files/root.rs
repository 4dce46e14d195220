//! One directory of files, and the life of a request for one of them.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::SystemTime;

use jiff::tz::TimeZone;

use super::conditional::{Validators, Verdict};
use super::open::Found;
use super::path::{Refused, Wanted};
use super::range::Asked;
use super::{Answer, Ask, Headers, Method, content_type, date, expires, open, path, range};
use crate::model;

/// A directory whose files are served, compiled from a [`model::Files`].
///
/// It holds no descriptor: the directory is opened anew for each request. So a
/// deploy that swaps it, or the link that names it, counts from the next
/// request on, and a file system can be unmounted; the price is one
/// more open and close than the file takes anyway.
#[derive(Debug, Clone)]
pub struct Root {
    directory: PathBuf,
    index: Vec<String>,
    expires: model::Expires,
    cache_control: Option<String>,
    /// Whether somebody else is asked where there is no file.
    has_fallback: bool,
    zone: TimeZone,
}

/// A file that was found.
struct Hit {
    file: File,
    size: u64,
    modified: i64,
    content_type: String,
}

/// What a request found.
enum Outcome {
    Hit(Hit),
    /// A directory that was asked for without its slash.
    AddSlash,
    Nothing,
    Forbidden,
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
    /// [`Root::answer`] says the same.
    pub fn certain(&self, ask: &Ask<'_>) -> Option<Answer> {
        self.wanted(ask).err()
    }

    /// Which file is meant, or what is answered without looking for one.
    fn wanted(&self, ask: &Ask<'_>) -> Result<Wanted, Answer> {
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

    /// Answers `ask` at the time `now`. Blocks on the disk: not for a worker.
    pub fn answer(&self, ask: &Ask<'_>, now: SystemTime) -> Answer {
        let other = ask.method == Method::Other;
        let wanted = match self.wanted(ask) {
            Ok(wanted) => wanted,
            Err(answer) => return answer,
        };
        let now = date::seconds(now);
        match self.look(&wanted) {
            Ok(Outcome::Hit(_)) if other => not_allowed(),
            Ok(Outcome::Hit(hit)) => self.decide(ask, hit, now),
            Ok(Outcome::AddSlash) if other => Answer::Elsewhere,
            Ok(Outcome::AddSlash) => {
                let mut headers = vec![("Location", with_slash(ask.path, ask.query))];
                self.add_caching(&mut headers, now, None);
                empty(301, headers)
            }
            // A directory without an index too: what it holds is nobody's business.
            Ok(Outcome::Nothing) if self.has_fallback => Answer::Elsewhere,
            Ok(Outcome::Nothing) => empty(404, Headers::new()),
            Ok(Outcome::Forbidden) => empty(403, Headers::new()),
            Err(error) => Answer::Failed(error),
        }
    }

    fn look(&self, wanted: &Wanted) -> io::Result<Outcome> {
        let root = match open::root(&self.directory) {
            Ok(root) => root,
            Err(error) => return open::absent(error).map(|found| outcome(found, "")),
        };
        if wanted.directory {
            return self.look_for_index(root.as_fd(), &wanted.path);
        }
        let found = outcome(open::find(root.as_fd(), &wanted.path)?, &wanted.path);
        if !matches!(found, Outcome::AddSlash) || !self.has_fallback {
            return Ok(found);
        }
        // A directory is no file: it is worth a slash only for what would be found behind it.
        match self.look_for_index(root.as_fd(), &wanted.path)? {
            Outcome::Hit(_) => Ok(found),
            nothing => Ok(nothing),
        }
    }

    fn look_for_index(&self, root: BorrowedFd<'_>, directory: &str) -> io::Result<Outcome> {
        for name in &self.index {
            let path = match directory {
                "" => name.clone(),
                directory => format!("{directory}/{name}"),
            };
            match outcome(open::find(root, &path)?, name) {
                Outcome::Nothing | Outcome::AddSlash => {}
                found => return Ok(found),
            }
        }
        Ok(Outcome::Nothing)
    }

    fn decide(&self, ask: &Ask<'_>, hit: Hit, now: i64) -> Answer {
        let validators = Validators::new(hit.modified, hit.size);
        match validators.judge(ask) {
            Verdict::Failed => return empty(412, Headers::new()),
            Verdict::NotModified => {
                let mut headers = Headers::new();
                self.add_validity(&mut headers, validators, now);
                return empty(304, headers);
            }
            Verdict::Send => {}
        }
        // RFC 9110 section 14.2: a range means something to GET alone.
        let asked = match ask.range {
            Some(field) if ask.method == Method::Get && validators.range_holds(ask.if_range) => {
                range::parse(field, hit.size)
            }
            _ => Asked::Whole,
        };
        let mut headers = vec![("Content-Type", hit.content_type)];
        let (status, range) = match asked {
            Asked::Whole => (200, 0..hit.size),
            Asked::Part(part) => {
                let last = part.end.saturating_sub(1);
                let value = format!("bytes {}-{last}/{}", part.start, hit.size);
                headers.push(("Content-Range", value));
                (206, part)
            }
            Asked::Beyond => {
                let value = format!("bytes */{}", hit.size);
                return empty(416, vec![("Content-Range", value)]);
            }
        };
        headers.push(("Accept-Ranges", "bytes".into()));
        self.add_validity(&mut headers, validators, now);
        Answer::Send {
            status,
            headers,
            file: hit.file,
            range,
        }
    }

    fn add_validity(&self, headers: &mut Headers, validators: Validators, now: i64) {
        let modified = validators.modified;
        headers.push(("Last-Modified", date::http(modified)));
        headers.push(("ETag", validators.etag));
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

fn outcome(found: Found, name: &str) -> Outcome {
    match found {
        Found::File {
            file,
            size,
            modified,
        } => Outcome::Hit(Hit {
            file,
            size,
            modified,
            content_type: content_type::of(name).into_owned(),
        }),
        Found::Directory => Outcome::AddSlash,
        Found::Nothing => Outcome::Nothing,
        Found::Forbidden => Outcome::Forbidden,
    }
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
