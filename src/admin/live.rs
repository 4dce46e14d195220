//! An answer that goes on as long as somebody reads it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Limit: parts that wait for a reader. One who is slower is waited for.
const WAITING: usize = 2;

/// A body that comes in parts.
#[derive(Debug)]
pub(super) struct Live(Receiver<Bytes>);

impl Live {
    /// A body, and where its parts are put in: that fails once nobody reads.
    pub(super) fn new() -> (Self, Sender<Bytes>) {
        let (send, receive) = channel(WAITING);
        (Self(receive), send)
    }
}

impl MessageBody for Live {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.0.poll_recv(context).map(|part| part.map(Ok))
    }
}
