//! Dates of HTTP header fields, as seconds since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second of the year 9999: a header has four digits for the year.
const LAST: i64 = 253_402_300_799;

/// Seconds since 1970; negative before.
pub(super) fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
    }
}

/// The nearest second that a header can say: 1970 to 9999.
pub(super) fn sayable(seconds: i64) -> i64 {
    seconds.clamp(0, LAST)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, of the nearest sayable second.
pub(super) fn http(seconds: i64) -> String {
    let seconds = Duration::from_secs(sayable(seconds).unsigned_abs());
    httpdate::fmt_http_date(UNIX_EPOCH + seconds)
}

/// Reads a date in any of the three forms of RFC 9110 section 5.6.7.
pub(super) fn parse(field: &[u8]) -> Option<i64> {
    let text = str::from_utf8(field).ok()?.trim_matches([' ', '\t']);
    httpdate::parse_http_date(text).ok().map(seconds)
}

#[cfg(test)]
mod tests {
    use super::{LAST, http, parse, sayable};
    use proptest::prelude::{any, prop_assert_eq, proptest};

    #[test]
    fn the_three_forms_are_read() {
        for form in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            " Sun, 06 Nov 1994 08:49:37 GMT\t",
        ] {
            assert_eq!(parse(form.as_bytes()), Some(784_111_777), "{form}");
        }
        for bad in ["", "0", "now", "Sun, 99 Nov 1994 08:49:37 GMT", "\u{fffd}"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(parse(b"\xff"), None);
    }

    #[test]
    fn what_no_header_can_say_becomes_the_nearest_it_can() {
        assert_eq!(http(-1), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http(i64::MIN), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http(LAST + 1), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(http(i64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    proptest! {
        #[test]
        fn every_date_is_read_back(seconds in any::<i64>(), near in -10_i64..LAST + 10) {
            for s in [seconds, near] {
                prop_assert_eq!(parse(http(s).as_bytes()), Some(sayable(s)));
            }
        }
    }
}
