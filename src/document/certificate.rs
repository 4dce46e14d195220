//! `[[certificates]]`.

use super::files::absolute;
use super::later::{Later, Off};
use super::reader::Reader;
use super::value::{Fault, parsed};
use super::writer::Writer;
use crate::model::{Certificate, CertificateFiles, Code, HostPattern};

const LATER: &[Later] = &[
    ("acme", Off::Never),
    ("uploaded", Off::Never),
    ("self_signed", Off::Never),
];

pub(super) fn read(r: &mut Reader<'_, '_>) -> Certificate {
    r.later(LATER);
    let name = r.name("name");
    let hosts = r.list("hosts", parsed(HostPattern::parse), |_| None);
    let files = r.table("files", read_files);
    if files.is_none() && !LATER.iter().any(|(key, _)| r.has(key)) {
        r.note_key("files", Fault::new(Code::Missing, "is missing"));
    }
    Certificate {
        name,
        hosts: hosts.unwrap_or_default(),
        files: files.unwrap_or_else(unread),
    }
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
    let files = &certificate.files;
    w.table_always("files", |w| {
        w.always("chain", files.chain.to_string_lossy());
        w.always("key", files.key.to_string_lossy());
    });
}
