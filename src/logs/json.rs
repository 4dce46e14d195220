//! One flat JSON object a line: everything we know.
//!
//! Written by hand into the worker's buffer, since this runs once a request;
//! the tests read every line back with `serde_json`. A field without a value is
//! `null`, never absent, so that each line has the same columns.

use std::time::Duration;

use super::line::{address, decimal};
use super::{Record, Try};

/// Writes the object; `utc` is its date and the milliseconds.
pub(super) fn append(record: &Record<'_>, utc: (&str, u32), out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"time\":\"");
    out.extend_from_slice(utc.0.as_bytes());
    out.push(b'.');
    decimal(out, utc.1.into(), 3);
    out.extend_from_slice(b"Z\"");
    who(record, out);
    what(record, out);
    outcome(record, out);
    out.extend_from_slice(b"}\n");
}

fn who(record: &Record<'_>, out: &mut Vec<u8>) {
    text(out, ",\"listener\":", record.listener.as_bytes());
    maybe_text(out, ",\"site\":", record.site.map(str::as_bytes));
    maybe_text(out, ",\"route\":", record.route.map(str::as_bytes));
    out.extend_from_slice(b",\"client_ip\":\"");
    address(out, record.client_ip);
    out.push(b'"');
    number(out, ",\"client_port\":", record.client_port.into());
}

fn what(record: &Record<'_>, out: &mut Vec<u8>) {
    text(out, ",\"method\":", record.method);
    text(out, ",\"host\":", record.host);
    text(out, ",\"path\":", record.path);
    maybe_text(out, ",\"query\":", record.query);
    text(out, ",\"protocol\":", record.protocol.as_bytes());
    maybe_text(out, ",\"tls\":", record.tls.map(str::as_bytes));
}

fn outcome(record: &Record<'_>, out: &mut Vec<u8>) {
    number(out, ",\"status\":", record.status.into());
    number(out, ",\"bytes_in\":", record.bytes_in);
    number(out, ",\"bytes_out\":", record.bytes_out);
    maybe_text(out, ",\"reason\":", record.reason.map(str::as_bytes));
    number(out, ",\"revision\":", record.revision);
    text(out, ",\"request_id\":", record.request_id);
    maybe_text(out, ",\"user_agent\":", record.user_agent);
    maybe_text(out, ",\"referer\":", record.referer);
    maybe_text(out, ",\"node\":", record.node.map(str::as_bytes));
    out.extend_from_slice(b",\"tries\":[");
    for (place, one) in record.tries.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        asked(one, out);
    }
    out.push(b']');
    seconds(out, ",\"queue_s\":", Some(record.queue));
    seconds(out, ",\"total_s\":", Some(record.total));
}

fn asked(one: &Try<'_>, out: &mut Vec<u8>) {
    text(out, "{\"node\":", one.node.as_bytes());
    text(out, ",\"address\":", one.address.as_bytes());
    match one.status {
        Some(status) => number(out, ",\"status\":", status.into()),
        None => out.extend_from_slice(b",\"status\":null"),
    }
    maybe_text(out, ",\"reason\":", one.reason.map(str::as_bytes));
    seconds(out, ",\"connect_s\":", one.connect);
    seconds(out, ",\"first_byte_s\":", one.first_byte);
    out.push(b'}');
}

fn number(out: &mut Vec<u8>, key: &str, value: u64) {
    out.extend_from_slice(key.as_bytes());
    decimal(out, value, 1);
}

/// Seconds to the microsecond, always with their point.
fn seconds(out: &mut Vec<u8>, key: &str, value: Option<Duration>) {
    out.extend_from_slice(key.as_bytes());
    match value {
        Some(value) => {
            decimal(out, value.as_secs(), 1);
            out.push(b'.');
            decimal(out, value.subsec_micros().into(), 6);
        }
        None => out.extend_from_slice(b"null"),
    }
}

fn maybe_text(out: &mut Vec<u8>, key: &str, value: Option<&[u8]>) {
    match value {
        Some(value) => text(out, key, value),
        None => {
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"null");
        }
    }
}

