//! Whether the certificates of a chain lead to one another, as a client looks at them.
//!
//! What is found here keeps no certificate from being shown that is shown already, as little as
//! its age does: there are clients that find a way of their own.

#[cfg(test)]
mod tests;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use x509_parser::asn1_rs::{Any, FromDer};
use x509_parser::prelude::X509Certificate;

use super::certificate::day;
use super::x509::{Facts, LEAST_RSA, issuer_words};

/// The certificates of a chain behind the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Links {
    behind: Vec<Behind>,
    /// What is wrong with one of them at any time.
    wrong: Option<String>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Behind {
    /// What it is called: `number 2 of its chain (R11, Let's Encrypt)`.
    called: String,
    not_before: i64,
    not_after: i64,
}

impl Links {
    /// Those of `chain`, of which each was found to be named as the issuer of the one before.
    pub(super) fn of(
        chain: &[CertificateDer<'_>],
        facts: &[Facts],
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Self {
        let called = |place: usize, facts: &Facts| {
            let name = issuer_words(&facts.subject);
            format!("number {} of its chain ({name})", place + 1)
        };
        let behind = facts.iter().enumerate().skip(1);
        let behind = behind.map(|(place, facts)| Behind {
            called: called(place, facts),
            not_before: facts.not_before,
            not_after: facts.not_after,
        });
        let wrong = chain.windows(2).zip(facts.windows(2)).enumerate();
        let wrong = wrong.filter_map(|(place, (pair, facts))| {
            let called = called(place + 1, &facts[1]);
            if !facts[1].may_sign {
                return Some(format!("{called} is no authority"));
            }
            if let Some(bits) = facts[1].rsa_bits.filter(|bits| *bits < LEAST_RSA) {
                return Some(format!("{called} has an RSA key of {bits} bits only"));
            }
            (!may_have_signed(&pair[1], &pair[0], algorithms)).then(|| {
                format!("{called} has not signed number {}: it has the right name and another key, or one of the two is damaged", place + 1)
            })
        });
        Self {
            wrong: wrong.take(1).next().map(told),
            behind: behind.collect(),
        }
    }

    /// When the first of them ends, in seconds since 1970.
    pub(super) fn not_after(&self) -> Option<i64> {
        self.behind.iter().map(|one| one.not_after).min()
    }

    /// Why clients may not believe them at `now`.
    pub(super) fn not_good_at(&self, now: i64) -> Option<String> {
        let old = |one: &Behind| {
            let (called, not_after) = (&one.called, day(one.not_after));
            (now >= one.not_after).then(|| format!("{called} has expired on {not_after}"))
        };
        let new = |one: &Behind| {
            let (called, not_before) = (&one.called, day(one.not_before));
            (now < one.not_before).then(|| {
                let now = day(now);
                format!("{called} is good only from {not_before} on, and this machine's clock says {now}")
            })
        };
        let dated = || {
            self.behind
                .iter()
                .find_map(|one| old(one).or_else(|| new(one)))
        };
        self.wrong.clone().or_else(|| dated().map(told))
    }
}

fn told(why: String) -> String {
    format!(
        "may not be believed by clients, as {why}; take the whole chain anew from its authority"
    )
}

/// Whether the key of `above` may have signed `below`. What is signed in a way that nothing here
/// knows is not judged.
fn may_have_signed(
    above: &CertificateDer<'_>,
    below: &CertificateDer<'_>,
    algorithms: WebPkiSupportedAlgorithms,
) -> bool {
    let Some((signed, key)) = Signed::of(below).zip(PublicKey::of(above)) else {
        return true;
    };
    let knows = |one: &&&dyn SignatureVerificationAlgorithm| {
        one.signature_alg_id().as_ref() == signed.algorithm
    };
    let known: Vec<_> = algorithms.all.iter().filter(knows).collect();
    let mut fitting = known
        .iter()
        .filter(|one| one.public_key_alg_id().as_ref() == key.algorithm)
        .peekable();
    if fitting.peek().is_none() {
        // A key of another kind can have signed nothing of it; on another curve it may have.
        let is_kind = |one: &&&dyn SignatureVerificationAlgorithm| {
            kind(one.public_key_alg_id().as_ref()) == kind(key.algorithm)
        };
        return known.is_empty() || known.iter().any(is_kind);
    }
    fitting.any(|one| {
        one.verify_signature(key.bits, signed.text, signed.signature)
            .is_ok()
    })
}

/// What is signed of a certificate, how, and the signature.
struct Signed<'c> {
    text: &'c [u8],
    /// The inside of its `AlgorithmIdentifier`, as the cryptography names its own.
    algorithm: &'c [u8],
    signature: &'c [u8],
}

impl<'c> Signed<'c> {
    fn of(certificate: &'c CertificateDer<'_>) -> Option<Self> {
        let (_, whole) = Any::from_der(certificate).ok()?;
        let (rest, _) = Any::from_der(whole.data).ok()?;
        let text = whole.data.get(..whole.data.len() - rest.len())?;
        let (rest, algorithm) = Any::from_der(rest).ok()?;
        let (_, signature) = Any::from_der(rest).ok()?;
        Some(Self {
            text,
            algorithm: algorithm.data,
            signature: bits(signature.data)?,
        })
    }
}

/// A public key, and of which kind it is.
struct PublicKey<'c> {
    algorithm: &'c [u8],
    bits: &'c [u8],
}

impl<'c> PublicKey<'c> {
    fn of(certificate: &'c CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let (_, whole) = Any::from_der(parsed.tbs_certificate.subject_pki.raw).ok()?;
        let (rest, algorithm) = Any::from_der(whole.data).ok()?;
        let (_, key) = Any::from_der(rest).ok()?;
        Some(Self {
            algorithm: algorithm.data,
            bits: bits(key.data)?,
        })
    }
}

/// The whole bytes of a bit string.
fn bits(inside: &[u8]) -> Option<&[u8]> {
    let (unused, bits) = inside.split_first()?;
    (*unused == 0).then_some(bits)
}

/// The identifier within an `AlgorithmIdentifier`, without its parameters.
fn kind(algorithm: &[u8]) -> Option<&[u8]> {
    let (_, identifier) = Any::from_der(algorithm).ok()?;
    Some(identifier.data)
}
