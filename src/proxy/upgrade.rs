//! A WebSocket asked for, and whether it was agreed to (rules 35 to 37). To nothing else is a
//! connection ever changed: every other Upgrade goes no further, as if it had not been sent.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest as _, Sha1};

use super::Reason;
use super::request::Request;
use crate::http::{Fields, Known, Refusal, RequestHead, ResponseHead, Version, list_items};
use crate::snapshot::Route;

const WEBSOCKET: &[u8] = b"websocket";
/// What both sides of a WebSocket know (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Whether `request` asks for a WebSocket on a route that passes it on. One that names it
/// without asking as RFC 6455 has it asked for does not: it goes on as plain HTTP.
pub(super) fn is_asked(request: &Request<'_>, route: &Route) -> bool {
    let head = request.head;
    route.config.upgrade
        && names(&head.fields, Known::Upgrade, WEBSOCKET)
        && names(&head.fields, Known::Connection, b"upgrade")
        && head.method() == b"GET"
        && head.version == Version::Http11
        && !request.has_body()
}

/// What `explain` tells of a request that names a protocol to change to.
pub(super) fn told(request: &Request<'_>, route: &Route) -> Option<String> {
    request.head.fields.get(Known::Upgrade)?;
    let told = if !is_asked(request, route) && route.config.upgrade {
        "Upgrade goes no further: only a WebSocket's does, of a GET in HTTP/1.1 without a body, with Connection: upgrade".to_owned()
    } else if !route.config.upgrade {
        "Upgrade goes no further: the route says upgrade = false".to_owned()
    } else {
        let asks = "it asks for a WebSocket: if the node agrees, bytes pass both ways until";
        match route.config.tunnel_idle_timeout {
            Duration::ZERO => format!("{asks} both sides have ended"),
            limit => format!("{asks} both sides have ended, or said nothing for {limit:?}"),
        }
    };
    Some(told)
}

/// Whether a node can be asked for what is asked here.
///
/// # Errors
/// What its handshake lacks.
pub(super) fn check(request: &Request<'_>, route: &Route) -> Result<(), Reason> {
    match is_asked(request, route) {
        true => check_handshake(request.head).map_err(Reason::BadRequest),
        false => Ok(()),
    }
}

fn check_handshake(head: &RequestHead) -> Result<(), Refusal> {
    if only(&head.fields, "Sec-WebSocket-Version") != Some(b"13") {
        let text = "the WebSocket is not of version 13";
        return Err(Refusal::with(426, 35, text));
    }
    match key(&head.fields) {
        Some(_) => Ok(()),
        None => {
            let text = "Sec-WebSocket-Key is not 16 bytes in base64";
            Err(Refusal::bad(35, text))
        }
    }
}

/// Whether a 101 is the answer to this request's handshake and to no other.
///
/// # Errors
/// What it lacks.
pub(super) fn check_agreed(request: &RequestHead, response: &ResponseHead) -> Result<(), Refusal> {
    let fields = &response.fields;
    let mut protocols = fields.all(Known::Upgrade).flat_map(list_items);
    let to_websocket = protocols.next().is_some_and(is_websocket) && protocols.next().is_none();
    let switches = names(fields, Known::Connection, b"upgrade");
    if response.version == Version::Http10 || !to_websocket || !switches {
        let text = "a 101 that changes to no WebSocket";
        return Err(Refusal::bad(35, text));
    }
    match (key(&request.fields), only(fields, "Sec-WebSocket-Accept")) {
        (Some(key), Some(said)) if accept(key) == said => Ok(()),
        _ => {
            let text = "a 101 whose Sec-WebSocket-Accept is not for this request";
            Err(Refusal::bad(35, text))
        }
    }
}

fn is_websocket(protocol: &[u8]) -> bool {
    protocol.eq_ignore_ascii_case(WEBSOCKET)
}

/// Whether `word` is among the items of the fields of this meaning.
fn names(fields: &Fields, known: Known, word: &[u8]) -> bool {
    let mut items = fields.all(known).flat_map(list_items);
    items.any(|item| item.eq_ignore_ascii_case(word))
}

/// The value of the only field of this name.
fn only<'f>(fields: &'f Fields, name: &str) -> Option<&'f [u8]> {
    let same = |field: &crate::http::Field<'_>| field.name.eq_ignore_ascii_case(name.as_bytes());
    let mut found = fields.iter().filter(same);
    let field = found.next()?;
    found.next().is_none().then_some(field.value)
}

/// The client's key, if it is what it has to be.
fn key(fields: &Fields) -> Option<&[u8]> {
    let key = only(fields, "Sec-WebSocket-Key")?;
    let mut decoded = [0; 18];
    let length = BASE64.decode_slice(key, &mut decoded).ok()?;
    (length == 16).then_some(key)
}

