//! `tls` of a listener: `true`, `false` or a table.

use super::later::{Later, Off};
use super::reader::Reader;
use super::tree::Value;
use super::value::{Fault, word};
use super::writer::Writer;
use crate::model::{ListenerTls, Name, TlsVersion};

const LATER: &[Later] = &[("http2", Off::False)];

pub(super) fn read(r: &mut Reader<'_, '_>) -> Option<ListenerTls> {
    let field = r.take("tls")?;
    let tree = field.tree;
    match tree.value {
        Value::Flag(on) => on.then(ListenerTls::default),
        _ => Some(r.enter(field, &read_table, || {
            Fault::wrong_type("true, false or a table, { certificates = [\"…\"] }", tree)
        })),
    }
}

fn read_table(r: &mut Reader<'_, '_>) -> ListenerTls {
    r.later(LATER);
    let d = ListenerTls::default();
    ListenerTls {
        certificates: r.names("certificates"),
        min_version: r.get(
            "min_version",
            d.min_version,
            word(&TlsVersion::ALL, TlsVersion::as_str, &[]),
        ),
    }
}

pub(super) fn write(w: &mut Writer, tls: Option<&ListenerTls>) {
    let d = ListenerTls::default();
    match tls {
        Some(tls) if *tls != d => w.table_always("tls", |w| {
            let names: Vec<&str> = tls.certificates.iter().map(Name::as_str).collect();
            w.list("certificates", &names, &[]);
            let (version, least) = (tls.min_version.as_str(), d.min_version.as_str());
            w.field("min_version", version, least);
        }),
        tls => w.field("tls", tls.is_some(), false),
    }
}
