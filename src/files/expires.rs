//! `Expires` and `Cache-Control`: the table of nginx's `expires`.
//!
//! Pure: the time, the file's date and the local zone are given.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::date::http;
use crate::model::Expires;

/// What the two fields say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields {
    /// The value of `Expires`.
    pub(super) expires: String,
    /// The value of `Cache-Control`.
    pub(super) cache_control: String,
}

/// The fields of an answer given at `now` about a file that changed at
/// `modified`, both in seconds since 1970; none where nothing is touched.
pub(super) fn fields(
    expires: Expires,
    now: i64,
    modified: Option<i64>,
    zone: &TimeZone,
) -> Option<Fields> {
    let (at, max_age, past) = match expires {
        Expires::Off => return None,
        Expires::Epoch => return Some(constant("Thu, 01 Jan 1970 00:00:01 GMT", "no-cache")),
        Expires::Max => {
            return Some(constant(
                "Thu, 31 Dec 2037 23:55:55 GMT",
                "max-age=315360000",
            ));
        }
        Expires::In(after) => (now.saturating_add(after), after, after < 0),
        // nginx takes `modified 0` for `0`, and a negative one is always past.
        Expires::Modified(0) => (now, 0, false),
        Expires::Modified(after) => {
            let at = modified.unwrap_or(now).saturating_add(after);
            let max_age = at.saturating_sub(now);
            (at, max_age, after < 0 || max_age < 0)
        }
        Expires::Daily(time) => {
            let at = next_local(time, now, zone);
            (at, at.saturating_sub(now), false)
        }
    };
    Some(Fields {
        expires: http(at),
        cache_control: if past {
            "no-cache".into()
        } else {
            format!("max-age={max_age}")
        },
    })
}

fn constant(expires: &str, cache_control: &str) -> Fields {
    Fields {
        expires: expires.into(),
        cache_control: cache_control.into(),
    }
}

