//! How the parts of the configuration are described: all alike.

use serde_json::{Value, json};

use super::parts::Kind;
use crate::admin::openapi::schema::{Object, list, of, text};
use crate::admin::openapi::{Operation, applied};

const GROUP: &str = "Configuration";

/// What the descriptions say of a kind.
struct Words {
    /// The component of its table.
    table: &'static str,
    /// One of it, as a heading says it.
    one: &'static str,
    example: Value,
    patch: Value,
}

fn words(table: &'static str, one: &'static str, example: Value, patch: Value) -> Words {
    Words {
        table,
        one,
        example,
        patch,
    }
}

impl Kind {
    fn words(self) -> Words {
        match self {
            Self::Listener => {
                let example = json!({ "address": "127.0.0.1:8080" });
                let patch = json!({ "idle_timeout": "30s" });
                words("Listener", "a listener", example, patch)
            }
            Self::Certificate => {
                let files = json!({ "chain": "/etc/ssl/shop.pem", "key": "/etc/ssl/shop.key" });
                let patch = json!({ "hosts": ["shop.example.com"] });
                let example = json!({ "files": files });
                words("Certificate", "a certificate", example, patch)
            }
            Self::Pool => {
                let nodes = json!([{ "name": "web-1", "address": "10.0.0.1:8000" }]);
                let example = json!({ "policy": "least_conn", "nodes": nodes });
                let patch = json!({ "policy": "least_conn", "slow_start": null });
                words("Pool", "a pool", example, patch)
            }
            Self::Node => {
                let example = json!({ "address": "10.0.0.2:8000", "weight": 2 });
                words("Node", "a node of a pool", example, json!({ "weight": 3 }))
            }
            Self::Site => {
                let routes = json!([{ "path": "/", "pool": "django" }]);
                let example = json!({ "hosts": ["shop.example.com"], "routes": routes });
                let patch = json!({ "hosts": ["shop.example.com", "www.example.com"] });
                words("Site", "a site", example, patch)
            }
            Self::Route => {
                let example = json!({ "pool": "django", "body_limit": "10m" });
                let patch = json!({ "body_limit": "10m" });
                words("Route", "a route of a site", example, patch)
            }
            Self::Acme => {
                let example = json!({ "directory": "letsencrypt", "email": "ops@example.com" });
                let patch = json!({ "challenge": "tls-alpn-01" });
                words("Acme", "an authority for certificates", example, patch)
            }
            Self::Webhook => {
                let url = "https://hooks.example.com/lb";
                let example = json!({ "url": url, "events": ["node_down"] });
                let patch = json!({ "events": ["node_down", "node_up"] });
                words("Webhook", "a webhook", example, patch)
            }
            Self::Settings => {
                let example = json!({ "shutdown_grace": "10s" });
                words("Settings", "the settings", example.clone(), example)
            }
            Self::Admin => {
                let example = json!({ "language": "zh-CN" });
                let patch = json!({ "metrics": "allow" });
                words("Admin", "who may ask the panel", example, patch)
            }
            Self::Sessions => {
                let (example, patch) = (
                    json!({ "listen": "127.0.0.1:6379" }),
                    json!({ "fsync": "always" }),
                );
                words("Sessions", "the session store", example, patch)
            }
            Self::Logs => {
                let (example, patch) = (json!({ "format": "json" }), json!({ "level": "debug" }));
                words("Logs", "how requests are logged", example, patch)
            }
            Self::Backup => {
                let (example, patch) = (json!({ "nightly": "03:00" }), json!({ "keep": 30 }));
                words("Backup", "the nightly backups", example, patch)
            }
        }
    }

