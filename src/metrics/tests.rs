//! The text as a scraper reads it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use super::{Metrics, NodeErrorKind, NodeFacts, PoolFacts, RetryReason, Served, StaticResult};
use crate::model::AdminState;

fn served(status: u16) -> Served {
    Served {
        status,
        duration: Duration::from_millis(20),
        bytes_in: 3,
        bytes_out: 1000,
    }
}

const POOL: PoolFacts<'static> = PoolFacts {
    pool: "django",
    queued: 5,
};

fn facts() -> NodeFacts<'static> {
    NodeFacts {
        pool: "django",
        node: "web-1",
        up: true,
        weight: 3,
        admin_state: AdminState::Draining,
        health: "up",
        in_flight: 2,
        bound: 7,
        checks_passed: 9,
        checks_failed: 1,
        excess_bytes: 7,
    }
}

fn busy() -> (Metrics, Vec<Arc<dyn std::any::Any>>) {
    let metrics = Metrics::new();
    let series = metrics.series("shop", "django", "web-1");
    series.count(b"GET", served(200));
    series.count(b"GET", served(200));
    series.count(b"POST", served(502));
    let node = metrics.node("django", "web-1");
    node.count(NodeErrorKind::Reset);
    node.connect.count(Duration::from_millis(7));
    node.first_byte.count(Duration::from_secs(2));
    metrics.count_static(StaticResult::Revalidated);
    let connections = metrics.connections("http");
    std::mem::forget(connections.opened());
    metrics.count_retry(RetryReason::Stale);
    assert!(metrics.reasons.count("no_node") && !metrics.reasons.count("nobody"));
    metrics.count_panic();
    metrics.count_reload(true, SystemTime::UNIX_EPOCH + Duration::from_millis(1500));
    metrics.count_reload(false, SystemTime::now());
    metrics.logs.lines.fetch_add(4, Ordering::Relaxed);
    (metrics, vec![series, node, connections])
}

#[test]
fn every_counter_is_in_the_text() {
    let (metrics, _held) = busy();
    let text = metrics.text(&[facts()], &[POOL], &[], None);
    let node = "pool=\"django\",node=\"web-1\"";
    for line in [
        &format!("steelyard_requests_total{{site=\"shop\",{node},code=\"2xx\",method=\"GET\"}} 2"),
        &format!("steelyard_requests_total{{site=\"shop\",{node},code=\"5xx\",method=\"POST\"}} 1"),
        &format!("steelyard_request_duration_seconds_bucket{{site=\"shop\",{node},le=\"0.01\"}} 0"),
        &format!(
            "steelyard_request_duration_seconds_bucket{{site=\"shop\",{node},le=\"0.025\"}} 3"
        ),
        &format!("steelyard_request_duration_seconds_bucket{{site=\"shop\",{node},le=\"+Inf\"}} 3"),
        &format!("steelyard_request_duration_seconds_sum{{site=\"shop\",{node}}} 0.06"),
        &format!("steelyard_request_duration_seconds_count{{site=\"shop\",{node}}} 3"),
        &format!("steelyard_request_bytes_total{{site=\"shop\",{node}}} 9"),
        &format!("steelyard_response_bytes_total{{site=\"shop\",{node}}} 3000"),
        "steelyard_queue_length{pool=\"django\"} 5",
        "steelyard_connections_open{listener=\"http\"} 1",
        &format!("steelyard_node_up{{{node}}} 1"),
        &format!("steelyard_node_weight{{{node}}} 3"),
        &format!("steelyard_requests_in_flight{{{node}}} 2"),
        &format!("steelyard_node_bound{{{node}}} 7"),
        &format!("steelyard_node_admin_state{{{node},state=\"draining\"}} 1"),
        &format!("steelyard_node_admin_state{{{node},state=\"enabled\"}} 0"),
        &format!("steelyard_node_health{{{node},state=\"up\"}} 1"),
        &format!("steelyard_node_health{{{node},state=\"down\"}} 0"),
        &format!("steelyard_node_checks_total{{{node},result=\"failed\"}} 1"),
        &format!("steelyard_node_errors_total{{{node},kind=\"reset\"}} 1"),
        &format!("steelyard_node_excess_bytes_total{{{node}}} 7"),
        &format!("steelyard_node_connect_duration_seconds_bucket{{{node},le=\"0.005\"}} 0"),
        &format!("steelyard_node_connect_duration_seconds_bucket{{{node},le=\"0.01\"}} 1"),
        &format!("steelyard_node_connect_duration_seconds_sum{{{node}}} 0.007"),
        &format!("steelyard_node_first_byte_seconds_bucket{{{node},le=\"2.5\"}} 1"),
        &format!("steelyard_node_first_byte_seconds_count{{{node}}} 1"),
        "steelyard_static_requests_total{result=\"revalidated\"} 1",
        "steelyard_static_requests_total{result=\"hit\"} 0",
        "steelyard_retries_total{reason=\"stale\"} 1",
        "steelyard_reasons_total{reason=\"no_node\"} 1",
        "steelyard_reasons_total{reason=\"queue_full\"} 0",
        "steelyard_admin_panics_total 1",
        "steelyard_config_reloads_total{result=\"failure\"} 1",
        "steelyard_config_last_reload_successful 0",
        "steelyard_config_last_reload_success_timestamp_seconds 1.5",
        "steelyard_log_lines_dropped_total 4",
        "steelyard_log_rotation_failures_total 0",
        "steelyard_log_records_dropped_total 0",
    ] {
        assert!(text.lines().any(|l| l == line), "no line {line} in\n{text}");
    }
}

