//! `[admin]`.

use std::net::{Ipv4Addr, SocketAddr};

use super::later::{Later, Off};
use super::reader::Reader;
use super::settings::write_networks;
use super::tree::Tree;
use super::value::{Fault, network, socket, word};
use super::writer::Writer;
use crate::model::{Admin, Code, Language, MetricsAccess};

const LATER: &[Later] = &[("tls", Off::Word("off"))];

const LANGUAGES: [Option<Language>; 3] = [None, Some(Language::English), Some(Language::Chinese)];

const METRICS: [MetricsAccess; 3] = [
    MetricsAccess::Token,
    MetricsAccess::Allow,
    MetricsAccess::Public,
];

fn metrics_word(access: MetricsAccess) -> &'static str {
    match access {
        MetricsAccess::Token => "token",
        MetricsAccess::Allow => "allow",
        MetricsAccess::Public => "public",
    }
}

fn language_word(language: Option<Language>) -> &'static str {
    language.map_or("auto", Language::as_str)
}

pub(super) fn read(r: &mut Reader<'_, '_>) -> Admin {
    r.later(LATER);
    let d = Admin::default();
    // Port 0, so that no listener seems to stand in its way.
    let unread = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Admin {
        address: r
            .unless_faulty("address", d.address, address)
            .unwrap_or(unread),
        allow: r.list("allow", network, |_| None).unwrap_or(d.allow),
        metrics: r.get("metrics", d.metrics, word(&METRICS, metrics_word, &[])),
        language: r.get("language", d.language, word(&LANGUAGES, language_word, &[])),
    }
}

// Passwords and tokens would cross the network in the clear.
fn address(tree: &Tree) -> Result<SocketAddr, Fault> {
    let address = socket(tree)?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    let message = format!(
        "must be a loopback address, such as 127.0.0.1:{}, because this version has no TLS for it (is {tree})",
        address.port()
    );
    Err(Fault::new(Code::NotAvailable, message))
}

pub(super) fn write(w: &mut Writer, admin: &Admin) {
    let d = Admin::default();
    w.field("address", admin.address.to_string(), d.address.to_string());
    write_networks(w, "allow", &admin.allow);
    w.field(
        "metrics",
        metrics_word(admin.metrics),
        metrics_word(d.metrics),
    );
    w.field(
        "language",
        language_word(admin.language),
        language_word(d.language),
    );
}
