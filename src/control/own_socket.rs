//! `control.sock` and the admin address are no nodes: whoever visits a site would hold the
//! operator's own door.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::spawn_blocking;

use crate::model::{Code, Config, Problems, Way, no_node};

/// The name of the API's socket in the data directory.
pub const CONTROL_SOCKET: &str = "control.sock";

/// A Problem for each node that is where the admin server really listens (the command line may
/// say another address than the Config) or the session store does, or where no node is. Asked of a change alone: what was
/// taken by an older version goes on being served.
pub(super) fn check_addresses(own: &[(SocketAddr, &str)], config: &Config) -> Problems {
    let mut problems = Problems::default();
    for (i, pool) in config.pools.iter().enumerate() {
        for (j, node) in pool.nodes.iter().enumerate() {
            let field = || format!("pools[{i}].nodes[{j}].address");
            let (address, way) = (&node.address, node.address.way());
            if let Some((_, what)) = own.iter().find(|(open, _)| leads_to(way, *open)) {
                let message = format!("{address} is {what}");
                problems.add(field(), Code::Conflict, message);
            } else if let Way::Ip(ip) = way
                && let Some(none) = no_node(ip.ip())
            {
                problems.add(field(), Code::Value, none.words());
            }
        }
    }
    problems
}

fn leads_to(way: Way<'_>, open: SocketAddr) -> bool {
    match way {
        Way::Ip(address) => is_own(address, open),
        Way::Name { host, port } if host.eq_ignore_ascii_case("localhost") => {
            is_own((Ipv4Addr::LOCALHOST, port).into(), open)
        }
        Way::Name { .. } | Way::Unix(_) => false,
    }
}

/// Whether a connection to `address` reaches what listens at `open` on this machine.
pub(super) fn is_own(address: SocketAddr, open: SocketAddr) -> bool {
    let (ip, own) = (address.ip().to_canonical(), open.ip().to_canonical());
    let is_here = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    address.port() == open.port()
        && (ip == own || (is_here(ip) && is_here(own)) || (own.is_unspecified() && is_ours(ip)))
}

/// Whether `ip` is one of this machine's addresses: only those can be bound.
fn is_ours(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

/// A Problem for each node that is `control.sock` of the data directory `dir`.
pub(super) async fn check(dir: &Path, config: &Arc<Config>) -> Problems {
    let mut nodes = config.pools.iter().flat_map(|pool| &pool.nodes);
    if !nodes.any(|node| node.address.is_unix()) {
        return Problems::default();
    }
    let (dir, config) = (dir.to_owned(), Arc::clone(config));
    let look = spawn_blocking(move || problems(&dir, &config));
    look.await.unwrap_or_default()
}

fn problems(dir: &Path, config: &Config) -> Problems {
    let mut problems = Problems::default();
    let own = dir.join(CONTROL_SOCKET);
    for (i, pool) in config.pools.iter().enumerate() {
        for (j, node) in pool.nodes.iter().enumerate() {
            if let Way::Unix(path) = node.address.way()
                && is_same(path, &own)
            {
                problems.add(
                    format!("pools[{i}].nodes[{j}].address"),
                    Code::Conflict,
                    format!("{} is the control socket of this program", node.address),
                );
            }
        }
    }
    problems
}

/// Whether both are one file, by whatever way, or would be where the file is not there yet.
pub(super) fn is_same(path: &Path, own: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    match (id(path), id(own)) {
        (Ok(one), Ok(other)) => one == other,
        _ => resolved(path) == resolved(own),
    }
}

fn resolved(path: &Path) -> Option<PathBuf> {
    let dir = fs::canonicalize(path.parent()?).ok()?;
    Some(dir.join(path.file_name()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::is_same;

    #[test]
    fn the_socket_is_known_by_every_way_and_before_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("data")).unwrap();
        symlink(at("data"), at("other")).unwrap();
        let own = at("data/control.sock");
        let ways = [
            "data/control.sock",
            "other/control.sock",
            "other/../data/control.sock",
        ];
        for way in ways {
            assert!(is_same(&at(way), &own), "{way}");
        }
        assert!(!is_same(&at("data/web.sock"), &own));
        assert!(!is_same(&at("nowhere/control.sock"), &own));
        let _open = UnixListener::bind(&own).unwrap();
        symlink(&own, at("alias")).unwrap();
        for way in ways.into_iter().chain(["alias"]) {
            assert!(is_same(&at(way), &own), "{way}");
        }
        let _web = UnixListener::bind(at("data/web.sock")).unwrap();
        assert!(!is_same(&at("data/web.sock"), &own));
    }
}
