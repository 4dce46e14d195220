//! nginx with a certificate before a node, and documents of pools with TLS.

use super::appliance::Appliance;
use super::document::{node, one_pool};
use super::nginx::Nginx;
use super::node::Node;
use super::ports::Port;
use super::tls::{Authority, Leaf};

/// What a certificate is for that is shown on this machine.
pub(crate) const HERE: &str = "IP:127.0.0.1";
/// Nobody is checked.
pub(crate) const OFF: &str = "health_check = \"off\"";

/// nginx behind TLS, before a node that speaks plain.
pub(crate) struct Front {
    /// Where it listens.
    pub(crate) port: Port,
    _nginx: Nginx,
}

impl Front {
    /// Before `node`.
    pub(crate) fn before(node: &Node, leaf: &Leaf) -> Self {
        Self::with(
            leaf,
            &format!("location / {{ proxy_pass http://{}; }}", node.address()),
        )
    }

    /// `keys` stand in its `server { }`.
    pub(crate) fn with(leaf: &Leaf, keys: &str) -> Self {
        let port = Port::free();
        let (chain, key) = (leaf.chain(), leaf.key());
        let server = format!(
            "map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
            server {{
                listen 127.0.0.1:{port} ssl;
                ssl_certificate {chain:?}; ssl_certificate_key {key:?};
                client_max_body_size 0;
                proxy_http_version 1.1;
                proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection $connection_upgrade;
                location = /facts {{ return 200 '$ssl_server_name $ssl_session_reused $connection_requests'; }}
                {keys}
            }}"
        );
        Self {
            _nginx: Nginx::start(&server, "return 200 plain;"),
            port,
        }
    }

    /// Its `[[pools.nodes]]`.
    pub(crate) fn table(&self, name: &str) -> String {
        named(name, &self.port)
    }
}

/// The `[[pools.nodes]]` of a node at a port.
pub(crate) fn named(name: &str, port: &Port) -> String {
    node(&format!(
        "name = \"{name}\"\naddress = \"127.0.0.1:{port}\""
    ))
}

/// A document of one pool with `tls`.
pub(crate) fn document(lb: &Appliance, tls: &str, keys: &str, nodes: &[String]) -> String {
    one_pool(lb.port(), &format!("tls = {tls}\n{keys}"), &[]) + &nodes.concat()
}

/// `{ ca = "…" }` with more keys.
pub(crate) fn trusting(authority: &Authority, more: &str) -> String {
    format!("{{ ca = {:?}{more} }}", authority.file())
}
