//! Reading a chunked body, strictly, as its bytes arrive (rules 28 to 31).
//!
//! Extensions and trailers are checked and left out: what is passed on is chunked anew.

use std::ops::Range;

use super::chunk_extension::is_extension;
use super::fields::parse_fields;
use super::{Fields, HeadScan, Limits, OddNames, Refusal};

/// Most hexadecimal digits of a size: what fits a `u64`.
const MAX_SIZE_DIGITS: u8 = 16;
/// Longest extension of one chunk, and of all chunks of a body (RFC 9112 section 7.1.1
/// «ought to limit»).
const MAX_EXTENSION: usize = 256;
const MAX_EXTENSIONS: usize = 4 * 1024;
/// What a trailer section may hold.
const TRAILER: Limits = Limits {
    head: 16 * 1024,
    target: 0,
    fields: 64,
    odd_names: OddNames::Drop,
};

/// How far a chunked body has been read.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    /// Bytes of extensions so far, over all chunks.
    extensions: usize,
}

#[derive(Debug)]
enum State {
    Size { digits: u8, size: u64 },
    Extension { size: u64, text: Vec<u8> },
    SizeLf { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    Trailer { seen: Vec<u8>, scan: HeadScan },
    Done,
}

const FIRST: State = State::Size { digits: 0, size: 0 };

/// What a step found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Body bytes at this range of the input; everything up to its end is used up.
    Data(Range<usize>),
    /// All of the input is used up and the body goes on.
    More,
    /// The body ended; this many bytes of the input belong to it.
    End(usize),
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self {
            state: FIRST,
            extensions: 0,
        }
    }

    /// Goes on with `input` until there are body bytes, the end, or no more input.
    pub(super) fn step(&mut self, input: &[u8]) -> Result<Step, Refusal> {
        let mut at = 0;
        loop {
            if matches!(self.state, State::Done) {
                return Ok(Step::End(at));
            }
            let Some(rest) = input.get(at..).filter(|rest| !rest.is_empty()) else {
                return Ok(Step::More);
            };
            if let State::Data { left } = &mut self.state {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                *left -= here as u64;
                if *left == 0 {
                    self.state = State::DataCr;
                }
                return Ok(Step::Data(at..at + here));
            }
            at += match &mut self.state {
                State::Trailer { .. } => self.trailer(rest)?,
                _ => {
                    self.byte(rest[0])?;
                    1
                }
            };
        }
    }

    fn byte(&mut self, byte: u8) -> Result<(), Refusal> {
        let state = std::mem::replace(&mut self.state, State::Done);
        self.state = match state {
            State::Size { digits, size } => self.size(byte, digits, size)?,
            State::Extension { size, text } => self.extension(byte, size, text)?,
            State::SizeLf { size } => {
                expect(byte, b'\n', 2)?;
                match size {
                    0 => State::Trailer {
                        seen: Vec::new(),
                        scan: HeadScan::default(),
                    },
                    left => State::Data { left },
                }
            }
            State::DataCr => {
                expect(byte, b'\r', 30)?;
                State::DataLf
            }
            State::DataLf => {
                expect(byte, b'\n', 30)?;
                FIRST
            }
            state @ (State::Data { .. } | State::Trailer { .. } | State::Done) => state,
        };
        Ok(())
    }

    fn size(&mut self, byte: u8, digits: u8, size: u64) -> Result<State, Refusal> {
        if let Some(digit) = char::from(byte).to_digit(16) {
            if digits == MAX_SIZE_DIGITS {
                return Err(Refusal::bad(28, "a chunk size is too large"));
            }
            return Ok(State::Size {
                digits: digits + 1,
                size: size << 4 | u64::from(digit),
            });
        }
        match byte {
            _ if digits == 0 => Err(Refusal::bad(28, "a chunk size is not hexadecimal")),
            _ if size > i64::MAX.unsigned_abs() => {
                Err(Refusal::bad(28, "a chunk size is too large"))
            }
            b'\r' => Ok(State::SizeLf { size }),
            b';' => Ok(State::Extension {
                size,
                text: Vec::new(),
            }),
            b'\n' => Err(Refusal::bad(1, "a chunk line ends with LF alone")),
            _ => Err(Refusal::bad(28, "a chunk size is not hexadecimal")),
        }
    }

    fn extension(&mut self, byte: u8, size: u64, mut text: Vec<u8>) -> Result<State, Refusal> {
        if byte == b'\n' {
            return Err(Refusal::bad(1, "a chunk line ends with LF alone"));
        }
        if byte == b'\r' {
            return if is_extension(&text) {
                Ok(State::SizeLf { size })
            } else {
                Err(Refusal::bad(29, "a chunk extension is malformed"))
            };
        }
        self.extensions += 1;
        if text.len() >= MAX_EXTENSION || self.extensions > MAX_EXTENSIONS {
            return Err(Refusal::bad(29, "the chunk extensions are too large"));
        }
        text.push(byte);
        Ok(State::Extension { size, text })
    }

    // The trailer section reads like the fields of a head. A line is put before it, so
    // that a section without fields ends like a head without fields.
    fn trailer(&mut self, rest: &[u8]) -> Result<usize, Refusal> {
        let State::Trailer { seen, scan } = &mut self.state else {
            return Ok(0);
        };
        if seen.is_empty() {
            seen.extend_from_slice(b"trailer\r\n");
        }
        let before = seen.len();
        let room = TRAILER.head + 2 - before.min(TRAILER.head);
        seen.extend_from_slice(&rest[..rest.len().min(room)]);
        let Some((_, end)) = scan.scan(seen, &TRAILER)? else {
            return Ok(seen.len() - before);
        };
        let mut fields = Fields::default();
        fields.arena.extend_from_slice(&seen[..end]);
        parse_fields(&mut fields, b"trailer\r\n".len(), &TRAILER)?;
        self.state = State::Done;
        Ok(end - before)
    }
}

