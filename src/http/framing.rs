//! Where a message's body ends: decided once, here, from the whole head.
//!
//! Everything that reads or writes a body is given this answer and cannot find another.

use super::token::is_token;
use super::{Fields, Known, Refusal, RequestHead, ResponseHead, Version};

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// After this many bytes.
    Length(u64),
    /// With a last chunk.
    Chunked,
    /// With the connection. Responses only.
    UntilClose,
}

/// The largest Content-Length taken: what fits an `i64`, since many readers keep it in one.
const MAX_LENGTH: u64 = i64::MAX.unsigned_abs();

/// The framing of a request (rules 21 to 27; RFC 9112 section 6.3, without its leniencies).
///
/// # Errors
/// The first rule that the head breaks.
pub fn request_framing(head: &RequestHead) -> Result<Framing, Refusal> {
    let length = content_length(&head.fields)?;
    if !transfer_coded(&head.fields)? {
        // A request is never delimited by its connection's end.
        return Ok(length.map_or(Framing::None, Framing::Length));
    }
    if length.is_some() {
        return Err(Refusal::bad(
            24,
            "Content-Length and Transfer-Encoding exclude each other",
        ));
    }
    if head.version == Version::Http10 {
        return Err(Refusal::bad(26, "HTTP/1.0 has no Transfer-Encoding"));
    }
    Ok(Framing::Chunked)
}

/// The framing of the final response to a request of `method` (rules 40 to 42).
///
/// # Errors
/// The first rule that the head breaks.
pub fn response_framing(head: &ResponseHead, method: &[u8]) -> Result<Framing, Refusal> {
    // Looked at even where no body can follow: a head that lies is not passed on.
    let length = content_length(&head.fields)?;
    let chunked = transfer_coded(&head.fields)?;
    if chunked && length.is_some() {
        return Err(Refusal::bad(
            41,
            "Content-Length and Transfer-Encoding exclude each other",
        ));
    }
    if chunked && head.version == Version::Http10 {
        return Err(Refusal::bad(26, "HTTP/1.0 has no Transfer-Encoding"));
    }
    if method == b"HEAD" || matches!(head.status, 100..=199 | 204 | 304) {
        return Ok(Framing::None);
    }
    Ok(match length {
        _ if chunked => Framing::Chunked,
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    })
}

fn content_length(fields: &Fields) -> Result<Option<u64>, Refusal> {
    let mut values = fields.all(Known::ContentLength);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() || value.contains(&b',') {
        return Err(Refusal::bad(22, "Content-Length stands twice"));
    }
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::bad(21, "Content-Length is not a number"));
    }
    let number = value.iter().try_fold(0_u64, |sum, digit| {
        sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    match number {
        Some(number) if number <= MAX_LENGTH => Ok(Some(number)),
        _ => Err(Refusal::bad(21, "Content-Length is too large")),
    }
}

/// Whether the body is chunked. Any other coding, or `chunked` in any other dress, is
/// refused rather than ignored (rule 25).
fn transfer_coded(fields: &Fields) -> Result<bool, Refusal> {
    let mut values = fields.all(Known::TransferEncoding);
    let Some(value) = values.next() else {
        return Ok(false);
    };
    if values.next().is_some() {
        return Err(Refusal::bad(25, "Transfer-Encoding stands twice"));
    }
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(true);
    }
    // Another name is another coding, however much it looks like this one.
    if is_token(value) {
        return Err(Refusal::with(
            501,
            25,
            "this Transfer-Encoding is not known here",
        ));
    }
    Err(Refusal::bad(25, "Transfer-Encoding is not exactly chunked"))
}

/// What a request expects before it sends its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// Nothing.
    None,
    /// A `100 Continue`.
    Continue,
}

/// What the request expects (rules 38 and 39, RFC 9110 section 10.1.1). Without a body there is
/// nothing to wait for, whatever it says.
///
/// # Errors
/// 417 when it expects anything but `100-continue`, once, for its body.
pub fn request_expectation(head: &RequestHead, framing: Framing) -> Result<Expectation, Refusal> {
    let mut values = head.fields.all(Known::Expect);
    let has_body = !matches!(framing, Framing::None | Framing::Length(0));
    let Some(value) = values.next().filter(|_| has_body) else {
        return Ok(Expectation::None);
    };
    let again = values.next().is_some();
    if again || !value.eq_ignore_ascii_case(b"100-continue") {
        return Err(Refusal::with(
            417,
            39,
            "only one Expect: 100-continue is understood",
        ));
    }
    if head.version == Version::Http11 {
        Ok(Expectation::Continue)
    } else {
        Ok(Expectation::None)
    }
}

#[cfg(test)]
mod tests {
    use super::{Expectation, Framing, request_expectation, request_framing, response_framing};
    use crate::http::{Limits, OddNames, RequestHead, ResponseHead};
    use crate::http::{parse_request, parse_response};

    fn request(version: &str, fields: &str) -> RequestHead {
        let text = format!("POST / HTTP/{version}\r\nHost: a\r\n{fields}\r\n");
        let limits = Limits {
            head: 4096,
            target: 100,
            fields: 20,
            odd_names: OddNames::Drop,
        };
        let mut head = RequestHead::default();
        parse_request(text.as_bytes(), &limits, &mut head).unwrap();
        head
    }

    fn framing(fields: &str) -> Result<Framing, (u16, u8)> {
        request_framing(&request("1.1", fields)).map_err(|r| (r.status, r.rule))
    }

