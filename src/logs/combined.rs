//! The `combined` line of nginx, byte for byte, and `host:port` in front of it.
//!
//! `$remote_addr - $remote_user [$time_local] "$request" $status
//! $body_bytes_sent "$http_referer" "$http_user_agent"`

use super::Record;
use super::line::{address, decimal};

/// Writes the line; `local` is its date.
pub(super) fn append(record: &Record<'_>, local: &str, out: &mut Vec<u8>) {
    address(out, record.client_ip);
    out.extend_from_slice(b" - ");
    // nginx leaves blanks and brackets in a user name as they are, so that a
    // client can write the date of its own line.
    bare(out, record.user, b" []");
    out.extend_from_slice(b" [");
    out.extend_from_slice(local.as_bytes());
    out.extend_from_slice(b"] \"");
    request(out, record);
    out.extend_from_slice(b"\" ");
    decimal(out, record.status.into(), 3);
    out.push(b' ');
    decimal(out, record.bytes_out_body, 1);
    out.extend_from_slice(b" \"");
    quoted(out, record.referer);
    out.extend_from_slice(b"\" \"");
    quoted(out, record.user_agent);
    out.extend_from_slice(b"\"\n");
}

/// Writes `host:port ` for `vcombined`.
pub(super) fn append_host(record: &Record<'_>, out: &mut Vec<u8>) {
    bare(out, record.host, b" ");
    out.push(b':');
    decimal(out, record.listener_port.into(), 1);
    out.push(b' ');
}

fn request(out: &mut Vec<u8>, record: &Record<'_>) {
    if record.method.is_empty() {
        out.push(b'-');
        return;
    }
    // All of it at once, and looked at once: nearly always nothing in it needs more.
    let begin = out.len();
    out.extend_from_slice(record.method);
    out.push(b' ');
    out.extend_from_slice(record.path);
    if let Some(query) = record.query {
        out.push(b'?');
        out.extend_from_slice(query);
    }
    out.push(b' ');
    out.extend_from_slice(record.protocol.as_bytes());
    if !all(&out[begin..], harmless) {
        let raw = out.split_off(begin);
        escape(out, &raw, harmless);
    }
}

/// A value between quotes. nginx writes `""` for a field that was sent empty;
/// readers of logs stumble over it, so that too is `-`.
fn quoted(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None | Some(b"") => out.push(b'-'),
        Some(value) => escape(out, value, harmless),
    }
}

/// A value without quotes around it, where `ends` would end it.
fn bare(out: &mut Vec<u8>, value: &[u8], ends: &[u8]) {
    if value.is_empty() {
        out.push(b'-');
    } else {
        escape(out, value, |b| harmless(b) && !ends.contains(&b));
    }
}

/// What nginx's default `log_format` escaping leaves as it is.
fn harmless(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte) & (byte != b'"') & (byte != b'\\')
}

fn all(value: &[u8], plain: impl Fn(u8) -> bool) -> bool {
    // Nothing ends this loop early, so that the compiler looks at many bytes at once.
    value.iter().fold(true, |all, b| all & plain(*b))
}

fn escape(out: &mut Vec<u8>, value: &[u8], plain: impl Fn(u8) -> bool) {
    if all(value, &plain) {
        out.extend_from_slice(value);
        return;
    }
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut rest = value;
    while let Some(at) = rest.iter().position(|b| !plain(*b)) {
        out.extend_from_slice(&rest[..at]);
        let byte = rest[at];
        let digit = |half: u8| HEX[usize::from(half & 15)];
        out.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte)]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::{append, append_host};
    use crate::logs::Record;
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    const DATE: &str = "10/Oct/2000:13:55:36 -0700";

    fn line(record: &Record<'_>) -> String {
        let mut out = Vec::new();
        append(record, DATE, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_absent_reads_a_dash() {
        let record = Record {
            user: b"",
            method: b"",
            path: b"",
            query: None,
            protocol: "",
            status: 400,
            bytes_out_body: 0,
            user_agent: None,
            referer: Some(b""),
            ..Record::example()
        };
        assert_eq!(
            line(&record),
            format!("192.0.2.7 - - [{DATE}] \"-\" 400 0 \"-\" \"-\"\n")
        );
    }

    #[test]
    fn bytes_are_escaped_as_nginx_does() {
        let record = Record {
            user: b"a b[",
            path: b"/\xe4\"\\",
            query: Some(b""),
            user_agent: Some(b"x\r\n\t\x7f\0"),
            ..Record::example()
        };
        let line = line(&record);
        assert!(line.contains(r#" - a\x20b\x5B ["#), "{line}");
        assert!(line.contains(r#""GET /\xE4\x22\x5C? HTTP/1.1""#), "{line}");
        assert!(line.ends_with("\"x\\x0D\\x0A\\x09\\x7F\\x00\"\n"), "{line}");
    }

    #[test]
    fn a_client_has_one_spelling() {
        let record = Record {
            client_ip: "::ffff:192.0.2.7".parse().unwrap(),
            ..Record::example()
        };
        assert!(line(&record).starts_with("192.0.2.7 - "));
    }

    proptest! {
        #[test]
        fn no_content_adds_a_line_a_quote_or_a_field(
            method in vec(any::<u8>(), 0..8),
            path in vec(any::<u8>(), 0..40),
            host in vec(any::<u8>(), 0..20),
            user in vec(any::<u8>(), 0..20),
            query in option::of(vec(any::<u8>(), 0..20)),
            agent in option::of(vec(any::<u8>(), 0..40)),
        ) {
            let record = Record {
                method: &method,
                path: &path,
                host: &host,
                user: &user,
                query: query.as_deref(),
                user_agent: agent.as_deref(),
                referer: agent.as_deref(),
                ..Record::example()
            };
            let line = line(&record);
            prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
            prop_assert_eq!(line.matches('"').count(), 6);
            let front: Vec<&str> = line.split('"').next().unwrap().split(' ').collect();
            prop_assert_eq!(front.len(), 6, "{:?}", front);
            prop_assert_eq!(front[3], "[10/Oct/2000:13:55:36");
            prop_assert!(!front[2].contains(['[', ']']));
            let mut host = Vec::new();
            append_host(&record, &mut host);
            let host = String::from_utf8(host).unwrap();
            prop_assert_eq!(host.find([' ', '"', '\n']), Some(host.len() - 1));
        }
    }
}
