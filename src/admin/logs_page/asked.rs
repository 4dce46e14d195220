//! What is searched for on the page: the fields as they were typed, what is wrong with them, and
//! the links that change one of them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::tz::TimeZone;

use crate::admin::page::escaped;
use crate::admin::texts::Texts;
use crate::logs::{Asked, Filter, RecordId};

/// The fields, in the order of the form and of every link.
pub(super) const FIELDS: [&str; 11] = [
    "from",
    "to",
    "path",
    "status",
    "site",
    "node",
    "method",
    "client",
    "slower_than",
    "request_id",
    "reason",
];

/// In place of a time: everything there is.
const ALL: &str = "all";

/// How far back is searched where nobody says.
const USUAL: &str = "1h";

/// Limit: characters of a field. What is longer stands in no record.
const LONGEST: usize = 2000;

/// What is wrong with a field.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) field: &'static str,
    pub(super) words: &'static str,
}

/// One search.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// What was typed into the fields that have anything, in their order.
    values: Vec<(&'static str, String)>,
    /// What a record has to be like.
    pub(super) filter: Filter,
    /// Older ones than this.
    pub(super) before: Option<RecordId>,
    /// The record that is open.
    pub(super) open: Option<RecordId>,
    /// What comes is shown as it comes.
    pub(super) follow: bool,
    pub(super) faults: Vec<Fault>,
}

impl Search {
    /// Reads what is asked for; what cannot be understood is a fault.
    pub(super) fn read(pairs: &[(String, String)], t: Texts) -> Self {
        let mut search = Self::default();
        for field in FIELDS {
            let Some((_, value)) = pairs.iter().find(|(key, _)| key == field) else {
                continue;
            };
            let value: String = value.trim().chars().take(LONGEST).collect();
            if !value.is_empty() {
                search.values.push((field, value));
            }
        }
        let get = |name: &str| pairs.iter().find(|(key, _)| key == name);
        let id = |name| get(name).and_then(|(_, value)| value.parse().ok());
        (search.before, search.open) = (id("before"), id("open"));
        search.follow = get("follow").is_some();
        search.understand(t);
        search
    }

    fn understand(&mut self, t: Texts) {
        let mut pairs = Vec::new();
        for (field, value) in &self.values {
            let meant = meant(field, value);
            if Asked::read([(*field, meant.as_str())]).is_err() {
                let words = match *field {
                    "from" | "to" => t.log_fault_time(),
                    "status" => t.log_fault_status(),
                    "client" => t.log_fault_client(),
                    _ => t.log_fault_slower(),
                };
                self.faults.push(Fault { field, words });
            }
            pairs.push((*field, meant));
        }
        // An id is searched for wherever it is.
        if self.value("from").is_empty() && self.value("request_id").is_empty() {
            pairs.push(("from", USUAL.to_owned()));
        }
        let pairs = pairs.iter().map(|(field, meant)| (*field, meant.as_str()));
        self.filter = Asked::read(pairs)
            .map(|asked| asked.filter)
            .unwrap_or_default();
        // The end of a range is the begin of the next.
        if let Some(to) = &mut self.filter.to {
            *to = to.saturating_sub(1);
        }
        if let (Some(from), Some(to)) = (self.filter.from, self.filter.to)
            && to < from
        {
            let words = t.log_fault_order();
            self.faults.push(Fault { field: "to", words });
        }
    }

    /// What was typed into a field.
    pub(super) fn value(&self, field: &str) -> &str {
        let found = self.values.iter().find(|(name, _)| *name == field);
        found.map_or("", |(_, value)| value)
    }

    /// What is wrong with a field; nothing where it is well.
    pub(super) fn fault(&self, field: &str) -> &'static str {
        let found = self.faults.iter().find(|fault| fault.field == field);
        found.map_or("", |fault| fault.words)
    }

    /// Whether one is wrong that stands among the folded ones.
    pub(super) fn is_folded_wrong(&self) -> bool {
        self.faults.iter().any(|fault| fault.field != "path")
    }

    /// The fields but for the time, which has a place of its own.
    pub(super) fn traits(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = self.values.iter();
        let of = all.filter(|(field, _)| !matches!(*field, "from" | "to"));
        of.map(|(field, value)| (*field, value.as_str()))
    }

    /// How far back is searched, as the quick choices say it: empty where that is none of them.
    pub(super) fn range(&self) -> &str {
        match (self.value("from"), self.value("to")) {
            ("", "") if !self.value("request_id").is_empty() => ALL,
            ("", "") => USUAL,
            (from, "") => from,
            _ => "",
        }
    }

    /// Whether all there is is searched.
    pub(super) fn is_everything(&self) -> bool {
        self.filter.from.is_none()
    }

    /// Whether its time was chosen as such, and not as so long ago.
    pub(super) fn is_dated(&self) -> bool {
        let from = self.value("from");
        let is_ago = from.is_empty() || from == ALL || crate::document::parse_time(from).is_ok();
        !is_ago || !self.value("to").is_empty()
    }

    /// The page with these fields; empty ones are left out.
    fn link<'a>(&self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let mut link = "/logs".to_owned();
        let mut mark = '?';
        for (name, value) in fields {
            if !value.is_empty() {
                link.push(mark);
                link.push_str(&format!("{name}={}", escaped(value)));
                mark = '&';
            }
        }
        link
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
    }

    /// The same search.
    pub(super) fn here(&self) -> String {
        self.link(self.fields())
    }

    /// The same with one more field, or with another value of it.
    pub(super) fn with(&self, field: &str, value: &str) -> String {
        let rest = self.fields().filter(|(name, _)| *name != field);
        self.link(rest.chain([(field, value)]))
    }

    /// The same without a field.
    pub(super) fn without(&self, field: &str) -> String {
        self.with(field, "")
    }

    /// The same at another time.
    pub(super) fn at(&self, from: &str, to: &str) -> String {
        let rest = self
            .fields()
            .filter(|(name, _)| !matches!(*name, "from" | "to"));
        self.link([("from", from), ("to", to)].into_iter().chain(rest))
    }

    /// All there is, like this.
    pub(super) fn ever(&self) -> String {
        self.at(ALL, "")
    }

    /// Anything, at this time.
    pub(super) fn anything(&self) -> String {
        self.link([("from", self.value("from")), ("to", self.value("to"))])
    }

    /// What else is asked of this search, such as its download.
    pub(super) fn sub(&self, path: &str, more: &[(&str, &str)]) -> String {
        let query = self.link(self.fields().chain(more.iter().copied()));
        query.replacen("/logs", path, 1)
    }
}

