//! `tls` of a pool: a table; absent is plain.

use super::files::absolute;
use super::reader::Reader;
use super::value::{flag, parsed_or_empty};
use super::writer::Writer;
use crate::model::PoolTls;

pub(super) fn read(r: &mut Reader<'_, '_>) -> PoolTls {
    let d = PoolTls::default();
    PoolTls {
        verify: r.get("verify", d.verify, flag),
        ca: r.get("ca", d.ca, parsed_or_empty(absolute)),
        server_name: r.get("server_name", d.server_name, parsed_or_empty(server_name)),
    }
}

/// Takes `text` as a name that a certificate can be for.
fn server_name(text: &str) -> Result<String, String> {
    let label = |label: &str| {
        let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        (1..=63).contains(&label.len())
            && label.bytes().all(inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_address = text.parse::<std::net::IpAddr>().is_ok();
    let numbers = text.rsplit('.').next().unwrap_or_default();
    let is_number = numbers.bytes().all(|b| b.is_ascii_digit());
    if is_address || (text.len() <= 253 && !is_number && text.split('.').all(label)) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!(
        "must be a host name or an address without a port, such as shop.example.com (is {text:?})"
    ))
}

pub(super) fn write(w: &mut Writer, tls: &PoolTls) {
    let d = PoolTls::default();
    w.field("verify", tls.verify, d.verify);
    let ca = tls.ca.as_ref().map(|path| path.to_string_lossy());
    w.field("ca", ca.unwrap_or_default(), "".into());
    w.field("server_name", tls.server_name.as_deref().unwrap_or(""), "");
}
