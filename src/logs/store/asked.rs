//! A search as it is asked for, by the API and the command line alike: keys and values.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use super::charts::{Range, Subject};
use super::encode::since_1970;
use super::filter::Filter;
use super::histogram::MAX_BUCKETS;
use super::search::{MAX_PAGE, RecordId};
use crate::document::parse_time;

/// Parts of a histogram where nobody says how many.
const BUCKETS: u64 = 60;

/// How far a histogram goes back where nobody says.
const SPAN: Duration = Duration::from_secs(3600);

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// What a record has to be like.
    pub filter: Filter,
    /// How many at most.
    pub limit: usize,
    /// Older ones than this.
    pub before: Option<RecordId>,
    /// Newer ones than this.
    pub after: Option<RecordId>,
    buckets: u64,
}

impl Asked {
    /// Reads keys and values; empty values say nothing.
    ///
    /// # Errors
    /// Which cannot be understood, and what it should be.
    pub fn read<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> Result<Self, String> {
        let mut asked = Self {
            limit: MAX_PAGE,
            buckets: BUCKETS,
            ..Self::default()
        };
        for (key, value) in pairs {
            if !value.is_empty() {
                asked
                    .set(key, value)
                    .map_err(|why| format!("{key} {why} (is {value:?})"))?;
            }
        }
        if asked.before.is_some() && asked.after.is_some() {
            return Err("before and after cannot both be asked for".to_owned());
        }
        Ok(asked)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let some = || Some(value.to_owned());
        let filter = &mut self.filter;
        match key {
            "from" => filter.from = Some(moment(value)?),
            "to" => filter.to = Some(moment(value)?),
            "status" => {
                let ranges: Result<Vec<_>, String> = value.split(',').map(statuses).collect();
                filter.status = ranges?;
            }
            "node" => filter.node = some(),
            "site" => filter.site = some(),
            "method" => filter.method = some(),
            "path" => filter.path = some(),
            "client" => filter.client = Some(client(value)?),
            "slower_than" => filter.slower_than = Some(parse_time(value)?),
            "request_id" => filter.request_id = some(),
            "reason" => filter.reason = some(),
            "limit" => {
                self.limit = within(value, MAX_PAGE as u64)?
                    .try_into()
                    .unwrap_or(MAX_PAGE)
            }
            "before" => self.before = Some(id(value)?),
            "after" => self.after = Some(id(value)?),
            "buckets" => self.buckets = within(value, MAX_BUCKETS)?,
            _ => {
                return Err(
                    "is not known: from, to, status, node, site, method, path, client, \
                            slower_than, request_id, reason, limit, before, after and buckets are"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }

    /// The time and the parts of a histogram: the last hour where nothing is said.
    pub fn span(&self) -> (u64, u64, u64) {
        let to = match self.filter.to {
            Some(to) => to.saturating_add(1),
            None => since_1970(SystemTime::now()).saturating_add(1),
        };
        let hour = u64::try_from(SPAN.as_micros()).unwrap_or(0);
        let from = self.filter.from.unwrap_or(to.saturating_sub(hour));
        (from, to, self.buckets)
    }
}

/// Reads whose chart is wanted, and how far back.
///
/// # Errors
/// Which key cannot be understood, and what it should be.
pub fn read_chart<'p>(
    pairs: impl IntoIterator<Item = (&'p str, &'p str)>,
) -> Result<(Subject, Range), String> {
    let (mut subject, mut range) = (Subject::All, Range::Hour);
    for (key, value) in pairs {
        match key {
            "range" => {
                let known = Range::ALL.into_iter().find(|r| r.as_str() == value);
                range = known
                    .ok_or_else(|| format!("range must be 15m, 1h, 24h or 7d (is {value:?})"))?;
            }
            _ if value.is_empty() => {}
            "site" | "node" if subject != Subject::All => {
                return Err("site and node cannot both be asked for".to_owned());
            }
            "site" => subject = Subject::Site(value.to_owned()),
            "node" if value.contains('/') => subject = Subject::Node(value.to_owned()),
            "node" => return Err(format!("node must be POOL/NODE (is {value:?})")),
            _ => return Err(format!("{key} is not known: range, site and node are")),
        }
    }
    Ok((subject, range))
}

/// A date with its zone, seconds since 1970, or how long ago: microseconds since 1970.
fn moment(text: &str) -> Result<u64, String> {
    let bad = || "must be a time such as 2026-11-22T14:00:00Z, or how long ago, such as 15m";
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(seconds.saturating_mul(1_000_000));
    }
    if let Ok(ago) = parse_time(text) {
        return Ok(since_1970(
            SystemTime::now().checked_sub(ago).ok_or_else(bad)?,
        ));
    }
    let date: jiff::Timestamp = text.parse().map_err(|_| bad())?;
    Ok(u64::try_from(date.as_microsecond()).unwrap_or(0))
}

/// `404`, `5xx` or `400-499`.
fn statuses(text: &str) -> Result<RangeInclusive<u16>, String> {
    let bad = || "must be statuses such as 404, 5xx or 400-499, with commas between".to_owned();
    let code = |text: &str| {
        let number = text.parse::<u16>().ok();
        number
            .filter(|code| (100..1000).contains(code))
            .ok_or_else(bad)
    };
    if let Some(class) = text.strip_suffix("xx") {
        let first = code(&format!("{class}00"))?;
        return Ok(first..=first + 99);
    }
    match text.split_once('-') {
        Some((low, high)) => {
            let (low, high) = (code(low)?, code(high)?);
            (low <= high).then_some(low..=high).ok_or_else(bad)
        }
        None => code(text).map(|code| code..=code),
    }
}

fn client(text: &str) -> Result<ipnet::IpNet, String> {
    let ip = text.parse::<IpAddr>();
    let net = ip.map_or_else(|_| text.parse(), |ip| Ok(ip.to_canonical().into()));
    net.map_err(|_| "must be an address or a network, such as 192.0.2.7 or 10.0.0.0/8".to_owned())
}

fn within(text: &str, most: u64) -> Result<u64, String> {
    let number = text.parse::<u64>().ok().filter(|n| (1..=most).contains(n));
    number.ok_or_else(|| format!("must be 1 to {most}"))
}

fn id(text: &str) -> Result<RecordId, String> {
    text.parse()
        .map_err(|()| "must be the id of a record, such as 1-2-3".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Asked, read_chart};
    use crate::logs::{Range, Subject};
    use std::time::Duration;

    fn one(key: &str, value: &str) -> Result<Asked, String> {
        Asked::read([(key, value)])
    }

    #[test]
    fn a_search_is_read_in_every_form() {
        let status = |text| one("status", text).unwrap().filter.status;
        assert_eq!(status("404"), [404..=404]);
        assert_eq!(status("5xx,301,400-402"), [500..=599, 301..=301, 400..=402]);
        let from = |text| one("from", text).unwrap().filter.from.unwrap();
        assert_eq!(from("2026-11-22T14:00:00Z"), 1_795_356_000_000_000);
        assert_eq!(from("2026-11-22T22:00:00.5+08:00"), 1_795_356_000_500_000);
        assert_eq!(from("1795356000"), 1_795_356_000_000_000);
        assert!(from("15m") > from("1h"));
        let client = |text| {
            one("client", text)
                .unwrap()
                .filter
                .client
                .unwrap()
                .to_string()
        };
        assert_eq!(client("192.0.2.7"), "192.0.2.7/32");
        assert_eq!(client("::ffff:192.0.2.7"), "192.0.2.7/32");
        assert_eq!(client("10.0.0.0/8"), "10.0.0.0/8");
        let slow = one("slower_than", "1.5s").unwrap().filter.slower_than;
        assert_eq!(slow, Some(Duration::from_millis(1500)));
        let nothing = Asked::read([("status", ""), ("node", "")]).unwrap();
        assert!(nothing.filter.is_time_only() && nothing.limit == 200);
    }

    #[test]
    fn what_makes_no_sense_is_told_with_what_would() {
        for (key, value, part) in [
            ("status", "5x", "404, 5xx or 400-499"),
            ("status", "599-500", "404, 5xx or 400-499"),
            ("status", "99999xx", "404, 5xx or 400-499"),
            ("status", "99", "404, 5xx or 400-499"),
            ("from", "yesterday", "how long ago"),
            ("client", "10.0.0.0/99", "192.0.2.7 or 10.0.0.0/8"),
            ("slower_than", "5", "must have a unit"),
            ("limit", "0", "1 to 200"),
            ("limit", "201", "1 to 200"),
            ("buckets", "501", "1 to 500"),
            ("before", "x", "such as 1-2-3"),
            ("colour", "red", "is not known"),
        ] {
            let told = one(key, value).unwrap_err();
            assert!(told.contains(part) && told.starts_with(key), "{told}");
            assert!(told.contains(&format!("(is {value:?})")), "{told}");
        }
        assert!(Asked::read([("before", "1-2-3"), ("after", "1-2-3")]).is_err());
    }

    #[test]
    fn a_chart_is_read() {
        assert_eq!(read_chart([]), Ok((Subject::All, Range::Hour)));
        let site = read_chart([("range", "7d"), ("site", "shop")]);
        assert_eq!(site, Ok((Subject::Site("shop".into()), Range::Week)));
        let node = read_chart([("node", "django/web-1")]);
        assert_eq!(
            node,
            Ok((Subject::Node("django/web-1".into()), Range::Hour))
        );
        for bad in [
            ("range", "2h"),
            ("range", ""),
            ("node", "web-1"),
            ("colour", "red"),
        ] {
            assert!(read_chart([bad]).is_err(), "{bad:?}");
        }
        assert!(read_chart([("node", "a/b"), ("site", "c")]).is_err());
    }
}
