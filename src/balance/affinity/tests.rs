//! Bindings against the stupidest possible bookkeeping, and what is remembered of a node.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::proptest;
use proptest::prop_assert_eq;

use super::bindings::{Bindings, BoundTo};
use super::token::Token;
use super::unix_now;

const KEY: u64 = 7;
const NOW: u64 = 1_800_000_000;

fn bindings() -> Bindings {
    let bindings = Bindings::new();
    bindings.use_key(KEY);
    bindings
}

fn clients(bindings: &Bindings, now: u64) -> u64 {
    bindings.bound_to(now).clients
}

#[test]
fn a_binding_lasts_its_max_age_and_the_second_that_had_begun() {
    let bindings = bindings();
    let token = bindings.bind(KEY, 10, NOW);
    assert_eq!(token.expires, NOW + 11);
    let bound = |clients, until| BoundTo { clients, until };
    assert_eq!(bindings.bound_to(NOW), bound(1, Some(NOW + 11)));
    assert_eq!(bindings.bound_to(NOW + 10), bound(1, Some(NOW + 11)));
    assert_eq!(bindings.bound_to(NOW + 11), bound(0, None));
}

#[test]
fn a_session_cookie_is_never_counted() {
    let bindings = bindings();
    let token = bindings.bind(KEY, 0, NOW);
    assert_eq!(token.expires, 0);
    bindings.see(&token, NOW);
    bindings.see(&Token { issuer: 1, ..token }, NOW);
    bindings.release(&token, NOW);
    assert_eq!(bindings.bound_to(NOW), BoundTo::default());
}

#[test]
fn a_cookie_of_somebody_else_binds_until_its_end() {
    let (here, there) = (bindings(), bindings());
    let token = there.bind(KEY, 10, NOW);
    here.see(&token, NOW + 1);
    assert_eq!(here.bound_to(NOW + 1).until, Some(NOW + 11));
    assert_eq!((clients(&here, NOW + 10), clients(&here, NOW + 11)), (1, 0));
    // Where it is renewed here, it is known here; the other one may still be somewhere.
    let renewed = here.renew(&token, KEY, 10, NOW + 7);
    assert_eq!(clients(&here, NOW + 7), 2);
    assert_eq!(here.bound_to(NOW + 11).until, Some(renewed.expires));
    assert_eq!(clients(&here, NOW + 11), 1);
}

#[test]
fn requests_sent_together_renew_one_cookie_once() {
    let bindings = bindings();
    let old = bindings.bind(KEY, 10, NOW);
    let other = bindings.bind(KEY, 10, NOW);
    let new = bindings.renew(&old, KEY, 10, NOW + 6);
    assert_ne!(new.nonce, old.nonce);
    for _ in 0..5 {
        assert_eq!(bindings.renew(&old, KEY, 10, NOW + 7), new);
    }
    assert_eq!(clients(&bindings, NOW + 10), 2);
    assert_eq!(clients(&bindings, NOW + 11), 1);
    // The same for those who move.
    for _ in 0..5 {
        bindings.release(&other, NOW + 7);
    }
    assert_eq!(clients(&bindings, NOW + 7), 1);
}

#[test]
fn a_client_that_was_moved_and_comes_all_the_same_is_bound() {
    let bindings = bindings();
    let token = bindings.bind(KEY, 10, NOW);
    bindings.release(&token, NOW + 1);
    assert_eq!(clients(&bindings, NOW + 1), 0);
    for _ in 0..3 {
        bindings.see(&token, NOW + 2);
        assert_eq!(clients(&bindings, NOW + 2), 1);
    }
}

#[test]
fn a_client_moved_and_renewed_at_once_is_taken_out_once() {
    let bindings = bindings();
    let old = bindings.bind(KEY, 10, NOW);
    bindings.bind(KEY, 10, NOW);
    // Two requests with one cookie: one failed here and was moved, the other is answered here.
    bindings.release(&old, NOW + 6);
    let new = bindings.renew(&old, KEY, 10, NOW + 6);
    assert_eq!(clients(&bindings, NOW + 6), 2);
    assert_eq!(bindings.renew(&old, KEY, 10, NOW + 7), new);
    assert_eq!(clients(&bindings, NOW + 10), 2);
    assert_eq!(clients(&bindings, NOW + 11), 1);
}

