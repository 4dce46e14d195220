//! Which byte may stand where, as tables: one look-up a byte.

const TOKEN: [bool; 256] = table(b"!#$%&'*+-.^_`|~", true);
/// RFC 3986 path characters, and what browsers send raw in a path: `|`, `[` and `]`.
const PATH: [bool; 256] = table(b"/-._~!$&'()*+,;=:@%|[]", true);
/// The same for a query (URL standard): they also send `{ } ^ \` and the back-tick.
const QUERY: [bool; 256] = table(b"/?-._~!$&'()*+,;=:@%|[]{}^\\`", true);

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

/// What the name `bytes` is made of, in one look without a branch a byte: nearly all are plain.
pub(super) fn name_kind(bytes: &[u8]) -> NameKind {
    let both = IS_TOKEN | IS_PLAIN;
    let classes = bytes
        .iter()
        .fold(both, |classes, b| classes & NAME[usize::from(*b)]);
    match bytes.is_empty() {
        false if classes == both => NameKind::Plain,
        false if classes & IS_TOKEN != 0 => NameKind::Token,
        _ => NameKind::Bad,
    }
}

/// Whether `bytes` is a token (RFC 9110 section 5.6.2): not empty, no separators.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    name_kind(bytes) != NameKind::Bad
}

/// Whether every byte may stand in a request's path.
pub(super) fn is_path(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| PATH[usize::from(*b)])
}

/// Whether every byte may stand in a request's query.
pub(super) fn is_query(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| QUERY[usize::from(*b)])
}

/// Whether every byte may stand in a field value (RFC 9110 section 5.5): TAB, printable
/// ASCII and everything from 0x80 up.
pub(super) fn is_value(bytes: &[u8]) -> bool {
    // Nothing ends the loop early, so that the compiler looks at many bytes at once.
    let control = |b: &u8| (*b < 0x20) & (*b != b'\t') | (*b == 0x7f);
    !bytes.iter().fold(false, |found, b| found | control(b))
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
