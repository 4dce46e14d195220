//! What `status` shows to people: a sentence that says whether all is well, then
//! listeners and nodes in aligned columns. Pure: JSON in, text out, no colours.

mod sessions;

use std::fmt::Write;

use serde::Deserialize;

use sessions::Sessions;

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
    sessions: Option<Sessions>,
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
    /// Whether no enabled node is well, so that all of them are asked.
    #[serde(default)]
    fail_open: bool,
    /// Requests that wait for a node with room.
    #[serde(default)]
    queued: u64,
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
    #[serde(default)]
    lookup: Option<Lookup>,
    ejected_until: Option<String>,
    /// Requests being answered now.
    pub(super) in_flight: u64,
    /// Clients bound to it by affinity.
    #[serde(default)]
    pub(super) bound: u64,
    /// When the last binding ends that there may be.
    #[serde(default)]
    pub(super) bound_until: Option<String>,
    requests: u64,
    errors: u64,
    /// Draining, nothing in flight and nobody bound.
    #[serde(default)]
    pub(super) drained: bool,
}

/// What the last probe saw.
#[derive(Debug, Deserialize)]
struct Check {
    ms: Option<f64>,
    #[serde(default)]
    text: String,
    /// Passes in a row that it needs to be up, where it flaps.
    #[serde(default)]
    needs_rise: Option<u64>,
}

/// Why its name is not found.
#[derive(Debug, Deserialize)]
struct Lookup {
    text: String,
    keeps_addresses: bool,
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
        if let Some(sessions) = &self.sessions {
            page.push('\n');
            page.push_str(&sessions.table());
        }
        for pool in &self.pools {
            let _ = write!(page, "\nPOOL {}\n", pool.title());
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
            // Without any address it is among the reasons.
            if node.lookup.as_ref().is_some_and(|l| l.keeps_addresses) {
                troubles.push(format!("the name of {pool}/{} is not found", node.name));
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
    /// Its name and policy, and what is unusual about it now.
    fn title(&self) -> String {
        let mut title = format!("{}, {}", self.name, self.policy);
        match self.queued {
            0 => {}
            1 => title.push_str(", 1 request waits for a node with room"),
            many => {
                let _ = write!(title, ", {many} requests wait for a node with room");
            }
        }
        if self.fail_open {
            title.push_str(", fails open: no enabled node is well, so all of them are asked");
        }
        title
    }

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
                &node.state(),
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
        for node in &self.nodes {
            let down = node.health == "down";
            if let Some(lookup) = &node.lookup
                && (lookup.keeps_addresses || !down)
            {
                let _ = writeln!(table, "{}: {}", node.name, lookup.text);
            }
            if let Some(rise) = node.check.as_ref().and_then(|check| check.needs_rise) {
                let name = &node.name;
                let _ = writeln!(
                    table,
                    "{name} flaps and needs {rise} passes in a row to be up"
                );
            }
        }
        table
    }
}

impl Node {
    fn is_enabled(&self) -> bool {
        self.admin_state == "enabled"
    }

    fn state(&self) -> String {
        match (self.drained, self.admin_state.as_str(), self.bound) {
            (true, ..) => "drained".to_owned(),
            (false, "draining", bound @ 1..) => format!("draining, {bound} bound"),
            (false, state, _) => state.to_owned(),
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
mod tests;
