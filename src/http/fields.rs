//! Field lines into a head, and lists out of a field.

use super::head::{Fields, Span};
use super::token::{NameKind, name_at, trim, value_length};
use super::{Known, Limits, OddNames, Refusal};

/// Parses the lines of `fields.arena[from..]`, up to the empty one, into fields (rules 4, 16 to 20).
///
/// Every line ends with CRLF: the scan has seen to it.
pub(super) fn parse_fields(
    fields: &mut Fields,
    from: usize,
    limits: &Limits,
) -> Result<(), Refusal> {
    let mut at = from;
    let mut lines = 0;
    loop {
        let rest = fields.arena.get(at..).unwrap_or_default();
        if matches!(rest, [] | [b'\r', ..]) {
            return Ok(());
        }
        // Those that are left out are counted as well: they have cost as much to look at.
        lines += 1;
        if lines > limits.fields {
            return Err(Refusal::with(431, 19, "the head has too many fields"));
        }
        let line = parse_line(rest, at == from)?;
        let name = &rest[..line.name];
        let known = Known::of(name);
        if !is_left_out(name, known, line.kind, limits)? {
            let name = Span::new(at, at + line.name);
            let value = Span::new(at + line.value.start, at + line.value.end);
            fields.push(known, name, value);
        }
        at += line.end;
    }
}

/// A field's line, as places in what it begins.
struct Line {
    /// Where the name ends, and what it is made of.
    name: usize,
    kind: NameKind,
    /// The value, without blanks at its ends.
    value: std::ops::Range<usize>,
    /// Where the next line begins.
    end: usize,
}

/// Reads the line that `rest` begins with, each byte once.
fn parse_line(rest: &[u8], first: bool) -> Result<Line, Refusal> {
    let (name, kind) = name_at(rest);
    match rest.get(name) {
        Some(b':') if kind != NameKind::Bad => {}
        Some(b' ' | b'\t') if name == 0 && first => {
            let text = "a blank stands before the first field";
            return Err(Refusal::bad(4, text));
        }
        Some(b' ' | b'\t') if name == 0 => {
            return Err(Refusal::bad(17, "a field is folded over two lines"));
        }
        Some(b'\r') => return Err(Refusal::bad(16, "a field has no colon")),
        _ => return Err(Refusal::bad(16, "a field name is not a token")),
    }
    let mut start = name + 1;
    let mut end = start + value_length(&rest[start..]);
    if rest.get(end).is_some_and(|byte| *byte != b'\r') {
        return Err(Refusal::bad(18, "a field value holds a control character"));
    }
    if end > Limits::FIELD {
        return Err(Refusal::with(431, 19, "a field is too large"));
    }
    let next = end + b"\r\n".len();
    let blank = |at: usize| matches!(rest[at], b' ' | b'\t');
    while start < end && blank(start) {
        start += 1;
    }
    while start < end && blank(end - 1) {
        end -= 1;
    }
    Ok(Line {
        name,
        kind,
        value: start..end,
        end: next,
    })
}

/// Whether a field of this name goes no further than its parser (rule 20).
fn is_left_out(
    name: &[u8],
    known: Known,
    kind: NameKind,
    limits: &Limits,
) -> Result<bool, Refusal> {
    if limits.odd_names == OddNames::Keep || known != Known::Other || !is_odd(name, kind) {
        return Ok(false);
    }
    if limits.odd_names == OddNames::Drop {
        return Ok(true);
    }
    Err(Refusal::bad(
        20,
        "a field name holds more than letters, digits and -, or resembles one that frames a body",
    ))
}

/// Whether a name holds more than letters, digits and `-`, or has but the letters of one that
/// decides framing: somebody behind us may take it for that one (rule 20).
fn is_odd(name: &[u8], kind: NameKind) -> bool {
    let reads_as = |other: &[u8]| {
        let letters = name.iter().filter(|b| b.is_ascii_alphanumeric());
        letters
            .map(u8::to_ascii_lowercase)
            .eq(other.iter().copied())
    };
    // Most names are shorter than either.
    let long = name.len() >= b"contentlength".len();
    kind != NameKind::Plain || long && (reads_as(b"contentlength") || reads_as(b"transferencoding"))
}

/// The items of a comma-separated list (RFC 9110 section 5.6.1), blanks trimmed, empty
/// items left out.
pub fn list_items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|b| *b == b',')
        .map(trim)
        .filter(|item| !item.is_empty())
}

/// Every option of every `Connection` field.
pub fn connection_options(fields: &Fields) -> impl Iterator<Item = &[u8]> {
    fields.all(Known::Connection).flat_map(list_items)
}
