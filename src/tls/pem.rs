//! The two parts of a certificate: read from where they are, and taken out of PEM.

use std::borrow::Cow;
use std::fmt::Display;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustls::pki_types::pem::{self, PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::faults::Fault;
use crate::disk::read_at_most;
use crate::model::CertificateFiles;

/// Far more than any chain. The file is held in memory while it is read.
const MAX_CHAIN: u64 = 1024 * 1024;
/// Far more than any key.
const MAX_KEY: u64 = 64 * 1024;

/// By what a file is known to be another one: its number, when it was written, its length.
pub(super) type Stamp = Option<(u64, i64, i64, u64)>;

/// The stamps of both files; none where one cannot be looked at. Looks at the disk.
pub(super) fn stamps(files: &CertificateFiles) -> [Stamp; 2] {
    [stamp_of(&files.chain), stamp_of(&files.key)]
}

/// The stamp of one file; none where it cannot be looked at. Looks at the disk.
pub(super) fn stamp_of(path: &Path) -> Stamp {
    std::fs::metadata(path).ok().map(|found| stamp(&found))
}

fn stamp(found: &Metadata) -> (u64, i64, i64, u64) {
    (found.ino(), found.mtime(), found.mtime_nsec(), found.len())
}

/// The certificates of the file `path`, in its order.
pub(super) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let bytes = read(path, MAX_CHAIN).map_err(Fault::chain)?;
    chain_in(&bytes, &path.display())
}

/// The certificates in `bytes`, in their order; `shown` is what these are called.
pub(super) fn chain_in(
    bytes: &[u8],
    shown: &impl Display,
) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let bytes = &*plain(bytes);
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let chain = read.map_err(|_| Fault::chain(format!("{shown} is damaged: it is not PEM")))?;
    if chain.is_empty() {
        let what = kinds(bytes);
        return Err(Fault::chain(format!("{shown} holds no certificate{what}")));
    }
    Ok(chain)
}

/// The private key of the file `path`.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Fault> {
    let bytes = read(path, MAX_KEY).map_err(Fault::key)?;
    key_in(&bytes, &path.display())
}

/// The private key in `bytes`; `shown` is what these are called.
pub(super) fn key_in(bytes: &[u8], shown: &impl Display) -> Result<PrivateKeyDer<'static>, Fault> {
    // As `openssl` writes one with a passphrase: PKCS#8, or a header in an older form.
    let locked = |part: &[u8]| memchr::memmem::find(bytes, part).is_some();
    if locked(b"BEGIN ENCRYPTED PRIVATE KEY") || locked(b"Proc-Type: 4,ENCRYPTED") {
        return Err(Fault::key(format!(
            "{shown} needs a passphrase: write it without one (openssl pkey -in FILE -out FILE)"
        )));
    }
    let bytes = plain(bytes);
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            let what = kinds(&bytes);
            Fault::key(format!("{shown} holds no private key{what}"))
        }
        // What it says may repeat a line of the file.
        _ => Fault::key(format!("{shown} is damaged: it is not PEM")),
    })
}

/// `bytes` without the mark that some editors put first, and without blanks before a line: of a
/// certificate behind them nothing would be seen, and the next one taken for the first.
fn plain(bytes: &[u8]) -> Cow<'_, [u8]> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    if !lines.any(|line| line.first().is_some_and(is_blank)) {
        return Cow::Borrowed(bytes);
    }
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let bare = |line: &[u8]| {
        let blanks = line.iter().take_while(|byte| is_blank(byte)).count();
        line[blanks..].to_vec()
    };
    Cow::Owned(lines.flat_map(bare).collect())
}

/// What a file holds in place of what was looked for, as far as that is known.
fn kinds(bytes: &[u8]) -> String {
    let sections = <(SectionKind, Vec<u8>) as PemObject>::pem_slice_iter(bytes);
    let mut found: Vec<&str> = sections
        .filter_map(Result::ok)
        .filter_map(|(kind, _)| match kind {
            SectionKind::Certificate => Some("a certificate"),
            SectionKind::Csr => Some("a request for a certificate"),
            SectionKind::PublicKey => Some("a public key"),
            SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey | SectionKind::PrivateKey => {
                Some("a private key")
            }
            _ => None,
        })
        .collect();
    found.dedup();
    match found.first() {
        None => " in PEM".to_owned(),
        Some(found) => format!(", but {found}"),
    }
}

/// The whole file, which must not be longer than `limit`.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let bytes = read_at_most(path, limit + 1)
        .map_err(|error| format!("{shown} cannot be read: {error}"))?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= limit => Ok(bytes),
        _ => Err(format!("{shown} is longer than {limit} bytes")),
    }
}
