//! The session store in a line.

use serde::Deserialize;

use super::{align, row};

/// The session store as `status --json` tells it.
#[derive(Debug, Deserialize)]
pub(super) struct Sessions {
    address: String,
    open: bool,
    /// What keeps them.
    store: String,
    connections: u64,
    /// Bytes of all of them, and the most there may be; 0 is any number.
    memory: u64,
    max_memory: u64,
    /// Whether it takes writes: its disk works, or its Redis answers.
    writable: bool,
    databases: Vec<Database>,
}

#[derive(Debug, Deserialize)]
struct Database {
    keys: u64,
}

impl Sessions {
    /// Its line, under its heads.
    pub(super) fn table(&self) -> String {
        let keys: u64 = self.databases.iter().map(|one| one.keys).sum();
        let state = match (self.open, self.writable, self.store.as_str()) {
            (false, ..) => "not open",
            (true, true, _) => "open",
            (true, false, "redis") => "no answer",
            (true, false, _) => "no writes",
        };
        let memory = match self.max_memory {
            0 => mebibytes(self.memory),
            most => format!("{} of {}", mebibytes(self.memory), mebibytes(most)),
        };
        let heads = [
            "SESSIONS",
            "ADDRESS",
            "STATE",
            "KEYS",
            "MEMORY",
            "CONNECTIONS",
        ];
        let line: [&str; 6] = [
            &self.store,
            &self.address,
            state,
            &keys.to_string(),
            &memory,
            &self.connections.to_string(),
        ];
        align(&[row(heads), row(line)], &[3, 4, 5])
    }
}

/// `3.1 MiB`, in whole tenths.
fn mebibytes(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 20;
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}
