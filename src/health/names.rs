//! Looking up the nodes whose address is a name.
//!
//! A failure keeps the last answer: a name server that is away must not take
//! nodes with it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::Target;
use crate::balance::{NodeState, Unresolved};
use crate::model::{NodeAddress, Way, no_node};

/// How long a change waits for the names it brings. Longer would hold up the
/// operator; whoever is later is found by the regular look-up.
const FIRST_ANSWER: Duration = Duration::from_secs(2);

/// Looks up every name that has no address yet and waits for the answers, two
/// seconds at most, so that a change returns with its names known.
pub async fn resolve_new<'a>(targets: impl IntoIterator<Item = &'a Target>) {
    let mut asking = JoinSet::new();
    for target in targets.into_iter().filter(|target| is_unknown_name(target)) {
        let (address, state) = (target.address.clone(), target.state.clone());
        asking.spawn(async move {
            // An error is told by the regular look-up, once.
            match addresses(&address).await {
                Ok(found) => state.set_addresses(found),
                Err(error) => state.set_unresolved(why(&error)),
            }
        });
    }
    // What was not found in time goes on being looked for, elsewhere.
    let all = async { while asking.join_next().await.is_some() {} };
    let _late = timeout(FIRST_ANSWER, all).await;
}

fn is_unknown_name(target: &Target) -> bool {
    target.address.is_name() && target.state.socket_addresses().is_empty()
}

/// Keeps a name's addresses fresh until dropped.
pub(super) async fn keep_fresh(
    label: String,
    address: NodeAddress,
    state: Arc<NodeState>,
    every: Duration,
) {
    let Way::Name { host, .. } = address.way() else {
        return;
    };
    let mut failing = false;
    // What `resolve_new` has just found need not be asked for again at once.
    if !state.socket_addresses().is_empty() {
        sleep(every).await;
    }
    loop {
        match addresses(&address).await {
            Ok(found) => {
                let again = std::mem::take(&mut failing);
                if again {
                    info!("node {label}: the name {host} is found again");
                }
                if again || **state.socket_addresses() != found {
                    state.set_addresses(found);
                }
            }
            Err(error) if !failing => {
                failing = true;
                state.set_unresolved(why(&error));
                let until_then = match state.socket_addresses().is_empty() {
                    true => "requests to it fail until it is found",
                    false => "its last addresses stay in use",
                };
                warn!("node {label}: cannot look up {host}: {error}; {until_then}");
            }
            Err(error) => state.set_unresolved(why(&error)),
        }
        sleep(every).await;
    }
}

// The system tells the two apart in words alone: glibc's, then musl's.
pub(super) fn why(error: &io::Error) -> Unresolved {
    let words = error.to_string();
    let silent = ["Temporary failure in name resolution", "Try again"];
    match silent.iter().any(|silent| words.contains(silent)) {
        true => Unresolved::Silent,
        false => Unresolved::NotFound,
    }
}

/// The addresses of a node at a name, in the order to try, asked for once; at least one.
///
/// # Errors
/// Why there is none.
pub async fn look_up(address: &NodeAddress) -> Result<Vec<SocketAddr>, Unresolved> {
    match timeout(FIRST_ANSWER, addresses(address)).await {
        Ok(found) => found.map_err(|error| why(&error)),
        Err(_) => Err(Unresolved::Silent),
    }
}

// The addresses in the order to try; at least one.
async fn addresses(address: &NodeAddress) -> io::Result<Vec<SocketAddr>> {
    let Way::Name { host, port } = address.way() else {
        return Err(io::Error::other("it is no name"));
    };
    usable(lookup_host((host, port)).await?)
}

/// Each once, without those where no node is: whoever answers for a name must not lead us there.
/// What is kept is what is connected to; nothing looks the name up a second time.
fn usable(found: impl Iterator<Item = SocketAddr>) -> io::Result<Vec<SocketAddr>> {
    let (mut kept, mut barred) = (Vec::new(), None);
    for socket in found {
        match no_node(socket.ip()) {
            Some(why) => barred = Some(why),
            None if kept.contains(&socket) => {}
            None => kept.push(socket),
        }
    }
    match (kept.is_empty(), barred) {
        (false, _) => Ok(kept),
        (true, Some(why)) => Err(io::Error::other(why.words())),
        (true, None) => Err(io::Error::other("the name has no address")),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::usable;

    #[test]
    fn a_name_does_not_lead_where_no_node_is() {
        let sockets = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let answered = sockets(&[
            "169.254.169.254:80",
            "10.0.0.1:80",
            "10.0.0.1:80",
            "[fe80::1]:80",
        ]);
        let kept = usable(answered.into_iter()).unwrap();
        assert_eq!(kept, sockets(&["10.0.0.1:80"]));
        let refused = usable(sockets(&["[fd00:ec2::254]:80"]).into_iter()).unwrap_err();
        assert!(refused.to_string().contains("cloud metadata"), "{refused}");
        assert!(usable(std::iter::empty()).is_err());
    }
}
