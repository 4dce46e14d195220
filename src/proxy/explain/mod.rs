//! Explaining where a request would go, and why, without sending it: by the same parser,
//! the same decision and the same head writer that serve real ones. Changes nothing.

mod question;
mod standing;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::rc::Rc;

use tokio::time::Instant;

use super::affinity::{self, write_value};
use super::answer::{https_location, location, location_with_slash};
use super::connection::Security;
use super::hash_key::asker;
use super::headers::write_request;
use super::request::{Request, RequestId};
use super::serve_file::{Prospect, prospect};
use super::{Outcome, Reason, decide, origin, upgrade};
use crate::balance::{Bound, Room, unix_now};
use crate::http::{Known, RequestHead};
use crate::model::{self, Name};
use crate::snapshot::{Listener, Pool, Route, Snapshot, Target};
use crate::tls::Secured;

pub use question::Question;
use question::Scheme;
use standing::{standings, told_of_tls};

/// Stands for the value of a cookie that was not handed out.
const NEW_COOKIE: &[u8] = b"(signed for the node that answers)";

/// Where a request would go, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The listener it would come by; none when there is no listener at all.
    pub listener: Option<Name>,
    /// Who would be taken to ask, after trusted proxies were believed.
    pub client: IpAddr,
    /// The site that answers for the host.
    pub site: Option<Name>,
    /// The path of the route that takes it.
    pub route: Option<String>,
    /// What that leads to.
    pub goal: Option<Goal>,
    /// Every node of the pool, in the document's order.
    pub candidates: Vec<Standing>,
    /// The first line of its head as it would reach a node.
    pub request_line: Option<String>,
    /// Its fields as they would reach a node.
    pub request_headers: Vec<(String, String)>,
    /// The fields that site and route set on the answer.
    pub response_headers: Vec<(String, String)>,
    /// Why the proxy would answer by itself.
    pub refused: Option<Reason>,
    /// What else is to be known, a sentence each.
    pub notes: Vec<String>,
}

/// What a request would lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// A node of this pool.
    Pool(Name),
    /// A file.
    Files {
        /// The directory it is below.
        root: String,
        /// The pool asked where there is no file.
        fallback: Option<Name>,
    },
    /// Another URL.
    Redirect {
        /// Which, as `Location` would say it.
        to: String,
        /// The status of the answer.
        status: u16,
    },
    /// A fixed answer.
    Respond {
        /// Its status.
        status: u16,
    },
}

/// Whether a node could be chosen for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The node's name.
    pub node: Name,
    /// Whether a request could go to it now.
    pub eligible: bool,
    /// Why, or why not.
    pub why: String,
}

/// Explains what `snapshot` does with `question` at `now`.
pub fn explain(snapshot: &Snapshot, question: &Question, now: Instant) -> Explanation {
    let mut told = Explanation {
        listener: None,
        client: question.peer.ip().to_canonical(),
        site: None,
        route: None,
        goal: None,
        candidates: Vec::new(),
        request_line: None,
        request_headers: Vec::new(),
        response_headers: Vec::new(),
        refused: None,
        notes: Vec::new(),
    };
    let mut head = RequestHead::default();
    let Some(listener) = listener(snapshot, question, &mut head, &mut told.notes) else {
        return told;
    };
    told.listener = Some(listener.config.name.clone());
    let framing = match question.read(listener, &mut head) {
        Ok((framing, _)) => framing,
        Err(reason) => {
            told.refused = Some(reason);
            return told;
        }
    };
    let origin = origin(snapshot, question.peer, &head.fields);
    told.client = origin.ip;
    let sent = head.fields.get(Known::XRequestId);
    let request = Request {
        head: &head,
        framing,
        listener,
        peer_ip: question.peer.ip().to_canonical(),
        origin,
        security: told.secured(listener, question),
        id: RequestId::to_come(sent.filter(|_| origin.trusted)),
    };
    told.decided(snapshot, &request, now);
    told
}

