//! From the path of a URL to a path below the root.
//!
//! A request that means one file has one spelling. Whatever could mean another
//! one to a reader before us is refused, not mended: a route for
//! `/static/private/` must not be walked around by `/static//private/`.

/// A path below the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Segments joined by `/`, without one at either end; empty is the root.
    pub(super) path: String,
    /// The path of the URL ended in `/`.
    pub(super) directory: bool,
}

/// Why there is no such path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is an attack or a mistake (rule 50 of the HTTP rules): 400.
    Bad,
    /// It names something that is never served: 404.
    Hidden,
}

/// Reads what of the URL's `path` is below its prefix, `rest`, as it was sent.
///
/// `%XX` is decoded once. Bad: a broken `%`, what is not UTF-8, a control
/// character, `/` or `\` in disguise, `\` itself, and the segments `.` and
/// `..`. Hidden: a name that begins with a dot, and an empty segment.
pub(super) fn parse(path: &[u8], rest: &[u8]) -> Result<Wanted, Refused> {
    let prefix = &path[..path.len().saturating_sub(rest.len())];
    let below = if prefix.ends_with(b"/") {
        rest
    } else {
        // The prefix `/static` of `/static/x` leaves the slash to us.
        rest.strip_prefix(b"/").unwrap_or(rest)
    };
    let directory = path.ends_with(b"/");
    let below = below.strip_suffix(b"/").unwrap_or(below);
    let mut wanted = Wanted {
        path: String::with_capacity(below.len()),
        directory,
    };
    if below.is_empty() {
        // `/static//`: the second slash is an empty segment.
        return match path.ends_with(b"//") {
            true => Err(Refused::Hidden),
            false => Ok(wanted),
        };
    }
    for (place, segment) in below.split(|b| *b == b'/').enumerate() {
        if place > 0 {
            wanted.path.push('/');
        }
        wanted.path.push_str(&name(segment)?);
    }
    Ok(wanted)
}

/// One segment, decoded.
fn name(segment: &[u8]) -> Result<String, Refused> {
    let name = String::from_utf8(decode(segment)?).map_err(|_| Refused::Bad)?;
    let strange = |c: char| c.is_control() || matches!(c, '/' | '\\');
    if name.contains(strange) || matches!(&*name, "." | "..") {
        return Err(Refused::Bad);
    }
    if name.is_empty() || name.starts_with('.') {
        return Err(Refused::Hidden);
    }
    Ok(name)
}

fn decode(segment: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::with_capacity(segment.len());
    let mut rest = segment;
    while let Some((byte, after)) = rest.split_first() {
        if *byte == b'%' {
            let digits = after.get(..2).ok_or(Refused::Bad)?;
            let value = digits.iter().try_fold(0, |value, digit| {
                let digit = char::from(*digit).to_digit(16)?;
                Some(value * 16 + digit)
            });
            let value = value.and_then(|v| u8::try_from(v).ok());
            out.push(value.ok_or(Refused::Bad)?);
            rest = &after[2..];
        } else {
            out.push(*byte);
            rest = after;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::{Refused, Wanted, parse};
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    fn below(path: &[u8]) -> Result<Wanted, Refused> {
        parse(path, &path[1..])
    }

    #[test]
    fn a_plain_path_is_decoded_once() {
        for (path, prefix, wanted, directory) in [
            ("/static/css/base.css", "/static/", "css/base.css", false),
            ("/static/css/base.css", "/static", "css/base.css", false),
            ("/static/css/", "/static/", "css", true),
            ("/static/", "/static/", "", true),
            ("/static/", "/static", "", true),
            ("/static", "/static", "", false),
            ("/", "/", "", true),
            ("/a%20b/%e8%b5%84.txt", "/", "a b/资.txt", false),
            ("/资.txt", "/", "资.txt", false),
            ("/100%25", "/", "100%", false),
            ("/%252e%252e", "/", "%2e%2e", false),
            ("/a%3Fb%23", "/", "a?b#", false),
            ("/a..b/c.", "/", "a..b/c.", false),
        ] {
            let rest = path.strip_prefix(prefix).unwrap();
            let wanted = Wanted {
                path: wanted.into(),
                directory,
            };
            assert_eq!(
                parse(path.as_bytes(), rest.as_bytes()),
                Ok(wanted),
                "{path}"
            );
        }
    }

    #[test]
    fn what_could_mean_another_file_is_refused() {
        for path in [
            "/..",
            "/../a",
            "/a/..",
            "/a/../b",
            "/.",
            "/./a",
            "/%2e",
            "/%2e%2e/a",
            "/.%2E/a",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/..\\a",
            "/%00",
            "/a%00.css",
            "/a%0d%0ab",
            "/a%7f",
            "/%",
            "/a%2",
            "/%zz",
            "/%+1",
            "/%c0%ae%c0%ae/a",
            "/%c0%af",
            "/%ff",
            "/%ed%a0%80",
            "/%c2%9b",
        ] {
            assert_eq!(below(path.as_bytes()), Err(Refused::Bad), "{path}");
        }
        for path in [b"/\xff".as_slice(), b"/a\0", b"/a\n", b"/\xc0\xae"] {
            assert_eq!(below(path), Err(Refused::Bad), "{path:?}");
        }
    }

    #[test]
    fn dot_files_and_empty_segments_are_not_there() {
        for path in [
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/.git/config",
            "/a/.env",
            "/%2egit",
            "/...",
            "/.a/",
        ] {
            assert_eq!(below(path.as_bytes()), Err(Refused::Hidden), "{path}");
        }
        assert_eq!(parse(b"/static//a", b"//a"), Err(Refused::Hidden));
        assert_eq!(parse(b"/static//", b"//"), Err(Refused::Hidden));
    }

    proptest! {
        #[test]
        fn what_is_wanted_is_plain_names_below_the_root(path in vec(any::<u8>(), 0..40), hard in "/[./%2eEfF5cC]{0,20}") {
            for path in [path.as_slice(), hard.as_bytes()] {
                let Ok(wanted) = parse(path, path) else { continue };
                for name in wanted.path.split('/').filter(|_| !wanted.path.is_empty()) {
                    prop_assert!(!name.is_empty() && !name.starts_with('.'));
                    prop_assert!(!name.contains(['\\', '\0']));
                }
            }
        }

        #[test]
        fn encoding_every_byte_of_a_name_changes_nothing(name in "[^./\\\\\\pC][^/\\\\\\pC]{0,10}") {
            let encoded: String = name.bytes().map(|b| format!("%{b:02x}")).collect();
            let wanted = below(format!("/{encoded}").as_bytes());
            prop_assert_eq!(wanted.map(|w| w.path), Ok(name));
        }
    }
}