// The rules of the format that `promtool check metrics` holds: every sample
// belongs to the family opened last, each family once, counters end in _total.
#[test]
fn the_text_keeps_the_format_s_rules() {
    let (metrics, _held) = busy();
    let other = NodeFacts {
        node: "web-2",
        ..facts()
    };
    let text = metrics.text(&[facts(), other], &[POOL], &[], None);
    let mut families = HashMap::new();
    let mut open = "";
    for line in text.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').unwrap();
            assert_eq!(families.insert(name, kind), None, "{name} twice");
            assert_eq!(
                kind == "counter",
                name.ends_with("_total"),
                "{name} is a {kind}"
            );
            open = name;
        } else if !line.starts_with("# HELP ") {
            let name = &line[..line.find(['{', ' ']).unwrap()];
            let suffix = name.strip_prefix(open).unwrap();
            let of_histogram = ["_bucket", "_sum", "_count"].contains(&suffix);
            assert_eq!(of_histogram, families[open] == "histogram", "{line}");
            assert!(of_histogram || suffix.is_empty(), "{line} in {open}");
            let value = line.rsplit(' ').next().unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
    assert!(families.contains_key("process_resident_memory_bytes"));
    assert!(families.contains_key("process_start_time_seconds"));
}

#[test]
fn the_same_names_are_the_same_counters_until_nobody_holds_them() {
    let metrics = Metrics::new();
    let held = metrics.series("shop", "django", "web-1");
    metrics
        .series("shop", "django", "web-2")
        .count(b"GET", served(200));
    assert!(Arc::ptr_eq(
        &held,
        &metrics.series("shop", "django", "web-1")
    ));
    assert_eq!(metrics.series("shop", "django", "web-2").requests(), 1);
    metrics.forget_gone();
    let text = metrics.text(&[], &[], &[], None);
    assert!(text.contains("web-1") && !text.contains("web-2"), "{text}");
}

#[test]
fn a_connection_is_open_until_its_mark_is_dropped() {
    let metrics = Metrics::new();
    let connections = metrics.connections("http");
    let (one, two) = (connections.opened(), connections.opened());
    assert_eq!(connections.open(), 2);
    drop((one, two));
    assert_eq!(connections.open(), 0);
}
