//! What there is to see of certificates: those the configuration names, and those that are kept
//! and it does not name. Never a key.

use serde_json::{Value, json};

use super::super::certificates::unix_now;
use super::super::{Control, Handle, RenewalView};
use crate::model::{
    AdminTls, Certificate, CertificateSource, Config, KeptAs, KeptCertificates, Language,
    ListenerTls, Name,
};
use crate::tls;

/// One certificate as a page, the API or the command line shows it.
#[derive(Debug, Clone)]
pub struct CertificateView {
    /// Its name.
    pub name: String,
    /// The key in the document that says where it is from: `files`, `uploaded`, `self_signed`.
    pub source: &'static str,
    /// Whether the configuration names it so.
    pub is_named: bool,
    /// The operator's hosts.
    pub hosts: Vec<String>,
    /// What is in it; none where it cannot be used.
    pub facts: Option<CertificateFacts>,
    /// When it was kept, in seconds since 1970; none of one in files.
    pub since: Option<i64>,
    /// Where its chain is; none of one that is kept.
    pub file: Option<String>,
    /// The listeners that may show it.
    pub listeners: Vec<String>,
    /// Whether the admin address shows it.
    pub is_admins: bool,
    /// Whether the session store may show it.
    pub is_sessions: bool,
    /// What is wrong with it.
    pub troubles: Vec<String>,
    /// How far it is, where it comes from an authority.
    pub acme: Option<RenewalView>,
}

/// What is in a certificate.
#[derive(Debug, Clone)]
pub struct CertificateFacts {
    /// Whom it is made for.
    pub made_for: Vec<String>,
    /// Who signed it.
    pub issuer: String,
    /// Whether that was itself.
    pub is_self_signed: bool,
    /// From when on it is good, in seconds since 1970.
    pub not_before: i64,
    /// Until when.
    pub not_after: i64,
    /// The SHA-256 of it, as tools show it.
    pub sha256: String,
}

impl CertificateFacts {
    fn of(certificate: &tls::Certificate) -> Self {
        Self {
            made_for: certificate.names(),
            issuer: certificate.issuer(),
            is_self_signed: certificate.is_self_signed(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after,
            sha256: certificate.fingerprint(),
        }
    }
}

impl CertificateView {
    /// How long it is good at `now`, in whole days; negative where it was. None where it cannot
    /// be used.
    pub fn days_left(&self, now: i64) -> Option<i64> {
        let facts = self.facts.as_ref()?;
        Some((facts.not_after - now).div_euclid(86_400))
    }

    /// It as the API tells it.
    pub fn to_json(&self) -> Value {
        let facts = self.facts.as_ref();
        json!({
            "name": self.name,
            "source": self.source,
            "named": self.is_named,
            "hosts": self.hosts,
            "made_for": facts.map(|facts| &facts.made_for),
            "issuer": facts.map(|facts| &facts.issuer),
            "self_signed": facts.map(|facts| facts.is_self_signed),
            "not_before": facts.map(|facts| facts.not_before),
            "not_after": facts.map(|facts| facts.not_after),
            "sha256": facts.map(|facts| &facts.sha256),
            "kept_since": self.since,
            "listeners": self.listeners,
            "admin": self.is_admins,
            "sessions": self.is_sessions,
            "troubles": self.troubles,
            "acme": self.acme.as_ref().map(RenewalView::to_json),
        })
    }
}

impl Handle {
    /// Every certificate, by name.
    pub fn certificates(&self) -> Vec<CertificateView> {
        self.control.certificate_views()
    }
}

impl Control {
    pub(super) fn certificate_views(&self) -> Vec<CertificateView> {
        let now = self.now.load_full();
        let (config, kept) = (&now.snapshot.config, self.kept.load_full());
        let named = config.certificates.iter().map(|one| {
            let read = &now.snapshot.certificates;
            let mut troubles = of_what_is_read(read, &one.name);
            troubles.extend(placeholder(one, &kept));
            CertificateView {
                facts: read.get(&one.name).map(|read| CertificateFacts::of(read)),
                troubles,
                acme: self.renewals.board.get(one.name.as_str()),
                ..bare(config, one, &kept)
            }
        });
        let is_named = |name: &Name| {
            let mut named = config.certificates.iter();
            named.any(|one| one.name == *name && one.source == CertificateSource::Uploaded)
        };
        let idle = kept
            .iter()
            .filter(|(name, kept_as, _)| *kept_as == KeptAs::Uploaded && !is_named(name));
        let idle = idle.map(|(name, ..)| self.idle(config, name, &kept));
        let mut all: Vec<CertificateView> = named.chain(idle).collect();
        all.sort_by(|a, b| (&a.name, !a.is_named).cmp(&(&b.name, !b.is_named)));
        all
    }

