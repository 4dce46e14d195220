//! A request's head.

use super::fields::parse_fields;
use super::head::{Fields, Span};
use super::host::{host_name, is_host};
use super::target::parse_target;
use super::token::is_token;
use super::{Known, Limits, Refusal, Version};

/// Longest method (rule 6): the longest registered one has 17 letters.
const MAX_METHOD: usize = 32;

/// A request's head, ready to be routed.
#[derive(Debug)]
pub struct RequestHead {
    /// The fields, and the arena that all else points into.
    pub fields: Fields,
    /// The version the client speaks.
    pub version: Version,
    method: Span,
    target: Span,
    authority: Span,
    host: Span,
    path: Span,
    query: Option<Span>,
}

impl Default for RequestHead {
    fn default() -> Self {
        Self {
            fields: Fields::default(),
            version: Version::Http11,
            method: Span::default(),
            target: Span::default(),
            authority: Span::default(),
            host: Span::default(),
            path: Span::default(),
            query: None,
        }
    }
}

impl RequestHead {
    /// The method, as sent.
    pub fn method(&self) -> &[u8] {
        self.method.of(&self.fields.arena)
    }

    /// The target, as sent.
    pub fn target(&self) -> &[u8] {
        self.target.of(&self.fields.arena)
    }

    /// Host and port as the client named them; empty when an HTTP/1.0 client named none.
    pub fn authority(&self) -> &[u8] {
        self.authority.of(&self.fields.arena)
    }

    /// The authority without its port.
    pub fn host(&self) -> &[u8] {
        self.host.of(&self.fields.arena)
    }

    /// The path, still percent-encoded; `*` for the whole server.
    pub fn path(&self) -> &[u8] {
        match self.path.of(&self.fields.arena) {
            b"" if self.method() == b"OPTIONS" => b"*",
            b"" => b"/",
            path => path,
        }
    }

    /// What follows the first `?`.
    pub fn query(&self) -> Option<&[u8]> {
        self.query.map(|span| span.of(&self.fields.arena))
    }

    /// Empties it, keeping its memory for the next head.
    pub fn clear(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = Self {
            fields,
            ..Self::default()
        };
    }
}

/// Parses one whole head, `bytes`, from its first line to its empty line.
///
/// # Errors
/// The first rule that it breaks.
pub fn parse_request(bytes: &[u8], limits: &Limits, head: &mut RequestHead) -> Result<(), Refusal> {
    head.clear();
    head.fields.arena.extend_from_slice(bytes);
    let arena = &head.fields.arena;
    let line_end = memchr::memchr(b'\n', arena).map_or(arena.len(), |i| i + 1);
    let line = &arena[..line_end.saturating_sub(2)];
    let (method, target, version) = split_line(line)?;
    head.version = version;
    if target.len() > limits.target {
        return Err(Refusal::with(414, 10, "the request target is too long"));
    }
    check_method(&line[method.clone()])?;
    let parts = parse_target(&line[target.clone()], &line[method.clone()])?;
    let within = |range: std::ops::Range<usize>| {
        Span::new(target.start + range.start, target.start + range.end)
    };
    head.method = Span::new(method.start, method.end);
    head.target = Span::new(target.start, target.end);
    head.path = within(parts.path);
    head.query = parts.query.map(within);
    let url_authority = parts.authority.map(within);
    parse_fields(&mut head.fields, line_end, limits)?;
    head.authority = authority(head, url_authority)?;
    head.host = head.authority.first(host_name(head.authority()).len());
    Ok(())
}

type Part = std::ops::Range<usize>;

// Exactly two blanks: whatever else a lenient reader takes for one is a way to hide a
// second target from a strict one (rule 5).
fn split_line(line: &[u8]) -> Result<(Part, Part, Version), Refusal> {
    let shape = Refusal::bad(5, "the request line is not METHOD TARGET VERSION");
    let first = memchr::memchr(b' ', line).ok_or(shape)?;
    let second = memchr::memchr(b' ', &line[first + 1..]).ok_or(shape)? + first + 1;
    if first == 0 || second == first + 1 {
        return Err(shape);
    }
    let version = match &line[second + 1..] {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        [b'H', b'T', b'T', b'P', b'/', b'2'..=b'9', b'.', b'0'..=b'9'] => {
            return Err(Refusal::with(
                505,
                14,
                "this version of HTTP is not spoken here",
            ));
        }
        [b'H', b'T', b'T', b'P', b'/', ..] => {
            return Err(Refusal::bad(14, "the version is not an HTTP version"));
        }
        _ => return Err(shape),
    };
    Ok((0..first, first + 1..second, version))
}

