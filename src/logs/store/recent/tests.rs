//! Which way the requests of the last minute went.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Latency, MAX_WAYS, Recent, Ring, SECONDS, Way};
use crate::logs::Record;
use crate::logs::store::decode::each;
use crate::logs::store::encode::Batch;
use crate::logs::store::tally::{Part, Tally};

const BEGIN: u64 = 1_700_000_040;

fn at(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(BEGIN + second)
}

fn record(second: u64) -> Record<'static> {
    Record {
        time: at(second),
        ..Record::example()
    }
}

fn add(recent: &Recent, records: &[Record<'_>]) {
    let mut batch = Batch::default();
    records.iter().for_each(|record| batch.append(record));
    let packet = batch.take();
    let mut window = recent.lock();
    let mut tally = Tally::new(|part: &Part<'_>| window.add(part));
    each(&packet.bytes, |raw| tally.add(raw)).unwrap();
    tally.finish();
}

fn begun() -> (tempfile::TempDir, Recent) {
    let folder = tempfile::tempdir().unwrap();
    let recent = Recent::default();
    recent.begin(folder.path(), at(0));
    (folder, recent)
}

#[test]
fn the_last_minute_says_which_way_how_many_went_and_how_they_ended() {
    let (_folder, recent) = begun();
    let refused = Record {
        site: None,
        route: None,
        pool: None,
        node: None,
        status: 404,
        ..record(10)
    };
    let failed = Record {
        status: 502,
        total: Duration::from_millis(900),
        ..record(50)
    };
    add(
        &recent,
        &[record(1), record(2), refused, record(50), failed],
    );
    let told = recent.lock().told(at(59));
    assert_eq!(told.classes, [0, 3, 0, 1, 1]);
    assert_eq!((told.seconds, told.requests()), (60, 5));
    assert_eq!(told.quarter, (5, 1));
    assert!(told.p95.unwrap().abs_diff(900_000) < 30_000);
    let of = |site: &str| {
        told.flows
            .iter()
            .find(|flow| flow.way.site == site)
            .unwrap()
    };
    assert_eq!(of("").requests, 1);
    let way = Way {
        listener: "http".into(),
        site: "shop".into(),
        route: "/".into(),
        pool: "django".into(),
        node: "web-2".into(),
    };
    assert_eq!((of("shop").requests, &of("shop").way), (4, &way));
}

#[test]
fn what_is_older_than_a_minute_is_not_told_any_more() {
    let (_folder, recent) = begun();
    add(&recent, &[record(0), record(30)]);
    for (now, requests) in [
        (0, 1),
        (30, 2),
        (59, 2),
        (60, 1),
        (89, 1),
        (90, 0),
        (9999, 0),
    ] {
        let told = recent.lock().told(at(now));
        let flows: u64 = told.flows.iter().map(|flow| flow.requests).sum();
        assert_eq!((told.requests(), flows), (requests, requests), "{now}");
    }
    assert_eq!(recent.lock().told(at(14 * 60 + 59)).quarter.0, 2);
    assert_eq!(recent.lock().told(at(15 * 60)).quarter.0, 0);
    assert_eq!(recent.lock().told(at(90)).p95, None);
    // Soon after a start the rate is over what there was.
    assert_eq!(recent.lock().told(at(0)).seconds, 5);
    assert_eq!(recent.lock().told(at(19)).seconds, 20);
}

#[test]
fn a_clock_that_is_set_back_begins_anew_and_one_ahead_forgets() {
    let mut ring = Ring::<SECONDS>::default();
    ring.add(1000, 1);
    ring.add(999, 1);
    assert_eq!((ring.sum(1000), ring.sum(1059)), (2, 1));
    ring.add(5000, 1);
    assert_eq!((ring.sum(1000), ring.sum(5000)), (0, 1));
    ring.add(1001, 1);
    assert_eq!(ring.sum(1001), 1);
}

#[test]
fn ways_are_bounded_and_those_of_long_ago_make_room() {
    let (_folder, recent) = begun();
    let names: Vec<String> = (0..=MAX_WAYS).map(|n| format!("/{n}/")).collect();
    let to = |second: u64| {
        let route = move |name| Record {
            route: Some(name),
            ..record(second)
        };
        names.iter().map(move |name| route(name.as_str()))
    };
    add(&recent, &to(0).collect::<Vec<_>>());
    let told = recent.lock().told(at(0));
    assert_eq!(told.flows.len(), MAX_WAYS);
    assert_eq!(told.requests(), MAX_WAYS as u64 + 1);
    let other = Record {
        route: Some("/new/"),
        ..record(100)
    };
    add(&recent, &[other]);
    assert_eq!(recent.lock().told(at(100)).flows.len(), 1);
    assert_eq!(Latency::default().quantile(950), None);
}
