//! The task of one certificate: waits until it is due, tries, and waits again.

use std::sync::{Arc, Weak};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::super::Control;
use super::super::certificates::unix_now;
use super::Wanted;
use crate::acme::{Failed, Life, Said, Trouble, after_failure, after_success, renew_at};
use crate::model::{CertificateSource, KeptAs, Language};
use crate::store::FailedRenewal;
use crate::tls;

/// How long the clock is not looked at: it may be set meanwhile.
const LOOK: Duration = Duration::from_secs(30);

/// Runs until Control is gone, or the certificate is wanted otherwise.
pub(super) async fn renew(control: Weak<Control>, wanted: Wanted, nudge: Arc<Notify>) {
    let (name, authority) = (wanted.name.as_str(), wanted.acme.name.as_str());
    let recalled = control
        .upgrade()
        .and_then(|control| control.renewals.board.recalled(name, &wanted.words()));
    let (mut failures, mut soonest, mut is_wanted_now) = (0, 0, false);
    if let Some(failed) = recalled {
        failures = failed.failures;
        if let Some(control) = control.upgrade() {
            control.renewals.board.failed(name, authority, &failed);
        }
        until(failed.next_try, &nudge).await;
        is_wanted_now = true;
    }
    loop {
        let Some(strong) = control.upgrade() else {
            return;
        };
        let due = strong.due(&wanted).await.max(soonest);
        if due > unix_now() && !is_wanted_now {
            strong.renewals.board.valid(name, authority, due);
            drop(strong);
            until(due, &nudge).await;
        } else {
            drop(strong);
        }
        let Some(strong) = control.upgrade() else {
            return;
        };
        strong.renewals.board.asking(name, authority);
        let done = Box::pin(strong.obtain_certificate(&wanted)).await;
        let next_try = strong.told(&wanted, &mut failures, done).await;
        match next_try {
            Some(next_try) => {
                drop(strong);
                until(next_try, &nudge).await;
                // As was told: somebody may have wanted it before it is due.
                is_wanted_now = true;
            }
            None => {
                let life = strong.life(&wanted).await;
                is_wanted_now = false;
                soonest = unix_now() + life.map_or(60, |life| seconds(after_success(life)));
            }
        }
    }
}

/// Waits until `time`, seconds since 1970, or until somebody wants it now.
async fn until(time: i64, nudge: &Notify) {
    loop {
        let left = u64::try_from(time.saturating_sub(unix_now())).unwrap_or(0);
        if left == 0 {
            return;
        }
        tokio::select! {
            () = sleep(Duration::from_secs(left).min(LOOK)) => {}
            () = nudge.notified() => return,
        }
    }
}

impl Control {
    /// What failed before this process began.
    pub(in crate::control) async fn recall_renewals(&self) {
        let mut writer = self.writer.lock().await;
        if let Some(store) = &mut writer.store
            && let Ok(all) = store.failed_renewals().await
        {
            self.renewals.board.recall(all);
        }
    }

    /// When it is to be asked for, in seconds since 1970: at once where there is none that is
    /// made for all of its hosts.
    async fn due(&self, wanted: &Wanted) -> i64 {
        let life = self.life(wanted).await;
        life.map_or(0, |life| renew_at(life, spread(&wanted.name, life)))
    }

    /// From when to when the one that is kept is good; none where none is that can be shown.
    async fn life(&self, wanted: &Wanted) -> Option<Life> {
        let certificate = crate::model::Certificate {
            name: wanted.name.clone(),
            hosts: wanted.hosts.clone(),
            source: CertificateSource::Acme(wanted.acme.name.clone()),
        };
        let (engine, kept) = (self.engine.clone(), self.kept.load_full());
        kept.get(&wanted.name, KeptAs::Acme)?;
        // Another authority is asked at once.
        let by = match &mut self.writer.lock().await.store {
            Some(store) => store.issued_by(wanted.name.as_str()).await.ok().flatten(),
            None => None,
        };
        if by.is_some_and(|by| by != wanted.acme.directory.url()) {
            return None;
        }
        let look = move || tls::read_kept(&engine, &certificate, &kept).ok();
        let read = tokio::task::spawn_blocking(look).await.ok()??;
        let covers = |host| read.covers(super::obtain::bare(host).as_bytes());
        wanted.hosts.iter().all(covers).then(|| Life {
            not_before: read.not_before(),
            not_after: read.not_after,
        })
    }

    /// Tells how a try went, and answers when the next one is, where it failed.
    async fn told(
        &self,
        wanted: &Wanted,
        failures: &mut u32,
        done: Result<(), Failed>,
    ) -> Option<i64> {
        let (name, authority) = (wanted.name.as_str(), wanted.acme.name.as_str());
        let Err(failed) = done else {
            *failures = 0;
            self.renewals.board.done(name);
            self.renewals.board.tried(name);
            self.keep_renewal(name, None).await;
            tracing::info!("certificate {name} is new from authority {authority}");
            return None;
        };
        *failures = failures.saturating_add(1);
        let left = self.life(wanted).await.map(|life| {
            let left = u64::try_from(life.not_after.saturating_sub(unix_now()));
            Duration::from_secs(left.unwrap_or(0))
        });
        let pause = after_failure(*failures, said(&failed), left, rand::random());
        let pause = seconds(pause);
        let failed = FailedRenewal {
            failures: *failures,
            next_try: unix_now().saturating_add(pause),
            english: failed.words(Language::English),
            chinese: failed.words(Language::Chinese),
            wanted: wanted.words(),
        };
        let (why, minutes) = (&failed.english, pause / 60);
        tracing::warn!(
            "certificate {name} was not obtained from authority {authority}, and is tried again in {minutes} min: {why}"
        );
        self.renewals.board.failed(name, authority, &failed);
        self.renewals.board.tried(name);
        self.keep_renewal(name, Some(&failed)).await;
        Some(failed.next_try)
    }

    async fn keep_renewal(&self, name: &str, failed: Option<&FailedRenewal>) {
        let mut writer = self.writer.lock().await;
        // A disk that refuses costs no more than a try too early after a restart.
        if let Some(store) = &mut writer.store {
            let _ = store.keep_renewal(name, failed).await;
        }
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// What the authority said of a next try.
fn said(failed: &Failed) -> Said {
    let limited =
        matches!(&failed.trouble, Trouble::Refused { kind, .. } if kind.is("rateLimited"));
    match failed.retry_after {
        Some(asked) => Said::ToWaitFor(asked),
        None if limited => Said::ToWait,
        None => Said::Nothing,
    }
}

/// The same after every restart: 0 to 1, by the certificate.
fn spread(name: &crate::model::Name, life: Life) -> f64 {
    let digest = Sha256::digest(format!("{name} {}", life.not_after));
    f64::from(u16::from_be_bytes([digest[0], digest[1]])) / f64::from(u16::MAX)
}
