//! Which byte may stand where, as tables: one look-up a byte.

const TOKEN: [bool; 256] = table(b"!#$%&'*+-.^_`|~", true);
/// RFC 3986 path characters, and what browsers send raw in a path: `|`, `[` and `]`.
const PATH: [bool; 256] = table(b"/-._~!$&'()*+,;=:@%|[]", true);
/// The same for a query (URL standard): they also send `{ } ^ \` and the back-tick.
const QUERY: [bool; 256] = table(b"/?-._~!$&'()*+,;=:@%|[]{}^\\`", true);

/// What names a machine, but for an IPv6 address.
const HOST: [bool; 256] = table(b"-._~", true);

const fn table(marks: &[u8], alphanumeric: bool) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "const fn has no try_from, and byte is below 256"
        )]
        let b = byte as u8;
        table[byte] = alphanumeric && b.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut i = 0;
    while i < marks.len() {
        table[marks[i] as usize] = true;
        i += 1;
    }
    table
}

/// Of each byte, whether it may stand in a token, and whether it is a letter, a digit or `-`.
const NAME: [u8; 256] = {
    let plain = table(b"-", true);
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = (TOKEN[byte] as u8 * IS_TOKEN) | (plain[byte] as u8 * IS_PLAIN);
        byte += 1;
    }
    classes
};
const IS_TOKEN: u8 = 1;
const IS_PLAIN: u8 = 2;

/// What a field's name is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    /// Letters, digits and `-`.
    Plain,
    /// Other bytes of a token too.
    Token,
    /// No token (RFC 9110 section 5.6.2), or empty.
    Bad,
}

/// The token that `bytes` begin with: its length, and what it is made of.
pub(super) fn name_at(bytes: &[u8]) -> (usize, NameKind) {
    let mut classes = IS_TOKEN | IS_PLAIN;
    let mut length = 0;
    for byte in bytes {
        let class = NAME[usize::from(*byte)];
        if class == 0 {
            break;
        }
        classes &= class;
        length += 1;
    }
    match length {
        0 => (0, NameKind::Bad),
        _ if classes & IS_PLAIN != 0 => (length, NameKind::Plain),
        _ => (length, NameKind::Token),
    }
}

/// Whether `bytes` is a token (RFC 9110 section 5.6.2): not empty, no separators.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && name_at(bytes).0 == bytes.len()
}

/// Whether every byte may stand in a request's path.
pub(super) fn is_path(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| PATH[usize::from(*b)])
}

/// Whether every byte may stand in a host's name.
pub(super) fn is_host_name(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| HOST[usize::from(*b)])
}

/// Whether every byte may stand in a request's query.
pub(super) fn is_query(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| QUERY[usize::from(*b)])
}

/// Whether every byte may stand in a field value (RFC 9110 section 5.5): TAB, printable
/// ASCII and everything from 0x80 up.
pub(super) fn is_value(bytes: &[u8]) -> bool {
    value_length(bytes) == bytes.len()
}

/// How many of the first `bytes` may stand in a field value.
pub(super) fn value_length(bytes: &[u8]) -> usize {
    let may_stand = |byte: u8| byte >= 0x20 && byte != 0x7f || byte == b'\t';
    let mut at = 0;
    // Eight at a time: most values hold nothing special but their end.
    while let Some(word) = bytes[at..].first_chunk() {
        let marks = special(u64::from_le_bytes(*word));
        if marks == 0 {
            at += 8;
            continue;
        }
        at += marks.trailing_zeros() as usize / 8;
        if !may_stand(bytes[at]) {
            return at;
        }
        at += 1;
    }
    let rest = bytes[at..].iter();
    at + rest.take_while(|byte| may_stand(**byte)).count()
}

/// Marks in the highest bit of each byte of `word` whether it is below 0x20 or 0x7f. Marks above
/// the lowest may be wrong: a borrow goes upwards.
fn special(word: u64) -> u64 {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    let below = |word: u64, limit: u64| word.wrapping_sub(EACH * limit) & !word;
    (below(word, 0x20) | below(word ^ (EACH * 0x7f), 1)) & (EACH * 0x80)
}

/// `bytes` without blanks (SP and TAB) at either end.
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    let blank = |b: &u8| matches!(b, b' ' | b'\t');
    let start = bytes.iter().position(|b| !blank(b)).unwrap_or(bytes.len());
    let end = bytes
        .iter()
        .rposition(|b| !blank(b))
        .map_or(start, |i| i + 1);
    &bytes[start..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::value_length;

    proptest! {
        #[test]
        fn a_value_ends_where_the_first_byte_stands_that_it_cannot_hold(
            bytes in proptest::collection::vec(prop_oneof![
                8 => any::<u8>(),
                1 => prop::sample::select(vec![0, 8, b'\t', b'\n', 0x1f, b' ', b'~', 0x7f, 0x80, 0xff]),
                40 => b'a'..=b'z',
            ], 0..60),
        ) {
            let may_stand = |b: &u8| *b == b'\t' || (0x20..0x7f).contains(b) || *b >= 0x80;
            let end = bytes.iter().position(|b| !may_stand(b)).unwrap_or(bytes.len());
            prop_assert_eq!(value_length(&bytes), end);
        }
    }
}
