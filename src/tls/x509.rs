//! What stands in a certificate: its names, when it holds, and who issued it.

use std::net::IpAddr;

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::X509Name;

use super::names::Names;

/// The fewest bits of an RSA key that clients believe, and that we can sign with.
pub(super) const LEAST_RSA: usize = 2048;

/// What stands in a certificate, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// The hosts it is made for. Its common name is none of them: no client looks there.
    pub(super) names: Names,
    /// When it begins to hold, in seconds since 1970.
    pub(super) not_before: i64,
    /// When it ends.
    pub(super) not_after: i64,
    /// Whom it is for, as the issuer writes it in what it issues.
    pub(super) subject: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    /// How long its key is, where that is one of RSA.
    pub(super) rsa_bits: Option<usize>,
    /// Whether it may sign others.
    pub(super) may_sign: bool,
}

/// Reads `certificate`; none when it is no certificate.
pub(super) fn facts(certificate: &CertificateDer<'_>) -> Option<Facts> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let mut names = Names::default();
    if let Ok(Some(alternatives)) = parsed.subject_alternative_name() {
        for name in &alternatives.value.general_names {
            match name {
                GeneralName::DNSName(name) => names.add(name),
                GeneralName::IPAddress(bytes) => names.ips.extend(address(bytes)),
                _ => {}
            }
        }
    }
    Some(Facts {
        names,
        not_before: parsed.validity().not_before.timestamp(),
        not_after: parsed.validity().not_after.timestamp(),
        subject: parsed.subject().as_raw().to_vec(),
        issuer: parsed.issuer().as_raw().to_vec(),
        rsa_bits: match parsed.public_key().parsed() {
            Ok(PublicKey::RSA(key)) => Some(key.key_size()),
            _ => None,
        },
        may_sign: may_sign(&parsed),
    })
}

/// Roots from before there was a word for it say nothing of being one, and sign themselves.
fn may_sign(parsed: &X509Certificate<'_>) -> bool {
    let is_authority = match parsed.basic_constraints() {
        Ok(Some(said)) => said.value.ca,
        Ok(None) => parsed.subject().as_raw() == parsed.issuer().as_raw(),
        Err(_) => false,
    };
    let use_of = parsed.key_usage().ok().flatten();
    is_authority && use_of.is_none_or(|said| said.value.key_cert_sign())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
    }
}

/// An issuer as it stands in a certificate, in words: `R11, Let's Encrypt`.
pub(super) fn issuer_words(raw: &[u8]) -> String {
    let Ok((_, name)) = X509Name::from_der(raw) else {
        return String::new();
    };
    let common = name.iter_common_name().next();
    let organization = name.iter_organization().next();
    let parts = common.into_iter().chain(organization);
    let words: Vec<&str> = parts.filter_map(|part| part.as_str().ok()).collect();
    match words.is_empty() {
        true => name.to_string(),
        false => words.join(", "),
    }
}
