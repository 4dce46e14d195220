//! The request target: which of its four forms, and where its parts lie (rules 8 to 13, 50).

use std::ops::Range;

use super::Refusal;
use super::host::is_host;
use super::token::{is_path, is_query};

/// The parts of a target, as ranges of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TargetParts {
    /// The authority of an absolute-form target.
    pub(super) authority: Option<Range<usize>>,
    /// The path; `*` for the whole server. Empty is `/`.
    pub(super) path: Range<usize>,
    /// What follows `?`.
    pub(super) query: Option<Range<usize>>,
}

/// Takes `target` apart.
pub(super) fn parse_target(target: &[u8], method: &[u8]) -> Result<TargetParts, Refusal> {
    if target == b"*" {
        return if method == b"OPTIONS" {
            Ok(TargetParts {
                authority: None,
                path: 0..1,
                query: None,
            })
        } else {
            Err(Refusal::bad(12, "only OPTIONS may ask for *"))
        };
    }
    let (authority, path_start) = match target.first() {
        Some(b'/') => (None, 0),
        _ => absolute(target)?,
    };
    let mark = memchr::memchr(b'?', &target[path_start..]).map(|i| path_start + i);
    let path = path_start..mark.unwrap_or(target.len());
    let query = mark.map(|mark| mark + 1..target.len());
    if !is_path(&target[path.clone()]) || !query.clone().is_none_or(|q| is_query(&target[q])) {
        return Err(Refusal::bad(
            11,
            "the target holds a character that a URL cannot",
        ));
    }
    check_path(&target[path.clone()])?;
    Ok(TargetParts {
        authority,
        path,
        query,
    })
}

fn absolute(target: &[u8]) -> Result<(Option<Range<usize>>, usize), Refusal> {
    let scheme = ["http://", "https://"].into_iter().find(|scheme| {
        target
            .get(..scheme.len())
            .is_some_and(|t| t.eq_ignore_ascii_case(scheme.as_bytes()))
    });
    let Some(scheme) = scheme else {
        return Err(Refusal::bad(12, "the target is neither a path nor a URL"));
    };
    let start = scheme.len();
    let end = target[start..]
        .iter()
        .position(|b| matches!(b, b'/' | b'?' | b'#'))
        .map_or(target.len(), |i| start + i);
    if !is_host(&target[start..end]) {
        return Err(Refusal::bad(13, "the URL's host is not a host"));
    }
    Ok((Some(start..end), end))
}

/// Refuses what a node could read as another path than the one we route by: escapes that
/// are none, encoded NUL, CR and LF, overlong UTF-8, and `..` above the root, for a reader
/// that takes `%2f` and `%5c` for slashes as well.
fn check_path(path: &[u8]) -> Result<(), Refusal> {
    // Without either byte there is nothing to decode and no way up.
    if memchr::memchr2(b'%', b'.', path).is_none() {
        return Ok(());
    }
    let (mut plain, mut decoding) = (Depth::default(), Depth::default());
    for segment in path.split(|b| *b == b'/').skip(1) {
        let mut decoded = Decoded(segment);
        let mut before = 0;
        while let Some(byte) = decoded.next_byte()? {
            let overlong = matches!(byte, 0xc0 | 0xc1 | 0xf5..)
                || before == 0xe0 && (0x80..0xa0).contains(&byte)
                || before == 0xf0 && (0x80..0x90).contains(&byte);
            if overlong {
                return Err(Refusal::bad(50, "the path holds overlong UTF-8"));
            }
            before = byte;
            plain.see(byte);
            match byte {
                b'/' | b'\\' => decoding.end_segment()?,
                _ => decoding.see(byte),
            }
        }
        plain.end_segment()?;
        decoding.end_segment()?;
    }
    Ok(())
}

/// How far below the root a reader of the path stands.
#[derive(Default)]
struct Depth {
    segments: i32,
    /// Bytes and dots of the segment being read.
    length: usize,
    dots: usize,
}

