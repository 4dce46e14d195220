//! Passing a body from one connection to another, with bounded memory.
//!
//! Nothing more is read while bytes wait to be written: that is the backpressure, and it
//! bounds what one body holds to a scratch's worth.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::{
    BodyReader, Conn, Piece, Refusal, Scratch, StreamError, Taker, chunk_end, chunk_size_line,
};

/// How long one side may keep the other waiting.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// This long between two reads or writes.
    Between(Duration),
    /// This many bytes a second on the whole, after some seconds of grace, and never
    /// `quiet` without a byte. A rate of 0 is off.
    Rate {
        /// Bytes a second.
        rate: u32,
        /// Longest time without a byte.
        quiet: Duration,
    },
}

/// Before a rate counts: a slow start is no attack.
const GRACE: Duration = Duration::from_secs(10);

/// Why a body was not passed on whole.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The sending side failed.
    #[error("reading the body: {0}")]
    From(StreamError),
    /// The sending side ended before its body did.
    #[error("the body broke off")]
    Ended,
    /// The body breaks a rule.
    #[error(transparent)]
    Bad(Refusal),
    /// The receiving side failed.
    #[error("writing the body: {0}")]
    To(StreamError),
    /// The body is longer than may be.
    #[error("the body is too large")]
    TooLarge,
}

impl Pace {
    /// How long to wait for a next byte, after `bytes` of them and `spent` time waiting.
    pub fn patience(self, bytes: u64, spent: Duration) -> Duration {
        match self {
            Self::Between(time) => time,
            Self::Rate { rate: 0, quiet } => quiet,
            Self::Rate { rate, quiet } => {
                let earned = GRACE + Duration::from_secs(bytes / u64::from(rate));
                earned.saturating_sub(spent).min(quiet)
            }
        }
    }

    /// Longest time without a byte.
    pub fn quiet(self) -> Duration {
        match self {
            Self::Between(time) => time,
            Self::Rate { quiet, .. } => quiet,
        }
    }
}

/// A body on its way.
#[derive(Debug)]
pub struct Relay {
    reader: BodyReader,
    /// Whether the receiving side is given chunks.
    chunked: bool,
    end_written: bool,
    limit: u64,
    /// Body bytes passed on.
    pub passed: u64,
    from: Pace,
    /// How long the sending side was waited for, the present wait left out.
    spent: Duration,
    waiting: Option<Waiting>,
    to: Taker,
}

/// For the sending side.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    since: Instant,
    received: u64,
}

impl Relay {
    /// Passes on what `reader` finds, as chunks or as it is. `limit` is the most body
    /// bytes; 0 is none.
    pub fn new(reader: BodyReader, chunked: bool, limit: u64, from: Pace, to: Pace) -> Self {
        Self {
            reader,
            chunked,
            end_written: false,
            limit,
            passed: 0,
            from,
            spent: Duration::ZERO,
            waiting: None,
            to: Taker::new(to),
        }
    }

    /// Whether the sending side's last body byte has been read.
    pub fn is_read(&self) -> bool {
        self.reader.is_done()
    }

    /// The reader, to use up what is left of the body elsewhere.
    pub fn into_reader(self) -> BodyReader {
        self.reader
    }

    /// The reader and the side that takes, to go on in another way.
    pub fn into_parts(mut self) -> (BodyReader, Taker) {
        self.to.pause();
        (self.reader, self.to)
    }

