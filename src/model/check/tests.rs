//! What collides, dangles or excludes itself, told at the right place.

use std::time::Duration;

use crate::model::{
    Affinity, Config, CookieName, HashKey, HostPattern, Listener, Name, Node, NodeAddress, Policy,
    Pool, Route, SameSite, Secure,
};
use crate::model::{RoutePath, Site, Target};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn pool(called: &str) -> Pool {
    let mut pool = Pool::new(name(called));
    pool.nodes.push(Node::new(
        name("a"),
        NodeAddress::parse("127.0.0.1:8000").unwrap(),
    ));
    pool
}

fn site(called: &str, hosts: &[&str], to: &str) -> Site {
    let mut site = Site::new(name(called));
    site.hosts = hosts
        .iter()
        .map(|h| HostPattern::parse(h).unwrap())
        .collect();
    let path = RoutePath::parse("/").unwrap();
    site.routes.push(Route::new(path, Target::Pool(name(to))));
    site
}

fn fields(config: &Config) -> Vec<String> {
    config.check().iter().map(|p| p.field.clone()).collect()
}

#[test]
fn a_sound_configuration_has_no_problem() {
    let config = Config {
        listeners: vec![Listener::new(name("http"), "0.0.0.0:80".parse().unwrap())],
        pools: vec![pool("django")],
        sites: vec![
            site("shop", &["a.com"], "django"),
            site("rest", &[], "django"),
        ],
        ..Config::default()
    };
    assert_eq!(fields(&config), Vec::<String>::new());
}

#[test]
fn every_collision_is_told_at_the_later_one() {
    let at = |n, a: &str| Listener::new(name(n), a.parse().unwrap());
    let mut twice = pool("django");
    twice.nodes.push(twice.nodes[0].clone());
    let config = Config {
        listeners: vec![
            at("http", "0.0.0.0:80"),
            at("http", "127.0.0.1:80"),
            at("x", "127.0.0.1:9443"),
        ],
        pools: vec![twice, pool("django")],
        sites: vec![
            site("shop", &["a.com", "A.com"], "django"),
            site("shop", &["a.com"], "django"),
            site("any", &[], "django"),
            site("other", &[], "nowhere"),
        ],
        ..Config::default()
    };
    assert_eq!(
        fields(&config),
        [
            "listeners[1].name",
            "listeners[1].address",
            "listeners[2].address",
            "pools[0].nodes[1].name",
            "pools[1].name",
            "sites[0].hosts[1]",
            "sites[1].name",
            "sites[1].hosts[0]",
            "sites[3].hosts",
            "sites[3].routes[0].pool",
        ]
    );
}

#[test]
fn two_pools_need_a_site_that_chooses() {
    let mut config = Config {
        pools: vec![pool("a")],
        ..Config::default()
    };
    assert_eq!(fields(&config), Vec::<String>::new());
    config.pools.push(pool("b"));
    assert_eq!(fields(&config), ["sites"]);
}

#[test]
fn sites_on_different_listeners_may_share_a_host() {
    let at = |n, a: &str| Listener::new(name(n), a.parse().unwrap());
    let mut config = Config {
        listeners: vec![at("in", "127.0.0.1:80"), at("out", "127.0.0.2:80")],
        pools: vec![pool("django")],
        sites: vec![
            site("one", &["a.com"], "django"),
            site("two", &["a.com"], "django"),
        ],
        ..Config::default()
    };
    config.sites[0].listeners = vec![name("in")];
    config.sites[1].listeners = vec![name("out")];
    assert_eq!(fields(&config), Vec::<String>::new());
    config.sites[1].listeners.clear();
    assert_eq!(fields(&config), ["sites[1].hosts[0]"]);
}

#[test]
fn a_host_is_told_of_with_the_first_site_that_shares_a_listener() {
    let at = |n, a: &str| Listener::new(name(n), a.parse().unwrap());
    let mut config = Config {
        listeners: vec![at("in", "127.0.0.1:80"), at("out", "127.0.0.2:80")],
        pools: vec![pool("django")],
        sites: vec![
            site("one", &["a.com"], "django"),
            site("two", &["b.com", "a.com"], "django"),
            site("three", &["a.com", "b.com"], "django"),
            site("four", &[], "django"),
            site("five", &[], "django"),
        ],
        ..Config::default()
    };
    config.sites[0].listeners = vec![name("in")];
    for other in &mut config.sites[1..4] {
        other.listeners = vec![name("out")];
    }
    let found = config.check();
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|p| (p.field.as_str(), p.message.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("sites[2].hosts[0]", "a.com is already taken by site two"),
            ("sites[2].hosts[1]", "b.com is already taken by site two"),
            (
                "sites[4].hosts",
                "any host is already taken by site four: name the hosts of one of them"
            ),
        ]
    );
}

