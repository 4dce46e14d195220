//! The supervisor with real sockets.

mod probe;
mod socket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, yield_now};
use tokio::time::timeout;

use super::{Supervisor, Target, resolve_new};
use crate::balance::{Balancer, Cause, Health, Registry, Unresolved};
use crate::model::{CheckKind, HealthCheck, HttpCheck, Name, Node, NodeAddress, Pool};

const REFRESH: Duration = Duration::from_millis(10);

fn check() -> Option<HealthCheck> {
    Some(HealthCheck {
        interval: Duration::from_millis(10),
        timeout: Duration::from_secs(10),
        ..HealthCheck::default()
    })
}

fn pool(addresses: &[String], check: Option<HealthCheck>) -> Pool {
    let mut pool = Pool::new(Name::unchecked("django"));
    pool.health_check = check;
    pool.nodes = addresses
        .iter()
        .map(|address| {
            Node::new(
                Name::unchecked(&address.replace(':', "_")),
                NodeAddress::parse(address).unwrap(),
            )
        })
        .collect();
    pool
}

fn targets(pool: &Pool, registry: &Registry) -> Vec<Target> {
    let balancer = Balancer::build(pool, registry);
    Target::of(&balancer, pool, None, &[]).collect()
}

// A node that accepts and counts; aborting its task closes its port.
async fn node(at: &str) -> (SocketAddr, Arc<AtomicU64>, AbortHandle) {
    let listener = TcpListener::bind(at).await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepted = Arc::new(AtomicU64::new(0));
    let counter = accepted.clone();
    let task = tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    (address, accepted, task.abort_handle())
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            yield_now().await;
        }
    };
    assert!(
        timeout(Duration::from_secs(20), waiting).await.is_ok(),
        "never: {what}"
    );
}

#[tokio::test]
async fn a_node_is_up_down_when_it_dies_and_up_when_it_is_back() {
    let (address, _, running) = node("127.0.0.1:0").await;
    let targets = targets(&pool(&[address.to_string()], check()), &Registry::new());
    let state = targets[0].state.clone();
    let mut supervisor = Supervisor::new();
    supervisor.follow(targets, REFRESH);
    eventually("up", || state.health() == Health::Up).await;
    assert_eq!(state.check().unwrap().code(), "L4OK");
    running.abort();
    eventually("down", || state.health() == Health::Down).await;
    assert_eq!(state.check().unwrap().code(), "L4CON");
    assert!(state.checks().1 >= 3, "fall is 3");
    let (_, _, _running) = node(&address.to_string()).await;
    eventually("up again", || state.health() == Health::Up).await;
}

#[tokio::test]
async fn a_node_that_is_down_by_default_is_up_after_rise_probes() {
    let (address, _, _running) = node("127.0.0.1:0").await;
    let check = check().map(|check| HealthCheck {
        default_down: true,
        ..check
    });
    let targets = targets(&pool(&[address.to_string()], check), &Registry::new());
    let state = targets[0].state.clone();
    assert_eq!((state.health(), state.check()), (Health::Down, None));
    let mut supervisor = Supervisor::new();
    supervisor.follow(targets, REFRESH);
    eventually("up", || state.health() == Health::Up).await;
    assert!(state.checks().0 >= 2, "rise is 2");
    assert!(state.check().unwrap().in_row >= 2);
}

#[tokio::test]
async fn a_node_without_a_check_is_never_probed() {
    let (checked, seen, _running) = node("127.0.0.1:0").await;
    let (unchecked, untouched, _running_too) = node("127.0.0.1:0").await;
    let registry = Registry::new();
    let mut all = targets(&pool(&[checked.to_string()], check()), &registry);
    let mut other = pool(&[unchecked.to_string()], None);
    other.name = Name::unchecked("files");
    all.extend(targets(&other, &registry));
    let state = all[1].state.clone();
    let mut supervisor = Supervisor::new();
    supervisor.follow(all, REFRESH);
    eventually("probes", || seen.load(Ordering::Relaxed) > 5).await;
    assert_eq!(untouched.load(Ordering::Relaxed), 0);
    assert_eq!(state.health(), Health::Unknown);
}

#[tokio::test]
async fn a_kept_node_keeps_its_task_and_a_gone_one_is_probed_no_more() {
    let (one, _, _running) = node("127.0.0.1:0").await;
    let (two, seen, _running_too) = node("127.0.0.1:0").await;
    let registry = Registry::new();
    let both = pool(&[one.to_string(), two.to_string()], check());
    let mut supervisor = Supervisor::new();
    supervisor.follow(targets(&both, &registry), REFRESH);
    let tasks = |supervisor: &Supervisor| -> Vec<_> {
        let mut ids: Vec<_> = supervisor
            .probes
            .iter()
            .map(|(k, v)| (*k, v.0.0.id()))
            .collect();
        ids.sort_unstable_by_key(|(id, _)| *id);
        ids
    };
    let before = tasks(&supervisor);
    supervisor.follow(targets(&both, &registry), REFRESH);
    assert_eq!(tasks(&supervisor), before);

    let gone = supervisor
        .probes
        .values()
        .map(|t| t.0.0.clone())
        .collect::<Vec<_>>();
    let only_one = targets(&pool(&[one.to_string()], check()), &registry);
    let state = only_one[0].state.clone();
    supervisor.follow(only_one, REFRESH);
    assert_eq!(tasks(&supervisor), before[..1]);
    eventually("its task ended", || {
        gone.iter().filter(|t| t.is_finished()).count() == 1
    })
    .await;
    let (last, probes) = (seen.load(Ordering::Relaxed), state.checks().0);
    eventually("the other goes on", || state.checks().0 > probes + 5).await;
    // At most the one connection that was waiting to be accepted.
    assert!(seen.load(Ordering::Relaxed) <= last + 1);
}

