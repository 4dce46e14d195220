//! A redirect: where a client is sent instead.

use std::fmt;

/// Where a client is sent instead, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The URL.
    pub to: RedirectTo,
    /// One of [`Redirect::STATUSES`].
    pub status: u16,
}

impl Redirect {
    /// The statuses that send a client elsewhere (RFC 9110 section 15.4). 307 and 308 keep
    /// the method and the body.
    pub const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];

    /// A lasting redirect to `to`.
    pub fn new(to: RedirectTo) -> Self {
        Self { to, status: 301 }
    }
}

/// A URL with places for what was asked: `https://{host}{uri}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectTo {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Scheme,
    Host,
    Path,
    Uri,
    Query,
}

impl Part {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "scheme" => Self::Scheme,
            "host" => Self::Host,
            "path" => Self::Path,
            "uri" => Self::Uri,
            "query" => Self::Query,
            _ => return None,
        })
    }
}

/// What stands in the places of a [`RedirectTo`].
#[derive(Debug, Clone, Copy)]
pub struct AskedUrl<'r> {
    /// `{scheme}`: `http` or `https`.
    pub scheme: &'r str,
    /// `{host}`: without a port, as nginx's `$host`.
    pub host: &'r [u8],
    /// `{path}`: as it was sent. With the query it is `{uri}`.
    pub path: &'r [u8],
    /// `{query}`: what followed the `?`, or nothing.
    pub query: Option<&'r [u8]>,
}

impl RedirectTo {
    /// Takes `text` as a URL with places. It is a path or an http(s) URL whatever fills them:
    /// no query may become a host.
    ///
    /// # Errors
    /// The phrase for the operator when it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(bad) = text.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(format!(
                "must be written as it stands in a URL, with %XX for blanks and letters beyond ASCII (has {bad:?})"
            ));
        }
        let parts = parts(text)?;
        let to = Self {
            text: text.to_owned(),
            parts,
        };
        // NUL stands for what a client may choose freely, and so must not be in a host.
        let sample = AskedUrl {
            scheme: "http",
            host: b"host",
            path: b"/\0",
            query: Some(b"\0"),
        };
        if leads_somewhere(&to.put_in(&sample), to.is_hostless()) {
            Ok(to)
        } else {
            Err(format!(
                "must be a path or a URL, such as /new/ or https://{{host}}{{uri}} (is {text:?})"
            ))
        }
    }

    /// The template as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL for what was `asked`; none where that cannot stand in one, or would lead to
    /// a host of the client's choice.
    pub fn fill(&self, asked: &AskedUrl<'_>) -> Option<String> {
        let names_host = self.parts.contains(&Part::Host);
        let filled = self.put_in(asked);
        let sound = filled.iter().all(u8::is_ascii_graphic)
            && !(names_host && asked.host.is_empty())
            && leads_somewhere(&filled, self.is_hostless());
        String::from_utf8(filled).ok().filter(|_| sound)
    }

    /// Whether the operator did not write `//host/…`.
    fn is_hostless(&self) -> bool {
        !self.text.starts_with("//")
    }

    fn put_in(&self, asked: &AskedUrl<'_>) -> Vec<u8> {
        let mut url = Vec::with_capacity(self.text.len() + asked.path.len());
        for part in &self.parts {
            match part {
                Part::Text(text) => url.extend_from_slice(text.as_bytes()),
                Part::Scheme => url.extend_from_slice(asked.scheme.as_bytes()),
                Part::Host => url.extend_from_slice(asked.host),
                Part::Path => url.extend_from_slice(asked.path),
                Part::Uri => {
                    url.extend_from_slice(asked.path);
                    if let Some(query) = asked.query {
                        url.push(b'?');
                        url.extend_from_slice(query);
                    }
                }
                Part::Query => url.extend_from_slice(asked.query.unwrap_or_default()),
            }
        }
        url
    }
}

impl fmt::Display for RedirectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether `url` is a path (one that no browser takes for a host, where `hostless`), or has
/// a scheme and a host.
fn leads_somewhere(url: &[u8], hostless: bool) -> bool {
    let host = |rest: &[u8]| {
        let end = rest.iter().position(|b| b"/?#\\".contains(b));
        let host = &rest[..end.unwrap_or(rest.len())];
        !host.is_empty() && !host.contains(&0)
    };
    let with_scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    match (with_scheme, url) {
        (Some(rest), _) => host(rest),
        (None, [b'/', b'/' | b'\\', rest @ ..]) => !hostless && host(rest),
        (None, [b'/', ..]) => true,
        (None, _) => false,
    }
}

fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(brace) = rest.find(['{', '}']) {
        let place = rest[brace..]
            .strip_prefix('{')
            .and_then(|after| after.split_once('}'));
        let part = place.and_then(|(name, after)| Some((Part::of(name)?, after)));
        let Some((part, after)) = part else {
            return Err(format!(
                "may hold {{scheme}}, {{host}}, {{path}}, {{uri}} and {{query}} in braces (is {text:?})"
            ));
        };
        if brace > 0 {
            parts.push(Part::Text(rest[..brace].to_owned()));
        }
        parts.push(part);
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::{AskedUrl, RedirectTo};
    use proptest::prelude::{any, prop_assert, proptest};

    fn filled(to: &str, path: &str, query: Option<&str>) -> Option<String> {
        let asked = AskedUrl {
            scheme: "http",
            host: b"a.com",
            path: path.as_bytes(),
            query: query.map(str::as_bytes),
        };
        RedirectTo::parse(to).unwrap().fill(&asked)
    }

    #[test]
    fn what_was_asked_is_put_in() {
        for (to, path, query, url) in [
            (
                "https://{host}{uri}",
                "/a",
                Some("b=c"),
                "https://a.com/a?b=c",
            ),
            ("https://{host}{uri}", "/a", None, "https://a.com/a"),
            (
                "{scheme}://www.{host}:8080{path}?{query}",
                "/a",
                Some("b"),
                "http://www.a.com:8080/a?b",
            ),
            ("/new/", "/old", Some("x"), "/new/"),
            ("{path}/", "/a", None, "/a/"),
            ("/new{uri}", "//a", Some(""), "/new//a?"),
            ("//other.com{path}", "/a", None, "//other.com/a"),
            ("https://b.com/#x", "/a", None, "https://b.com/#x"),
        ] {
            assert_eq!(filled(to, path, query).as_deref(), Some(url), "{to}");
        }
    }

    #[test]
    fn a_template_is_a_url_whatever_is_put_in() {
        for bad in [
            "",
            "a",
            "{query}",
            "{host}",
            "{host}{uri}",
            "javascript:alert(1)",
            "/{path}",
            "/{uri}",
            "https://{uri}",
            "https://{query}",
            "https://{host}{query}",
            "https://",
            "http:/{path}",
            "{scheme}://",
            "{scheme}:{path}",
            "/a b",
            "/é",
            "/a\r\nX: y",
            "/\0",
            "/{a}",
            "/{",
            "/}",
            "/{host",
            "//{path}",
            "\\\\a",
        ] {
            assert!(RedirectTo::parse(bad).is_err(), "{bad:?} passed");
        }
    }

    #[test]
    fn a_client_cannot_choose_the_host() {
        assert_eq!(filled("{path}/", "//evil.com", None), None);
        assert_eq!(filled("{uri}", "//evil.com", Some("a")), None);
        assert_eq!(filled("{uri}", "/\\evil.com", None), None);
        assert_eq!(
            filled("https://{host}{uri}", "//x", None).as_deref(),
            Some("https://a.com//x")
        );
        let nameless = AskedUrl {
            scheme: "http",
            host: b"",
            path: b"/",
            query: None,
        };
        let to = RedirectTo::parse("https://www.{host}/").unwrap();
        assert_eq!(to.fill(&nameless), None);
    }

    proptest! {
        #[test]
        fn whatever_is_asked_stays_on_its_line_and_its_host(
            path in any::<Vec<u8>>(), query in any::<Option<Vec<u8>>>(), host in any::<Vec<u8>>(),
        ) {
            for to in ["https://shop.com{uri}", "{path}", "{uri}", "/x?{query}", "https://{host}{path}"] {
                let asked = AskedUrl { scheme: "https", host: &host, path: &path, query: query.as_deref() };
                if let Some(url) = RedirectTo::parse(to).unwrap().fill(&asked) {
                    prop_assert!(url.bytes().all(|b| b.is_ascii_graphic()));
                    prop_assert!(!url.starts_with("//"));
                    prop_assert!(url.starts_with('/') || url.starts_with("https://"));
                }
            }
        }
    }
}
