//! Chains of every kind, and each way in which one can be wrong.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256,
    SignatureAlgorithm,
};
use rustls::pki_types::CertificateDer;

use super::Links;
use crate::tls::x509::{Facts, facts};

type Der = CertificateDer<'static>;

const NOW: i64 = 1_795_000_000;
const DAY: i64 = 86_400;

/// An authority or what it signs: its name, its key, and from when to when it is good.
struct Maker {
    params: CertificateParams,
    key: KeyPair,
}

impl Maker {
    fn new(name: &str, is_ca: bool, how: &'static SignatureAlgorithm) -> Self {
        let mut params = CertificateParams::new(vec!["shop.example.com".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = match is_ca {
            true => IsCa::Ca(BasicConstraints::Unconstrained),
            false => IsCa::ExplicitNoCa,
        };
        let key = KeyPair::generate_for(how).unwrap();
        Self { params, key }.good(-DAY, DAY)
    }

    fn good(mut self, from: i64, until: i64) -> Self {
        let at = |seconds: i64| {
            let time = jiff::Timestamp::from_second(NOW + seconds).unwrap();
            let day = time.to_zoned(jiff::tz::TimeZone::UTC).date();
            rcgen::date_time_ymd(
                day.year().into(),
                day.month().try_into().unwrap(),
                day.day().try_into().unwrap(),
            )
        };
        (self.params.not_before, self.params.not_after) = (at(from), at(until));
        self
    }

    fn by(&self, above: &Self) -> Der {
        let issuer = Issuer::from_params(&above.params, &above.key);
        let made = self.params.signed_by(&self.key, &issuer).unwrap();
        made.der().clone()
    }

    fn by_itself(&self) -> Der {
        self.by(self)
    }
}

const EC: &SignatureAlgorithm = &PKCS_ECDSA_P256_SHA256;

fn links(chain: &[Der]) -> Links {
    let all: Vec<Facts> = chain.iter().map(|one| facts(one).unwrap()).collect();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    Links::of(chain, &all, provider.signature_verification_algorithms)
}

#[track_caller]
fn is_told(chain: &[Der], words: &str) {
    let told = links(chain).not_good_at(NOW);
    let told = told.expect("something is wrong with it");
    assert!(
        told.contains(words) && told.ends_with("; take the whole chain anew from its authority"),
        "{told}"
    );
}

#[test]
fn sound_chains_of_every_kind_of_key_are_believed() {
    let kinds = [EC, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519, &PKCS_RSA_SHA256];
    for above in kinds {
        for below in kinds {
            let root = Maker::new("root", true, above);
            let between = Maker::new("between", true, below);
            let leaf = Maker::new("leaf", false, above);
            let chain = [leaf.by(&between), between.by(&root), root.by_itself()];
            for length in 1..=3 {
                assert_eq!(links(&chain[..length]).not_good_at(NOW), None, "{length}");
            }
        }
    }
}

#[test]
fn a_root_that_another_signed_too_and_both_in_one_chain_are_believed() {
    let old = Maker::new("old root", true, EC);
    let new = Maker::new("new root", true, &PKCS_RSA_SHA256);
    let leaf = Maker::new("leaf", false, EC);
    let cross = new.by(&old);
    for chain in [
        vec![leaf.by(&new), cross.clone()],
        vec![leaf.by(&new), new.by_itself(), cross.clone()],
        vec![leaf.by(&new), cross, old.by_itself()],
    ] {
        assert_eq!(links(&chain).not_good_at(NOW), None);
    }
}

#[test]
fn a_certificate_that_signed_itself_alone_is_not_judged() {
    let own = Maker::new("own", false, EC);
    let found = links(&[own.by_itself()]);
    assert_eq!((found.not_good_at(NOW), found.not_after()), (None, None));
}

#[test]
fn one_behind_that_is_too_old_or_too_new_is_told_by_its_name_and_its_end_counts() {
    let root = Maker::new("root", true, EC);
    let leaf = Maker::new("leaf", false, EC);
    let old = Maker::new("old between", true, EC).good(-9 * DAY, -2 * DAY);
    let chain = [leaf.by(&old), old.by(&root)];
    is_told(
        &chain,
        "number 2 of its chain (old between) has expired on 20",
    );
    let new = Maker::new("new between", true, EC).good(2 * DAY, 9 * DAY);
    let chain = [leaf.by(&new), new.by(&root), root.by_itself()];
    is_told(
        &chain,
        "number 2 of its chain (new between) is good only from 20",
    );
    let later = links(&chain).not_good_at(NOW + 3 * DAY);
    assert!(later.is_some(), "the root ends");
    // It is good now and will not be.
    let short = Maker::new("short", true, EC).good(-9 * DAY, 5 * DAY);
    let found = links(&[leaf.by(&short), short.by(&root)]);
    assert_eq!(found.not_good_at(NOW), None);
    let end = found.not_after().unwrap();
    assert!(end <= NOW + 5 * DAY && end > NOW, "{end}");
    assert_eq!(found.not_good_at(end - 1), None);
    assert!(
        found
            .not_good_at(end)
            .unwrap()
            .contains("(short) has expired")
    );
}

#[test]
fn one_that_is_no_authority_or_may_not_sign_is_told() {
    let plain = Maker::new("plain", false, EC);
    let leaf = Maker::new("leaf", false, EC);
    let chain = [leaf.by(&plain), plain.by_itself()];
    is_told(&chain, "number 2 of its chain (plain) is no authority");
    let mut weak = Maker::new("weak", true, EC);
    weak.params.key_usages = vec![KeyUsagePurpose::CrlSign];
    let chain = [leaf.by(&weak), weak.by_itself()];
    is_told(&chain, "number 2 of its chain (weak) is no authority");
}

#[test]
fn one_of_the_right_name_and_another_key_is_told() {
    let leaf = Maker::new("leaf", false, EC);
    let right = Maker::new("between", true, EC);
    for other in [EC, &PKCS_RSA_SHA256, &PKCS_ED25519] {
        let wrong = Maker::new("between", true, other);
        let chain = [leaf.by(&right), wrong.by_itself()];
        is_told(&chain, "(between) has not signed number 1");
        let root = Maker::new("root", true, EC);
        let chain = [leaf.by(&right), right.by(&wrong), root.by_itself()];
        is_told(
            &chain,
            "number 3 of its chain (root) has not signed number 2",
        );
    }
}

#[test]
fn a_damaged_signature_is_told() {
    let root = Maker::new("root", true, EC);
    let leaf = Maker::new("leaf", false, EC);
    let mut bytes = leaf.by(&root).to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    is_told(
        &[bytes.into(), root.by_itself()],
        "(root) has not signed number 1",
    );
}