/// What is meant by a value: what a person writes, and the API does not take.
fn meant(field: &str, value: &str) -> String {
    match field {
        "from" | "to" if value == ALL => String::new(),
        "from" | "to" => local(value).unwrap_or_else(|| value.to_owned()),
        // As browsers send it.
        "path" => sent(value),
        "slower_than" if value.bytes().all(|byte| byte.is_ascii_digit()) => format!("{value}ms"),
        "method" => value.to_ascii_uppercase(),
        _ => value.to_owned(),
    }
}

/// A date or a time of day by this machine's clock, as one that has its zone.
fn local(value: &str) -> Option<String> {
    let zone = TimeZone::system();
    let date = value.parse::<jiff::civil::DateTime>().ok();
    let date = date.or_else(|| {
        let time: jiff::civil::Time = value.parse().ok()?;
        Some(
            jiff::Timestamp::now()
                .to_zoned(zone.clone())
                .date()
                .to_datetime(time),
        )
    });
    // One that has its zone, or is no date, is not for here.
    let has_zone = value.ends_with(['Z', 'z']) || value.contains('+');
    let is_plain = !has_zone && value.matches('-').count() <= 2 && value.len() > 3;
    let zoned = date.filter(|_| is_plain)?.to_zoned(zone).ok()?;
    Some(zoned.timestamp().to_string())
}

/// A part of a path in the spelling that it has in requests.
fn sent(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        match byte {
            0x21..0x7f => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Microseconds since 1970 as a link says them.
pub(super) fn stamp(micros: u64) -> String {
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    time.to_string()
}

/// Now, in microseconds since 1970.
pub(super) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(now.unwrap_or(Duration::ZERO).as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Search, local, sent, stamp};
    use crate::admin::texts::Texts;
    use crate::model::Language;

    fn search(pairs: &[(&str, &str)]) -> Search {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let pairs: Vec<_> = pairs.iter().map(owned).collect();
        Search::read(&pairs, Texts(Language::English))
    }

    #[test]
    fn what_a_person_writes_is_understood() {
        let found = search(&[
            ("from", "2026-11-22 14:00"),
            ("to", "2026-11-22T14:05:30"),
            ("path", " /产品 a "),
            ("slower_than", "500"),
            ("method", "get"),
            ("colour", "red"),
        ]);
        assert!(found.faults.is_empty(), "{:?}", found.faults);
        let filter = &found.filter;
        assert_eq!(filter.path.as_deref(), Some("/%E4%BA%A7%E5%93%81%20a"));
        assert_eq!(filter.slower_than.unwrap().as_millis(), 500);
        assert_eq!(filter.method.as_deref(), Some("GET"));
        assert_eq!(filter.to.unwrap() - filter.from.unwrap(), 330_000_000 - 1);
        assert!(found.is_dated());
        assert!(local("14:00").is_some() && local("14:00:05").is_some());
        for other in [
            "15m",
            "2026-11-22T14:00:00Z",
            "2026-11-22T14:00:00+08:00",
            "12",
            "x",
        ] {
            assert_eq!(local(other), None, "{other}");
        }
        assert_eq!(sent("/a%20b?"), "/a%20b?");
        assert_eq!(stamp(1_795_356_000_500_000), "2026-11-22T14:00:00.5Z");
    }

    #[test]
    fn each_fault_stands_beside_its_field() {
        for (field, value) in [
            ("from", "yesterday"),
            ("to", "noon"),
            ("status", "5x"),
            ("client", "10.0.0.0/99"),
            ("slower_than", "fast"),
        ] {
            let found = search(&[(field, value)]);
            assert_eq!(found.faults.len(), 1, "{field}");
            assert!(!found.fault(field).is_empty() && found.fault("node").is_empty());
            assert_eq!(found.value(field), value, "what was typed stays");
        }
        let reverse = search(&[("from", "5m"), ("to", "10m")]);
        assert!(!reverse.fault("to").is_empty());
    }

    #[test]
    fn links_keep_what_they_do_not_change() {
        let found = search(&[("status", "5xx"), ("site", "a&b"), ("from", "15m")]);
        assert_eq!(found.here(), "/logs?from=15m&status=5xx&site=a%26b");
        assert_eq!(found.without("status"), "/logs?from=15m&site=a%26b");
        assert_eq!(found.with("site", "c"), "/logs?from=15m&status=5xx&site=c");
        assert_eq!(found.at("1h", ""), "/logs?from=1h&status=5xx&site=a%26b");
        assert_eq!(found.anything(), "/logs?from=15m");
        assert_eq!(
            found.sub("/logs/download", &[("format", "json")]),
            "/logs/download?from=15m&status=5xx&site=a%26b&format=json"
        );
        assert_eq!((found.range(), search(&[]).range()), ("15m", "1h"));
        assert!(search(&[("request_id", "x")]).is_everything());
        assert!(search(&[("from", "all")]).is_everything() && !search(&[]).is_everything());
    }
}