#[test]
fn where_more_are_moved_than_are_remembered_nobody_else_is_forgotten() {
    let bindings = bindings();
    let moved: Vec<Token> = (0..2000).map(|_| bindings.bind(KEY, 10, NOW)).collect();
    let stays = bindings.bind(KEY, 10, NOW);
    // Each sends a second request with its old cookie, long after the first.
    for token in moved.iter().chain(&moved) {
        bindings.release(token, NOW + 1);
    }
    let until = |now| bindings.bound_to(now).until;
    assert_eq!(until(NOW + 1), Some(stays.expires));
    assert_eq!(until(stays.expires), None);
}

#[test]
fn another_key_ends_every_binding() {
    let bindings = bindings();
    let old = bindings.bind(KEY, 10, NOW);
    bindings.use_key(KEY);
    assert_eq!(clients(&bindings, NOW), 1);
    bindings.use_key(8);
    assert_eq!(bindings.bound_to(NOW), BoundTo::default());
    // Handed out before the change was known here: not lost.
    bindings.bind(9, 10, NOW + 1);
    assert_eq!(bindings.bound_to(NOW + 1).until, Some(NOW + 12));
    // The old key comes back, and with it the cookies of then.
    bindings.use_key(KEY);
    bindings.see(&old, NOW + 2);
    assert_eq!(clients(&bindings, NOW + 2), 1);
}

#[test]
fn what_was_handed_out_before_the_start_may_last() {
    let bindings = bindings();
    bindings.may_last_until(NOW + 11);
    bindings.may_last_until(NOW + 5);
    let until = |now| bindings.bound_to(now).until;
    assert_eq!(
        (until(NOW), until(NOW + 10), until(NOW + 11)),
        (Some(NOW + 11), Some(NOW + 11), None)
    );
    assert_eq!(clients(&bindings, NOW), 0);
}

proptest! {
    // Clients with their jars, two nodes, and a list of who is bound where until when.
    #[test]
    fn the_count_is_that_of_the_clients_jars(
        max_age in 1_u64..200,
        steps in vec((0_u64..20, 0_usize..20, 0_usize..4), 1..200),
    ) {
        let nodes = [bindings(), bindings()];
        let mut jars: HashMap<usize, (usize, Token)> = HashMap::new();
        let mut now = NOW;
        for (later, client, what) in steps {
            now += later;
            jars.retain(|_, (_, token)| token.expires > now);
            match (jars.get(&client).copied(), what) {
                (None, what) => {
                    let node = what % 2;
                    jars.insert(client, (node, nodes[node].bind(KEY, max_age, now)));
                }
                (Some((node, token)), 0) => {
                    nodes[node].release(&token, now);
                    jars.insert(client, (1 - node, nodes[1 - node].bind(KEY, max_age, now)));
                }
                (Some((node, token)), 1) => {
                    let new = nodes[node].renew(&token, KEY, max_age, now);
                    jars.insert(client, (node, new));
                }
                (Some((node, token)), _) => nodes[node].see(&token, now),
            }
            for (index, node) in nodes.iter().enumerate() {
                let bound = jars.values().filter(|(at, _)| *at == index);
                let ends: Vec<u64> = bound.map(|(_, token)| token.expires).collect();
                let expected = BoundTo {
                    clients: ends.len() as u64,
                    until: ends.iter().max().copied(),
                };
                prop_assert_eq!(node.bound_to(now), expected);
            }
        }
    }
}

#[test]
fn cookies_count_in_seconds_since_1970() {
    let this_was_2023 = 1_700_000_000;
    assert!(unix_now() > this_was_2023);
}