fn check_method(method: &[u8]) -> Result<(), Refusal> {
    if !is_token(method) {
        return Err(Refusal::bad(6, "the method is not a token"));
    }
    if method.len() > MAX_METHOD {
        return Err(Refusal::with(501, 6, "the method is too long"));
    }
    match method {
        b"CONNECT" => Err(Refusal::with(405, 8, "CONNECT is not spoken here")),
        b"TRACE" => Err(Refusal::with(405, 9, "TRACE is not spoken here")),
        _ => Ok(()),
    }
}

/// The one authority of the request: the target's wins, and must agree with Host
/// (rules 13 and 15, RFC 9112 section 3.2).
fn authority(head: &RequestHead, url: Option<Span>) -> Result<Span, Refusal> {
    let arena = &head.fields.arena;
    let mut hosts = head.fields.spans(Known::Host);
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(Refusal::bad(15, "Host stands twice"));
    }
    let Some(host) = host else {
        return match (head.version, url) {
            (Version::Http11, _) => Err(Refusal::bad(15, "Host is missing")),
            (Version::Http10, url) => Ok(url.unwrap_or_default()),
        };
    };
    if !is_host(host.of(arena)) {
        return Err(Refusal::bad(15, "Host is not a host"));
    }
    match url {
        Some(url) if !url.of(arena).eq_ignore_ascii_case(host.of(arena)) => {
            Err(Refusal::bad(13, "the URL names another host than Host"))
        }
        _ => Ok(host),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::tests::LIMITS;
    use super::{RequestHead, Version, parse_request};
    use crate::http::{Known, Limits, OddNames};

    fn parse(text: &str) -> Result<RequestHead, (u16, u8)> {
        let mut head = RequestHead::default();
        parse_request(text.as_bytes(), &LIMITS, &mut head).map_err(|r| (r.status, r.rule))?;
        Ok(head)
    }

    fn line(line: &str) -> Result<RequestHead, (u16, u8)> {
        parse(&format!("{line}\r\nHost: a.com\r\n\r\n"))
    }

    fn field(field: &str) -> Result<RequestHead, (u16, u8)> {
        parse(&format!("GET / HTTP/1.1\r\nHost: a.com\r\n{field}\r\n\r\n"))
    }

    #[test]
    fn a_head_is_taken_apart() {
        let head = parse(
            "POST /a/b?c=d HTTP/1.1\r\nHost: Shop.example.com:8080\r\nX-A:\t one two \t\r\nX-A: 3\r\nEmpty:\r\n\r\n",
        )
        .unwrap();
        assert_eq!(head.method(), b"POST");
        assert_eq!(head.target(), b"/a/b?c=d");
        assert_eq!(head.path(), b"/a/b");
        assert_eq!(head.query(), Some(&b"c=d"[..]));
        assert_eq!(head.authority(), b"Shop.example.com:8080");
        assert_eq!(head.host(), b"Shop.example.com");
        let values: Vec<&[u8]> = head.fields.iter().map(|f| f.value).collect();
        assert_eq!(
            values,
            [&b"Shop.example.com:8080"[..], b"one two", b"3", b""]
        );
        assert_eq!(head.fields.named("x-a"), Some(&b"one two"[..]));
        assert_eq!(
            head.fields.get(Known::Host),
            Some(&b"Shop.example.com:8080"[..])
        );
    }

    #[test]
    fn rule_5_the_request_line_has_exactly_two_blanks() {
        for bad in [
            "GET  / HTTP/1.1",
            "GET / HTTP/1.1 ",
            "GET\t/ HTTP/1.1",
            "GET /\tHTTP/1.1",
            "GET / x HTTP/1.1",
            " GET / HTTP/1.1",
            "GET /",
            "GET",
        ] {
            let (status, rule) = line(bad).unwrap_err();
            assert!(
                status == 400 && matches!(rule, 5 | 6 | 14),
                "{bad:?} {status} {rule}"
            );
        }
    }

    #[test]
    fn rules_6_to_9_methods() {
        assert_eq!(line("G(T / HTTP/1.1").unwrap_err(), (400, 6));
        assert_eq!(
            line(&format!("{} / HTTP/1.1", "A".repeat(33))).unwrap_err(),
            (501, 6)
        );
        assert!(line("PURGE / HTTP/1.1").is_ok());
        assert_eq!(line("CONNECT a:80 HTTP/1.1").unwrap_err(), (405, 8));
        assert_eq!(line("TRACE / HTTP/1.1").unwrap_err(), (405, 9));
    }

    #[test]
    fn rule_10_a_target_has_a_limit() {
        assert!(line(&format!("GET /{} HTTP/1.1", "a".repeat(255))).is_ok());
        assert_eq!(
            line(&format!("GET /{} HTTP/1.1", "a".repeat(256))).unwrap_err(),
            (414, 10)
        );
    }

    #[test]
    fn rule_13_the_url_of_an_absolute_target_agrees_with_host() {
        let head = parse("GET HTTP://A.com HTTP/1.1\r\nHost: a.com\r\n\r\n").unwrap();
        assert_eq!((head.path(), head.host()), (&b"/"[..], &b"a.com"[..]));
        let head = parse("OPTIONS http://a.com HTTP/1.1\r\nHost: a.com\r\n\r\n").unwrap();
        assert_eq!(head.path(), b"*");
        assert_eq!(
            parse("GET http://b.com/ HTTP/1.1\r\nHost: a.com\r\n\r\n").unwrap_err(),
            (400, 13)
        );
    }

    #[test]
    fn rule_14_two_versions_are_spoken() {
        assert_eq!(line("GET / HTTP/1.0").unwrap().version, Version::Http10);
        assert_eq!(line("GET / HTTP/2.0").unwrap_err(), (505, 14));
        assert_eq!(line("PRI * HTTP/2.0").unwrap_err(), (505, 14));
        for bad in [
            "GET / HTTP/1.2",
            "GET / HTTP/0.9",
            "GET / http/1.1",
            "GET / HTTP/1.10",
            "GET / HTTPS/1.1",
        ] {
            assert_eq!(line(bad).unwrap_err().0, 400, "{bad}");
        }
    }

    #[test]
    fn rule_15_one_host() {
        let bare = "GET / HTTP/1.1\r\n\r\n";
        assert_eq!(parse(bare).unwrap_err(), (400, 15));
        assert!(
            parse("GET / HTTP/1.0\r\n\r\n")
                .unwrap()
                .authority()
                .is_empty()
        );
        for bad in ["Host: a.com", "Host: b.com"] {
            assert_eq!(field(bad).unwrap_err(), (400, 15));
        }
        for bad in ["", "u@a", "a/b", "a,b", "a b"] {
            let text = format!("GET / HTTP/1.1\r\nHost: {bad}\r\n\r\n");
            assert_eq!(parse(&text).unwrap_err(), (400, 15), "{bad:?}");
        }
    }

    #[test]
    fn rules_4_and_16_to_18_fields() {
        assert_eq!(
            parse("GET / HTTP/1.1\r\n Host: a\r\n\r\n").unwrap_err(),
            (400, 4)
        );
        for bad in [
            "A : b",
            "A\t: b",
            ": b",
            "A",
            "A b: c",
            "\u{e9}: b",
            "A\0: b",
            "(a): b",
        ] {
            assert_eq!(field(bad).unwrap_err(), (400, 16), "{bad:?}");
        }
        assert_eq!(field("A: b\r\n c").unwrap_err(), (400, 17));
        for bad in ["A: \0", "A: b\u{1}", "A: \u{7f}", "A: \u{b}b"] {
            assert_eq!(field(bad).unwrap_err(), (400, 18), "{bad:?}");
        }
        assert!(field("A: \u{e9}\tb").is_ok());
    }

    #[test]
    fn rule_19_a_head_has_few_fields() {
        let fields = |n: usize| vec!["A: b"; n].join("\r\n");
        assert!(field(&fields(7)).is_ok());
        assert_eq!(field(&fields(8)).unwrap_err(), (431, 19));
        // However they are called.
        assert_eq!(field(&["A_B: c"; 8].join("\r\n")).unwrap_err(), (431, 19));
    }

    #[test]
    fn rule_20_odd_names_are_dropped_refused_or_kept() {
        let with = |name: &str, odd_names| {
            let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{name}: 1\r\n\r\n");
            let mut head = RequestHead::default();
            let limits = Limits {
                odd_names,
                ..LIMITS
            };
            parse_request(text.as_bytes(), &limits, &mut head)
                .map(|()| head.fields.iter().count())
                .map_err(|r| r.rule)
        };
        assert_eq!(with("X_Real_IP", OddNames::Drop), Ok(1));
        assert_eq!(with("X_Real_IP", OddNames::Reject), Err(20));
        assert_eq!(with("X_Real_IP", OddNames::Keep), Ok(2));
        for like in [
            "Content--Length",
            "ContentLength",
            "-content-length",
            "Transfer-Encoding-",
            "Trans-ferEncoding",
        ] {
            assert_eq!(with(like, OddNames::Drop), Ok(1), "{like}");
            assert_eq!(with(like, OddNames::Reject), Err(20), "{like}");
        }
        for unlike in ["Content-Length2", "Content-Encoding", "X-Content-Length"] {
            assert_eq!(with(unlike, OddNames::Reject), Ok(2), "{unlike}");
        }
    }
}
