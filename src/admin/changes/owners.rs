//! Whose secrets are meant, in the reader's words.

use crate::admin::texts::Texts;
use crate::model::{Config, ExternalAccount, Language, Sessions};

/// The owners of secrets in words.
pub(in crate::admin) fn secrets(t: Texts, owners: &[String]) -> String {
    let webhook = |owner: &str| {
        let rest = owner.strip_prefix("webhooks.")?;
        Some(t.secret_of_webhook(rest.strip_suffix(".secret")?))
    };
    let acme = |owner: &str| {
        let rest = owner.strip_prefix("acme.")?;
        Some(t.secret_of_acme(rest.strip_suffix(ExternalAccount::HMAC)?))
    };
    let database = |owner: &str| {
        let rest = owner.strip_prefix(Sessions::DATABASES)?;
        Some(t.secret_of_session_database(rest.strip_suffix(".password")?))
    };
    let name = |owner: &String| match owner.as_str() {
        Config::AFFINITY_SECRET => t.secret_of_affinity().to_owned(),
        Sessions::PASSWORD => t.secret_of_sessions().to_owned(),
        Sessions::STORE_PASSWORD => t.secret_of_session_redis().to_owned(),
        other => webhook(other)
            .or_else(|| acme(other))
            .or_else(|| database(other))
            .unwrap_or_else(|| owner.clone()),
    };
    let names: Vec<String> = owners.iter().map(name).collect();
    listed(t, &names)
}

/// Names one behind another.
pub(in crate::admin) fn listed(t: Texts, names: &[String]) -> String {
    names.join(match t.0 {
        Language::English => ", ",
        Language::Chinese => "、",
    })
}
