//! What tls-alpn-01 shows (RFC 8737): a certificate for one host, signed by itself, that holds the
//! digest of what was agreed on with the authority.

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::tls::Engine;

/// The name that is asked for in the handshake, and how it goes: who asks for `host`, which may
/// be an address, is shown `digest`.
///
/// # Errors
/// Why no certificate can be made.
pub fn challenge_certificate(
    engine: &Engine,
    host: &str,
    digest: &[u8],
) -> Result<(String, Arc<ServerConfig>), String> {
    let made = || -> Result<(Vec<u8>, Vec<u8>), rcgen::Error> {
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        let extension = CustomExtension::new_acme_identifier(digest);
        params.custom_extensions = vec![extension];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Ok((certificate.der().to_vec(), key.serialize_der()))
    };
    let (certificate, key) = made().map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let handshake = engine.challenge(certificate.into(), key);
    Ok((asked_for(host), handshake?))
}

/// An address is asked for by its name in the DNS turned round (RFC 8738 section 6).
fn asked_for(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        Ok(IpAddr::V6(ip)) => {
            let octets = ip.octets();
            let nibbles = octets.iter().rev().flat_map(|b| [b & 15, b >> 4]);
            let labels: String = nibbles.map(|n| format!("{n:x}.")).collect();
            format!("{labels}ip6.arpa")
        }
        Err(_) => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::asked_for;

    #[test]
    fn an_address_is_asked_for_by_its_reversed_name() {
        assert_eq!(asked_for("shop.example.com"), "shop.example.com");
        assert_eq!(asked_for("10.0.0.1"), "1.0.0.10.in-addr.arpa");
        let six = asked_for("2001:db8::1");
        assert!(six.starts_with("1.0.0.0.") && six.ends_with("8.b.d.0.1.0.0.2.ip6.arpa"));
    }
}