#[tokio::test]
async fn another_host_is_asked_for_by_the_probes_that_are_under_way() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, mut asked) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.is_ok() {}
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            let _ = stream.write_all(answer).await;
            let _ = seen.send(String::from_utf8(head).unwrap());
        }
    });
    let mut check = check().unwrap();
    check.kind = CheckKind::Http(HttpCheck::default());
    let pool = pool(&[address.to_string()], Some(check));
    let registry = Registry::new();
    let mut supervisor = Supervisor::new();
    let mut last = None;
    for host in [Some("shop.example"), None, Some("other.example")] {
        let balancer = Balancer::build(&pool, &registry);
        let targets = Target::of(&balancer, &pool, host, &[]);
        supervisor.follow(targets, REFRESH);
        let task = supervisor.probes.values().next().unwrap().0.0.id();
        assert_eq!(*last.get_or_insert(task), task, "the same task goes on");
        let authority = address.to_string();
        let line = format!("\r\nHost: {}\r\n", host.unwrap_or(&authority));
        let waiting = async { while !asked.recv().await.unwrap().contains(&line) {} };
        let found = timeout(Duration::from_secs(20), waiting).await;
        assert!(found.is_ok(), "never asked for {host:?}");
    }
}

#[tokio::test]
async fn a_node_that_flaps_says_how_many_passes_it_needs() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Every other answer passes.
    tokio::spawn(async move {
        let mut well = true;
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.is_ok() {}
            let status = if well { "200 OK" } else { "500 No" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
            well = !well;
        }
    });
    let mut check = check().unwrap();
    check.kind = CheckKind::Http(HttpCheck::default());
    (check.rise, check.fall) = (1, 1);
    let targets = targets(&pool(&[address.to_string()], Some(check)), &Registry::new());
    let state = targets[0].state.clone();
    let mut supervisor = Supervisor::new();
    supervisor.follow(targets, REFRESH);
    let flaps = || {
        state
            .check()
            .is_some_and(|check| check.needs_rise == Some(2))
    };
    eventually("it needs twice its rise", flaps).await;
}

#[tokio::test]
async fn dropping_the_supervisor_ends_every_task() {
    let pool = pool(&["localhost:1".into()], check());
    let mut supervisor = Supervisor::new();
    supervisor.follow(targets(&pool, &Registry::new()), REFRESH);
    let probes = supervisor.probes.values().map(|(task, _)| task);
    let all = probes.chain(supervisor.names.values());
    let handles: Vec<_> = all.map(|task| task.0.clone()).collect();
    assert_eq!(handles.len(), 2);
    drop(supervisor);
    eventually("all ended", || handles.iter().all(AbortHandle::is_finished)).await;
}

#[tokio::test]
async fn a_name_is_looked_up_and_then_probed() {
    let (address, _, _running) = node("127.0.0.1:0").await;
    let named = format!("localhost:{}", address.port());
    let targets = targets(&pool(&[named], check()), &Registry::new());
    let state = targets[0].state.clone();
    let mut supervisor = Supervisor::new();
    supervisor.follow(targets, REFRESH);
    eventually("found", || state.socket_addresses().contains(&address)).await;
    eventually("up", || state.health() == Health::Up).await;
}

#[tokio::test]
async fn a_change_waits_for_the_names_it_brings() {
    let targets = targets(
        &pool(&["localhost:80".into(), "10.0.0.1:80".into()], None),
        &Registry::new(),
    );
    resolve_new(&targets).await;
    assert!(!targets[0].state.socket_addresses().is_empty());
    assert_eq!(targets[1].state.socket_addresses().len(), 1);
}

#[test]
fn a_name_server_s_silence_is_told_from_its_no() {
    let prefix = "failed to lookup address information: ";
    for (words, expected) in [
        ("Name or service not known", Unresolved::NotFound),
        ("No address associated with hostname", Unresolved::NotFound),
        ("Temporary failure in name resolution", Unresolved::Silent),
        ("Try again", Unresolved::Silent),
    ] {
        let error = std::io::Error::other(format!("{prefix}{words}"));
        assert_eq!(super::names::why(&error), expected, "{words}");
    }
}

#[tokio::test]
async fn a_name_that_is_not_found_any_more_keeps_its_addresses() {
    // A label has at most 63 letters: refused without asking a name server.
    let nowhere = format!("{}:80", "x".repeat(64));
    let targets = targets(&pool(&[nowhere], check()), &Registry::new());
    let state = targets[0].state.clone();
    resolve_new(&targets).await;
    assert!(state.socket_addresses().is_empty());
    let mut supervisor = Supervisor::new();
    supervisor.follow(targets, REFRESH);
    eventually("a verdict", || state.health() == Health::Down).await;
    assert_eq!(state.check().unwrap().cause, Some(Cause::NameNotFound));
    let last: SocketAddr = "127.0.0.1:1".parse().unwrap();
    state.set_addresses(vec![last]);
    let probes = state.checks().1;
    eventually("more look-ups", || state.checks().1 > probes + 10).await;
    assert_eq!(*state.socket_addresses(), [last]);
}
