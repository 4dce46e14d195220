//! The HTTP/1.1 engine: heads, framing, bodies, and the connections that carry them.
//!
//! No policy here: nothing in this folder knows a site, a pool or a node.
//! Strict on purpose (RFC 9112 where it says MUST, and where it leaves a choice, the
//! choice that two parsers cannot read in two ways). Every refusal carries the number of
//! its rule in `docs/HTTP.md`.

mod body;
mod chunk_extension;
mod chunked;
mod clock;
mod conn;
mod deadline;
mod fields;
mod framing;
mod fresh;
mod head;
mod host;
mod input;
mod io;
mod known;
mod pipe;
mod proxy_header;
mod refusal;
mod relay;
mod request;
mod response;
mod scan;
mod scratch;
mod shortage;
mod taker;
mod target;
mod tls;
mod token;
mod unacked;
mod unix;
mod write;

pub use body::{BodyReader, Piece};
pub use clock::HttpDate;
pub use conn::{Conn, FileSent, Reusable, StreamError};
pub use deadline::Deadline;
pub use fields::{connection_options, list_items};
pub use framing::{Expectation, Framing, request_expectation, request_framing, response_framing};
pub use fresh::Fresh;
pub use head::{Field, Fields, Span};
pub use io::Io;
pub use known::Known;
pub use pipe::{Pipe, PipeEnd};
pub use proxy_header::proxy_header;
pub use refusal::Refusal;
pub use relay::{Pace, Relay, RelayError};
pub use request::{RequestHead, parse_request};
pub use response::{ResponseHead, begins_like_an_answer, parse_response};
pub use scan::{HeadScan, Limits, OddNames};
pub use scratch::Scratch;
pub use shortage::is_own_shortage;
pub use taker::Taker;
pub use tls::TlsIo;
pub use unix::connect_unix;
pub use write::{
    chunk_end, chunk_size_line, field, field_number, number, reason_phrase, status_line,
};

/// The two versions spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: no chunks, closes unless asked to stay.
    Http10,
    /// HTTP/1.1.
    Http11,
}

impl Version {
    /// As it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}
