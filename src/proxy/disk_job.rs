//! Waiting for a disk, but not for ever.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Timeout, timeout};

/// How long a disk may take for one piece. One that hangs (a server's, a failing one) must hang
/// neither the clients whose bodies are on it nor the nodes that answer them.
const PATIENCE: Duration = Duration::from_secs(10);

/// A job on the blocking pool, given up after [`PATIENCE`]. The thread that does it is not: what
/// it holds is free once the disk moves.
#[derive(Debug)]
pub(super) struct DiskJob<T>(Pin<Box<Timeout<JoinHandle<io::Result<T>>>>>);

impl<T: Send + 'static> DiskJob<T> {
    pub(super) fn new(job: impl FnOnce() -> io::Result<T> + Send + 'static) -> Self {
        Self(Box::pin(timeout(PATIENCE, spawn_blocking(job))))
    }
}

impl<T> Future for DiskJob<T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready!(self.0.as_mut().poll(cx)) {
            Ok(Ok(done)) => done,
            Ok(Err(panicked)) => Err(io::Error::other(panicked)),
            Err(_late) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the disk does not answer",
            )),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::DiskJob;

    #[test]
    fn a_disk_that_hangs_is_given_up_and_one_that_answers_is_heard() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let (moves, hangs) = mpsc::channel::<()>();
        runtime.block_on(async {
            assert_eq!(DiskJob::new(|| Ok(7)).await.unwrap(), 7);
            let refused = DiskJob::<()>::new(|| Err(std::io::ErrorKind::StorageFull.into()));
            let refused = refused.await.unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::StorageFull);
            let hung = DiskJob::new(move || Ok(hangs.recv().is_err()));
            // The runtime's time stands still while a job of the pool is under way.
            tokio::task::yield_now().await;
            tokio::time::advance(super::PATIENCE).await;
            let hung = hung.await.unwrap_err();
            assert_eq!(hung.kind(), std::io::ErrorKind::TimedOut);
            drop(moves);
        });
    }
}
