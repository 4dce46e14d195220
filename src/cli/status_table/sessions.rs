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
    /// Bytes of all of them, and the most there may be.
    memory: u64,
    max_memory: u64,
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
        let state = if self.open { "open" } else { "not open" };
        let memory = format!(
            "{} of {}",
            mebibytes(self.memory),
            mebibytes(self.max_memory)
        );
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
