//! Smooth weighted round robin, as nginx does it: in turn by weight, evenly
//! interleaved (weights 5, 1, 1 give a a b a c a a).

use super::slot::Slot;

/// Chooses among the eligible slots and moves their weights on.
pub(super) fn choose(slots: &mut [Slot]) -> Option<usize> {
    let total = move_on(slots);
    let mut best: Option<(usize, i64)> = None;
    for (index, slot) in slots.iter().enumerate().filter(|(_, s)| s.eligible) {
        // The first wins a tie.
        if best.is_none_or(|(_, current)| slot.current > current) {
            best = Some((index, slot.current));
        }
    }
    let (chosen, _) = best?;
    slots[chosen].current -= total;
    Some(chosen)
}

/// Counts the turn of `chosen`, which its client was bound to. Where it is far ahead of its
/// turns, or none of the eligible, nobody else's is put off for it (as in nginx).
pub(super) fn count(slots: &mut [Slot], chosen: usize) {
    let eligible = slots.iter().filter(|slot| slot.eligible);
    let whole: i64 = eligible.map(|slot| slot.weight).sum();
    let slot = &slots[chosen];
    if slot.eligible && slot.current > slot.weight - whole {
        let total = move_on(slots);
        slots[chosen].current -= total;
    }
}

// Gives every eligible slot what it is owed, and tells how much that is in all.
fn move_on(slots: &mut [Slot]) -> i64 {
    let mut total = 0;
    for slot in slots.iter_mut().filter(|slot| slot.eligible) {
        slot.current += slot.effective;
        total += slot.effective;
        if slot.effective < slot.weight {
            slot.effective = (slot.effective + slot.unit).min(slot.weight);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use proptest::{collection, prop_assert, prop_assert_eq};

    use super::{Slot, choose, count};

    fn slots(weights: &[u16]) -> Vec<Slot> {
        weights.iter().map(|w| Slot::new(*w)).collect()
    }

    fn picks(slots: &mut [Slot], count: usize) -> String {
        (0..count)
            .map(|_| char::from(b'a' + u8::try_from(choose(slots).unwrap()).unwrap()))
            .collect()
    }

    #[test]
    fn the_sequence_is_nginx_s() {
        assert_eq!(picks(&mut slots(&[5, 1, 1]), 14), "aabacaaaabacaa");
        assert_eq!(picks(&mut slots(&[3, 2, 1]), 12), "abacbaabacba");
        assert_eq!(picks(&mut slots(&[1, 1, 1]), 6), "abcabc");
    }

    #[test]
    fn a_node_out_of_the_running_keeps_its_place() {
        let mut pool = slots(&[1, 1, 1]);
        pool[1].eligible = false;
        assert_eq!(picks(&mut pool, 4), "acac");
        pool[1].eligible = true;
        assert_eq!(picks(&mut pool, 3), "abc");
    }

    #[test]
    fn a_weakened_node_gets_less_and_recovers_by_one_a_pick() {
        let mut pool = slots(&[6, 6]);
        for _ in 0..2 {
            pool[0].weaken(3);
        }
        assert_eq!(pool[0].effective, 2);
        assert_eq!(picks(&mut pool, 4), "babb");
        assert_eq!(pool[0].effective, 6);
        for _ in 0..9 {
            pool[0].weaken(3);
        }
        assert_eq!(pool[0].effective, 0, "never below nothing");
    }

    #[test]
    fn nothing_eligible_is_no_choice() {
        let mut pool = slots(&[1]);
        pool[0].eligible = false;
        assert_eq!(choose(&mut pool), None);
        assert_eq!(choose(&mut []), None);
    }

    // The published rule, word for word, over separate lists.
    fn by_the_book(
        weights: &[i64],
        allowed: &[bool],
        current: &mut [i64],
        effective: &mut [i64],
    ) -> Option<usize> {
        let eligible: Vec<usize> = (0..weights.len()).filter(|i| allowed[*i]).collect();
        let total: i64 = eligible.iter().map(|i| effective[*i]).sum();
        for i in &eligible {
            current[*i] += effective[*i];
            effective[*i] = (effective[*i] + 1).min(weights[*i]);
        }
        let most = eligible.iter().map(|i| current[*i]).max()?;
        let chosen = eligible.into_iter().find(|i| current[*i] == most)?;
        current[chosen] -= total;
        Some(chosen)
    }

    #[test]
    fn a_bound_request_takes_a_turn_as_far_as_one_is_owed() {
        let mut pool = slots(&[1, 1, 1]);
        count(&mut pool, 2);
        assert_eq!(picks(&mut pool, 5), "ababc");
        let mut pool = slots(&[1, 1, 1]);
        for _ in 0..100 {
            count(&mut pool, 2);
        }
        let current = |pool: &[Slot]| pool.iter().map(|s| s.current).collect::<Vec<_>>();
        assert_eq!(current(&pool), [1, 1, -2]);
        pool[2].eligible = false;
        count(&mut pool, 2);
        assert_eq!(current(&pool), [1, 1, -2]);
    }

    proptest! {
        #[test]
        fn bound_requests_leave_the_sum_and_put_nobody_off_for_long(
            weights in collection::vec(1u16..=9, 1..6),
            bound in collection::vec((any::<bool>(), 0usize..6), 0..100),
        ) {
            let mut pool = slots(&weights);
            let whole: i64 = weights.iter().map(|w| i64::from(*w)).sum();
            for (is_bound, to) in bound {
                match is_bound {
                    true if to < pool.len() => count(&mut pool, to),
                    _ => { choose(&mut pool); }
                }
                prop_assert_eq!(pool.iter().map(|slot| slot.current).sum::<i64>(), 0);
                prop_assert!(pool.iter().all(|slot| slot.current > -2 * whole));
            }
        }

        #[test]
        fn every_weight_gets_its_exact_share_of_a_cycle(weights in collection::vec(1u16..=50, 1..8)) {
            let mut pool = slots(&weights);
            let total: u16 = weights.iter().sum();
            for _ in 0..2 {
                let mut counts = vec![0u16; weights.len()];
                for _ in 0..total {
                    counts[choose(&mut pool).unwrap()] += 1;
                }
                prop_assert_eq!(&counts, &weights);
                prop_assert!(pool.iter().all(|slot| slot.current == 0));
            }
        }

        #[test]
        fn every_choice_agrees_with_the_published_rule(
            weights in collection::vec(1u16..=9, 1..6),
            steps in collection::vec((any::<[bool; 6]>(), 0usize..12), 1..60),
        ) {
            let mut pool = slots(&weights);
            let wide: Vec<i64> = weights.iter().map(|w| i64::from(*w)).collect();
            let (mut current, mut effective) = (vec![0; wide.len()], wide.clone());
            for (allowed, failing) in steps {
                for (slot, allowed) in pool.iter_mut().zip(allowed) {
                    slot.eligible = allowed;
                }
                let expected = by_the_book(&wide, &allowed, &mut current, &mut effective);
                prop_assert_eq!(choose(&mut pool), expected);
                if failing < wide.len() {
                    pool[failing].weaken(2);
                    effective[failing] = (effective[failing] - wide[failing] / 2).max(0);
                }
            }
        }
    }
}
