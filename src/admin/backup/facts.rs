//! What restoring a backup means besides the configuration, in words.

use crate::admin::changes::{listed, secrets};
use crate::admin::page::Shell;
use crate::admin::texts::Texts;
use crate::control::Restored;
use crate::store::backup::{About, BackupError};

/// A fact: what it is, and the names it is about.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) what: &'static str,
    pub(super) names: String,
    /// Whether somebody has to do something about it.
    pub(super) is_asked: bool,
}

/// Who and what comes and goes, and what is missing afterwards.
pub(super) fn facts(shell: &Shell, restored: &Restored) -> Vec<Fact> {
    let t = shell.t;
    let came = &restored.came;
    let changed = came.users_changed.iter().map(|(name, before, after)| {
        let (before, after) = (shell.role(before), shell.role(after));
        format!("{name}: {before} → {after}")
    });
    let changed: Vec<String> = changed.collect();
    let named = |what, names: &[String]| (what, listed(t, names), false);
    let asked = |what, names: &[String]| (what, listed(t, names), true);
    let all = [
        named(t.backup_users_added(), &came.users_added),
        named(t.backup_users_removed(), &came.users_removed),
        named(t.backup_users_changed(), &changed),
        named(t.backup_tokens_added(), &came.tokens_added),
        named(t.backup_tokens_removed(), &came.tokens_removed),
        named(t.backup_certs_added(), &came.certificates_added),
        named(t.backup_certs_removed(), &came.certificates_removed),
        named(t.backup_certs_changed(), &came.certificates_changed),
        asked(t.backup_no_password(), &came.without_password),
        asked(t.backup_no_factor(), &restored.second_factors_off),
        asked(t.backup_certs_missing(), &restored.certificates_missing),
        (
            t.backup_secrets_missing(),
            secrets(t, &restored.secrets_missing),
            true,
        ),
        (
            t.backup_secrets_anew(),
            secrets(t, &restored.secrets_anew),
            true,
        ),
    ];
    let told = all.into_iter().filter(|(_, names, _)| !names.is_empty());
    told.map(|(what, names, is_asked)| Fact {
        what,
        names,
        is_asked,
    })
    .collect()
}

/// What a backup says of itself, in a line.
pub(super) fn about(shell: &Shell, about: &About) -> String {
    let host = about.host.escape_debug().to_string();
    let version = about.version.escape_debug().to_string();
    let what = contents(shell.t, about);
    let made = shell.local(about.made);
    let origin = shell.t.backup_about(host, made, about.revision, version);
    format!("{origin} · {what}")
}

/// What is in it.
pub(super) fn contents(t: Texts, about: &About) -> &'static str {
    match about.secrets {
        true => t.backup_with(),
        false => t.backup_without(),
    }
}

/// What is wrong with a backup.
pub(super) fn fault(t: Texts, error: &BackupError) -> String {
    match error {
        BackupError::NotOne => t.backup_not_one().to_owned(),
        BackupError::Torn => t.backup_torn().to_owned(),
        BackupError::PassphraseMissing => t.backup_passphrase_asked().to_owned(),
        BackupError::WrongPassphrase | BackupError::Passphrase => {
            t.backup_wrong_passphrase().to_owned()
        }
        BackupError::Newer(version) => t.backup_newer(version.escape_debug()),
        BackupError::TooLong => t.backup_too_long(crate::store::backup::MAX_FILE / 1024 / 1024),
        BackupError::Unsound(what) => t.backup_unsound(what.escape_debug()),
        BackupError::Store(error) => error.to_string(),
    }
}
