//! Looking for the file that a request means, and answering with what was found.

use std::borrow::Cow;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

use super::Reason;
use super::answer::{self, Answer};
use super::connection::{Client, Next};
use super::exchange::Exchange;
use super::request::{RequestBody, Trail};
use super::send_file;
use crate::files::{self, Ask, Codings, Kept, Look, Method, Opened, Root, Sight, Wanted};
use crate::http::{Refusal, RequestHead};
use crate::metrics::StaticResult;
use crate::snapshot::Route;

/// What was found for a request.
#[derive(Debug)]
pub(super) enum Looked {
    /// A file, sent whole and without a condition.
    Plain(Rc<Kept>),
    /// A file, sent as the answer says.
    Sent(Rc<Kept>, files::Answer),
    /// Whatever is answered without one.
    Without(files::Answer),
}

impl Looked {
    /// Whether the fallback is to be asked.
    pub(super) fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Without(files::Answer::Elsewhere))
    }

    /// What became of the request, as far as it is about a file: refusals are counted elsewhere.
    fn result(&self) -> Option<StaticResult> {
        let (Self::Sent(_, answer) | Self::Without(answer)) = self else {
            return Some(StaticResult::Hit);
        };
        match answer {
            files::Answer::Send { .. } => Some(StaticResult::Hit),
            files::Answer::Elsewhere | files::Answer::Empty { status: 404, .. } => {
                Some(StaticResult::Miss)
            }
            files::Answer::Empty { status: 304, .. } => Some(StaticResult::Revalidated),
            files::Answer::Empty { .. } | files::Answer::Failed(_) => None,
        }
    }
}

/// Looks for the file below `root` that is asked for.
pub(super) async fn look(
    exchange: &Exchange<'_>,
    started: Instant,
    (route, root): (&Route, &Arc<Root>),
) -> Looked {
    let asked = Asked::new(exchange.request.head, route, root);
    let ask = asked.ask();
    let worker = exchange.worker;
    let started = started.into_std();
    let turn = || worker.turn.number();
    let kept = worker.files().get(root, &ask, turn, started);
    let found = match kept {
        Some(kept) => Ok(kept),
        None => match root.wanted(&ask) {
            Ok(wanted) => match search(exchange, root, (wanted, ask.codings)).await {
                Sight::File(file) => Ok(worker.files().put(root, &ask, file, started)),
                sight => Err(root.without(&ask, sight, SystemTime::now())),
            },
            Err(answer) => Err(answer),
        },
    };
    let looked = match found {
        Ok(kept) if asked.is_plain() => Looked::Plain(kept),
        Ok(kept) => {
            let answer = root.with(&ask, &kept.file, SystemTime::now());
            Looked::Sent(kept, answer)
        }
        Err(answer) => Looked::Without(answer),
    };
    if let Some(result) = looked.result() {
        worker.metrics.count_static(result);
    }
    looked
}

/// Looks at the disk: here what the kernel has in memory, on the blocking pool all else.
async fn search(
    exchange: &Exchange<'_>,
    root: &Arc<Root>,
    (wanted, codings): (Wanted, Codings),
) -> Sight {
    let known = |file: &Opened| exchange.worker.files().is_local(file);
    match root.look(&wanted, codings, Look::FromMemory) {
        // What a server says of its file may have to be asked for.
        Some(Sight::File(file)) if !known(&file) => {}
        Some(sight) => return sight,
        None => {}
    }
    let root = Arc::clone(root);
    let found = tokio::task::spawn_blocking(move || root.look(&wanted, codings, Look::MayWait));
    match found.await {
        Ok(Some(sight)) => sight,
        Ok(None) => Sight::Failed(io::ErrorKind::WouldBlock.into()),
        Err(error) => Sight::Failed(io::Error::other(error)),
    }
}

/// What is known of a request for a file before the disk is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prospect {
    /// It is refused.
    Refused(Reason),
    /// No file has such a path: the fallback is asked.
    Elsewhere,
    /// Only the disk knows.
    Disk {
        /// Whether a file that is there would be sent; its method is refused else.
        sent: bool,
    },
}

/// Foretells what [`look`] finds, by the same rules.
pub(super) fn prospect(head: &RequestHead, route: &Route, root: &Root) -> Prospect {
    let asked = Asked::new(head, route, root);
    let sent = asked.method != Method::Other;
    match root.wanted(&asked.ask()) {
        Err(files::Answer::Elsewhere) => Prospect::Elsewhere,
        Err(files::Answer::Empty { status, .. }) => {
            refusal(status).map_or(Prospect::Disk { sent }, Prospect::Refused)
        }
        Err(files::Answer::Send { .. } | files::Answer::Failed(_)) | Ok(_) => {
            Prospect::Disk { sent }
        }
    }
}