    /// The parameters of its path, without its own where `is_list`.
    fn named(self, mut operation: Operation, is_list: bool) -> Operation {
        let name = |operation: Operation, key| operation.path(key, of("Name"), "Its name.");
        operation = match self {
            Self::Node => name(operation, "pool"),
            Self::Route => name(operation, "site"),
            _ => operation,
        };
        if is_list {
            return operation;
        }
        match self {
            Self::Listener => name(operation, "listener"),
            Self::Certificate => name(operation, "certificate"),
            Self::Pool => name(operation, "pool"),
            Self::Site => name(operation, "site"),
            Self::Acme => name(operation, "acme"),
            Self::Webhook => name(operation, "webhook"),
            Self::Node => operation.path("node", of("NodeName"), "Its name."),
            Self::Route => {
                let words = "Its path, encoded: %2Fstatic%2F; an exact one begins with =.";
                operation.path("route", text(), words)
            }
            Self::Settings | Self::Admin | Self::Sessions | Self::Logs | Self::Backup => operation,
        }
    }

    fn is_section(self) -> bool {
        matches!(
            self,
            Self::Settings | Self::Admin | Self::Sessions | Self::Logs | Self::Backup
        )
    }
}

fn begun(kind: Kind, id: &str, verb: &str) -> Operation {
    let words = kind.words();
    let id = format!("{id}{}", words.table);
    Operation::new(id, GROUP, format!("{verb} {}", words.one))
}

pub(in crate::admin) fn about_list(kind: Kind) -> Operation {
    let words = kind.words();
    let all = Object::new().must(kind.key(), list(of(words.table))).told();
    let operation = Operation::new(
        format!("list{}s", words.table),
        GROUP,
        format!("Every one: {}", kind.key()),
    );
    let operation = kind.named(operation, true);
    let operation = operation
        .answers(200, "As the document has them, without defaults.", all)
        .tagged();
    match kind {
        Kind::Node | Kind::Route => operation.errors(&[404]),
        _ => operation,
    }
}

pub(in crate::admin) fn about_read(kind: Kind) -> Operation {
    let words = kind.words();
    let operation = kind.named(begun(kind, "read", "Read"), false);
    let operation = operation
        .answers(
            200,
            "As the document has it, without defaults.",
            of(words.table),
        )
        .tagged();
    or_not_there(kind, operation)
}

pub(in crate::admin) fn about_put(kind: Kind) -> Operation {
    let words = kind.words();
    let body = of(put_of(words.table));
    let operation = kind.named(begun(kind, "put", "Set all of"), false);
    let operation = operation
        .detail("A key that is absent has its default; a secret that is absent stays.")
        .body(body, words.example)
        .changes();
    let operation = match kind.is_section() {
        true => operation,
        false => operation.answers(201, "It is new.", of("Applied")),
    };
    or_not_there(kind, applied(operation))
}

pub(in crate::admin) fn about_merge(kind: Kind) -> Operation {
    let words = kind.words();
    let operation = kind.named(begun(kind, "edit", "Change keys of"), false);
    let operation = operation
        .detail("RFC 7396: what is not named stays; null takes a key back to its default.")
        .body(of(&format!("{}Patch", words.table)), words.patch)
        .changes();
    or_not_there(kind, applied(operation))
}

pub(in crate::admin) fn about_remove(kind: Kind) -> Operation {
    let verb = match kind.is_section() {
        true => "Take back to the defaults:",
        false => "Remove",
    };
    let operation = kind.named(begun(kind, "remove", verb), false).changes();
    let operation = operation
        .answers_nothing("It is gone.")
        .answers(200, "What would change, with dry_run.", of("Applied"))
        .tagged();
    or_not_there(kind, operation)
}

/// Sections are all in one form; what has a name may leave it to the path.
fn put_of(table: &'static str) -> &'static str {
    match table {
        "Listener" => "ListenerPut",
        "Certificate" => "CertificatePut",
        "Acme" => "AcmePut",
        "Pool" => "PoolPut",
        "Site" => "SitePut",
        "Route" => "RoutePut",
        "Webhook" => "WebhookPut",
        other => other,
    }
}

fn or_not_there(kind: Kind, operation: Operation) -> Operation {
    match kind.is_section() {
        true => operation,
        false => operation.errors(&[404]),
    }
}
