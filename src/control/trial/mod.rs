//! Trying an address: what its pool's check would do, once, in front of whoever asked. Off the
//! data plane, bounded in time and number, and only to where a node may be.

mod allowed;
mod heard;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::{Control, Handle};
use crate::balance::{CheckResult, Unresolved};
use crate::health::{self, Asked};
use crate::model::{
    CheckKind, Expect, HeaderName, HeaderValue, HealthCheck, HttpCheck, NodeAddress, Pool,
    ProxyProtocol, Way,
};
use crate::snapshot::Snapshot;
use crate::tls::ToNode;

pub use allowed::Barred;
pub use heard::Heard;

/// Limit: tried at once, over everybody; who waits longer than `PATIENCE` is told to come back.
const AT_ONCE: usize = 50;
const PATIENCE: Duration = Duration::from_secs(10);

/// Limit: in the long run one in so long; `BURST` of them may come together.
const EVERY: Duration = Duration::from_millis(100);
const BURST: u32 = 300;

/// Limit: longest time of one, whatever the check allows. A look-up takes 2 s beside it.
const LONGEST: Duration = Duration::from_secs(5);

/// Limit: longest time of one that asks as a visitor.
const VISIT: Duration = Duration::from_secs(3);

/// What is to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// A node as it is configured.
    Node {
        /// Its pool's name.
        pool: String,
        /// Its name.
        node: String,
    },
    /// An address as if it were a node of this pool.
    Address {
        /// Where.
        address: NodeAddress,
        /// The pool's name.
        pool: String,
    },
    /// A node as a visitor of the site `host` asks it through us: for `/`.
    Visit {
        /// Its pool's name.
        pool: String,
        /// Its name.
        node: String,
        /// The name that the visitor asks for.
        host: String,
        /// Whether the visitor came by HTTPS.
        by_https: bool,
    },
    /// An address by a check that nothing uses yet.
    Check {
        /// Where.
        address: NodeAddress,
        /// How. It names its Host itself.
        check: Box<HealthCheck>,
    },
}

/// What a trial found.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The address as it was given.
    pub address: NodeAddress,
    /// What the check says of it.
    pub result: CheckResult,
    /// How long connecting took; none where it was not connected.
    pub connected: Option<Duration>,
    /// Whether the check only connects; then it was asked for `/` beside it, and every answer
    /// is a good one.
    pub only_connects: bool,
    /// What was said on both sides.
    pub heard: Heard,
}

/// Why nothing was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrialFault {
    /// No node may be there.
    #[error("{0}")]
    Barred(Barred),
    /// There is no such pool or node.
    #[error("there is no such pool or node")]
    NotFound,
    /// Too many are being tried.
    #[error("too many addresses were tried in a short time: try again in a moment")]
    TooMany,
    /// The program is stopping.
    #[error("the trial was broken off")]
    BrokenOff,
}

/// How many may be tried.
#[derive(Debug)]
pub(super) struct Trials {
    places: Arc<Semaphore>,
    /// When the last one would have been, had they come evenly.
    even: Mutex<Instant>,
}

impl Default for Trials {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            even: Mutex::new(Instant::now()),
        }
    }
}

impl Trials {
    /// Whether one more may be tried now.
    fn admit(&self, now: Instant) -> bool {
        let mut even = self.even.lock().unwrap_or_else(PoisonError::into_inner);
        let next = (*even).max(now) + EVERY;
        let admitted = next <= now + EVERY * BURST;
        if admitted {
            *even = next;
        }
        admitted
    }
}

/// What is asked, of whom.
struct Question {
    address: NodeAddress,
    check: HealthCheck,
    tls: Option<Arc<ToNode>>,
    proxy_protocol: ProxyProtocol,
    host: Option<String>,
    only_connects: bool,
}

impl Handle {
    /// Tries an address once.
    ///
    /// # Errors
    /// Why nothing was tried.
    pub async fn trial(&self, trial: Trial) -> Result<Tried, TrialFault> {
        let control = self.control.clone();
        let work = async move { control.trial(trial).await };
        let done = self.runtime.spawn(work).await;
        done.unwrap_or(Err(TrialFault::BrokenOff))
    }

    /// Tries several at once; the answers in the order given.
    pub async fn trials(&self, trials: Vec<Trial>) -> Vec<Result<Tried, TrialFault>> {
        let mut running = JoinSet::new();
        let mut found: Vec<_> = trials.iter().map(|_| Err(TrialFault::BrokenOff)).collect();
        for (i, trial) in trials.into_iter().enumerate() {
            let control = self.control.clone();
            let work = async move { (i, control.trial(trial).await) };
            running.spawn_on(work, &self.runtime);
        }
        while let Some(done) = running.join_next().await {
            if let Ok((i, tried)) = done
                && let Some(place) = found.get_mut(i)
            {
                *place = tried;
            }
        }
        found
    }
}

