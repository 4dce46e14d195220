//! How long the session store takes to answer, asked over its port once a second while somebody looks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::caller::Caller;
use crate::control::{Control, Handle};

/// Between two questions.
const EVERY: Duration = Duration::from_secs(1);

/// Nobody has looked for so long: nobody does.
const UNSEEN: Duration = Duration::from_secs(5);

/// What takes longer is no answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was found last.
#[derive(Debug, Default)]
pub(in crate::control) struct Pulse(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    looked: Option<Instant>,
    found: Option<Duration>,
    /// Whether somebody asks the store.
    beats: bool,
}

impl Pulse {
    fn state(&self) -> MutexGuard<'_, State> {
        // Three facts of their own, none of them half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was found last; from the second look on there is something.
    pub(super) fn look(&self, handle: &Handle) -> Option<Duration> {
        let mut state = self.state();
        state.looked = Some(Instant::now());
        if !state.beats {
            state.beats = true;
            state.found = None;
            let control = Arc::downgrade(&handle.control);
            handle.runtime.spawn(beat(control, handle.runtime.clone()));
        }
        state.found
    }

    /// Notes what was found; says whether somebody still looks.
    fn note(&self, found: Option<Duration>) -> bool {
        let mut state = self.state();
        let seen = state.looked.is_some_and(|at| at.elapsed() < UNSEEN);
        state.found = found.filter(|_| seen);
        state.beats = seen;
        seen
    }
}

async fn beat(control: Weak<Control>, runtime: tokio::runtime::Handle) {
    let mut caller = None;
    loop {
        let Some(control) = control.upgrade() else {
            return;
        };
        let handle = Handle {
            control,
            runtime: runtime.clone(),
        };
        let asked = timeout(PATIENCE, answered(&handle, &mut caller)).await;
        let found = asked.ok().flatten();
        if found.is_none() {
            caller = None;
        }
        if !handle.control.pulse.note(found) {
            return;
        }
        drop(handle);
        sleep(EVERY).await;
    }
}

/// How long an answer took, over the connection there is or a new one.
async fn answered(handle: &Handle, caller: &mut Option<Caller>) -> Option<Duration> {
    // Also where there is a connection: the store may be off by now.
    let entry = handle.session_entry(0)?;
    if caller.is_none() {
        let stream = Caller::connect(entry.address).await.ok()?;
        let mut new = match entry.has_tls {
            true => Caller::secured(stream).await.ok()?,
            false => Caller::plain(stream),
        };
        new.ask(&["AUTH", &entry.password.ok()?]).await.ok()?;
        *caller = Some(new);
    }
    let began = Instant::now();
    caller.as_mut()?.ask(&["PING"]).await.ok()?;
    Some(began.elapsed())
}
