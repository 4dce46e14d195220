//! Who takes new requests, and in proportion to what: as told, so it happens.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::{any, proptest};
use proptest::prop_assert_eq;
use tokio::time::Instant;

use super::{balancer, lease, pool, set_health};
use crate::balance::slot::UNIT;
use crate::balance::{Balancer, Health, Tried};
use crate::model::{AdminState, Policy};

fn taking(balancer: &Balancer) -> Vec<bool> {
    let now = Instant::now();
    let nodes = balancer.nodes().iter();
    nodes.map(|node| balancer.takes(node, now)).collect()
}

#[test]
fn backups_take_requests_only_where_no_other_node_does() {
    let mut pool = pool(Policy::RoundRobin, &[3, 1, 1, 5]);
    pool.nodes[1].state = AdminState::Draining;
    pool.nodes[2].backup = true;
    pool.nodes[3].backup = true;
    let balancer = balancer(&pool);
    assert_eq!(taking(&balancer), [true, false, false, false]);
    set_health(&balancer, 0, Health::Down);
    assert_eq!(taking(&balancer), [false, false, true, true]);
    set_health(&balancer, 2, Health::Down);
    assert_eq!(taking(&balancer), [false, false, false, true]);
    // None is good: the enabled ones are asked all the same, and backups rest again.
    set_health(&balancer, 3, Health::Down);
    assert_eq!(taking(&balancer), [true, false, false, false]);
}

/// How many requests of a whole round go to each node.
fn round(balancer: &Arc<Balancer>, requests: u64) -> Vec<u64> {
    let mut counts = vec![0; balancer.nodes().len()];
    for _ in 0..requests {
        if let Some(lease) = lease(balancer, &Tried::new()) {
            counts[lease.index()] += 1;
        }
    }
    counts
}

proptest! {
    #[test]
    fn nodes_get_what_is_told_of_them(
        nodes in vec((1_u16..5, any::<bool>(), any::<bool>(), 0_usize..3), 1..6),
    ) {
        let states = [AdminState::Enabled, AdminState::Draining, AdminState::Disabled];
        let weights: Vec<u16> = nodes.iter().map(|node| node.0).collect();
        let mut pool = pool(Policy::RoundRobin, &weights);
        for (node, (_, _, backup, state)) in pool.nodes.iter_mut().zip(&nodes) {
            node.backup = *backup;
            node.state = states[*state];
        }
        let balancer = balancer(&pool);
        for (index, (_, up, _, _)) in nodes.iter().enumerate() {
            let health = if *up { Health::Up } else { Health::Down };
            set_health(&balancer, index, health);
        }
        let now = Instant::now();
        let told: Vec<u64> = balancer
            .nodes()
            .iter()
            .map(|node| balancer.weight_now(node, now) / UNIT.unsigned_abs())
            .collect();
        prop_assert_eq!(round(&balancer, told.iter().sum()), told.clone());
        let takes: Vec<bool> = told.iter().map(|part| *part > 0).collect();
        prop_assert_eq!(takes, taking(&balancer));
        if told.iter().all(|part| *part == 0) {
            prop_assert_eq!(round(&balancer, 3), vec![0; nodes.len()]);
        }
    }
}
