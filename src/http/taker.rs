//! How long a side that takes bytes is waited for. The one place where that is judged.

use std::mem::replace;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::{Conn, Deadline, Pace};

/// The side that takes a message. It is judged by what its kernel has acknowledged since the
/// message's first byte, and by the time that was waited for it.
#[derive(Debug)]
pub struct Taker {
    pace: Pace,
    /// What the kernel had taken from us before this message.
    before: Option<u64>,
    looked: bool,
    /// How long it was waited for, the present wait left out.
    spent: Duration,
    waited: Option<Wait>,
}

#[derive(Debug)]
struct Wait {
    begun: Instant,
    /// When it was last seen to take something.
    moved: Instant,
    sent: u64,
    /// What it had at the last look.
    taken: Option<u64>,
}

impl Taker {
    /// Longest time between two looks: between them only «writable» tells.
    const LOOK: Duration = Duration::from_secs(10);
    /// A kernel that took much is silent while its program reads that: Linux opens a window that
    /// was closed only once a good part of it is free. So a silence may last a second longer
    /// for each of these,
    const A_SECOND: u64 = 64 * 1024;
    /// but no more than this: who takes nothing at all is not told from who reads slowly.
    const LONGER: Duration = Duration::from_secs(60);

    /// One that has to keep `pace`.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            before: None,
            looked: false,
            spent: Duration::ZERO,
            waited: None,
        }
    }

    /// Has the message begin here, unless it has begun.
    pub fn begin(&mut self, conn: &Conn) {
        self.before.get_or_insert_with(|| conn.going_out());
    }

    /// It is not waited for now.
    pub(super) fn pause(&mut self) {
        if let Some(wait) = self.waited.take() {
            self.spent += wait.begun.elapsed();
        }
    }

    /// Ready when `conn` has something to take and is too slow. `timer` is this wait's alone.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        conn: &mut Conn,
        timer: &mut Deadline,
    ) -> Poll<()> {
        self.begin(conn);
        if !conn.has_output() {
            self.pause();
            return Poll::Pending;
        }
        self.wait(cx, conn, timer)
    }

    /// The same where something else than the queue is to be written.
    pub(super) fn wait(
        &mut self,
        cx: &mut Context<'_>,
        conn: &mut Conn,
        timer: &mut Deadline,
    ) -> Poll<()> {
        if self
            .waited
            .as_ref()
            .is_none_or(|wait| wait.sent != conn.going_out())
        {
            self.pause();
            let now = Instant::now();
            self.waited = Some(Wait {
                begun: now,
                moved: now,
                sent: conn.going_out(),
                taken: None,
            });
            timer.set(now + self.until_look());
        }
        while timer.poll(cx).is_ready() {
            let left = self.left(cx, conn);
            if left.is_zero() {
                return Poll::Ready(());
            }
            timer.set(Instant::now() + left.min(self.until_look()));
        }
        Poll::Pending
    }

    /// Looks how far it is, and answers how much longer it is waited for.
    fn left(&mut self, cx: &mut Context<'_>, conn: &mut Conn) -> Duration {
        let Some(wait) = &mut self.waited else {
            return Duration::ZERO;
        };
        let now = Instant::now();
        let taken = conn.taken();
        if conn.going_out() != wait.sent {
            // Written past what was told: whoever waits for that must hear of it.
            wait.sent = conn.going_out();
            wait.moved = now;
            cx.waker().wake_by_ref();
        }
        if wait.taken.replace(taken).is_some_and(|last| taken > last) {
            wait.moved = now;
        }
        // It is still at what came before this message: it is judged from here on.
        if !replace(&mut self.looked, true) && self.before.is_some_and(|before| taken < before) {
            self.before = Some(taken);
            self.spent = Duration::ZERO;
            wait.begun = now;
        }
        let bytes = taken.saturating_sub(self.before.unwrap_or(0));
        let spent = self.spent + (now - wait.begun);
        let longer = match self.pace {
            Pace::Rate { .. } => Duration::from_secs(bytes / Self::A_SECOND).min(Self::LONGER),
            Pace::Between(_) => Duration::ZERO,
        };
        let silent = (self.pace.quiet() + longer).saturating_sub(now - wait.moved);
        self.pace.patience(bytes, spent).min(silent)
    }

    /// Three looks in the longest silence: the first finds how far it is, the next whether that
    /// has changed.
    fn until_look(&self) -> Duration {
        Self::LOOK.min(self.pace.quiet() / 3)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::ErrorKind;

    use socket2::SockRef;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::advance;

    use super::{Conn, Duration, Pace, Poll, Taker};
    use crate::http::Io;

    const SECOND: Duration = Duration::from_secs(1);

    /// A connection with far more to write than the kernel takes, as that of a client that
    /// takes nothing; and what its timer knows.
    async fn full() -> (Conn, TcpStream) {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let theirs = TcpStream::connect(door.local_addr().unwrap())
            .await
            .unwrap();
        let (ours, _) = door.accept().await.unwrap();
        // The same for as long as the test runs.
        let (sends, takes) = (SockRef::from(&ours), SockRef::from(&theirs));
        sends.set_send_buffer_size(1024 * 1024).unwrap();
        takes.set_recv_buffer_size(64 * 1024).unwrap();
        let mut conn = Conn::new(Io::Tcp(ours));
        conn.output().resize(32 * 1024 * 1024, 7);
        (conn, theirs)
    }

    /// Whether it is too slow, after writing as much as the kernel is known to take.
    async fn is_late(conn: &mut Conn, taker: &mut Taker) -> bool {
        taker.begin(conn);
        poll_fn(|cx| {
            assert!(conn.poll_flush(cx).is_pending());
            Poll::Ready(conn.poll_taking(cx, taker).is_ready())
        })
        .await
    }

    /// Takes at least `least` bytes, however the kernel cuts them.
    async fn take(theirs: &TcpStream, least: usize) {
        let mut left = least;
        let mut piece = vec![0; 16 * 1024];
        while left > 0 {
            match theirs.try_read(&mut piece) {
                Ok(count) => left = left.saturating_sub(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    tokio::task::yield_now().await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    const RATE: Pace = Pace::Rate {
        rate: 500,
        quiet: Duration::from_secs(30),
    };

    #[tokio::test(start_paused = true)]
    async fn who_takes_little_but_steadily_is_waited_for_though_never_writable() {
        let (mut conn, theirs) = full().await;
        let mut taker = Taker::new(RATE);
        assert!(!is_late(&mut conn, &mut taker).await);
        // 5 KiB a second, for two minutes: «writable» is not told once.
        for _ in 0..12 {
            for _ in 0..10 {
                advance(SECOND).await;
                assert!(!is_late(&mut conn, &mut taker).await);
            }
            let before = conn.taken();
            take(&theirs, 50 * 1024).await;
            // The kernel is not as fast as this test's time.
            while conn.taken() == before {
                take(&theirs, 1).await;
            }
        }
        // And then nothing more: it has taken 600 KiB, which may last it for nine seconds more.
        let mut seconds = 0;
        while !is_late(&mut conn, &mut taker).await {
            advance(SECOND).await;
            seconds += 1;
            assert!(seconds <= 60, "it takes nothing");
        }
        assert!(seconds >= 38, "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_late_after_the_silence_allowed() {
        // What lies in the kernels of those who never read may last them for a moment.
        for (pace, most) in [(RATE, 36), (Pace::Between(30 * SECOND), 32)] {
            let (mut conn, _theirs) = full().await;
            let mut taker = Taker::new(pace);
            let mut seconds = 0;
            while !is_late(&mut conn, &mut taker).await {
                advance(SECOND).await;
                seconds += 1;
                assert!(seconds <= most, "it takes nothing");
            }
            assert!(seconds >= 30, "{seconds}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_less_than_the_rate_is_late_though_never_silent() {
        let (mut conn, theirs) = full().await;
        let mut taker = Taker::new(Pace::Rate {
            rate: 1024 * 1024,
            quiet: 30 * SECOND,
        });
        let mut seconds = 0;
        while !is_late(&mut conn, &mut taker).await {
            advance(SECOND).await;
            take(&theirs, 16 * 1024).await;
            seconds += 1;
            assert!(seconds <= 60, "16 KiB a second");
        }
        assert!(seconds >= 10, "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_still_at_the_message_before_is_judged_from_there() {
        let (mut conn, theirs) = full().await;
        assert!(!is_late(&mut conn, &mut Taker::new(RATE)).await);
        // What the kernel has is not this message's.
        let mut taker = Taker::new(RATE);
        for _ in 0..6 {
            for _ in 0..10 {
                assert!(!is_late(&mut conn, &mut taker).await);
                advance(SECOND).await;
            }
            let before = conn.taken();
            while conn.taken() == before {
                take(&theirs, 16 * 1024).await;
            }
        }
    }
}