    fn response(head: &str, method: &str) -> Result<Framing, u8> {
        let mut parsed = ResponseHead::default();
        let text = format!("{head}\r\n\r\n");
        parse_response(text.as_bytes(), &Limits::NODE, &mut parsed).unwrap();
        response_framing(&parsed, method.as_bytes()).map_err(|r| r.rule)
    }

    #[test]
    fn rules_21_to_23_a_length_is_digits_once() {
        assert_eq!(framing(""), Ok(Framing::None));
        assert_eq!(framing("Content-Length: 0\r\n"), Ok(Framing::Length(0)));
        assert_eq!(framing("Content-Length: 0012\r\n"), Ok(Framing::Length(12)));
        assert_eq!(
            framing("Content-Length: 9223372036854775807\r\n"),
            Ok(Framing::Length(i64::MAX.unsigned_abs()))
        );
        for bad in [
            "",
            "+1",
            "-1",
            "0x1",
            "1_0",
            "1.0",
            "a",
            "1 2",
            "9223372036854775808",
            "99999999999999999999999",
        ] {
            let fields = format!("Content-Length: {bad}\r\n");
            assert_eq!(framing(&fields), Err((400, 21)), "{bad:?}");
        }
        for bad in ["1, 1", "1,2", ","] {
            let fields = format!("Content-Length: {bad}\r\n");
            assert_eq!(framing(&fields), Err((400, 22)), "{bad:?}");
        }
        assert_eq!(
            framing("Content-Length: 1\r\ncontent-length: 1\r\n"),
            Err((400, 22))
        );
    }

    #[test]
    fn rules_24_to_26_chunked_is_exactly_that() {
        assert_eq!(
            framing("Transfer-Encoding: Chunked\r\n"),
            Ok(Framing::Chunked)
        );
        let both = "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n";
        assert_eq!(framing(both), Err((400, 24)));
        let both = "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n";
        assert_eq!(framing(both), Err((400, 24)));
        for unknown in [
            "gzip",
            "identity",
            "foo",
            "xchunked",
            "chunked_",
            "x-chunked",
        ] {
            let fields = format!("Transfer-Encoding: {unknown}\r\n");
            assert_eq!(framing(&fields), Err((501, 25)), "{unknown:?}");
        }
        for bad in [
            "",
            ",chunked",
            "chunked,",
            "gzip, chunked",
            "chunked;a=b",
            "\"chunked\"",
            "chunked chunked",
            "\u{85}chunked",
            "\u{a0}chunked",
        ] {
            let fields = format!("Transfer-Encoding: {bad}\r\n");
            assert_eq!(framing(&fields), Err((400, 25)), "{bad:?}");
        }
        let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";
        assert_eq!(framing(twice), Err((400, 25)));
        let old = request("1.0", "Transfer-Encoding: chunked\r\n");
        assert_eq!(request_framing(&old).unwrap_err().rule, 26);
    }

    #[test]
    fn rules_40_to_42_a_response_ends_where_its_head_says() {
        let ok = "HTTP/1.1 200 OK";
        assert_eq!(response(ok, "GET"), Ok(Framing::UntilClose));
        let length = format!("{ok}\r\nContent-Length: 5");
        assert_eq!(response(&length, "GET"), Ok(Framing::Length(5)));
        assert_eq!(response(&length, "HEAD"), Ok(Framing::None));
        assert_eq!(
            response("HTTP/1.1 304 x\r\nContent-Length: 5", "GET"),
            Ok(Framing::None)
        );
        assert_eq!(response("HTTP/1.1 204 x", "GET"), Ok(Framing::None));
        let chunked = format!("{ok}\r\nTransfer-Encoding: chunked");
        assert_eq!(response(&chunked, "GET"), Ok(Framing::Chunked));
        assert_eq!(
            response(&format!("{chunked}\r\nContent-Length: 5"), "GET"),
            Err(41)
        );
        assert_eq!(
            response(&format!("{length}\r\nContent-Length: 6"), "GET"),
            Err(22)
        );
        assert_eq!(response(&format!("{length}, 5"), "HEAD"), Err(22));
        assert_eq!(
            response("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked", "GET"),
            Err(26)
        );
    }

    #[test]
    fn rules_38_and_39_one_expectation_is_understood() {
        let ask = |version: &str, fields: &str| {
            let head = request(version, fields);
            let framing = request_framing(&head).unwrap();
            request_expectation(&head, framing).map_err(|r| r.status)
        };
        let with_body = "Content-Length: 1\r\nExpect: 100-Continue\r\n";
        assert_eq!(ask("1.1", with_body), Ok(Expectation::Continue));
        assert_eq!(ask("1.0", with_body), Ok(Expectation::None));
        assert_eq!(
            ask("1.1", "Expect: 100-continue\r\n"),
            Ok(Expectation::None)
        );
        assert_eq!(ask("1.1", "Content-Length: 1\r\n"), Ok(Expectation::None));
        for bad in [
            "Expect: y 100-continue\r\n",
            "Expect: \r\n",
            "Expect: 100-continue\r\nExpect: 100-continue\r\n",
        ] {
            assert_eq!(
                ask("1.1", &format!("Content-Length: 1\r\n{bad}")),
                Err(417),
                "{bad:?}"
            );
            for bodyless in ["", "Content-Length: 0\r\n"] {
                let fields = format!("{bodyless}{bad}");
                assert_eq!(ask("1.1", &fields), Ok(Expectation::None), "{fields:?}");
            }
        }
    }
}
