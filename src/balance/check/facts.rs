//! What the words about a probe speak of, and putting it into them.

use std::borrow::Cow;
use std::time::Duration;

use crate::model::Language;

/// Longest piece of a node's own answer that is repeated, in characters.
const QUOTED: usize = 120;

/// What the words about one probe speak of. What a probe did not come to is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Where it connected to, or tried to.
    pub address: String,
    /// The name looked up.
    pub name: String,
    /// The name that its certificate must be for; none where it is spoken to in plain.
    pub asked: Option<String>,
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
    /// The rule of HTTP that the answer broke, by its number; 0 where it broke none. What it
    /// says is in `said`.
    pub rule: u8,
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
    /// `words`, which are of this language, with each `{fact}` in its place.
    pub(super) fn fill(&self, words: &str, language: Language) -> String {
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
            match self.named(name, language) {
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
    pub(super) fn named(&self, name: &str, language: Language) -> Option<Cow<'_, str>> {
        Some(match name {
            "address" => self.address.as_str().into(),
            "name" => self.name.as_str().into(),
            "asked" => self.asked.as_deref().unwrap_or_default().into(),
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
            "broken" if language == Language::Chinese => broken_in_chinese(self.rule).into(),
            "broken" => self.said.as_str().into(),
            _ => return None,
        })
    }

    /// The Host as Django compares it: without the port, an IPv6 address in its brackets.
    pub fn allowed(&self) -> &str {
        match self.host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => &self.host,
        }
    }

    /// The path as Django compares it: without the first slash and the query.
    pub fn exempt(&self) -> &str {
        let path = self.path.split('?').next().unwrap_or_default();
        path.strip_prefix('/').unwrap_or(path)
    }
}

// What an answer broke, by the number of the rule.
fn broken_in_chinese(rule: u8) -> &'static str {
    match rule {
        1 => "有一行仅以 LF 结尾",
        2 => "CR 之后没有 LF",
        3 => "应答之前有空行",
        4 => "第一个字段之前有空白",
        14 => "状态行有误",
        16 => "字段没有冒号，或字段名有误",
        17 => "字段折成了两行",
        18 => "字段值中有控制字符",
        19 => "总长、单个字段或字段数超过上限",
        20 => "字段名中有不允许的字符",
        21 => "Content-Length 不是有效的数字",
        22 => "Content-Length 出现了两次",
        24 | 41 => "Content-Length 与 Transfer-Encoding 同时出现",
        25 => "Transfer-Encoding 只能是一个 chunked",
        26 => "HTTP/1.0 中不能有 Transfer-Encoding",
        28 => "分块长度有误",
        29 => "分块扩展有误或过长",
        30 => "分块数据与其长度不符",
        _ => "格式有误",
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, quoted};
    use crate::model::Language;

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
            facts.fill("{status} to {path}: {said}.", Language::English),
            "302 to /up: {path}."
        );
        for words in ["nothing", "a = { b = \"c\" }", "{", "}"] {
            assert_eq!(facts.fill(words, Language::English), words);
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
            assert_eq!(facts.fill("{allowed}", Language::English), allowed);
        }
        for (path, exempt) in [("/", ""), ("/up?full=1", "up"), ("/a/b/", "a/b/")] {
            let facts = Facts {
                path: path.into(),
                ..Facts::default()
            };
            assert_eq!(facts.fill("{exempt}", Language::English), exempt);
        }
    }

    #[test]
    fn every_broken_rule_has_its_own_words_in_chinese_and_the_scanner_s_in_english() {
        let words = |rule, language| {
            let facts = Facts {
                rule,
                said: "said".into(),
                ..Facts::default()
            };
            facts.fill("{broken}", language)
        };
        let other = words(0, Language::Chinese);
        let mut seen = vec![other.clone()];
        let named = (1..=4).chain([14]).chain(16..=22).chain([24, 25, 26]);
        for rule in named.chain(28..=30) {
            let chinese = words(rule, Language::Chinese);
            assert!(
                chinese.chars().any(|c| ('一'..='龥').contains(&c)),
                "{chinese}"
            );
            assert!(!seen.contains(&chinese), "{rule}: {chinese}");
            seen.push(chinese);
            assert_eq!(words(rule, Language::English), "said");
        }
        assert_eq!(words(41, Language::Chinese), words(24, Language::Chinese));
        assert_eq!(words(99, Language::Chinese), other);
    }

    #[test]
    fn as_many_characters_are_quoted_whatever_their_script() {
        assert_eq!(quoted("秤".repeat(500).as_bytes()).chars().count(), 120);
        assert_eq!(
            quoted("\u{10348}".repeat(500).as_bytes()).chars().count(),
            120
        );
    }
}
