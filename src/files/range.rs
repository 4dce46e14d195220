//! Which bytes of a file a `Range` field asks for.
//!
//! One range is served; more than one, or none that can be read, is answered
//! with the whole file, which RFC 9110 section 14.2 allows: overlapping ranges
//! have been an attack, and no browser needs them.

use std::ops::Range;

/// What to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it.
    Whole,
    /// These bytes; never none.
    Part(Range<u64>),
    /// Nothing of what was asked for is there.
    Beyond,
}

/// Reads `field` for a file of `size` bytes.
pub(super) fn parse(field: &[u8], size: u64) -> Asked {
    one_range(field).map_or(Asked::Whole, |spec| pick(spec, size))
}

/// One range as it is written.
#[derive(Debug, Clone, Copy)]
enum Spec {
    /// `first-` or `first-last`, both included.
    From(u64, Option<u64>),
    /// `-count`: the last of them.
    Last(u64),
}

/// The only range of `field`, if it has one and can be read.
fn one_range(field: &[u8]) -> Option<Spec> {
    let (unit, set) = field.trim_ascii().split_at_checked(6)?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    // A list may have empty members (RFC 9110 section 5.6.1).
    let mut members = set
        .split(|b| *b == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty());
    let member = members.next()?;
    if members.next().is_some() {
        return None;
    }
    let dash = member.iter().position(|b| *b == b'-')?;
    let (first, last) = (&member[..dash], &member[dash + 1..]);
    match (first.is_empty(), last.is_empty()) {
        (true, true) => None,
        (true, false) => Some(Spec::Last(number(last)?)),
        (false, true) => Some(Spec::From(number(first)?, None)),
        (false, false) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Spec::From(first, Some(last)))
        }
    }
}

/// Digits and nothing else; beyond 2^64 is as good as 2^64.
fn number(digits: &[u8]) -> Option<u64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |n: u64, digit| {
        n.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    }))
}

fn pick(spec: Spec, size: u64) -> Asked {
    let part = match spec {
        Spec::From(first, last) => {
            first..last.map_or(size, |last| last.saturating_add(1).min(size))
        }
        Spec::Last(count) => size.saturating_sub(count)..size,
    };
    if !part.is_empty() {
        Asked::Part(part)
    } else if part.start == 0 {
        // From the start of an empty file: that is all of it, as nginx has it.
        Asked::Whole
    } else {
        Asked::Beyond
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, parse};
    use proptest::option;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    #[test]
    fn one_range_is_served_in_every_form() {
        for (field, size, asked) in [
            ("bytes=0-0", 10, Asked::Part(0..1)),
            ("bytes=2-4", 10, Asked::Part(2..5)),
            ("Bytes=2-", 10, Asked::Part(2..10)),
            ("bytes=-3", 10, Asked::Part(7..10)),
            ("bytes=-30", 10, Asked::Part(0..10)),
            ("bytes=0-99", 10, Asked::Part(0..10)),
            ("bytes= 2-4 ,", 10, Asked::Part(2..5)),
            ("bytes=5-99999999999999999999999", 10, Asked::Part(5..10)),
            ("bytes=10-", 10, Asked::Beyond),
            ("bytes=10-11", 10, Asked::Beyond),
            ("bytes=99999999999999999999999-", 10, Asked::Beyond),
            ("bytes=-0", 10, Asked::Beyond),
            ("bytes=5-", 0, Asked::Beyond),
            ("bytes=0-", 0, Asked::Whole),
            ("bytes=-1", 0, Asked::Whole),
        ] {
            assert_eq!(parse(field.as_bytes(), size), asked, "{field} of {size}");
        }
    }

    #[test]
    fn what_cannot_be_read_or_is_many_gets_the_whole_file() {
        for field in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=,",
            "bytes=a-b",
            "bytes=1",
            "bytes=4-2",
            "bytes=1--2",
            "bytes=+1-2",
            "bytes=0x1-2",
            "bytes=1-2,4-5",
            "bytes=0-,0-,0-",
            "lines=1-2",
            "bytes:1-2",
            "bytes=1 - 2",
        ] {
            assert_eq!(parse(field.as_bytes(), 10), Asked::Whole, "{field}");
        }
    }

    proptest! {
        #[test]
        fn a_range_agrees_with_asking_every_byte(
            first in option::of(0_u64..30), last in option::of(0_u64..30), size in 1_u64..25,
        ) {
            let text = |n: Option<u64>| n.map_or(String::new(), |n| n.to_string());
            let field = format!("bytes={}-{}", text(first), text(last));
            let wanted = |at: &u64| match (first, last) {
                (Some(first), last) => *at >= first && last.is_none_or(|last| *at <= last),
                (None, Some(count)) => size - *at <= count,
                (None, None) => true,
            };
            let bytes: Vec<u64> = (0..size).filter(wanted).collect();
            match parse(field.as_bytes(), size) {
                Asked::Part(part) => prop_assert_eq!(part.collect::<Vec<_>>(), bytes),
                Asked::Beyond => prop_assert!(bytes.is_empty()),
                Asked::Whole => prop_assert!(first.zip(last).map_or(first == last, |(f, l)| f > l)),
            }
        }

        #[test]
        fn no_field_asks_for_bytes_that_are_not_there(field in ".{0,30}", size in 0_u64..100) {
            if let Asked::Part(part) = parse(format!("bytes={field}").as_bytes(), size) {
                prop_assert!(part.start < part.end && part.end <= size);
            }
        }
    }
}
