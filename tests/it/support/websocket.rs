//! A WebSocket's handshake from both sides, byte by byte.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use super::client::Wire;
use super::node::{Answer, Node, Seen, Then};

/// The key of the RFC's example, and what agrees to it.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The fields that ask for a WebSocket.
pub(crate) const ASKING: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A request for a WebSocket, with more lines of its own.
pub(crate) fn asking(target: &str, lines: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n{ASKING}{lines}\r\n")
}

/// A node's agreement to the example's key, with more lines of its own.
pub(crate) fn agreeing(lines: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n{lines}\r\n"
    )
}

/// A node's agreement to what it saw, and what it does then.
pub(crate) fn agree(seen: &Seen, then: Then) -> Answer {
    let key = seen.field("Sec-WebSocket-Key").unwrap_or_default();
    let guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let digest = Sha1::digest(format!("{key}{guid}"));
    let agreed = agreeing("").replace(ACCEPT, &STANDARD.encode(digest));
    Answer::Raw(agreed.into_bytes(), then)
}

/// A node that echoes on a WebSocket what it is sent, and answers all else by its name.
pub(crate) fn echoing(name: &'static str) -> Node {
    Node::scripted(name, move |seen| match seen.field("Upgrade") {
        Some(_) => agree(seen, Then::Echo),
        None => Answer::text(name),
    })
}

/// A WebSocket through `port` that the node behind it has agreed to.
#[track_caller]
pub(crate) fn open(port: u16, target: &str) -> Wire {
    let mut wire = Wire::to(port);
    wire.send(asking(target, ""));
    let head = wire.head();
    assert_eq!(
        (head.status, head.field("Sec-WebSocket-Accept")),
        (101, Some(ACCEPT))
    );
    wire
}

/// Sends `text`, and it comes back.
#[track_caller]
pub(crate) fn echoes(wire: &mut Wire, text: &str) {
    wire.send(text);
    assert_eq!(String::from_utf8_lossy(&wire.bytes(text.len())), text);
}
