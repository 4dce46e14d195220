//! Which certificates listeners show.

use std::collections::HashSet;

use super::{Unique, dangling};
use crate::model::{
    Acme, AdminTls, Certificate, CertificateSource, Code, Config, HostPattern, Listener,
    ListenerTls, Name, Problems, Site,
};

/// The Problems of listeners with TLS and of certificates.
pub(super) fn check(config: &Config, problems: &mut Problems) {
    for (i, listener) in config.listeners.iter().enumerate() {
        if let Some(tls) = &listener.tls {
            check_shown(config, tls, &format!("listeners[{i}].tls"), problems);
        }
    }
    let known: HashSet<&Name> = config.certificates.iter().map(|c| &c.name).collect();
    check_admin(config, &known, problems);
    let mut names = Unique::default();
    for (i, certificate) in config.certificates.iter().enumerate() {
        names.see(problems, &certificate.name, i, "certificates");
        check_acme(config, certificate, i, problems);
    }
}

/// The Problems of the certificates that stand at `at`.
pub(super) fn check_shown(config: &Config, tls: &ListenerTls, at: &str, problems: &mut Problems) {
    let known: HashSet<&Name> = config.certificates.iter().map(|c| &c.name).collect();
    if known.is_empty() && tls.certificates.is_empty() {
        let message = "needs a certificate to show: add [[certificates]]";
        problems.add(at, Code::Missing, message);
    }
    for (j, name) in tls.certificates.iter().enumerate() {
        let field = format!("{at}.certificates[{j}]");
        if tls.certificates[..j].contains(name) {
            problems.add(field, Code::Duplicate, format!("{name} stands here twice"));
        } else if !known.contains(name) {
            let message = dangling("certificate", name, &known);
            problems.add(field, Code::Dangling, message);
        }
    }
}

/// What is had from an authority needs one, and hosts that its challenges can show to be ours.
fn check_acme(config: &Config, certificate: &Certificate, i: usize, problems: &mut Problems) {
    let CertificateSource::Acme(by) = &certificate.source else {
        return;
    };
    let known: HashSet<&Name> = config.acme.iter().map(|acme| &acme.name).collect();
    if !known.contains(by) {
        let message = dangling("authority", by, &known);
        problems.add(format!("certificates[{i}].acme"), Code::Dangling, message);
    }
    if certificate.hosts.len() > Acme::MAX_HOSTS {
        let message = format!(
            "must have at most {} hosts for one certificate",
            Acme::MAX_HOSTS
        );
        problems.add(format!("certificates[{i}].hosts"), Code::Value, message);
    }
    for (j, host) in certificate.hosts.iter().enumerate() {
        if let HostPattern::Below(_) = host {
            let field = format!("certificates[{i}].hosts[{j}]");
            let message = format!("{host} cannot be had by http-01 or tls-alpn-01: name each host");
            problems.add(field, Code::Conflict, message);
        }
    }
}

/// The admin address beyond this machine needs TLS: what it speaks are passwords and tokens.
fn check_admin(config: &Config, known: &HashSet<&Name>, problems: &mut Problems) {
    let admin = &config.admin;
    match &admin.tls {
        AdminTls::SelfSigned => {}
        AdminTls::Certificate(name) if known.contains(name) => {}
        AdminTls::Certificate(name) => {
            problems.add(
                "admin.tls",
                Code::Dangling,
                dangling("certificate", name, known),
            );
        }
        AdminTls::Off if admin.address.ip().to_canonical().is_loopback() => {}
        AdminTls::Off => {
            let message = format!(
                "{} is beyond this machine, where the panel is not spoken without TLS: add tls = \"self-signed\" or the name of a certificate",
                admin.address
            );
            problems.add("admin.address", Code::Missing, message);
        }
    }
}

/// What is allowed and probably not meant.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let with_tls = || {
        let listeners = config.listeners.iter().filter_map(|l| l.tls.as_ref());
        listeners.chain(&config.sessions.tls)
    };
    let shows = |tls: &ListenerTls, name: &Name| {
        tls.certificates.is_empty() || tls.certificates.contains(name)
    };
    let redirects = config.sites.iter().filter(|site| site.https_redirect);
    let has_tls = |site: &&Site| {
        let reached = |l: &&Listener| site.listeners.is_empty() || site.listeners.contains(&l.name);
        let mut listeners = config.listeners.iter().filter(reached);
        listeners.any(|listener| listener.tls.is_some())
    };
    let nowhere = redirects.filter(|site| !has_tls(site)).map(|site| {
        format!(
            "site {} sends visitors to HTTPS, and none of its listeners has tls: right only behind a proxy that speaks TLS and is among trusted_proxies",
            site.name
        )
    });
    let of_admin = |name: &Name| config.admin.tls == AdminTls::Certificate(name.clone());
    let idle = |name: &&Name| !with_tls().any(|tls| shows(tls, name)) && !of_admin(name);
    let names = config.certificates.iter().map(|c| &c.name);
    names
        .filter(idle)
        .map(|name| format!("certificate {name} is shown by no listener"))
        .chain(unused_acme(config))
        .chain(nowhere)
        .collect()
}

fn unused_acme(config: &Config) -> impl Iterator<Item = String> {
    let asks = |acme: &&Acme| {
        let by = CertificateSource::Acme(acme.name.clone());
        config.certificates.iter().any(|one| one.source == by)
    };
    let unused = config.acme.iter().filter(move |acme| !asks(acme));
    unused.map(|acme| format!("authority {} is asked for no certificate", acme.name))
}

#[cfg(test)]
mod tests {
    use crate::model::{Certificate, CertificateSource, Code, Config, Listener, ListenerTls, Name};

    fn config(listed: &[&str], certificates: &[&str]) -> Config {
        let name = |name: &&str| Name::parse(name).unwrap();
        let mut listener = Listener::new(name(&"https"), "127.0.0.1:0".parse().unwrap());
        listener.tls = Some(ListenerTls {
            certificates: listed.iter().map(name).collect(),
            ..ListenerTls::default()
        });
        let certificate = |text: &&str| Certificate {
            name: name(text),
            hosts: Vec::new(),
            source: CertificateSource::Uploaded,
        };
        Config {
            listeners: vec![listener],
            certificates: certificates.iter().map(certificate).collect(),
            ..Config::default()
        }
    }

    fn problems(listed: &[&str], certificates: &[&str]) -> Vec<(String, Code)> {
        let problems = config(listed, certificates).check().into_iter();
        problems.map(|p| (p.field, p.code)).collect()
    }

    #[test]
    fn a_listener_with_tls_has_certificates_that_are_there() {
        let at = |field: &str, code| vec![(field.to_owned(), code)];
        assert_eq!(problems(&[], &["a"]), []);
        assert_eq!(problems(&["a"], &["a", "b"]), []);
        assert_eq!(problems(&[], &[]), at("listeners[0].tls", Code::Missing));
        assert_eq!(
            problems(&["a", "x"], &["a"]),
            at("listeners[0].tls.certificates[1]", Code::Dangling)
        );
        assert_eq!(
            problems(&["a", "a"], &["a"]),
            at("listeners[0].tls.certificates[1]", Code::Duplicate)
        );
        assert_eq!(
            problems(&[], &["a", "a"]),
            at("certificates[1].name", Code::Duplicate)
        );
    }

    #[test]
    fn a_certificate_that_nobody_shows_is_told() {
        let warned = |listed: &[&str]| config(listed, &["a", "b"]).warnings();
        assert_eq!(warned(&[]), Vec::<String>::new());
        assert_eq!(warned(&["a"]), ["certificate b is shown by no listener"]);
    }
}
