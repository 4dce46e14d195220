//! What restoring a backup did, or would do: for who decides it, and for who did.

use serde_json::{Value, json};

use super::super::change::Applied;
use crate::model::{KeptAs, KeptCertificates, Role};
use crate::store::backup::{About, Contents, Here};

/// What came and went, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Came {
    /// Users who were not here.
    pub users_added: Vec<String>,
    /// Users who are not in the backup.
    pub users_removed: Vec<String>,
    /// Users who have another role then.
    pub users_changed: Vec<(String, Role, Role)>,
    /// Users who cannot sign in until somebody gives them a password.
    pub without_password: Vec<String>,
    /// Tokens that were not here.
    pub tokens_added: Vec<String>,
    /// Tokens that are not in the backup.
    pub tokens_removed: Vec<String>,
    /// Certificates that were not kept here.
    pub certificates_added: Vec<String>,
    /// Certificates that are not in the backup.
    pub certificates_removed: Vec<String>,
    /// Certificates that are others.
    pub certificates_changed: Vec<String>,
}

/// What restoring a backup did, or would do.
#[derive(Debug, Clone)]
pub struct Restored {
    /// What the backup says of itself.
    pub about: About,
    /// As of every change.
    pub applied: Applied,
    /// What came and went besides.
    pub came: Came,
    /// Owners of secrets that are to be given again.
    pub secrets_missing: Vec<String>,
    /// Owners of secrets that nobody had to give, and that are made anew.
    pub secrets_anew: Vec<String>,
    /// Certificates that are to be uploaded again.
    pub certificates_missing: Vec<String>,
    /// Users whose second factor is off then.
    pub second_factors_off: Vec<String>,
    /// Where a copy of the database is that was replaced.
    pub replaced: Option<String>,
}

/// The owners of secrets that a backup does not bring and this machine does not have.
#[derive(Debug, Default)]
pub(super) struct Lost {
    /// Somebody has to give them again.
    pub(super) missing: Vec<String>,
    /// Nobody gave them before either.
    pub(super) anew: Vec<String>,
}

impl Came {
    /// What `contents` bring to those who are `here`.
    pub(super) fn of(
        contents: &Contents,
        here: &Here,
        (before, after): (&KeptCertificates, &KeptCertificates),
    ) -> Self {
        let mut came = Self::default();
        for (name, kept_as, certificate) in after.iter() {
            match before.get(name, kept_as) {
                None => came.certificates_added.push(shown(name.as_str(), kept_as)),
                Some(old) if old.chain != certificate.chain => {
                    came.certificates_changed
                        .push(shown(name.as_str(), kept_as));
                }
                Some(_) => {}
            }
        }
        let gone = before
            .iter()
            .filter(|(name, as_, _)| after.get(name, *as_).is_none());
        came.certificates_removed
            .extend(gone.map(|(name, as_, _)| shown(name.as_str(), as_)));
        if contents.users.is_empty() {
            return came;
        }
        for user in &contents.users {
            let mut known = here.users.iter();
            match known.find(|(name, _)| name.eq_ignore_ascii_case(&user.name)) {
                None => {
                    came.users_added.push(user.name.clone());
                    if !contents.about.secrets {
                        came.without_password.push(user.name.clone());
                    }
                }
                Some((_, role)) if *role != user.role => {
                    came.users_changed
                        .push((user.name.clone(), *role, user.role));
                }
                Some(_) => {}
            }
        }
        for (name, _) in &here.users {
            let mut users = contents.users.iter();
            if !users.any(|user| user.name.eq_ignore_ascii_case(name)) {
                came.users_removed.push(name.clone());
            }
        }
        let is_new = |name: &&String| !here.tokens.contains(name);
        came.tokens_added = contents.tokens.iter().filter(is_new).cloned().collect();
        let is_gone = |name: &&String| !contents.tokens.contains(name);
        came.tokens_removed = here.tokens.iter().filter(is_gone).cloned().collect();
        came
    }
}

fn shown(name: &str, kept_as: KeptAs) -> String {
    match kept_as {
        KeptAs::Uploaded => name.to_owned(),
        KeptAs::SelfSigned | KeptAs::Acme => format!("{name} ({})", kept_as.as_str()),
    }
}

impl Restored {
    pub(super) fn of(
        (contents, lost, kept): (&Contents, &Lost, &KeptCertificates),
        applied: Applied,
        came: Came,
    ) -> Self {
        let about = contents.about.clone();
        let is_new = |name: &&String| came.users_added.contains(name);
        let left_out = &about.left_out;
        let named = |name: &&String| {
            let mut certificates = contents.config.certificates.iter();
            certificates.any(|one| {
                one.name.as_str() == **name && kept.get(&one.name, KeptAs::Uploaded).is_none()
            })
        };
        Self {
            secrets_missing: lost.missing.clone(),
            secrets_anew: lost.anew.clone(),
            certificates_missing: left_out
                .certificates
                .iter()
                .filter(named)
                .cloned()
                .collect(),
            second_factors_off: left_out
                .second_factors
                .iter()
                .filter(is_new)
                .cloned()
                .collect(),
            replaced: None,
            about,
            applied,
            came,
        }
    }

    /// What the revision is called.
    pub(super) fn words(&self) -> String {
        let about = &self.about;
        let made = jiff::Timestamp::from_second(about.made).unwrap_or_default();
        format!("restore the backup of {made} (revision {})", about.revision)
    }

    /// The JSON of `restore --json`: that of a change, and what is of a backup alone.
    pub fn to_json(&self) -> Value {
        let mut told = json!({ "applied": self.applied.to_json() });
        let came = &self.came;
        let changed = |(name, before, after): &(String, Role, Role)| json!({ "name": name, "before": before.as_str(), "after": after.as_str() });
        told["backup"] = json!(self.about);
        told["users"] = json!({
            "added": came.users_added,
            "removed": came.users_removed,
            "changed": came.users_changed.iter().map(changed).collect::<Vec<_>>(),
            "without_password": came.without_password,
            "second_factor_off": self.second_factors_off,
        });
        told["tokens"] = json!({ "added": came.tokens_added, "removed": came.tokens_removed });
        told["certificates"] = json!({
            "added": came.certificates_added,
            "removed": came.certificates_removed,
            "changed": came.certificates_changed,
            "missing": self.certificates_missing,
        });
        told["secrets_missing"] = json!(self.secrets_missing);
        told["secrets_anew"] = json!(self.secrets_anew);
        told["replaced"] = json!(self.replaced);
        told
    }
}
