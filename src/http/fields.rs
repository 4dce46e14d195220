//! Field lines into a head, and lists out of a field.

use super::head::{FieldSpan, Fields, Span};
use super::token::{NameKind, is_value, name_kind, trim};
use super::{Known, Limits, OddNames, Refusal};

/// Parses the lines of `fields.arena[from..to]` into fields (rules 4, 16 to 20).
///
/// Every line ends with CRLF: the scan has seen to it.
pub(super) fn parse_fields(
    fields: &mut Fields,
    from: usize,
    to: usize,
    limits: &Limits,
) -> Result<(), Refusal> {
    let mut at = from;
    let mut lines = 0;
    while at < to {
        let length = memchr::memchr(b'\n', &fields.arena[at..to]).map_or(to - at, |i| i + 1);
        let line = &fields.arena[at..at + length.saturating_sub(2)];
        if line.is_empty() {
            break;
        }
        // Those that are left out are counted as well: they have cost as much to look at.
        lines += 1;
        if lines > limits.fields {
            return Err(Refusal::with(431, 19, "the head has too many fields"));
        }
        if let Some((known, name, value)) = parse_line(line, at == from, limits)? {
            let field = FieldSpan {
                known,
                name: Span::new(at, at + name),
                value: Span::new(at + value.start, at + value.end),
            };
            fields.list.push(field);
        }
        at += length;
    }
    Ok(())
}

type Line = (Known, usize, std::ops::Range<usize>);

fn parse_line(line: &[u8], first: bool, limits: &Limits) -> Result<Option<Line>, Refusal> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(if first {
            Refusal::bad(4, "a blank stands before the first field")
        } else {
            Refusal::bad(17, "a field is folded over two lines")
        });
    }
    if line.len() > Limits::FIELD {
        return Err(Refusal::with(431, 19, "a field is too large"));
    }
    let Some(colon) = memchr::memchr(b':', line) else {
        return Err(Refusal::bad(16, "a field has no colon"));
    };
    let (name, rest) = (&line[..colon], &line[colon + 1..]);
    let kind = name_kind(name);
    if kind == NameKind::Bad {
        return Err(Refusal::bad(16, "a field name is not a token"));
    }
    if !is_value(rest) {
        return Err(Refusal::bad(18, "a field value holds a control character"));
    }
    let known = Known::of(name);
    if limits.odd_names != OddNames::Keep && known == Known::Other && is_odd(name, kind) {
        return match limits.odd_names {
            OddNames::Reject => Err(Refusal::bad(
                20,
                "a field name holds more than letters, digits and -, or resembles one that frames a body",
            )),
            OddNames::Drop | OddNames::Keep => Ok(None),
        };
    }
    let blank = |b: &u8| matches!(b, b' ' | b'\t');
    let lead = rest.iter().take_while(|b| blank(b)).count();
    let start = colon + 1 + lead;
    Ok(Some((
        known,
        colon,
        start..start + trim(&rest[lead..]).len(),
    )))
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
