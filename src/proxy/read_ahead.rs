//! Taking an answer from its node as fast as it sends, for a client that is slower: in memory,
//! and beyond that in a spool file. First in, first out.
//!
//! Where nothing has room the node is not read, as without this; it goes on as the client takes.

use std::future::Future;
use std::mem::{replace, take};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::disk_job::DiskJob;
use super::held::{Exceeding, Room, Share};
use super::spool::SpoolFile;
use crate::http::{
    BodyReader, Conn, Deadline, Piece, RelayError, Scratch, StreamError, Taker, chunk_end,
    chunk_size_line,
};
use crate::metrics::{Place, Side};
use crate::model::Settings;

/// Most of an answer that is held in memory; one read may exceed it.
const MEMORY: usize = 1024 * 1024;

/// How often it looks for room that others have given back.
const LOOK: Duration = Duration::from_millis(100);

/// What an answer may hold, and how long its node may keep it waiting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Most bytes in memory, of all bodies together.
    pub(super) memory: u64,
    /// Most bytes in files, of all bodies together.
    pub(super) spool: u64,
    /// Longest time between two reads from the node.
    pub(super) from: Duration,
}

impl Bounds {
    pub(super) fn new(settings: &Settings, from: Duration) -> Self {
        Self {
            memory: settings.memory_budget,
            spool: settings.spool_limit,
            from,
        }
    }
}

/// How far an answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// All of it is here: the node is done with.
    Read,
    /// The client has all of it.
    Passed,
}

/// An answer of which some is here and not yet with the client: in the client's output, then in
/// the file, then in `tail`.
#[derive(Debug)]
pub(super) struct ReadAhead {
    reader: BodyReader,
    chunked: bool,
    bounds: Bounds,
    room: Rc<Room>,
    in_memory: Share,
    /// What of the file takes the disk.
    in_file: Share,
    file: Option<Arc<SpoolFile>>,
    /// What of the file was ever written.
    written: u64,
    /// What of the file the client's output has had.
    read: u64,
    tail: Vec<u8>,
    /// Bytes that the client's output takes.
    output: usize,
    job: Option<Job>,
    /// Whether the disk has refused: it is not asked again for this answer.
    no_file: bool,
    /// Whether reading has stopped for want of room, and whether it ever did.
    stopped: bool,
    was_stopped: bool,
    look: Deadline,
    /// The right to read a piece on its way to the file, over the budget.
    exceeding: Option<Exceeding>,
    node_armed: bool,
    client: Taker,
}

#[derive(Debug)]
enum Job {
    /// What is read, and whether it no longer takes the disk.
    Read(DiskJob<(Vec<u8>, bool)>),
    /// What is written is kept until it is.
    Write(DiskJob<Arc<SpoolFile>>, Arc<Vec<u8>>),
}

impl ReadAhead {
    pub(super) fn new(
        (reader, client): (BodyReader, Taker),
        chunked: bool,
        room: &Rc<Room>,
        bounds: Bounds,
    ) -> Self {
        Self {
            reader,
            chunked,
            bounds,
            room: Rc::clone(room),
            in_memory: Share::new(room, Place::Memory),
            in_file: Share::new(room, Place::Spool),
            file: None,
            written: 0,
            read: 0,
            tail: Vec::new(),
            output: 0,
            job: None,
            no_file: false,
            stopped: false,
            was_stopped: false,
            look: Deadline::default(),
            exceeding: None,
            node_armed: false,
            client,
        }
    }