/// The listener that `question` would come by: one on the URL's port, or where none is, the
/// first by which its site is reached.
fn listener<'s>(
    snapshot: &'s Snapshot,
    question: &Question,
    head: &mut RequestHead,
    notes: &mut Vec<String>,
) -> Option<&'s Listener> {
    let here = |l: &&Listener| {
        l.tls.is_some() == (question.scheme == Scheme::Https)
            && l.config.address.port() == question.port
    };
    let on_port: Vec<&Listener> = snapshot.listeners.iter().filter(here).collect();
    let exactly = |l: &&&Listener| Some(l.config.address.ip()) == question.ip;
    let exact = on_port.iter().find(exactly);
    if let Some(listener) = exact {
        return Some(listener);
    }
    let among = match on_port.is_empty() {
        true => snapshot.listeners.iter().collect(),
        false => on_port,
    };
    let mut reached =
        |l: &&&Listener| question.read(l, head).is_ok() && snapshot.site(l, head.host()).is_some();
    let found = among.iter().find(&mut reached).or(among.first()).copied();
    let (scheme, port) = (question.scheme.as_str(), question.port);
    match found {
        None => notes.push("nothing listens: there is no listener".to_owned()),
        Some(found) if !here(&found) => notes.push(format!(
            "nothing listens for {scheme} on port {port}; told as if it came by listener {}",
            found.config.name
        )),
        Some(found) if among.len() > 1 => notes.push(format!(
            "{} listeners have port {port}; told as if it came by listener {}",
            among.len(),
            found.config.name
        )),
        Some(_) => {}
    }
    found
}

impl Explanation {
    /// What would be known of the connection: of one whose client asks, as every client does, in
    /// the handshake for the URL's host.
    fn secured(&mut self, listener: &Listener, question: &Question) -> Security {
        let Some(chooser) = &listener.tls else {
            return Security::Plain;
        };
        // No handshake names an address.
        let name = Some(question.host.as_str()).filter(|_| question.ip.is_none());
        let Some(certificate) = chooser.choose(name) else {
            let words = "the listener has no certificate to show: no client gets in";
            self.notes.push(words.to_owned());
            return Security::Plain;
        };
        let shown = &certificate.name;
        self.notes
            .push(match certificate.covers(question.host.as_bytes()) {
                true => format!("certificate {shown} is shown"),
                false => format!(
                    "certificate {shown} is shown, which is not made for {}: clients will tell",
                    question.host
                ),
            });
        Security::Tls(Rc::new(Secured::new(name, certificate.clone())))
    }

    fn decided(&mut self, snapshot: &Snapshot, request: &Request<'_>, now: Instant) {
        let decision = decide(snapshot, &request.view());
        self.site = decision.site.map(|site| site.name.clone());
        if let Some(route) = decision.route {
            self.route = Some(route.config.path.to_string());
            let set = route.headers(request.view().scheme).set();
            self.response_headers = set.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        }
        match (decision.outcome, decision.route) {
            (Outcome::Refuse(reason), _) => self.refused = Some(reason),
            (Outcome::ToHttps, _) => match https_location(&request.view(), decision.site) {
                Ok((status, to)) => self.goal = Some(Goal::Redirect { to, status }),
                Err(reason) => self.refused = Some(reason),
            },
            (Outcome::AddSlash, _) | (Outcome::Target, None) => {
                self.goal = Some(Goal::Redirect {
                    to: location_with_slash(request.head),
                    status: 301,
                });
            }
            (Outcome::Target, Some(route)) => self.taken(snapshot, request, route, now),
        }
    }

    fn taken(&mut self, snapshot: &Snapshot, request: &Request<'_>, route: &Route, now: Instant) {
        if request.is_over(route.config.body_limit) {
            self.refused = Some(Reason::BodyTooLarge);
        }
        match &route.target {
            Target::Files { root, fallback } => {
                if let model::Target::Files(files) = &route.config.target {
                    self.goal = Some(Goal::Files {
                        root: files.root.display().to_string(),
                        fallback: files.fallback.clone(),
                    });
                }
                let pool = fallback.as_ref().map(|to| &snapshot.pools[to.pool]);
                self.file(
                    request,
                    route,
                    (prospect(request.head, route, root), pool),
                    now,
                );
            }
            Target::Redirect(redirect) => match location(&request.view(), redirect) {
                Ok(to) => {
                    let status = redirect.status;
                    self.goal = Some(Goal::Redirect { to, status });
                }
                Err(reason) => self.refused = self.refused.or(Some(reason)),
            },
            Target::Respond(respond) => {
                let status = respond.status;
                self.goal = Some(Goal::Respond { status });
            }
            Target::Pool(to) => {
                let pool = &snapshot.pools[to.pool];
                self.goal = Some(Goal::Pool(pool.config.name.clone()));
                let refused = self.forwarded(request, route, pool, now);
                self.refused = self.refused.or(refused);
            }
        }
    }

