//! What is searched for.

use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;
use memchr::memmem;

use super::decode::Raw;
use super::encode::Text;

/// What a record has to be like. What is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// No earlier, in microseconds since 1970.
    pub from: Option<u64>,
    /// No later.
    pub to: Option<u64>,
    /// Its status is within one of these; none is any.
    pub status: Vec<RangeInclusive<u16>>,
    /// The name of a node that answered it or was asked in vain, or `pool/node`.
    pub node: Option<String>,
    /// The name of its site.
    pub site: Option<String>,
    /// Its method.
    pub method: Option<String>,
    /// This stands in its path, as that was sent.
    pub path: Option<String>,
    /// Its client is one of these.
    pub client: Option<IpNet>,
    /// It took longer.
    pub slower_than: Option<Duration>,
    /// Its request id.
    pub request_id: Option<String>,
    /// The reason code of an answer of our own.
    pub reason: Option<String>,
}

impl Filter {
    /// Whether nothing but the time matters.
    pub fn is_time_only(&self) -> bool {
        let plain = Self {
            from: self.from,
            to: self.to,
            ..Self::default()
        };
        *self == plain
    }

    /// The pool and the name of the node.
    pub(super) fn pool_and_node(&self) -> Option<(Option<&str>, &str)> {
        let node = self.node.as_deref()?;
        Some(match node.split_once('/') {
            // A Unix socket's whole address may be its name.
            Some((pool, name)) if !pool.is_empty() && !pool.contains(':') => (Some(pool), name),
            _ => (None, node),
        })
    }

    /// The microseconds that a record has to take longer than.
    pub(super) fn slower_micros(&self) -> Option<u64> {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.slower_than.map(micros)
    }

    /// Whether anything of `first` to `last` is within the time searched.
    pub(super) fn reaches(&self, first: u64, last: u64) -> bool {
        self.from.is_none_or(|from| last >= from) && self.to.is_none_or(|to| first <= to)
    }

    /// Whether `raw` is searched for.
    pub(super) fn takes(&self, raw: &Raw<'_>) -> bool {
        let is = |wanted: &Option<String>, text: Text| match wanted {
            Some(wanted) => raw.text(text) == Some(wanted.as_bytes()),
            None => true,
        };
        self.reaches(raw.time, raw.time)
            && (self.status.is_empty() || self.status.iter().any(|s| s.contains(&raw.status)))
            && self.slower_micros().is_none_or(|least| raw.total > least)
            && is(&self.site, Text::Site)
            && is(&self.method, Text::Method)
            && is(&self.reason, Text::Reason)
            && self
                .request_id
                .as_ref()
                .is_none_or(|id| raw.request_id == id.as_bytes())
            && self.client.is_none_or(|net| net.contains(&raw.client()))
            && self.takes_path(raw)
            && self.takes_node(raw)
    }

    fn takes_path(&self, raw: &Raw<'_>) -> bool {
        self.path.as_ref().is_none_or(|part| {
            let path = raw.text(Text::Path).unwrap_or_default();
            memmem::find(path, part.as_bytes()).is_some()
        })
    }

    fn takes_node(&self, raw: &Raw<'_>) -> bool {
        self.pool_and_node().is_none_or(|(pool, node)| {
            pool.is_none_or(|pool| raw.text(Text::Pool) == Some(pool.as_bytes()))
                && raw.asked(node.as_bytes())
        })
    }
}