impl Control {
    async fn trial(&self, trial: Trial) -> Result<Tried, TrialFault> {
        let question = {
            let now = self.now.load();
            question(&now.snapshot, trial).ok_or(TrialFault::NotFound)?
        };
        if !self.trials.admit(Instant::now()) {
            return Err(TrialFault::TooMany);
        }
        let places = Arc::clone(&self.trials.places);
        let place = timeout(PATIENCE, places.acquire_owned()).await;
        let Ok(Ok(_place)) = place else {
            return Err(TrialFault::TooMany);
        };
        let (addresses, unresolved) = match question.address.way() {
            Way::Ip(address) => (vec![address], Unresolved::NotFound),
            Way::Name { .. } => match health::look_up(&question.address).await {
                Ok(found) => (found, Unresolved::NotFound),
                Err(why) => (Vec::new(), why),
            },
            Way::Unix(path) => {
                allowed::path(path, &self.dir).await?;
                (Vec::new(), Unresolved::NotFound)
            }
        };
        // What is looked at here is what is connected to: no second look-up can say otherwise.
        let port = question.check.port;
        let panel = self.door.local_address();
        let store = self.parts.sessions.as_ref().and_then(|port| port.address());
        let own = (panel, store.map(|(address, _)| address));
        for address in &addresses {
            let mut address = *address;
            if let Some(port) = port {
                address.set_port(port.get());
            }
            allowed::address(address, own)?;
        }
        let asked = Asked {
            check: &question.check,
            node: &question.address,
            tls: question.tls.as_deref(),
            proxy_protocol: question.proxy_protocol,
            host: question.host.as_deref(),
            silent: false,
        };
        let (result, exchange) = health::try_once(asked, &addresses, unresolved).await;
        Ok(Tried {
            address: question.address,
            result,
            connected: exchange.connected,
            only_connects: question.only_connects,
            heard: Heard::of(&exchange),
        })
    }
}

/// What `trial` asks; none where its pool or node is not there.
fn question(snapshot: &Snapshot, trial: Trial) -> Option<Question> {
    let pools = &snapshot.config.pools;
    let named = |name: &str| pools.iter().find(|pool| pool.name.as_str() == name);
    let of_node = |pool: &str, node: &str| {
        let pool = named(pool)?;
        let mut nodes = pool.nodes.iter();
        let node = nodes.find(|found| found.name.as_str() == node)?;
        Some(of_pool(snapshot, pool, node.address.clone()))
    };
    match trial {
        Trial::Node { pool, node } => of_node(&pool, &node),
        Trial::Visit {
            pool,
            node,
            host,
            by_https,
        } => Some(Question {
            check: visit(by_https),
            host: Some(host),
            only_connects: false,
            ..of_node(&pool, &node)?
        }),
        Trial::Address { address, pool } => Some(of_pool(snapshot, named(&pool)?, address)),
        Trial::Check { address, check } => {
            let host = match &check.kind {
                CheckKind::Http(http) => http.host.as_ref().map(|host| host.as_str().to_owned()),
                CheckKind::Tcp => None,
            };
            Some(with_question(address, *check, host))
        }
    }
}

fn of_pool(snapshot: &Snapshot, pool: &Pool, address: NodeAddress) -> Question {
    let host = snapshot.config.check_host(pool);
    let host = host.or_else(|| pool.host.as_ref().map(|host| host.as_str().to_owned()));
    let tls = pool.tls.as_ref().filter(|_| !address.is_unix());
    let tls = tls.map(|tls| snapshot.authorities.to_node(tls, &address));
    let check = pool.health_check.clone().unwrap_or_default();
    Question {
        tls,
        proxy_protocol: pool.proxy_protocol,
        ..with_question(address, check, host)
    }
}

/// What a visitor asks for. Every redirect and refusal is told by its cause.
fn visit(by_https: bool) -> HealthCheck {
    let proto = if by_https { "https" } else { "http" };
    let field = HeaderName::parse("X-Forwarded-Proto").ok();
    let field = field.zip(HeaderValue::parse(proto).ok());
    HealthCheck {
        kind: CheckKind::Http(HttpCheck {
            headers: field.into_iter().collect(),
            expect: Expect { from: 200, to: 299 },
            ..HttpCheck::default()
        }),
        timeout: VISIT,
        ..HealthCheck::default()
    }
}

/// A check that only connects tells nothing of who is there: so that is asked too.
fn with_question(address: NodeAddress, mut check: HealthCheck, host: Option<String>) -> Question {
    let only_connects = check.kind == CheckKind::Tcp;
    if only_connects {
        check.kind = CheckKind::Http(HttpCheck {
            expect: Expect { from: 200, to: 599 },
            ..HttpCheck::default()
        });
        check.timeout = check.timeout.max(Duration::from_secs(2));
    }
    check.timeout = check.timeout.min(LONGEST);
    Question {
        address,
        check,
        tls: None,
        proxy_protocol: ProxyProtocol::Off,
        host,
        only_connects,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{BURST, EVERY, Trials};

    #[test]
    fn so_many_may_come_together_and_then_one_in_so_long() {
        let trials = Trials::default();
        let now = Instant::now() + Duration::from_secs(60);
        let admitted = (0..BURST + 50).filter(|_| trials.admit(now)).count();
        assert_eq!(admitted, usize::try_from(BURST).unwrap());
        assert!(!trials.admit(now + EVERY / 2));
        assert!(trials.admit(now + EVERY));
        assert!(!trials.admit(now + EVERY));
        assert!(trials.admit(now + EVERY * 2 * BURST));
    }
}
