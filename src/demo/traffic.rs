//! Gentle traffic: a few clients that ask the demo site again and again and note who answered.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

/// Clients, each with a connection per request: four of them five times a second.
const CLIENTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(200);
/// Longest wait for an answer; later is a failed request.
const PATIENCE: Duration = Duration::from_secs(10);
/// What «lately» means in the table.
pub(super) const LATELY: Duration = Duration::from_secs(10);
/// Longest answer read; the toys' have a hundred bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// Who answered, and how it went.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Requests that were answered, by node.
    answered: BTreeMap<String, Answered>,
    /// Who answered lately, the oldest first.
    lately: VecDeque<(Instant, String)>,
    /// Requests with an answer, or given up.
    pub(super) requests: u64,
    /// Requests without a good answer.
    pub(super) failed: u64,
}

#[derive(Debug, Default)]
struct Answered {
    count: u64,
    time: Duration,
}

impl Tally {
    fn note(&mut self, now: Instant, took: Duration, node: Option<String>) {
        self.requests += 1;
        let Some(node) = node else {
            self.failed += 1;
            return;
        };
        let answered = self.answered.entry(node.clone()).or_default();
        answered.count += 1;
        answered.time += took;
        self.lately.push_back((now, node));
        while let Some((when, _)) = self.lately.front()
            && now.duration_since(*when) > LATELY
        {
            self.lately.pop_front();
        }
    }

    /// How many requests `node` has answered.
    pub(super) fn answered(&self, node: &str) -> u64 {
        self.answered.get(node).map_or(0, |answered| answered.count)
    }

    /// The part of the late requests that `node` answered, in percent.
    pub(super) fn lately(&self, node: &str) -> usize {
        let count = self.lately.iter().filter(|(_, who)| who == node).count();
        count * 100 / self.lately.len().max(1)
    }

    /// How long `node` took on average; none before it has answered.
    pub(super) fn mean(&self, node: &str) -> Option<Duration> {
        let answered = self.answered.get(node)?;
        Some(answered.time / u32::try_from(answered.count).ok()?)
    }
}

/// The clients. Dropping this ends them.
#[derive(Debug)]
pub(super) struct Traffic {
    tally: Arc<Mutex<Tally>>,
    // Held for its drop, which ends the clients.
    _clients: JoinSet<()>,
}

impl Traffic {
    /// Begins to ask `site` for `/app`.
    pub(super) fn start(site: SocketAddr) -> Self {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let first = Instant::now() + PAUSE * client / CLIENTS;
            clients.spawn(ask_again_and_again(site, first, Arc::clone(&tally)));
        }
        Self {
            tally,
            _clients: clients,
        }
    }

    /// What has been seen so far.
    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        lock(&self.tally)
    }
}

/// Counts are sound whatever a thread that held them did.
fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn ask_again_and_again(site: SocketAddr, first: Instant, tally: Arc<Mutex<Tally>>) {
    let mut ticks = tokio::time::interval_at(first, PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let began = Instant::now();
        let answer = tokio::time::timeout(PATIENCE, ask(site)).await;
        let node = answer.ok().and_then(Result::ok).flatten();
        lock(&tally).note(Instant::now(), began.elapsed(), node);
    }
}

/// Asks once; the node that answered 200, if one did.
async fn ask(site: SocketAddr) -> std::io::Result<Option<String>> {
    let mut stream = TcpStream::connect(site).await?;
    let request = format!(
        "GET /app HTTP/1.1\r\nHost: {site}\r\nUser-Agent: steelyard-demo\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    Ok(who_answered(&String::from_utf8_lossy(&answer)))
}

fn who_answered(answer: &str) -> Option<String> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?;
    let node = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("x-node"))?;
    (status == "200").then(|| node.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{LATELY, Tally, who_answered};

    #[test]
    fn only_a_whole_good_answer_counts() {
        let node = |answer| who_answered(answer);
        let good = "HTTP/1.1 200 OK\r\nx-node: fast\r\n\r\nfast";
        assert_eq!(node(good).as_deref(), Some("fast"));
        assert_eq!(node("HTTP/1.1 500 Oh\r\nX-Node: fast\r\n\r\n"), None);
        assert_eq!(node("HTTP/1.1 503 Oh\r\n\r\n"), None);
        assert_eq!(node("HTTP/1.1 200 OK\r\nX-No"), None);
        assert_eq!(node(""), None);
    }

    #[test]
    fn lately_forgets_what_is_long_ago() {
        let mut tally = Tally::default();
        let start = Instant::now();
        let second = Duration::from_secs(1);
        for _ in 0..3 {
            tally.note(start, second, Some("slow".into()));
        }
        tally.note(start + second, second * 3, Some("fast".into()));
        assert_eq!((tally.lately("slow"), tally.lately("fast")), (75, 25));
        tally.note(start + LATELY + second, second, Some("fast".into()));
        tally.note(start + LATELY + second, second, None);
        assert_eq!((tally.lately("slow"), tally.lately("fast")), (0, 100));
        assert_eq!((tally.answered("slow"), tally.answered("fast")), (3, 2));
        assert_eq!(tally.mean("fast"), Some(second * 2));
        assert_eq!(tally.mean("none"), None);
        assert_eq!((tally.requests, tally.failed), (6, 1));
    }
}
