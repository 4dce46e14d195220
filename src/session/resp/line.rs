//! A command as a person types it: words, with quotes where a word has spaces or bytes that cannot be typed.

/// Splits a line into `parts` of `bytes`. False where a quote does not end, or something follows its end at once.
pub(super) fn split(text: &[u8], bytes: &mut Vec<u8>, parts: &mut Vec<(u32, u32)>) -> bool {
    let mut at = 0;
    loop {
        while text.get(at).is_some_and(|byte| is_space(*byte)) {
            at += 1;
        }
        if at >= text.len() || text[at] == 0 {
            return true;
        }
        let from = bytes.len();
        match word(text, at, bytes) {
            Some(next) => at = next,
            None => return false,
        }
        let number = |n| u32::try_from(n).unwrap_or(0);
        parts.push((number(from), number(bytes.len() - from)));
    }
}

/// Reads a word; says where it ended. Redis reads such lines as C strings: a byte 0 ends them.
fn word(text: &[u8], mut at: usize, bytes: &mut Vec<u8>) -> Option<usize> {
    loop {
        match text.get(at).copied().unwrap_or(0) {
            0 | b' ' | b'\n' | b'\r' | b'\t' => return Some(at),
            b'"' => return ended(text, double(text, at + 1, bytes)?),
            b'\'' => return ended(text, single(text, at + 1, bytes)?),
            byte => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
}

/// A closing quote is followed by a space or nothing.
fn ended(text: &[u8], at: usize) -> Option<usize> {
    let next = text.get(at).copied().unwrap_or(0);
    (next == 0 || is_space(next)).then_some(at)
}

fn double(text: &[u8], mut at: usize, bytes: &mut Vec<u8>) -> Option<usize> {
    loop {
        match text.get(at..)? {
            [] | [0, ..] => return None,
            [b'"', ..] => return Some(at + 1),
            [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(hex(*high) * 16 + hex(*low));
                at += 4;
            }
            [b'\\', escaped, ..] if *escaped != 0 => {
                bytes.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                at += 2;
            }
            [byte, ..] => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
}

fn single(text: &[u8], mut at: usize, bytes: &mut Vec<u8>) -> Option<usize> {
    loop {
        match text.get(at..)? {
            [] | [0, ..] => return None,
            [b'\'', ..] => return Some(at + 1),
            [b'\\', b'\'', ..] => {
                bytes.push(b'\'');
                at += 2;
            }
            [byte, ..] => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit
            .to_ascii_uppercase()
            .wrapping_sub(b'A')
            .wrapping_add(10),
    }
}
