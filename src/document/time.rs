//! Times as text: `1.5s`, `250ms`, `1h30m`. Kept to the millisecond.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Most times: more than nothing, since 0 would fail every request, and at most a day,
/// beyond which a wrong unit is likelier than the wish.
pub(super) const UP_TO_A_DAY: RangeInclusive<Duration> =
    RangeInclusive::new(Duration::from_millis(1), DAY);

/// The same where 0 has a meaning of its own.
pub(super) const ZERO_OR_UP_TO_A_DAY: RangeInclusive<Duration> =
    RangeInclusive::new(Duration::ZERO, DAY);

const DAY: Duration = Duration::from_secs(86_400);

/// Each at most once, in this order.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Takes `text` as a time; a bare `0` needs no unit.
///
/// # Errors
/// What it should be, as a message: `must be a time such as …`.
pub fn parse(text: &str) -> Result<Duration, String> {
    let bad = || format!("must be a time such as 1.5s, 250ms or 1h30m (is {text:?})");
    match text {
        "" => return Err(bad()),
        "0" => return Ok(Duration::ZERO),
        _ => {}
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!(
            "must have a unit, such as {text}s or {text}ms (is {text:?})"
        ));
    }
    let mut rest = text;
    let mut total: u64 = 0;
    let mut units = UNITS.as_slice();
    while !rest.is_empty() {
        let digits = span(rest, |b| b.is_ascii_digit() || b == b'.');
        let (number, after) = rest.split_at(digits);
        let letters = span(after, |b| b.is_ascii_alphabetic());
        let (unit, after) = after.split_at(letters);
        let place = units.iter().position(|(name, _)| *name == unit);
        let place = place.ok_or_else(bad)?;
        let part = match scaled(number, units[place].1).ok_or_else(bad)? {
            Some(part) => part,
            None => return Err(format!("must be whole milliseconds (is {text:?})")),
        };
        total = total.checked_add(part).ok_or_else(bad)?;
        units = &units[place + 1..];
        rest = after;
    }
    Ok(Duration::from_millis(total))
}

fn span(text: &str, belongs: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|b| belongs(*b)).count()
}

/// `number` units as milliseconds: none when it is no number, none within when it is no whole
/// number of them.
fn scaled(number: &str, unit: u64) -> Option<Option<u64>> {
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (number, ""),
    };
    // Nine digits are nanoseconds, more than any clock here.
    if fraction.len() > 9 {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    if fraction.is_empty() {
        return Some(Some(whole));
    }
    let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    let part = fraction.parse::<u64>().ok()?.checked_mul(unit)?;
    if part % scale != 0 {
        return Some(None);
    }
    whole.checked_add(part / scale).map(Some)
}

/// The one way a time is written: days, hours and minutes as they fit, then seconds with their
/// fraction, or milliseconds below one.
pub(super) fn write(time: Duration) -> String {
    let mut left = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    if left == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, length) in UNITS.into_iter().take(3) {
        if left >= length {
            text.push_str(&format!("{}{unit}", left / length));
            left %= length;
        }
    }
    if left >= 1000 && left % 1000 == 0 {
        text.push_str(&format!("{}s", left / 1000));
    } else if left >= 1000 {
        let seconds = format!("{}.{:03}", left / 1000, left % 1000);
        text.push_str(seconds.trim_end_matches('0'));
        text.push('s');
    } else if left > 0 {
        text.push_str(&format!("{left}ms"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{parse, write};

    #[test]
    fn a_time_is_read_in_every_form_and_written_in_one() {
        for (text, milliseconds, written) in [
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("250ms", 250, "250ms"),
            ("1.5s", 1500, "1.5s"),
            ("1500ms", 1500, "1.5s"),
            ("0.25s", 250, "250ms"),
            ("60s", 60_000, "1m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("1.5h", 5_400_000, "1h30m"),
            ("90m", 5_400_000, "1h30m"),
            ("1d", 86_400_000, "1d"),
            ("1m1s1ms", 61_001, "1m1.001s"),
            ("1m5ms", 60_005, "1m5ms"),
        ] {
            let time = parse(text).unwrap();
            assert_eq!(time.as_millis(), milliseconds, "{text}");
            assert_eq!(write(time), written);
            assert_eq!(parse(written), Ok(time));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [
            "",
            "s",
            ".",
            "1.s",
            ".5s",
            "1,5s",
            "-1s",
            "+1s",
            "1 s",
            "1s1s",
            "1s1m",
            "1x",
            "1S",
            "1ms1s",
            "é",
            "1é",
            "99999999999999999999s",
            "18446744073709551615d",
            "0.0000000001s",
        ] {
            let message = parse(bad).unwrap_err();
            let start = "must be a time such as 1.5s, 250ms or 1h30m (is ";
            assert!(message.starts_with(start), "{bad:?}: {message}");
        }
        assert_eq!(
            parse("60").unwrap_err(),
            "must have a unit, such as 60s or 60ms (is \"60\")"
        );
        assert_eq!(
            parse("1.5ms").unwrap_err(),
            "must be whole milliseconds (is \"1.5ms\")"
        );
    }
}
