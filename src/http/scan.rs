//! Finding the end of a head as its bytes arrive, each looked at once.
//!
//! Line ends are judged here and nowhere else: CRLF ends a line, and neither byte stands
//! anywhere alone (rules 1 to 3, RFC 9112 section 2.2).

use memchr::memchr2;

use super::Refusal;

/// How much a head may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest head, in bytes.
    pub head: usize,
    /// Longest request target, in bytes.
    pub target: usize,
    /// Most fields.
    pub fields: usize,
    /// Refuse (rather than drop or keep) names with bytes beyond letters, digits and `-`.
    pub odd_names: OddNames,
}

/// What to do with a field name that holds anything but letters, digits and `-` (rule 20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OddNames {
    /// Leave the field out.
    Drop,
    /// Refuse the message.
    Reject,
    /// Keep it.
    Keep,
}

impl Limits {
    /// Longest single field, name and value. One rule for both sides (rule 19).
    pub const FIELD: usize = 16 * 1024;

    /// What a node may send in a head: as much as a client by default. Names are kept
    /// as they are, since a node speaks only for itself.
    pub const NODE: Self = Self {
        head: 64 * 1024,
        target: 0,
        fields: 128,
        odd_names: OddNames::Keep,
    };
}

/// Room for the method, two blanks and the version beside the target.
const REQUEST_LINE_EXTRA: usize = 48;

/// How far a head has been looked at.
#[derive(Debug, Default, Clone, Copy)]
pub struct HeadScan {
    /// Bytes looked at.
    at: usize,
    /// Where the line being read begins.
    line: usize,
    /// Where the head begins: after one empty line, which is skipped.
    start: usize,
    /// Complete lines seen, the skipped one not counted.
    lines: usize,
}

impl HeadScan {
    /// Looks at what is new in `input`. With the end of the head found, answers where the
    /// head begins and where what follows it begins.
    ///
    /// # Errors
    /// A line end that is not CRLF, or a head beyond the limits.
    pub fn scan(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Option<(usize, usize)>, Refusal> {
        loop {
            let Some(offset) = memchr2(b'\r', b'\n', &input[self.at..]) else {
                self.at = input.len();
                self.check_size(input.len(), limits)?;
                return Ok(None);
            };
            self.at += offset;
            match &input[self.at..] {
                [b'\n', ..] => return Err(Refusal::bad(1, "a line ends with LF alone")),
                [b'\r', b'\n', ..] => {}
                // It is bare unless its LF is still to come.
                [_] => {
                    self.check_size(input.len(), limits)?;
                    return Ok(None);
                }
                _ => return Err(Refusal::bad(2, "a CR stands without its LF")),
            }
            let is_empty = self.at == self.line;
            (self.at, self.line) = (self.at + 2, self.at + 2);
            if !is_empty {
                self.lines += 1;
            } else if self.lines > 0 {
                self.check_size(self.at, limits)?;
                return Ok(Some((self.start, self.at)));
            } else if self.start > 0 {
                return Err(Refusal::bad(
                    3,
                    "more than one empty line before the request",
                ));
            } else {
                self.start = self.at;
            }
            self.check_size(self.at, limits)?;
        }
    }

    fn check_size(&self, seen: usize, limits: &Limits) -> Result<(), Refusal> {
        let seen = seen - self.start;
        if self.lines == 0 && limits.target > 0 && seen > limits.target + REQUEST_LINE_EXTRA {
            return Err(Refusal::with(414, 10, "the request target is too long"));
        }
        if seen > limits.head {
            return Err(Refusal::with(431, 19, "the head is too large"));
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{HeadScan, Limits, OddNames};
    use proptest::prelude::*;

    pub(in crate::http) const LIMITS: Limits = Limits {
        head: 1024,
        target: 256,
        fields: 8,
        odd_names: OddNames::Drop,
    };

    fn whole(text: &[u8]) -> Result<Option<(usize, usize)>, u8> {
        HeadScan::default().scan(text, &LIMITS).map_err(|r| r.rule)
    }

    #[test]
    fn a_head_ends_with_an_empty_line() {
        assert_eq!(whole(b"GET / HTTP/1.1\r\n\r\nrest"), Ok(Some((0, 18))));
        assert_eq!(
            whole(b"\r\nGET / HTTP/1.1\r\nA: b\r\n\r\n"),
            Ok(Some((2, 26)))
        );
        for part in [
            &b""[..],
            b"\r",
            b"\r\n",
            b"G",
            b"GET / HTTP/1.1\r\n",
            b"G\r\n\r",
        ] {
            assert_eq!(whole(part), Ok(None), "{part:?}");
        }
    }

    #[test]
    fn a_line_ends_with_crlf_and_nothing_else() {
        assert_eq!(whole(b"GET / HTTP/1.1\n"), Err(1));
        assert_eq!(whole(b"\n"), Err(1));
        assert_eq!(whole(b"G\r\nA: b\n\r\n"), Err(1));
        assert_eq!(whole(b"G\rE"), Err(2));
        assert_eq!(whole(b"G\r\r\n"), Err(2));
        assert_eq!(whole(b"A\rB\r\n"), Err(2));
        assert_eq!(whole(b"\r\n\r\n"), Err(3));
    }

    #[test]
    fn a_head_beyond_its_limits_is_refused_before_it_ends() {
        assert_eq!(whole(&[b'G'; 400]), Err(10));
        let mut long = b"GET / HTTP/1.1\r\n".to_vec();
        long.extend_from_slice(&[b'a'; 1100]);
        assert_eq!(whole(&long), Err(19));
    }

    proptest! {
        #[test]
        fn how_the_bytes_arrive_changes_nothing(
            text in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'a')], 0..40),
        ) {
            let mut scan = HeadScan::default();
            let mut bytewise = Ok(None);
            for end in 0..=text.len() {
                bytewise = scan.scan(&text[..end], &LIMITS).map_err(|r| r.rule);
                if bytewise != Ok(None) {
                    break;
                }
            }
            prop_assert_eq!(bytewise.is_err(), whole(&text).is_err());
            if let (Ok(a), Ok(b)) = (bytewise, whole(&text)) {
                prop_assert_eq!(a, b);
            }
        }
    }
}
