//! What may follow a chunk's size (rule 29).

use super::token::{is_token, is_value, trim};

/// `token [ "=" ( token / quoted-string ) ]`, more of them after `;`, blanks around the
/// marks (RFC 9112 section 7.1.1). `text` begins after the first `;`.
pub(super) fn is_extension(text: &[u8]) -> bool {
    let mut quoted = false;
    let mut escaped = false;
    let mut parts = vec![Vec::new()];
    for &byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => {
                parts.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(byte);
        }
    }
    !quoted && is_value(text) && parts.iter().all(|part| is_extension_part(part))
}

fn is_extension_part(part: &[u8]) -> bool {
    let mark = part.iter().position(|b| *b == b'=');
    let (name, value) = match mark {
        Some(mark) => (&part[..mark], Some(trim(&part[mark + 1..]))),
        None => (part, None),
    };
    is_token(trim(name)) && value.is_none_or(|value| is_token(value) || is_quoted(value))
}

/// Whether `value` is one quoted string (RFC 9110 section 5.6.4): its only bare quotes are the
/// first and the last byte.
fn is_quoted(value: &[u8]) -> bool {
    let inner = value
        .strip_prefix(b"\"")
        .and_then(|v| v.strip_suffix(b"\""));
    let Some(inner) = inner else {
        return false;
    };
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        let ends_early = match byte {
            b'"' => true,
            b'\\' => bytes.next().is_none(),
            _ => false,
        };
        if ends_early {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_extension;

    #[test]
    fn an_extension_is_names_and_values() {
        for good in [
            "a",
            "a=b",
            " a = b ",
            "a;b;c=d",
            "a=\"\"",
            "a=\"b;c=\\\"\";d",
            "a=\"b c\"",
        ] {
            assert!(is_extension(good.as_bytes()), "{good:?}");
        }
        for bad in [
            "",
            ";",
            "a;",
            "=b",
            "a=",
            "a b",
            "a=b c",
            "a=\"b",
            "a=b\"",
            "a=\"b\"c",
            "a=\"",
            "a=\"b\\\"",
            "a=\"b\"c\"d\"",
            "\"a\"=b",
            "a=\u{1}",
            "a=\"\n\"",
        ] {
            assert!(!is_extension(bad.as_bytes()), "{bad:?}");
        }
    }
}
