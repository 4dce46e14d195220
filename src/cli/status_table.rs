//! What `status` shows to people: a sentence that says whether all is well, then
//! listeners and nodes in aligned columns. Pure: JSON in, text out, no colours.

use std::fmt::Write;

use serde::Deserialize;

/// Troubles told in the first sentence; the tables show the rest.
const MAX_TOLD: usize = 3;

/// The running instance as `status --json` tells it; see the document of the outputs.
#[derive(Debug, Deserialize)]
pub(super) struct Status {
    revision: u64,
    state: String,
    /// Why it is degraded, a sentence each.
    #[serde(default)]
    reasons: Vec<String>,
    #[serde(default)]
    listeners: Vec<Listener>,
    #[serde(default)]
    pools: Vec<Pool>,
}

#[derive(Debug, Deserialize)]
struct Listener {
    name: String,
    address: String,
    open: bool,
}

#[derive(Debug, Deserialize)]
struct Pool {
    name: String,
    policy: String,
    nodes: Vec<Node>,
}

/// One node of a pool.
#[derive(Debug, Deserialize)]
pub(super) struct Node {
    name: String,
    address: String,
    weight: u32,
    /// Its part of the pool's requests by weight, 0 to 1.
    share: f64,
    admin_state: String,
    /// `up`, `down` or `unknown`.
    pub(super) health: String,
    check: Option<Check>,
    ejected_until: Option<String>,
    /// Requests being answered now.
    pub(super) in_flight: u64,
    requests: u64,
    errors: u64,
    /// Draining, and nothing in flight.
    #[serde(default)]
    pub(super) drained: bool,
}

/// What the last probe saw.
#[derive(Debug, Deserialize)]
struct Check {
    ms: Option<f64>,
    #[serde(default)]
    text: String,
}

impl Status {
    /// The node called `node` in the pool called `pool`.
    pub(super) fn node(&self, pool: &str, node: &str) -> Option<&Node> {
        let pool = self.pools.iter().find(|p| p.name == pool)?;
        pool.nodes.iter().find(|n| n.name == node)
    }

    /// The whole page.
    pub(super) fn render(&self) -> String {
        let mut page = self.headline();
        page.push('\n');
        if !self.listeners.is_empty() {
            page.push('\n');
            page.push_str(&self.listener_table());
        }
        for pool in &self.pools {
            let _ = write!(page, "\nPOOL {}, {}\n", pool.name, pool.policy);
            page.push_str(&pool.table());
        }
        page
    }

    /// One sentence: is all well, and if not, what is not.
    fn headline(&self) -> String {
        let troubles = self.troubles();
        let revision = self.revision;
        let said = match self.state.as_str() {
            "setup" => "Nothing is configured yet: `steelyard apply FILE` makes it so".to_owned(),
            "stopped" => {
                format!("Steelyard is stopped; revision {revision} starts serving when it starts")
            }
            "serving" if troubles.is_empty() => {
                format!(
                    "All is well: revision {revision} is serving{}",
                    self.resting()
                )
            }
            _ => format!("Revision {revision} is serving"),
        };
        if troubles.is_empty() {
            return format!("{said}.");
        }
        let (told, rest) = troubles.split_at(troubles.len().min(MAX_TOLD));
        let more = match rest.len() {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        format!("{said}, but {}{more}.", told.join("; "))
    }

    /// What the operator did not ask for, the worst first.
    fn troubles(&self) -> Vec<String> {
        let mut troubles = self.reasons.clone();
        for (pool, node) in self.nodes().filter(|(_, node)| node.is_enabled()) {
            if node.health == "down" {
                troubles.push(format!("{pool}/{} is down", node.name));
            } else if node.ejected_until.is_some() {
                troubles.push(format!("{pool}/{} failed requests and rests", node.name));
            }
        }
        troubles
    }

    /// What rests because the operator wants it so.
    fn resting(&self) -> String {
        let resting: Vec<String> = self
            .nodes()
            .filter(|(_, node)| !node.is_enabled())
            .map(|(pool, node)| format!("{pool}/{} is {}", node.name, node.state()))
            .collect();
        if resting.is_empty() {
            String::new()
        } else {
            format!("; {}", resting.join(", "))
        }
    }

    fn nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.pools
            .iter()
            .flat_map(|pool| pool.nodes.iter().map(|node| (pool.name.as_str(), node)))
    }

