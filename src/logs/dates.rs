//! The date of a line, formatted once a second.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The two forms of one second. A busy worker asks thousands of times for the
/// same one.
#[derive(Debug)]
pub(super) struct Dates {
    zone: TimeZone,
    second: Option<i64>,
    local: String,
    utc: String,
}

impl Dates {
    /// Dates in `zone`, where a format is in local time.
    pub(super) fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            second: None,
            local: String::new(),
            utc: String::new(),
        }
    }

    /// nginx's `$time_local`: `10/Oct/2000:13:55:36 -0700`.
    pub(super) fn local(&mut self, time: SystemTime) -> &str {
        self.turn_to(seconds_and_millis(time).0);
        &self.local
    }

    /// RFC 3339 in UTC without its fraction, `2000-10-10T20:55:36`, and the
    /// milliseconds.
    pub(super) fn utc(&mut self, time: SystemTime) -> (&str, u32) {
        let (second, millis) = seconds_and_millis(time);
        self.turn_to(second);
        (&self.utc, millis)
    }

    fn turn_to(&mut self, second: i64) {
        if self.second == Some(second) {
            return;
        }
        // A clock beyond the year 9999 is written as 1970 rather than not at all.
        let time = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        self.local = time
            .to_zoned(self.zone.clone())
            .strftime("%d/%b/%Y:%H:%M:%S %z")
            .to_string();
        self.utc = time.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        self.second = Some(second);
    }
}

/// A clock before 1970 counts as 1970.
fn seconds_and_millis(time: SystemTime) -> (i64, u32) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    (seconds, since.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::Dates;
    use jiff::tz::{TimeZone, offset};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    #[test]
    fn local_time_is_nginx_s_and_utc_is_rfc_3339() {
        let mut dates = Dates::new(TimeZone::fixed(offset(-7)));
        let time = UNIX_EPOCH + Duration::from_millis(971_211_336_007);
        assert_eq!(dates.local(time), "10/Oct/2000:13:55:36 -0700");
        assert_eq!(dates.utc(time), ("2000-10-10T20:55:36", 7));
        let later = time + Duration::from_millis(993);
        assert_eq!(dates.utc(later), ("2000-10-10T20:55:37", 0));
        assert_eq!(dates.local(later), "10/Oct/2000:13:55:37 -0700");
        assert_eq!(dates.local(time), "10/Oct/2000:13:55:36 -0700");
    }

    #[test]
    fn a_clock_out_of_all_range_still_gives_a_date() {
        let mut dates = Dates::new(TimeZone::UTC);
        let before: SystemTime = UNIX_EPOCH - Duration::from_secs(5);
        assert_eq!(dates.local(before), "01/Jan/1970:00:00:00 +0000");
        let far = UNIX_EPOCH + Duration::from_secs(1 << 50);
        assert_eq!(dates.utc(far), ("1970-01-01T00:00:00", 0));
    }
}
