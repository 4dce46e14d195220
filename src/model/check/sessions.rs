//! Whether the session store can listen where it is told to, and whose databases are whose.

use std::net::IpAddr;

use super::{Unique, tls};
use crate::model::listener::collide;
use crate::model::{Code, Config, Problems, Secret, SessionDatabase};

/// The Problems of the session store.
pub(super) fn check(config: &Config, problems: &mut Problems) {
    check_address(config, problems);
    check_tls(config, problems);
    check_databases(&config.sessions.databases, problems);
    check_passwords(config, problems);
    let max = config.sessions.max_memory;
    if u64::from(config.sessions.max_value) > max {
        let message = "must be at most max_memory: no such value would find room";
        problems.add("sessions.max_value", Code::Conflict, message);
    }
}

fn check_address(config: &Config, problems: &mut Problems) {
    let Some(address) = config.sessions.listen else {
        return;
    };
    let field = "sessions.listen";
    let listeners = config.listeners.iter();
    let taken = listeners.filter(|other| collide(other.address, address));
    if let Some(other) = taken.into_iter().next() {
        let message = format!(
            "{address} is already taken by listener {}, which listens on {}",
            other.name, other.address
        );
        problems.add(field, Code::Duplicate, message);
    } else if collide(config.admin.address, address) {
        let message = format!(
            "{address} is already taken by the admin address {}; change one of them",
            config.admin.address
        );
        problems.add(field, Code::Duplicate, message);
    }
    // A node there would let a visitor of a site speak to the store.
    for (i, pool) in config.pools.iter().enumerate() {
        for (j, node) in pool.nodes.iter().enumerate() {
            let own = node.address.as_socket();
            if own.is_some_and(|own| collide(own, address)) {
                problems.add(
                    format!("pools[{i}].nodes[{j}].address"),
                    Code::Conflict,
                    format!("{} is the session store of this program", node.address),
                );
            }
        }
    }
}

fn check_tls(config: &Config, problems: &mut Problems) {
    let Some(tls) = &config.sessions.tls else {
        return;
    };
    tls::check_shown(config, tls, "sessions.tls", problems);
}

fn check_databases(databases: &[SessionDatabase], problems: &mut Problems) {
    let mut names = Unique::default();
    for (i, database) in databases.iter().enumerate() {
        names.see(problems, &database.name, i, "sessions.databases");
        let same = |other: &&SessionDatabase| other.index == database.index;
        // Above all that can be written: what could not be read is told already.
        let is_read = database.index < u8::MAX;
        if let Some(other) = databases[..i].iter().find(same)
            && is_read
        {
            problems.add(
                format!("sessions.databases[{i}].index"),
                Code::Duplicate,
                format!("{} is already database {}", database.index, other.name),
            );
        }
    }
}

/// A client may say its password alone: it has to tell which database is meant.
fn check_passwords(config: &Config, problems: &mut Problems) {
    let sessions = &config.sessions;
    let own = ("sessions.password".to_owned(), &sessions.password);
    let databases = sessions.databases.iter().enumerate();
    let all = databases.map(|(i, database)| {
        let field = format!("sessions.databases[{i}].password");
        (field, &database.password)
    });
    let mut seen: Vec<&Secret> = Vec::new();
    for (field, secret) in std::iter::once(own).chain(all) {
        if *secret != Secret::Absent && seen.contains(&secret) {
            let message = "must be another than those before it: it tells which database is meant";
            problems.add(field, Code::Duplicate, message);
        }
        seen.push(secret);
    }
}

/// What is allowed and probably not meant.
pub(super) fn warnings(config: &Config) -> Option<String> {
    let sessions = &config.sessions;
    let address = sessions.listen?;
    let is_open = sessions.tls.is_none() && !is_private(address.ip().to_canonical());
    is_open.then(|| {
        format!("sessions.listen: {address} may be reached from outside without TLS: passwords and sessions cross the network as they are")
    })
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{
        Code, Config, Listener, ListenerTls, Name, Node, NodeAddress, Pool, Secret, SecretBytes,
        SessionDatabase,
    };

    fn config() -> Config {
        let mut config = Config::default();
        config.sessions.listen = Some("127.0.0.1:6379".parse().unwrap());
        config
    }

    fn told(config: &Config) -> Vec<(String, Code)> {
        let problems = config.check().into_iter();
        problems.map(|p| (p.field, p.code)).collect()
    }

    fn database(index: u8, name: &str) -> SessionDatabase {
        SessionDatabase {
            index,
            name: Name::parse(name).unwrap(),
            password: Secret::Absent,
        }
    }

    #[test]
    fn the_address_is_nobody_elses() {
        let at = |field: &str, code| vec![(field.to_owned(), code)];
        assert_eq!(told(&config()), []);
        let mut both = config();
        let name = Name::parse("http").unwrap();
        both.listeners = vec![Listener::new(name, "0.0.0.0:6379".parse().unwrap())];
        assert_eq!(told(&both), at("sessions.listen", Code::Duplicate));
        let mut both = config();
        both.admin.address = "127.0.0.1:6379".parse().unwrap();
        assert_eq!(told(&both), at("sessions.listen", Code::Duplicate));
    }

    #[test]
    fn no_node_is_the_store() {
        let mut config = config();
        let mut pool = Pool::new(Name::parse("a").unwrap());
        pool.nodes = vec![Node::new(
            Name::parse("n").unwrap(),
            NodeAddress::parse("127.0.0.1:6379").unwrap(),
        )];
        config.pools = vec![pool];
        let field = "pools[0].nodes[0].address".to_owned();
        assert_eq!(told(&config), [(field, Code::Conflict)]);
    }

    #[test]
    fn databases_have_a_name_a_number_and_a_password_of_their_own() {
        let mut config = config();
        config.sessions.databases = vec![database(0, "shop"), database(1, "blog")];
        assert_eq!(told(&config), []);
        config.sessions.databases[1] = database(0, "shop");
        let field = |key: &str| format!("sessions.databases[1].{key}");
        assert_eq!(
            told(&config),
            [
                (field("name"), Code::Duplicate),
                (field("index"), Code::Duplicate)
            ]
        );
        config.sessions.databases[1] = database(1, "blog");
        let text = Secret::Text(SecretBytes::new(b"open sesame"));
        config.sessions.password = text.clone();
        config.sessions.databases[1].password = text;
        assert_eq!(told(&config), [(field("password"), Code::Duplicate)]);
    }

    #[test]
    fn a_value_fits_and_certificates_are_there() {
        let mut config = config();
        config.sessions.max_memory = 1 << 20;
        config.sessions.max_value = (1 << 20) + 1;
        config.sessions.tls = Some(ListenerTls::default());
        assert_eq!(
            told(&config),
            [
                ("sessions.tls".to_owned(), Code::Missing),
                ("sessions.max_value".to_owned(), Code::Conflict)
            ]
        );
    }

    #[test]
    fn a_store_that_the_world_may_reach_without_tls_is_told() {
        let warned = |address: &str| {
            let mut config = config();
            config.sessions.listen = Some(address.parse().unwrap());
            super::warnings(&config).is_some()
        };
        for (address, is_told) in [
            ("127.0.0.1:6379", false),
            ("10.0.0.1:6379", false),
            ("[fd00::1]:6379", false),
            ("[::ffff:10.0.0.1]:6379", false),
            ("0.0.0.0:6379", true),
            ("[::]:6379", true),
            ("192.0.2.1:6379", true),
        ] {
            assert_eq!(warned(address), is_told, "{address}");
        }
    }
}