    /// Goes on: with a node until all is read, without one until the client has it.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &Scratch,
        mut node: Option<&mut Conn>,
        client: &mut Conn,
    ) -> Poll<Result<Progress, RelayError>> {
        loop {
            let flushed = client.poll_flush(cx);
            let idle = flushed.is_ready();
            if let Poll::Ready(Err(error)) = flushed {
                return Poll::Ready(Err(RelayError::To(StreamError::Broken(error))));
            }
            let mut moved = self.poll_job(cx, client)?;
            moved |= self.refill(client);
            if let Some(node) = node.as_deref_mut() {
                moved |= self.poll_node(cx, scratch, (node, client))?;
            }
            moved |= self.spool(client);
            self.count(client);
            if !matches!(self.job, Some(Job::Write(..))) {
                self.exceeding = None;
            }
            if node.is_some() && self.reader.is_done() {
                return Poll::Ready(Ok(Progress::Read));
            }
            if !moved {
                let passed = node.is_none() && idle && self.job.is_none();
                if passed {
                    return Poll::Ready(Ok(Progress::Passed));
                }
                self.poll_look(cx);
                let late = client.poll_taking(cx, &mut self.client);
                return late.map(|()| Err(RelayError::To(StreamError::Timeout)));
            }
        }
    }

    /// Has the task look again, where others may give room back: nobody wakes it for that.
    fn poll_look(&mut self, cx: &mut Context<'_>) {
        while self.stopped && self.look.poll(cx).is_ready() {
            self.look.set(Instant::now() + LOOK);
        }
    }

    /// Takes what the disk has done. True when it has.
    fn poll_job(&mut self, cx: &mut Context<'_>, client: &mut Conn) -> Result<bool, RelayError> {
        match &mut self.job {
            None => return Ok(false),
            Some(Job::Read(job)) => {
                let Poll::Ready(done) = Pin::new(job).poll(cx) else {
                    return Ok(false);
                };
                let (piece, is_freed) = done.map_err(|error| {
                    self.room.failed(&error);
                    RelayError::To(StreamError::Broken(error))
                })?;
                let length = piece.len() as u64;
                self.read += length;
                if is_freed {
                    self.in_file.force(self.in_file.bytes() - length);
                }
                client.output().extend_from_slice(&piece);
            }
            Some(Job::Write(job, bytes)) => {
                let Poll::Ready(done) = Pin::new(job).poll(cx) else {
                    return Ok(false);
                };
                match done {
                    Ok(file) => self.file = Some(file),
                    Err(error) => {
                        self.room.failed(&error);
                        let length = bytes.len() as u64;
                        self.written -= length;
                        self.in_file.force(self.in_file.bytes() - length);
                        self.tail = Arc::unwrap_or_clone(take(bytes));
                        self.no_file = true;
                    }
                }
            }
        }
        self.job = None;
        Ok(true)
    }

    /// Brings what comes next to a client that has taken all before. True when there was some.
    fn refill(&mut self, client: &mut Conn) -> bool {
        if self.job.is_some() || client.has_output() {
            return false;
        }
        let (at, end) = (self.read, self.written);
        if let Some(file) = self.file.as_ref().filter(|_| at < end) {
            let file = Arc::clone(file);
            self.job = Some(Job::Read(DiskJob::new(move || {
                let piece = file.piece(at, end)?;
                let is_freed = file.free(at, piece.len());
                Ok((piece, is_freed))
            })));
            return true;
        }
        self.file = None;
        (self.read, self.written) = (0, 0);
        self.in_file.force(0);
        // It has taken all before: the one buffer for the other.
        self.output = self.tail.capacity();
        *client.output() = take(&mut self.tail);
        client.has_output()
    }

    /// Reads more of the answer where there is room for it. True when it has.
    fn poll_node(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &Scratch,
        (node, client): (&mut Conn, &mut Conn),
    ) -> Result<bool, RelayError> {
        if self.reader.is_done() || !self.has_room(client) {
            self.node_armed = false;
            return Ok(false);
        }
        self.stopped = false;
        if !node.input().is_empty() {
            let (used, done) = self.take(node.input());
            node.consume(used);
            done?;
            return Ok(true);
        }
        match node.poll_read_with(cx, scratch, |_, bytes| self.take(bytes)) {
            Poll::Ready(Ok(Some(done))) => done?,
            Poll::Ready(Ok(None)) if self.reader.connection_ended() => self.end(),
            Poll::Ready(Ok(None)) => return Err(RelayError::Ended),
            Poll::Ready(Err(error)) => return Err(RelayError::From(StreamError::Broken(error))),
            Poll::Pending => {
                let until = Instant::now() + self.bounds.from;
                return match node.poll_late(cx, until, &mut self.node_armed) {
                    Poll::Ready(()) => Err(RelayError::From(StreamError::Timeout)),
                    Poll::Pending => Ok(false),
                };
            }
        }
        self.node_armed = false;
        Ok(true)
    }

    /// Takes what `bytes` holds of the body, framed for the client; answers how much that was.
    fn take(&mut self, bytes: &[u8]) -> (usize, Result<(), RelayError>) {
        let mut at = 0;
        loop {
            match self.reader.next(&bytes[at..]) {
                Ok(Piece::Data(range)) => {
                    if self.chunked {
                        chunk_size_line(&mut self.tail, range.len());
                    }
                    self.tail.extend_from_slice(&bytes[at..][range.clone()]);
                    if self.chunked {
                        self.tail.extend_from_slice(b"\r\n");
                    }
                    at += range.end;
                    if self.reader.is_done() {
                        self.end();
                        return (at, Ok(()));
                    }
                }
                Ok(Piece::More) => return (bytes.len(), Ok(())),
                Ok(Piece::End(used)) => {
                    self.end();
                    return (at + used, Ok(()));
                }
                Err(refusal) => return (bytes.len(), Err(RelayError::Bad(refusal))),
            }
        }
    }

    fn end(&mut self) {
        if self.chunked {
            chunk_end(&mut self.tail);
        }
    }

    /// Counts what memory it takes, and not only what is in that.
    fn count(&mut self, client: &Conn) {
        if !client.has_output() {
            self.output = 0;
        }
        let bytes = self.tail.capacity() + self.output.max(client.queued());
        self.in_memory.force(bytes as u64);
    }

    fn held(&self, client: &Conn) -> usize {
        self.tail.len() + client.queued()
    }

    fn is_over(&self, client: &Conn) -> bool {
        let all = self.room.metrics.buffers().held(Place::Memory);
        self.held(client) >= MEMORY || all > self.bounds.memory
    }

    fn has_room(&mut self, client: &Conn) -> bool {
        match self.job {
            Some(Job::Write(..)) => false,
            // One that holds nothing waits for nobody: it would never begin again.
            None if self.held(client) == 0 && self.file.is_none() => true,
            None | Some(Job::Read(_)) if !self.is_over(client) => true,
            Some(Job::Read(_)) => false,
            None => self.may_exceed(),
        }
    }

    /// Whether a piece may be read for all that, to be written to the file at once.
    fn may_exceed(&mut self) -> bool {
        if !self.tail.is_empty()
            || self.no_file
            || !self.in_file.fits(Scratch::SIZE as u64, self.bounds.spool)
        {
            return false;
        }
        if self.exceeding.is_none() {
            self.exceeding = Room::exceed(&self.room);
        }
        self.exceeding.is_some()
    }

    /// Makes room in memory by writing to the file. True when that has begun.
    fn spool(&mut self, client: &Conn) -> bool {
        if self.job.is_some() || self.reader.is_done() || !self.is_over(client) {
            return false;
        }
        let (at, bytes) = (self.written, self.tail.len() as u64);
        if bytes == 0 || self.no_file || !self.in_file.grow(bytes, self.bounds.spool) {
            if !replace(&mut self.stopped, true) {
                self.look.set(Instant::now() + LOOK);
            }
            if !replace(&mut self.was_stopped, true) {
                self.room.metrics.buffers().count_wait(Side::Node);
            }
            return false;
        }
        self.written += bytes;
        let (file, spool) = (self.file.clone(), self.room.for_job());
        let tail = Arc::new(take(&mut self.tail));
        let (counted, bytes) = (self.room.in_job(tail.capacity()), Arc::clone(&tail));
        let job = DiskJob::new(move || {
            let written = spool.write(file, &bytes, at);
            drop(counted);
            written
        });
        self.job = Some(Job::Write(job, tail));
        true
    }
}
