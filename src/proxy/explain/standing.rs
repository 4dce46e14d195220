//! How each node of a pool stands to a request, in words.

use tokio::time::Instant;

use super::Standing;
use crate::balance::{Bound, Candidate, Health, Outlook};
use crate::model::{AdminState, Language};
use crate::snapshot::Pool;

/// Whether and why each node could be chosen at `now`; `named` is what the cookie says.
pub(super) fn standings(
    pool: &Pool,
    outlook: &Outlook,
    named: Option<Bound>,
    now: Instant,
) -> Vec<Standing> {
    let nodes = pool.balancer.nodes();
    let both = nodes.iter().zip(&outlook.eligible);
    let takes_new = |node: &Candidate| node.admin_state == AdminState::Enabled;
    let takers = both.filter(|(node, eligible)| **eligible && takes_new(node));
    let whole: u32 = takers.map(|(node, _)| u32::from(node.weight)).sum();
    let one = |(index, node): (usize, &Candidate)| {
        let bound_elsewhere = outlook.bound.is_some_and(|bound| bound != index);
        let is_named = named.is_some_and(|named| named.index == index);
        let is_bound = is_named && outlook.by_cookie;
        let mut why = condition(pool, index, now);
        if is_named {
            why += match outlook.by_cookie {
                true => "; bound by the affinity cookie",
                false => "; the affinity cookie names it, and another is chosen instead",
            };
        }
        if outlook.eligible[index] && is_bound {
            if outlook.fail_open {
                why += "; asked all the same, for no enabled node is well";
            }
        } else if outlook.eligible[index] {
            let in_flight = node.state.in_flight();
            why += &format!("; weight {} of {whole}, {in_flight} in flight", node.weight);
            if node.max_conns > 0 {
                why += &format!(" of {} at most", node.max_conns);
            }
            if outlook.fail_open {
                why += "; asked all the same, for no enabled node is well";
            }
            match outlook.bound {
                None => {}
                Some(_) if bound_elsewhere => why += "; who asks is led to another node",
                Some(_) => why += "; who asks is led here",
            }
        } else if !is_bound && !pool.balancer.is_eligible(node, now) {
            // The condition says it all.
        } else if node.max_conns > 0 && node.state.in_flight() >= u64::from(node.max_conns) {
            why += &format!("; full: {} in flight", node.state.in_flight());
        } else if node.backup {
            why += "; a backup, for when no other node can answer";
        }
        Standing {
            node: node.name.clone(),
            eligible: outlook.eligible[index] && !bound_elsewhere,
            why,
        }
    };
    nodes.iter().enumerate().map(one).collect()
}

/// How a node is, in words.
fn condition(pool: &Pool, index: usize, now: Instant) -> String {
    let node = &pool.balancer.nodes()[index];
    let draining = match (node.admin_state, pool.balancer.affinity()) {
        (AdminState::Disabled, _) => return "disabled".to_owned(),
        (AdminState::Draining, None) => return "draining: it takes no new requests".to_owned(),
        (AdminState::Draining, Some(_)) if pool.balancer.keeps(node, now) => {
            return "draining: takes only bound requests".to_owned();
        }
        (AdminState::Draining, Some(_)) => "draining, and ",
        (AdminState::Enabled, _) => "",
    };
    draining.to_owned() + &wellness(pool, index, now)
}

/// How an enabled node is, in words.
fn wellness(pool: &Pool, index: usize, now: Instant) -> String {
    let node = &pool.balancer.nodes()[index];
    let health = node.state.health();
    if health == Health::Down {
        let check = node.state.check();
        let text = check.map(|check| check.text(Language::English));
        return text.map_or("down".to_owned(), |text| format!("down: {text}"));
    }
    if let Some(until) = pool.balancer.ejected_until(index, now) {
        // Rounded up: at 0 it would be back.
        let left = until.saturating_duration_since(now).as_secs() + 1;
        return format!("ejected for another {left} s: requests to it failed");
    }
    let words = match (health, &pool.config.health_check) {
        (Health::Up | Health::Down, _) => "up",
        (Health::Unknown, Some(_)) => "not checked yet",
        (Health::Unknown, None) => "not checked",
    };
    words.to_owned()
}

/// How TLS would be spoken to the node at `index`, where it is.
pub(super) fn told_of_tls(pool: &Pool, index: usize) -> Option<String> {
    let (tls, to_node) = (pool.config.tls.as_ref()?, pool.to_nodes.get(index)?);
    let (node, name) = (&pool.balancer.nodes()[index].name, to_node.asked());
    Some(match (tls.verify, &tls.ca) {
        (false, _) => format!("node {node} is asked by TLS for {name}, and not verified"),
        (true, Some(ca)) => format!(
            "node {node} is asked by TLS, and needs a certificate for {name} by an authority of {}",
            ca.display()
        ),
        (true, None) => format!(
            "node {node} is asked by TLS, and needs a certificate for {name} by an authority that this machine trusts"
        ),
    })
}
