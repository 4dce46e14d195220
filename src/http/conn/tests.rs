//! What a connection keeps, and how it hears of the other side's slowness and end.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Duration, Instant, sleep, timeout};

use super::{Conn, Input, Scratch, StreamError};
use crate::http::{Io, Pace, Taker};

async fn pair() -> (Conn, TcpStream) {
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let theirs = TcpStream::connect(door.local_addr().unwrap())
        .await
        .unwrap();
    let (ours, _) = door.accept().await.unwrap();
    // Small, so that a test need not write much before it waits.
    let small = 16 * 1024;
    socket2::SockRef::from(&ours)
        .set_send_buffer_size(small)
        .unwrap();
    socket2::SockRef::from(&theirs)
        .set_recv_buffer_size(small)
        .unwrap();
    (Conn::new(Io::Tcp(ours)), theirs)
}

#[tokio::test]
async fn what_is_used_up_is_not_kept() {
    let (mut conn, mut theirs) = pair().await;
    let scratch = Scratch::new();
    let until = Instant::now() + Duration::from_secs(10);
    for round in 0..100 {
        theirs.write_all(&[b'a' + round % 26; 100]).await.unwrap();
        conn.fill(&scratch, until).await.unwrap();
        let rest = usize::from(round > 0) + 99;
        conn.consume(rest);
        assert_eq!(conn.input(), [b'a' + round % 26]);
        let Input::Own { bytes, .. } = &conn.input else {
            panic!("little was read");
        };
        assert!(bytes.len() <= 101, "{}", bytes.len());
    }
}

#[tokio::test]
async fn a_slow_reader_has_time_as_long_as_it_reads() {
    let (mut conn, mut theirs) = pair().await;
    let pace = Pace::Rate {
        rate: 1,
        quiet: Duration::from_secs(2),
    };
    conn.output().extend_from_slice(&[b'a'; 1024 * 1024]);
    let reader = tokio::spawn(async move {
        let mut piece = [0; 32 * 1024];
        let mut count = 0;
        while count < 1024 * 1024 {
            count += theirs.read(&mut piece).await.unwrap();
            sleep(Duration::from_millis(80)).await;
        }
        theirs
    });
    let start = Instant::now();
    conn.flush_to(&mut Taker::new(pace)).await.unwrap();
    assert!(start.elapsed() > Duration::from_secs(2));
    let theirs = reader.await.unwrap();
    conn.output().extend_from_slice(&[b'a'; 1024 * 1024]);
    let done = conn.flush_to(&mut Taker::new(pace)).await;
    assert!(matches!(done, Err(StreamError::Timeout)), "{done:?}");
    drop(theirs);
}

fn gone(conn: &mut Conn) -> Poll<()> {
    conn.poll_gone(&mut Context::from_waker(Waker::noop()))
}

// Asks for it once, as a task does, and sleeps until it is woken.
async fn is_found_gone(conn: &mut Conn) {
    let found = poll_fn(|cx| conn.poll_gone(cx));
    timeout(Duration::from_secs(20), found).await.unwrap();
}

#[tokio::test]
async fn an_end_behind_bytes_that_nobody_takes_is_an_end() {
    let scratch = Scratch::new();
    let until = Instant::now() + Duration::from_secs(20);
    // In the kernel, in the input, in both, and none at all.
    for (read, unread) in [(0, 9), (9, 0), (9, 9), (0, 0)] {
        for half in [true, false] {
            let (mut conn, mut theirs) = pair().await;
            if read > 0 {
                theirs.write_all(&vec![b'a'; read]).await.unwrap();
                conn.fill(&scratch, until).await.unwrap();
            }
            theirs.write_all(&vec![b'b'; unread]).await.unwrap();
            assert_eq!(gone(&mut conn), Poll::Pending, "bytes are no end");
            let ends = async {
                tokio::task::yield_now().await;
                let shut = theirs.shutdown().await;
                half.then_some((theirs, shut))
            };
            let ((), _theirs) = tokio::join!(is_found_gone(&mut conn), ends);
            assert_eq!(conn.input().len(), read, "no byte is taken");
            assert_eq!(gone(&mut conn), Poll::Ready(()));
        }
    }
}

#[tokio::test]
async fn a_reset_behind_bytes_that_nobody_takes_is_an_end() {
    let (mut conn, mut theirs) = pair().await;
    theirs.write_all(b"bytes").await.unwrap();
    conn.fill(&Scratch::new(), Instant::now() + Duration::from_secs(20))
        .await
        .unwrap();
    assert_eq!(gone(&mut conn), Poll::Pending);
    Conn::new(Io::Tcp(theirs)).abort();
    is_found_gone(&mut conn).await;
}
