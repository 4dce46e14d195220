//! Clients that keep the affinity cookie, and pools that hand it out.

use super::appliance::Appliance;
use super::client::{self, Request, Response};
use super::document::{NodeLine, one_pool};

/// A browser, as far as this cookie is concerned.
pub(crate) struct Visitor {
    /// Whom it asks.
    pub(crate) port: u16,
    /// What it sends along.
    pub(crate) cookie: Option<String>,
    /// How often it was given one.
    pub(crate) given: usize,
}

impl Visitor {
    /// One without a cookie yet.
    pub(crate) fn of(lb: &Appliance) -> Self {
        Self {
            port: lb.port(),
            cookie: None,
            given: 0,
        }
    }

    /// Asks with its cookie, and keeps the one it is given.
    #[track_caller]
    pub(crate) fn asks(&mut self, request: Request) -> Response {
        let request = match &self.cookie {
            Some(cookie) => request.field("Cookie", &format!("theme=dark; {cookie}; lang=en")),
            None => request,
        };
        let answer = client::ask(self.port, &request);
        if let Some(set) = set_cookie(&answer) {
            self.cookie = set.split(';').next().map(str::to_owned);
            self.given += 1;
        }
        answer
    }

    /// Which node answers.
    #[track_caller]
    pub(crate) fn visits(&mut self) -> String {
        let answer = self.asks(Request::get("/"));
        assert_eq!(answer.status, 200, "{:?}", answer.reason());
        answer.text()
    }
}

/// The affinity cookie that an answer brings.
pub(crate) fn set_cookie(answer: &Response) -> Option<String> {
    let set = answer.all("Set-Cookie").into_iter();
    let mut ours = set.filter(|set| set.starts_with("steelyard="));
    let first = ours.next().map(str::to_owned);
    assert_eq!(ours.next(), None, "given twice");
    first
}

/// The keys of an unchecked pool with this `affinity`.
pub(crate) fn keys(affinity: &str) -> String {
    format!("health_check = \"off\"\naffinity = {{ {affinity} }}")
}

/// One such pool behind one listener.
pub(crate) fn with(lb: &Appliance, affinity: &str, nodes: &[NodeLine]) -> String {
    one_pool(lb.port(), &keys(affinity), nodes)
}
