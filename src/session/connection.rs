//! One connection: bytes in, commands, answers out.
//!
//! What is read lies in the worker's scratch and is carried out there; a connection has a buffer of its own only for
//! what is not whole, or not yet written. Answers of all that was read at once are written at once, after the journal
//! has said that what they acknowledge is kept.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::command::{Long, Next, Refusal, Session, Talk};
use super::keeping::Ticket;
use super::memory::Table;
use super::resp::{Answer, LONGEST_KEPT, May, Parser, Step};
use super::settings::Settings;
use super::shared::{Shared, add};

/// What is read at once. As much as pipelines of a thousand short commands have.
const READ: usize = 64 * 1024;

/// Answers are written before more commands are carried out, once they have so many bytes.
const ANSWERED: usize = 256 * 1024;

/// A client that takes nothing for so long has its connection closed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Wrong passwords of one connection before it is closed.
const WRONG_PASSWORDS: u32 = 10;

/// What the connections of one thread share.
#[derive(Debug)]
pub struct Worker {
    shared: Arc<Shared>,
    scratch: RefCell<Box<[u8]>>,
    work: RefCell<Vec<u8>>,
    /// A buffer for answers, while nobody has it.
    spare: RefCell<Vec<u8>>,
}

impl Worker {
    /// For one thread.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Rc<Self> {
        Rc::new(Self {
            shared,
            scratch: RefCell::new(vec![0; READ].into_boxed_slice()),
            work: RefCell::default(),
            spare: RefCell::default(),
        })
    }
}

/// Serves a connection to its end.
///
/// # Errors
/// It could not be read from or written to, or its client read nothing for a minute.
pub async fn serve<S>(stream: S, worker: Rc<Worker>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    serve_telling(stream, worker, || {}).await
}

/// The same; `wrong` is told of each wrong password, before it is answered.
///
/// # Errors
/// As of [`serve`].
pub async fn serve_telling<S>(stream: S, worker: Rc<Worker>, wrong: impl Fn()) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let counters = &worker.shared.counters;
    let number = counters.connections.fetch_add(1, Ordering::Relaxed) + 1;
    add(&counters.connected, 1);
    let mut connection = Connection {
        session: Session::new(number, &worker.shared),
        stream,
        worker: Rc::clone(&worker),
        parser: Parser::default(),
        rest: Vec::new(),
        out: Answer::default(),
        waste: Vec::new(),
        ticket: Ticket::NOTHING,
        admitted: false,
    };
    let _leaving = Leaving(Rc::clone(&worker));
    connection.run(wrong).await
}

/// Counts a connection out, however it ends.
struct Leaving(Rc<Worker>);

