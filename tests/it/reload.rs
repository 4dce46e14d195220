//! Two hundred changes under load: none is felt, and each is in force when `apply` returns.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::process::Signal;

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request, Response, Wire};
use crate::support::document::{NodeLine, listener, one_pool, pool, route, site};
use crate::support::node::{Answer, Gate, Node, lines};
use crate::support::ports::Port;
use crate::support::{counted, figure};

/// Revision `n` marks every response, and changes weights, policy, nodes and listeners too.
fn document(port: u16, second: u16, nodes: &[NodeLine], n: usize) -> String {
    let policy = ["round_robin", "least_conn", "ip_hash"][n % 3];
    let some = &nodes[..2 + n % 2];
    let keys = format!("policy = \"{policy}\"\nmax_fails = {}", 3 + n % 5);
    let marked = format!("headers = {{ \"X-Number\" = \"{n}\" }}");
    let mut text = listener(port);
    if n.is_multiple_of(7) {
        let more = format!("\n[[listeners]]\nname = \"more\"\naddress = \"127.0.0.1:{second}\"\n");
        text += &more;
    }
    text + &pool("django", &keys, some) + &site("all", &route("/", "django", &marked))
}

fn number(answer: &Response) -> usize {
    let value = answer.field("X-Number");
    value.and_then(|n| n.parse().ok()).unwrap_or(usize::MAX)
}

/// One request under load: it must carry at least the revision that had been acknowledged.
fn look(client: &mut Client, acknowledged: &AtomicUsize, most: usize) -> Result<(), String> {
    let least = acknowledged.load(Ordering::SeqCst);
    let answer = client
        .send(&Request::get("/"))
        .map_err(|error| error.to_string())?;
    match (answer.status, number(&answer)) {
        (200, seen) if seen >= least && seen <= most => Ok(()),
        (status, seen) => Err(format!("{status}, number {seen} after {least}")),
    }
}

#[test]
fn two_hundred_changes_under_load_fail_no_request() {
    let changes = counted(200, 5_000);
    let nodes = Node::three();
    let lines = lines(&nodes, [3, 2, 1]);
    let lb = Appliance::start();
    let second = Port::free();
    let (port, more) = (lb.port(), second.number());
    lb.apply(&document(port, more, &lines, 0));

    let acknowledged = AtomicUsize::new(0);
    let over = AtomicBool::new(false);
    let failures = Mutex::new(Vec::new());
    let requests = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for kept in [true, true, false, false] {
            let (acknowledged, over, failures, requests) =
                (&acknowledged, &over, &failures, &requests);
            scope.spawn(move || {
                let mut client = Client::of(port);
                while !over.load(Ordering::SeqCst) {
                    if !kept {
                        client = Client::of(port);
                    }
                    if let Err(why) = look(&mut client, acknowledged, changes) {
                        failures.lock().unwrap().push(why);
                    }
                    requests.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let mut kept = Client::of(port);
        for n in 1..=changes {
            let applied = lb.apply(&document(port, more, &lines, n));
            acknowledged.store(n, Ordering::SeqCst);
            let (old, new) = (kept.get("/"), lb.get("/"));
            let numbers = (number(&old), number(&new));
            if applied["changed"] != true || numbers != (n, n) {
                let told = format!("change {n}: {applied}, then {numbers:?}");
                failures.lock().unwrap().push(told);
            }
        }
        over.store(true, Ordering::SeqCst);
    });
    assert_eq!(failures.into_inner().unwrap(), Vec::<String>::new());
    let requests = requests.into_inner();
    assert!(requests > changes);
    figure(&format!(
        "{changes} changes under load: {requests} requests, 0 failed"
    ));
    assert!(lb.export().contains("X-Number"));
}

#[test]
fn a_change_lets_a_request_in_flight_finish_by_the_old_configuration() {
    let gate = Gate::closed();
    let held = gate.clone();
    let old = Node::scripted("old", move |_| {
        held.pass();
        Answer::text("old")
    });
    let new = Node::answering("new");
    let lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &[old.line(1)]));
    let mut pending = Wire::to(lb.port());
    pending.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    old.saw(1);
    lb.apply(&one_pool(lb.port(), "", &[new.line(1)]));
    assert_eq!(lb.get("/").text(), "new");
    gate.open();
    assert_eq!(pending.response("GET").text(), "old");
    // And the connection goes on by the new one.
    pending.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(pending.response("GET").text(), "new");
}

#[test]
fn a_listener_that_is_gone_refuses_and_one_that_is_new_answers() {
    let node = Node::answering("a");
    let other = Port::free();
    let lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &[node.line(1)]));
    assert_eq!(lb.get("/").text(), "a");
    lb.apply(&one_pool(other.number(), "", &[node.line(1)]));
    assert_eq!(Client::of(other.number()).get("/").text(), "a");
    assert!(Client::of(lb.port()).send(&Request::get("/")).is_err());
}

#[test]
fn the_same_port_moves_between_any_address_and_one() {
    let node = Node::answering("a");
    let lb = Appliance::start();
    let one = one_pool(lb.port(), "", &[node.line(1)]);
    let any = one.replace(
        &format!("address = \"127.0.0.1:{}\"", lb.port()),
        &format!("address = \"0.0.0.0:{}\"", lb.port()),
    );
    for document in [&one, &any, &one, &any] {
        lb.apply(document);
        assert_eq!(lb.get("/").text(), "a");
    }
}

#[test]
fn hup_and_a_restart_serve_what_was_applied() {
    let node = Node::answering("a");
    let mut lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &[node.line(1)]));
    let exported = lb.export();
    lb.signal(Signal::HUP);
    assert_eq!(lb.get("/").text(), "a");
    assert_eq!(lb.export(), exported);
    assert_eq!(lb.stop().code(), Some(0));
    lb.restart();
    assert_eq!(lb.export(), exported);
    assert_eq!(lb.get("/").text(), "a");
}
