//! How far each certificate is, for whoever looks.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::super::certificates::unix_now;
use crate::model::Language;
use crate::store::FailedRenewal;

/// How far a certificate from an authority is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RenewalView {
    /// Whom it is had from: the name in the document.
    pub authority: String,
    /// `valid` and not due, `asking` the authority now, or `failed` and to be tried again.
    pub state: &'static str,
    /// Since when, in seconds since 1970.
    pub since: i64,
    /// When it is tried next, in seconds since 1970; none while it is.
    pub next_try: Option<i64>,
    /// How many tries have ended since this process began: by it the end of one is seen.
    pub tries: u64,
    /// How often it failed in a row.
    pub failures: u32,
    /// Why it failed the last time; none where it did not.
    pub last_error: Option<LastError>,
}

/// Why a renewal failed, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// In English.
    pub english: String,
    /// In Chinese.
    pub chinese: String,
}

impl LastError {
    /// In this language.
    pub fn words(&self, language: Language) -> &str {
        match language {
            Language::English => &self.english,
            Language::Chinese => &self.chinese,
        }
    }
}

impl RenewalView {
    /// It as the API tells it.
    pub fn to_json(&self) -> Value {
        let error = |pick: fn(&LastError) -> &String| self.last_error.as_ref().map(pick);
        json!({
            "authority": self.authority,
            "state": self.state,
            "since": self.since,
            "next_try": self.next_try,
            "tries": self.tries,
            "failures": self.failures,
            "last_error": error(|words| &words.english),
            "last_error_zh": error(|words| &words.chinese),
        })
    }
}

/// How far all are, by the certificate's name.
#[derive(Debug, Default)]
pub(in crate::control) struct Board {
    all: Mutex<BTreeMap<String, RenewalView>>,
    /// What failed before this process began.
    recalled: Mutex<BTreeMap<String, FailedRenewal>>,
}

impl Board {
    /// How far one is; none where it comes from no authority.
    pub(in crate::control) fn get(&self, name: &str) -> Option<RenewalView> {
        self.lock().get(name).cloned()
    }

    pub(super) fn keep_only(&self, names: &[&str]) {
        self.lock().retain(|name, _| names.contains(&name.as_str()));
    }

    pub(super) fn recall(&self, all: Vec<(String, FailedRenewal)>) {
        *self.recalled.lock().unwrap_or_else(PoisonError::into_inner) = all.into_iter().collect();
    }

    /// What failed before this process began of what is `wanted`, asked once: what another
    /// authority says, or of other hosts, keeps nobody waiting.
    pub(super) fn recalled(&self, name: &str, wanted: &str) -> Option<FailedRenewal> {
        let mut recalled = self.recalled.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = recalled.remove(name)?;
        // Nothing is written of one that failed in an older version.
        (failed.wanted == wanted || failed.wanted.is_empty()).then_some(failed)
    }

    /// A try has ended.
    pub(super) fn tried(&self, name: &str) {
        if let Some(view) = self.lock().get_mut(name) {
            view.tries += 1;
        }
    }

    pub(super) fn valid(&self, name: &str, authority: &str, next_try: i64) {
        self.change(name, authority, "valid", |view| {
            view.next_try = Some(next_try);
        });
    }

    pub(super) fn asking(&self, name: &str, authority: &str) {
        self.change(name, authority, "asking", |view| view.next_try = None);
    }

    pub(super) fn done(&self, name: &str) {
        if let Some(view) = self.lock().get_mut(name) {
            (view.failures, view.last_error) = (0, None);
        }
    }

    pub(super) fn failed(&self, name: &str, authority: &str, failed: &FailedRenewal) {
        self.change(name, authority, "failed", |view| {
            view.failures = failed.failures;
            view.next_try = Some(failed.next_try);
            view.last_error = Some(LastError {
                english: failed.english.clone(),
                chinese: failed.chinese.clone(),
            });
        });
    }

    fn change(
        &self,
        name: &str,
        authority: &str,
        state: &'static str,
        change: impl FnOnce(&mut RenewalView),
    ) {
        let mut all = self.lock();
        let view = all.entry(name.to_owned()).or_default();
        authority.clone_into(&mut view.authority);
        if view.state != state {
            (view.state, view.since) = (state, unix_now());
        }
        change(view);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, RenewalView>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
