//! `[backup]`, described.

use serde_json::json;

use super::schema::{Object, form, of, or, said};

pub(super) fn backup() -> Object {
    let keep = or(
        json!({ "type": "integer", "minimum": 1, "maximum": 1000 }),
        7,
    );
    let time = form("^(([01][0-9]|2[0-3]):[0-5][0-9])?$");
    let dir = form("^(/|$)");
    Object::new()
        .may(
            "nightly",
            said(time, "When, on this machine's clock: 03:00; empty: never."),
        )
        .may("keep", said(keep, "The newest so many are kept."))
        .may("dir", said(dir, "Empty: backups in the data directory."))
        .may("passphrase", of("Secret"))
}