/// Answers with what was found.
pub(super) async fn serve<'x>(
    exchange: &Exchange<'x>,
    client: &mut Client,
    body: &mut RequestBody,
    trail: &mut Trail<'x>,
    (route, looked): (&'x Route, Looked),
) -> Next {
    let answer = match looked {
        Looked::Plain(kept) => {
            let what = (&*kept, send_file::What::Plain);
            return send_file::send(exchange, client, body, trail, (route, what)).await;
        }
        Looked::Sent(
            kept,
            files::Answer::Send {
                status,
                headers,
                body: asked,
            },
        ) => {
            let part = send_file::What::Part {
                status,
                headers,
                asked,
            };
            return send_file::send(exchange, client, body, trail, (route, (&kept, part))).await;
        }
        Looked::Sent(_, answer) | Looked::Without(answer) => answer,
    };
    let answer = match answer {
        files::Answer::Empty { status, headers } => match refusal(status) {
            Some(reason) => Answer::refusal(exchange, reason).with(headers),
            None => Answer::empty(status, headers),
        },
        files::Answer::Elsewhere => Answer::refusal(exchange, Reason::NoFile),
        files::Answer::Failed(error) => {
            tracing::error!("a file below {} cannot be read: {error}", route.config.path);
            Answer::refusal(exchange, Reason::Internal)
        }
        // Only with a file, and that was above.
        files::Answer::Send { .. } => Answer::refusal(exchange, Reason::Internal),
    };
    answer::local(exchange, client, body, trail, answer).await
}

/// What of a file's answers is a refusal of ours, and not an answer to a condition.
fn refusal(status: u16) -> Option<Reason> {
    match status {
        400 => {
            let text = "the path could be read in two ways";
            Some(Reason::BadRequest(Refusal::bad(50, text)))
        }
        403 => Some(Reason::Forbidden),
        404 => Some(Reason::NoFile),
        405 => Some(Reason::MethodNotAllowed),
        _ => None,
    }
}

/// What is asked for. A field sent in several lines is put together.
#[derive(Debug)]
struct Asked<'a> {
    method: Method,
    path: &'a [u8],
    rest: &'a [u8],
    query: Option<&'a [u8]>,
    codings: Codings,
    /// Of those in [`CONDITIONS`].
    fields: [Option<Cow<'a, [u8]>>; CONDITIONS.len()],
}

const CONDITIONS: [&str; 6] = [
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "if-range",
    "range",
];

impl<'a> Asked<'a> {
    fn new(head: &'a RequestHead, route: &Route, root: &Root) -> Self {
        let mut fields: [Option<Cow<'a, [u8]>>; CONDITIONS.len()] = Default::default();
        let mut accepted: Option<Cow<'a, [u8]>> = None;
        for sent in head.fields.iter() {
            let is_it = |name: &str| name.as_bytes().eq_ignore_ascii_case(sent.name);
            let place = CONDITIONS.iter().position(|name| is_it(name));
            let before = match place {
                Some(place) => &mut fields[place],
                None if is_it("accept-encoding") => &mut accepted,
                None => continue,
            };
            match before {
                None => *before = Some(Cow::Borrowed(sent.value)),
                Some(before) => {
                    let before = before.to_mut();
                    before.extend_from_slice(b", ");
                    before.extend_from_slice(sent.value);
                }
            }
        }
        let path = head.path();
        Self {
            method: match head.method() {
                b"GET" => Method::Get,
                b"HEAD" => Method::Head,
                _ => Method::Other,
            },
            path,
            rest: route.rest(path),
            query: head.query(),
            codings: root.codings(accepted.as_deref()),
            fields,
        }
    }

    /// Whether it is the whole file that is asked for, whatever the client has of it.
    fn is_plain(&self) -> bool {
        self.method != Method::Other && self.fields.iter().all(Option::is_none)
    }

    fn ask(&self) -> Ask<'_> {
        let [
            if_match,
            if_none_match,
            if_modified_since,
            if_unmodified_since,
            if_range,
            range,
        ] = self.fields.each_ref().map(Option::as_deref);
        Ask {
            method: self.method,
            path: self.path,
            rest: self.rest,
            query: self.query,
            codings: self.codings,
            if_match,
            if_none_match,
            if_modified_since,
            if_unmodified_since,
            if_range,
            range,
        }
    }
}
