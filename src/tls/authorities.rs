//! Whom the nodes of pools with TLS are judged by, as it was read, and why others could not be.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;

use super::certificate::{Engine, print};
use super::pem::{self, Stamp};
use super::to_node::ToNode;
use crate::model::{NodeAddress, Pool, PoolTls};

/// Whom a pool trusts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Whom {
    /// Those that this machine trusts.
    Machine,
    /// Those of a file.
    File(PathBuf),
    /// Whoever answers.
    Anyone,
}

impl Whom {
    fn of(tls: &PoolTls) -> Self {
        match &tls.ca {
            _ if !tls.verify => Self::Anyone,
            Some(file) => Self::File(file.clone()),
            None => Self::Machine,
        }
    }
}

/// What is wrong with the authorities of a pool that newly names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityFault {
    /// The pool's place in the Config.
    pub pool: usize,
    /// Whether a file was named.
    pub is_file: bool,
    /// What is wrong, for the operator.
    pub words: String,
}

/// Whom the nodes of pools with TLS are judged by, and TLS to each of them.
#[derive(Debug, Default)]
pub struct Authorities {
    read: HashMap<Whom, Entry>,
    nodes: HashMap<(PoolTls, NodeAddress), Arc<ToNode>>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// How handshakes go; else why there are none.
    config: Result<Arc<ClientConfig>, String>,
    /// What is wrong with the file, now.
    trouble: Option<String>,
    stamp: Stamp,
    /// What tells these authorities from all others.
    print: [u8; 32],
}

impl Authorities {
    /// Reads whom `pools` trust. Who is named as `before` did, and cannot be read any more, stays
    /// as read then; every other that cannot be is a fault. Waits for the disk.
    pub fn read(
        engine: &Engine,
        pools: &[Pool],
        before: (&[Pool], &Self),
    ) -> (Self, Vec<AuthorityFault>) {
        let (mut all, mut faults) = (Self::default(), Vec::new());
        let named: Vec<Whom> = with_tls(before.0)
            .map(|(_, _, tls)| Whom::of(tls))
            .collect();
        for (index, _, tls) in with_tls(pools) {
            let whom = Whom::of(tls);
            if !all.read.contains_key(&whom) {
                let entry = Entry::read(engine, &whom, before.1.read.get(&whom));
                all.read.insert(whom.clone(), entry);
            }
            if let Some(trouble) = all.read.get(&whom).and_then(|entry| entry.trouble.clone())
                && !named.contains(&whom)
            {
                faults.push(AuthorityFault {
                    pool: index,
                    is_file: matches!(whom, Whom::File(_)),
                    words: trouble,
                });
            }
        }
        all.take_over_nodes(pools, before.1);
        (all, faults)
    }

    /// Reads whom `pools` trust at a start, where nothing was read before: what cannot be read
    /// lets nobody in, and is told.
    pub fn read_at_start(engine: &Engine, pools: &[Pool]) -> Self {
        Self::read(engine, pools, (pools, &Self::default())).0
    }

    fn take_over_nodes(&mut self, pools: &[Pool], before: &Self) {
        for (_, pool, tls) in with_tls(pools) {
            for node in &pool.nodes {
                let key = (tls.clone(), node.address.clone());
                let base = self.config(tls);
                let old = before.nodes.get(&key).filter(|old| {
                    let base = base.as_ref().ok();
                    base.zip(old.base.as_ref())
                        .is_some_and(|(a, b)| Arc::ptr_eq(a, b))
                });
                let to_node = old.cloned();
                let to_node =
                    to_node.unwrap_or_else(|| Arc::new(ToNode::new(tls, &node.address, base)));
                self.nodes.insert(key, to_node);
            }
        }
    }

    fn config(&self, tls: &PoolTls) -> Result<Arc<ClientConfig>, String> {
        match self.read.get(&Whom::of(tls)) {
            Some(entry) => entry.config.clone(),
            None => Err("its authorities were not read".to_owned()),
        }
    }

    /// TLS to a node at `address` of a pool that says `tls`.
    pub fn to_node(&self, tls: &PoolTls, address: &NodeAddress) -> Arc<ToNode> {
        let found = self.nodes.get(&(tls.clone(), address.clone()));
        let new = || Arc::new(ToNode::new(tls, address, self.config(tls)));
        found.cloned().unwrap_or_else(new)
    }