    fn listener_table(&self) -> String {
        let mut rows = vec![row(["LISTENER", "ADDRESS", "STATE"])];
        for listener in &self.listeners {
            let state = if listener.open { "open" } else { "not open" };
            rows.push(row([&listener.name, &listener.address, state]));
        }
        align(&rows, &[])
    }
}

impl Pool {
    fn table(&self) -> String {
        let mut rows = vec![row([
            "NODE",
            "ADDRESS",
            "WEIGHT",
            "SHARE",
            "STATE",
            "HEALTH",
            "IN FLIGHT",
            "REQUESTS",
            "ERRORS",
        ])];
        for node in &self.nodes {
            rows.push(row([
                node.name.as_str(),
                &node.address,
                &node.weight.to_string(),
                &format!("{:.0} %", node.share * 100.0),
                node.state(),
                &node.health_in_brief(),
                &node.in_flight.to_string(),
                &node.requests.to_string(),
                &node.errors.to_string(),
            ]));
        }
        let mut table = align(&rows, &[2, 3, 6, 7, 8]);
        // Below the table: a reason is a sentence, and would push the counts off the screen.
        for node in self.nodes.iter().filter(|node| node.health == "down") {
            let _ = writeln!(table, "{} is {}", node.name, node.health_and_why());
        }
        table
    }
}

impl Node {
    fn is_enabled(&self) -> bool {
        self.admin_state == "enabled"
    }

    fn state(&self) -> &str {
        if self.drained {
            "drained"
        } else {
            &self.admin_state
        }
    }

    /// `up, 12 ms`, or `down`.
    fn health_in_brief(&self) -> String {
        let mut text = self.health.clone();
        if let Some(Check { ms: Some(ms), .. }) = &self.check
            && self.health == "up"
        {
            let _ = write!(text, ", {ms:.0} ms");
        }
        if self.ejected_until.is_some() {
            text.push_str(", resting");
        }
        text
    }

