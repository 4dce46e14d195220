//! Reading a body by its framing, as its bytes arrive.

use std::ops::Range;

use super::chunked::{Chunked, Step};
use super::{Framing, Refusal};

/// How far a body has been read.
#[derive(Debug)]
pub struct BodyReader(State);

#[derive(Debug)]
enum State {
    Length { left: u64 },
    Chunked(Chunked),
    UntilClose,
    Done,
}

/// What was found at the front of the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Body bytes at this range of the input; everything up to its end is used up.
    Data(Range<usize>),
    /// All of the input is used up and the body goes on.
    More,
    /// The body ended; this many bytes of the input belong to it.
    End(usize),
}

impl BodyReader {
    /// A reader for a body framed so.
    pub fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(left) => State::Length { left },
            Framing::Chunked => State::Chunked(Chunked::new()),
            Framing::UntilClose => State::UntilClose,
        })
    }

    /// Whether the body's last byte has been read.
    pub fn is_done(&self) -> bool {
        matches!(self.0, State::Done)
    }

    /// Goes on with `input`.
    ///
    /// # Errors
    /// The rule of chunked bodies that the input breaks.
    pub fn next(&mut self, input: &[u8]) -> Result<Piece, Refusal> {
        match &mut self.0 {
            State::Done => Ok(Piece::End(0)),
            _ if input.is_empty() => Ok(Piece::More),
            State::UntilClose => Ok(Piece::Data(0..input.len())),
            State::Length { left } => {
                let here = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(input.len());
                *left -= here as u64;
                if *left == 0 {
                    self.0 = State::Done;
                }
                Ok(Piece::Data(0..here))
            }
            State::Chunked(chunked) => match chunked.step(input)? {
                Step::Data(range) => Ok(Piece::Data(range)),
                Step::More => Ok(Piece::More),
                Step::End(used) => {
                    self.0 = State::Done;
                    Ok(Piece::End(used))
                }
            },
        }
    }

    /// Tells that the connection ended. True when that ends the body; false when the body
    /// is broken off.
    pub fn connection_ended(&mut self) -> bool {
        if matches!(self.0, State::UntilClose) {
            self.0 = State::Done;
        }
        self.is_done()
    }
}

#[cfg(test)]
mod tests {
    use super::{BodyReader, Piece};
    use crate::http::Framing;

    #[test]
    fn a_length_ends_where_it_says_and_leaves_the_rest() {
        let mut body = BodyReader::new(Framing::Length(5));
        assert_eq!(body.next(b"abc"), Ok(Piece::Data(0..3)));
        assert!(!body.is_done());
        assert_eq!(body.next(b""), Ok(Piece::More));
        assert_eq!(body.next(b"deGET"), Ok(Piece::Data(0..2)));
        assert!(body.is_done());
        assert_eq!(body.next(b"GET"), Ok(Piece::End(0)));
    }

    #[test]
    fn only_a_body_until_close_ends_with_its_connection() {
        assert!(BodyReader::new(Framing::UntilClose).connection_ended());
        assert!(BodyReader::new(Framing::None).connection_ended());
        assert!(!BodyReader::new(Framing::Length(1)).connection_ended());
        assert!(!BodyReader::new(Framing::Chunked).connection_ended());
    }
}
