//! The handshake with a client, and what it leaves.

use std::io;
use std::sync::Arc;

use rustls::server::{Acceptor, ServerConnection};
use rustls::{HandshakeKind, ProtocolVersion, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};

use super::ACME_TLS;
use super::apart::shake_apart;
use super::certificate::Certificate;
use super::chooser::{Chooser, Offer};
use super::names::folded;

/// What is known of a client's encrypted connection.
#[derive(Debug)]
pub struct Secured {
    version: &'static str,
    /// The host it asked for, folded.
    asked: Option<String>,
    certificate: Arc<Certificate>,
}

impl Secured {
    /// A connection on which a client that asked for `name` was shown `certificate`.
    pub fn new(name: Option<&str>, certificate: Arc<Certificate>) -> Self {
        Self {
            version: "",
            asked: name.and_then(|name| folded(name.as_bytes())),
            certificate,
        }
    }

    /// The version spoken, as the log writes it.
    pub fn version(&self) -> &'static str {
        self.version
    }

    /// The certificate that was shown.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Whether a request for `host`, without its port, may come by this connection (rule 57): the
    /// certificate shown is made for it, or no other connection would be better. That is so
    /// where the client has asked for this very name in the handshake, or for none and no
    /// certificate of the listener, `now` as it is, is made for it.
    pub fn is_for(&self, host: &[u8], now: Option<&Chooser>) -> bool {
        if host.is_empty() || self.certificate.covers(host) {
            return true;
        }
        match &self.asked {
            Some(asked) => folded(host).as_ref() == Some(asked),
            None => !now.is_some_and(|now| now.covers(host)),
        }
    }
}

/// A handshake that is done.
#[derive(Debug)]
pub struct Shaken {
    /// Where the client is.
    pub socket: TcpStream,
    /// What encrypts.
    pub session: ServerConnection,
    /// What is known of it.
    pub secured: Secured,
    /// Whether it went on from an earlier one.
    pub resumed: bool,
}

/// Why a handshake failed.
#[derive(Debug, thiserror::Error)]
pub enum NotShaken {
    /// There is no certificate to show.
    #[error("no certificate can be shown")]
    NoCertificate,
    /// It was an authority, and has seen what it wanted to.
    #[error("an authority has seen what tls-alpn-01 shows")]
    Challenged,
    /// The client broke off, or what it said could not be understood or agreed to.
    #[error(transparent)]
    Broken(#[from] io::Error),
}

/// Whether a first byte is that of a request in plain HTTP, which no TLS begins with.
pub fn begins_like_http(byte: u8) -> bool {
    byte.is_ascii_alphabetic()
}

/// Shakes hands with the client on `socket`, to whom `choose` offers what it asks for by name;
/// with an authority that wants to see what tls-alpn-01 shows, as `challenge` says. As long as the
/// client takes: limiting that is for the caller. A signature that takes long has a place in
/// `signing` and a blocking thread.
///
/// # Errors
/// Why there is no connection. The client was told as far as TLS has words for it.
pub async fn shake(
    socket: TcpStream,
    (challenge, choose): (
        impl FnOnce(&str) -> Option<Arc<ServerConfig>>,
        impl FnOnce(Option<&str>) -> Option<Offer>,
    ),
    signing: &Semaphore,
) -> Result<Shaken, NotShaken> {
    let start = LazyConfigAcceptor::new(Acceptor::default(), socket).await?;
    if let Some(handshake) = challenged(&start, challenge) {
        // To have shaken hands is all.
        let mut seen = start.into_stream(handshake).await?;
        seen.shutdown().await?;
        return Err(NotShaken::Challenged);
    }
    let (asked, offer) = heard(&start, choose)?;
    let (socket, session) = match offer.certificate.is_slow() {
        true => shake_apart(start, &offer, signing).await?,
        false => start.into_stream(offer.config).await?.into_inner(),
    };
    let secured = secured(&session, asked.as_deref(), offer.certificate);
    Ok(Shaken {
        resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
        secured,
        socket,
        session,
    })
}

/// The same for who only reads and writes: the connection as one stream.
///
/// # Errors
/// As of [`shake`].
pub async fn shake_hands(
    socket: TcpStream,
    choose: impl FnOnce(Option<&str>) -> Option<Offer>,
) -> Result<(TlsStream<TcpStream>, Secured), NotShaken> {
    let start = LazyConfigAcceptor::new(Acceptor::default(), socket).await?;
    let (asked, offer) = heard(&start, choose)?;
    let stream = start.into_stream(offer.config).await?;
    let secured = secured(stream.get_ref().1, asked.as_deref(), offer.certificate);
    Ok((stream, secured))
}

/// How to shake hands with an authority that wants to see what tls-alpn-01 shows: it speaks that
/// and nothing else (RFC 8737 section 3).
fn challenged(
    start: &StartHandshake<TcpStream>,
    challenge: impl FnOnce(&str) -> Option<Arc<ServerConfig>>,
) -> Option<Arc<ServerConfig>> {
    let hello = start.client_hello();
    let mut spoken = hello.alpn()?;
    let is_authority = spoken.next() == Some(ACME_TLS) && spoken.next().is_none();
    hello
        .server_name()
        .filter(|_| is_authority)
        .and_then(challenge)
}

/// The name that a client asks for, and what it is offered.
fn heard(
    start: &StartHandshake<TcpStream>,
    choose: impl FnOnce(Option<&str>) -> Option<Offer>,
) -> Result<(Option<String>, Offer), NotShaken> {
    let asked = start.client_hello().server_name().map(str::to_owned);
    let offer = choose(asked.as_deref()).ok_or(NotShaken::NoCertificate)?;
    Ok((asked, offer))
}

fn secured(
    session: &ServerConnection,
    asked: Option<&str>,
    certificate: Arc<Certificate>,
) -> Secured {
    let version = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "TLSv1.3",
    };
    Secured {
        version,
        ..Secured::new(asked, certificate)
    }
}