    /// `down: connection refused`.
    pub(super) fn health_and_why(&self) -> String {
        match &self.check {
            Some(check) if self.health != "up" && !check.text.is_empty() => {
                format!("{}: {}", self.health, check.text)
            }
            _ => self.health_in_brief(),
        }
    }
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// Pads every column to its widest cell; the columns in `right` hold numbers.
pub(super) fn align(rows: &[Vec<String>], right: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            if column > 0 {
                line.push_str("  ");
            }
            let _ = if right.contains(&column) {
                write!(line, "{cell:>width$}")
            } else {
                write!(line, "{cell:<width$}")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Status;

    fn node(name: &str, weight: u32, share: f64) -> Value {
        json!({
            "name": name, "address": format!("192.168.1.10{weight}:8000"), "weight": weight, "share": share,
            "admin_state": "enabled", "health": "up",
            "check": {"code": "ok", "status": 200, "ms": 12, "text": "200 OK", "at": "2026-01-01T00:00:00Z"},
            "ejected_until": null, "in_flight": 0, "bound": 0, "requests": 0, "errors": 0, "drained": false
        })
    }

    fn site() -> Value {
        json!({
            "revision": 7, "state": "serving",
            "listeners": [{"name": "http", "address": "0.0.0.0:80", "open": true}],
            "pools": [{
                "name": "django", "policy": "least_conn", "fail_open": false, "queued": 0,
                "nodes": [node("web-1", 3, 0.5), node("web-2", 2, 1.0 / 3.0), node("web-3", 1, 1.0 / 6.0)]
            }]
        })
    }

    fn rendered(status: Value) -> String {
        serde_json::from_value::<Status>(status).unwrap().render()
    }

    #[test]
    fn a_sound_site_is_one_good_sentence_and_two_tables() {
        let mut status = site();
        status["pools"][0]["nodes"][0]["requests"] = json!(12034);
        status["pools"][0]["nodes"][0]["in_flight"] = json!(2);
        assert_eq!(
            rendered(status),
            "\
All is well: revision 7 is serving.

LISTENER  ADDRESS     STATE
http      0.0.0.0:80  open

POOL django, least_conn
NODE   ADDRESS             WEIGHT  SHARE  STATE    HEALTH     IN FLIGHT  REQUESTS  ERRORS
web-1  192.168.1.103:8000       3   50 %  enabled  up, 12 ms          2     12034       0
web-2  192.168.1.102:8000       2   33 %  enabled  up, 12 ms          0         0       0
web-3  192.168.1.101:8000       1   17 %  enabled  up, 12 ms          0         0       0
"
        );
    }

    #[test]
    fn a_node_that_is_down_is_named_first_with_its_reason() {
        let mut status = site();
        status["state"] = json!("degraded");
        let nodes = &mut status["pools"][0]["nodes"];
        nodes[1]["health"] = json!("down");
        nodes[1]["check"] = json!({"code": "refused", "status": null, "ms": 0.2,
            "text": "connection refused", "at": null});
        nodes[1]["errors"] = json!(3);
        nodes[2]["ejected_until"] = json!("2026-01-01T00:00:10Z");
        assert_eq!(
            rendered(status),
            "\
Revision 7 is serving, but django/web-2 is down; django/web-3 failed requests and rests.

LISTENER  ADDRESS     STATE
http      0.0.0.0:80  open

POOL django, least_conn
NODE   ADDRESS             WEIGHT  SHARE  STATE    HEALTH              IN FLIGHT  REQUESTS  ERRORS
web-1  192.168.1.103:8000       3   50 %  enabled  up, 12 ms                   0         0       0
web-2  192.168.1.102:8000       2   33 %  enabled  down                        0         0       3
web-3  192.168.1.101:8000       1   17 %  enabled  up, 12 ms, resting          0         0       0
web-2 is down: connection refused
"
        );
    }

    fn headline(status: Value) -> String {
        rendered(status).lines().next().unwrap().to_owned()
    }

    #[test]
    fn what_the_operator_wants_is_no_trouble() {
        let mut status = site();
        let nodes = &mut status["pools"][0]["nodes"];
        nodes[0]["admin_state"] = json!("draining");
        nodes[0]["drained"] = json!(true);
        nodes[1]["admin_state"] = json!("disabled");
        nodes[1]["health"] = json!("down");
        assert_eq!(
            headline(status),
            "All is well: revision 7 is serving; django/web-1 is drained, django/web-2 is disabled."
        );
    }

    #[test]
    fn the_headline_says_what_is_not_well() {
        let mut status = site();
        status["state"] = json!("degraded");
        status["reasons"] = json!(["listener http is not open on 0.0.0.0:80"]);
        for node in status["pools"][0]["nodes"].as_array_mut().unwrap() {
            node["health"] = json!("down");
        }
        assert_eq!(
            headline(status),
            "Revision 7 is serving, but listener http is not open on 0.0.0.0:80; \
             django/web-1 is down; django/web-2 is down; and 1 more."
        );
        assert_eq!(
            headline(json!({"revision": 0, "state": "setup"})),
            "Nothing is configured yet: `steelyard apply FILE` makes it so."
        );
        assert_eq!(
            headline(json!({"revision": 3, "state": "stopped"})),
            "Steelyard is stopped; revision 3 starts serving when it starts."
        );
        assert_eq!(
            headline(
                json!({"revision": 3, "state": "stopped", "reasons": ["config.db is missing"]})
            ),
            "Steelyard is stopped; revision 3 starts serving when it starts, but config.db is missing."
        );
    }
}
