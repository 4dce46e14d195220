//! What a try of the session store came to, in words.

use super::words;
use crate::admin::texts::Texts;
use crate::control::{SessionStep, SessionTrial};

/// A try as the page shows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tested {
    pub(super) is_well: bool,
    /// In one sentence.
    pub(super) line: String,
    /// What went well, each with its time.
    pub(super) steps: Vec<(String, String)>,
    /// What did not, and why in the store's or the system's words.
    pub(super) failed: Option<(&'static str, String)>,
}

impl Tested {
    pub(super) fn of(t: Texts, trial: &SessionTrial) -> Self {
        let steps = trial.steps.iter();
        let is_well = trial.failed.is_none();
        Self {
            is_well,
            line: match is_well {
                true => t.se_tested(words::time(t, trial.took())),
                false => t.se_tested_not().to_owned(),
            },
            steps: steps
                .map(|(step, took)| (done(t, *step, trial.database), words::time(t, *took)))
                .collect(),
            failed: trial
                .failed
                .as_ref()
                .map(|(step, why)| (failed(t, *step), why.clone())),
        }
    }
}

fn done(t: Texts, step: SessionStep, database: u8) -> String {
    let words = match step {
        SessionStep::Connect => t.se_step_connect(),
        SessionStep::Secure => t.se_step_secure(),
        SessionStep::Password => t.se_step_password(),
        SessionStep::Choose => return t.se_step_choose(database),
        SessionStep::Write => t.se_step_write(),
        SessionStep::Read => t.se_step_read(),
        SessionStep::Remove => t.se_step_remove(),
    };
    words.to_owned()
}

fn failed(t: Texts, step: SessionStep) -> &'static str {
    match step {
        SessionStep::Connect => t.se_failed_connect(),
        SessionStep::Secure => t.se_failed_secure(),
        SessionStep::Password => t.se_failed_password(),
        SessionStep::Choose => t.se_failed_choose(),
        SessionStep::Write => t.se_failed_write(),
        SessionStep::Read => t.se_failed_read(),
        SessionStep::Remove => t.se_failed_remove(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{SessionStep, SessionTrial, Tested};
    use crate::admin::texts::Texts;
    use crate::model::Language;

    #[test]
    fn a_try_is_told_step_by_step_up_to_what_failed() {
        let t = Texts(Language::English);
        let mut trial = SessionTrial {
            address: "127.0.0.1:6379".parse().unwrap(),
            database: 3,
            steps: vec![
                (SessionStep::Connect, Duration::from_micros(120)),
                (SessionStep::Choose, Duration::from_micros(80)),
            ],
            failed: None,
        };
        let told = Tested::of(t, &trial);
        assert_eq!(told.line, "It works: 0.20 ms in all.");
        assert_eq!(
            told.steps[1],
            ("Database 3 chosen".into(), "0.08 ms".into())
        );
        trial.failed = Some((SessionStep::Write, "OOM".to_owned()));
        let told = Tested::of(t, &trial);
        assert_eq!(
            told.failed,
            Some(("The key could not be written", "OOM".into()))
        );
    }
}
