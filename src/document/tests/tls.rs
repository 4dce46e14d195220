//! `tls` of listeners, and certificates.

use super::super::{Format, diff, parse, to_toml};
use super::told;
use crate::model::{CertificateSource, Listener, ListenerTls, Name, TlsVersion};

fn document(tls: &str) -> String {
    format!(
        "version = 1\n[[listeners]]\nname = \"https\"\naddress = \"0.0.0.0:443\"\ntls = {tls}\n[[certificates]]\nname = \"shop\"\nfiles = {{ chain = \"/a.pem\", key = \"/a.key\" }}\n"
    )
}

#[test]
fn tls_is_off_on_or_a_table_and_is_written_as_short_as_it_can_be() {
    let read = |tls: &str| -> Listener {
        let parsed = parse(&document(tls), Format::Toml).unwrap();
        parsed.config.listeners[0].clone()
    };
    let shop = || vec![Name::parse("shop").unwrap()];
    let with = |certificates, min_version| {
        Some(ListenerTls {
            certificates,
            min_version,
        })
    };
    for (tls, expected, written) in [
        ("false", None, None),
        ("true", with(Vec::new(), TlsVersion::V12), Some("true")),
        ("{}", with(Vec::new(), TlsVersion::V12), Some("true")),
        (
            "{ min_version = \"1.2\", http2 = false }",
            with(Vec::new(), TlsVersion::V12),
            Some("true"),
        ),
        (
            "{ min_version = \"1.3\", certificates = [\"shop\"] }",
            with(shop(), TlsVersion::V13),
            Some("{ certificates = [\"shop\"], min_version = \"1.3\" }"),
        ),
    ] {
        assert_eq!(read(tls).tls, expected, "{tls}");
        let text = to_toml(&parse(&document(tls), Format::Toml).unwrap().config);
        let line = text.lines().find_map(|line| line.strip_prefix("tls = "));
        assert_eq!(line, written, "{text}");
    }
}

#[test]
fn what_a_listener_says_of_tls_is_checked() {
    for (tls, problem) in [
        (
            "\"yes\"",
            "lb.toml:5:7: listeners[0].tls: must be true, false or a table, { certificates = [\"…\"] } (is \"yes\")",
        ),
        (
            "{ min_version = \"1.1\" }",
            "lb.toml:5:23: listeners[0].tls.min_version: must be one of 1.2, 1.3 (is \"1.1\")",
        ),
        (
            "{ http2 = true }",
            "lb.toml:5:9: listeners[0].tls.http2: `http2` is not available in this version",
        ),
        (
            "{ certificates = [\"blog\"] }",
            "lb.toml:5:25: listeners[0].tls.certificates[0]: no certificate is named blog (there are: shop)",
        ),
        (
            "{ certificate = [\"shop\"] }",
            "lb.toml:5:9: listeners[0].tls.certificate: unknown key \"certificate\"; did you mean \"certificates\"?",
        ),
    ] {
        assert_eq!(told(&document(tls)), [problem], "{tls}");
    }
}

#[test]
fn a_certificate_says_where_it_is() {
    let text = "version = 1\n[[certificates]]\nname = \"a\"\n[[certificates]]\nname = \"b\"\nfiles = { chain = \"a.pem\" }\n[[certificates]]\nname = \"c\"\nhosts = [\"a b\"]\nfiles = 1\n[[listeners]]\nname = \"x\"\naddress = \"0.0.0.0:1\"\ntls = true\n";
    assert_eq!(
        told(text),
        [
            "lb.toml:2:1: certificates[0]: must have exactly one of files, uploaded, self_signed, acme (has none)",
            "lb.toml:6:9: certificates[1].files.key: is missing",
            "lb.toml:6:19: certificates[1].files.chain: must be an absolute path (is \"a.pem\")",
            "lb.toml:9:10: certificates[2].hosts[0]: must be a host name such as shop.example.com or *.example.com (is \"a b\")",
            "lb.toml:10:9: certificates[2].files: must be one table, { … } (is 1)",
        ]
    );
}

#[test]
fn a_certificate_is_from_exactly_one_place() {
    for (source, expected) in [
        ("uploaded = true", CertificateSource::Uploaded),
        (
            "uploaded = false\nself_signed = true\nhosts = [\"a.test\"]",
            CertificateSource::SelfSigned,
        ),
    ] {
        let text = format!("version = 1\n[[certificates]]\nname = \"a\"\n{source}\n");
        let config = parse(&text, Format::Toml).unwrap().config;
        assert_eq!(config.certificates[0].source, expected);
        let again = parse(&to_toml(&config), Format::Toml).unwrap().config;
        assert_eq!(again, config);
    }
    let files = "files = { chain = \"/a\", key = \"/b\" }";
    for (source, problem) in [
        (
            "uploaded = false".to_owned(),
            "2:1: certificates[0]: must have exactly one of files, uploaded, self_signed, acme (has none)",
        ),
        (
            format!("{files}\nuploaded = true"),
            "5:12: certificates[0].uploaded: must have exactly one of files, uploaded, self_signed, acme (has files and uploaded)",
        ),
        (
            "uploaded = true\nself_signed = true\nhosts = [\"a\"]".to_owned(),
            "5:15: certificates[0].self_signed: must have exactly one of files, uploaded, self_signed, acme (has uploaded and self_signed)",
        ),
        (
            "self_signed = true\nhosts = []".to_owned(),
            "5:9: certificates[0].hosts: is missing: the names that it is to be made for",
        ),
        (
            "uploaded = \"yes\"".to_owned(),
            "4:12: certificates[0].uploaded: must be true or false (is \"yes\")",
        ),
    ] {
        let text = format!("version = 1\n[[certificates]]\nname = \"a\"\n{source}\n");
        assert_eq!(told(&text), [format!("lb.toml:{problem}")], "{source}");
    }
}

#[test]
fn a_listener_needs_a_certificate_unless_their_table_cannot_be_read() {
    let listener = "[[listeners]]\nname = \"x\"\naddress = \"0.0.0.0:1\"\ntls = true\n";
    assert_eq!(
        told(&format!("version = 1\n{listener}")),
        ["lb.toml:5:7: listeners[0].tls: needs a certificate to show: add [[certificates]]"]
    );
    let misspelt = format!("version = 1\n{listener}[[certificate]]\nname = \"a\"\n");
    let problems = told(&misspelt);
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[test]
fn the_order_of_certificates_matters_only_where_a_listener_lists_them() {
    let config = |listed: &str, tables: [&str; 2]| {
        let mut text = format!(
            "version = 1\n[[listeners]]\nname = \"x\"\naddress = \"0.0.0.0:1\"\ntls = {{ certificates = [{listed}] }}\n"
        );
        for name in tables {
            text += &format!(
                "[[certificates]]\nname = \"{name}\"\nfiles = {{ chain = \"/{name}\", key = \"/k\" }}\n"
            );
        }
        parse(&text, Format::Toml).unwrap().config
    };
    let before = config("\"a\", \"b\"", ["a", "b"]);
    let tables = config("\"a\", \"b\"", ["b", "a"]);
    assert_eq!(diff(&before, &tables), []);
    let listed = diff(&before, &config("\"b\", \"a\"", ["a", "b"]));
    let fields: Vec<&str> = listed.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["listeners.x.tls.certificates"]);
}
