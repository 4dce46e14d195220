//! What is measured: Steelyard and its peers, each on one worker, with the same three nodes, the
//! same headers to them and an access log.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::peers::{self, Place};

/// Each subject, by the name it has in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Steelyard,
    SteelyardNoLog,
    /// With the log store on.
    SteelyardStore,
    /// Among many pools, sites and routes.
    SteelyardCrowd,
    /// Under callgrind, for `--count`.
    Counted,
    /// The same with the log store on.
    CountedStore,
    Nginx,
    NginxTuned,
    Haproxy,
    HaproxySplice,
    H2o,
    Relay,
    SteelyardTls,
    NginxTls,
    NginxTunedTls,
    HaproxyTls,
    /// The session store alone, with one worker.
    Sessions,
    /// With two, on both cores.
    SessionsTwo,
    /// Which answers writes when they are on disk.
    SessionsAlways,
    Redis,
    RedisAlways,
}

impl Kind {
    /// All, the first being what the others are compared with.
    pub(crate) const ALL: [Self; 8] = [
        Self::Steelyard,
        Self::SteelyardNoLog,
        Self::Nginx,
        Self::NginxTuned,
        Self::Haproxy,
        Self::HaproxySplice,
        Self::H2o,
        Self::Relay,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Steelyard => "steelyard",
            Self::SteelyardNoLog => "steelyard, no log",
            Self::SteelyardStore => "steelyard, store",
            Self::SteelyardCrowd => "steelyard, crowd",
            Self::Counted => "steelyard, counted",
            Self::CountedStore => "store, counted",
            Self::Nginx => "nginx",
            Self::NginxTuned => "nginx tuned",
            Self::Haproxy => "haproxy",
            Self::HaproxySplice => "haproxy splice",
            Self::H2o => "h2o",
            Self::Relay => "byte relay",
            Self::SteelyardTls => "steelyard, tls",
            Self::NginxTls => "nginx, tls",
            Self::NginxTunedTls => "nginx tuned, tls",
            Self::HaproxyTls => "haproxy, tls",
            Self::Sessions => "sessions",
            Self::SessionsTwo => "sessions, two workers",
            Self::SessionsAlways => "sessions, always",
            Self::Redis => "redis",
            Self::RedisAlways => "redis, always",
        }
    }

    /// Whether it serves files.
    pub(crate) fn has_files(self) -> bool {
        !matches!(self, Self::Haproxy | Self::HaproxySplice | Self::Relay)
    }
}

/// One running subject, pinned to the first core. Ended when dropped.
pub(crate) struct Subject {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    /// From its start until it listened.
    pub(crate) start_up: Duration,
    child: Child,
    dir: PathBuf,
}

/// Routes, sites and pools beside the one that is asked; for W7.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Crowd {
    pub(crate) pools: usize,
    pub(crate) routes: usize,
}

impl Subject {
    /// Starts `kind` in `dir` on a free port and waits until it answers there.
    pub(crate) fn start(kind: Kind, dir: &Path, nodes: &[u16], crowd: Crowd) -> io::Result<Self> {
        let dir = dir.join(kind.name().replace([' ', ','], "-"));
        fs::create_dir_all(&dir)?;
        let port = free_port()?;
        let place = Place {
            dir: &dir,
            port,
            nodes,
        };
        let ours = |log, store| {
            let on = peers::On {
                log,
                store,
                tls: false,
            };
            peers::steelyard(&place, on, crowd)
        };
        let over_tls = peers::On {
            log: "access.log",
            store: false,
            tls: true,
        };
        let mut command = match kind {
            Kind::Steelyard | Kind::SteelyardCrowd => ours("access.log", false)?,
            Kind::SteelyardStore => ours("access.log", true)?,
            Kind::SteelyardNoLog => ours("", false)?,
            Kind::Counted => peers::counted(&ours("access.log", false)?),
            Kind::CountedStore => peers::counted(&ours("access.log", true)?),
            Kind::SteelyardTls => peers::steelyard(&place, over_tls, crowd)?,
            Kind::Nginx => peers::nginx(&place, false, false)?,
            Kind::NginxTuned => peers::nginx(&place, true, false)?,
            Kind::NginxTls => peers::nginx(&place, false, true)?,
            Kind::NginxTunedTls => peers::nginx(&place, true, true)?,
            Kind::Haproxy => peers::haproxy(&place, "", false)?,
            Kind::HaproxySplice => peers::haproxy(&place, "    option splice-auto\n", false)?,
            Kind::HaproxyTls => peers::haproxy(&place, "", true)?,
            Kind::H2o => peers::h2o(&place)?,
            Kind::Relay => peers::relay(&place)?,
            Kind::Sessions => peers::sessions(&place, 1, "everysec")?,
            Kind::SessionsTwo => peers::sessions(&place, 2, "everysec")?,
            Kind::SessionsAlways => peers::sessions(&place, 1, "always")?,
            Kind::Redis => peers::redis(&place, "everysec"),
            Kind::RedisAlways => peers::redis(&place, "always"),
        };
        let begin = Instant::now();
        let said = File::create(dir.join("said.txt"))?;
        let child = command
            .current_dir(&dir)
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()
            .map_err(|error| io::Error::other(format!("{}: {error}", kind.name())))?;
        let mut subject = Self {
            kind,
            port,
            start_up: Duration::ZERO,
            child,
            dir,
        };
        subject.wait()?;
        subject.start_up = begin.elapsed();
        Ok(subject)
    }

