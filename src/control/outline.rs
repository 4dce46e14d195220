//! What is in force at a glance but for its nodes, and what is wrong with it: for the overview of
//! the panel.

use std::net::SocketAddr;
use std::sync::PoisonError;

use super::certificates::unix_now;
use super::{Control, Handle, Started, ending};
use crate::model::{HostPattern, Name};
use crate::snapshot::{Snapshot, Target};

/// What is in force at a glance.
#[derive(Debug, Clone)]
pub struct Outline {
    /// Its revision.
    pub revision: u64,
    /// Whether nothing was ever configured.
    pub is_empty: bool,
    /// Whether requests are kept in the log store.
    pub is_logged: bool,
    /// Where clients connect, in the document's order, as everything here.
    pub listeners: Vec<ListenerNow>,
    /// Which names lead where; with the implied one.
    pub sites: Vec<SiteNow>,
    /// What is wrong apart from pools and nodes, the worst first.
    pub troubles: Vec<Trouble>,
}

/// A listener.
#[derive(Debug, Clone)]
pub struct ListenerNow {
    /// Its name.
    pub name: Name,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Whether it is open.
    pub open: bool,
}

/// A site.
#[derive(Debug, Clone)]
pub struct SiteNow {
    /// Its name.
    pub name: Name,
    /// Names it answers for; empty is any.
    pub hosts: Vec<HostPattern>,
    /// Listeners it is reached through; empty is all.
    pub listeners: Vec<Name>,
    /// Its routes.
    pub routes: Vec<RouteNow>,
}

/// A route.
#[derive(Debug, Clone)]
pub struct RouteNow {
    /// Its path.
    pub path: String,
    /// What it leads to.
    pub leads_to: LeadsTo,
}

/// What a route leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeadsTo {
    /// A pool.
    Pool(Name),
    /// Files, and a pool where there is none.
    Files(Option<Name>),
    /// Another URL.
    Redirect,
    /// A fixed answer.
    Respond,
}

impl LeadsTo {
    /// The pool that may be asked.
    pub fn pool(&self) -> Option<&Name> {
        match self {
            Self::Pool(pool) => Some(pool),
            Self::Files(pool) => pool.as_ref(),
            Self::Redirect | Self::Respond => None,
        }
    }
}

/// Something wrong apart from pools and nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The database could not be used at the start: what was last known serves, and cannot be
    /// changed. Why.
    ReadOnly(String),
    /// Nothing could be read at the start. Why.
    Nothing(String),
    /// There is no listener.
    NoListener,
    /// The listener is not open on its address.
    Closed(Name, SocketAddr),
    /// The listener has no certificate to show.
    NoCertificate(Name),
    /// A certificate ends within so many days; 0 and less: it has.
    Ends(Name, i64),
    /// What is wrong with what a certificate is read from.
    Certificate(Name, String),
    /// A secret could not be read: whose.
    NoSecret(String),
    /// The last-known-good could not be written. Why.
    NotKept(String),
    /// The nightly backup could not be made. Why.
    NoBackup(String),
}

impl Handle {
    /// What is in force at a glance, and what is wrong with it.
    pub fn outline(&self) -> Outline {
        self.control.outline()
    }
}

impl Control {
    pub(super) fn outline(&self) -> Outline {
        let now = self.now.load();
        let snapshot = &now.snapshot;
        let listeners = self.listeners_now(snapshot);
        Outline {
            revision: snapshot.revision,
            is_empty: now.started == Started::Setup
                || (snapshot.config.pools.is_empty() && snapshot.config.sites.is_empty()),
            is_logged: snapshot.config.logs.store.on && self.parts.records.is_some(),
            troubles: self.troubles_now(&now.started, snapshot, &listeners),
            listeners,
            sites: sites(snapshot),
        }
    }

