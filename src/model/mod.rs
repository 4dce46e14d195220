//! What the operator wants: pure values, one noun per file.
//!
//! No I/O, no clock, no async and no wire format here. The words on the wire
//! are `document/`'s; what the values compile to is `snapshot/`'s.

mod admin;
mod affinity;
mod certificate;
mod check;
mod config;
mod expires;
mod files;
mod header;
mod health_check;
mod host;
mod language;
mod listener;
mod listener_tls;
mod logs;
mod name;
mod no_node;
mod node;
mod node_address;
mod policy;
mod pool;
mod problem;
mod redirect;
mod respond;
mod retry;
mod role;
mod route;
mod route_path;
mod secret;
mod sessions;
mod settings;
mod site;
mod webhook;

pub use admin::{Admin, AdminTls, MetricsAccess};
pub use affinity::{Affinity, CookieDomain, CookieName, CookiePath, SameSite, Secure};
pub use certificate::{Certificate, CertificateFiles};
pub use config::Config;
pub use expires::Expires;
pub use files::Files;
pub use header::{HeaderChanges, HeaderName, HeaderValue};
pub use health_check::{CheckKind, CheckMethod, Expect, HealthCheck, HttpCheck};
pub use host::HostPattern;
pub use language::Language;
pub use listener::{Listener, Underscores};
pub use listener_tls::{ListenerTls, TlsVersion};
pub use logs::{LogFormat, LogLevel, LogStore, Logs, Rotate};
pub use name::Name;
pub use no_node::{NoNode, no_node, reached};
pub use node::{AdminState, Node};
pub use node_address::{NodeAddress, Way};
pub use policy::{HashKey, Policy};
pub use pool::{Keepalive, Pool, Queue};
pub use problem::{Code, Problem, Problems};
pub use redirect::{AskedUrl, Redirect, RedirectTo};
pub use respond::Respond;
pub use retry::{Condition, Retry};
pub use role::{Role, Scope};
pub use route::{PathMatch, Route, Target};
pub use route_path::{RoutePath, length_as_sent, one_spelling};
pub use secret::{Generated, Secret, SecretBytes, SecretPlace, Secrets};
pub use sessions::{Fsync, SessionDatabase, Sessions};
pub use settings::Settings;
pub use site::Site;
pub use webhook::{Webhook, WebhookEvent, WebhookUrl};
