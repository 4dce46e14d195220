//! `[admin]`.

use std::net::{Ipv4Addr, SocketAddr};

use super::reader::Reader;
use super::settings::write_networks;
use super::tree::Tree;
use super::value::{Fault, network, socket, text, word};
use super::writer::Writer;
use crate::model::{Admin, AdminTls, Language, MetricsAccess, Name};

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
    let d = Admin::default();
    // Port 0, so that no listener seems to stand in its way.
    let unread = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Admin {
        address: r
            .unless_faulty("address", d.address, socket)
            .unwrap_or(unread),
        tls: r.get("tls", d.tls, tls),
        allow: r.list("allow", network, |_| None).unwrap_or(d.allow),
        metrics: r.get("metrics", d.metrics, word(&METRICS, metrics_word, &[])),
        language: r.get("language", d.language, word(&LANGUAGES, language_word, &[])),
    }
}

fn tls(tree: &Tree) -> Result<AdminTls, Fault> {
    match text(tree)? {
        "off" => Ok(AdminTls::Off),
        "self-signed" => Ok(AdminTls::SelfSigned),
        name => Name::parse(name).map(AdminTls::Certificate).map_err(|_| {
            let message =
                format!("must be off, self-signed or the name of a certificate (is {tree})");
            Fault::value(message)
        }),
    }
}

fn tls_word(tls: &AdminTls) -> &str {
    match tls {
        AdminTls::Off => "off",
        AdminTls::SelfSigned => "self-signed",
        AdminTls::Certificate(name) => name.as_str(),
    }
}

pub(super) fn write(w: &mut Writer, admin: &Admin) {
    let d = Admin::default();
    w.field("address", admin.address.to_string(), d.address.to_string());
    w.field("tls", tls_word(&admin.tls), tls_word(&d.tls));
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
