//! Requests, read where they lie.
//!
//! What arrives in pieces is read on from where the last piece ended, so no byte of a long command is looked at twice.
//! Invariant: any bytes give commands, an error after which the connection ends, or the wish for more.

use super::{LONGEST_COMMAND, LONGEST_LINE, LONGEST_SKIPPED, MOST_ARGS, integer};

/// The parts of a command: its name and what follows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Args<'a> {
    bytes: &'a [u8],
    parts: &'a [(u32, u32)],
}

impl<'a> Args<'a> {
    pub(crate) fn new(bytes: &'a [u8], parts: &'a [(u32, u32)]) -> Self {
        Self { bytes, parts }
    }

    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    /// A part that is there, as the command's arity was checked; empty beyond the last.
    pub(crate) fn get(&self, at: usize) -> &'a [u8] {
        let Some((from, length)) = self.parts.get(at) else {
            return &[];
        };
        let from = usize::try_from(*from).unwrap_or(usize::MAX);
        let length = usize::try_from(*length).unwrap_or(usize::MAX);
        let to = from.saturating_add(length);
        self.bytes.get(from..to).unwrap_or_default()
    }

    /// The parts from one on.
    pub(crate) fn from(self, at: usize) -> impl Iterator<Item = &'a [u8]> + Clone {
        (at..self.len()).map(move |at| self.get(at))
    }

    /// Bytes of all parts.
    pub(crate) fn bytes(&self) -> usize {
        let lengths = self.parts.iter().map(|(_, length)| *length);
        lengths
            .map(|length| usize::try_from(length).unwrap_or(usize::MAX))
            .sum()
    }
}

/// What some bytes were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A command: its parts are ready, and so many bytes were used.
    Command(usize),
    /// No command: an empty line or array, of so many bytes. Redis answers nothing.
    Empty(usize),
    /// A command with more bytes than may be: the parts are lost, and so many bytes were used.
    TooLong(usize),
    /// More is needed. So many bytes are not needed any more; those after them are to be given again, with what follows.
    More(usize),
    /// No request. What to answer before the connection is closed.
    Broken(String),
}

/// Reads one request after the other.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    parts: Vec<(u32, u32)>,
    /// A line's arguments, without their quotes.
    line: Vec<u8>,
    /// Where to go on, from the first byte of the request.
    at: usize,
    /// Arguments of the array that are still to come.
    left: i64,
    /// The argument that has begun: its bytes.
    bulk: Option<usize>,
    /// The bytes of all arguments so far.
    sum: usize,
    /// The command is over a limit: what is left of it is read and forgotten.
    doomed: bool,
    inside: bool,
    from_line: bool,
}

/// What a client may send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct May {
    /// Longest argument.
    pub(crate) argument: usize,
    /// It has said a password, or needs none. Who has not may send a little only.
    pub(crate) known: bool,
}

/// Arguments of a command and bytes of one, before a password was said; as in Redis.
const MOST_ARGS_UNKNOWN: i64 = 10;
const LONGEST_UNKNOWN: i64 = 16 * 1024;

/// Bytes of a number's line, as in Redis.
const LONGEST_NUMBER: usize = LONGEST_LINE;

/// A line that ends with CR LF, without them, and where the next begins. Redis looks for the CR alone.
fn line(input: &[u8], from: usize) -> Option<(&[u8], usize)> {
    let rest = input.get(from..)?;
    let length = memchr::memchr(b'\r', rest)?;
    (rest.len() > length + 1).then(|| (&rest[..length], from + length + 2))
}

impl Parser {
    /// The parts of the command that was read last.
    pub(crate) fn args<'a>(&'a self, input: &'a [u8]) -> Args<'a> {
        let bytes = if self.from_line { &self.line } else { input };
        Args::new(bytes, &self.parts)
    }

    /// The command that was read last is to be read again.
    pub(crate) fn again(&mut self) {
        self.inside = false;
    }

    /// Gives back what a long command needed.
    pub(crate) fn shrink(&mut self) {
        if self.parts.capacity() > 1024 && !self.inside {
            self.parts = Vec::new();
        }
        if self.line.capacity() > 1024 {
            self.line = Vec::new();
        }
    }

    /// Reads on. `input` begins with the request's first byte, as [`Step::More`] says.
    pub(crate) fn step(&mut self, input: &[u8], may: May) -> Step {
        if self.inside {
            return self.arguments(input, may);
        }
        match self.begin(input, may) {
            Begun::Array(at) => {
                self.at = at;
                self.arguments(input, may)
            }
            Begun::Nothing(used) => Step::Empty(used),
            Begun::Line(used) => Step::Command(used),
            Begun::More => Step::More(0),
            Begun::Broken(text) => Step::Broken(format!("ERR Protocol error: {text}")),
        }
    }

