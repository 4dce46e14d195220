//! What a document may say of authorities for certificates.

use super::super::{diff, to_toml};
use super::{config, told};
use crate::model::{AcmeChallenge, Secret};

fn document(keys: &str) -> String {
    format!("version = 1\n[[acme]]\nname = \"ca\"\n{keys}\n")
}

#[test]
fn an_authority_needs_a_name_alone() {
    let acme = config(&document("")).acme.remove(0);
    assert_eq!(acme.directory.to_string(), "letsencrypt");
    assert_eq!(acme.challenge, AcmeChallenge::Http01);
    assert_eq!((acme.email, acme.eab, acme.ca), (None, None, None));
    // As all defaults are written in a document.
    let empty = "directory = \"letsencrypt\"\nemail = \"\"\nchallenge = \"http-01\"\neab = { key_id = \"\", hmac = \"\" }\nca = \"\"";
    let text = to_toml(&config(&document(empty)));
    assert_eq!(text, "version = 1\n\n[[acme]]\nname = \"ca\"\n");
}

#[test]
fn the_key_of_an_account_is_a_secret_that_belongs_to_it() {
    let with = |hmac: &str| {
        config(&document(&format!(
            "eab = {{ key_id = \"k1\", hmac = {hmac} }}"
        )))
    };
    let one = with("\"b3BlbiBzZXNhbWU\"");
    assert_eq!(one.secret_texts()[0].0, "acme.ca.eab.hmac");
    let text = to_toml(&one);
    assert!(text.contains("key_id = \"k1\""), "{text}");
    assert!(!text.contains("hmac"), "{text}");
    let changes = diff(&one, &with("\"b3RoZXI\""));
    assert_eq!(changes[0].field, "acme.ca.eab.hmac");
    assert_eq!(changes[0].way, ["acme", "ca", "eab", "hmac"]);
    // What is not said stays.
    let mut next = config(&document("eab = { key_id = \"k1\" }"));
    assert_eq!(next.acme[0].eab.as_ref().unwrap().hmac, Secret::Absent);
    next.keep_secrets_of(&one);
    assert_eq!(next, one);
}

#[test]
fn what_is_wrong_with_an_authority_is_told() {
    for (keys, problem) in [
        (
            "directory = \"http://127.0.0.1/dir\"",
            "4:13: acme[0].directory: must be letsencrypt, letsencrypt-staging, zerossl or the https:// URL of an authority's directory (is \"http://127.0.0.1/dir\")",
        ),
        (
            "email = \"ops\"",
            "4:9: acme[0].email: must be an e-mail address, such as ops@example.com (is \"ops\")",
        ),
        (
            "challenge = \"dns-01\"",
            "4:13: acme[0].challenge: must be one of http-01, tls-alpn-01 (is \"dns-01\")",
        ),
        (
            "eab = { hmac = \"4711\" }",
            "4:7: acme[0].eab.key_id: is missing",
        ),
        (
            "eab = { key_id = \"a b\" }",
            "4:18: acme[0].eab.key_id: must be one word of letters and signs of ASCII (is \"a b\")",
        ),
        (
            "ca = \"root.pem\"",
            "4:6: acme[0].ca: must be an absolute path (is \"root.pem\")",
        ),
        (
            "[[acme]]\nname = \"ca\"",
            "5:8: acme[1].name: ca is already the name of acme[0]",
        ),
    ] {
        assert_eq!(
            told(&document(keys)),
            [format!("lb.toml:{problem}")],
            "{keys}"
        );
    }
}

#[test]
fn a_certificate_names_its_authority_and_hosts_that_it_can_be_had_for() {
    let certificate = |keys: &str| {
        format!(
            "version = 1\nacme = [{{ name = \"ca\" }}]\n[[certificates]]\nname = \"c\"\n{keys}\n"
        )
    };
    let good = certificate("hosts = [\"a.example\", \"10.0.0.1\"]\nacme = \"ca\"");
    assert!(to_toml(&config(&good)).contains("acme = \"ca\""));
    for (keys, problem) in [
        (
            "acme = \"ca\"",
            "3:1: certificates[0].hosts: is missing: the names that it is to be made for",
        ),
        (
            "hosts = [\"a.example\"]\nacme = \"cb\"",
            "6:8: certificates[0].acme: no authority is named cb (there are: ca)",
        ),
        (
            "hosts = [\"a.example\", \"*.example\"]\nacme = \"ca\"",
            "5:23: certificates[0].hosts[1]: *.example cannot be had by http-01 or tls-alpn-01: name each host",
        ),
        (
            "hosts = [\"a.example\"]\nacme = \"ca\"\nuploaded = true",
            "6:8: certificates[0].acme: must have exactly one of files, uploaded, self_signed, acme (has uploaded and acme)",
        ),
        (
            "hosts = [\"a.example\"]\nacme = \"\"",
            "3:1: certificates[0]: must have exactly one of files, uploaded, self_signed, acme (has none)",
        ),
    ] {
        assert_eq!(told(&certificate(keys)), [format!("lb.toml:{problem}")]);
    }
    let many: Vec<String> = (0..101).map(|i| format!("\"h{i}.example\"")).collect();
    let many = certificate(&format!("hosts = [{}]\nacme = \"ca\"", many.join(", ")));
    let told = told(&many);
    assert!(
        told[0].ends_with("certificates[0].hosts: must have at most 100 hosts for one certificate")
    );
}
