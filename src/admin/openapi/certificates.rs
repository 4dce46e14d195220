//! The document's schema: certificates, and the authorities that they are had from.

use serde_json::json;

use super::config::path;
use super::schema::{Object, any_of, flag, list, of, or, said, text, word};
use crate::model::AcmeChallenge;

/// `[[certificates]]`.
pub(super) fn certificate() -> Object {
    let files = Object::new()
        .must("chain", path())
        .must("key", path())
        .taken();
    Object::new()
        .must("name", of("Name"))
        .may("hosts", list(text()))
        .may("files", said(files, "PEM files, watched."))
        .may("uploaded", said(flag(), "Given: PUT /api/v1/tls/NAME."))
        .may("self_signed", said(flag(), "Made for the hosts."))
        .may("acme", said(of("Name"), "The authority that issues it."))
}

/// `[[acme]]`.
pub(super) fn acme() -> Object {
    let directory = "letsencrypt, letsencrypt-staging, zerossl or the URL of a directory.";
    let eab = Object::new()
        .may("key_id", text())
        .may(
            "hmac",
            said(
                any_of([json!({ "const": "" }), of("Secret")]),
                "In base64url, as it was handed out; empty says nothing.",
            ),
        )
        .taken();
    let challenges = word(AcmeChallenge::ALL.map(AcmeChallenge::as_str));
    Object::new()
        .must("name", of("Name"))
        .may("directory", or(said(text(), directory), "letsencrypt"))
        .may("email", said(text(), "Whom the authority may write to."))
        .may("challenge", or(challenges, "http-01"))
        .may(
            "eab",
            said(eab, "The account elsewhere that ours is bound to."),
        )
        .may(
            "ca",
            said(text(), "A PEM file: who signs for the authority itself."),
        )
}
