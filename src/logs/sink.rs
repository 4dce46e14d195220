//! Where the workers leave their lines, and the thread that takes them away.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::writer::{Writer, count};
use crate::model::Rotate;

/// Limit: bytes of lines that wait for the disk. Half a minute of 1,000 lines
/// a second; a disk that is away longer loses lines, not memory.
const MAX_WAITING: usize = 8 << 20;

/// What a batch costs besides its lines, so that empty ones are counted too.
const BATCH_COST: usize = 64;

/// A way to the writer thread. Cheap to clone; every worker has one.
#[derive(Debug, Clone)]
pub struct Sink {
    // Unbounded, so that no send ever waits; `waiting` bounds the lines, and
    // the other messages are as rare as the operator.
    queue: Sender<Message>,
    waiting: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
}

/// Where the lines go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessFile {
    /// Without one every line is thrown away.
    pub path: Option<PathBuf>,
    /// When it is to be a new one.
    pub rotate: Rotate,
}

/// What is counted when something is lost.
#[derive(Debug, Clone, Default)]
pub struct Losses {
    /// Lines that were not written.
    pub lines: Arc<AtomicU64>,
    /// Rotations, and packings of old files, that failed.
    pub rotations: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Lines(Vec<u8>),
    Reopen,
    Switch(AccessFile),
    Flush(SyncSender<()>),
    Stop,
}

/// Starts the writer thread on `file`; what is lost is added to `losses`.
///
/// A file that cannot be opened is no error: it is told, and tried again with
/// the first lines.
///
/// # Errors
/// No thread could be started.
pub fn start(file: AccessFile, losses: Losses) -> io::Result<(Sink, JoinHandle<()>)> {
    let (queue, messages) = mpsc::channel();
    let sink = Sink {
        queue,
        waiting: Arc::default(),
        dropped: Arc::clone(&losses.lines),
    };
    let waiting = Arc::clone(&sink.waiting);
    let thread = Builder::new()
        .name("access-log".into())
        .spawn(move || run(&messages, &waiting, Writer::new(file, losses)))?;
    Ok((sink, thread))
}

impl Sink {
    /// Leaves whole lines to be written. Never waits: what does not fit is
    /// dropped and counted.
    pub fn send(&self, lines: Vec<u8>) {
        let cost = lines.len() + BATCH_COST;
        let before = self.waiting.fetch_add(cost, Ordering::Relaxed);
        if before + cost > MAX_WAITING {
            self.waiting.fetch_sub(cost, Ordering::Relaxed);
            self.count_dropped(&lines);
        } else if let Err(mpsc::SendError(Message::Lines(lines))) =
            self.queue.send(Message::Lines(lines))
        {
            self.count_dropped(&lines);
        }
    }

    /// Opens the file anew, after logrotate has renamed it (`USR1`).
    pub fn reopen(&self) {
        self.tell(Message::Reopen);
    }

    /// Goes on in another file, or in none. The same path opens nothing anew.
    pub fn switch(&self, file: AccessFile) {
        self.tell(Message::Switch(file));
    }

    /// How many lines were lost, to a full queue or to a file error.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until what was sent so far has been written, or lost. Waits for
    /// the disk: not for a worker.
    pub fn flush(&self) {
        let (done, written) = mpsc::sync_channel(1);
        self.tell(Message::Flush(done));
        // An error means the writer has stopped, which has written everything.
        let _ = written.recv();
    }

    /// Writes what was sent so far and ends the thread, which can then be
    /// joined. What is sent later is dropped and counted.
    pub fn stop(self) {
        self.tell(Message::Stop);
    }

    fn tell(&self, message: Message) {
        // An error means the writer was stopped: there is nobody to tell.
        let _ = self.queue.send(message);
    }

    fn count_dropped(&self, lines: &[u8]) {
        self.dropped.fetch_add(count(lines), Ordering::Relaxed);
    }
}

