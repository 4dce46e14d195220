//! The document's schema: each table with its keys, as `document/` reads them. A test asks the
//! reader what it knows.

use serde_json::{Map, Value, json};

use super::certificates::{acme, certificate};
use super::schema::{Object, any_of, flag, form, list, number, of, or, said, text, word};
use super::values;
use crate::model::{
    CheckMethod, Condition, Fsync, LogFormat, LogLevel, Policy, ProxyProtocol, Redirect, SameSite,
    Sessions, Settings, TlsVersion, WebhookEvent,
};

/// The tables and the kinds of values.
pub(super) fn components() -> Map<String, Value> {
    let all = [
        ("Config", config()),
        ("Settings", settings().taken()),
        ("Admin", admin().taken()),
        ("Listener", listener().taken()),
        ("Certificate", certificate().taken()),
        ("Acme", acme().taken()),
        ("Pool", pool().taken()),
        ("HealthCheck", health_check().taken()),
        ("Node", node().taken()),
        ("Site", site().taken()),
        ("Route", route()),
        ("Files", files().taken()),
        ("Sessions", sessions().taken()),
        ("SessionDatabase", session_database().taken()),
        ("Logs", logs().taken()),
        ("Webhook", webhook().taken()),
        ("Backup", super::backup::backup().taken()),
    ];
    let tables = all.map(|(name, schema)| (name.to_owned(), schema));
    let mut all: Map<String, Value> = tables.into_iter().collect();
    all.append(&mut values::components());
    all
}

pub(super) fn path() -> Value {
    form("^/")
}

fn config() -> Value {
    let schema = Object::new()
        .must("version", json!({ "type": "integer", "const": 1 }))
        .may("settings", of("Settings"))
        .may("admin", of("Admin"))
        .may("listeners", list(of("Listener")))
        .may("certificates", list(of("Certificate")))
        .may("acme", list(of("Acme")))
        .may("pools", list(of("Pool")))
        .may("sites", list(of("Site")))
        .may("sessions", of("Sessions"))
        .may("logs", of("Logs"))
        .may("webhooks", list(of("Webhook")))
        .may("backup", of("Backup"))
        .taken();
    said(
        schema,
        "The whole configuration; a key that is absent has its default.",
    )
}

fn settings() -> Object {
    let trusted = "Whose X-Forwarded-* is believed.";
    Object::new()
        .may("trusted_proxies", said(list(of("Network")), trusted))
        .may("workers", or(number(0, Settings::MAX_WORKERS.into()), 0))
        .may("max_connections", or(number(0, i64::from(u32::MAX)), 0))
        .may("memory_budget", of("Size"))
        .may("spool_limit", of("Size"))
        .may("dns_refresh", of("Time"))
        .may("shutdown_grace", of("Time"))
        .may("affinity_secret", of("Secret"))
}

fn admin() -> Object {
    let tls = "off (loopback only), self-signed, or the name of a certificate.";
    Object::new()
        .may("address", of("SocketAddress"))
        .may("tls", said(of("Name"), tls))
        .may(
            "allow",
            said(list(of("Network")), "Empty: anyone who can connect."),
        )
        .may("metrics", or(word(["token", "allow", "public"]), "token"))
        .may("language", or(word(["auto", "en", "zh-CN"]), "auto"))
}

fn listener() -> Object {
    Object::new()
        .must("name", of("Name"))
        .must("address", of("SocketAddress"))
        .may("tls", tls())
        .may("head_timeout", of("Time"))
        .may("idle_timeout", of("Time"))
        .may("max_requests", or(number(1, 1_000_000_000), 1000))
        .may("body_min_rate", of("Size"))
        .may("response_min_rate", of("Size"))
        .may("max_head", of("Size"))
        .may("max_target", of("Size"))
        .may("max_fields", or(number(1, 1000), 128))
        .may("underscores", or(word(["drop", "reject", "keep"]), "drop"))
        .may("refuse_get_body", or(flag(), false))
        .may(
            "proxy_protocol",
            said(or(flag(), false), "Required, from trusted_proxies alone."),
        )
}

fn tls() -> Value {
    let table = Object::new()
        .may("certificates", list(of("Name")))
        .may("min_version", word(TlsVersion::ALL.map(TlsVersion::as_str)))
        .taken();
    any_of([flag(), table])
}

