//! One certificate with its key, ready to be shown.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, ProducesTickets};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, Error, InconsistentKeys, ServerConfig, version};
use sha2::{Digest, Sha256};

use super::apart::is_slow;
use super::faults::Fault;
use super::judge::Judge;
use super::links::Links;
use super::names::folded;
use super::origin::Origin;
use super::x509::{Facts, LEAST_RSA, facts, issuer_words};
use crate::model::{self, CertificateSource, KeptCertificates, Name, TlsVersion};

/// What all certificates of the process share: the cryptography, and the keys of session
/// tickets. It outlives every snapshot, so a client resumes on any worker and after any change.
#[derive(Clone)]
pub struct Engine {
    provider: Arc<CryptoProvider>,
    /// Changes its keys by itself: a ticket is good for 6 to 12 hours.
    tickets: Option<Arc<dyn ProducesTickets>>,
}

impl Engine {
    /// With new keys for tickets.
    pub fn new() -> Self {
        let tickets = rustls::crypto::aws_lc_rs::Ticketer::new();
        if tickets.is_err() {
            tracing::warn!("no key for TLS session tickets could be made: nobody resumes");
        }
        Self {
            provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
            tickets: tickets.ok(),
        }
    }

    fn server(
        &self,
        key: &Arc<CertifiedKey>,
        from: TlsVersion,
    ) -> Result<Arc<ServerConfig>, Error> {
        let versions: &[_] = match from {
            TlsVersion::V12 => &[&version::TLS13, &version::TLS12],
            TlsVersion::V13 => &[&version::TLS13],
        };
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(key.clone())));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Tickets hold all there is to a session: no list of them, which no two workers share.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        if let Some(tickets) = &self.tickets {
            config.ticketer = tickets.clone();
        }
        Ok(Arc::new(config))
    }

    /// How a handshake goes that shows an authority what it wants to see, and does nothing else.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn challenge(
        &self,
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Arc<ServerConfig>, String> {
        let signing = self.provider.key_provider.load_private_key(key);
        let signing = signing.map_err(|error| error.to_string())?;
        let key = Arc::new(CertifiedKey::new(vec![certificate], signing));
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        config.alpn_protocols = vec![super::ACME_TLS.to_vec()];
        Ok(Arc::new(config))
    }

    /// How an authority shakes hands that looks for what tls-alpn-01 shows: it believes everyone.
    pub(super) fn looking(&self) -> Result<Arc<ClientConfig>, String> {
        let mut config = ClientConfig::clone(&*self.client(None)?);
        config.alpn_protocols = vec![super::ACME_TLS.to_vec()];
        Ok(Arc::new(config))
    }

    /// How a handshake with nodes goes that must lead to one of `roots`; none is anyone.
    pub(super) fn client(
        &self,
        roots: Option<Vec<CertificateDer<'static>>>,
    ) -> Result<Arc<ClientConfig>, String> {
        let provider = self.provider.clone();
        let judge = match roots {
            Some(roots) => Judge::trusting(provider.clone(), roots)?,
            None => Judge::trusting_anyone(provider.clone()),
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(judge))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// One certificate with its key, ready to be shown.
pub struct Certificate {
    /// Its identity.
    pub name: Name,
    /// When it ends, or one of its chain before it, in seconds since 1970.
    pub not_after: i64,
    pub(super) hosts: Vec<model::HostPattern>,
    pub(super) facts: Facts,
    links: Links,
    /// What tells its chain from every other.
    pub(super) print: [u8; 32],
    from_12: Arc<ServerConfig>,
    from_13: Arc<ServerConfig>,
    key: Arc<CertifiedKey>,
}

impl fmt::Debug for Certificate {
    // Nothing of its key, however deep it is in what is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads `certificate` from its files or from what is kept. May wait for the disk.
    pub(super) fn read(
        engine: &Engine,
        certificate: &model::Certificate,
        kept: &KeptCertificates,
    ) -> Result<Self, Fault> {
        let origin = Origin::of(certificate, kept)?;
        let chain = origin.chain();
        let key = origin.key();
        let chain = chain?;
        let shown = origin.chain_shown();
        let facts = all_facts(&chain, &shown)?;
        let signing = engine.provider.key_provider.load_private_key(key?);
        let signing = signing.map_err(|_| unknown_key(&facts, origin))?;
        let print = print(&chain);
        let algorithms = engine.provider.signature_verification_algorithms;
        let links = Links::of(&chain, &facts, algorithms);
        let key = CertifiedKey::new(chain, signing);
        if let Err(error) = key.keys_match() {
            return Err(match &error {
                Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => mismatch(&key, origin),
                Error::InconsistentKeys(_) => Fault::key("cannot be compared with the certificate"),
                _ => Fault::chain(format!("{shown} holds a certificate that no client takes")),
            });
        }
        check_order(&facts, &shown)?;
        let key = Arc::new(key);
        let server = |from| {
            let unusable = |error| Fault::chain(format!("{shown} cannot be used: {error}"));
            engine.server(&key, from).map_err(unusable)
        };
        let leaf = facts.into_iter().next();
        let leaf = leaf.ok_or_else(|| Fault::chain(format!("{shown} holds no certificate")))?;
        Ok(Self {
            name: certificate.name.clone(),
            hosts: hosts_of(certificate).to_vec(),
            not_after: leaf.not_after.min(links.not_after().unwrap_or(i64::MAX)),
            facts: leaf,
            links,
            print,
            from_12: server(TlsVersion::V12)?,
            from_13: server(TlsVersion::V13)?,
            key,
        })
    }

    /// The same for the hosts of `certificate`: nothing of it is read again.
    pub(super) fn shown_for(&self, certificate: &model::Certificate) -> Self {
        Self {
            name: self.name.clone(),
            not_after: self.not_after,
            hosts: hosts_of(certificate).to_vec(),
            facts: self.facts.clone(),
            links: self.links.clone(),
            print: self.print,
            from_12: self.from_12.clone(),
            from_13: self.from_13.clone(),
            key: self.key.clone(),
        }
    }

    /// Whether it is made for `host`, which carries no port.
    pub fn covers(&self, host: &[u8]) -> bool {
        folded(host).is_some_and(|host| self.facts.names.cover(&host))
    }

    /// The hosts it is made for, for the operator.
    pub fn made_for(&self) -> String {
        self.facts.names.listed()
    }

    /// The hosts it is made for.
    pub fn names(&self) -> Vec<String> {
        self.facts.names.all()
    }

    /// Who signed it, in words.
    pub fn issuer(&self) -> String {
        issuer_words(&self.facts.issuer)
    }

    /// Whether that was itself.
    pub fn is_self_signed(&self) -> bool {
        self.facts.issuer == self.facts.subject
    }

    /// From when on it is good, in seconds since 1970.
    pub fn not_before(&self) -> i64 {
        self.facts.not_before
    }

    /// The SHA-256 of the certificate alone, as tools show it.
    pub fn fingerprint(&self) -> String {
        let leaf = self.key.cert.first().map(Sha256::digest);
        let pairs = leaf.iter().flatten().map(|byte| format!("{byte:02X}"));
        pairs.collect::<Vec<_>>().join(":")
    }

    /// The `hosts` of the operator's that it is not made for.
    pub(super) fn not_made_for(&self) -> impl Iterator<Item = &model::HostPattern> {
        let names = &self.facts.names;
        self.hosts.iter().filter(move |host| match host {
            model::HostPattern::Exact(name) => !names.cover(name),
            model::HostPattern::Below(name) => !names.one_below.contains(name),
        })
    }

    /// Why it, or its chain, is not good at `now`, seconds since 1970.
    pub fn not_good_at(&self, now: i64) -> Option<String> {
        let facts = &self.facts;
        if now >= facts.not_after {
            return Some(format!("has expired on {}", day(facts.not_after)));
        }
        if now < facts.not_before {
            let (from, now) = (day(facts.not_before), day(now));
            return Some(format!(
                "is good only from {from} on, and this machine's clock says {now}"
            ));
        }
        if facts.names.is_empty() {
            return Some(NO_NAME.to_owned());
        }
        self.links.not_good_at(now)
    }

    /// Whether a signature of it takes so long that no worker may wait for it.
    pub(super) fn is_slow(&self) -> bool {
        is_slow(&*self.key.key)
    }

    /// The chain with its key, for a server of rustls.
    pub fn certified(&self) -> Arc<CertifiedKey> {
        self.key.clone()
    }

    /// How a handshake with it goes.
    pub(super) fn server(&self, from: TlsVersion) -> Arc<ServerConfig> {
        match from {
            TlsVersion::V12 => self.from_12.clone(),
            TlsVersion::V13 => self.from_13.clone(),
        }
    }
}

/// The hosts that it is shown for before any other. One that we sign is made for its hosts, and
/// goes before none that others sign.
fn hosts_of(certificate: &model::Certificate) -> &[model::HostPattern] {
    match certificate.source {
        CertificateSource::SelfSigned => &[],
        _ => &certificate.hosts,
    }
}

/// What tells these certificates from all others.
pub(super) fn print(chain: &[CertificateDer<'_>]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for certificate in chain {
        digest.update(certificate.len().to_le_bytes());
        digest.update(certificate);
    }
    digest.finalize().into()
}

/// A time of a certificate: `2026-11-22 17:03:34 UTC`.
pub(super) fn day(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => "a time that no clock shows".to_owned(),
    }
}