    fn wait(&mut self) -> io::Result<()> {
        for _ in 0..30_000 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                let said = fs::read_to_string(self.dir.join("said.txt"))?;
                let name = self.kind.name();
                return Err(io::Error::other(format!(
                    "{name} ended with {status}: {said}"
                )));
            }
            thread::park_timeout(Duration::from_millis(1));
        }
        Err(io::Error::other(format!(
            "{} does not listen",
            self.kind.name()
        )))
    }

    /// Ends it as an operator would, and tells where its files are.
    pub(crate) fn stop(mut self) -> io::Result<PathBuf> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.child.wait()?;
        Ok(self.dir.clone())
    }

    /// Where its files are.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its processes.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mut all = vec![self.child.id()];
        let mut at = 0;
        while at < all.len() {
            let pid = all[at];
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let children = children.unwrap_or_default();
            all.extend(
                children
                    .split_whitespace()
                    .filter_map(|c| c.parse::<u32>().ok()),
            );
            at += 1;
        }
        all
    }

    /// CPU time that all its threads have used so far, user and system, in nanoseconds.
    pub(crate) fn cpu(&self) -> u64 {
        self.cpu_of("")
    }

    /// The same of the threads whose name begins so.
    pub(crate) fn cpu_of(&self, thread: &str) -> u64 {
        let tasks = self.processes().into_iter().flat_map(|pid| {
            let tasks = fs::read_dir(format!("/proc/{pid}/task"));
            tasks
                .into_iter()
                .flatten()
                .flatten()
                .map(|task| task.path())
        });
        let used = |task: PathBuf| -> Option<u64> {
            if !thread.is_empty() {
                let name = fs::read_to_string(task.join("comm")).ok()?;
                name.starts_with(thread).then_some(())?;
            }
            let text = fs::read_to_string(task.join("schedstat")).ok()?;
            text.split(' ').next()?.parse().ok()
        };
        tasks.filter_map(used).sum()
    }

    /// The same with the children that have ended, which wrote files anew: these in clock ticks.
    pub(crate) fn cpu_with_ended(&self) -> u64 {
        const TICK: u64 = 10_000_000;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.unwrap_or_default();
        let words = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ended = words.split_whitespace().skip(13).take(2);
        let ticks: u64 = ended.filter_map(|word| word.parse::<u64>().ok()).sum();
        self.cpu() + ticks * TICK
    }

    /// Its memory once files are written and nothing moves any more, in KiB.
    pub(crate) fn settled_memory(&self) -> u64 {
        let mut before = 0;
        for _ in 0..60 {
            thread::park_timeout(Duration::from_millis(500));
            let now = self.memory();
            if now.abs_diff(before) < now / 200 && self.processes().len() == 1 {
                return now;
            }
            before = now;
        }
        before
    }

    /// How much of that was spent in its own code and how much in the kernel, in clock ticks: coarse,
    /// good for a part of the whole over many rounds.
    pub(crate) fn ticks(&self) -> (u64, u64) {
        let of = |pid: u32| -> Option<(u64, u64)> {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name, in brackets, may hold anything.
            let (_, rest) = stat.rsplit_once(')')?;
            let mut words = rest.split_whitespace().skip(11);
            let user = words.next()?.parse().ok()?;
            Some((user, words.next()?.parse().ok()?))
        };
        let each = self.processes().into_iter().filter_map(of);
        each.fold((0, 0), |all, (user, system)| (all.0 + user, all.1 + system))
    }

    /// Memory of its own that all its processes hold, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let private = |pid: u32| -> u64 {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
            let rollup = rollup.unwrap_or_default();
            let lines = rollup.lines().filter(|l| l.starts_with("Private_Dirty:"));
            let values = lines.filter_map(|l| l.split_whitespace().nth(1)?.parse::<u64>().ok());
            values.sum()
        };
        self.processes().into_iter().map(private).sum()
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // The master first, so that it starts no new worker.
        for pid in self.processes() {
            let pid = i32::try_from(pid)
                .ok()
                .and_then(rustix::process::Pid::from_raw);
            let Some(pid) = pid else { continue };
            // Gone already is as good.
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        let _ended = self.child.wait();
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
