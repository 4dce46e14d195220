//! Control on real files, without a data plane.

mod change;
mod edit_part;
mod history;
mod nodes;
mod secrets;
mod sockets;
mod start;

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::{Applied, Apply, ChangeError, Control, Handle, NodeEdit, Parts, Started};
use crate::balance::Registry;
use crate::document::Format;
use crate::metrics::Metrics;
use crate::store::Lock;
use crate::systemd::Systemd;

async fn start(dir: &Path) -> Handle {
    let parts = Parts {
        registry: Arc::new(Registry::new()),
        metrics: Arc::new(Metrics::new()),
        data_plane: None,
        sessions: None,
        records: None,
        systemd: Systemd::default(),
        last_words: crate::logs::LastWords::default(),
    };
    let loaded = Control::load(dir, Lock::take(dir).unwrap()).await;
    Control::start(loaded, parts).await
}

async fn offline(dir: &Path) -> Handle {
    Control::offline(dir, Lock::take(dir).unwrap()).await
}

/// Ends it as a stop does: the lock is free afterwards.
async fn stop(handle: Handle) {
    handle.close().await;
    assert_eq!(Arc::strong_count(&handle.control), 1);
}

fn document(weight: u16) -> String {
    format!(
        "version = 1
         [[listeners]]
         name = \"http\"
         address = \"127.0.0.1:8080\"
         [[pools]]
         name = \"django\"
         health_check = \"off\"
         nodes = [
             {{ name = \"web-1\", address = \"127.0.0.1:8001\", weight = {weight} }},
             {{ name = \"web-2\", address = \"127.0.0.1:8002\" }},
         ]"
    )
}

fn applying(text: &str) -> Apply {
    Apply {
        text: text.to_owned(),
        format: Format::Toml,
        if_revision: None,
        dry_run: false,
        author: "a test".to_owned(),
    }
}

async fn apply(handle: &Handle, weight: u16) -> Result<Applied, ChangeError> {
    handle.apply(applying(&document(weight))).await
}

fn edit() -> NodeEdit {
    NodeEdit {
        dry_run: false,
        pool: "django".to_owned(),
        node: "web-1".to_owned(),
        weight: None,
        state: None,
        if_revision: None,
        author: "a test".to_owned(),
    }
}

/// A stopped instance with revisions 1 to `n`, of weights 1 to `n`.
async fn installed(n: u16) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let handle = start(dir.path()).await;
    for weight in 1..=n {
        apply(&handle, weight).await.unwrap();
    }
    stop(handle).await;
    dir
}

fn weight(handle: &Handle) -> u64 {
    let status = handle.status();
    status["pools"][0]["nodes"][0]["weight"].as_u64().unwrap()
}

fn why(handle: &Handle) -> String {
    match handle.started() {
        Started::LastKnownGood { why } | Started::Nothing { why } => why,
        started => panic!("{started:?}"),
    }
}

fn database(dir: &Path) -> std::path::PathBuf {
    dir.join("config.db")
}