    /// What somebody should look at of the certificates that something shows, a sentence each. A
    /// placeholder is one where its authority has failed, not while it is asked.
    pub(in crate::control) fn certificate_troubles(&self) -> Vec<String> {
        let now = self.now.load();
        let (config, kept) = (&now.snapshot.config, self.kept.load());
        let mut all = Vec::new();
        for one in &config.certificates {
            let view = bare(config, one, &kept);
            if view.listeners.is_empty() && !view.is_admins && !view.is_sessions {
                continue;
            }
            let mut troubles = of_what_is_read(&now.snapshot.certificates, &one.name);
            let renewal = self.renewals.board.get(&view.name);
            if let Some(error) = renewal.and_then(|renewal| renewal.last_error)
                && let Some(words) = placeholder(one, &kept)
            {
                troubles.push(format!("{words}; {}", error.words(Language::English)));
            }
            let name = &one.name;
            all.extend(
                troubles
                    .iter()
                    .map(|why| format!("certificate {name}: {why}")),
            );
        }
        all
    }

    /// One that is kept and that nothing shows.
    fn idle(&self, config: &Config, name: &Name, kept: &KeptCertificates) -> CertificateView {
        let certificate = Certificate {
            name: name.clone(),
            hosts: Vec::new(),
            source: CertificateSource::Uploaded,
        };
        let read = tls::read_kept(&self.engine, &certificate, kept);
        let (facts, trouble) = match &read {
            Ok(read) => (
                Some(CertificateFacts::of(read)),
                read.not_good_at(unix_now()),
            ),
            Err(words) => (None, Some(words.clone())),
        };
        CertificateView {
            is_named: false,
            facts,
            troubles: trouble.into_iter().collect(),
            listeners: Vec::new(),
            is_admins: false,
            is_sessions: false,
            ..bare(config, &certificate, kept)
        }
    }
}

/// What is wrong with what a certificate is read from, and with what was read.
fn of_what_is_read(read: &tls::Certificates, name: &Name) -> Vec<String> {
    let not_good = read.get(name).and_then(|one| one.not_good_at(unix_now()));
    let unread = read.trouble(name).map(str::to_owned);
    unread.into_iter().chain(not_good).collect()
}

/// What is said of one whose authority has issued none yet.
fn placeholder(one: &Certificate, kept: &KeptCertificates) -> Option<String> {
    let CertificateSource::Acme(by) = &one.source else {
        return None;
    };
    kept.get(&one.name, KeptAs::Acme).is_none().then(|| {
        format!("authority {by} has issued none yet: one signed by itself is shown until then")
    })
}

/// What the configuration says of one.
fn bare(config: &Config, one: &Certificate, kept: &KeptCertificates) -> CertificateView {
    let shows =
        |tls: &ListenerTls| tls.certificates.is_empty() || tls.certificates.contains(&one.name);
    let listeners = config.listeners.iter();
    let listeners = listeners.filter(|listener| listener.tls.as_ref().is_some_and(shows));
    let kept_as = one.source.kept_as();
    let found = kept_as.and_then(|kept_as| kept.get(&one.name, kept_as));
    CertificateView {
        name: one.name.to_string(),
        source: kept_as.map_or("files", KeptAs::as_str),
        is_named: true,
        hosts: one.hosts.iter().map(ToString::to_string).collect(),
        facts: None,
        since: found.map(|found| found.since),
        file: match &one.source {
            CertificateSource::Files(files) => Some(files.chain.display().to_string()),
            _ => None,
        },
        listeners: listeners
            .map(|listener| listener.name.to_string())
            .collect(),
        is_admins: config.admin.tls == AdminTls::Certificate(one.name.clone()),
        is_sessions: config.sessions.tls.as_ref().is_some_and(shows),
        troubles: Vec::new(),
        acme: None,
    }
}