/// What shows that the answer is to `key`.
fn accept(key: &[u8]) -> [u8; 28] {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let mut text = [0; 28];
    let written = BASE64.encode_slice(digest, &mut text);
    assert_eq!(written, Ok(text.len()), "20 bytes are 28 characters");
    text
}

#[cfg(test)]
mod tests {
    use super::{accept, check_agreed, check_handshake};
    use crate::http::{Limits, RequestHead, ResponseHead, parse_request, parse_response};

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn asking(fields: &str) -> RequestHead {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let mut head = RequestHead::default();
        let limits = Limits {
            target: 16,
            ..Limits::NODE
        };
        parse_request(text.as_bytes(), &limits, &mut head).unwrap();
        head
    }

    fn answering(text: &str) -> ResponseHead {
        let mut head = ResponseHead::default();
        parse_response(text.as_bytes(), &Limits::NODE, &mut head).unwrap();
        head
    }

    #[test]
    fn the_example_of_the_rfc_is_agreed_to() {
        assert_eq!(accept(KEY.as_bytes()), ACCEPT.as_bytes());
    }

    #[test]
    fn a_handshake_has_one_version_and_one_key() {
        let refused = |fields: &str| check_handshake(&asking(fields)).err().map(|r| r.status);
        let version = "sec-websocket-version: 13\r\n";
        let key = |key: &str| format!("{version}Sec-WebSocket-Key:  {key} \r\n");
        assert_eq!(refused(&key(KEY)), None);
        assert_eq!(refused(&key("AAAAAAAAAAAAAAAAAAAAAA==")), None);
        for bad in [
            "",
            "x",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZQ=",
            "dGhlIHNhbXBsZSBub25jZ===",
            "dGhlIHNhbXBsZSBub25jZQ===",
            "dGhlIHNhbXBsZSBub25jZQA=",
            "dGhlIHNhbXBsZSBub25jZQAA",
            "dGhlIHNhbXBsZSBub25jZQAAAA==",
            "dGhlIHNhbXBsZSBub25_ZQ==",
            "dGhlIHNhbXBsZSBub25jZR==",
            "dGhlIHNhbXBs ZSBub25jZQ==",
        ] {
            assert_eq!(refused(&key(bad)), Some(400), "{bad}");
        }
        let twice = format!("{}Sec-WebSocket-Key: {KEY}\r\n", key(KEY));
        assert_eq!(refused(&twice), Some(400));
        assert_eq!(refused(version), Some(400));
        for bad in ["", "8", "12", "14", "013", "13, 8", "13 ; x", "1 3", "+13"] {
            let fields = format!("Sec-WebSocket-Version: {bad}\r\nSec-WebSocket-Key: {KEY}\r\n");
            assert_eq!(refused(&fields), Some(426), "{bad}");
        }
        assert_eq!(refused(&format!("Sec-WebSocket-Key: {KEY}\r\n")), Some(426));
        assert_eq!(refused(&format!("{}{version}", key(KEY))), Some(426));
    }

    #[test]
    fn only_the_answer_to_this_key_is_believed() {
        let request = asking(&format!("Sec-WebSocket-Key: {KEY}\r\n"));
        let believed = |line: &str, fields: &str| {
            let answer = answering(&format!("{line}\r\n{fields}\r\n"));
            check_agreed(&request, &answer).is_ok()
        };
        let line = "HTTP/1.1 101 Switching Protocols";
        let (upgrade, connection) = ("Upgrade: WebSocket\r\n", "Connection: x, UPGRADE\r\n");
        let accept = format!("sec-websocket-accept: {ACCEPT}\r\n");
        assert!(believed(line, &format!("{upgrade}{connection}{accept}")));
        assert!(!believed(
            "HTTP/1.0 101 x",
            &format!("{upgrade}{connection}{accept}")
        ));
        for fields in [
            format!("{connection}{accept}"),
            format!("{upgrade}{accept}"),
            format!("{upgrade}{connection}"),
            format!("{upgrade}{connection}{accept}{accept}"),
            format!("{upgrade}{upgrade}{connection}{accept}"),
            format!("Upgrade: websocket, h2c\r\n{connection}{accept}"),
            format!("Upgrade: h2c\r\n{connection}{accept}"),
            format!("Upgrade:\r\n{connection}{accept}"),
            format!("{upgrade}Connection: keep-alive\r\n{accept}"),
            format!(
                "{upgrade}{connection}Sec-WebSocket-Accept: {}\r\n",
                ACCEPT.to_lowercase()
            ),
            format!("{upgrade}{connection}Sec-WebSocket-Accept: {KEY}\r\n"),
            format!("{upgrade}{connection}Sec-WebSocket-Accept:\r\n"),
        ] {
            assert!(!believed(line, &fields), "{fields}");
        }
        // What no key was sent for is no answer at all.
        let keyless = asking("");
        let answer = answering(&format!("{line}\r\n{upgrade}{connection}\r\n"));
        assert!(check_agreed(&keyless, &answer).is_err());
    }
}