fn pool() -> Object {
    let keepalive = Object::new()
        .may("idle", or(number(0, 10_000), 32))
        .may("timeout", of("Time"))
        .may("requests", or(number(1, 1_000_000_000), 1000))
        .may("max_age", of("Time"))
        .taken();
    let queue = Object::new()
        .may("size", or(number(0, 100_000), 100))
        .may("timeout", of("Time"))
        .taken();
    let retry = Object::new()
        .may("on", list(word(Condition::ALL.map(Condition::as_str))))
        .may("tries", or(number(0, 1000), 3))
        .may("timeout", of("Time"))
        .may("non_idempotent", or(flag(), false))
        .taken();
    Object::new()
        .must("name", of("Name"))
        .may(
            "policy",
            or(word(Policy::ALL.map(Policy::as_str)), "round_robin"),
        )
        .may(
            "hash_key",
            said(
                text(),
                "uri, path, host, client, header:NAME, cookie:NAME or query:NAME.",
            ),
        )
        .may(
            "tls",
            said(pool_tls(), "How TLS is spoken to the nodes; absent: plain."),
        )
        .may(
            "proxy_protocol",
            or(word(ProxyProtocol::ALL.map(ProxyProtocol::as_str)), "off"),
        )
        .may(
            "host",
            said(text(), "Host sent to the nodes; empty: the client's."),
        )
        .may("connect_timeout", of("Time"))
        .may("send_timeout", of("Time"))
        .may("read_timeout", of("Time"))
        .may("keepalive", keepalive)
        .may("max_fails", or(number(0, 10_000), 3))
        .may("fail_timeout", of("Time"))
        .may("slow_start", of("Time"))
        .may("queue", queue)
        .may("retry", retry)
        .may(
            "health_check",
            any_of([json!({ "const": "off" }), of("HealthCheck")]),
        )
        .may("affinity", affinity())
        .may("nodes", list(of("Node")))
}

fn pool_tls() -> Value {
    let ca = "PEM file of the authorities trusted; empty: those of this machine.";
    let name = "The name asked for; empty: that of the node's address.";
    Object::new()
        .may("verify", or(flag(), true))
        .may("ca", said(text(), ca))
        .may("server_name", said(text(), name))
        .taken()
}

fn affinity() -> Value {
    Object::new()
        .may("cookie", text())
        .may("max_age", of("Time"))
        .may("path", path())
        .may("domain", text())
        .may("secure", any_of([json!({ "const": "auto" }), flag()]))
        .may("http_only", or(flag(), true))
        .may("same_site", word(SameSite::ALL.map(SameSite::as_str)))
        .taken()
}

fn health_check() -> Object {
    let status = json!({ "type": "integer", "minimum": 100, "maximum": 599 });
    Object::new()
        .may("kind", or(word(["tcp", "http"]), "tcp"))
        .may("port", number(1, 65535))
        .may("interval", of("Time"))
        .may("timeout", of("Time"))
        .may("method", word(CheckMethod::ALL.map(CheckMethod::as_str)))
        .may("path", path())
        .may("host", text())
        .may("headers", of("Headers"))
        .may("expect", said(any_of([text(), status]), "Such as 200-399."))
        .may("body", text())
        .may("rise", or(number(1, 1000), 2))
        .may("fall", or(number(1, 1000), 3))
        .may("default_down", or(flag(), false))
}

fn node() -> Object {
    Object::new()
        .may("name", of("NodeName"))
        .must("address", of("NodeAddress"))
        .may("weight", or(of("Weight"), 1))
        .may("backup", or(flag(), false))
        .may("max_conns", or(number(0, 1_000_000), 0))
        .may("slow_start", of("Time"))
        .may("state", or(values::state(), "enabled"))
}

fn site() -> Object {
    let pages = json!({
        "type": "object", "propertyNames": { "pattern": "^[45][0-9][0-9]$" },
        "additionalProperties": path(),
    });
    let hsts = Object::new()
        .may("max_age", of("Time"))
        .may("subdomains", or(flag(), false))
        .may("preload", or(flag(), false))
        .taken();
    Object::new()
        .must("name", of("Name"))
        .may("hosts", said(list(text()), "Empty: any host."))
        .may("listeners", said(list(of("Name")), "Empty: all."))
        .may("https_redirect", or(flag(), false))
        .may("hsts", hsts)
        .may("methods", list(form("^[A-Z0-9!#$%&'*+.^_`|~-]+$")))
        .may("allow", list(of("Network")))
        .may("deny", list(of("Network")))
        .may("headers", of("Headers"))
        .may("request_headers", of("Headers"))
        .may("error_pages", pages)
        .may("routes", list(of("Route")))
}

