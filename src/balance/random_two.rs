//! The better of two random nodes by requests in flight for the weight: so several balancers
//! in front of the same nodes do not all choose the same one at once.

use super::slot::Slot;

/// Chooses among the eligible slots. `draw` gives a number below the one it is given, each as
/// likely as the others.
///
/// A weight is the chance to be drawn first, and the first wins a tie: so an idle pool is
/// shared by weight (nginx's `random two` gives a tie to the second, the lighter node's).
pub(super) fn choose(slots: &[Slot], mut draw: impl FnMut(u64) -> u64) -> Option<usize> {
    let total: u64 = eligible(slots).map(|(_, weight)| weight).sum();
    if total == 0 {
        return None;
    }
    let (first, weight) = at_weight(eligible(slots), draw(total))?;
    let rest = total - weight;
    if rest == 0 {
        return Some(first);
    }
    let others = eligible(slots).filter(|(index, _)| *index != first);
    let (second, _) = at_weight(others, draw(rest))?;
    let Slot {
        in_flight, weight, ..
    } = slots[first];
    let is_better = slots[second].compare_load(in_flight, weight).is_lt();
    Some(if is_better { second } else { first })
}

/// Index and weight of who may be drawn.
fn eligible(slots: &[Slot]) -> impl Iterator<Item = (usize, u64)> {
    let slots = slots.iter().enumerate().filter(|(_, slot)| slot.eligible);
    slots.map(|(index, slot)| (index, slot.weight.unsigned_abs()))
}

/// Whose weight covers `place`, when all weights stand in one row.
fn at_weight(
    mut slots: impl Iterator<Item = (usize, u64)>,
    mut place: u64,
) -> Option<(usize, u64)> {
    slots.find(|(_, weight)| {
        let is_here = place < *weight;
        place = place.saturating_sub(*weight);
        is_here
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use proptest::{collection, prop_assert_eq};

    use super::{Slot, choose};

    fn slot(weight: u16, in_flight: u64, eligible: bool) -> Slot {
        Slot {
            in_flight,
            eligible,
            ..Slot::new(weight)
        }
    }

    #[test]
    fn an_idle_pool_is_shared_by_weight() {
        let pool = [slot(3, 0, true), slot(2, 0, true), slot(1, 0, true)];
        let mut counts = [0; 3];
        for first in 0..6 {
            for second in 0..30 {
                let mut draws = [first, second].into_iter();
                let draw = |below| draws.next().unwrap() % below;
                counts[choose(&pool, draw).unwrap()] += 1;
            }
        }
        assert_eq!(counts, [90, 60, 30]);
    }

    #[test]
    fn of_two_nodes_the_better_is_always_chosen() {
        let pool = [slot(1, 2, true), slot(9, 0, false), slot(3, 5, true)];
        for first in 0..4 {
            let mut draws = [first, 0].into_iter();
            assert_eq!(choose(&pool, |_| draws.next().unwrap()), Some(2));
        }
        assert_eq!(choose(&[], |_| 0), None);
        assert_eq!(choose(&pool[1..2], |_| 0), None);
        assert_eq!(choose(&pool[..2], |_| 0), Some(0));
    }

    proptest! {
        #[test]
        fn every_choice_agrees_with_drawing_two_lots(
            nodes in collection::vec((1u16..=6, 0u64..6, 0u8..4), 1..7),
            draws in any::<[u64; 2]>(),
        ) {
            let pool: Vec<Slot> = nodes.iter().map(|(w, n, kept)| slot(*w, *n, *kept > 0)).collect();
            // A lot for each unit of weight.
            let lots = |left_out: Option<usize>| -> Vec<usize> {
                let nodes = pool.iter().enumerate();
                let nodes = nodes.filter(|(i, slot)| slot.eligible && Some(*i) != left_out);
                let lots = nodes.flat_map(|(i, slot)| std::iter::repeat_n(i, usize::try_from(slot.weight).unwrap()));
                lots.collect()
            };
            let pick = |lots: &[usize], draw: u64| {
                let count = u64::try_from(lots.len()).unwrap();
                (count > 0).then(|| lots[usize::try_from(draw % count).unwrap()])
            };
            let first = pick(&lots(None), draws[0]);
            let second = first.and_then(|first| pick(&lots(Some(first)), draws[1]));
            // Over 60, every weight of 1 to 6 divides evenly.
            let load = |i: usize| pool[i].in_flight * (60 / pool[i].weight.unsigned_abs());
            let expected = match (first, second) {
                (Some(first), Some(second)) if load(second) < load(first) => Some(second),
                (first, _) => first,
            };
            let mut draws = draws.into_iter();
            prop_assert_eq!(choose(&pool, |below| draws.next().unwrap() % below), expected);
        }
    }
}
