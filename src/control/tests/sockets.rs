//! Listeners that cannot be opened, with a real data plane.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{applying, document};
use crate::balance::Registry;
use crate::control::{ChangeError, Control, Handle, Parts, Readiness};
use crate::listener::DataPlane;
use crate::metrics::Metrics;
use crate::proxy::Spool;
use crate::store::Lock;
use crate::systemd::Systemd;

struct Serving {
    handle: Handle,
    data_plane: DataPlane,
}

impl Serving {
    async fn start(dir: &Path) -> Self {
        let metrics = Arc::new(Metrics::new());
        let logs = crate::logs::Logging::nowhere();
        let data_plane = DataPlane::start(
            1,
            metrics.clone(),
            logs,
            Spool::nowhere(),
            Systemd::default(),
        )
        .unwrap();
        let parts = Parts {
            registry: Arc::new(Registry::new()),
            metrics,
            data_plane: Some(data_plane.clone()),
            sessions: None,
            records: None,
            systemd: Systemd::default(),
            last_words: crate::logs::LastWords::default(),
        };
        let loaded = Control::load(dir, Lock::take(dir).unwrap()).await;
        let handle = Control::start(loaded, parts).await;
        Self { handle, data_plane }
    }

    /// Which listeners are open, in the order of the document.
    fn open(&self) -> Vec<bool> {
        let status = self.handle.status();
        let listeners = status["listeners"].as_array().unwrap().iter();
        listeners.map(|l| l["open"].as_bool().unwrap()).collect()
    }

    async fn stop(self) {
        self.handle.close().await;
        self.data_plane.stop(Duration::ZERO);
    }
}

fn taken() -> (TcpListener, SocketAddr) {
    let socket = TcpListener::bind("127.0.0.4:0").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A document with a listener on any port, and one more at `address`.
fn with_listener(weight: u16, address: SocketAddr) -> String {
    let document = document(weight).replace("127.0.0.1:8080", "127.0.0.1:0");
    format!("{document}\n[[listeners]]\nname = \"more\"\naddress = \"{address}\"\n")
}

#[tokio::test]
async fn a_port_in_use_is_a_problem_and_what_was_open_stays_open() {
    let dir = tempfile::tempdir().unwrap();
    let serving = Serving::start(dir.path()).await;
    let (_holder, address) = taken();
    let alone = document(1).replace("127.0.0.1:8080", "127.0.0.1:0");
    serving.handle.apply(applying(&alone)).await.unwrap();
    let error = serving.handle.apply(applying(&with_listener(1, address)));
    let ChangeError::Invalid(problems) = error.await.unwrap_err() else {
        panic!("no Problem");
    };
    let problem = &problems.to_json()["problems"][0];
    assert_eq!(problem["field"], "listeners[1].address");
    assert!(problem["message"].to_string().contains("is in use by"));
    assert_eq!(serving.open(), [true]);
    assert_eq!(serving.handle.readiness(), Readiness::Ready);
    assert_eq!(serving.handle.status()["revision"], 1);
    serving.stop().await;
}

#[tokio::test]
async fn a_listener_closed_at_the_start_hinders_nobody_and_opens_with_the_next_apply() {
    let dir = tempfile::tempdir().unwrap();
    let serving = Serving::start(dir.path()).await;
    let (holder, address) = taken();
    drop(holder);
    let document = with_listener(1, address);
    serving.handle.apply(applying(&document)).await.unwrap();
    serving.stop().await;

    let holder = TcpListener::bind(address).unwrap();
    let serving = Serving::start(dir.path()).await;
    assert_eq!(serving.open(), [true, false]);
    assert!(matches!(
        serving.handle.readiness(),
        Readiness::Degraded { .. }
    ));
    // A change of something else is made all the same, with a warning.
    let heavier = with_listener(2, address);
    let applied = serving.handle.apply(applying(&heavier)).await.unwrap();
    assert_eq!(applied.revision, 2);
    assert!(
        applied.warnings[0].contains("is in use by"),
        "{:?}",
        applied.warnings
    );
    assert_eq!(serving.open(), [true, false]);

    // What is still in use does not open.
    serving.handle.control.mend().await;
    assert_eq!(serving.open(), [true, false]);
    drop(holder);
    serving.handle.apply(applying(&heavier)).await.unwrap();
    assert_eq!(serving.open(), [true, true]);
    assert_eq!(serving.handle.readiness(), Readiness::Ready);
    serving.stop().await;
}

#[tokio::test]
async fn a_listener_that_was_in_use_opens_by_itself_once_it_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let (holder, address) = taken();
    drop(holder);
    let serving = Serving::start(dir.path()).await;
    let document = with_listener(1, address);
    serving.handle.apply(applying(&document)).await.unwrap();
    serving.stop().await;

    let holder = TcpListener::bind(address).unwrap();
    let serving = Serving::start(dir.path()).await;
    assert_eq!(serving.open(), [true, false]);
    drop(holder);
    serving.handle.control.mend().await;
    assert_eq!(serving.open(), [true, true]);
    serving.stop().await;
}
