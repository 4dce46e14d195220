//! The admin address's own certificate, signed by itself: made once, and kept, so that whoever
//! has looked at it knows it again.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;

use super::pem;
use super::x509::facts;
use crate::disk::write_private;

/// The file in the data directory: key and certificate.
const FILE: &str = "admin.pem";

/// How long one is good, in years: nobody renews it, and a new one is a warning in every browser.
const YEARS: i32 = 10;

/// One that ends sooner than this, in seconds, is made anew at a start.
const SOON: i64 = 30 * 86_400;

/// The certificate of the data directory `dir`, made where there is none that can be used. Waits
/// for the disk.
///
/// # Errors
/// When it can neither be read nor made.
pub fn own_certificate(dir: &Path) -> io::Result<Arc<CertifiedKey>> {
    let path = dir.join(FILE);
    if let Some(kept) = read(&path) {
        return Ok(kept);
    }
    write_private(dir, FILE, made().map_err(io::Error::other)?.as_bytes())?;
    read(&path).ok_or_else(|| io::Error::other(format!("{FILE} cannot be read back")))
}

fn read(path: &Path) -> Option<Arc<CertifiedKey>> {
    let chain = pem::chain(path).ok()?;
    let key: PrivateKeyDer<'static> = pem::key(path).ok()?;
    let now = jiff::Timestamp::now().as_second();
    if facts(chain.first()?)?.not_after - now < SOON {
        return None;
    }
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let signing = provider.key_provider.load_private_key(key).ok()?;
    let key = CertifiedKey::new(chain, signing);
    key.keys_match().is_ok().then(|| Arc::new(key))
}

/// Key and certificate as PEM.
fn made() -> Result<String, rcgen::Error> {
    let machine = rustix::system::uname();
    let machine = machine.nodename().to_string_lossy().into_owned();
    let names = ["localhost", &machine, "127.0.0.1", "::1"];
    let mut params = CertificateParams::new(names.map(str::to_owned).to_vec())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Steelyard");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let year = i32::from(today.year());
    // From the year's first day on: the clocks of browsers differ.
    params.not_before = date_time_ymd(year, 1, 1);
    params.not_after = date_time_ymd(year + YEARS, 1, 1);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(key.serialize_pem() + &certificate.pem())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::own_certificate;

    #[test]
    fn it_is_made_once_for_its_owner_alone_and_again_where_it_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let first = own_certificate(dir.path()).unwrap();
        let again = own_certificate(dir.path()).unwrap();
        assert_eq!(first.cert, again.cert);
        let file = dir.path().join("admin.pem");
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----\n").unwrap();
        let other = own_certificate(dir.path()).unwrap();
        assert_ne!(first.cert, other.cert);
        assert!(own_certificate(&dir.path().join("nowhere")).is_err());
    }
}
