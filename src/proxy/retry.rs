//! Whether a request is tried again on another node (nginx's `proxy_next_upstream`).
//!
//! Pure: what happened comes in, the verdict goes out.

use std::time::Duration;

use crate::model::{Condition, Retry};

/// What happened to a try, as far as a retry depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation {
    /// What went wrong.
    pub(super) condition: Condition,
    /// Whether a byte of the request may have reached the node.
    pub(super) sent: bool,
    /// Whether HTTP lets the request be repeated.
    pub(super) idempotent: bool,
    /// Whether a byte of its body was passed on, which is then no longer there.
    pub(super) body_started: bool,
    /// Tries so far, this one included.
    pub(super) tries: u32,
    /// Since the request's head was read.
    pub(super) elapsed: Duration,
    /// Whether a check turned the node Down while the request waited on it. How long
    /// that took is then no reason against another try.
    pub(super) went_down: bool,
}

/// Whether HTTP and the pool's settings allow the request to be sent again.
pub(super) fn is_repeatable(
    retry: &Retry,
    idempotent: bool,
    sent: bool,
    body_started: bool,
) -> bool {
    !body_started && (!sent || idempotent || retry.non_idempotent)
}

/// Whether another try is made, if a node and the budget allow it.
pub(super) fn is_retried(retry: &Retry, now: &Situation) -> bool {
    let in_time = retry.timeout.is_zero() || now.elapsed < retry.timeout;
    let listed = retry.on.contains(&now.condition);
    listed
        && (retry.tries == 0 || now.tries < u32::from(retry.tries))
        && (in_time || now.went_down)
        && is_repeatable(retry, now.idempotent, now.sent, now.body_started)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Situation, is_retried};
    use crate::model::{Condition, Retry};

    const REFUSED: Situation = Situation {
        condition: Condition::Error,
        sent: false,
        idempotent: false,
        body_started: false,
        tries: 1,
        elapsed: Duration::ZERO,
        went_down: false,
    };

    #[test]
    fn what_was_not_sent_may_always_be_repeated() {
        assert!(is_retried(&Retry::default(), &REFUSED));
    }

    #[test]
    fn what_was_sent_is_repeated_only_if_http_or_the_operator_says_so() {
        let sent = Situation {
            sent: true,
            ..REFUSED
        };
        assert!(!is_retried(&Retry::default(), &sent));
        assert!(is_retried(
            &Retry::default(),
            &Situation {
                idempotent: true,
                ..sent
            }
        ));
        let anything = Retry {
            non_idempotent: true,
            ..Retry::default()
        };
        assert!(is_retried(&anything, &sent));
    }

    #[test]
    fn a_body_that_was_passed_on_cannot_be_passed_on_again() {
        let anything = Retry {
            non_idempotent: true,
            ..Retry::default()
        };
        let started = Situation {
            idempotent: true,
            sent: true,
            body_started: true,
            ..REFUSED
        };
        assert!(!is_retried(&anything, &started));
    }

    #[test]
    fn only_listed_conditions_are_retried() {
        for condition in Condition::ALL {
            let retry = Retry {
                on: vec![condition],
                ..Retry::default()
            };
            assert!(is_retried(
                &retry,
                &Situation {
                    condition,
                    ..REFUSED
                }
            ));
            let others = Condition::ALL
                .into_iter()
                .filter(|c| *c != condition)
                .collect();
            let retry = Retry {
                on: others,
                ..Retry::default()
            };
            assert!(!is_retried(
                &retry,
                &Situation {
                    condition,
                    ..REFUSED
                }
            ));
        }
    }

    #[test]
    fn tries_and_time_run_out() {
        let retry = Retry::default();
        assert!(is_retried(
            &retry,
            &Situation {
                tries: 2,
                ..REFUSED
            }
        ));
        assert!(!is_retried(
            &retry,
            &Situation {
                tries: 3,
                ..REFUSED
            }
        ));
        let unlimited = Retry {
            tries: 0,
            ..Retry::default()
        };
        assert!(is_retried(
            &unlimited,
            &Situation {
                tries: 99,
                ..REFUSED
            }
        ));
        let late = Situation {
            elapsed: Duration::from_secs(10),
            ..REFUSED
        };
        assert!(!is_retried(&retry, &late));
        assert!(is_retried(
            &retry,
            &Situation {
                went_down: true,
                ..late
            }
        ));
        let patient = Retry {
            timeout: Duration::ZERO,
            ..Retry::default()
        };
        assert!(is_retried(&patient, &late));
    }
}
