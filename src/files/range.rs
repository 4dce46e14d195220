//! Which bytes of a file a `Range` field asks for.
//!
//! A field that cannot be read, or that asks for very many ranges, is answered with the whole
//! file, which RFC 9110 section 14.2 allows. Ranges that share bytes become one: sent one by
//! one, many of them over each other have been an attack.

use std::ops::Range;

/// Most ranges in a field. What shows documents page by page asks for a few at a time; each
/// costs a head of its own.
const MOST: usize = 32;

/// What to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it.
    Whole,
    /// These bytes; never none.
    Part(Range<u64>),
    /// These, at least two, in the order in which they were asked for. They share no byte.
    Parts(Vec<Range<u64>>),
    /// Nothing of what was asked for is there.
    Beyond,
}

/// Reads `field` for a file of `size` bytes.
pub(super) fn parse(field: &[u8], size: u64) -> Asked {
    let Some(specs) = ranges(field) else {
        return Asked::Whole;
    };
    let mut parts = Vec::with_capacity(specs.len());
    for spec in specs {
        match pick(spec, size) {
            Asked::Part(part) => add(&mut parts, part),
            // What is not there of several is left out.
            Asked::Beyond | Asked::Parts(_) => {}
            Asked::Whole => return Asked::Whole,
        }
    }
    match parts.len() {
        0 => Asked::Beyond,
        1 => Asked::Part(parts.remove(0)),
        _ => Asked::Parts(parts),
    }
}

/// Adds `part`. With those it shares bytes with it becomes one, in the first one's place.
fn add(parts: &mut Vec<Range<u64>>, mut part: Range<u64>) {
    let mut place = None;
    let mut at = 0;
    while let Some(other) = parts.get(at) {
        if other.start < part.end && part.start < other.end {
            part = other.start.min(part.start)..other.end.max(part.end);
            parts.remove(at);
            place = place.or(Some(at));
        } else {
            at += 1;
        }
    }
    parts.insert(place.unwrap_or(parts.len()), part);
}

/// One range as it is written.
#[derive(Debug, Clone, Copy)]
enum Spec {
    /// `first-` or `first-last`, both included.
    From(u64, Option<u64>),
    /// `-count`: the last of them.
    Last(u64),
}

/// The ranges of `field`, if there are any, not too many, and all can be read.
fn ranges(field: &[u8]) -> Option<Vec<Spec>> {
    let (unit, set) = field.trim_ascii().split_at_checked(6)?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    // A list may have empty members (RFC 9110 section 5.6.1).
    let members = set
        .split(|b| *b == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty());
    let specs: Option<Vec<Spec>> = members.take(MOST + 1).map(one).collect();
    specs.filter(|specs| (1..=MOST).contains(&specs.len()))
}

fn one(member: &[u8]) -> Option<Spec> {
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
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
    use proptest::test_runner::TestCaseError;

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
    fn several_ranges_share_no_byte_and_keep_their_order() {
        for (field, parts) in [
            ("bytes=0-1,4-5", vec![0..2, 4..6]),
            ("bytes=-2, 0-0", vec![8..10, 0..1]),
            // Next to each other they are two all the same.
            ("bytes=0-1,2-3", vec![0..2, 2..4]),
            ("bytes=6-7,0-2,2-3", vec![6..8, 0..4]),
            ("bytes=0-1,8-9,3-4,1-3", vec![0..5, 8..10]),
            ("bytes=0-1,50-60,4-5", vec![0..2, 4..6]),
        ] {
            assert_eq!(parse(field.as_bytes(), 10), Asked::Parts(parts), "{field}");
        }
        for (field, part) in [
            ("bytes=0-5,3-9", 0..10),
            ("bytes=5-6,20-", 5..7),
            ("bytes=0-,0-,0-", 0..10),
        ] {
            assert_eq!(parse(field.as_bytes(), 10), Asked::Part(part), "{field}");
        }
        assert_eq!(parse(b"bytes=10-,20-30", 10), Asked::Beyond);
        let many = |count: u64| {
            let list: Vec<String> = (0..count).map(|n| format!("{0}-{0}", 2 * n)).collect();
            parse(format!("bytes={}", list.join(",")).as_bytes(), 1000)
        };
        assert!(matches!(many(32), Asked::Parts(parts) if parts.len() == 32));
        assert_eq!(many(33), Asked::Whole);
    }

    #[test]
    fn what_cannot_be_read_gets_the_whole_file() {
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
            "bytes=1-2,x",
            "bytes=1-2,5-4",
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
                Asked::Parts(parts) => prop_assert!(false, "{parts:?} of one"),
                Asked::Whole => prop_assert!(first.zip(last).map_or(first == last, |(f, l)| f > l)),
            }
        }

        #[test]
        fn several_ranges_agree_with_asking_every_byte(
            list in vec((0_u64..30, 0_u64..8, 0..3), 1..8), size in 1_u64..25,
        ) {
            // The stupidest possible version: every byte is asked whether somebody wants it.
            let mut members = Vec::new();
            let mut wanted = vec![false; usize::try_from(size).unwrap()];
            for (first, more, kind) in &list {
                let (text, range) = match kind {
                    0 => (format!("{first}-{}", first + more), *first..first + more + 1),
                    1 => (format!("{first}-"), *first..size),
                    _ => (format!("-{more}"), size.saturating_sub(*more)..size),
                };
                members.push(text);
                for (at, wanted) in (0..).zip(&mut wanted) {
                    *wanted |= range.contains(&at);
                }
            }
            let field = format!("bytes={}", members.join(" , "));
            let parts = match parse(field.as_bytes(), size) {
                Asked::Parts(parts) => parts,
                Asked::Part(part) => vec![part],
                Asked::Beyond => Vec::new(),
                Asked::Whole => return Err(TestCaseError::fail("it can be read")),
            };
            prop_assert!(parts.len() <= list.len());
            let mut sent = vec![0; wanted.len()];
            for part in &parts {
                for (at, sent) in (0..).zip(&mut sent) {
                    *sent += i32::from(part.contains(&at));
                }
            }
            let once: Vec<i32> = wanted.iter().map(|wanted| i32::from(*wanted)).collect();
            prop_assert_eq!(sent, once, "{}: {:?}", field, parts);
        }

        #[test]
        fn no_field_asks_for_bytes_that_are_not_there(field in ".{0,30}", size in 0_u64..100) {
            if let Asked::Part(part) = parse(format!("bytes={field}").as_bytes(), size) {
                prop_assert!(part.start < part.end && part.end <= size);
            }
        }
    }
}
