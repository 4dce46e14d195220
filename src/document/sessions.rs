//! `[sessions]`.

use super::reader::Reader;
use super::settings::write_networks;
use super::tree::{Tree, Value};
use super::value::{Fault, network, number, parsed, size, socket, text, word};
use super::writer::Writer;
use super::{listener_tls, secret};
use crate::model::{Fsync, RedisAddress, SessionDatabase, SessionStore, Sessions};

/// The least memory that is of any use, and a pebibyte.
const MEMORY: std::ops::RangeInclusive<u64> = 1 << 20..=1 << 50;

/// A value is held in one piece, and so are the buffers around it.
const VALUE: std::ops::RangeInclusive<u32> = 1 << 10..=512 << 20;

/// What a database without a number that can be read has: no other collides with it.
const UNREAD: u8 = u8::MAX;

pub(super) fn read(r: &mut Reader<'_, '_>) -> Sessions {
    let d = Sessions::default();
    Sessions {
        store: r.get("store", d.store, store),
        store_password: secret::read(r, "store_password"),
        listen: r.optional("listen", listen).flatten(),
        password: secret::read(r, "password"),
        allow: r.list("allow", network, |_| None).unwrap_or(d.allow),
        tls: listener_tls::read(r),
        max_memory: r.get("max_memory", d.max_memory, size(MEMORY)),
        max_value: r.get("max_value", d.max_value, size(VALUE)),
        fsync: r.get("fsync", d.fsync, word(&Fsync::ALL, Fsync::as_str, &[])),
        ttl_jitter: r.get("ttl_jitter", d.ttl_jitter, parsed(percent)),
        databases: r.tables("databases", read_database),
    }
}

fn store(tree: &Tree) -> Result<SessionStore, Fault> {
    match text(tree)? {
        SessionStore::MEMORY => Ok(SessionStore::Memory),
        url if url.starts_with("redis://") || url.starts_with("rediss://") => {
            let address = RedisAddress::parse(url).map_err(Fault::value)?;
            Ok(SessionStore::Redis(address))
        }
        _ => Err(Fault::value(
            "must be memory, or where a Redis is, such as redis://10.0.0.5:6379/1",
        )),
    }
}

/// Empty text is none, as no key is.
fn listen(tree: &Tree) -> Result<Option<std::net::SocketAddr>, Fault> {
    match &tree.value {
        Value::Text(text) if text.is_empty() => Ok(None),
        _ => socket(tree).map(Some),
    }
}

fn percent(text: &str) -> Result<u8, String> {
    let most = Sessions::MAX_JITTER;
    let digits = text.strip_suffix('%');
    let digits = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    let number: Option<u8> = digits.and_then(|digits| digits.parse().ok());
    number
        .filter(|number| *number <= most)
        .ok_or_else(|| format!("must be 0% to {most}% (is {text:?})"))
}

fn read_database(r: &mut Reader<'_, '_>) -> SessionDatabase {
    SessionDatabase {
        index: r
            .required("index", number(0..=Sessions::MAX_INDEX))
            .unwrap_or(UNREAD),
        name: r.name("name"),
        password: secret::read(r, "password"),
    }
}

pub(super) fn write(w: &mut Writer, sessions: &Sessions) {
    let d = Sessions::default();
    w.field("store", sessions.store.to_string(), d.store.to_string());
    secret::write(w, "store_password", &sessions.store_password);
    let listen = sessions.listen.map(|address| address.to_string());
    w.field("listen", listen.unwrap_or_default(), String::new());
    secret::write(w, "password", &sessions.password);
    write_networks(w, "allow", &sessions.allow);
    listener_tls::write(w, sessions.tls.as_ref());
    w.size("max_memory", sessions.max_memory, d.max_memory);
    w.size("max_value", sessions.max_value, d.max_value);
    w.field("fsync", sessions.fsync.as_str(), d.fsync.as_str());
    let percent = |jitter: u8| format!("{jitter}%");
    w.field(
        "ttl_jitter",
        percent(sessions.ttl_jitter),
        percent(d.ttl_jitter),
    );
    w.tables("databases", &sessions.databases, write_database);
}

fn write_database(w: &mut Writer, database: &SessionDatabase) {
    w.always("index", database.index);
    w.always("name", database.name.as_str());
    secret::write(w, "password", &database.password);
}