impl Drop for Leaving {
    fn drop(&mut self) {
        let connected = &self.0.shared.counters.connected;
        connected.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Connection<S> {
    stream: S,
    worker: Rc<Worker>,
    session: Session,
    parser: Parser,
    /// What was read and not yet carried out.
    rest: Vec<u8>,
    out: Answer,
    waste: Vec<Table>,
    ticket: Ticket,
    /// The journal takes the next command.
    admitted: bool,
}

/// Why the commands that were read are not carried out further.
enum Stop {
    /// There are no more.
    Read,
    /// Answers wait to be written.
    Written,
    /// The journal has to say whether it takes the next.
    Admit,
    Long(Long),
    Close,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    async fn run(&mut self, wrong: impl Fn()) -> io::Result<()> {
        let mut reads = true;
        let mut told = 0;
        loop {
            let stop = poll_fn(|context| self.turn(context, reads)).await?;
            let guessed = self.session.wrong_passwords;
            (told..guessed).for_each(|_| wrong());
            told = guessed;
            self.session.settle(&self.worker.shared);
            reads = matches!(stop, Stop::Read);
            let closes = matches!(stop, Stop::Close);
            match stop {
                Stop::Admit => {
                    self.flush().await?;
                    self.admit().await;
                }
                Stop::Long(long) => self.work_off(long).await,
                Stop::Read | Stop::Written | Stop::Close => {}
            }
            self.flush().await?;
            while let Some(table) = self.waste.pop() {
                drop(table);
                tokio::task::yield_now().await;
            }
            if closes {
                return self.stream.shutdown().await;
            }
        }
    }

    /// Reads what is there, unless something is left from before, and carries it out.
    fn turn(&mut self, context: &mut Context<'_>, reads: bool) -> Poll<io::Result<Stop>> {
        let worker = Rc::clone(&self.worker);
        if !reads {
            let rest = std::mem::take(&mut self.rest);
            let (used, stop) = self.carry_out(&rest);
            self.keep(rest, used);
            return Poll::Ready(Ok(stop));
        }
        let mut scratch = worker.scratch.borrow_mut();
        let mut buffer = ReadBuf::new(&mut scratch);
        match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => {}
        }
        let read = buffer.filled();
        if read.is_empty() {
            return Poll::Ready(Ok(Stop::Close));
        }
        let stop = if self.rest.is_empty() {
            let (used, stop) = self.carry_out(read);
            self.rest.extend_from_slice(&read[used..]);
            stop
        } else {
            let mut rest = std::mem::take(&mut self.rest);
            rest.extend_from_slice(read);
            let (used, stop) = self.carry_out(&rest);
            self.keep(rest, used);
            stop
        };
        Poll::Ready(Ok(stop))
    }

    /// Keeps what was not used, and no memory that is not needed for it.
    fn keep(&mut self, mut rest: Vec<u8>, used: usize) {
        if used < rest.len() {
            rest.drain(..used);
            if rest.capacity() > LONGEST_KEPT && rest.len() < rest.capacity() / 4 {
                rest.shrink_to_fit();
            }
            self.rest = rest;
        }
    }

    /// Carries out what the bytes hold. Says how many of them are used.
    fn carry_out(&mut self, input: &[u8]) -> (usize, Stop) {
        if self.out.bytes.capacity() == 0 {
            self.out.bytes = self.worker.spare.take();
        }
        let mut parser = std::mem::take(&mut self.parser);
        let admitted = std::mem::take(&mut self.admitted);
        let ended = self.talk(admitted, |talk| commands(talk, &mut parser, input));
        parser.shrink();
        self.parser = parser;
        ended
    }

    /// Talks for a moment, with what the worker lends and the settings in force now.
    fn talk<R>(&mut self, admitted: bool, with: impl FnOnce(&mut Talk<'_>) -> R) -> R {
        let shared = &self.worker.shared;
        let settings = shared.settings_now();
        let mut work = self.worker.work.borrow_mut();
        let result = with(&mut Talk {
            shared,
            settings: &settings,
            session: &mut self.session,
            out: &mut self.out,
            work: &mut work,
            waste: &mut self.waste,
            ticket: &mut self.ticket,
            now: shared.clock.now(),
            admitted,
        });
        if work.capacity() > LONGEST_KEPT {
            *work = Vec::new();
        }
        result
    }

    /// Waits until the journal takes the next command, which is the first of what is left, or refuses it.
    async fn admit(&mut self) {
        let worker = Rc::clone(&self.worker);
        match worker.shared.keeping.admit().await {
            Ok(()) => self.admitted = true,
            Err(why) => {
                add(&worker.shared.counters.not_kept, 1);
                self.refuse_next(&why);
            }
        }
    }

    fn refuse_next(&mut self, why: &str) {
        let rest = std::mem::take(&mut self.rest);
        let mut parser = std::mem::take(&mut self.parser);
        let used = self.talk(true, |talk| {
            // It was a whole command when the journal was asked.
            let Step::Command(used) = parser.step(&rest, may(talk.settings, talk.session)) else {
                return 0;
            };
            let refusal = Refusal::with(format!("MISCONF {why}"));
            talk.out.begin();
            talk.refuse(parser.args(&rest).get(0), &refusal);
            used
        });
        self.parser = parser;
        self.keep(rest, used);
    }

    /// Work over many keys; others of the thread get their turn in between.
    async fn work_off(&mut self, mut long: Long) {
        while self.work_off_some(&mut long) {
            tokio::task::yield_now().await;
        }
    }

    fn work_off_some(&mut self, long: &mut Long) -> bool {
        self.talk(true, |talk| talk.go_on(long))
    }

    /// Writes the answers, once what they acknowledge is kept.
    async fn flush(&mut self) -> io::Result<()> {
        if self.out.bytes.is_empty() {
            return Ok(());
        }
        let ticket = std::mem::take(&mut self.ticket);
        if ticket != Ticket::NOTHING {
            let kept = self.worker.shared.keeping.durable(ticket).await;
            // What was written is in memory, and nobody knows whether it is on disk: that is no answer to any of them.
            kept.map_err(io::Error::other)?;
        }
        let bytes = std::mem::take(&mut self.out.bytes);
        let written = self.write(&bytes).await;
        let mut bytes = bytes;
        if bytes.capacity() <= LONGEST_KEPT {
            bytes.clear();
            self.worker.spare.replace(bytes);
        }
        written
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut written = 0;
        while written < bytes.len() {
            let stream = &mut self.stream;
            let tried = poll_fn(|context| {
                let polled = Pin::new(&mut *stream).poll_write(context, &bytes[written..]);
                // A timer is made only where there is something to wait for.
                Poll::Ready(match polled {
                    Poll::Ready(result) => Some(result),
                    Poll::Pending => None,
                })
            })
            .await;
            let count = match tried {
                Some(result) => result?,
                None => tokio::time::timeout(PATIENCE, stream.write(&bytes[written..])).await??,
            };
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            written += count;
        }
        self.stream.flush().await
    }
}

fn may(settings: &Settings, session: &Session) -> May {
    May {
        // Other words of a command may have some length although values may not.
        argument: settings.max_value.max(64 * 1024),
        known: session.rights.is_some(),
    }
}

/// Carries out one command after the other, until there are no more or something is in the way.
fn commands(talk: &mut Talk<'_>, parser: &mut Parser, input: &[u8]) -> (usize, Stop) {
    let mut used = 0;
    loop {
        let may = may(talk.settings, talk.session);
        let rest = &input[used..];
        match parser.step(rest, may) {
            Step::More(not_needed) => return (used + not_needed, Stop::Read),
            Step::Empty(length) => used += length,
            Step::TooLong(length) => {
                used += length;
                talk.too_long();
            }
            Step::Broken(text) => {
                talk.out.error(text.as_bytes());
                return (input.len(), Stop::Close);
            }
            Step::Command(length) => {
                let args = parser.args(rest);
                let next = talk.execute(args);
                if matches!(next, Next::Admit) {
                    // The same is read again, whole.
                    parser.again();
                    return (used, Stop::Admit);
                }
                talk.admitted = false;
                used += length;
                match next {
                    Next::Close => return (input.len(), Stop::Close),
                    Next::Long(long) => return (used, Stop::Long(long)),
                    Next::Go | Next::Admit => {}
                }
            }
        }
        if talk.session.wrong_passwords >= WRONG_PASSWORDS {
            return (input.len(), Stop::Close);
        }
        if talk.out.bytes.len() >= ANSWERED || talk.waste.len() > 64 {
            return (used, Stop::Written);
        }
    }
}
