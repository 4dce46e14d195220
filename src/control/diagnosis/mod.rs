//! What is with this instance and the machine below it: everything that an operator looks at
//! first when something is wrong, looked at at once, with what to do about it.
//!
//! Looking and judging are apart: each file here gathers facts and has pure functions that say
//! what they mean. Nothing of it is on the way of a request. Every area has its own time, so
//! that a disk or a name server that hangs takes only its own answer.

mod certificates;
mod clock;
mod disk;
mod django;
mod finding;
mod instance;
mod limits;
mod names;
mod nodes;
mod ports;
mod process;
mod sessions;
mod visits;

use std::time::{Duration, Instant, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Handle;
use crate::model::{Language, words};

pub use finding::{Area, Diagnosis, Finding, Verdict};

use finding::Said;

/// Limit: how long one area may take. Names take 2 s, nodes are tried in 7 at most.
const LONGEST: Duration = Duration::from_secs(8);

/// What is remembered for diagnoses.
#[derive(Debug)]
pub(super) struct Diagnoses {
    /// One at a time; who comes meanwhile waits.
    turn: tokio::sync::Mutex<()>,
    /// When this life began, by the clock and by how long the machine had been up.
    began: SystemTime,
    uptime: Duration,
}

impl Default for Diagnoses {
    fn default() -> Self {
        Self {
            turn: tokio::sync::Mutex::default(),
            began: SystemTime::now(),
            uptime: uptime(),
        }
    }
}

/// How long the machine is up, sleep included: no clock that somebody sets.
fn uptime() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::try_from(now).unwrap_or_default()
}

impl Handle {
    /// Looks at everything. On a stopped instance as far as that goes: its nodes are asked once, as its
    /// checks would.
    pub async fn diagnose(&self, language: Language) -> Diagnosis {
        let handle = self.clone();
        let look = async move { handle.look(language).await };
        let done = self.runtime.spawn(look).await;
        done.unwrap_or_else(|_| Diagnosis::new(language, self.control.running))
    }

    async fn look(&self, language: Language) -> Diagnosis {
        let _turn = self.control.diagnoses.turn.lock().await;
        let began = Instant::now();
        // Nodes are asked once for several areas.
        let visits = async {
            let visits = timeout(LONGEST, self.visits()).await;
            visits.unwrap_or_default()
        };
        let within = |area, look| within(language, area, look);
        let (ports, names, disk, folders, visits) = tokio::join!(
            within(Area::Ports, Box::pin(self.ports(language))),
            within(Area::Names, Box::pin(self.names(language))),
            within(Area::Disk, Box::pin(self.disk(language))),
            self.static_folders(language),
            visits,
        );
        let limits = Box::pin(self.limits(language));
        let clock = Box::pin(self.clock(language, &visits));
        let (limits, clock) =
            tokio::join!(within(Area::Limits, limits), within(Area::Clock, clock));
        let mut found = Diagnosis::new(language, self.control.running);
        let last_words = self.control.parts.last_words.lines();
        found.findings = [
            self.instance(language, &last_words),
            ports,
            names,
            clock,
            disk,
            limits,
            self.nodes(language, &visits),
            self.session_store(language),
            self.judged_certificates(language),
            folders,
            self.django(language, &visits),
        ]
        .concat();
        found.log = last_words;
        found.took = began.elapsed();
        found
    }
}

type Look<'h> = std::pin::Pin<Box<dyn Future<Output = Vec<Finding>> + Send + 'h>>;

/// What is found of an area, or that it took too long.
async fn within(language: Language, area: Area, look: Look<'_>) -> Vec<Finding> {
    let seconds = LONGEST.as_secs();
    timeout(LONGEST, look).await.unwrap_or_else(|_| {
        let said = Said::warn(
            words!(language, "could not be looked at within {seconds} s", "{seconds} 秒内未能查看"),
            words!(
                language,
                "something below it hangs: look at the disk, at mounts over the network and at name servers",
                "其下层有东西卡住：请检查磁盘、网络挂载和域名服务器"
            ),
        );
        vec![said.of(area, area.text(language))]
    })
}

/// Does `look` where it may wait for the disk.
async fn apart<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    spawn_blocking(look).await.ok()
}
