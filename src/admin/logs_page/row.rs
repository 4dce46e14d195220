//! One record as the page shows it: its row, and all that is known of it.

use std::time::Duration;

use serde::Deserialize;

use super::shown;
use crate::admin::texts::Texts;
use crate::logs::{Found, RecordId};
use crate::model::Config;

/// Slower ones stand out.
const SLOW: Duration = Duration::from_secs(1);

/// A record as the JSON log has it.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    listener: String,
    site: Option<String>,
    route: Option<String>,
    pub(super) client_ip: String,
    pub(super) method: String,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    protocol: String,
    pub(super) tls: Option<String>,
    pub(super) status: u16,
    bytes_in: u64,
    bytes_out: u64,
    reason: Option<String>,
    pub(super) revision: u64,
    pub(super) request_id: String,
    pub(super) user_agent: Option<String>,
    pub(super) referer: Option<String>,
    node: Option<String>,
    tries: Vec<Tried>,
    queue_s: f64,
    total_s: f64,
}

#[derive(Debug, Deserialize)]
struct Tried {
    node: String,
    address: String,
    status: Option<u16>,
    reason: Option<String>,
    connect_s: Option<f64>,
    first_byte_s: Option<f64>,
}

impl Tried {
    /// The time that is known to have gone into it.
    fn known(&self) -> Duration {
        seconds(self.connect_s) + seconds(self.first_byte_s)
    }

    fn is_in_vain(&self) -> bool {
        self.reason.is_some()
    }
}

fn seconds(seconds: impl Into<Option<f64>>) -> Duration {
    let seconds = seconds.into().unwrap_or(0.0);
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// One record on the page.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: RecordId,
    /// Microseconds since 1970.
    pub(super) micros: u64,
    pub(super) line: Line,
    pub(super) t: Texts,
}

/// A node that was asked, in words.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) node: String,
    pub(super) address: String,
    pub(super) words: String,
    pub(super) is_well: bool,
}

/// A part of the time that the whole took.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) words: String,
    pub(super) time: String,
    /// Where its bar begins and how long it is, in percent.
    pub(super) from: String,
    pub(super) width: String,
    pub(super) is_lost: bool,
}

impl Row {
    /// None where the line cannot be read, which no line of ours is.
    pub(super) fn of(found: &Found, t: Texts) -> Option<Self> {
        let line = serde_json::from_str(&found.json).ok()?;
        Some(Self {
            id: found.id,
            micros: found.time,
            line,
            t,
        })
    }

    /// Its time, to the millisecond.
    pub(super) fn time(&self) -> String {
        let millis = self.micros / 1000 % 1000;
        format!("{}.{millis:03}", shown::moment(self.micros))
    }

    /// In UTC, as programs read it.
    pub(super) fn utc(&self) -> String {
        crate::logs::date(self.micros)
    }

    /// Colour and shape of its status.
    pub(super) fn mark(&self) -> (&'static str, &'static str) {
        shown::mark(self.line.status)
    }