/// Takes messages until told to stop or until every [`Sink`] is gone, and
/// writes whenever none is waiting.
fn run(messages: &Receiver<Message>, waiting: &AtomicUsize, mut writer: Writer) {
    loop {
        let message = match messages.try_recv() {
            Ok(message) => message,
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {
                writer.flush();
                match wait(messages, writer.look_in()) {
                    Ok(message) => message,
                    Err(RecvTimeoutError::Timeout) => {
                        writer.rotate_if_due();
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
        };
        match message {
            Message::Lines(lines) => {
                waiting.fetch_sub(lines.len() + BATCH_COST, Ordering::Relaxed);
                writer.add(lines);
            }
            Message::Reopen => writer.reopen(),
            Message::Switch(file) => writer.switch(file),
            Message::Flush(done) => {
                writer.flush();
                // The one who asked may have stopped waiting.
                let _ = done.send(());
            }
            Message::Stop => break,
        }
    }
    writer.flush();
}

fn wait(
    messages: &Receiver<Message>,
    at_most: Option<Duration>,
) -> Result<Message, RecvTimeoutError> {
    match at_most {
        Some(time) => messages.recv_timeout(time),
        None => Ok(messages.recv()?),
    }
}

#[cfg(test)]
mod tests {
    use super::{AccessFile, BATCH_COST, Losses, MAX_WAITING, Message, Sink, start};
    use crate::model::Rotate;
    use std::fs;
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::sync::mpsc;
    use std::thread;

    fn file(path: Option<PathBuf>) -> AccessFile {
        AccessFile {
            path,
            rotate: Rotate::default(),
        }
    }

    #[test]
    fn the_last_lines_are_written_before_the_thread_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let (sink, thread) = start(file(Some(path.clone())), Losses::default()).unwrap();
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let sink = sink.clone();
                thread::spawn(move || {
                    for n in 0..1000 {
                        sink.send(format!("{worker} {n}\n").into_bytes());
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
        let other = sink.clone();
        sink.stop();
        thread.join().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for worker in 0..4 {
            let mine: Vec<String> = (0..1000).map(|n| format!("{worker} {n}")).collect();
            let prefix = format!("{worker} ");
            let got: Vec<&str> = text.lines().filter(|l| l.starts_with(&prefix)).collect();
            assert_eq!(got, mine);
        }
        other.send(b"late\nlater\n".to_vec());
        other.flush();
        assert_eq!(other.dropped(), 2);
    }

    #[test]
    fn a_sink_that_is_let_go_ends_the_thread() {
        let (sink, thread) = start(file(None), Losses::default()).unwrap();
        sink.send(b"a\n".to_vec());
        drop(sink);
        thread.join().unwrap();
    }

    #[test]
    fn a_full_queue_drops_lines_and_never_a_message() {
        // No thread takes anything here: the disk is away.
        let (queue, messages) = mpsc::channel();
        let sink = Sink {
            queue,
            waiting: Arc::default(),
            dropped: Arc::default(),
        };
        let lines = vec![b'\n'; 1024];
        let fit = MAX_WAITING / (lines.len() + BATCH_COST);
        for _ in 0..fit {
            sink.send(lines.clone());
        }
        assert_eq!(sink.dropped(), 0);
        sink.send(lines.clone());
        sink.send(lines);
        assert_eq!(sink.dropped(), 2048);
        sink.reopen();
        drop(sink);
        assert_eq!(
            messages
                .iter()
                .filter(|m| matches!(m, Message::Lines(_)))
                .count(),
            fit
        );
    }

    #[test]
    fn reopening_and_switching_keep_every_line_in_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let (sink, thread) = start(file(Some(path("a"))), Losses::default()).unwrap();
        sink.send(b"1\n".to_vec());
        sink.flush();
        fs::rename(path("a"), path("a.1")).unwrap();
        sink.send(b"2\n".to_vec());
        sink.reopen();
        sink.send(b"3\n".to_vec());
        sink.switch(file(Some(path("b"))));
        sink.send(b"4\n".to_vec());
        sink.switch(file(Some(path("b"))));
        sink.send(b"5\n".to_vec());
        sink.stop();
        thread.join().unwrap();
        for (name, text) in [("a.1", "1\n2\n"), ("a", "3\n"), ("b", "4\n5\n")] {
            assert_eq!(fs::read_to_string(path(name)).unwrap(), text, "{name}");
        }
    }
}
