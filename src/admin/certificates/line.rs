//! A certificate in the list.

use crate::admin::node::capital;
use crate::admin::page::{Shell, escaped};
use crate::admin::texts::problems;
use crate::control::{CertificateView, Handle, RenewalView};
use crate::model::Language;

/// So many days before its end one is told of.
const SOON: i64 = 21;

/// A certificate in the list.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) hosts: String,
    /// Who signed it, and how it came here.
    pub(super) issuer: String,
    pub(super) source: &'static str,
    /// The class and symbol of its state.
    pub(super) state: &'static str,
    pub(super) symbol: &'static str,
    /// How long it is good.
    pub(super) valid: String,
    pub(super) until: Option<i64>,
    pub(super) fingerprint: String,
    pub(super) troubles: Vec<String>,
    pub(super) users: Vec<(String, String)>,
    pub(super) remove: String,
    /// How far it is with its authority.
    pub(super) acme: Option<Acme>,
}

/// How far a certificate is with its authority.
pub(super) struct Acme {
    pub(super) words: String,
    /// Why it failed the last time.
    pub(super) error: Option<String>,
    pub(super) next: Option<i64>,
    /// Where it is checked and renewed.
    pub(super) here: String,
}

/// All there are.
pub(super) fn lines(shell: &Shell, handle: &Handle) -> Vec<Line> {
    let views = handle.certificates();
    views.iter().map(|view| line(shell, view)).collect()
}

fn line(shell: &Shell, view: &CertificateView) -> Line {
    let t = shell.t;
    let now = jiff::Timestamp::now().as_second();
    let facts = view.facts.as_ref();
    let days = view.days_left(now);
    // One of our own stands in until the authority has signed.
    let is_awaited = view.acme.is_some() && facts.is_none_or(|facts| facts.is_self_signed);
    let (state, symbol) = match days {
        _ if is_awaited => ("warn", "half"),
        Some(days) if days < 0 => ("down", "down"),
        Some(days) if days <= SOON && !renews_itself(view) => ("warn", "half"),
        Some(_) => ("up", "up"),
        None => ("down", "down"),
    };
    let valid = match days {
        _ if is_awaited => t.cert_awaited().to_owned(),
        None => t.cert_unusable().to_owned(),
        Some(days) if days < 0 => t.cert_expired().to_owned(),
        Some(0) => t.cert_today().to_owned(),
        Some(1) => t.cert_day().to_owned(),
        Some(days) => t.cert_days(days),
    };
    let hosts = match (view.hosts.as_slice(), facts) {
        ([], Some(facts)) => facts.made_for.join(", "),
        (hosts, _) => hosts.join(", "),
    };
    let issuer = match facts {
        Some(facts) if facts.is_self_signed => t.cert_itself().to_owned(),
        Some(facts) => facts.issuer.clone(),
        None => "–".to_owned(),
    };
    let name = escaped(&view.name);
    Line {
        hosts,
        issuer,
        source: match view.source {
            "uploaded" => t.cert_uploaded(),
            "self_signed" => t.cert_made(),
            "acme" => t.cert_issued(),
            _ => t.cert_files(),
        },
        state,
        symbol,
        valid,
        until: facts.filter(|_| !is_awaited).map(|facts| facts.not_after),
        fingerprint: facts.map_or_else(String::new, |facts| facts.sha256.clone()),
        troubles: match is_awaited {
            // Said of its authority, in full.
            true => Vec::new(),
            false => troubles(shell, view),
        },
        users: users(shell, view),
        remove: match view.is_named {
            true => format!("/certificates/{name}/remove"),
            false => format!("/certificates/{name}/remove?kept=1"),
        },
        acme: view
            .acme
            .as_ref()
            .map(|one| acme(shell, (view, is_awaited), one)),
        name: view.name.clone(),
    }
}

fn acme(shell: &Shell, (view, is_awaited): (&CertificateView, bool), one: &RenewalView) -> Acme {
    let t = shell.t;
    let words = match (one.state, is_awaited) {
        ("asking", true) => t.cert_first(),
        ("asking", false) => t.cert_asking(),
        ("failed", true) => t.cert_first_failed(),
        ("failed", false) => t.cert_failed(),
        _ => t.cert_renewed(),
    };
    Acme {
        words: words.to_owned(),
        error: one
            .last_error
            .as_ref()
            .map(|error| capital(error.words(t.0))),
        next: one.next_try,
        here: format!("/certificates/{}", escaped(&view.name)),
    }
}

/// Whether its end is nobody's matter: it comes by itself, and nothing has failed.
fn renews_itself(view: &CertificateView) -> bool {
    let is_well = |one: &RenewalView| one.failures == 0;
    view.source == "self_signed" || view.acme.as_ref().is_some_and(is_well)
}

fn troubles(shell: &Shell, view: &CertificateView) -> Vec<String> {
    let words = |words: &String| match shell.t.0 {
        Language::English => words.clone(),
        Language::Chinese => problems::chinese(words).unwrap_or_else(|| words.clone()),
    };
    let idle = (!view.is_named).then(|| shell.t.cert_not_named().to_owned());
    view.troubles.iter().map(words).chain(idle).collect()
}

/// Who shows it: words, and the page to change that.
fn users(shell: &Shell, view: &CertificateView) -> Vec<(String, String)> {
    let listener = |name: &String| (name.clone(), format!("/listeners/{}", escaped(name)));
    let admin = view.is_admins.then(|| {
        let words = shell.t.settings_admin().to_owned();
        (words, "/settings".to_owned())
    });
    let sessions = view.is_sessions.then(|| {
        let words = shell.t.sessions().to_owned();
        (words, "/sessions/settings".to_owned())
    });
    let listeners = view.listeners.iter().map(listener);
    listeners.chain(admin).chain(sessions).collect()
}