/// The next time after `now` when clocks in `zone` show `time`, in seconds of
/// the day: today or tomorrow. A time that the change to summer skips is the
/// one an hour later, as jiff's «compatible» has it.
fn next_local(time: u32, now: i64, zone: &TimeZone) -> i64 {
    let next = || {
        let here = Timestamp::from_second(now).ok()?.to_zoned(zone.clone());
        let time = Time::midnight()
            .checked_add(i64::from(time).seconds())
            .ok()?;
        let at = |day: jiff::civil::Date| {
            let at = zone.to_timestamp(day.to_datetime(time)).ok()?;
            Some(at.as_second())
        };
        at(here.date())
            .filter(|at| *at > now)
            .or_else(|| at(here.date().tomorrow().ok()?))
    };
    // Only a clock at the end of all calendars has no tomorrow.
    next().unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::{Fields, fields};
    use crate::files::date::parse;
    use crate::model::Expires;
    use jiff::tz::{TimeZone, offset};
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    /// Sunday, 6 November 1994, 08:49:37 GMT.
    const NOW: i64 = 784_111_777;

    fn said(expires: &str, modified: Option<i64>, zone: &TimeZone) -> Option<(String, String)> {
        fields(Expires::parse(expires).unwrap(), NOW, modified, zone)
            .map(|f| (f.expires, f.cache_control))
    }

    /// The value, the file's age in hours, and what the fields say.
    const TABLE: &str = "
        30d            | -   | Tue, 06 Dec 1994 08:49:37 GMT | max-age=2592000
        24h            | -   | Mon, 07 Nov 1994 08:49:37 GMT | max-age=86400
        0              | -   | Sun, 06 Nov 1994 08:49:37 GMT | max-age=0
        -1             | -   | Sun, 06 Nov 1994 08:49:36 GMT | no-cache
        -30y           | -   | Thu, 01 Jan 1970 00:00:00 GMT | no-cache
        epoch          | -   | Thu, 01 Jan 1970 00:00:01 GMT | no-cache
        max            | -   | Thu, 31 Dec 2037 23:55:55 GMT | max-age=315360000
        modified +25h  | 24  | Sun, 06 Nov 1994 09:49:37 GMT | max-age=3600
        modified +24h  | 24  | Sun, 06 Nov 1994 08:49:37 GMT | max-age=0
        modified +23h  | 24  | Sun, 06 Nov 1994 07:49:37 GMT | no-cache
        modified +24h  | -   | Mon, 07 Nov 1994 08:49:37 GMT | max-age=86400
        modified -1h   | -24 | Mon, 07 Nov 1994 07:49:37 GMT | no-cache
        modified 0     | 24  | Sun, 06 Nov 1994 08:49:37 GMT | max-age=0
        @15h30m        | -   | Sun, 06 Nov 1994 15:30:00 GMT | max-age=24023
        @8h49m37s      | -   | Mon, 07 Nov 1994 08:49:37 GMT | max-age=86400
        @0             | -   | Mon, 07 Nov 1994 00:00:00 GMT | max-age=54623
        9000y          | -   | Fri, 31 Dec 9999 23:59:59 GMT | max-age=283824000000";

    #[test]
    fn the_table_of_nginx_holds() {
        for line in TABLE.lines().skip(1) {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let age: Option<i64> = cells[1].parse().ok();
            let modified = age.map(|hours| NOW - hours * 3600);
            let (at, control) = said(cells[0], modified, &TimeZone::UTC).unwrap();
            assert_eq!([&*at, &*control], cells[2..], "{line}");
        }
        assert_eq!(said("off", None, &TimeZone::UTC), None);
    }

    #[test]
    fn a_time_of_day_is_a_local_one() {
        let zone = TimeZone::fixed(offset(8));
        let (at, control) = said("@15h30m", None, &zone).unwrap();
        // It is 16:49:37 there, so that half past three is tomorrow's.
        assert_eq!(at, "Mon, 07 Nov 1994 07:30:00 GMT");
        assert_eq!(control, "max-age=81623");
    }

    #[test]
    fn a_time_of_day_follows_the_change_to_summer_and_back() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        // Noon of 26 March 2022 in winter time; the clocks change that night.
        let now = parse(b"Sat, 26 Mar 2022 11:00:00 GMT").unwrap();
        let next = |time| fields(Expires::Daily(time), now, None, &zone).unwrap();
        assert_eq!(next(43_200).expires, "Sun, 27 Mar 2022 10:00:00 GMT");
        assert_eq!(next(43_200).cache_control, "max-age=82800");
        // Half past two does not exist there on the 27th.
        assert_eq!(next(9_000).expires, "Sun, 27 Mar 2022 01:30:00 GMT");
    }

    proptest! {
        #[test]
        fn no_time_is_too_strange(
            kind in 0..3, by in any::<i64>(), now in any::<i64>(), modified in any::<Option<i64>>(),
        ) {
            let expires = match kind {
                0 => Expires::In(by),
                1 => Expires::Modified(by),
                _ => Expires::Daily(u32::try_from(by.rem_euclid(86_400)).unwrap()),
            };
            let Fields { expires, cache_control } =
                fields(expires, now, modified, &TimeZone::UTC).unwrap();
            prop_assert!(parse(expires.as_bytes()).is_some());
            prop_assert!(cache_control == "no-cache" || !cache_control.contains("=-"));
        }

        #[test]
        fn a_time_of_day_is_within_the_next_day(time in 0_u32..86_400, now in 0_i64..4_000_000_000) {
            let fields = fields(Expires::Daily(time), now, None, &TimeZone::UTC).unwrap();
            let at = parse(fields.expires.as_bytes()).unwrap();
            prop_assert!(at > now && at <= now + 86_400);
            prop_assert_eq!(at % 86_400, i64::from(time));
            prop_assert_eq!(fields.cache_control, format!("max-age={}", at - now));
        }
    }
}
