//! Documents as an operator would type them.

use std::fmt::Write as _;
use std::net::SocketAddr;

/// What stands in `[[pools.nodes]]`: name, address, weight.
pub(crate) type NodeLine = (String, SocketAddr, u32);

/// The document's first lines: one listener named `http`.
pub(crate) fn listener(port: u16) -> String {
    format!("version = 1\n\n[[listeners]]\nname = \"http\"\naddress = \"127.0.0.1:{port}\"\n")
}

/// A pool; `keys` are lines of its own, such as `policy = "least_conn"`.
pub(crate) fn pool(name: &str, keys: &str, nodes: &[NodeLine]) -> String {
    let mut text = format!("\n[[pools]]\nname = \"{name}\"\n{keys}\n");
    for (node, address, weight) in nodes {
        write!(
            text,
            "\n[[pools.nodes]]\nname = \"{node}\"\naddress = \"{address}\"\nweight = {weight}\n"
        )
        .expect("a String takes everything");
    }
    text
}

/// A node of the pool before it; `keys` are lines of its own.
pub(crate) fn node(keys: &str) -> String {
    format!("\n[[pools.nodes]]\n{keys}\n")
}

/// One listener and one pool, for any host.
pub(crate) fn one_pool(port: u16, keys: &str, nodes: &[NodeLine]) -> String {
    listener(port) + &pool("django", keys, nodes)
}

/// A site for any host; `routes` are whole `[[sites.routes]]` tables.
pub(crate) fn site(name: &str, routes: &str) -> String {
    format!("\n[[sites]]\nname = \"{name}\"\n\n{routes}\n")
}

/// A route to a pool; `keys` are lines of its own.
pub(crate) fn route(path: &str, pool: &str, keys: &str) -> String {
    format!("[[sites.routes]]\npath = \"{path}\"\npool = \"{pool}\"\n{keys}\n")
}
