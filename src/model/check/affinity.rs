//! What is allowed in affinity and keeps nobody on a node.

use super::asked_pool;
use crate::model::{Affinity, Config, Pool, SameSite, Secure};

/// Tells what of `config`'s affinity browsers would make nothing of.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    for (pool, affinity) in with_affinity(&config.pools) {
        let by_https_only = affinity.same_site == SameSite::None && affinity.secure == Secure::Auto;
        if by_https_only && config.settings.trusted_proxies.is_empty() {
            warnings.push(format!(
                "pool {}: its affinity cookie goes without same_site = \"none\", which needs https, and without \
                 settings.trusted_proxies nothing tells who came by that; secure = true says that all do",
                pool.name
            ));
        }
    }
    for site in &config.sites {
        let asks = |pool: &Pool| {
            let mut routes = site
                .routes
                .iter()
                .filter_map(|route| asked_pool(&route.target));
            routes.any(|(_, name)| *name == pool.name)
        };
        let asked: Vec<_> = with_affinity(&config.pools)
            .filter(|(pool, _)| asks(pool))
            .collect();
        for (i, (pool, affinity)) in asked.iter().enumerate() {
            let same = |other: &Affinity| {
                (&other.cookie, &other.path, &other.domain)
                    == (&affinity.cookie, &affinity.path, &affinity.domain)
            };
            if let Some((other, _)) = asked[..i].iter().find(|(_, other)| same(other)) {
                warnings.push(format!(
                    "site {}: pools {} and {} give their clients the same affinity cookie, {}, so that who asks \
                     both loses its node each time: name them differently",
                    site.name, other.name, pool.name, affinity.cookie.as_str()
                ));
            }
        }
    }
    warnings
}

fn with_affinity(pools: &[Pool]) -> impl Iterator<Item = (&Pool, &Affinity)> {
    let pools = pools.iter();
    pools.filter_map(|pool| Some((pool, pool.affinity.as_ref()?)))
}