    /// The colour of the status itself: only what is wrong has one.
    pub(super) fn tone(&self) -> &'static str {
        match self.line.status {
            400..=499 => "warn",
            500..=599 => "down",
            _ => "",
        }
    }

    pub(super) fn method(&self) -> String {
        shown::short(&self.line.method)
    }

    pub(super) fn target(&self) -> String {
        match &self.line.query {
            Some(query) => format!("{}?{query}", self.line.path),
            None => self.line.path.clone(),
        }
    }

    /// Path and query, as far as there is room.
    pub(super) fn path(&self) -> String {
        shown::short(&self.target())
    }

    /// The whole URL as it was asked for, as text.
    pub(super) fn url(&self) -> String {
        let scheme = if self.line.tls.is_some() {
            "https"
        } else {
            "http"
        };
        shown::text(&format!("{scheme}://{}{}", self.line.host, self.target()))
    }

    /// What is worth saying behind the path.
    pub(super) fn note(&self) -> String {
        match (&self.line.reason, self.line.tries.len()) {
            (Some(reason), _) => shown::reason(self.t, reason),
            (None, tries @ 2..) => self.t.log_tried_count(tries),
            (None, _) => String::new(),
        }
    }

    /// The node that answered, or was asked last.
    pub(super) fn node(&self) -> String {
        let last = || self.line.tries.last().map(|tried| tried.node.as_str());
        let node = self.line.node.as_deref().or_else(last);
        shown::short(node.unwrap_or_default())
    }

    /// How long it took: number and unit.
    pub(super) fn took(&self) -> (String, &'static str) {
        shown::took(self.total())
    }

    pub(super) fn is_slow(&self) -> bool {
        self.total() > SLOW && self.line.status != 101
    }

    pub(super) fn size(&self) -> String {
        shown::bytes(self.line.bytes_out)
    }

    fn total(&self) -> Duration {
        seconds(self.line.total_s)
    }

    /// Every node that was asked, in order.
    pub(super) fn tries(&self) -> Vec<Asked> {
        let t = self.t;
        let words = |tried: &Tried| {
            let after = shown::time(tried.known());
            match (tried.status, &tried.reason) {
                (_, Some(reason)) => shown::reason(t, reason),
                (Some(status), None) if Some(&tried.node) != self.line.node.as_ref() => {
                    t.log_answered_retried(status)
                }
                (Some(status), None) if tried.connect_s.is_none() => {
                    t.log_answered_kept(status, after)
                }
                (Some(status), None) => t.log_answered(status, after),
                (None, None) => String::new(),
            }
        };
        let tries = self.line.tries.iter().map(|tried| Asked {
            node: shown::text(&tried.node),
            address: shown::text(&tried.address),
            words: words(tried),
            is_well: !tried.is_in_vain() && tried.status.is_some_and(|status| status < 500),
        });
        tries.collect()
    }

    /// What is said where no node was asked.
    pub(super) fn no_tries(&self) -> &'static str {
        match self.line.reason {
            Some(_) => self.t.log_no_node_tried(),
            None => self.t.log_no_node_files(),
        }
    }

    /// Where the time went, in order.
    pub(super) fn parts(&self) -> Vec<Part> {
        let t = self.t;
        let mut parts: Vec<(String, Duration, bool)> = Vec::new();
        if !self.line.tries.is_empty() || self.line.queue_s > 0.0 {
            parts.push((
                t.log_t_queue().to_owned(),
                seconds(self.line.queue_s),
                false,
            ));
        }
        for tried in &self.line.tries {
            let node = shown::text(&tried.node);
            if let Some(connect) = tried.connect_s {
                parts.push((t.log_t_connect(&node), seconds(connect), tried.is_in_vain()));
            }
            if let Some(first) = tried.first_byte_s {
                parts.push((
                    t.log_t_first_byte(&node),
                    seconds(first),
                    tried.is_in_vain(),
                ));
            }
        }
        let known: Duration = parts.iter().map(|part| part.1).sum();
        let rest = self.total().saturating_sub(known);
        // One that did not answer in time, say: how long it was waited for is not noted by itself.
        let untimed = |tried: &&Tried| tried.is_in_vain() && tried.first_byte_s.is_none();
        let in_vain = self.line.tries.iter().filter(untimed);
        let in_vain: Vec<&Tried> = in_vain.filter(|tried| !is_unconnected(tried)).collect();
        parts.push(match in_vain.last() {
            Some(tried) => (t.log_t_rest_vain(shown::text(&tried.node)), rest, true),
            None if self.line.tries.is_empty() => (t.log_t_whole().to_owned(), rest, false),
            None => (t.log_t_rest().to_owned(), rest, false),
        });
        laid_out(parts)
    }

    /// All of it, and what of it a node took that did not answer.
    pub(super) fn sum(&self) -> (String, Option<String>) {
        let mut lost = self.line.tries.iter().filter(|tried| tried.is_in_vain());
        let lost = lost.next().filter(|tried| !tried.known().is_zero());
        let lost = lost.map(|tried| {
            let node = shown::text(&tried.node);
            self.t.log_total_lost(shown::time(tried.known()), node)
        });
        (self.t.log_total(shown::time(self.total())), lost)
    }

    /// What else is known of the request: names and values.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let (t, line) = (self.t, &self.line);
        let none = || t.log_d_none().to_owned();
        let named = |name: &Option<String>| name.as_deref().map_or_else(none, shown::text);
        let mut facts = vec![];
        if let Some(reason) = &line.reason {
            let words = shown::reason(t, reason);
            facts.push((
                t.log_d_reason(),
                format!("{words} ({})", shown::text(reason)),
            ));
        }
        facts.push((
            t.log_d_site(),
            format!("{}, {}", named(&line.site), named(&line.route)),
        ));
        let mut client = vec![shown::text(&line.client_ip)];
        client.extend(
            [&line.protocol]
                .map(|p| shown::text(p))
                .into_iter()
                .filter(|p| !p.is_empty()),
        );
        client.extend(
            line.tls
                .as_deref()
                .map(|tls| shown::text(tls).replace("TLSv", "TLS ")),
        );
        facts.push((t.log_client_word(), client.join(", ")));
        facts.push((t.log_d_listener(), shown::text(&line.listener)));
        if let Some(agent) = line.user_agent.as_deref().filter(|agent| !agent.is_empty()) {
            facts.push((t.log_d_browser(), shown::browser(t, agent)));
        }
        if let Some(from) = line.referer.as_deref().filter(|from| !from.is_empty()) {
            facts.push((t.log_d_from(), shown::text(from)));
        }
        let (inward, outward) = (shown::bytes(line.bytes_in), shown::bytes(line.bytes_out));
        facts.push((t.log_d_sizes(), t.log_d_sizes_of(inward, outward)));
        facts.push((t.log_d_revision(), line.revision.to_string()));
        facts
    }

    /// The port that its listener has now.
    pub(super) fn port(&self, config: &Config) -> Option<u16> {
        let mut all = config.listeners.iter();
        let found = all.find(|listener| listener.name.as_str() == self.line.listener);
        found.map(|listener| listener.address.port())
    }

    pub(super) fn request_id(&self) -> String {
        shown::text(&self.line.request_id)
    }

    /// What the browser said of itself, whole.
    pub(super) fn agent(&self) -> String {
        shown::text(self.line.user_agent.as_deref().unwrap_or_default())
    }
}

/// Whether it ended before there was a connection: its time is that of connecting.
fn is_unconnected(tried: &Tried) -> bool {
    let reason = tried.reason.as_deref();
    let unconnected = ["node_refused", "node_connect_timeout", "node_tls"];
    tried.connect_s.is_some() && reason.is_some_and(|reason| unconnected.contains(&reason))
}

/// The bars one behind another, in percent of the whole.
fn laid_out(parts: Vec<(String, Duration, bool)>) -> Vec<Part> {
    let whole: Duration = parts.iter().map(|part| part.1).sum();
    let whole = whole.as_secs_f64().max(1e-9);
    let mut at = 0.0;
    let mut out = Vec::new();
    for (words, time, is_lost) in parts {
        let share = time.as_secs_f64() / whole * 100.0;
        // What is there at all can be seen.
        let width = if time.is_zero() { 0.0 } else { share.max(0.6) };
        let from = f64::min(at, 100.0 - width);
        out.push(Part {
            words,
            time: shown::time(time),
            from: format!("{from:.1}%"),
            width: format!("{width:.1}%"),
            is_lost,
        });
        at += share;
    }
    out
}
