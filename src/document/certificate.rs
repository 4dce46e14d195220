//! `[[certificates]]`.

use super::files::absolute;
use super::reader::Reader;
use super::value::{Fault, flag, parsed};
use super::writer::Writer;
use crate::model::{Certificate, CertificateFiles, CertificateSource, Code, HostPattern};

/// The keys that say where it is from.
const SOURCES: &str = "files, uploaded, self_signed, acme";

pub(super) fn read(r: &mut Reader<'_, '_>) -> Certificate {
    let name = r.name("name");
    let hosts = r.list("hosts", parsed(HostPattern::parse), |_| None);
    let source = read_source(r);
    let unnamed = hosts.as_ref().is_none_or(Vec::is_empty) && !r.failed("hosts");
    let is_made = matches!(
        source,
        CertificateSource::SelfSigned | CertificateSource::Acme(_)
    );
    if is_made && unnamed {
        let message = "is missing: the names that it is to be made for";
        r.note_key("hosts", Fault::new(Code::Missing, message));
    }
    Certificate {
        name,
        hosts: hosts.unwrap_or_default(),
        source,
    }
}

/// Exactly one of them; `false` is as if it were not there.
fn read_source(r: &mut Reader<'_, '_>) -> CertificateSource {
    let mut given = Vec::new();
    if r.has("files") {
        given.push("files");
    }
    let files = r.table("files", read_files);
    let mut source = files.map(CertificateSource::Files);
    for (key, of_key) in [
        ("uploaded", CertificateSource::Uploaded),
        ("self_signed", CertificateSource::SelfSigned),
    ] {
        // One that cannot be read is told of, and was meant.
        if r.unless_faulty(key, false, flag) != Some(false) {
            given.push(key);
            source.get_or_insert(of_key);
        }
    }
    let is_acme = r.has("acme");
    if let Some(by) = r.reference_unless_empty("acme") {
        given.push("acme");
        source.get_or_insert(CertificateSource::Acme(by));
    } else if is_acme && r.failed("acme") {
        given.push("acme");
    }
    match given.as_slice() {
        [] => r.note_here(Fault::new(
            Code::Missing,
            format!("must have exactly one of {SOURCES} (has none)"),
        )),
        [_, other, ..] => {
            let message = format!(
                "must have exactly one of {SOURCES} (has {})",
                given.join(" and ")
            );
            r.note_key(other, Fault::new(Code::Conflict, message));
        }
        _ => {}
    }
    source.unwrap_or_else(|| CertificateSource::Files(unread()))
}

fn read_files(r: &mut Reader<'_, '_>) -> CertificateFiles {
    let d = unread();
    CertificateFiles {
        chain: r.required("chain", parsed(absolute)).unwrap_or(d.chain),
        key: r.required("key", parsed(absolute)).unwrap_or(d.key),
    }
}

fn unread() -> CertificateFiles {
    CertificateFiles {
        chain: "/".into(),
        key: "/".into(),
    }
}

pub(super) fn write(w: &mut Writer, certificate: &Certificate) {
    w.always("name", certificate.name.as_str());
    w.list("hosts", &certificate.hosts, &[]);
    match &certificate.source {
        CertificateSource::Files(files) => w.table_always("files", |w| {
            w.always("chain", files.chain.to_string_lossy());
            w.always("key", files.key.to_string_lossy());
        }),
        CertificateSource::Uploaded => w.always("uploaded", true),
        CertificateSource::SelfSigned => w.always("self_signed", true),
        CertificateSource::Acme(by) => w.always("acme", by.as_str()),
    }
}
