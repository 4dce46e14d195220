//! Secrets: what the operator says of them, and what they are.
//!
//! A text is never exported, logged or shown: `config.db` keeps it apart from the revisions. Where
//! a secret is to be read from, a file or a variable, is no secret and part of the Config.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Backup, Config, Sessions};

/// What a document says of one secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Secret {
    /// Nothing: it stays as it was, and there is none where there was none.
    #[default]
    Absent,
    /// The secret itself.
    Text(SecretBytes),
    /// The file that holds it.
    File(PathBuf),
    /// The variable of this program's environment that holds it.
    Env(String),
}

impl Secret {
    /// Limit: the longest secret, in bytes. A key file is a hundredth of it.
    pub const MAX_BYTES: usize = 64 * 1024;
}

/// A secret itself. Never shown, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(Arc<[u8]>);

impl SecretBytes {
    /// These bytes as a secret.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The secret, for whoever signs with it.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// What a secret that nobody gave is made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generated {
    /// Bytes to sign with.
    Key,
    /// Letters and digits to paste elsewhere.
    Password,
}

/// One place in a Config that holds a secret.
#[derive(Debug)]
pub struct SecretPlace<S> {
    /// What it belongs to, by name: `settings.affinity_secret`. What it is kept and asked for by,
    /// and what a change calls it.
    pub owner: String,
    /// Its field in the document: `settings.affinity_secret`.
    pub field: String,
    /// What is generated where none is given, and then kept as a text is.
    pub generated: Option<Generated>,
    /// What stands there.
    pub secret: S,
}

impl Config {
    /// The owner of the key that affinity cookies are signed with.
    pub const AFFINITY_SECRET: &str = "settings.affinity_secret";

    /// Every place for a secret.
    pub fn secrets(&self) -> Vec<SecretPlace<&Secret>> {
        let place = |(owner, field, generated), secret| SecretPlace {
            owner,
            field,
            generated,
            secret,
        };
        let names = self.secret_places();
        let one = [
            &self.settings.affinity_secret,
            &self.sessions.password,
            &self.sessions.store_password,
            &self.backup.passphrase,
        ];
        let databases = self.sessions.databases.iter().map(|d| &d.password);
        let webhooks = self.webhooks.iter().map(|webhook| &webhook.secret);
        let eabs = self.acme.iter().filter_map(|acme| acme.eab.as_ref());
        let hmacs = eabs.map(|eab| &eab.hmac);
        let secrets = one.into_iter().chain(databases).chain(webhooks);
        let secrets = secrets.chain(hmacs);
        let places = names.into_iter().zip(secrets);
        places.map(|(names, secret)| place(names, secret)).collect()
    }

    /// The same, to be filled in.
    pub fn secrets_mut(&mut self) -> Vec<SecretPlace<&mut Secret>> {
        let place = |(owner, field, generated), secret| SecretPlace {
            owner,
            field,
            generated,
            secret,
        };
        let names = self.secret_places();
        let one = [
            &mut self.settings.affinity_secret,
            &mut self.sessions.password,
            &mut self.sessions.store_password,
            &mut self.backup.passphrase,
        ];
        let databases = self.sessions.databases.iter_mut().map(|d| &mut d.password);
        let webhooks = self.webhooks.iter_mut().map(|webhook| &mut webhook.secret);
        let eabs = self.acme.iter_mut().filter_map(|acme| acme.eab.as_mut());
        let hmacs = eabs.map(|eab| &mut eab.hmac);
        let secrets = one.into_iter().chain(databases).chain(webhooks);
        let secrets = secrets.chain(hmacs);
        let places = names.into_iter().zip(secrets);
        places.map(|(names, secret)| place(names, secret)).collect()
    }

