//! `node`: drain, enable or disable one node, or change its weight.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand, value_parser};
use serde_json::Value;

use super::answer::{self, Applied};
use super::instance::{Instance, NodeChange, NodePath, Outcome, pause};
use super::output::{Failure, print, say, tell};
use super::status_table::{self, Status};
use crate::document::Format;
use crate::model::{AdminState, Node};

/// How often a waiting command looks.
const LOOK: Duration = Duration::from_millis(250);

#[derive(Debug, Args)]
pub(super) struct NodeArgs {
    #[command(subcommand)]
    verb: NodeVerb,
}

#[derive(Debug, Subcommand)]
enum NodeVerb {
    /// Give the node no new requests; those in flight end in peace
    Drain(StateArgs),
    /// Let the node take requests
    Enable(StateArgs),
    /// Take the node out
    Disable(StateArgs),
    /// Change the node's weight
    Weight {
        /// Which node, such as django/web-1
        #[arg(value_name = "POOL/NODE", value_parser = node_path)]
        node: NodePath,
        /// 1 to 1000
        #[arg(value_name = "N", value_parser = value_parser!(u16).range(1..=i64::from(Node::MAX_WEIGHT)))]
        weight: u16,
    },
}

#[derive(Debug, Args)]
struct StateArgs {
    /// Which node, such as django/web-1
    #[arg(value_name = "POOL/NODE", value_parser = node_path)]
    node: NodePath,
    /// Wait until it is so: nothing in flight, or up after enable; exit 1 when the time is out
    #[arg(long, value_name = "TIME", value_parser = time)]
    wait: Option<Duration>,
}

fn node_path(text: &str) -> Result<NodePath, String> {
    match text.split_once('/') {
        Some((pool, node)) if !pool.is_empty() && !node.is_empty() => Ok(NodePath {
            pool: pool.to_owned(),
            node: node.to_owned(),
        }),
        _ => Err("must be POOL/NODE, such as django/web-1".into()),
    }
}

/// What a waiting command waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Drained,
    Idle,
    Up,
}

pub(super) fn run(dir: &Path, args: &NodeArgs) -> Result<ExitCode, Failure> {
    match &args.verb {
        NodeVerb::Drain(args) => set_state(dir, args, AdminState::Draining),
        NodeVerb::Enable(args) => set_state(dir, args, AdminState::Enabled),
        NodeVerb::Disable(args) => set_state(dir, args, AdminState::Disabled),
        NodeVerb::Weight { node, weight } => {
            change(&Instance::find(dir)?, node, NodeChange::Weight(*weight))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn set_state(dir: &Path, args: &StateArgs, state: AdminState) -> Result<ExitCode, Failure> {
    let instance = Instance::find(dir)?;
    change(&instance, &args.node, NodeChange::State(state))?;
    if let Some(limit) = args.wait
        && instance.is_running()
    {
        let goal = Goal::of(state);
        if goal == Goal::Up && !is_checked(&instance, &args.node.pool)? {
            tell("its pool has no health check, so there is nothing to wait for");
        } else {
            wait(&instance, &args.node, goal, limit)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn change(instance: &Instance, path: &NodePath, wanted: NodeChange) -> Result<(), Failure> {
    match instance.change_node(path, wanted)? {
        Outcome::Done(done) => {
            let applied: Applied = answer::read(done)?;
            print(&applied.render(instance.is_running()))
        }
        Outcome::Problems(problems) => {
            answer::tell_problems(&format!("{}/{}", path.pool, path.node), &problems)?;
            Err(Failure::problems_shown())
        }
    }
}

/// Whether the nodes of `pool` are probed: else their health stays unknown.
fn is_checked(instance: &Instance, pool: &str) -> Result<bool, Failure> {
    let document = instance.export(Format::Json)?;
    let document: Value = serde_json::from_str(&document)
        .map_err(|error| Failure::run_time(format!("cannot read the configuration: {error}")))?;
    let pools = document["pools"].as_array();
    let pool = pools.and_then(|pools| pools.iter().find(|p| p["name"] == pool));
    Ok(pool.is_none_or(|pool| pool["health_check"] != "off"))
}

fn wait(instance: &Instance, path: &NodePath, goal: Goal, limit: Duration) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        let status: Status = answer::read(instance.status()?)?;
        let name = format!("{}/{}", path.pool, path.node);
        let Some(node) = status.node(&path.pool, &path.node) else {
            return Err(Failure::run_time(format!(
                "{name} was removed meanwhile; see `steelyard status`"
            )));
        };
        match goal.missing(node) {
            None => return say(&format!("{name} is {}", goal.reached())),
            Some(missing) if began.elapsed() >= limit => {
                return Err(Failure::run_time(format!(
                    "after {limit:?} {name} {missing}; wait longer, or see `steelyard status`"
                )));
            }
            Some(_) => pause(LOOK),
        }
    }
}

/// `still has 12 clients bound to it, the last until 2026-01-01T00:00:00.000Z`.
fn bound(node: &status_table::Node) -> String {
    let until = node.bound_until.as_deref().unwrap_or("now");
    match node.bound {
        0 => format!(
            "still may have clients bound to it since before the start (or more than are remembered), until {until} at most"
        ),
        1 => format!("still has 1 client bound to it, until {until}"),
        clients => format!("still has {clients} clients bound to it, the last until {until}"),
    }
}

impl Goal {
    fn of(state: AdminState) -> Self {
        match state {
            AdminState::Enabled => Self::Up,
            AdminState::Draining => Self::Drained,
            AdminState::Disabled => Self::Idle,
        }
    }

    /// What keeps `node` from the goal.
    fn missing(self, node: &status_table::Node) -> Option<String> {
        match self {
            Self::Drained if node.drained => None,
            Self::Idle if node.in_flight == 0 => None,
            Self::Drained | Self::Idle if node.in_flight > 0 => {
                Some(format!("still has {} in flight", node.in_flight))
            }
            Self::Drained | Self::Idle => Some(bound(node)),
            Self::Up if node.health == "up" => None,
            Self::Up => Some(format!("is still {}", node.health_and_why())),
        }
    }

    fn reached(self) -> &'static str {
        match self {
            Self::Drained => "drained",
            Self::Idle => "idle",
            Self::Up => "up",
        }
    }
}

/// A time as in the document: `60s`, `1m30s`, `500ms`.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("must be a time such as 60s, 500ms or 1m30s (is {text:?})");
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = match &rest[..letters] {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number.saturating_mul(60)),
            "h" => Duration::from_secs(number.saturating_mul(3600)),
            _ => return Err(wrong()),
        };
        total = total.saturating_add(unit);
        rest = &rest[letters..];
    }
    if text.is_empty() {
        Err(wrong())
    } else {
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{node_path, time};

    #[test]
    fn a_node_is_named_by_its_pool_and_itself() {
        let path = node_path("django/web-1").unwrap();
        assert_eq!(
            (path.pool.as_str(), path.node.as_str()),
            ("django", "web-1")
        );
        for bad in ["django", "/web-1", "django/", ""] {
            assert!(node_path(bad).is_err(), "{bad:?} passed");
        }
    }

    #[test]
    fn a_wait_is_written_as_times_in_the_document() {
        let seconds = Duration::from_secs;
        assert_eq!(time("60s"), Ok(seconds(60)));
        assert_eq!(time("1m30s"), Ok(seconds(90)));
        assert_eq!(time("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "60", "s", "-1s", "1 s", "1d"] {
            assert!(time(bad).is_err(), "{bad:?} passed");
        }
    }
}
