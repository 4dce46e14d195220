//! The shortest time for the weight: the mean time to the first byte, times the requests in
//! flight and this one; ties go in turn.

use std::cmp::Ordering;
use std::time::Duration;

use super::round_robin;
use super::slot::Slot;

/// Chooses among the eligible slots. Those left out of a tie lose `eligible`.
///
/// A node of which nothing is known, or nothing new, gets one request to try it; as long as
/// that is in flight it counts no faster than the fastest, so that not all of them pile up on
/// a node that may be slow.
pub(super) fn choose(slots: &mut [Slot]) -> Option<usize> {
    let eligible = || slots.iter().filter(|slot| slot.eligible);
    let means = eligible().filter_map(|slot| slot.times.mean);
    let fastest = means.min().unwrap_or(Duration::from_secs(1));
    let best = eligible().min_by(|a, b| compare(a, b, fastest))?.clone();
    for slot in slots.iter_mut() {
        slot.eligible &= compare(slot, &best, fastest).is_eq();
    }
    let mut tied = slots.iter().enumerate().filter(|(_, slot)| slot.eligible);
    let (index, _) = tied.next()?;
    // As with least_conn, a clear winner moves no weights.
    if tied.next().is_none() {
        return Some(index);
    }
    round_robin::choose(slots)
}

// time × (in_flight + 1) / weight, multiplied out: no division, no rounding. Nanoseconds of a
// Duration have 94 bits, and times are cut to 64: with 32 for the requests in flight and 10
// for the weight nothing overflows.
fn compare(a: &Slot, b: &Slot, fastest: Duration) -> Ordering {
    cost(a, fastest, b.weight).cmp(&cost(b, fastest, a.weight))
}

fn cost(slot: &Slot, fastest: Duration, other_weight: i64) -> u128 {
    let time = match slot.in_flight {
        0 => slot.times.faded,
        _ => slot.times.faded.max(fastest),
    };
    let nanos = time.as_nanos().min(u64::MAX.into());
    let requests = u128::from(slot.in_flight) + 1;
    nanos * requests * u128::from(other_weight.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::proptest;
    use proptest::{collection, option, prop_assert_eq};

    use super::super::latency::Times;
    use super::{Slot, choose, round_robin};

    /// A node of this weight, with so many in flight, that takes so many milliseconds.
    fn slot(weight: u16, in_flight: u64, ms: Option<u64>) -> Slot {
        let mean = ms.map(Duration::from_millis);
        Slot {
            in_flight,
            times: Times {
                mean,
                faded: mean.unwrap_or_default(),
            },
            ..Slot::new(weight)
        }
    }

    #[test]
    fn the_fastest_for_its_weight_and_load_is_chosen() {
        let pool = |a, b| choose(&mut [a, b]);
        assert_eq!(pool(slot(1, 0, Some(10)), slot(1, 0, Some(9))), Some(1));
        assert_eq!(pool(slot(1, 0, Some(10)), slot(1, 1, Some(9))), Some(0));
        assert_eq!(pool(slot(2, 0, Some(10)), slot(1, 0, Some(9))), Some(0));
        assert_eq!(pool(slot(3, 1, Some(10)), slot(1, 0, Some(9))), Some(0));
        assert_eq!(choose(&mut []), None);
    }

    #[test]
    fn an_unknown_node_is_tried_by_one_request() {
        let mut pool = [slot(1, 0, Some(10)), slot(1, 0, None)];
        assert_eq!(choose(&mut pool), Some(1));
        let mut pool = [slot(1, 0, Some(10)), slot(1, 1, None)];
        assert_eq!(choose(&mut pool), Some(0));
        let mut pool = [slot(1, 5, Some(10)), slot(1, 1, None)];
        assert_eq!(choose(&mut pool), Some(1), "no slower than the fastest");
    }

    #[test]
    fn a_pool_of_which_nothing_is_known_is_shared_by_load_and_weight() {
        let mut pool = [slot(2, 0, None), slot(1, 0, None)];
        let picks: Vec<_> = (0..6)
            .map(|_| {
                for slot in &mut pool {
                    slot.eligible = true;
                }
                let chosen = choose(&mut pool).unwrap();
                pool[chosen].in_flight += 1;
                chosen
            })
            .collect();
        assert_eq!(picks, [0, 1, 0, 0, 1, 0]);
    }

    proptest! {
        #[test]
        fn every_choice_agrees_with_comparing_fractions(
            nodes in collection::vec((1u16..=6, 0u64..4, option::of(0u64..4), 0u64..3, 0u8..4), 1..7),
        ) {
            let mut pool: Vec<Slot> = nodes.iter().map(|(weight, in_flight, ms, fading, kept)| {
                let mut slot = slot(*weight, *in_flight, *ms);
                slot.times.faded /= 1 << u32::try_from(*fading).unwrap();
                slot.eligible = *kept > 0;
                slot
            }).collect();
            let known = pool.iter().filter(|s| s.eligible).filter_map(|s| s.times.mean).min();
            // Over 60, every weight of 1 to 6 divides evenly.
            let cost = |slot: &Slot| {
                let mut time = slot.times.faded;
                if slot.in_flight > 0 {
                    time = time.max(known.unwrap_or(Duration::from_secs(1)));
                }
                time.as_nanos() * u128::from((slot.in_flight + 1) * (60 / slot.weight.unsigned_abs()))
            };
            let least = pool.iter().filter(|s| s.eligible).map(cost).min();
            let mut tied = pool.clone();
            for slot in &mut tied {
                slot.eligible = slot.eligible && Some(cost(slot)) == least;
            }
            prop_assert_eq!(choose(&mut pool), round_robin::choose(&mut tied));
        }
    }
}
