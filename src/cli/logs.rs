//! `logs`: searching the log store, or following it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::instance::{Instance, pause};
use super::output::{Failure, print, say};
use crate::logs::Asked;

/// How often the log is looked at while it is followed.
const LOOK: Duration = Duration::from_secs(1);

/// What to search for. Values are those of the API.
#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    /// No earlier than this: 2026-11-22T14:00:00Z, or how long ago, such as 15m
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// No later
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Statuses: 404, 5xx, 400-499, with commas between
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// A node that answered or was asked in vain: NAME or POOL/NAME
    #[arg(long)]
    node: Option<String>,
    /// The name of a site
    #[arg(long)]
    site: Option<String>,
    /// The method
    #[arg(long)]
    method: Option<String>,
    /// This stands in the path
    #[arg(long, value_name = "PART")]
    path: Option<String>,
    /// A client's address, or a network such as 10.0.0.0/8
    #[arg(long, value_name = "IP")]
    client: Option<String>,
    /// It took longer, such as 500ms
    #[arg(long, value_name = "TIME")]
    slower_than: Option<String>,
    /// The request id
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// The reason code of an answer of our own, such as no_node
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// At most so many, 200 at most
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    limit: u16,
    /// Those older than the record of this id: how a search goes on
    #[arg(long, value_name = "ID")]
    before: Option<String>,
    /// Go on showing what is new, until interrupted
    #[arg(short, long, conflicts_with_all = ["before", "to"])]
    follow: bool,
    /// Print JSON: the whole answer, or with --follow a record a line
    #[arg(long)]
    json: bool,
}

impl LogsArgs {
    /// The keys and values that the API is asked with.
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let keys = [
            ("from", &self.from),
            ("to", &self.to),
            ("status", &self.status),
            ("node", &self.node),
            ("site", &self.site),
            ("method", &self.method),
            ("path", &self.path),
            ("client", &self.client),
            ("slower_than", &self.slower_than),
            ("request_id", &self.request_id),
            ("reason", &self.reason),
            ("before", &self.before),
        ];
        let given = keys
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.clone()?)));
        given.chain([("limit", self.limit.to_string())]).collect()
    }
}

pub(super) fn run(dir: &Path, args: &LogsArgs) -> Result<ExitCode, Failure> {
    let mut pairs = args.pairs();
    let read = Asked::read(pairs.iter().map(|(key, value)| (*key, value.as_str())));
    read.map_err(Failure::usage)?;
    let instance = Instance::find(dir)?;
    if args.follow && !instance.is_running() {
        return Err(Failure::run_time(
            "nothing runs here, so there is nothing to follow",
        ));
    }
    loop {
        let page = instance.logs(&pairs)?;
        if !args.follow {
            return show(&page, args.json).map(|()| ExitCode::SUCCESS);
        }
        let mut shown = String::new();
        for record in oldest_first(&page) {
            match args.json {
                true => _ = writeln!(shown, "{record}"),
                false => shown.push_str(&line(record)),
            }
        }
        print(&shown)?;
        follow_on(&mut pairs, &page);
        pause(LOOK);
    }
}

/// Has the next look begin behind what this one found.
fn follow_on(pairs: &mut Vec<(&'static str, String)>, page: &Value) {
    if let Some(newest) = page["newest"].as_str() {
        pairs.retain(|(key, _)| *key != "after" && *key != "limit");
        pairs.push(("after", newest.to_owned()));
    }
}

fn show(page: &Value, json: bool) -> Result<(), Failure> {
    if json {
        return say(&page.to_string());
    }
    let mut shown = String::new();
    for record in oldest_first(page) {
        shown.push_str(&line(record));
    }
    if let Some(next) = page["next"].as_str() {
        let back_to = page["searched_back_to"].as_str().unwrap_or_default();
        shown.push_str(&format!(
            "searched back to {back_to}; go on with --before {next}\n"
        ));
    } else if shown.is_empty() {
        shown.push_str("nothing found\n");
    }
    print(&shown)
}

/// As a log is read: the newest at the end.
fn oldest_first(page: &Value) -> impl Iterator<Item = &Value> {
    page["records"].as_array().into_iter().flatten().rev()
}

/// One record in one line; what commands a terminal is shown and not obeyed.
fn line(record: &Value) -> String {
    let text = |key: &str| record[key].as_str().unwrap_or("-").to_owned();
    let query = record["query"].as_str().map(|query| format!("?{query}"));
    let mut line = format!(
        "{} {} {} {}{}{} {} {} {:.3}s",
        text("time"),
        record["status"],
        text("method"),
        text("host"),
        text("path"),
        query.unwrap_or_default(),
        text("client_ip"),
        text("node"),
        record["total_s"].as_f64().unwrap_or_default(),
    );
    if let Some(reason) = record["reason"].as_str() {
        line.push(' ');
        line.push_str(reason);
    }
    let tries = record["tries"].as_array().map_or(&[][..], Vec::as_slice);
    for failed in tries.iter().filter(|one| one["reason"].is_string()) {
        let words = |key: &str| failed[key].as_str().unwrap_or("-").to_owned();
        _ = write!(line, " [{}: {}]", words("node"), words("reason"));
    }
    let mut safe = String::new();
    for c in line.chars() {
        match c.is_control() {
            true => safe.extend(c.escape_default()),
            false => safe.push(c),
        }
    }
    safe.push('\n');
    safe
}

#[cfg(test)]
mod tests {
    use super::line;
    use serde_json::json;

    #[test]
    fn a_record_is_one_line_that_commands_no_terminal() {
        let record = json!({
            "time": "2026-11-22T14:00:00.123Z", "status": 502, "method": "GET",
            "host": "shop.example.com", "path": "/a\u{1b}[2J\n\u{9b}b", "query": "c=d",
            "client_ip": "192.0.2.7", "node": null, "reason": "node_refused", "total_s": 0.0123,
            "tries": [
                {"node": "web-1", "reason": "node_refused"},
                {"node": "web-2", "reason": null},
            ],
        });
        assert_eq!(
            line(&record),
            "2026-11-22T14:00:00.123Z 502 GET shop.example.com/a\\u{1b}[2J\\n\\u{9b}b?c=d \
             192.0.2.7 - 0.012s node_refused [web-1: node_refused]\n"
        );
    }
}
