//! A handshake whose signature takes long: RSA of 3072 bits and more, 2 to 4 ms where ECDSA takes
//! a thirtieth of one. A worker would stand still for all its clients meanwhile, so what is said in such a
//! handshake is worked out on its blocking threads.

use std::io;

use rustls::SignatureAlgorithm;
use rustls::server::ServerConnection;
use rustls::sign::SigningKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio_rustls::StartHandshake;

use super::chooser::Offer;

/// The longest public key, in bytes of DER, that signs at once: RSA of 2048 bits has 294, of 3072 has 422.
const QUICK: usize = 400;

/// Bytes read at once: more than any client says in a handshake.
const READ: usize = 4096;

/// Whether `key` takes long to sign.
pub(super) fn is_slow(key: &dyn SigningKey) -> bool {
    let length = key.public_key().map_or(0, |key| key.len());
    key.algorithm() == SignatureAlgorithm::RSA && length > QUICK
}

/// Ends a handshake whose client has been heard.
///
/// # Errors
/// The client broke off, or what it said could not be understood or agreed to: it was told so.
pub(super) async fn shake_apart(
    start: StartHandshake<TcpStream>,
    offer: &Offer,
    signing: &Semaphore,
) -> io::Result<(TcpStream, ServerConnection)> {
    let StartHandshake {
        accepted,
        io: mut socket,
        ..
    } = start;
    let config = offer.config.clone();
    let begun = apart(signing, move || accepted.into_connection(config));
    let mut session = match begun.await? {
        Ok(session) => session,
        Err((error, mut alert)) => {
            let mut words = Vec::new();
            alert.write_all(&mut words)?;
            socket.write_all(&words).await?;
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
    };
    loop {
        say(&mut session, &mut socket).await?;
        if !session.is_handshaking() {
            return Ok((socket, session));
        }
        let mut bytes = [0; READ];
        let count = socket.read(&mut bytes).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut heard = &bytes[..count];
        while !heard.is_empty() {
            session.read_tls(&mut heard)?;
            let understood;
            // A second greeting is signed as late as this.
            (session, understood) = apart(signing, move || {
                let understood = session.process_new_packets().map(drop);
                (session, understood)
            })
            .await?;
            if let Err(error) = understood {
                // The client is told why, if it still takes that.
                let _told = say(&mut session, &mut socket).await;
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }
}

async fn apart<T: Send + 'static>(
    signing: &Semaphore,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    // Never closed.
    let _place = signing.acquire().await;
    spawn_blocking(work).await.map_err(io::Error::other)
}

/// Writes all that is to be said.
async fn say(session: &mut ServerConnection, socket: &mut TcpStream) -> io::Result<()> {
    let mut words = Vec::new();
    while session.wants_write() {
        session.write_tls(&mut words)?;
    }
    socket.write_all(&words).await
}

#[cfg(test)]
mod tests {
    use super::is_slow;
    use crate::tls::accept::shake;
    use crate::tls::certificate::Engine;
    use crate::tls::{Certificates, Chooser};
    use std::fs;
    use std::process::Command;
    use std::sync::{Arc, Mutex};
    use std::thread::{self, ThreadId};

    use rustls::pki_types::SubjectPublicKeyInfoDer;
    use rustls::server::ClientHello;
    use rustls::server::ResolvesServerCert;
    use rustls::sign::{CertifiedKey, Signer, SigningKey};
    use rustls::{ServerConfig, SignatureAlgorithm, SignatureScheme};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::Semaphore;

    use crate::model::{Certificate, CertificateFiles, CertificateSource, KeptCertificates};
    use crate::model::{ListenerTls, Name};

    /// Remembers who had it sign.
    #[derive(Debug, Clone)]
    struct Watched {
        key: Arc<dyn SigningKey>,
        by: Arc<Mutex<Vec<ThreadId>>>,
    }

    impl SigningKey for Watched {
        fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
            self.by.lock().unwrap().push(thread::current().id());
            self.key.choose_scheme(offered)
        }

        fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
            self.key.public_key()
        }

        fn algorithm(&self) -> SignatureAlgorithm {
            self.key.algorithm()
        }
    }

    #[derive(Debug)]
    struct Shown(Arc<CertifiedKey>);

    impl ResolvesServerCert for Shown {
        fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            Some(self.0.clone())
        }
    }

    /// Handshakes of a real client by each version, and whose threads signed in them.
    fn signed_by(new_key: &str, groups: &str) -> (bool, bool) {
        let dir = tempfile::tempdir().unwrap();
        let made = Command::new("openssl")
            .args(
                "req -x509 -nodes -days 9 -subj /CN=x -addext subjectAltName=DNS:shop.example"
                    .split(' '),
            )
            .args("-keyout x.key -out x.pem -newkey".split(' '))
            .args(new_key.split(' '))
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let certificate = Certificate {
            name: Name::parse("x").unwrap(),
            hosts: Vec::new(),
            source: CertificateSource::Files(CertificateFiles {
                chain: dir.path().join("x.pem"),
                key: dir.path().join("x.key"),
            }),
        };
        let (engine, all) = (Engine::new(), [certificate]);
        let read = Certificates::read_at_start(&engine, &all, &KeptCertificates::default());
        let chooser = Chooser::build(&ListenerTls::default(), &read);
        let by = Arc::new(Mutex::new(Vec::new()));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            for version in ["-tls1_2", "-tls1_3"] {
                let client = Command::new("openssl")
                    .args(["s_client", version, "-groups", groups, "-connect"])
                    .arg(format!("127.0.0.1:{port}"))
                    .stdin(fs::File::open("/dev/null").unwrap())
                    .stdout(std::process::Stdio::piped())
                    .spawn()
                    .unwrap();
                let (socket, _): (TcpStream, _) = listener.accept().await.unwrap();
                let signing = Semaphore::new(1);
                let choose = |name: Option<&str>| {
                    let mut offer = chooser.offer(name)?;
                    let certified = offer.certificate.certified();
                    let key = Watched {
                        key: certified.key.clone(),
                        by: by.clone(),
                    };
                    let shown = CertifiedKey::new(certified.cert.clone(), Arc::new(key));
                    let mut config = ServerConfig::clone(&offer.config);
                    config.cert_resolver = Arc::new(Shown(Arc::new(shown)));
                    offer.config = Arc::new(config);
                    Some(offer)
                };
                shake(socket, (|_: &str| None, choose), &signing)
                    .await
                    .unwrap();
                let said = client.wait_with_output().unwrap();
                let said = String::from_utf8_lossy(&said.stdout).into_owned();
                assert!(said.contains("Cipher is"), "{said}");
            }
        });
        let (by, own) = (by.lock().unwrap(), thread::current().id());
        assert!(by.len() >= 2, "{by:?}");
        let key = read.usable().next().unwrap().certified();
        (is_slow(&*key.key), by.contains(&own))
    }

    #[test]
    fn what_takes_long_to_sign_is_not_signed_on_the_thread_that_serves() {
        assert_eq!(signed_by("rsa:3072", "X25519:P-256"), (true, false));
        // A group that is not offered at first: the client greets a second time.
        assert_eq!(signed_by("rsa:4096", "P-521:P-256"), (true, false));
        assert_eq!(signed_by("rsa:2048", "X25519:P-256"), (false, true));
        let ecdsa = "ec -pkeyopt ec_paramgen_curve:P-256";
        assert_eq!(signed_by(ecdsa, "X25519:P-256"), (false, true));
    }
}
