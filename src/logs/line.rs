//! One record becomes one line.

use std::net::IpAddr;

use jiff::tz::TimeZone;

use super::dates::Dates;
use super::{Record, combined, json};
use crate::model::LogFormat;

/// Turns records into lines. One per worker: it keeps the date of the second.
#[derive(Debug)]
pub struct LineWriter {
    dates: Dates,
}

impl Default for LineWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl LineWriter {
    /// A writer that knows the local time of this machine.
    pub fn new() -> Self {
        Self::in_zone(TimeZone::system())
    }

    fn in_zone(zone: TimeZone) -> Self {
        Self {
            dates: Dates::new(zone),
        }
    }

    /// Adds `record` to `out` as exactly one line with its line feed.
    pub fn append(&mut self, format: LogFormat, record: &Record<'_>, out: &mut Vec<u8>) {
        match format {
            LogFormat::Combined => combined::append(record, self.dates.local(record.time), out),
            LogFormat::Vcombined => {
                combined::append_host(record, out);
                combined::append(record, self.dates.local(record.time), out);
            }
            LogFormat::Json => json::append(record, self.dates.utc(record.time), out),
        }
    }
}

/// Writes `number` in decimal digits, with zeros in front up to `width`.
pub(super) fn decimal(out: &mut Vec<u8>, number: u64, width: usize) {
    // The largest u64 has twenty digits.
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let mut left = number;
    while left > 0 || digits.len() - at < width.clamp(1, 20) {
        at -= 1;
        let [digit, ..] = (left % 10).to_le_bytes();
        digits[at] = b'0' + digit;
        left /= 10;
    }
    out.extend_from_slice(&digits[at..]);
}

/// A part of an IPv4 address with the dot behind it, and how long both are.
const OCTETS: [([u8; 4], u8); 256] = {
    let mut table = [([b'.'; 4], 0); 256];
    let mut of = 0;
    // A const fn has neither `for` nor `try_from`, so the number is counted up beside its digits.
    let (mut hundreds, mut tens, mut ones) = (b'0', b'0', b'0');
    while of < table.len() {
        table[of] = match (hundreds, tens) {
            (b'0', b'0') => ([ones, b'.', b'.', b'.'], 2),
            (b'0', _) => ([tens, ones, b'.', b'.'], 3),
            _ => ([hundreds, tens, ones, b'.'], 4),
        };
        (hundreds, tens, ones) = match (tens, ones) {
            (b'9', b'9') => (hundreds + 1, b'0', b'0'),
            (_, b'9') => (hundreds, tens + 1, b'0'),
            _ => (hundreds, tens, ones + 1),
        };
        of += 1;
    }
    table
};

/// Writes the address of a client; one that came by IPv4 to a socket for both
/// is written as IPv4, so that a client has one spelling.
pub fn address(out: &mut Vec<u8>, ip: IpAddr) {
    use std::io::Write;
    match ip.to_canonical() {
        // It stands in every line and every request to a node: not by the way of all formats.
        IpAddr::V4(ip) => {
            let mut text = [0; 16];
            let mut at = 0;
            for part in ip.octets() {
                let (digits, length) = OCTETS[usize::from(part)];
                text[at..at + 4].copy_from_slice(&digits);
                at += usize::from(length);
            }
            out.extend_from_slice(&text[..at - 1]);
        }
        // Writing to memory cannot fail.
        IpAddr::V6(ip) => drop(write!(out, "{ip}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{LineWriter, decimal};
    use crate::logs::Record;
    use crate::model::LogFormat;
    use jiff::tz::{TimeZone, offset};
    use proptest::prelude::{any, prop_assert_eq, proptest};

    fn line(format: LogFormat) -> String {
        let mut out = Vec::new();
        LineWriter::in_zone(TimeZone::fixed(offset(-7))).append(
            format,
            &Record::example(),
            &mut out,
        );
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn combined_is_the_line_of_nginx() {
        assert_eq!(
            line(LogFormat::Combined),
            "192.0.2.7 - frank [10/Oct/2000:13:55:36 -0700] \"GET /cart/?page=2 HTTP/1.1\" 200 2326 \
             \"http://www.example.com/start.html\" \"Mozilla/4.08 [en] (Win98; I ;Nav)\"\n"
        );
    }

    #[test]
    fn vcombined_has_host_and_port_in_front() {
        assert_eq!(
            line(LogFormat::Vcombined),
            format!("shop.example.com:80 {}", line(LogFormat::Combined))
        );
    }

    #[test]
    fn json_is_one_object_a_line() {
        assert_eq!(
            line(LogFormat::Json),
            concat!(
                r#"{"time":"2000-10-10T20:55:36.007Z","listener":"http","site":"shop","route":"/","#,
                r#""client_ip":"192.0.2.7","client_port":50000,"method":"GET","host":"shop.example.com","#,
                r#""path":"/cart/","query":"page=2","protocol":"HTTP/1.1","tls":null,"status":200,"#,
                r#""bytes_in":312,"bytes_out":2600,"reason":null,"revision":41,"#,
                r#""request_id":"0123456789abcdef","user_agent":"Mozilla/4.08 [en] (Win98; I ;Nav)","#,
                r#""referer":"http://www.example.com/start.html","node":"web-2","tries":["#,
                r#"{"node":"web-1","address":"10.0.0.1:8000","status":null,"reason":"node_refused","#,
                r#""connect_s":null,"first_byte_s":null},"#,
                r#"{"node":"web-2","address":"10.0.0.2:8000","status":200,"reason":null,"#,
                r#""connect_s":0.000150,"first_byte_s":0.021000}],"#,
                r#""queue_s":0.000000,"total_s":0.022480}"#,
                "\n"
            )
        );
    }

    #[test]
    fn every_part_of_an_address_is_written_as_the_library_does() {
        for part in 0..=255 {
            let ip = std::net::Ipv4Addr::new(part, 255 - part, 7, part);
            let mut out = Vec::new();
            super::address(&mut out, ip.into());
            assert_eq!(String::from_utf8(out).unwrap(), ip.to_string());
        }
    }

    proptest! {
        #[test]
        fn decimal_agrees_with_format(number in any::<u64>(), small in 0_u64..2000) {
            for n in [number, small] {
                let mut out = Vec::new();
                decimal(&mut out, n, 0);
                prop_assert_eq!(String::from_utf8(out).unwrap(), n.to_string());
                let mut out = Vec::new();
                decimal(&mut out, n, 6);
                prop_assert_eq!(String::from_utf8(out).unwrap(), format!("{n:06}"));
            }
        }
    }
}
