//! One connection: bytes in, commands, answers out.
//!
//! What is read lies in the worker's scratch and is carried out there; a connection has a buffer of its own only for
//! what is not whole, or not yet written. Answers of all that was read at once are written at once, after the journal
//! has said that what they acknowledge is kept.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::command::{Batch, Long, Refusal, Session, Talk};
use super::force::Force;
use super::keeping::Ticket;
use super::memory::Table;
use super::passing::pass_on;
use super::resp::{Answer, LONGEST_KEPT, Parser, Step};
use super::shared::add;
use super::turn::{Stop, commands, may};
use super::worker::Worker;

/// A client that takes nothing for so long has its connection closed.
const PATIENCE: Duration = Duration::from_secs(60);

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
        batch: None,
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
    /// Commands that a Redis is to carry out.
    batch: Option<Batch>,
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
            if let Some(batch) = self.batch.take() {
                self.pass_on(batch).await;
            }
            reads = matches!(stop, Stop::Read);
            let closes = matches!(stop, Stop::Close);
            match stop {
                Stop::Admit => {
                    self.flush().await?;
                    self.admit().await;
                }
                Stop::Hold => {
                    self.flush().await?;
                    drop(self.worker.shared.let_through().await);
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

    /// Talks for a moment, with what is in force now.
    fn talk<R>(&mut self, admitted: bool, with: impl FnOnce(&mut Talk<'_>) -> R) -> R {
        let worker = Rc::clone(&self.worker);
        let force = worker.shared.force_now();
        self.talk_by(&force, admitted, with)
    }

    /// Talks for a moment, with what the worker lends.
    fn talk_by<R>(
        &mut self,
        force: &Arc<Force>,
        admitted: bool,
        with: impl FnOnce(&mut Talk<'_>) -> R,
    ) -> R {
        let shared = &self.worker.shared;
        let mut work = self.worker.work.borrow_mut();
        let result = with(&mut Talk {
            shared,
            settings: &force.settings,
            force,
            batch: &mut self.batch,
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

    /// Has a Redis carry out what was gathered, and tells the answers.
    async fn pass_on(&mut self, batch: Batch) {
        let worker = Rc::clone(&self.worker);
        let answered = pass_on(&worker.lines, &mut self.session, &batch).await;
        let force = Arc::clone(&batch.force);
        self.talk_by(&force, true, |talk| talk.tell(batch, answered));
    }

    /// Work over many keys; others of the thread get their turn in between.
    async fn work_off(&mut self, mut long: Long) {
        while self.work_off_some(&mut long) {
            tokio::task::yield_now().await;
        }
    }

    fn work_off_some(&mut self, long: &mut Long) -> bool {
        let force = Arc::clone(&long.force);
        self.talk_by(&force, true, |talk| talk.go_on(long))
    }

    /// Writes the answers, once what they acknowledge is kept.
    async fn flush(&mut self) -> io::Result<()> {
        if self.out.bytes.is_empty() {
            return Ok(());
        }
        let ticket = std::mem::take(&mut self.ticket);
        if ticket != Ticket::NOTHING {
            let kept = self.worker.kept(ticket).await;
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
