//! Debian's slowhttptest: clients that take as much time as they are given.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};

use rustix::process::{Resource, getrlimit, setrlimit};
use tempfile::TempDir;

use super::ports::local;

/// How they waste it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A head that never ends (slowloris).
    Headers,
    /// A body that never ends (R-U-Dead-Yet).
    Body,
    /// Hundreds of ranges that overlap (Apache killer).
    Range,
    /// An answer that is hardly taken.
    Read,
}

impl Mode {
    /// What is said of it on the command line. Whoever drips does it every second, so as not to look silent.
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Headers => &["-H", "-i", "1", "-x", "8"],
            Self::Body => &["-B", "-i", "1", "-x", "8", "-s", "8192"],
            Self::Range => &["-R", "-t", "GET", "-a", "1", "-b", "1000"],
            Self::Read => &["-X", "-w", "64", "-y", "128", "-n", "1", "-z", "1"],
        }
    }
}

/// One run of it. It ends with what it holds.
pub(crate) struct Attack {
    child: Child,
    said: TempDir,
}

impl Attack {
    /// So many connections to this port and path, opened within a few seconds, from 127.0.0.1.
    pub(crate) fn start(mode: Mode, connections: usize, port: u16, path: &str) -> Self {
        let said = tempfile::tempdir().unwrap();
        let out = File::create(said.path().join("out")).unwrap();
        let number = connections.to_string();
        // Each of those who read has some megabyte put into the kernel at once.
        let rate = match mode {
            Mode::Read => (connections / 5).max(1).to_string(),
            _ => number.clone(),
        };
        let child = Command::new("slowhttptest")
            .args(mode.arguments())
            // Longer than any of them is let live.
            .args(["-c", &number, "-r", &rate, "-l", "300", "-p", "60"])
            .args(["-u", &format!("http://{}{path}", local(port))])
            .current_dir(said.path())
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .expect("slowhttptest is installed: tests/install does it");
        Self { child, said }
    }

    /// Whether it has ended, which it does when none of its connections is left.
    pub(crate) fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
        if std::thread::panicking() {
            let text = fs::read_to_string(self.said.path().join("out")).unwrap_or_default();
            let last: Vec<&str> = text.lines().rev().take(12).collect();
            eprintln!(
                "--- slowhttptest said last, newest first ---\n{}",
                last.join("\n")
            );
        }
    }
}

/// Lets this process, and what it starts from now on, have as many descriptors as it may.
pub(crate) fn allow_descriptors(needed: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|most| most < needed) {
        panic!("{needed} descriptors are needed, {limit:?} are allowed: see ulimit -Hn");
    }
    if limit.current.is_some_and(|now| now < needed) {
        limit.current = limit.maximum;
        setrlimit(Resource::Nofile, limit).unwrap();
    }
}
