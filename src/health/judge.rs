//! What an answer says of a node: from bytes that are no HTTP, or a status that is not
//! expected, to the cause. Pure: the reading is in `ask.rs`.

use crate::balance::Cause;
use crate::http::Refusal;

/// Bytes that tell any of the protocols below from any other.
const TELLING: usize = 16;

/// What the first bytes of an answer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// HTTP/1, or nothing against it so far.
    Http,
    /// Not HTTP; more bytes may tell what else.
    Other,
    /// This, and not HTTP.
    Known(Cause),
}

/// Tells an answer's protocol by its first bytes; no more will come where it is `whole`.
pub(super) fn opening(bytes: &[u8], whole: bool) -> Opening {
    let http = b"HTTP/";
    if bytes.starts_with(http) || http.starts_with(bytes) {
        return Opening::Http;
    }
    match spoken(bytes) {
        Some(cause) => Opening::Known(cause),
        None if whole || bytes.len() >= TELLING => Opening::Known(Cause::NotHttp),
        None => Opening::Other,
    }
}

// What people run on a port they take for the application's.
fn spoken(bytes: &[u8]) -> Option<Cause> {
    match bytes {
        // A TLS record: an alert, for want of a ClientHello.
        [0x15, ..] => Some(Cause::SpeaksTls),
        // A SETTINGS frame of at most 64 KiB on stream 0.
        [0, _, _, 4, _, 0, 0, 0, 0, ..] => Some(Cause::SpeaksHttp2),
        // A MySQL packet, the first: a greeting of protocol 10, or an error.
        [_, _, 0, 0, 0x0a | 0xff, ..] => Some(Cause::SpeaksMysql),
        // A PostgreSQL error, of protocol 3 or before it is agreed on.
        [b'E', 0, 0, _, _, b'S', ..] => Some(Cause::SpeaksPostgresql),
        [b'E', b'F', b'A', b'T', b'A', b'L', ..] => Some(Cause::SpeaksPostgresql),
        [b'S', b'S', b'H', b'-', ..] => Some(Cause::SpeaksSsh),
        [b'2', b'2', b'0', b' ' | b'-', ..] => Some(Cause::SpeaksMailOrFtp),
        // A RESP error: its first word is in capitals.
        [b'-', b'A'..=b'Z', b'A'..=b'Z', ..] => Some(Cause::SpeaksRedis),
        _ => None,
    }
}

/// The cause of an answer that breaks a rule of HTTP.
pub(super) fn refused(refusal: Refusal) -> Cause {
    match refusal.status {
        431 => Cause::HeadTooLarge,
        _ => Cause::BadHttp,
    }
}

/// An answer with a status that is not expected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    /// Where it redirects to.
    pub(super) location: Option<&'a str>,
    /// The path asked for.
    pub(super) path: &'a str,
    /// As much of the body as was read.
    pub(super) body: &'a [u8],
}

