//! This process as Linux tells of it, as far as the service's rules let it be seen.

use std::fs;

use rustix::process::{Resource, getrlimit};

use super::apart;

/// What this process has and may have.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    /// Descriptors open, and most there may be; none is any.
    pub(super) descriptors: (Option<u64>, Option<u64>),
    /// Bytes of memory in use.
    pub(super) memory: Option<u64>,
    pub(super) threads: Option<u64>,
    /// Connections that the kernel keeps waiting for one listener at most.
    pub(super) backlog: Option<u64>,
}

impl Process {
    pub(super) async fn look() -> Self {
        apart(Self::read).await.unwrap_or_default()
    }

    fn read() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let open = fs::read_dir("/proc/self/fd").map(Iterator::count);
        let backlog = fs::read_to_string("/proc/sys/net/core/somaxconn");
        Self {
            // The folder itself is open while it is counted.
            descriptors: (
                open.ok()
                    .and_then(|n| u64::try_from(n.saturating_sub(1)).ok()),
                getrlimit(Resource::Nofile).current,
            ),
            memory: number(&status, "VmRSS:").map(|kib| kib * 1024),
            threads: number(&status, "Threads:"),
            backlog: backlog.ok().and_then(|text| text.trim().parse().ok()),
        }
    }
}

/// The number behind a word of /proc/self/status.
fn number(status: &str, word: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(word))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Process, number};

    #[test]
    fn this_process_is_seen() {
        let seen = Process::read();
        assert!(seen.descriptors.0.is_some_and(|open| open > 2), "{seen:?}");
        assert!(seen.memory.is_some_and(|bytes| bytes > 1 << 20), "{seen:?}");
        assert!(seen.threads.is_some_and(|threads| threads > 0), "{seen:?}");
        assert_eq!(number("Name:\ta\nVmRSS:\t  12 kB\n", "VmRSS:"), Some(12));
        assert_eq!(number("", "VmRSS:"), None);
    }
}
