//! Records as bytes, there and back.

use crate::logs::store::decode::{Damaged, each};
use crate::logs::store::encode::Batch;
use crate::logs::{Record, Try};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};
use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

/// What is drawn of a record; few values, so that many are as in the one before.
type Drawn = (
    (u64, u16, u64, u64),
    (Option<&'static str>, Vec<u8>, Option<Vec<u8>>, Option<u8>),
    Vec<(bool, Option<u16>, Option<u64>)>,
    (bool, Vec<u8>),
);

fn drawn() -> impl Strategy<Value = Drawn> {
    let name = option::of(proptest::sample::select(vec![
        "web-1", "web-2", "web-3", "",
    ]));
    (
        (0..1_u64 << 51, any::<u16>(), 0..1_u64 << 40, any::<u64>()),
        (
            name,
            vec(b'a'..b'c', 0..3),
            option::of(vec(any::<u8>(), 0..3)),
            option::of(0..2_u8),
        ),
        vec(
            (
                any::<bool>(),
                option::of(any::<u16>()),
                option::of(0..1_u64 << 40),
            ),
            0..3,
        ),
        (any::<bool>(), vec(any::<u8>(), 0..200)),
    )
}

fn with_record<T>(drawn: &Drawn, take: impl FnOnce(&Record<'_>) -> T) -> T {
    let ((time, status, total, bytes), (node, path, agent, reason), tries, (six, id)) = drawn;
    let tries: Vec<Try<'_>> = tries
        .iter()
        .map(|(other, status, time)| Try {
            node: if *other {
                "web-9"
            } else {
                node.unwrap_or("web-1")
            },
            address: if time.is_some() {
                "[::1]:80"
            } else {
                "[::1]:8080"
            },
            status: *status,
            reason: other.then_some("node_reset"),
            connect: time.map(Duration::from_micros),
            first_byte: time.map(Duration::from_micros),
        })
        .collect();
    take(&Record {
        time: UNIX_EPOCH + Duration::from_micros(*time),
        status: *status,
        total: Duration::from_micros(*total),
        bytes_in: *bytes,
        path,
        query: agent.as_deref(),
        user_agent: agent.as_deref(),
        reason: reason.map(|n| if n == 0 { "no_node" } else { "internal" }),
        node: *node,
        client_ip: if *six {
            IpAddr::from([7; 16])
        } else {
            IpAddr::from([7; 4])
        },
        request_id: id,
        tries: &tries,
        ..Record::example()
    })
}

#[test]
fn a_record_keeps_all_it_has() {
    let mut batch = Batch::default();
    batch.append(&Record::example());
    let first = batch.len();
    batch.append(&Record::example());
    let packet = batch.take();
    assert_eq!((packet.records, batch.is_empty()), (2, true));
    let expected = format!("{:?}", Record::example());
    let mut seen = 0;
    each(&packet.bytes, |raw| {
        raw.with(|record| assert_eq!(format!("{record:?}"), expected))
            .unwrap();
        seen += 1;
    })
    .unwrap();
    assert_eq!(seen, 2);
    // The second leans on the first.
    let second = packet.bytes.len() - first;
    assert!(second < 140 && second < first / 2, "{first} {second}");
}

#[test]
fn many_nodes_and_those_that_come_in_turns_are_told_apart() {
    let mut batch = Batch::default();
    let mut expected = Vec::new();
    for n in (0..600_usize).chain((0..600).map(|n| n % 3)) {
        let (node, address) = (format!("web-{n}"), format!("10.0.0.1:{n}"));
        let record = Record {
            node: Some(&node),
            tries: &[Try {
                node: &node,
                address: &address,
                ..Record::example().tries[1]
            }],
            ..Record::example()
        };
        expected.push(format!("{record:?}"));
        batch.append(&record);
    }
    let mut got = Vec::new();
    each(&batch.take().bytes, |raw| {
        got.push(raw.with(|record| format!("{record:?}")).unwrap());
    })
    .unwrap();
    assert_eq!(got, expected);
}

#[test]
fn a_node_that_never_came_is_damage() {
    let mut batch = Batch::default();
    batch.append(&Record::example());
    let first = batch.len();
    batch.append(&Record::example());
    let bytes = batch.take().bytes;
    // Behind the numbers and two bits a text: the place of the node, the only text of the second.
    let place = first + 1 + 7 * 4 + 3 * 2 + 4;
    assert_eq!(bytes[place], 0);
    for wrong in 1..=255 {
        let mut bytes = bytes.to_vec();
        bytes[place] = wrong;
        assert_eq!(each(&bytes, |_| ()), Err(Damaged));
    }
}

proptest! {
    #[test]
    fn what_is_read_back_is_what_was_written(batches in vec(vec(drawn(), 1..12), 1..4)) {
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        let mut batch = Batch::default();
        for records in &batches {
            for drawn in records {
                with_record(drawn, |record| {
                    expected.push(format!("{record:?}"));
                    batch.append(record);
                });
            }
            bytes.extend_from_slice(&batch.take().bytes);
        }
        let mut got = Vec::new();
        let read = each(&bytes, |raw| {
            got.push(raw.with(|record| format!("{record:?}")).unwrap());
        });
        prop_assert_eq!(read, Ok(()));
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn damaged_bytes_are_an_error_or_other_records_and_never_a_panic(
        records in vec(drawn(), 1..4),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut batch = Batch::default();
        for drawn in &records {
            with_record(drawn, |record| batch.append(record));
        }
        let mut bytes = batch.take().bytes;
        let cut = cut.index(bytes.len());
        if cut > 0 {
            prop_assert_eq!(each(&bytes[..cut], |_| ()), Err(Damaged));
        }
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = each(&bytes, |raw| drop(raw.with(|record| format!("{record:?}"))));
    }
}
