//! The document as a whole.

use super::later::{Later, Off};
use super::reader::Reader;
use super::tree::{Tree, Value};
use super::value::Fault;
use super::writer::Writer;
use super::{
    acme, admin, backup, certificate, listener, logs, pool, sessions, settings, site, webhook,
};
use crate::model::{Code, Config};

/// The only version of the schema so far.
const VERSION: i128 = 1;

const LATER: &[Later] = &[("compression", Off::Never)];

pub(super) fn read(r: &mut Reader<'_, '_>) -> Config {
    r.later(LATER);
    match r.take("version") {
        Some(field) => r.keep(&field, version(field.tree)).unwrap_or_default(),
        None => {
            let message = "is missing; write version = 1";
            r.note_key("version", Fault::new(Code::Missing, message));
        }
    }
    Config {
        settings: r.table("settings", settings::read).unwrap_or_default(),
        admin: r.table("admin", admin::read).unwrap_or_default(),
        listeners: r.tables("listeners", listener::read),
        certificates: r.tables("certificates", certificate::read),
        acme: r.tables("acme", acme::read),
        pools: r.tables("pools", pool::read),
        sites: r.tables("sites", site::read),
        sessions: r.table("sessions", sessions::read).unwrap_or_default(),
        logs: r.table("logs", logs::read).unwrap_or_default(),
        webhooks: r.tables("webhooks", webhook::read),
        backup: r.table("backup", backup::read).unwrap_or_default(),
    }
}

fn version(tree: &Tree) -> Result<(), Fault> {
    match tree.value {
        Value::Integer(VERSION) => Ok(()),
        Value::Integer(_) => Err(Fault::value(format!(
            "must be 1, the only version this program knows (is {tree})"
        ))),
        _ => Err(Fault::wrong_type("1, without quotes", tree)),
    }
}

pub(super) fn write(w: &mut Writer, config: &Config) {
    w.always("version", 1);
    w.table("settings", |w| settings::write(w, &config.settings));
    w.table("admin", |w| admin::write(w, &config.admin));
    w.tables("listeners", &config.listeners, listener::write);
    w.tables("certificates", &config.certificates, certificate::write);
    w.tables("acme", &config.acme, acme::write);
    w.tables("pools", &config.pools, pool::write);
    w.tables("sites", &config.sites, site::write);
    w.table("sessions", |w| sessions::write(w, &config.sessions));
    w.table("logs", |w| logs::write(w, &config.logs));
    w.tables("webhooks", &config.webhooks, webhook::write);
    w.table("backup", |w| backup::write(w, &config.backup));
}