fn route() -> Value {
    let redirect = Object::new()
        .must("to", text())
        .may(
            "status",
            json!({ "type": "integer", "enum": Redirect::STATUSES }),
        )
        .taken();
    let respond = Object::new()
        .may("status", number(200, 599))
        .may("body", text())
        .may("content_type", text())
        .taken();
    let mut schema = Object::new()
        .must("path", path())
        .may("match", or(word(["prefix", "exact"]), "prefix"))
        .may("pool", of("Name"))
        .may("files", of("Files"))
        .may("redirect", redirect)
        .may("respond", respond)
        .may("strip_prefix", or(flag(), false))
        .may("body_limit", of("Size"))
        .may("buffer_request", or(flag(), true))
        .may("buffer_response", or(flag(), true))
        .may("read_timeout", of("Time"))
        .may("upgrade", or(flag(), true))
        .may("tunnel_idle_timeout", of("Time"))
        .may("headers", of("Headers"))
        .may("remove_headers", list(text()))
        .may("request_headers", of("Headers"))
        .may("remove_request_headers", list(text()))
        .may("allow", list(of("Network")))
        .taken();
    let targets = ["pool", "files", "redirect", "respond"];
    schema["oneOf"] = targets
        .map(|target| json!({ "required": [target] }))
        .to_vec()
        .into();
    schema
}

fn files() -> Object {
    Object::new()
        .must("root", path())
        .may("index", list(text()))
        .may("expires", text())
        .may("cache_control", text())
        .may("precompressed", flag())
        .may(
            "fallback",
            said(
                any_of([of("Name"), json!({ "const": "" })]),
                "A pool asked where no file is.",
            ),
        )
}

fn session_database() -> Object {
    Object::new()
        .must("index", number(0, Sessions::MAX_INDEX.into()))
        .must("name", of("Name"))
        .may("password", of("Secret"))
}

fn sessions() -> Object {
    let listen = any_of([of("SocketAddress"), json!({ "const": "" })]);
    let jitter = said(form("^[0-9]{1,2}%$"), "0% to 50%, shorter or longer.");
    let redis = form("^rediss?://([A-Za-z0-9._-]+@)?[^@/]+(/[0-9]{0,4})?$");
    let store = said(
        any_of([word(["memory"]), redis]),
        "Where sessions are: memory, or redis://[USER@]HOST[:PORT][/DATABASE], rediss:// by TLS.",
    );
    Object::new()
        .may("store", store)
        .may(
            "store_password",
            said(of("Secret"), "Ours at the Redis. Nobody is told it."),
        )
        .may("listen", said(listen, "Empty or absent: no session store."))
        .may("password", said(of("Secret"), "Absent: generated."))
        .may(
            "allow",
            said(list(of("Network")), "Empty: loopback and the nodes."),
        )
        .may("tls", tls())
        .may("max_memory", of("Size"))
        .may("max_value", of("Size"))
        .may("fsync", or(word(Fsync::ALL.map(Fsync::as_str)), "everysec"))
        .may("ttl_jitter", jitter)
        .may(
            "databases",
            said(
                list(of("SessionDatabase")),
                "Those with a password of their own.",
            ),
        )
}

fn logs() -> Object {
    let rotate = Object::new()
        .may("size", of("Size"))
        .may("age", of("Time"))
        .may("keep", count_of_files())
        .may("compress", or(flag(), true))
        .taken();
    let store = Object::new()
        .may("on", or(flag(), true))
        .may("max_size", of("Size"))
        .may("max_age", of("Time"))
        .taken();
    Object::new()
        .may(
            "file",
            said(
                text(),
                "In DATA_DIR/logs unless it begins with /; empty: none.",
            ),
        )
        .may("format", word(LogFormat::ALL.map(LogFormat::as_str)))
        .may("level", word(LogLevel::ALL.map(LogLevel::as_str)))
        .may("rotate", rotate)
        .may("store", store)
}

fn count_of_files() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn webhook() -> Object {
    let mut events = list(word(WebhookEvent::ALL.map(WebhookEvent::as_str)));
    events["minItems"] = json!(1);
    Object::new()
        .must("name", of("Name"))
        .must("url", form("^https?://"))
        .may("events", said(events, "Absent: all."))
        .may("secret", of("Secret"))
}