    /// Owner and field of each, and what is generated there, in the order of both above.
    fn secret_places(&self) -> Vec<(String, String, Option<Generated>)> {
        let own = |owner: &str, generated| (owner.to_owned(), owner.to_owned(), generated);
        let password = self.sessions.listen.map(|_| Generated::Password);
        let mut places = vec![
            own(
                Self::AFFINITY_SECRET,
                self.signs_cookies().then_some(Generated::Key),
            ),
            own(Sessions::PASSWORD, password),
            own(Sessions::STORE_PASSWORD, None),
            own(Backup::PASSPHRASE, None),
        ];
        for (i, database) in self.sessions.databases.iter().enumerate() {
            let field = format!("sessions.databases[{i}].password");
            places.push((database.password_owner(), field, password));
        }
        for (i, webhook) in self.webhooks.iter().enumerate() {
            let field = format!("webhooks[{i}].secret");
            places.push((webhook.secret_owner(), field, None));
        }
        for (i, acme) in self.acme.iter().enumerate() {
            if acme.eab.is_some() {
                places.push((acme.hmac_owner(), format!("acme[{i}].eab.hmac"), None));
            }
        }
        places
    }

    /// Whether any pool signs cookies.
    fn signs_cookies(&self) -> bool {
        self.pools.iter().any(|pool| pool.affinity.is_some())
    }

    /// Takes from `before` every secret of which nothing is said here.
    pub fn keep_secrets_of(&mut self, before: &Config) {
        let before = before.secrets();
        for place in self.secrets_mut() {
            if *place.secret == Secret::Absent
                && let Some(kept) = before.iter().find(|kept| kept.owner == place.owner)
            {
                *place.secret = kept.secret.clone();
            }
        }
    }

    /// The owners of secrets given as text, and the texts.
    pub fn secret_texts(&self) -> Vec<(String, &SecretBytes)> {
        let places = self.secrets().into_iter();
        let texts = places.filter_map(|place| match place.secret {
            Secret::Text(text) => Some((place.owner, text)),
            Secret::Absent | Secret::File(_) | Secret::Env(_) => None,
        });
        texts.collect()
    }
}

/// The secrets of one Config as they were read, and why others could not be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    read: BTreeMap<String, SecretBytes>,
    missing: BTreeMap<String, String>,
}

impl Secrets {
    /// The secret of `owner`; none where there is none, or it could not be read.
    pub fn get(&self, owner: &str) -> Option<&SecretBytes> {
        self.read.get(owner)
    }

    /// Notes the secret of `owner`.
    pub fn put(&mut self, owner: String, secret: SecretBytes) {
        self.missing.remove(&owner);
        self.read.insert(owner, secret);
    }

    /// Notes why the secret of `owner` could not be read.
    pub fn miss(&mut self, owner: String, why: String) {
        self.missing.insert(owner, why);
    }

    /// Why the secret of `owner` could not be read, if so.
    pub fn why_missing(&self, owner: &str) -> Option<&str> {
        self.missing.get(owner).map(String::as_str)
    }

    /// What could not be read, one phrase each: `webhooks.ops.secret: …`.
    pub fn missing(&self) -> Vec<String> {
        let missing = self.missing.iter();
        missing
            .map(|(owner, why)| format!("{owner}: {why}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Secret, SecretBytes, Secrets};
    use crate::model::Config;

    fn with(secret: Secret) -> Config {
        let mut config = Config::default();
        config.settings.affinity_secret = secret;
        config
    }

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        let config = with(Secret::Text(SecretBytes::new(b"open sesame")));
        let mut secrets = Secrets::default();
        secrets.put("a".to_owned(), SecretBytes::new(b"open sesame"));
        let shown = format!("{config:?} {config:#?} {secrets:?}");
        assert!(!shown.contains("sesame"), "{shown}");
        // Nor as a list of bytes.
        assert!(!shown.contains("111, 112, 101, 110"), "{shown}");
    }

    #[test]
    fn what_is_not_said_stays_and_what_is_said_counts() {
        let text = Secret::Text(SecretBytes::new(b"x"));
        let env = Secret::Env("KEY".to_owned());
        let mut config = with(Secret::Absent);
        config.keep_secrets_of(&with(text.clone()));
        assert_eq!(config, with(text.clone()));
        let mut config = with(env.clone());
        config.keep_secrets_of(&with(text));
        assert_eq!(config, with(env));
    }
}