    /// Tells what becomes of a request for a file, as far as it does not depend on the disk.
    fn file(
        &mut self,
        request: &Request<'_>,
        route: &Route,
        (prospect, fallback): (Prospect, Option<&Pool>),
        now: Instant,
    ) {
        if let Prospect::Refused(reason) = prospect {
            self.refused = self.refused.or(Some(reason));
            return;
        }
        let Some(pool) = fallback else {
            if self.refused.is_none() {
                let words = "whether the file is there is not looked up: 404 no_file where none is";
                self.notes.push(words.to_owned());
            }
            return;
        };
        let name = &pool.config.name;
        if self.refused.is_none() {
            self.notes.push(match prospect {
                Prospect::Elsewhere => format!("no file has such a path: pool {name} is asked"),
                _ => format!("pool {name} is asked only where no file is there"),
            });
        }
        if prospect == (Prospect::Disk { sent: false }) && self.refused.is_none() {
            let reason = Reason::MethodNotAllowed;
            self.notes.push(format!(
                "where a file is there: {} {}",
                reason.status(),
                reason.code()
            ));
        }
        let Some(refused) = self.forwarded(request, route, pool, now) else {
            return;
        };
        if prospect == Prospect::Elsewhere {
            self.refused = self.refused.or(Some(refused));
        } else {
            // No refusal: there may be a file.
            let (status, code) = (refused.status(), refused.code());
            self.notes
                .push(format!("where no file is there: {status} {code}"));
        }
    }

    /// Tells what becomes of it at `pool`, and why it would get no node there.
    fn forwarded(
        &mut self,
        request: &Request<'_>,
        route: &Route,
        pool: &Pool,
        now: Instant,
    ) -> Option<Reason> {
        let bound = affinity::bound(&request.view(), pool);
        let asker = asker(&request.view(), pool, bound);
        let outlook = pool.balancer.outlook(asker, now);
        self.candidates = standings(pool, &outlook, bound, now);
        if self.refused.is_some() {
            return None;
        }
        if let Err(reason) = upgrade::check(request, route) {
            return Some(reason);
        }
        self.notes.extend(upgrade::told(request, route));
        match outlook.room {
            Room::AtOnce => {}
            Room::Never => return Some(Reason::NoNode),
            Room::Later => {
                let what = if outlook.by_cookie {
                    "the node it is bound to"
                } else {
                    "no node"
                };
                let has = if outlook.by_cookie {
                    "has no room"
                } else {
                    "has room"
                };
                self.notes.push(format!("{what} {has}: it would wait"));
            }
            Room::Full => return Some(Reason::QueueFull),
        }
        let eligible = outlook.eligible.iter().position(|eligible| *eligible);
        let index = outlook.bound.or(eligible)?;
        let mut head = Vec::new();
        let candidate = &pool.balancer.nodes()[index];
        write_request(&mut head, request, route, pool, candidate);
        self.notes.extend(told_of_tls(pool, index));
        let text = String::from_utf8_lossy(&head);
        let mut lines = text.split("\r\n").filter(|line| !line.is_empty());
        self.request_line = lines.next().map(str::to_owned);
        let fields = lines.map(|line| line.split_once(": ").unwrap_or((line, "")));
        self.request_headers = fields.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        if matches!(route.target, Target::Pool(_)) {
            self.bound(request, pool, index, bound);
        }
        None
    }

    /// Tells the cookie that an answer of the node would bring.
    fn bound(&mut self, request: &Request<'_>, pool: &Pool, index: usize, bound: Option<Bound>) {
        let node = (index, &pool.balancer.nodes()[index]);
        if let Some(affinity) = pool.balancer.affinity()
            && affinity.would_bind(node, bound, unix_now())
        {
            let mut cookie = Vec::new();
            write_value(&mut cookie, affinity, &request.view(), NEW_COOKIE);
            let cookie = String::from_utf8_lossy(&cookie).into_owned();
            self.response_headers
                .push(("Set-Cookie".to_owned(), cookie));
        }
    }
}
