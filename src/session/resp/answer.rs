//! Answers, one behind the other in one run of bytes, in the version of the protocol that the client asked for.

use super::LONGEST_ANSWER;
use super::number::Digits;

/// Answers that are not yet written to the client.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    /// RESP3, after `HELLO 3`.
    pub(crate) three: bool,
    /// Where the answer of the command under way began.
    pub(crate) began: usize,
}

/// The answer of one command grew too long.
#[derive(Debug)]
pub(crate) struct TooLong;

/// How many elements follow.
pub(crate) type Length = usize;

impl Answer {
    /// What is said now is another command's answer.
    pub(crate) fn begin(&mut self) {
        self.began = self.bytes.len();
    }

    /// Takes back what was said since [`Answer::begin`].
    pub(crate) fn take_back(&mut self) {
        self.bytes.truncate(self.began);
    }

    /// To be asked after each part of an answer that a client can make as long as it likes.
    pub(crate) fn bounded(&self) -> Result<(), TooLong> {
        if self.bytes.len() - self.began > LONGEST_ANSWER {
            return Err(TooLong);
        }
        Ok(())
    }

    fn line(&mut self, first: u8, text: &[u8]) {
        self.bytes.reserve(text.len() + 3);
        self.bytes.push(first);
        self.bytes.extend_from_slice(text);
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn head(&mut self, first: u8, length: Length) {
        let length = Digits::of(i64::try_from(length).unwrap_or(i64::MAX));
        self.line(first, length.as_bytes());
    }

    pub(crate) fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    pub(crate) fn ok(&mut self) {
        self.bytes.extend_from_slice(b"+OK\r\n");
    }

    /// An error: its code, a space and words. Line ends in it become spaces, as in Redis.
    pub(crate) fn error(&mut self, text: &[u8]) {
        self.bytes.push(b'-');
        let fold = |byte: &u8| {
            if matches!(byte, b'\r' | b'\n') {
                b' '
            } else {
                *byte
            }
        };
        self.bytes.extend(text.iter().map(fold));
        self.bytes.extend_from_slice(b"\r\n");
    }

    pub(crate) fn integer(&mut self, number: i64) {
        self.line(b':', Digits::of(number).as_bytes());
    }

    /// How many there are of something.
    pub(crate) fn count(&mut self, count: usize) {
        self.head(b':', count);
    }

    pub(crate) fn bulk(&mut self, bytes: &[u8]) {
        self.bytes.reserve(bytes.len() + 16);
        self.head(b'$', bytes.len());
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// A text for people (`INFO`).
    pub(crate) fn text(&mut self, text: &str) {
        if self.three {
            self.head(b'=', text.len() + 4);
            self.bytes.extend_from_slice(b"txt:");
            self.bytes.extend_from_slice(text.as_bytes());
            self.bytes.extend_from_slice(b"\r\n");
        } else {
            self.bulk(text.as_bytes());
        }
    }

    /// There is no value.
    pub(crate) fn null(&mut self) {
        let null: &[u8] = if self.three { b"_\r\n" } else { b"$-1\r\n" };
        self.bytes.extend_from_slice(null);
    }

    /// There is no array: a transaction that was not carried out.
    pub(crate) fn null_array(&mut self) {
        let null: &[u8] = if self.three { b"_\r\n" } else { b"*-1\r\n" };
        self.bytes.extend_from_slice(null);
    }

    pub(crate) fn array(&mut self, length: Length) {
        self.head(b'*', length);
    }

    /// So many keys with a value each follow.
    pub(crate) fn map(&mut self, length: Length) {
        if self.three {
            self.head(b'%', length);
        } else {
            self.head(b'*', length * 2);
        }
    }

    pub(crate) fn set(&mut self, length: Length) {
        self.head(if self.three { b'~' } else { b'*' }, length);
    }
}