    /// What is wrong, a phrase each.
    pub fn troubles(&self) -> Vec<String> {
        let troubles = self
            .read
            .values()
            .filter_map(|entry| entry.trouble.as_ref());
        let mut troubles: Vec<String> = troubles
            .map(|words| format!("TLS to nodes: {words}"))
            .collect();
        troubles.sort_unstable();
        troubles
    }

    /// The files whose authorities are others than in `before`.
    pub fn other_than(&self, before: &Self) -> Vec<String> {
        let other = self.read.iter().filter_map(|(whom, entry)| {
            let old = before.read.get(whom)?;
            match whom {
                _ if old.print == entry.print => None,
                Whom::File(path) => Some(path.display().to_string()),
                Whom::Machine => Some("this machine".to_owned()),
                Whom::Anyone => None,
            }
        });
        let mut other: Vec<String> = other.collect();
        other.sort_unstable();
        other
    }

    /// Whether `before` was read from the same files and found the same.
    pub fn as_read(&self, before: &Self) -> bool {
        let same = |(whom, entry): (&Whom, &Entry)| {
            let of = |e: &Entry| (e.print, e.stamp, e.trouble.clone());
            before.read.get(whom).map(of) == Some(of(entry))
        };
        self.read.len() == before.read.len() && self.read.iter().all(same)
    }

    /// Whether a file is another now than when it was read. Looks at the disk.
    pub fn files_changed(&self) -> bool {
        self.read.iter().any(|(whom, entry)| match whom {
            Whom::File(path) => pem::stamp_of(path) != entry.stamp,
            Whom::Machine | Whom::Anyone => false,
        })
    }
}

/// The pools with TLS and their places.
fn with_tls(pools: &[Pool]) -> impl Iterator<Item = (usize, &Pool, &PoolTls)> {
    let all = pools.iter().enumerate();
    all.filter_map(|(index, pool)| Some((index, pool, pool.tls.as_ref()?)))
}

impl Entry {
    /// Reads `whom`; where that fails, `kept` goes on.
    fn read(engine: &Engine, whom: &Whom, kept: Option<&Self>) -> Self {
        let stamp = match whom {
            Whom::File(path) => pem::stamp_of(path),
            Whom::Machine | Whom::Anyone => None,
        };
        let fresh = roots(whom).and_then(|roots| {
            let print = print(roots.as_deref().unwrap_or_default());
            // The same authorities as before: what was resumed goes on.
            let same = kept.filter(|kept| kept.print == print);
            match same.map(|kept| kept.config.clone()) {
                Some(Ok(config)) => Ok((config, print)),
                _ => Ok((engine.client(roots)?, print)),
            }
        });
        match (fresh, kept.map(|kept| (kept.config.clone(), kept.print))) {
            (Ok((config, print)), _) => Self {
                config: Ok(config),
                trouble: None,
                stamp,
                print,
            },
            (Err(words), Some((Ok(config), print))) => Self {
                config: Ok(config),
                trouble: Some(format!("{words}; what was read before is trusted")),
                stamp,
                print,
            },
            (Err(words), _) => Self {
                config: Err(words.clone()),
                trouble: Some(words),
                stamp,
                print: [0; 32],
            },
        }
    }
}

/// The certificates of those who are trusted; none is anyone.
fn roots(whom: &Whom) -> Result<Option<Vec<CertificateDer<'static>>>, String> {
    match whom {
        Whom::Anyone => Ok(None),
        Whom::File(path) => trusted(Some(path)).map(Some),
        Whom::Machine => trusted(None).map(Some),
    }
}

/// The certificates in the file `ca`, else of those that this machine trusts.
pub(super) fn trusted(ca: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    match ca {
        Some(path) => pem::chain(path).map_err(|fault| fault.words),
        None => {
            let found = rustls_native_certs::load_native_certs();
            let why = found.errors.first().map(ToString::to_string);
            match found.certs.is_empty() {
                false => Ok(found.certs),
                true => Err(format!(
                    "this machine trusts no certificate authority (install ca-certificates, or name a file in tls.ca): {}",
                    why.as_deref().unwrap_or("none was found")
                )),
            }
        }
    }
}