/// Text in quotes; what is not UTF-8 becomes U+FFFD.
fn text(out: &mut Vec<u8>, key: &str, value: &[u8]) {
    out.extend_from_slice(key.as_bytes());
    out.push(b'"');
    for chunk in value.utf8_chunks() {
        escape(out, chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

/// Beyond what JSON asks, the controls 7F to 9F are escaped too: an operator
/// reads this file in a terminal, which some of them command.
fn escape(out: &mut Vec<u8>, utf8: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    // C2 leads the two bytes of U+0080 to U+00BF.
    let special = |b: &u8| *b < 0x20 || matches!(*b, b'"' | b'\\' | 0x7f | 0xc2);
    let mut rest = utf8;
    while let Some(at) = rest.iter().position(special) {
        out.extend_from_slice(&rest[..at]);
        let byte = rest[at];
        let next = rest.get(at + 1).copied().unwrap_or(0);
        let (control, length) = match byte {
            b'"' | b'\\' => {
                out.extend_from_slice(&[b'\\', byte]);
                rest = &rest[at + 1..];
                continue;
            }
            0xc2 if next >= 0xa0 => {
                out.extend_from_slice(&[byte, next]);
                rest = &rest[at + 2..];
                continue;
            }
            0xc2 => (next, 2),
            _ => (byte, 1),
        };
        let digit = |half: u8| HEX[usize::from(half & 15)];
        out.extend_from_slice(b"\\u00");
        out.extend_from_slice(&[digit(control >> 4), digit(control)]);
        rest = &rest[at + length..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::append;
    use crate::logs::{Record, Try};
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use serde_json::{Value, json};
    use std::time::Duration;

    const UTC: (&str, u32) = ("2000-10-10T20:55:36", 42);

    fn line(record: &Record<'_>) -> String {
        let mut out = Vec::new();
        append(record, UTC, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn lossy(bytes: &[u8]) -> Value {
        String::from_utf8_lossy(bytes).into_owned().into()
    }

    #[test]
    fn the_fields_are_those_of_the_contract_in_its_order() {
        let value: Value = serde_json::from_str(&line(&Record::example())).unwrap();
        let keys: Vec<&str> = value.as_object().unwrap().keys().map(|k| &**k).collect();
        assert_eq!(
            keys.join(" "),
            "time listener site route client_ip client_port method host path query protocol tls \
             status bytes_in bytes_out reason revision request_id user_agent referer node tries \
             queue_s total_s"
        );
        let first = value["tries"][0].as_object().unwrap();
        let keys: Vec<&str> = first.keys().map(|k| &**k).collect();
        assert_eq!(
            keys.join(" "),
            "node address status reason connect_s first_byte_s"
        );
    }

    #[test]
    fn nothing_that_commands_a_terminal_stays() {
        let record = Record {
            path: "/\u{9b}2J\u{1b}[2J\u{7f}\u{a0}é\u{2028}".as_bytes(),
            ..Record::example()
        };
        let line = line(&record);
        let path = r#""path":"/\u009b2J\u001b[2J\u007f"#;
        assert!(line.contains(path), "{line}");
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["path"], lossy(record.path));
    }

    #[test]
    fn a_request_that_could_not_be_read_is_still_a_line() {
        let record = Record {
            site: None,
            route: None,
            method: b"",
            host: b"",
            path: b"",
            query: None,
            protocol: "",
            tries: &[],
            node: None,
            ..Record::example()
        };
        let value: Value = serde_json::from_str(&line(&record)).unwrap();
        assert_eq!(value["site"], Value::Null);
        assert_eq!(value["method"], "");
        assert_eq!(value["tries"], json!([]));
    }

    proptest! {
        #[test]
        fn every_value_is_read_back_as_it_was(
            path in vec(any::<u8>(), 0..40),
            host in any::<String>(),
            query in option::of(vec(any::<u8>(), 0..20)),
            agent in option::of(any::<String>()),
            reason in option::of("[a-z_]{1,20}"),
            bytes in any::<[u64; 3]>(),
            status in any::<u16>(),
            tries in 0_usize..3,
            micros in 0_u64..100_000_000_000,
        ) {
            let time = Duration::from_micros(micros);
            let tries = vec![Try {
                node: &host,
                address: "[::1]:80",
                status: Some(status),
                reason: reason.as_deref(),
                connect: Some(time),
                first_byte: None,
            }; tries];
            let record = Record {
                path: &path,
                host: host.as_bytes(),
                query: query.as_deref(),
                user_agent: agent.as_ref().map(|a| a.as_bytes()),
                reason: reason.as_deref(),
                bytes_in: bytes[0],
                bytes_out: bytes[1],
                revision: bytes[2],
                status,
                tries: &tries,
                queue: time,
                ..Record::example()
            };
            let line = line(&record);
            prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
            let value: Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(&value["time"], "2000-10-10T20:55:36.042Z");
            prop_assert_eq!(&value["path"], &lossy(&path));
            prop_assert_eq!(&value["host"], &host);
            prop_assert_eq!(&value["query"], &query.as_deref().map_or(Value::Null, lossy));
            prop_assert_eq!(&value["user_agent"], &json!(agent));
            prop_assert_eq!(&value["reason"], &json!(reason));
            prop_assert_eq!(&value["bytes_in"], bytes[0]);
            prop_assert_eq!(&value["bytes_out"], bytes[1]);
            prop_assert_eq!(&value["revision"], bytes[2]);
            prop_assert_eq!(&value["status"], status);
            prop_assert!((value["queue_s"].as_f64().unwrap() - time.as_secs_f64()).abs() < 1e-9);
            prop_assert_eq!(value["tries"].as_array().unwrap().len(), tries.len());
            for one in value["tries"].as_array().unwrap() {
                prop_assert_eq!(&one["node"], &host);
                prop_assert_eq!(&one["status"], status);
                prop_assert_eq!(&one["first_byte_s"], &Value::Null);
            }
        }
    }
}