impl Depth {
    fn see(&mut self, byte: u8) {
        self.length += 1;
        self.dots += usize::from(byte == b'.');
    }

    fn end_segment(&mut self) -> Result<(), Refusal> {
        match (self.length, self.dots) {
            (2, 2) => self.segments -= 1,
            (0, _) | (1, 1) => {}
            _ => self.segments += 1,
        }
        if self.segments < 0 {
            return Err(Refusal::bad(50, "the path leaves its root"));
        }
        (self.length, self.dots) = (0, 0);
        Ok(())
    }
}

struct Decoded<'a>(&'a [u8]);

impl Decoded<'_> {
    fn next_byte(&mut self) -> Result<Option<u8>, Refusal> {
        let Some((first, rest)) = self.0.split_first() else {
            return Ok(None);
        };
        if *first != b'%' {
            self.0 = rest;
            return Ok(Some(*first));
        }
        let digit = |i: usize| rest.get(i).and_then(|b| char::from(*b).to_digit(16));
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err(Refusal::bad(50, "the path holds a % that encodes nothing"));
        };
        self.0 = &rest[2..];
        match u8::try_from(high * 16 + low) {
            Ok(0 | b'\r' | b'\n') | Err(_) => {
                Err(Refusal::bad(50, "the path holds an encoded NUL, CR or LF"))
            }
            Ok(byte) => Ok(Some(byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_target;

    fn rule(target: &str) -> Option<u8> {
        parse_target(target.as_bytes(), b"GET")
            .err()
            .map(|r| r.rule)
    }

    #[test]
    fn a_path_and_its_query_are_told_apart() {
        let parts = parse_target(b"/a/b?c=d?e", b"GET").unwrap();
        assert_eq!((parts.path, parts.query), (0..4, Some(5..10)));
        let parts = parse_target(b"HTTP://a.com:80/x", b"GET").unwrap();
        assert_eq!((parts.authority, parts.path), (Some(7..15), 15..17));
        let parts = parse_target(b"http://a.com?q", b"GET").unwrap();
        assert_eq!((parts.path, parts.query), (12..12, Some(13..14)));
        assert!(parse_target(b"*", b"OPTIONS").is_ok());
    }

    #[test]
    fn rule_11_what_a_url_cannot_hold_is_refused() {
        for bad in [
            "/a\"", "/a<", "/a>", "/a#b", "/\u{e9}", "/a\u{7f}", "/a\tb", "/a{", "/a\\b", "/?a#",
        ] {
            assert_eq!(rule(bad), Some(11), "{bad:?}");
        }
        for good in ["/a|b", "/?{}|^\\`[]", "/a[0]", "/?'", "/a;b=c,d"] {
            assert_eq!(rule(good), None, "{good:?}");
        }
    }

    #[test]
    fn rules_12_and_13_other_forms_are_refused() {
        for bad in ["*", "*x", "a.com:80", "a", "ftp://a/"] {
            assert_eq!(rule(bad), Some(12), "{bad:?}");
        }
        for bad in ["http://u@a/", "http:///x", "http://a,b/"] {
            assert_eq!(rule(bad), Some(13), "{bad:?}");
        }
    }

    #[test]
    fn rule_50_a_path_means_one_thing() {
        for bad in [
            "/..",
            "/a/../..",
            "/%2e%2e",
            "/a/.%2E/../b",
            "/..%2f",
            "/a/..%2F..%2fb",
            "/a/..%5c%2e.",
            "/%00",
            "/%0d",
            "/%0A",
            "/%c0%af",
            "/%e0%80%80",
            "/%zz",
            "/%2",
        ] {
            assert_eq!(rule(bad), Some(50), "{bad:?}");
        }
        for good in [
            "/a/..",
            "/a/./b",
            "/...",
            "/%E4%B8%AD",
            "/%2f",
            "/a/..%2fb",
            "/?%zz",
        ] {
            assert_eq!(rule(good), None, "{good:?}");
        }
    }
}
