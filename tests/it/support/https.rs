//! A listener with TLS, as a test's document has it.

use std::io::{Read, Write};

use super::appliance::Appliance;
use super::client::Client;
use super::document::{listener, pool};
use super::node::{Answer, Node};
use super::ports::Port;
use super::tls::{Authority, Encrypted};
use crate::support::document::NodeLine;

/// The names of the certificate that most tests have.
pub(crate) const SHOP: &str = "shop.example.com";

/// The appliance with a listener of each kind, in front of one node.
pub(crate) struct Https {
    pub(crate) lb: Appliance,
    pub(crate) node: Node,
    pub(crate) authority: Authority,
    port: Port,
}

impl Https {
    /// Nothing applied yet.
    pub(crate) fn prepared() -> Self {
        Self::before(Node::scripted("a", |request| {
            let scheme = request.field("X-Forwarded-Proto").unwrap_or_default();
            Answer::text(&format!("{scheme} {}", request.body.len()))
        }))
    }

    /// The same before another node.
    pub(crate) fn before(node: Node) -> Self {
        Self {
            lb: Appliance::start(),
            node,
            authority: Authority::new(),
            port: Port::free(),
        }
    }

    /// The port of the listener with TLS.
    pub(crate) fn port(&self) -> u16 {
        self.port.number()
    }

    /// A document with `tls` as the listener says it, and more of its own.
    pub(crate) fn document(&self, tls: &str, more: &str) -> String {
        self.document_with(&self.node.line(1), tls, more)
    }

    /// The same with a node of its own.
    pub(crate) fn document_with(&self, node: &NodeLine, tls: &str, more: &str) -> String {
        let port = self.port();
        listener(self.lb.port())
            + &format!(
                "\n[[listeners]]\nname = \"https\"\naddress = \"127.0.0.1:{port}\"\ntls = {tls}\n"
            )
            + &pool("p", "health_check = \"off\"", std::slice::from_ref(node))
            + more
    }

    /// A client that asks for `name` and believes only in a certificate for it.
    pub(crate) fn client(&self, name: &str) -> Client {
        Client::trusting(self.port(), self.authority.trust(name))
    }

    /// A connection of its own for `name`.
    pub(crate) fn open(&self, name: &str) -> Encrypted {
        let stream = std::net::TcpStream::connect(("127.0.0.1", self.port())).unwrap();
        stream.set_read_timeout(Some(super::PATIENCE)).unwrap();
        self.authority.trust(name).encrypt(stream).unwrap()
    }
}

/// Sends `text` and gives all that comes until the end, which must be told by TLS.
#[track_caller]
pub(crate) fn said_until_end(mut stream: Encrypted, text: &str) -> String {
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
