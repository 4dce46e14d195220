//! Changes and records as bytes.

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection::vec, option, prop_assert, prop_assert_eq, proptest};

use crate::session::change::{Change, Kind, Value, pack};
use crate::session::journal::encode::{decode, encode};
use crate::session::journal::record::{self, BEFORE, Next, Records, find_whole};

/// A change that owns its bytes.
#[derive(Debug, Clone)]
enum Owned {
    Put(u8, Vec<u8>, Kind, Vec<u8>, Option<u64>),
    Expire(u8, Vec<u8>, Option<u64>),
    Remove(u8, Vec<u8>),
    Clear(u8),
}

impl Owned {
    fn change(&self) -> Change<'_> {
        match self {
            Self::Put(database, key, kind, bytes, expires_at) => Change::Put {
                database: *database,
                key,
                value: Value::read(*kind, bytes).unwrap(),
                expires_at: *expires_at,
            },
            Self::Expire(database, key, expires_at) => Change::Expire {
                database: *database,
                key,
                expires_at: *expires_at,
            },
            Self::Remove(database, key) => Change::Remove {
                database: *database,
                key,
            },
            Self::Clear(database) => Change::Clear {
                database: *database,
            },
        }
    }
}

fn packed() -> impl Strategy<Value = Vec<u8>> {
    vec(vec(any::<u8>(), 0..20), 1..4).prop_map(|items| {
        let mut bytes = Vec::new();
        for item in items.iter().chain(&items) {
            pack(&mut bytes, item);
        }
        bytes
    })
}

fn any_change() -> impl Strategy<Value = Owned> {
    let key = || vec(any::<u8>(), 0..200);
    let time = || option::of(any::<u64>());
    prop_oneof![
        (0..16u8, key(), vec(any::<u8>(), 0..300), time()).prop_map(
            |(database, key, text, time)| Owned::Put(database, key, Kind::Text, text, time)
        ),
        (
            0..16u8,
            key(),
            prop_oneof![Just(Kind::Fields), Just(Kind::Members)],
            packed(),
            time()
        )
            .prop_map(|(database, key, kind, bytes, time)| Owned::Put(
                database, key, kind, bytes, time
            )),
        (0..16u8, key(), time())
            .prop_map(|(database, key, time)| Owned::Expire(database, key, time)),
        (0..16u8, key()).prop_map(|(database, key)| Owned::Remove(database, key)),
        (0..16u8).prop_map(Owned::Clear),
    ]
}

fn bytes_of(changes: &[Owned]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for change in changes {
        encode(&change.change(), &mut bytes);
    }
    bytes
}

proptest! {
    #[test]
    fn changes_are_read_as_they_were_written(changes in vec(any_change(), 0..8)) {
        let bytes = bytes_of(&changes);
        let expected: Vec<Change<'_>> = changes.iter().map(Owned::change).collect();
        prop_assert_eq!(decode(&bytes), Some(expected));
        for cut in 0..bytes.len() {
            // Cut between two changes it reads as fewer: only the checksum knows better.
            let fewer = decode(&bytes[..cut]).map_or(0, |changes| changes.len());
            prop_assert!(fewer < changes.len());
        }
    }

    #[test]
    fn any_bytes_are_read_in_one_spelling_or_not_at_all(bytes in vec(any::<u8>(), 0..64)) {
        if let Some(changes) = decode(&bytes) {
            let mut again = Vec::new();
            changes.iter().for_each(|change| encode(change, &mut again));
            prop_assert!(again.len() <= bytes.len());
            prop_assert_eq!(decode(&again), Some(changes));
        }
    }

    #[test]
    fn no_record_is_read_from_an_altered_byte(payload in vec(any::<u8>(), 1..80), bit in 0..8u8) {
        let mut bytes = Vec::new();
        prop_assert!(record::add(&mut bytes, |to| to.extend_from_slice(&payload)));
        record::seal(&mut bytes);
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << bit;
            let mut records = Records::new(&altered[..]);
            prop_assert!(matches!(records.next().unwrap(), Next::Bad));
        }
        for cut in 1..bytes.len() {
            let mut records = Records::new(&bytes[..cut]);
            prop_assert!(matches!(records.next().unwrap(), Next::Bad));
        }
    }
}

#[test]
fn records_are_found_behind_what_is_none() {
    let mut bytes = vec![0; 100];
    bytes.extend(b"\x05\0\0\0 not one");
    let start = bytes.len();
    assert!(record::add(&mut bytes, |to| to.extend_from_slice(b"one")));
    record::seal(&mut bytes[start..]);
    assert_eq!(find_whole(&bytes[..]).unwrap(), Some(record::length(start)));
    assert_eq!(find_whole(&bytes[..bytes.len() - 1]).unwrap(), None);
    assert_eq!(find_whole(&[0; 1000][..]).unwrap(), None);
    assert_eq!(find_whole(&bytes[start + 1..]).unwrap(), None);
}

#[test]
fn zeros_are_no_record_and_a_length_alone_takes_no_memory() {
    let mut records = Records::new(&[0; 64][..]);
    assert!(matches!(records.next().unwrap(), Next::Bad));
    let mut records = Records::new(&[0xff; BEFORE + 3][..]);
    assert!(matches!(records.next().unwrap(), Next::Bad));
    assert_eq!(records.at, 0);
}

#[test]
fn a_key_of_any_length_is_read() {
    for length in [0, 1, 127, 128, 16_383, 16_384, 70_000] {
        let change = Owned::Remove(3, vec![7; length]);
        let bytes = bytes_of(std::slice::from_ref(&change));
        assert_eq!(decode(&bytes), Some(vec![change.change()]), "{length}");
    }
    // A length that runs out of its five bytes, or past the end.
    for bytes in [
        &b"\x02\0\xff\xff\xff\xff\xff\x01"[..],
        b"\x02\0\x05abc",
        b"\x02",
        b"\x02\x10\0",
    ] {
        assert_eq!(decode(bytes), None);
    }
}
