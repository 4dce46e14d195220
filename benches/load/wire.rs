//! What a client or a node speaks over: plain TCP or TLS.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, HandshakeKind, SignatureScheme,
    version,
};

/// The name that clients ask for.
const NAME: &str = "shop.example.com";

/// What a client or a node speaks over. Nothing here waits.
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<Tls>),
}

pub(super) struct Tls {
    socket: TcpStream,
    session: ClientConnection,
}

impl Wire {
    pub(super) fn tls(socket: TcpStream, config: Arc<ClientConfig>) -> io::Result<Self> {
        let name = ServerName::try_from(NAME).map_err(io::Error::other)?;
        let session = ClientConnection::new(config, name).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(Tls { socket, session })))
    }

    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => &tls.socket,
        }
    }

    pub(super) fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Whether its handshake went on from an earlier one.
    pub(super) fn is_resumed(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(tls) => tls.session.handshake_kind() == Some(HandshakeKind::Resumed),
        }
    }

    /// Whether a write that would block does so for want of room, and not of the other side's word.
    pub(super) fn waits_for_room(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Tls(tls) => tls.session.wants_write(),
        }
    }

    pub(super) fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(bytes),
            Self::Tls(tls) => rustls::Stream::new(&mut tls.session, &mut tls.socket).read(bytes),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(tls) => rustls::Stream::new(&mut tls.session, &mut tls.socket).write(bytes),
        }
    }

    /// Whether the handshake is over, tickets included: they come when the other side knows it too.
    /// It is then told that nothing more comes.
    pub(super) fn greet(&mut self) -> io::Result<bool> {
        let Self::Tls(tls) = self else {
            return Err(io::Error::other("plain connections do not greet"));
        };
        let Tls { socket, session } = &mut **tls;
        loop {
            let was_over = !session.is_handshaking();
            while session.wants_write() {
                match session.write_tls(socket) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                    Err(error) => return Err(error),
                }
            }
            match session.read_tls(socket) {
                Ok(0) => return Err(io::Error::other("the subject closed in the handshake")),
                Ok(_) => session.process_new_packets().map_err(io::Error::other)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            };
            if was_over && session.tls13_tickets_received() > 0 {
                session.send_close_notify();
                session.write_tls(socket)?;
                return Ok(true);
            }
        }
    }
}

/// How clients speak TLS: version 1.3, the one group and the one cipher that all subjects know, so that
/// all do the same. Resumed: sessions go on.
pub(crate) fn client(resumed: bool) -> io::Result<Arc<ClientConfig>> {
    let provider = CryptoProvider {
        cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384],
        kx_groups: vec![aws_lc_rs::kx_group::X25519],
        ..aws_lc_rs::default_provider()
    };
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&version::TLS13])
        .map_err(io::Error::other)?;
    let mut config = config
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    config.resumption = match resumed {
        true => Resumption::in_memory_sessions(1024),
        false => Resumption::disabled(),
    };
    Ok(Arc::new(config))
}

/// Whose certificate it is is not what is measured.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
