//! Shaking hands with a node that is probed, and what is wrong where that fails.

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;

use super::probe::not_connected;
use crate::balance::{Cause, Facts, quoted};
use crate::tls::{NoTls, ToNode};

/// A node that has accepted, and shaken hands where that was wanted.
#[derive(Debug)]
pub(super) enum Reached {
    /// In plain.
    Plain(TcpStream),
    /// By TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Says `header`, ahead of all else.
pub(super) async fn tell(
    stream: &mut (impl AsyncWrite + Unpin),
    header: &[u8],
    until: Instant,
    facts: &mut Facts,
) -> Result<(), Cause> {
    match timeout_at(until, stream.write_all(header)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(not_connected(&error, facts)),
        Err(_) => Err(Cause::ConnectTimeout),
    }
}

/// Says `header`, and shakes hands by `tls` before `until`; none is plain.
pub(super) async fn greet(
    mut stream: TcpStream,
    (tls, header): (Option<&ToNode>, &[u8]),
    until: Instant,
    facts: &mut Facts,
) -> Result<Reached, Cause> {
    tell(&mut stream, header, until, facts).await?;
    let Some(tls) = tls else {
        return Ok(Reached::Plain(stream));
    };
    match timeout_at(until, Box::pin(tls.shake_hands(stream))).await {
        Ok(Ok(stream)) => Ok(Reached::Tls(Box::new(stream))),
        Ok(Err(why)) => Err(cause(why, facts)),
        Err(_) => Err(Cause::TlsTimeout),
    }
}

fn cause(why: NoTls, facts: &mut Facts) -> Cause {
    let (cause, said) = match why {
        NoTls::NotTrusted => return Cause::TlsNotTrusted,
        NoTls::Expired => return Cause::TlsExpired,
        NoTls::NotYetValid => return Cause::TlsNotYetValid,
        NoTls::NotTls => return Cause::NotTls,
        NoTls::Ended => return Cause::TlsEnded,
        NoTls::WrongName(names) => (Cause::TlsWrongName, names),
        NoTls::BadCertificate(why) => (Cause::TlsBadCertificate, why),
        NoTls::Refused(why) => (Cause::TlsRefused, why),
        NoTls::Unready(why) => (Cause::TlsUnready, why),
    };
    facts.said = quoted(said.as_bytes());
    cause
}