impl Answer<'_> {
    /// What is wrong.
    pub(super) fn cause(self) -> Cause {
        match self.status {
            400 => self.bad_request(),
            301 | 302 | 303 | 307 | 308 => match self.location {
                Some(location) => self.redirect(location),
                None => Cause::WrongStatus,
            },
            401 => Cause::Unauthorised,
            403 => Cause::Forbidden,
            404 => Cause::NotFound,
            405 => Cause::MethodNotAllowed,
            429 => Cause::TooManyRequests,
            502 => Cause::BadGateway,
            503 => Cause::Unavailable,
            504 => Cause::GatewayTimeout,
            500 => Cause::ApplicationError,
            _ => Cause::WrongStatus,
        }
    }

    fn bad_request(self) -> Cause {
        let says = |words: &str| memchr::memmem::find(self.body, words.as_bytes()).is_some();
        // nginx's, Apache's, Go's and Tomcat's words for HTTP at their HTTPS port.
        let tls = [
            "plain HTTP request was sent to HTTPS port",
            "plain HTTP to an SSL-enabled",
            "HTTP request to an HTTPS server",
            "host and port requires TLS",
        ];
        // Django's with DEBUG, and its plain page without: of a GET it takes everything
        // but the Host.
        let host = [
            "DisallowedHost",
            "Invalid HTTP_HOST header",
            "<h1>Bad Request (400)</h1>",
        ];
        if tls.iter().any(|words| says(words)) {
            Cause::SpeaksTls
        } else if host.iter().any(|words| says(words)) {
            Cause::DisallowedHost
        } else {
            Cause::BadRequest
        }
    }

    fn redirect(self, location: &str) -> Cause {
        let scheme = location.split("://").next().unwrap_or_default();
        let (https, path) = match location.split_once("://") {
            // Behind the authority.
            Some((_, rest)) => (
                scheme.eq_ignore_ascii_case("https"),
                rest.find('/').map_or("/", |slash| &rest[slash..]),
            ),
            None => (false, location),
        };
        let path = path.to_ascii_lowercase();
        let login = [
            "login", "signin", "sign-in", "sign_in", "oauth", "/sso", "next=",
        ];
        if https && path == self.path.to_ascii_lowercase() {
            Cause::SslRedirect
        } else if login.iter().any(|word| path.contains(word)) {
            Cause::LoginRedirect
        } else {
            Cause::Redirect
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Opening, opening};
    use crate::balance::Cause;

    #[test]
    fn what_is_not_http_is_told_by_its_first_bytes() {
        for (bytes, cause) in [
            (&b"\x15\x03\x01\x00\x02\x02\x46"[..], Cause::SpeaksTls),
            (
                b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00",
                Cause::SpeaksHttp2,
            ),
            (b"\x4a\x00\x00\x00\x0a8.0.36\x00", Cause::SpeaksMysql),
            (
                b"\x46\x00\x00\x00\xffj\x04Host is blocked",
                Cause::SpeaksMysql,
            ),
            (b"E\x00\x00\x00\x8aSFATAL\x00", Cause::SpeaksPostgresql),
            (
                b"EFATAL:  unsupported frontend protocol",
                Cause::SpeaksPostgresql,
            ),
            (b"SSH-2.0-OpenSSH_9.6\r\n", Cause::SpeaksSsh),
            (b"220 mail.example.com ESMTP\r\n", Cause::SpeaksMailOrFtp),
            (b"-ERR wrong number of arguments\r\n", Cause::SpeaksRedis),
            (b"-NOAUTH Authentication required.\r\n", Cause::SpeaksRedis),
            (b"ERROR\r\nERROR\r\nERROR\r\n", Cause::NotHttp),
            (b"200 is not enough to tell", Cause::NotHttp),
        ] {
            assert_eq!(opening(bytes, false), Opening::Known(cause), "{bytes:?}");
        }
    }

    #[test]
    fn few_bytes_are_waited_for_unless_no_more_will_come() {
        for bytes in [&b""[..], b"H", b"HTTP/", b"HTTP/1.1 200 OK\r\n"] {
            assert_eq!(opening(bytes, true), Opening::Http, "{bytes:?}");
        }
        for bytes in [&b"HTTX"[..], b"220", b"hello\n"] {
            assert_eq!(opening(bytes, false), Opening::Other, "{bytes:?}");
            assert_eq!(opening(bytes, true), Opening::Known(Cause::NotHttp));
        }
    }

    fn cause(status: u16, location: Option<&str>, body: &str) -> Cause {
        let answer = Answer {
            status,
            location,
            path: "/up?a=1",
            body: body.as_bytes(),
        };
        answer.cause()
    }

    #[test]
    fn a_redirect_is_told_by_where_it_leads() {
        for (location, expected) in [
            ("https://shop.example.com/up?a=1", Cause::SslRedirect),
            ("HTTPS://shop.example.com:443/up?a=1", Cause::SslRedirect),
            ("http://shop.example.com/up?a=1", Cause::Redirect),
            ("/accounts/login/?next=/up", Cause::LoginRedirect),
            ("https://sso.example.com/signin", Cause::LoginRedirect),
            ("https://login.example.com/", Cause::Redirect),
            ("https://shop.example.com", Cause::Redirect),
            ("/up/", Cause::Redirect),
            ("", Cause::Redirect),
        ] {
            assert_eq!(cause(302, Some(location), ""), expected, "{location}");
        }
        assert_eq!(cause(302, None, ""), Cause::WrongStatus);
        assert_eq!(cause(304, Some("/login"), ""), Cause::WrongStatus);
    }

    #[test]
    fn a_400_is_told_by_its_words() {
        let django = "<title>Bad Request (400)</title><h1>Bad Request (400)</h1>";
        for (body, expected) in [
            (django, Cause::DisallowedHost),
            ("DisallowedHost at /up", Cause::DisallowedHost),
            (
                "<center>The plain HTTP request was sent to HTTPS port</center>",
                Cause::SpeaksTls,
            ),
            (
                "Client sent an HTTP request to an HTTPS server.\n",
                Cause::SpeaksTls,
            ),
            ("<h1><p>Bad Request</p></h1>", Cause::BadRequest),
            ("", Cause::BadRequest),
        ] {
            assert_eq!(cause(400, None, body), expected, "{body}");
        }
    }

    #[test]
    fn every_status_has_a_cause() {
        for (status, expected) in [
            (401, Cause::Unauthorised),
            (403, Cause::Forbidden),
            (404, Cause::NotFound),
            (405, Cause::MethodNotAllowed),
            (429, Cause::TooManyRequests),
            (500, Cause::ApplicationError),
            (501, Cause::WrongStatus),
            (505, Cause::WrongStatus),
            (502, Cause::BadGateway),
            (503, Cause::Unavailable),
            (504, Cause::GatewayTimeout),
            (204, Cause::WrongStatus),
            (418, Cause::WrongStatus),
        ] {
            assert_eq!(cause(status, None, ""), expected, "{status}");
        }
    }
}