fn expect(byte: u8, wanted: u8, rule: u8) -> Result<(), Refusal> {
    if byte == wanted {
        Ok(())
    } else if rule == 30 {
        Err(Refusal::bad(
            30,
            "chunk data does not end where its size says",
        ))
    } else {
        Err(Refusal::bad(2, "a CR stands without its LF"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Chunked, Step};
    use proptest::prelude::*;

    /// The body and what follows it, or the rule broken; `None` when it goes on.
    fn read(pieces: &[&[u8]]) -> Result<Option<(Vec<u8>, usize)>, u8> {
        let mut chunked = Chunked::new();
        let mut body = Vec::new();
        let mut before = 0;
        for piece in pieces {
            let mut at = 0;
            loop {
                match chunked.step(&piece[at..]).map_err(|r| r.rule)? {
                    Step::Data(range) => {
                        body.extend_from_slice(&piece[at..][range.clone()]);
                        at += range.end;
                    }
                    Step::More => break,
                    Step::End(used) => return Ok(Some((body, before + at + used))),
                }
            }
            before += piece.len();
        }
        Ok(None)
    }

    fn whole(text: &str) -> Result<Option<(Vec<u8>, usize)>, u8> {
        read(&[text.as_bytes()])
    }

    #[test]
    fn a_body_is_the_data_of_its_chunks() {
        let text = "5\r\nhello\r\n0A;a=b;c=\"d;\\\"\"\r\n, 12345678\r\n0\r\nX: y\r\n\r\nGET";
        assert_eq!(
            whole(text),
            Ok(Some((b"hello, 12345678".to_vec(), text.len() - 3)))
        );
        assert_eq!(whole("0\r\n\r\n"), Ok(Some((vec![], 5))));
        assert_eq!(whole("5\r\nhel"), Ok(None));
        assert_eq!(whole("0\r\n"), Ok(None));
        assert_eq!(whole("0\r\nX: y\r\n"), Ok(None));
    }

    #[test]
    fn rule_28_a_size_is_hexadecimal_digits() {
        for bad in [
            "\r\n",
            ";a\r\n",
            " 5\r\n",
            "5 \r\n",
            "+5\r\n",
            "0x5\r\n",
            "-1\r\n",
            "g\r\n",
            "5\t\r\n",
            "ffffffffffffffff\r\n",
            "11111111111111111\r\n",
            "_5\r\n",
        ] {
            assert_eq!(whole(bad), Err(28), "{bad:?}");
        }
        assert_eq!(whole("5\n"), Err(1));
        assert_eq!(whole("5\rh"), Err(2));
        // The largest fits an i64, since many readers keep it in one.
        assert_eq!(whole("7fffffffffffffff\r\n"), Ok(None));
        assert_eq!(whole("8000000000000000\r\n"), Err(28));
        assert_eq!(whole("0000000000000005\r\nhel"), Ok(None));
        assert_eq!(whole("00000000000000005\r\n"), Err(28));
    }

    #[test]
    fn rule_29_an_extension_is_well_formed_and_short() {
        for bad in [
            "5;\r\n",
            "5;=a\r\n",
            "5;a=\r\n",
            "5;a b\r\n",
            "5;a=\"b\r\n",
            "5;a=\0\r\n",
            "5;a=b;\r\n",
            "5;a=\"b\"c\"d\"\r\n",
            "5;a=\"b\\\"\r\n",
            "5;a=\"\r\n",
        ] {
            assert_eq!(whole(bad), Err(29), "{bad:?}");
        }
        assert_eq!(whole(&format!("5;a={}\r\n", "b".repeat(300))), Err(29));
        assert_eq!(
            whole(&format!("1;a={}\r\nx\r\n", "b".repeat(200)).repeat(30)),
            Err(29)
        );
        assert_eq!(whole("5;a\n"), Err(1));
        // 256 bytes a chunk, 4 KiB a body, and not one more.
        let longest = format!("1;{}\r\nx\r\n", "a".repeat(256));
        assert_eq!(whole(&format!("1;{}", "a".repeat(257))), Err(29));
        let most = longest.repeat(16);
        let body = most.clone() + "0\r\n\r\n";
        assert_eq!(whole(&body), Ok(Some((b"x".repeat(16), body.len()))));
        assert_eq!(whole(&(most + "0;a\r\n\r\n")), Err(29));
    }

    #[test]
    fn rule_30_data_ends_where_its_size_says() {
        for bad in [
            "5\r\nhelloo\r\n",
            "5\r\nhell\r\n\r\n",
            "5\r\nhello\n",
            "5\r\nhello\r\r",
        ] {
            assert_eq!(whole(bad), Err(30), "{bad:?}");
        }
    }

    #[test]
    fn rule_31_trailers_are_checked_and_left_out() {
        for (bad, rule) in [
            ("0\r\nX: y\n\r\n", 1),
            ("0\r\nX y\r\n\r\n", 16),
            ("0\r\nX : y\r\n\r\n", 16),
            ("0\r\nX: y\r\n z\r\n\r\n", 17),
            ("0\r\nX: \0\r\n\r\n", 18),
            ("0\r\n X: y\r\n\r\n", 4),
            ("0\r\nX: \rY\r\n\r\n", 2),
        ] {
            assert_eq!(whole(bad), Err(rule), "{bad:?}");
        }
        let long = format!("0\r\nX: {}\r\n\r\n", "y".repeat(40_000));
        assert_eq!(whole(&long), Err(19));
        let section = |fields: usize| {
            let field = format!("X: {}\r\n", "y".repeat(1017));
            format!("0\r\n{}\r\n", field.repeat(fields))
        };
        assert_eq!(whole(&section(15)), Ok(Some((vec![], section(15).len()))));
        assert_eq!(whole(&section(17)), Err(19));
    }

    proptest! {
        #[test]
        fn how_the_bytes_arrive_changes_nothing(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..20), 0..5),
            cuts in proptest::collection::vec(1_usize..9, 0..60),
            tail in "[a-z]{0,4}",
        ) {
            let mut text = Vec::new();
            for chunk in &chunks {
                text.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                text.extend_from_slice(chunk);
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(b"0\r\nA: b\r\n\r\n");
            let length = text.len();
            text.extend_from_slice(tail.as_bytes());
            let mut pieces = Vec::new();
            let mut rest = &text[..];
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            prop_assert_eq!(read(&pieces), Ok(Some((chunks.concat(), length))));
        }

        #[test]
        fn no_bytes_make_it_panic(pieces in proptest::collection::vec(any::<Vec<u8>>(), 0..4)) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let _ = read(&pieces);
        }
    }
}