    fn begin(&mut self, input: &[u8], may: May) -> Begun {
        self.parts.clear();
        self.at = 0;
        self.sum = 0;
        self.doomed = false;
        self.from_line = false;
        match input.first() {
            None => Begun::More,
            Some(b'*') => self.array(input, may),
            Some(_) => self.inline(input),
        }
    }

    fn array(&mut self, input: &[u8], may: May) -> Begun {
        let Some((digits, next)) = line(input, 1) else {
            if input.len() > LONGEST_NUMBER {
                return Begun::Broken("too big mbulk count string");
            }
            return Begun::More;
        };
        match integer(digits) {
            Some(count) if count > MOST_ARGS => Begun::Broken("invalid multibulk length"),
            None => Begun::Broken("invalid multibulk length"),
            Some(count) if count > MOST_ARGS_UNKNOWN && !may.known => {
                Begun::Broken("unauthenticated multibulk length")
            }
            Some(count) if count <= 0 => Begun::Nothing(next),
            Some(count) => {
                self.left = count;
                self.inside = true;
                Begun::Array(next)
            }
        }
    }

    fn inline(&mut self, input: &[u8]) -> Begun {
        let Some(length) = memchr::memchr(b'\n', input) else {
            if input.len() > LONGEST_LINE {
                return Begun::Broken("too big inline request");
            }
            return Begun::More;
        };
        let text = input[..length]
            .strip_suffix(b"\r")
            .unwrap_or(&input[..length]);
        self.line.clear();
        if !super::line::split(text, &mut self.line, &mut self.parts) {
            return Begun::Broken("unbalanced quotes in request");
        }
        if self.parts.is_empty() {
            return Begun::Nothing(length + 1);
        }
        self.from_line = true;
        Begun::Line(length + 1)
    }

    fn arguments(&mut self, input: &[u8], may: May) -> Step {
        while self.left > 0 {
            if self.bulk.is_none() {
                match self.bulk_head(input, may) {
                    Ok(true) => {}
                    Ok(false) => return self.more(input.len()),
                    Err(text) => return Step::Broken(format!("ERR Protocol error: {text}")),
                }
            }
            let length = self.bulk.unwrap_or(0);
            let there = input.len().saturating_sub(self.at);
            if self.doomed {
                // With the line end; it is not looked at.
                let taken = there.min(length);
                self.at += taken;
                self.bulk = Some(length - taken);
                if taken < length {
                    return self.more(input.len());
                }
            } else {
                if there < length + 2 {
                    return self.more(input.len());
                }
                self.parts.push((short(self.at), short(length)));
                self.at += length + 2;
            }
            self.bulk = None;
            self.left -= 1;
        }
        self.inside = false;
        if self.doomed {
            return Step::TooLong(self.at);
        }
        Step::Command(self.at)
    }

    /// Reads `$` and the length of an argument; false where they are not yet whole.
    fn bulk_head(&mut self, input: &[u8], may: May) -> Result<bool, String> {
        let Some((head, next)) = line(input, self.at) else {
            if input.len().saturating_sub(self.at) > LONGEST_NUMBER {
                return Err("too big bulk count string".to_owned());
            }
            return Ok(false);
        };
        let Some((b'$', digits)) = head.split_first() else {
            // Redis tells the byte that stands there, the line end included.
            let first = input.get(self.at).copied().unwrap_or(b'\r');
            return Err(format!("expected '$', got '{}'", char::from(first)));
        };
        let length = integer(digits)
            .filter(|length| (0..=LONGEST_SKIPPED).contains(length))
            .ok_or("invalid bulk length")?;
        if length > LONGEST_UNKNOWN && !may.known {
            return Err("unauthenticated bulk length".to_owned());
        }
        let length = usize::try_from(length).map_err(|_too_long| "invalid bulk length")?;
        self.at = next;
        self.sum = self.sum.saturating_add(length);
        if !self.doomed && (length > may.argument || self.sum > LONGEST_COMMAND) {
            self.doomed = true;
            self.parts.clear();
        }
        self.bulk = Some(if self.doomed { length + 2 } else { length });
        Ok(true)
    }

    /// More is needed; of a command that will be refused nothing is kept.
    fn more(&mut self, length: usize) -> Step {
        if !self.doomed {
            return Step::More(0);
        }
        let used = self.at.min(length);
        self.at = 0;
        Step::More(used)
    }
}

enum Begun {
    /// Arguments follow from this byte on.
    Array(usize),
    /// No command; so many bytes.
    Nothing(usize),
    /// A whole command.
    Line(usize),
    More,
    Broken(&'static str),
}

fn short(number: usize) -> u32 {
    u32::try_from(number).expect("a command is shorter than 4 GiB")
}