#[test]
fn the_weights_under_hash_are_bounded_in_all() {
    let mut config = Config {
        pools: vec![pool("a")],
        ..Config::default()
    };
    let pool = &mut config.pools[0];
    pool.nodes = vec![pool.nodes[0].clone(); 51];
    for (i, node) in pool.nodes.iter_mut().enumerate() {
        node.name = name(&i.to_string());
        node.weight = 1000;
    }
    assert_eq!(fields(&config), Vec::<String>::new());
    config.pools[0].policy = Policy::Hash;
    assert_eq!(fields(&config), ["pools[0].policy"]);
    config.pools[0].nodes.pop();
    assert_eq!(fields(&config), Vec::<String>::new());
}

#[test]
fn a_hash_key_that_is_not_used_is_told() {
    let mut config = Config {
        pools: vec![pool("a")],
        ..Config::default()
    };
    let about_it = |config: &Config| config.warnings().join("\n").contains("hash_key");
    assert!(!about_it(&config));
    config.pools[0].hash_key = HashKey::Path;
    assert!(about_it(&config));
    config.pools[0].policy = Policy::Hash;
    assert!(!about_it(&config));
}

#[test]
fn no_node_is_held_back_under_a_policy_that_maps_or_draws() {
    let mut config = Config {
        pools: vec![pool("a")],
        ..Config::default()
    };
    let second = Duration::from_secs(1);
    config.pools[0].slow_start = second;
    config.pools[0].nodes[0].slow_start = Some(second);
    config.pools[0].nodes[0].backup = true;
    for policy in Policy::ALL {
        config.pools[0].policy = policy;
        let expected: &[&str] = match policy {
            Policy::IpHash | Policy::Hash | Policy::RandomTwo => &[
                "pools[0].slow_start",
                "pools[0].nodes[0].backup",
                "pools[0].nodes[0].slow_start",
            ],
            Policy::RoundRobin | Policy::LeastConn | Policy::LeastTime => &[],
        };
        assert_eq!(fields(&config), expected);
    }
}

#[test]
fn affinity_that_no_browser_would_keep_is_warned_of() {
    let with = |called: &str, affinity: Affinity| Pool {
        affinity: Some(affinity),
        ..pool(called)
    };
    let none = Affinity {
        same_site: SameSite::None,
        ..Affinity::default()
    };
    let always = Affinity {
        secure: Secure::Always,
        ..none.clone()
    };
    let other = Affinity {
        cookie: CookieName::parse("b").unwrap(),
        ..Affinity::default()
    };
    let told = |pools: Vec<Pool>, trusted: &str| {
        let mut shop = site("shop", &[], pools[0].name.as_str());
        for pool in &pools[1..] {
            let path = RoutePath::parse(&format!("/{}", pool.name)).unwrap();
            let target = Target::Pool(pool.name.clone());
            shop.routes.push(Route::new(path, target));
        }
        let mut config = Config {
            listeners: vec![Listener::new(name("http"), "127.0.0.1:80".parse().unwrap())],
            pools,
            sites: vec![shop],
            ..Config::default()
        };
        let trusted = trusted.split_whitespace().map(|net| net.parse().unwrap());
        config.settings.trusted_proxies = trusted.collect();
        config.warnings()
    };
    let plain = Affinity::default;
    assert_eq!(told(vec![with("a", none.clone())], "10.0.0.0/8"), [""; 0]);
    assert_eq!(told(vec![with("a", always)], ""), [""; 0]);
    let warned = told(vec![with("a", none)], "");
    assert!(
        warned[0].starts_with("pool a: its affinity cookie goes without same_site"),
        "{warned:?}"
    );
    let both = [with("a", plain()), pool("b"), with("c", other)];
    assert_eq!(told(both.to_vec(), ""), [""; 0]);
    let warned = told(vec![with("a", plain()), pool("b"), with("c", plain())], "");
    assert_eq!(
        warned,
        [
            "site shop: pools a and c give their clients the same affinity cookie, steelyard, so that who \
          asks both loses its node each time: name them differently"
        ]
    );
}
