//! The last checks of a node, and since when it is what they concluded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::{Cause, CheckResult, Facts};
use crate::model::Language;

/// Limit: checks remembered of each node. As many as a bar of them can show.
pub const MOST_PAST_CHECKS: usize = 40;

/// One check of before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastCheck {
    /// When it ended.
    pub at: SystemTime,
    /// How long it took, in milliseconds.
    pub ms: u32,
    /// The status the node answered with, where one was read.
    pub status: Option<u16>,
    /// Whether TLS was spoken.
    pub is_tls: bool,
    /// What was wrong, and of what; none where it passed. One for all that failed alike.
    pub failure: Option<Arc<(Cause, Facts)>>,
}

impl PastCheck {
    /// What was wrong; none is nothing.
    pub fn cause(&self) -> Option<Cause> {
        self.failure.as_ref().map(|failure| failure.0)
    }

    /// HAProxy's short word for it, as [`CheckResult::code`].
    pub fn code(&self) -> &'static str {
        match (self.cause(), self.status) {
            (Some(cause), _) => cause.code(),
            (None, Some(_)) => "L7OK",
            (None, None) if self.is_tls => "L6OK",
            (None, None) => "L4OK",
        }
    }

    /// What was wrong, for a person; empty where it passed.
    pub fn text(&self, language: Language) -> String {
        let text = |failure: &Arc<(Cause, Facts)>| failure.0.text(&failure.1, language);
        self.failure.as_ref().map(text).unwrap_or_default()
    }
}

/// The last checks of a node, the oldest first. Written by its checks, read by who looks.
#[derive(Debug, Default)]
pub struct Past(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    checks: VecDeque<PastCheck>,
    since: Option<SystemTime>,
}

impl Past {
    /// Writes a check down, and whether the verdict is another now.
    pub(in crate::balance) fn note(&self, result: &CheckResult, is_news: bool) {
        let mut inner = self.lock();
        if is_news {
            inner.since = Some(result.at);
        }
        let last = inner.checks.back().and_then(|last| last.failure.clone());
        let failure = result.cause.map(|cause| match last {
            Some(last) if last.0 == cause && last.1 == result.facts => last,
            _ => Arc::new((cause, result.facts.clone())),
        });
        if inner.checks.len() == MOST_PAST_CHECKS {
            inner.checks.pop_front();
        }
        inner.checks.push_back(PastCheck {
            at: result.at,
            ms: result.ms,
            status: result.status(),
            is_tls: result.facts.asked.is_some(),
            failure,
        });
    }

    /// The last checks, the oldest first.
    pub fn checks(&self) -> Vec<PastCheck> {
        self.lock().checks.iter().cloned().collect()
    }

    /// Since when the node is up or down; none before the first verdict.
    pub fn since(&self) -> Option<SystemTime> {
        self.lock().since
    }

    // Nothing under the lock panics, and what is half written is one check.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use super::{Cause, CheckResult, Language, MOST_PAST_CHECKS, Past};

    fn check(cause: Option<Cause>, second: u64) -> CheckResult {
        CheckResult {
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(second),
            ms: 7,
            ..CheckResult::of(cause)
        }
    }

    #[test]
    fn the_last_forty_are_remembered_in_their_order() {
        let past = Past::default();
        assert!(past.checks().is_empty());
        for second in 0..100 {
            past.note(&check(None, second), false);
        }
        let checks = past.checks();
        assert_eq!(checks.len(), MOST_PAST_CHECKS);
        assert_eq!(checks[0].at, check(None, 60).at);
        assert_eq!(checks[39].at, check(None, 99).at);
        assert_eq!((checks[0].code(), checks[0].ms), ("L4OK", 7));
        assert_eq!(checks[0].text(Language::English), "");
    }

    #[test]
    fn what_fails_alike_is_told_once_and_kept_once() {
        let past = Past::default();
        let refused = Some(Cause::Refused);
        for (second, cause) in [(1, refused), (2, refused), (3, None), (4, refused)] {
            past.note(&check(cause, second), false);
        }
        let checks = past.checks();
        let failure = |n: usize| checks[n].failure.clone().unwrap();
        assert!(Arc::ptr_eq(&failure(0), &failure(1)));
        assert!(!Arc::ptr_eq(&failure(0), &failure(3)));
        assert_eq!((checks[1].code(), checks[1].cause()), ("L4CON", refused));
        assert!(checks[1].text(Language::Chinese).contains("连接被拒绝"));
    }

    #[test]
    fn a_verdict_begins_with_the_check_that_made_it() {
        let past = Past::default();
        assert_eq!(past.since(), None);
        past.note(&check(None, 5), true);
        past.note(&check(None, 6), false);
        assert_eq!(past.since(), Some(check(None, 5).at));
    }
}
