//! What the words about a probe speak of, and putting it into them.

use std::borrow::Cow;
use std::time::Duration;

/// Longest piece of a node's own answer that is repeated, in characters.
const QUOTED: usize = 120;

/// What the words about one probe speak of. What a probe did not come to is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Where it connected to, or tried to.
    pub address: String,
    /// The name looked up.
    pub name: String,
    /// How long it waited.
    pub waited: Duration,
    /// The method asked with.
    pub method: &'static str,
    /// The path asked for.
    pub path: String,
    /// The Host sent.
    pub host: String,
    /// The status answered.
    pub status: Option<u16>,
    /// The codes that pass, as in the document.
    pub expected: String,
    /// What the body should hold.
    pub wanted: String,
    /// What the node said, or the system of it, fit to be shown: see [`quoted`].
    pub said: String,
}

/// Text of somebody else's, cut to a length and without anything that could move a
/// terminal's cursor or hide what follows.
pub fn quoted(bytes: &[u8]) -> String {
    // Enough bytes for as many characters, whatever the script.
    let head = &bytes[..bytes.len().min(QUOTED * 4)];
    let text = String::from_utf8_lossy(head);
    let shown = text.chars().take(QUOTED);
    let mut safe = String::new();
    for c in shown {
        match c {
            // Not what `escape_debug` does with them: these harm nobody.
            '"' | '\'' | '\\' => safe.push(c),
            c => safe.extend(c.escape_debug()),
        }
    }
    safe
}

impl Facts {
    /// `words` with each `{fact}` in its place.
    pub(super) fn fill(&self, words: &str) -> String {
        let mut text = String::new();
        let mut rest = words;
        // What a fact says is not looked at again: a node may say «{path}».
        while let Some((before, behind)) = rest.split_once('{') {
            text.push_str(before);
            let Some((name, behind)) = behind.split_once('}') else {
                text.push('{');
                rest = behind;
                break;
            };
            match self.named(name) {
                Some(fact) => text.push_str(&fact),
                // A table as it stands in a document.
                None => text.extend(["{", name, "}"]),
            }
            rest = behind;
        }
        text.push_str(rest);
        text
    }

    /// The fact of this name; none where there is no such fact.
    pub(super) fn named(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(match name {
            "address" => self.address.as_str().into(),
            "name" => self.name.as_str().into(),
            "waited" => format!("{:?}", self.waited).into(),
            "method" => self.method.into(),
            "path" => self.path.as_str().into(),
            "exempt" => self.exempt().into(),
            "host" => self.host.as_str().into(),
            "allowed" => self.allowed().into(),
            "status" => self
                .status
                .map_or_else(String::new, |s| s.to_string())
                .into(),
            "expected" => self.expected.as_str().into(),
            "wanted" => self.wanted.as_str().into(),
            "said" => self.said.as_str().into(),
            _ => return None,
        })
    }

    // As Django compares it: without the port, an IPv6 address in its brackets.
    fn allowed(&self) -> &str {
        match self.host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => &self.host,
        }
    }

    // As Django compares it: without the first slash and the query.
    fn exempt(&self) -> &str {
        let path = self.path.split('?').next().unwrap_or_default();
        path.strip_prefix('/').unwrap_or(path)
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, quoted};

    #[test]
    fn what_a_node_said_cannot_move_a_cursor_nor_fill_a_screen() {
        assert_eq!(quoted(b"-ERR \"no\""), "-ERR \"no\"");
        assert_eq!(quoted(b"\x1b[2J\r\n\0"), "\\u{1b}[2J\\r\\n\\0");
        assert_eq!(quoted("a\u{202e}b".as_bytes()), "a\\u{202e}b");
        assert_eq!(quoted("中文".as_bytes()), "中文");
        assert_eq!(quoted(&[b'a'; 5000]).len(), 120);
        assert!(quoted(&[0xff; 5000]).chars().count() <= 120);
    }

    #[test]
    fn a_fact_is_put_in_its_place_and_not_looked_at_again() {
        let facts = Facts {
            said: "{path}".into(),
            path: "/up".into(),
            status: Some(302),
            ..Facts::default()
        };
        assert_eq!(
            facts.fill("{status} to {path}: {said}."),
            "302 to /up: {path}."
        );
        for words in ["nothing", "a = { b = \"c\" }", "{", "}"] {
            assert_eq!(facts.fill(words), words);
        }
    }

    #[test]
    fn the_lines_for_django_are_as_django_compares() {
        for (host, allowed) in [
            ("shop.example.com", "shop.example.com"),
            ("10.0.0.1:8000", "10.0.0.1"),
            ("[::1]:8000", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            let facts = Facts {
                host: host.into(),
                ..Facts::default()
            };
            assert_eq!(facts.fill("{allowed}"), allowed);
        }
        for (path, exempt) in [("/", ""), ("/up?full=1", "up"), ("/a/b/", "a/b/")] {
            let facts = Facts {
                path: path.into(),
                ..Facts::default()
            };
            assert_eq!(facts.fill("{exempt}"), exempt);
        }
    }
}
