//! Which certificate a client is shown, by the name it asks for.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::ServerConfig;

use super::certificate::Certificate;
use super::certificates::Certificates;
use super::names::folded;
use crate::model::{HostPattern, ListenerTls, TlsVersion};

/// The certificates of one listener. Client-chosen keys, so std's keyed hashing.
#[derive(Debug)]
pub struct Chooser {
    exact: HashMap<String, Arc<Certificate>>,
    /// Of a certificate's own `*.`: one label before it.
    one_below: HashMap<String, Arc<Certificate>>,
    /// Of the operator's `*.`: any number of labels.
    below: HashMap<String, Arc<Certificate>>,
    default: Option<Arc<Certificate>>,
    from: TlsVersion,
}

impl Chooser {
    /// Who is shown what by a listener with `tls`.
    ///
    /// What the operator wrote in `hosts` goes before what certificates are made for; of two for
    /// one name one that somebody else has signed, and of these the one that holds longer, so that
    /// a new one can stand beside the old.
    pub fn build(tls: &ListenerTls, certificates: &Certificates) -> Self {
        let mut shown: Vec<Arc<Certificate>> = match tls.certificates.as_slice() {
            [] => certificates.usable().cloned().collect(),
            listed => {
                let usable = |name| certificates.get(name).cloned();
                listed.iter().filter_map(usable).collect()
            }
        };
        let mut chooser = Self {
            exact: HashMap::new(),
            one_below: HashMap::new(),
            below: HashMap::new(),
            default: shown.first().cloned(),
            from: tls.min_version,
        };
        shown.sort_by(|a, b| {
            let own = a.is_self_signed().cmp(&b.is_self_signed());
            let longer = b.not_after.cmp(&a.not_after);
            own.then(longer).then(a.name.cmp(&b.name))
        });
        for certificate in &shown {
            for host in &certificate.hosts {
                let (table, name) = match host {
                    HostPattern::Exact(name) => (&mut chooser.exact, name),
                    HostPattern::Below(name) => (&mut chooser.below, name),
                };
                let entry = table.entry(name.clone());
                entry.or_insert_with(|| certificate.clone());
            }
        }
        for certificate in &shown {
            let names = &certificate.facts.names;
            for name in &names.exact {
                let entry = chooser.exact.entry(name.clone());
                entry.or_insert_with(|| certificate.clone());
            }
            for name in &names.one_below {
                let entry = chooser.one_below.entry(name.clone());
                entry.or_insert_with(|| certificate.clone());
            }
        }
        chooser
    }

    /// What a client that asks for `name` is shown: the one for this name, else for the longest
    /// `*.suffix` of it, else the first. None where no certificate can be used.
    pub fn choose(&self, name: Option<&str>) -> Option<&Arc<Certificate>> {
        let Some(name) = name.and_then(|name| folded(name.as_bytes())) else {
            return self.default.as_ref();
        };
        if let Some(certificate) = self.exact.get(&name) {
            return Some(certificate);
        }
        let suffixes = name.match_indices('.').map(|(dot, _)| &name[dot + 1..]);
        for (place, suffix) in suffixes.enumerate() {
            let own = self.one_below.get(suffix).filter(|_| place == 0);
            if let Some(certificate) = self.below.get(suffix).or(own) {
                return Some(certificate);
            }
        }
        self.default.as_ref()
    }

    /// Whether the one shown for `host` is made for it; of names below one, for any one label.
    pub fn is_made_for(&self, host: &HostPattern) -> bool {
        match host {
            HostPattern::Exact(name) => self.covers(name.as_bytes()),
            HostPattern::Below(name) => self.covers(format!("a.{name}").as_bytes()),
        }
    }

    /// Whether one of them is made for `host`, which carries no port.
    pub(super) fn covers(&self, host: &[u8]) -> bool {
        let name = std::str::from_utf8(host).ok();
        let chosen = name.and_then(|name| self.choose(Some(name)));
        chosen.is_some_and(|chosen| chosen.covers(host))
    }

    /// What a client that asks for `name` is offered.
    pub fn offer(&self, name: Option<&str>) -> Option<Offer> {
        let certificate = self.choose(name)?;
        Some(Offer {
            config: certificate.server(self.from),
            certificate: certificate.clone(),
        })
    }
}

/// What a client is offered.
#[derive(Debug)]
pub struct Offer {
    pub(super) certificate: Arc<Certificate>,
    pub(super) config: Arc<ServerConfig>,
}
