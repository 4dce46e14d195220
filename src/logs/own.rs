//! The program's own log: what it says of itself, on standard error.
//!
//! Whoever logs never waits for the terminal or the journal: a thread writes, and what
//! it cannot take in time is dropped and counted.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use super::last_words::LastWords;
use crate::model::LogLevel;

/// Limit: lines that wait for the thread. A flood is worth no memory.
const MAX_WAITING: usize = 4096;

/// The program's own log.
#[derive(Debug)]
pub struct OwnLog {
    queue: Option<Queue>,
    level: OwnLogLevel,
    last_words: LastWords,
}

/// Sets how much the program says of itself.
#[derive(Debug, Clone, Default)]
pub struct OwnLogLevel(Option<reload::Handle<Targets, tracing_subscriber::Registry>>);

impl OwnLogLevel {
    /// From now on says as much as `level`.
    pub fn set(&self, level: LogLevel) {
        if let Some(handle) = &self.0 {
            // It fails only when there is no log any more.
            drop(handle.modify(|filter| *filter = filter_of(level)));
        }
    }
}

/// Libraries are heard only when something is wrong: how they start is nobody's news.
fn filter_of(level: LogLevel) -> Targets {
    let ours = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    Targets::new()
        .with_default(ours.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), ours)
        // A client's broken request to the panel is an error to it, and no trouble of ours.
        .with_target("actix_http::h1", LevelFilter::OFF)
}

impl OwnLog {
    /// Writes to standard error from now on, at level info.
    ///
    /// # Errors
    /// No thread could be started, or the process logs somewhere already.
    pub fn start() -> io::Result<Self> {
        let (sender, messages) = sync_channel(MAX_WAITING);
        let queue = Queue {
            sender,
            dropped: Arc::default(),
            last_words: LastWords::default(),
        };
        let last_words = queue.last_words.clone();
        let dropped = Arc::clone(&queue.dropped);
        std::thread::Builder::new()
            .name("own-log".into())
            .spawn(move || write(&messages, &dropped))?;
        let (filter, handle) = reload::Layer::new(filter_of(LogLevel::Info));
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .with_writer(queue.clone());
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .try_init()
            .map_err(io::Error::other)?;
        Ok(Self {
            queue: Some(queue),
            level: OwnLogLevel(Some(handle)),
            last_words,
        })
    }

    /// Says nothing: the demo has a screen of its own.
    pub fn silent() -> Self {
        Self {
            queue: None,
            level: OwnLogLevel::default(),
            last_words: LastWords::default(),
        }
    }

    /// The means to set its level.
    pub fn level(&self) -> OwnLogLevel {
        self.level.clone()
    }

    /// What went wrong since the start.
    pub fn last_words(&self) -> LastWords {
        self.last_words.clone()
    }

    /// Waits until what was said so far is written.
    pub fn flush(&self) {
        if let Some(queue) = &self.queue {
            let (done, wait) = sync_channel(0);
            if queue.sender.send(Message::Flush(done)).is_ok() {
                let _ = wait.recv();
            }
        }
    }
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

#[derive(Debug, Clone)]
struct Queue {
    sender: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
    last_words: LastWords,
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            queue: self,
            text: Vec::new(),
            is_wrong: false,
        }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Line<'a> {
        let mut line = self.make_writer();
        line.is_wrong = *about.level() <= Level::WARN;
        line
    }
}

/// One line, handed over when it is complete.
struct Line<'a> {
    queue: &'a Queue,
    text: Vec<u8>,
    /// Whether something went wrong: it is kept in memory too.
    is_wrong: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if self.is_wrong {
            self.queue.last_words.keep(&self.text);
        }
        let line = Message::Line(std::mem::take(&mut self.text));
        if self.queue.sender.try_send(line).is_err() {
            self.queue.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

// A standard error that nobody reads any more is nothing to end the program for.
fn write(messages: &Receiver<Message>, dropped: &AtomicU64) {
    while let Ok(message) = messages.recv() {
        let mut out = io::stderr().lock();
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            drop(writeln!(
                out,
                "{lost} lines of this log were lost: it was not read in time"
            ));
        }
        match message {
            Message::Line(line) => drop(out.write_all(&line)),
            Message::Flush(done) => drop(done.send(())),
        }
    }
}
