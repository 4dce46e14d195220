//! The path of a route, and the one spelling in which paths are compared.

use std::borrow::Cow;
use std::fmt;

/// The path of a route: begins with `/`, holds no query and no dot segment. Kept in its
/// [`one_spelling`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoutePath(String);

impl RoutePath {
    /// Takes `text` as a path.
    ///
    /// # Errors
    /// The phrase for the operator when it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("must start with / (is {text:?})"));
        }
        if text.contains(['?', '#']) {
            return Err("must be a path without ? or #".into());
        }
        if !text.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
            return Err(format!(
                "must be written as it stands in a URL, with %XX for blanks and letters beyond ASCII (is {text:?})"
            ));
        }
        let spelled = one_spelling(text.as_bytes());
        let spelled = String::from_utf8_lossy(&spelled).into_owned();
        // One that is none is spelled as the % that it is.
        if spelled.matches("%25").count() != text.matches("%25").count() {
            return Err(format!("holds a % that encodes nothing (is {text:?})"));
        }
        if spelled.split('/').any(|s| s == "." || s == "..") || spelled.contains("//") {
            return Err("must not hold empty segments, . or ..".into());
        }
        Ok(Self(spelled))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `path` as every path is spelled to find its route: `%XX` stands for itself only where
/// the character cannot stand in a path, or would be a slash or a percent sign; its digits
/// are capital. Files and most nodes decode all of it, so a route that could be missed by
/// another spelling would guard nothing.
pub fn one_spelling(path: &[u8]) -> Cow<'_, [u8]> {
    if path.iter().all(|b| *b == b'/' || is_plain(*b)) {
        return Cow::Borrowed(path);
    }
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some(character) = Character::first(rest) {
        if character.is_raw {
            out.push(character.byte);
        } else {
            out.extend_from_slice(format!("%{:02X}", character.byte).as_bytes());
        }
        rest = &rest[character.used..];
    }
    Cow::Owned(out)
}

/// How many bytes of `path`, as it was sent, are `length` bytes in its [`one_spelling`].
pub fn length_as_sent(path: &[u8], length: usize) -> usize {
    let (mut sent, mut spelled) = (0, 0);
    while spelled < length
        && let Some(character) = Character::first(&path[sent..])
    {
        sent += character.used;
        spelled += if character.is_raw { 1 } else { 3 };
    }
    sent
}

/// One character of a path.
struct Character {
    byte: u8,
    /// Whether its one spelling is the byte itself.
    is_raw: bool,
    /// Bytes it takes as it was sent.
    used: usize,
}

impl Character {
    fn first(path: &[u8]) -> Option<Self> {
        let digit = |i: usize| path.get(i).and_then(|b| char::from(*b).to_digit(16));
        let byte = *path.first()?;
        if byte == b'%'
            && let (Some(high), Some(low)) = (digit(1), digit(2))
            && let Ok(byte) = u8::try_from(high * 16 + low)
        {
            return Some(Self {
                byte,
                is_raw: is_plain(byte),
                used: 3,
            });
        }
        Some(Self {
            byte,
            is_raw: byte == b'/' || is_plain(byte),
            used: 1,
        })
    }
}

/// Whether a request's path may hold the byte as it is, and it means nothing there.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@|[]".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{RoutePath, length_as_sent, one_spelling};
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    fn spelled(path: &str) -> String {
        String::from_utf8(one_spelling(path.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn a_path_begins_with_a_slash_and_goes_nowhere_else() {
        for good in ["/", "/static/", "/a/b.c", "/%E4%B8%AD", "/100%25"] {
            assert_eq!(RoutePath::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "static/",
            "/a?b",
            "/a#b",
            "/a b",
            "/中",
            "/a/../b",
            "/a//b",
            "/.",
            "/\r\n",
            "/%2e%2E/b",
            "/%",
            "/%4",
            "/%zz",
        ] {
            assert!(RoutePath::parse(bad).is_err(), "{bad:?} passed");
        }
        assert_eq!(RoutePath::parse("/%7euser/").unwrap().as_str(), "/~user/");
        assert_eq!(RoutePath::parse("/{a}").unwrap().as_str(), "/%7Ba%7D");
    }

    #[test]
    fn a_path_has_one_spelling() {
        for (sent, one) in [
            ("/static/%70rivate/x", "/static/private/x"),
            ("/%73%74%61%74%69%63/", "/static/"),
            ("/a%2db%2Ec%5F%7e", "/a-b.c_~"),
            ("/a%24b%40", "/a$b@"),
            ("/%e4%b8%ad", "/%E4%B8%AD"),
            ("/a%2fb%5c", "/a%2Fb%5C"),
            ("/%2570rivate", "/%2570rivate"),
            ("/a%20b", "/a%20b"),
            ("*", "*"),
        ] {
            assert_eq!(spelled(sent), one, "{sent}");
            assert_eq!(spelled(one), one);
        }
    }

    proptest! {
        #[test]
        fn what_one_spelling_begins_with_is_found_in_what_was_sent(
            sent in "/([a-c/]|%2[fF5e]|%6[1-3]|%[eE]4){0,12}", cut in 0_usize..16,
        ) {
            let (before, after) = sent.split_at(cut.min(sent.len()));
            // Never within an escape.
            if !before.ends_with('%') && !before[..before.len().saturating_sub(1)].ends_with('%') {
                let length = one_spelling(before.as_bytes()).len();
                prop_assert_eq!(length_as_sent(sent.as_bytes(), length), before.len());
                prop_assert_eq!(spelled(before) + &spelled(after), spelled(&sent));
            }
            prop_assert!(RoutePath::parse(&sent).is_err() || !spelled(&sent).contains("//"));
        }
    }
}
