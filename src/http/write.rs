//! Writing heads: lines, fields, numbers. What a head says is the proxy's to decide.

use super::Version;

/// Appends one field line.
#[inline]
pub fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Appends one field line whose value is a number.
pub fn field_number(out: &mut Vec<u8>, name: &[u8], value: u64) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    number(out, value);
    out.extend_from_slice(b"\r\n");
}

/// Appends a status line. An empty `reason` becomes the usual one.
pub fn status_line(out: &mut Vec<u8>, version: Version, status: u16, reason: &[u8]) {
    out.extend_from_slice(version.as_str().as_bytes());
    out.push(b' ');
    number(out, u64::from(status));
    out.push(b' ');
    if reason.is_empty() {
        out.extend_from_slice(reason_phrase(status).as_bytes());
    } else {
        out.extend_from_slice(reason);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends `value` in decimal.
pub fn number(out: &mut Vec<u8>, mut value: u64) {
    // The largest u64 has twenty digits.
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        let [digit, ..] = (value % 10).to_le_bytes();
        digits[at] += digit;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends the line before a chunk of `size` bytes.
pub fn chunk_size_line(out: &mut Vec<u8>, mut size: usize) {
    let start = out.len();
    loop {
        out.push(b"0123456789abcdef"[size & 15]);
        size >>= 4;
        if size == 0 {
            break;
        }
    }
    out[start..].reverse();
    out.extend_from_slice(b"\r\n");
}

/// The last chunk and the empty trailer section.
pub fn chunk_end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n\r\n");
}

/// The usual words for a status (RFC 9110 section 15); empty for one without.
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::{chunk_size_line, number, status_line};
    use crate::http::Version;

    #[test]
    fn numbers_are_written_as_people_write_them() {
        for value in [0, 7, 10, 1234, u64::MAX] {
            let mut out = b"x".to_vec();
            number(&mut out, value);
            assert_eq!(out, format!("x{value}").into_bytes());
        }
        for size in [0, 15, 16, 0xabcdef] {
            let mut out = Vec::new();
            chunk_size_line(&mut out, size);
            assert_eq!(out, format!("{size:x}\r\n").into_bytes());
        }
    }

    #[test]
    fn a_status_line_has_words() {
        let mut out = Vec::new();
        status_line(&mut out, Version::Http11, 502, b"");
        status_line(&mut out, Version::Http10, 299, b"Fine");
        assert_eq!(out, b"HTTP/1.1 502 Bad Gateway\r\nHTTP/1.0 299 Fine\r\n");
    }
}
