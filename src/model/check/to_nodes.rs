//! TLS to nodes: where there can be none, and what is said of it in vain.

use crate::model::{Code, Config, Pool, PoolTls, Problems};

/// The Problems of pools with TLS.
pub(super) fn check(config: &Config, problems: &mut Problems) {
    for (i, pool, _) in with_tls(config) {
        for (j, node) in pool.nodes.iter().enumerate() {
            if node.address.is_unix() {
                let message = "is a Unix socket, to which no TLS is spoken: take tls from the pool, or put this node into one without";
                let field = format!("pools[{i}].nodes[{j}].address");
                problems.add(field, Code::Conflict, message);
            }
        }
    }
}

/// What is allowed and probably not meant.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    for (_, pool, tls) in with_tls(config).filter(|(_, _, tls)| !tls.verify) {
        let name = &pool.name;
        warnings.push(match tls.ca {
            None => format!(
                "pool {name}: its nodes' certificates are not verified, so that whoever stands between can read and change everything: name their authority in tls.ca"
            ),
            Some(_) => format!("pool {name}: tls.ca is not used, because of tls.verify = false"),
        });
    }
    warnings
}

fn with_tls(config: &Config) -> impl Iterator<Item = (usize, &Pool, &PoolTls)> {
    let all = config.pools.iter().enumerate();
    all.filter_map(|(i, pool)| Some((i, pool, pool.tls.as_ref()?)))
}
