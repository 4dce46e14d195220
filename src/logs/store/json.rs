//! What was found, as the API says it. Records are written already: they are put in as they are.

use std::time::Duration;

use serde_json::{Value, json};

use super::charts::{Chart, Point};
use super::events::Noted;
use super::histogram::{Bucket, Histogram};
use super::search::{Found, Page, RecordId, date};

impl Found {
    /// The fields of the JSON log behind the record's id.
    pub fn to_json(&self) -> String {
        let fields = self.json.strip_prefix('{').unwrap_or("}");
        format!("{{\"id\":\"{}\",{fields}", self.id)
    }
}

impl Page {
    /// The same as a value.
    pub fn to_value(&self) -> Value {
        serde_json::from_str(&self.to_json()).unwrap_or_default()
    }

    /// `{"records", "next", "newest", "searched_back_to", "visited", "unreadable"}`.
    pub fn to_json(&self) -> String {
        let records: Vec<String> = self.records.iter().map(Found::to_json).collect();
        let rest = json!({
            "next": self.next.map(|id| id.to_string()),
            "newest": self.newest().map(|id| id.to_string()),
            "searched_back_to": self.searched_back_to.map(date),
            "visited": self.visited,
            "unreadable": self.unreadable,
        });
        let rest = rest.to_string();
        let rest = rest.strip_prefix('{').unwrap_or("}");
        format!("{{\"records\":[{}],{rest}", records.join(","))
    }

    /// The newest record of it, by its arrival.
    pub fn newest(&self) -> Option<RecordId> {
        self.records.iter().map(|found| found.id).max()
    }
}

impl Histogram {
    /// `{"width_s", "buckets": [{"time", "requests": {…}}], "searched_back_to", "visited"}`.
    pub fn to_json(&self) -> String {
        let width = Duration::from_micros(self.width).as_secs_f64();
        let buckets: Vec<_> = self.buckets.iter().map(bucket_json).collect();
        let told = json!({
            "width_s": width,
            "buckets": buckets,
            "searched_back_to": self.searched_back_to.map(date),
            "visited": self.visited,
        });
        told.to_string()
    }
}

fn bucket_json(bucket: &Bucket) -> Value {
    let [other, ok, redirect, client, server] = bucket.classes;
    json!({
        "time": date(bucket.from),
        "requests": {
            "2xx": ok, "3xx": redirect, "4xx": client, "5xx": server, "other": other,
        },
    })
}

impl Noted {
    /// `{"id", "time", "kind", "pool", "node", "revision", "author", "words"}`.
    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "time": date(self.time),
            "kind": self.kind,
            "pool": self.pool,
            "node": self.node,
            "revision": self.revision,
            "author": self.author,
            "words": self.words,
        })
    }
}

impl Chart {
    /// A column of all points for each number.
    pub fn to_json(&self) -> Value {
        let column = |of: &dyn Fn(&Point) -> Value| self.points.iter().map(of).collect::<Vec<_>>();
        let class = |n: usize| column(&|point| point.classes[n].into());
        let quantile = |n: usize| {
            let seconds = |micros| Duration::from_micros(micros).as_secs_f64();
            column(&|point| point.quantiles[n].map(seconds).into())
        };
        json!({
            "range": self.range.as_str(),
            "step_s": self.step,
            "time": column(&|point| point.time.into()),
            "requests": {
                "2xx": class(1), "3xx": class(2), "4xx": class(3), "5xx": class(4),
                "other": class(0),
            },
            "latency": { "p50_s": quantile(0), "p95_s": quantile(1), "p99_s": quantile(2) },
            "bytes_in": column(&|point| point.bytes_in.into()),
            "bytes_out": column(&|point| point.bytes_out.into()),
            "events": self.events.iter().map(Noted::to_json).collect::<Vec<_>>(),
        })
    }
}