const NO_NAME: &str =
    "is made for no name: clients believe none but those in subjectAltName, and it has none there";

/// Why nothing can be signed by the key.
fn unknown_key(facts: &[Facts], origin: Origin<'_>) -> Fault {
    let shown = origin.key_shown();
    let bits = facts.first().and_then(|leaf| leaf.rsa_bits);
    match bits.filter(|bits| *bits < LEAST_RSA) {
        Some(bits) => Fault::key(format!(
            "{shown} is an RSA key of {bits} bits, which is too short: make one of {LEAST_RSA} at least, and have a certificate issued for it"
        )),
        None => Fault::key(format!("{shown} holds a key of a kind that is not known")),
    }
}

fn all_facts(chain: &[CertificateDer<'_>], shown: &impl fmt::Display) -> Result<Vec<Facts>, Fault> {
    let read: Option<Vec<Facts>> = chain.iter().map(facts).collect();
    read.ok_or_else(|| {
        Fault::chain(format!(
            "{shown} is damaged: what it holds is no certificate"
        ))
    })
}

/// Why the key is not that of the first certificate.
fn mismatch(key: &CertifiedKey, origin: Origin<'_>) -> Fault {
    let (chain, shown) = (origin.chain_shown(), origin.key_shown());
    let is_its = |other: &CertificateDer<'static>| {
        CertifiedKey::new(vec![other.clone()], key.key.clone())
            .keys_match()
            .is_ok()
    };
    match key.cert.iter().position(is_its) {
        Some(place) => Fault::chain(format!(
            "{chain} is in the wrong order: the certificate of the key must be the first, and is number {}",
            place + 1
        )),
        None => Fault::key(format!(
            "{shown} is the key of another certificate than {chain}"
        )),
    }
}

/// Each certificate must be issued by the next.
fn check_order(chain: &[Facts], shown: &impl fmt::Display) -> Result<(), Fault> {
    let wrong = chain
        .windows(2)
        .position(|pair| pair[0].issuer != pair[1].subject);
    match wrong {
        None => Ok(()),
        Some(place) => Err(Fault::chain(format!(
            "{shown} is in the wrong order: certificate number {} did not issue number {}",
            place + 2,
            place + 1
        ))),
    }
}
