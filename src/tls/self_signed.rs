//! Certificates that this program makes for the operator's hosts, signed by themselves: nobody
//! trusts one who was not told to, so it is kept, and another made in good time.

use jiff::ToSpan;
use jiff::tz::TimeZone;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};

use super::names::Names;
use super::pem;
use super::x509::facts;
use crate::model::{HostPattern, KeptCertificate, SecretBytes};

/// How many days one is good: a browser takes no longer ones.
const DAYS: i64 = 365;

/// One for `hosts`, good from the day before `now`, seconds since 1970. Its key is ECDSA P-256.
///
/// # Errors
/// Why none could be made.
pub fn self_signed(hosts: &[HostPattern], now: i64) -> Result<KeptCertificate, String> {
    let names: Vec<String> = hosts.iter().map(bare).collect();
    let made = || -> Result<KeptCertificate, rcgen::Error> {
        let mut params = CertificateParams::new(names.clone())?;
        let first = names.first().map_or("Steelyard", String::as_str);
        // A common name has 64 characters at most.
        let common: String = first.chars().take(64).collect();
        params.distinguished_name.push(DnType::CommonName, common);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // From yesterday on: the clocks of browsers differ.
        let midnight = |(year, month, day)| date_time_ymd(year, month, day);
        params.not_before = midnight(day(now, -1));
        params.not_after = midnight(day(now, DAYS));
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Ok(KeptCertificate {
            chain: certificate.pem().into(),
            key: Some(SecretBytes::new(key.serialize_pem().as_bytes())),
            since: now,
        })
    };
    made().map_err(|error| format!("no certificate can be made: {error}"))
}

/// Whether another is to be made in place of `kept`: it cannot be used, is for other hosts, or two
/// thirds of its time are over at `now`.
pub fn is_due(kept: &KeptCertificate, hosts: &[HostPattern], now: i64) -> bool {
    let chain = pem::chain_in(kept.chain.as_bytes(), &"").ok();
    let facts = chain.and_then(|chain| facts(chain.first()?));
    let Some(facts) = facts.filter(|_| kept.key.is_some()) else {
        return true;
    };
    let mut wanted = Names::default();
    for host in hosts {
        match bare(host).parse() {
            Ok(ip) => wanted.ips.push(ip),
            Err(_) => wanted.add(&bare(host)),
        }
    }
    let span = facts.not_after - facts.not_before;
    facts.names != wanted || now >= facts.not_before + span / 3 * 2
}

/// A host as it stands in a certificate.
fn bare(host: &HostPattern) -> String {
    let text = host.to_string();
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    inner.unwrap_or(&text).to_owned()
}

/// Year, month and day, so many days after `now`.
fn day(now: i64, after: i64) -> (i32, u8, u8) {
    let now = jiff::Timestamp::from_second(now).unwrap_or_default();
    let day = now.to_zoned(TimeZone::UTC).saturating_add(after.days());
    let part = |number: i8| u8::try_from(number).unwrap_or(1);
    (day.year().into(), part(day.month()), part(day.day()))
}

#[cfg(test)]
mod tests {
    use super::{DAYS, is_due, self_signed};
    use crate::model::{HostPattern, KeptCertificate};

    fn hosts(texts: &[&str]) -> Vec<HostPattern> {
        let parse = |text: &&str| HostPattern::parse(text).unwrap();
        texts.iter().map(parse).collect()
    }

    #[test]
    fn another_is_made_for_other_hosts_and_when_two_thirds_are_over() {
        let now = 1_795_000_000;
        let all = hosts(&["shop.example.com", "*.example.com", "10.0.0.1", "[::1]"]);
        let made = self_signed(&all, now).unwrap();
        assert!(made.chain.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(!is_due(&made, &all, now));
        assert!(is_due(&made, &all[1..], now));
        let other = hosts(&["shop.example.com", "*.example.com", "10.0.0.2", "[::1]"]);
        assert!(is_due(&made, &other, now));
        let day = 86_400;
        assert!(!is_due(&made, &all, now + (DAYS * 2 / 3 - 2) * day));
        assert!(is_due(&made, &all, now + (DAYS * 2 / 3 + 1) * day));
        let without = KeptCertificate { key: None, ..made };
        assert!(is_due(&without, &all, now), "no key opens it");
        let long = format!("{}.example.com", ["a".repeat(60), "b".repeat(60)].join("."));
        let long = hosts(&[&long]);
        assert!(!is_due(&self_signed(&long, now).unwrap(), &long, now));
    }
}