    /// Passes on what it can; ready when the body's last byte is written.
    ///
    /// # Errors
    /// When either side fails or is too slow, or the body is not as it should be.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &Scratch,
        from: &mut Conn,
        to: &mut Conn,
    ) -> Poll<Result<(), RelayError>> {
        self.to.begin(to);
        if let Poll::Ready(done) = self.poll_pass(cx, scratch, from, to) {
            return Poll::Ready(done);
        }
        self.poll_patience(cx, from, to)
    }

    fn poll_pass(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &Scratch,
        from: &mut Conn,
        to: &mut Conn,
    ) -> Poll<Result<(), RelayError>> {
        let broken = |e| RelayError::To(StreamError::Broken(e));
        loop {
            if self.reader.is_done() {
                if self.chunked && !self.end_written {
                    chunk_end(to.output());
                }
                self.end_written = true;
                return to.poll_flush(cx).map_err(broken);
            }
            if !from.input().is_empty() {
                let (used, done) = self.pass(cx, from.input(), to);
                from.consume(used);
                done?;
                continue;
            }
            ready!(to.poll_flush(cx)).map_err(broken)?;
            let read = from.poll_read_with(cx, scratch, |cx, bytes| self.pass(cx, bytes, to));
            match ready!(read).map_err(|e| RelayError::From(StreamError::Broken(e)))? {
                Some(done) => done?,
                None if self.reader.connection_ended() => {}
                None => return Poll::Ready(Err(RelayError::Ended)),
            }
        }
    }

    /// Passes on what `bytes` holds of the body; answers how many bytes that used up.
    fn pass(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        to: &mut Conn,
    ) -> (usize, Result<(), RelayError>) {
        let mut at = 0;
        loop {
            match self.reader.next(&bytes[at..]) {
                Ok(Piece::Data(range)) => {
                    let data = &bytes[at..][range.clone()];
                    at += range.end;
                    self.passed += data.len() as u64;
                    if self.limit > 0 && self.passed > self.limit {
                        return (at, Err(RelayError::TooLarge));
                    }
                    if let Err(error) = self.push(cx, data, to) {
                        return (at, Err(RelayError::To(StreamError::Broken(error))));
                    }
                }
                Ok(Piece::More) => return (bytes.len(), Ok(())),
                Ok(Piece::End(used)) => return (at + used, Ok(())),
                Err(refusal) => return (bytes.len(), Err(RelayError::Bad(refusal))),
            }
        }
    }

    fn push(&self, cx: &mut Context<'_>, data: &[u8], to: &mut Conn) -> std::io::Result<()> {
        if self.chunked {
            chunk_size_line(to.output(), data.len());
            to.push(cx, data)?;
            to.output().extend_from_slice(b"\r\n");
            Ok(())
        } else {
            to.push(cx, data)
        }
    }

    fn poll_patience(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Conn,
        to: &mut Conn,
    ) -> Poll<Result<(), RelayError>> {
        if to.has_output() {
            self.stop_waiting();
            // Its own timer may be for who passes this on.
            ready!(self.to.poll(cx, to, &mut from.deadline));
            return Poll::Ready(Err(RelayError::To(StreamError::Timeout)));
        }
        self.to.pause();
        let received = from.received;
        if self.waiting.is_none_or(|wait| wait.received != received) {
            self.stop_waiting();
            let since = Instant::now();
            let left = self.from.patience(self.passed, self.spent);
            from.deadline.set(since + left);
            self.waiting = Some(Waiting { since, received });
        }
        ready!(from.deadline.poll(cx));
        Poll::Ready(Err(RelayError::From(StreamError::Timeout)))
    }

    fn stop_waiting(&mut self) {
        if let Some(wait) = self.waiting.take() {
            self.spent += wait.since.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pace;

    #[test]
    fn a_rate_counts_after_ten_seconds_and_silence_always() {
        let seconds = Duration::from_secs;
        let pace = Pace::Rate {
            rate: 500,
            quiet: seconds(30),
        };
        for (bytes, spent, left) in [
            (0, 0, 10),
            (0, 4, 6),
            (0, 10, 0),
            (499, 10, 0),
            (500, 10, 1),
            (5_000, 10, 10),
            (5_000, 25, 0),
            // However much was earned.
            (5_000_000, 0, 30),
        ] {
            assert_eq!(
                pace.patience(bytes, seconds(spent)),
                seconds(left),
                "{bytes} in {spent}"
            );
        }
        let silent = Pace::Rate {
            rate: 0,
            quiet: seconds(30),
        };
        assert_eq!(silent.patience(1, seconds(1_000)), seconds(30));
        assert_eq!(
            Pace::Between(seconds(5)).patience(0, seconds(99)),
            seconds(5)
        );
    }
}
