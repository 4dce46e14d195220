//! The log store as a whole: what goes in is found again, whatever the disk and the clock do.

mod age;
mod bytes;
mod searches;
mod troubles;
mod ways;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, UNIX_EPOCH};

use super::catalog::Catalog;
use super::encode::{Batch, Packet};
use super::filter::Filter;
use super::keeper::Keeper;
use super::search::{Page, RecordId, search};
use super::trouble::Trouble;
use crate::logs::Record;
use crate::model::LogStore;

/// Microseconds since 1970 of the first record of a test: the begin of a minute in 2026.
const BEGIN: u64 = 1_794_999_960_000_000;

const SECOND: u64 = 1_000_000;

/// As large as by default, and no record too old, whenever the test runs.
const AGELESS: LogStore = LogStore {
    on: true,
    max_size: 1 << 30,
    max_age: Duration::from_secs(36_600 * 86_400),
};

/// A store without its thread: what it does, it does at once.
struct Store {
    catalog: Catalog,
    keeper: Option<Keeper>,
    lost: Arc<AtomicU64>,
}

impl Store {
    fn in_folder(folder: &Path) -> Self {
        Self::keeping(folder, AGELESS)
    }

    fn keeping(folder: &Path, wanted: LogStore) -> Self {
        let (catalog, lost) = (Catalog::of(folder), Arc::default());
        let keeper = Keeper::new(
            catalog.clone(),
            wanted,
            Trouble::new(Arc::clone(&lost), Arc::default()),
            Default::default(),
        );
        Self {
            catalog,
            keeper: Some(keeper),
            lost,
        }
    }

    fn keeper(&mut self) -> &mut Keeper {
        self.keeper.as_mut().unwrap()
    }

    /// Takes records as a worker would leave them.
    fn take(&mut self, records: &[Record<'_>]) {
        let packet = packet(records);
        self.keeper().take(packet);
    }

    fn close(&mut self) {
        self.keeper.take().unwrap().close();
    }

    /// The first page.
    fn search(&mut self, filter: &Filter) -> Page {
        if let Some(keeper) = &mut self.keeper {
            keeper.flush();
        }
        search(&self.catalog, filter, 200, None)
    }

    /// All pages: the ids found, in their order, and how many pages there were.
    fn all(&mut self, filter: &Filter, limit: usize) -> (Vec<RecordId>, usize) {
        self.keeper().flush();
        let (mut ids, mut before, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = search(&self.catalog, filter, limit, before);
            pages += 1;
            ids.extend(page.records.iter().map(|found| found.id));
            before = page.next;
            if before.is_none() {
                return (ids, pages);
            }
        }
    }
}

fn packet(records: &[Record<'_>]) -> Packet {
    let mut batch = Batch::default();
    for record in records {
        batch.append(record);
    }
    batch.take()
}

/// A record so many microseconds after [`BEGIN`].
fn at(micros: u64) -> Record<'static> {
    Record {
        time: UNIX_EPOCH + Duration::from_micros(BEGIN + micros),
        client_ip: IpAddr::from([192, 0, 2, 1]),
        ..Record::example()
    }
}

/// What the JSON of a page says under `key`.
fn values(page: &Page, key: &str) -> Vec<String> {
    let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
    let of = |json: &str| match &value(json)[key] {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    page.records.iter().map(|found| of(&found.json)).collect()
}
