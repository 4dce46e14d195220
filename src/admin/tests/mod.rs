//! The API and the admin address on real sockets.

mod pages;
mod roles;

use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Server, socket};
use crate::balance::Registry;
use crate::control::{AdminAddress, Control, Handle, Parts};
use crate::metrics::Metrics;
use crate::people::People;
use crate::store::{Lock, Store};
use crate::systemd::Systemd;

const DOCUMENT: &str = r#"
version = 1
[[pools]]
name = "django"
health_check = "off"
nodes = [{ name = "web-1", address = "127.0.0.1:8001" }]
"#;

struct Instance {
    dir: TempDir,
    handle: Handle,
    people: People,
    server: Server,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Instance {
    /// A running instance whose admin address is any free port.
    async fn start() -> Self {
        Self::start_at(Some("127.0.0.1:0".parse().unwrap())).await
    }

    async fn start_at(rescue: Option<SocketAddr>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let parts = Parts {
            registry: Arc::new(Registry::new()),
            metrics: Arc::new(Metrics::new()),
            data_plane: None,
            sessions: None,
            records: None,
            systemd: Systemd::default(),
            last_words: crate::logs::LastWords::default(),
        };
        let loaded = Control::load(dir.path(), Lock::take(dir.path()).unwrap()).await;
        let handle = Control::start(loaded, parts).await;
        let people = People::of(dir.path());
        let instead = AdminAddress { rescue, home: None };
        let server = Server::start(dir.path(), instead, handle.clone(), people.clone()).unwrap();
        Self {
            dir,
            handle,
            people,
            server,
        }
    }

    async fn ask(&self, line: &str, fields: &[&str], body: impl AsRef<[u8]>) -> Answer {
        let stream = UnixStream::connect(self.dir.path().join(socket::NAME)).unwrap();
        stream.set_nonblocking(true).unwrap();
        let stream = tokio::net::UnixStream::from_std(stream).unwrap();
        exchange(stream, line, fields, body.as_ref()).await
    }

    async fn put(&self, query: &str, fields: &[&str], document: &str) -> Answer {
        let fields = [&["Content-Type: application/toml"], fields].concat();
        let line = format!("PUT /api/v1/config{query}");
        self.ask(&line, &fields, document).await
    }

    async fn ask_admin(&self, line: &str) -> Answer {
        ask_at(self.handle.admin_address().unwrap(), line).await
    }

    async fn stop(self) -> TempDir {
        let server = self.server;
        tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
        self.handle.close().await;
        self.dir
    }
}

async fn ask_at(address: SocketAddr, line: &str) -> Answer {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    exchange(stream, line, &[], b"").await
}

async fn exchange<S>(mut stream: S, line: &str, fields: &[&str], body: &[u8]) -> Answer
where
    S: AsyncReadExt + AsyncWriteExt + Unpin,
{
    let mut head = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for field in fields {
        head.push_str(field);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // A body that is refused may not be read to its end.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    // Of a stream its head, which says that it is one; of all else what there is.
    let is_stream = |answer: &[u8]| {
        let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
        text.contains("\r\n\r\n") && text.contains("content-type: text/event-stream")
    };
    while !is_stream(&answer) && matches!(stream.read_buf(&mut answer).await, Ok(1..)) {}
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// The document with this admin address.
fn at(address: SocketAddr) -> String {
    format!("{DOCUMENT}\n[admin]\naddress = \"{address}\"\n")
}

#[tokio::test]
async fn a_document_is_put_and_got_back() {
    let instance = Instance::start().await;
    let put = instance.put("", &[], DOCUMENT).await;
    assert_eq!(put.status, 200, "{}", put.body);
    assert_eq!(put.json()["revision"], 1);
    assert_eq!(put.json()["changed"], true);
    assert_eq!(put.json()["changes"][0]["op"], "add");
    assert_eq!(put.json()["problems"], Value::Array(Vec::new()));

    let toml = instance
        .ask("GET /api/v1/config?format=toml", &[], "")
        .await;
    assert!(toml.head.contains("etag: \"1\""), "{}", toml.head);
    assert!(toml.body.starts_with("# revision 1\n"), "{}", toml.body);
    let again = instance.put("", &["If-Match: \"1\""], &toml.body).await;
    assert_eq!(again.json()["changed"], false);

    let json = instance.ask("GET /api/v1/config", &[], "").await;
    assert_eq!(json.json()["pools"][0]["name"], "django");
    let fields = ["Content-Type: application/json; charset=utf-8"];
    let again = instance.ask("PUT /api/v1/config", &fields, json.body).await;
    assert_eq!(again.json()["changed"], false);
}

#[tokio::test]
async fn a_stale_change_is_answered_with_the_revision_in_force() {
    let instance = Instance::start().await;
    instance.put("", &["If-Match: \"0\""], DOCUMENT).await;
    let stale = instance.put("", &["If-Match: \"0\""], "version = 1").await;
    assert_eq!(stale.status, 412);
    assert_eq!(stale.json()["revision"], 1);
    let odd = instance.put("", &["If-Match: seven"], "version = 1").await;
    assert_eq!(odd.status, 400);
    let any = instance.put("", &["If-Match: *"], DOCUMENT).await;
    assert_eq!(any.status, 200);
}

#[tokio::test]
async fn a_trial_changes_nothing_and_is_never_guessed() {
    let instance = Instance::start().await;
    let trial = instance.put("?dry_run=true", &[], DOCUMENT).await;
    assert_eq!(
        (trial.status, &trial.json()["dry_run"]),
        (200, &true.into())
    );
    let unsure = instance.put("?dry_run=maybe", &[], DOCUMENT).await;
    assert_eq!(unsure.status, 400);
    assert_eq!(instance.handle.status()["revision"], 0);
}

#[tokio::test]
async fn problems_are_answered_with_their_lines() {
    let instance = Instance::start().await;
    let wrong = DOCUMENT.replace("8001", "80010");
    let check = "POST /api/v1/config/check";
    let fields = ["Content-Type: application/toml"];
    let put = instance.put("", &[], &wrong).await;
    let checked = instance.ask(check, &fields, &wrong).await;
    for answer in [&put, &checked] {
        assert_eq!(answer.status, 422, "{}", answer.body);
        let problem = &answer.json()["problems"][0];
        assert_eq!(problem["field"], "pools[0].nodes[0].address");
        assert_eq!(problem["line"], 6);
    }
    let sound = instance.ask(check, &fields, DOCUMENT).await;
    assert_eq!(sound.status, 200);
    assert_eq!(sound.json()["problems"], Value::Array(Vec::new()));
    assert!(sound.json()["warnings"][0].is_string());
    assert_eq!(instance.handle.status()["revision"], 0);
}

#[tokio::test]
async fn what_is_no_document_is_refused_before_it_is_read() {
    let instance = Instance::start().await;
    let put = "PUT /api/v1/config";
    let typeless = instance.ask(put, &[], DOCUMENT).await;
    assert_eq!(typeless.status, 415);
    let fields = ["Content-Type: application/toml"];
    let bytes = instance.ask(put, &fields, [0xff, 0xfe]).await;
    assert_eq!(bytes.status, 422);
    assert_eq!(bytes.json()["problems"][0]["code"], "syntax");
    let long = "#".repeat(4 * 1024 * 1024 + 1);
    let long = instance.ask(put, &fields, long).await;
    assert_eq!(long.status, 413);
    let longest = format!("{DOCUMENT}{}", "#".repeat(4 * 1024 * 1024 - DOCUMENT.len()));
    let longest = instance.ask(put, &fields, longest).await;
    assert_eq!(longest.status, 200, "{}", longest.body);
}

#[tokio::test]
async fn a_node_is_changed_by_its_name() {
    let instance = Instance::start().await;
    instance.put("", &[], DOCUMENT).await;
    let node = "PATCH /api/v1/pools/django/nodes/web-1";
    let weighed = instance.ask(node, &[], r#"{"weight":3}"#).await;
    assert_eq!(weighed.status, 200, "{}", weighed.body);
    assert_eq!(weighed.json()["changes"][0]["after"], 3);
    let drained = instance.ask(node, &[], r#"{"state":"draining"}"#).await;
    assert_eq!(drained.json()["revision"], 3);

    for (body, code) in [
        (r#"{"weight":0}"#, "value"),
        (r#"{"weight":"3"}"#, "type"),
        (r#"{"state":"asleep"}"#, "value"),
        (r#"{"wieght":3}"#, "unknown_key"),
        ("{}", "missing"),
        ("[]", "syntax"),
    ] {
        let wrong = instance.ask(node, &[], body).await;
        assert_eq!(wrong.status, 422, "{body}");
        assert_eq!(wrong.json()["problems"][0]["code"], code, "{body}");
    }
    let nobody = "PATCH /api/v1/pools/django/nodes/web-9";
    let nobody = instance.ask(nobody, &[], r#"{"weight":3}"#).await;
    assert_eq!(nobody.status, 404);
    assert!(nobody.json()["error"].as_str().unwrap().contains("web-1"));
}

#[tokio::test]
async fn a_change_carries_the_name_of_who_made_it() {
    let instance = Instance::start().await;
    instance.put("", &[], DOCUMENT).await;
    let newest = async |dir: &Path| {
        let mut store = Store::open(dir).await.unwrap();
        store.newest().await.unwrap().unwrap().author
    };
    let uid = rustix::process::getuid().as_raw();
    let by_uid = format!("uid {uid} by control.sock");
    assert_eq!(newest(instance.dir.path()).await, by_uid);
    let named = ["X-Steelyard-Author: alice by steelyard apply"];
    instance.put("", &named, "version = 1").await;
    assert_eq!(
        newest(instance.dir.path()).await,
        "alice by steelyard apply"
    );
}

#[tokio::test]
async fn the_status_is_told_on_the_control_socket() {
    let instance = Instance::start().await;
    let status = instance.ask("GET /api/v1/status", &[], "").await;
    assert_eq!(status.json()["state"], "setup");
    let nowhere = instance.ask("GET /api/v2/status", &[], "").await;
    assert_eq!(nowhere.status, 404);
    let wrong = instance.ask("DELETE /api/v1/config", &[], "").await;
    assert_eq!(wrong.status, 405);
}

#[tokio::test]
async fn the_admin_address_tells_monitors_and_changes_nothing() {
    let instance = Instance::start().await;
    let alive = instance.ask_admin("GET /healthz").await;
    assert_eq!((alive.status, alive.body.as_str()), (200, "ok"));
    assert_eq!(instance.ask_admin("HEAD /healthz").await.status, 200);
    let ready = instance.ask_admin("GET /readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.json()["reasons"][0].is_string(), "{}", ready.body);
    instance.put("", &[], DOCUMENT).await;
    let metrics = instance.ask_admin("GET /metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.contains("steelyard_node_weight{"));
    for (line, status) in [
        ("GET /", 401),
        ("GET /api/v1/config", 401),
        ("GET /api/v1/status", 401),
        ("PUT /api/v1/config", 403),
        ("DELETE /api/v1/config", 405),
        ("POST /api/v1/reset-password", 404),
        ("GET /healthz/", 404),
        ("GET //metrics", 404),
        ("GET /nothing", 404),
    ] {
        assert_eq!(instance.ask_admin(line).await.status, status, "{line}");
    }
}

#[tokio::test]
async fn a_rescue_address_stays_whatever_the_config_says() {
    let instance = Instance::start().await;
    let rescue = instance.handle.admin_address();
    let elsewhere = at("127.0.0.2:0".parse().unwrap());
    assert_eq!(instance.put("", &[], &elsewhere).await.status, 200);
    assert_eq!(instance.handle.admin_address(), rescue);
    assert_eq!(instance.ask_admin("GET /healthz").await.status, 200);
}

#[tokio::test]
async fn the_admin_address_follows_the_config() {
    let instance = Instance::start_at(None).await;
    let mut addresses = Vec::new();
    for ip in ["127.0.0.2:0", "127.0.0.3:0"] {
        let document = at(ip.parse().unwrap());
        assert_eq!(instance.put("", &[], &document).await.status, 200);
        let address = instance.handle.admin_address().unwrap();
        assert!(address.to_string().starts_with(ip.trim_end_matches('0')));
        assert_eq!(ask_at(address, "GET /healthz").await.status, 200);
        addresses.push(address);
    }
    let (first, second) = (addresses[0], addresses[1]);
    // The old socket is closed once its last answer is out.
    let closed = async { while tokio::net::TcpStream::connect(first).await.is_ok() {} };
    let deadline = std::time::Duration::from_secs(10);
    tokio::time::timeout(deadline, closed).await.unwrap();

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = at(taken.local_addr().unwrap());
    let refused = instance.put("", &[], &taken).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert_eq!(refused.json()["problems"][0]["field"], "admin.address");
    assert_eq!(ask_at(second, "GET /healthz").await.status, 200);
    assert_eq!(instance.handle.status()["revision"], 2);
}

#[tokio::test]
async fn what_is_no_http_does_not_end_the_server() {
    let instance = Instance::start().await;
    for bytes in [
        &b"\0\0\0\0"[..],
        b"GET /\r\n\r\n",
        b"GET /healthz HTTP/9\r\n\r\n",
        b"\r\n",
    ] {
        let address = instance.handle.admin_address().unwrap();
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
    }
    assert_eq!(instance.ask_admin("GET /healthz").await.status, 200);
}

#[tokio::test]
async fn a_stopped_server_leaves_no_socket() {
    let instance = Instance::start().await;
    let address = instance.handle.admin_address().unwrap();
    let _handle = instance.handle.clone();
    let dir = instance.stop().await;
    assert!(!dir.path().join(socket::NAME).exists());
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
