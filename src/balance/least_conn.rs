//! The fewest requests in flight for the weight; ties go in turn.

use super::round_robin;
use super::slot::Slot;

/// Chooses among the eligible slots. Those left out of a tie lose `eligible`.
pub(super) fn choose(slots: &mut [Slot]) -> Option<usize> {
    let mut least: Option<(usize, u64, i64)> = None;
    let mut tied = false;
    for (index, slot) in slots.iter().enumerate().filter(|(_, s)| s.eligible) {
        match least {
            Some((_, in_flight, weight)) => match slot.compare_load(in_flight, weight) {
                std::cmp::Ordering::Greater => {}
                std::cmp::Ordering::Equal => tied = true,
                std::cmp::Ordering::Less => {
                    least = Some((index, slot.in_flight, slot.weight));
                    tied = false;
                }
            },
            None => least = Some((index, slot.in_flight, slot.weight)),
        }
    }
    let (index, in_flight, weight) = least?;
    // As in nginx, a clear winner moves no weights.
    if !tied {
        return Some(index);
    }
    for slot in slots.iter_mut() {
        slot.eligible &= slot.compare_load(in_flight, weight).is_eq();
    }
    round_robin::choose(slots)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;
    use proptest::{collection, prop_assert_eq};

    use super::{Slot, choose, round_robin};

    fn slot(weight: u16, in_flight: u64) -> Slot {
        Slot {
            in_flight,
            ..Slot::new(weight)
        }
    }

    #[test]
    fn the_least_loaded_for_its_weight_is_chosen() {
        assert_eq!(choose(&mut [slot(1, 1), slot(3, 2)]), Some(1));
        assert_eq!(choose(&mut [slot(1, 0), slot(3, 1)]), Some(0));
        assert_eq!(choose(&mut []), None);
    }

    #[test]
    fn a_tie_is_broken_in_turn_by_weight() {
        let mut pool = [slot(2, 0), slot(1, 0), slot(5, 9)];
        let picks: Vec<_> = (0..6)
            .map(|_| {
                for slot in &mut pool {
                    slot.eligible = true;
                }
                choose(&mut pool).unwrap()
            })
            .collect();
        assert_eq!(picks, [0, 1, 0, 0, 1, 0]);
        assert_eq!(pool[2].current, 0, "who did not tie owes nothing");
    }

    #[test]
    fn a_clear_winner_moves_no_weights() {
        let mut pool = [slot(2, 0), slot(1, 1)];
        assert_eq!(choose(&mut pool), Some(0));
        assert_eq!((pool[0].current, pool[1].current), (0, 0));
    }

    proptest! {
        #[test]
        fn every_choice_agrees_with_comparing_fractions(
            nodes in collection::vec((1u16..=6, 0u64..6, 0u8..4), 1..7),
        ) {
            let mut pool: Vec<Slot> = nodes.iter().map(|(w, n, kept)| Slot {
                eligible: *kept > 0,
                ..slot(*w, *n)
            }).collect();
            // Over 60, every weight of 1 to 6 divides evenly.
            let load = |slot: &Slot| slot.in_flight * (60 / slot.weight.unsigned_abs());
            let least = pool.iter().filter(|s| s.eligible).map(load).min();
            let mut tied = pool.clone();
            for slot in &mut tied {
                slot.eligible = slot.eligible && Some(load(slot)) == least;
            }
            prop_assert_eq!(choose(&mut pool), round_robin::choose(&mut tied));
        }
    }
}