    fn listeners_now(&self, snapshot: &Snapshot) -> Vec<ListenerNow> {
        let open = match &self.parts.data_plane {
            Some(data_plane) => data_plane.listeners(),
            None => Vec::new(),
        };
        let wanted = snapshot.config.listeners.iter();
        wanted
            .map(|listener| {
                let found = open.iter().find(|(name, ..)| *name == listener.name);
                ListenerNow {
                    name: listener.name.clone(),
                    address: found.map_or(listener.address, |(_, address, _)| *address),
                    tls: listener.tls.is_some(),
                    open: found.is_some_and(|(.., open)| *open),
                }
            })
            .collect()
    }

    fn troubles_now(
        &self,
        started: &Started,
        snapshot: &Snapshot,
        listeners: &[ListenerNow],
    ) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        match started {
            Started::Setup => return troubles,
            Started::Serving => {}
            Started::LastKnownGood { why } => troubles.push(Trouble::ReadOnly(why.clone())),
            Started::Nothing { why } => troubles.push(Trouble::Nothing(why.clone())),
        }
        if listeners.is_empty() {
            troubles.push(Trouble::NoListener);
        }
        let closed = listeners.iter().filter(|listener| !listener.open);
        troubles.extend(closed.map(|l| Trouble::Closed(l.name.clone(), l.address)));
        let bare = snapshot.listeners.iter().filter(|l| l.shows_nothing());
        troubles.extend(bare.map(|l| Trouble::NoCertificate(l.config.name.clone())));
        troubles.extend(certificates(snapshot));
        let missing = snapshot.secrets.missing();
        troubles.extend(missing.into_iter().map(Trouble::NoSecret));
        let not_kept = self.not_kept.lock();
        let not_kept = not_kept.unwrap_or_else(PoisonError::into_inner).clone();
        troubles.extend(not_kept.map(Trouble::NotKept));
        troubles.extend(self.nightly.why().map(Trouble::NoBackup));
        troubles
    }
}

/// What is wrong with certificates.
fn certificates(snapshot: &Snapshot) -> Vec<Trouble> {
    let now = unix_now();
    let ends = snapshot.certificates.usable().filter_map(|one| {
        ending::step((one.not_before(), one.not_after), now)?;
        let days = (one.not_after - now).div_euclid(86_400);
        let days = if one.not_after > now { days.max(1) } else { 0 };
        Some(Trouble::Ends(one.name.clone(), days))
    });
    let named = snapshot.config.certificates.iter();
    let unread = named.filter_map(|one| {
        let why = snapshot.certificates.trouble(&one.name)?;
        Some(Trouble::Certificate(one.name.clone(), why.to_owned()))
    });
    ends.chain(unread).collect()
}

fn sites(snapshot: &Snapshot) -> Vec<SiteNow> {
    let leads_to = |target: &Target| match target {
        Target::Pool(to) => snapshot.pools.get(to.pool).map(|pool| {
            let name = pool.balancer.name().clone();
            LeadsTo::Pool(name)
        }),
        Target::Files { fallback, .. } => {
            let pool = fallback.as_ref().and_then(|to| snapshot.pools.get(to.pool));
            Some(LeadsTo::Files(
                pool.map(|pool| pool.balancer.name().clone()),
            ))
        }
        Target::Redirect(_) => Some(LeadsTo::Redirect),
        Target::Respond(_) => Some(LeadsTo::Respond),
    };
    let site = |site: &crate::snapshot::Site| {
        let mut written = snapshot.config.sites.iter();
        let written = written.find(|written| written.name == site.name);
        let routes = site.routes.routes().iter();
        SiteNow {
            name: site.name.clone(),
            hosts: written.map(|site| site.hosts.clone()).unwrap_or_default(),
            listeners: written
                .map(|site| site.listeners.clone())
                .unwrap_or_default(),
            routes: routes
                .filter_map(|route| {
                    Some(RouteNow {
                        path: route.config.path.as_str().to_owned(),
                        leads_to: leads_to(&route.target)?,
                    })
                })
                .collect(),
        }
    };
    snapshot.sites.iter().map(site).collect()
}
