//! A receiver behind TLS, with certificates that `openssl` makes.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

/// A certificate authority of a test's own.
pub(crate) struct Authority {
    dir: TempDir,
}

impl Authority {
    /// A new one, trusted by nobody.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Each by a name of its own: one of the same name would be asked for its signature.
        let name = dir.path().file_name().unwrap().to_str().unwrap();
        let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
                         -keyout ca.key -out ca.pem -subj";
        openssl(dir.path(), &format!("{arguments} /CN={name}"));
        Self { dir }
    }

    /// The file for `SSL_CERT_FILE`, for as long as this lives.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// A receiver on 127.0.0.1 whose certificate is for `names` (`DNS:localhost`).
    pub(crate) fn receiver(&self, names: &str) -> Receiver {
        let dir = self.dir.path();
        fs::write(dir.join("ext"), format!("subjectAltName={names}\n")).unwrap();
        openssl(
            dir,
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
             -keyout leaf.key -out leaf.csr -subj /CN=receiver",
        );
        openssl(
            dir,
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -days 2 -extfile ext -out leaf.pem",
        );
        let chain = vec![CertificateDer::from_pem_file(dir.join("leaf.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(dir.join("leaf.key")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Receiver::start(Arc::new(config))
    }
}

fn openssl(dir: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(dir)
        .output()
        .expect("openssl is there: tests/install");
    assert!(output.status.success(), "{output:?}");
}

/// Answers every request with 204 and remembers it.
pub(crate) struct Receiver {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    fn start(config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
        };
        let seen = receiver.seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that does not trust us breaks off.
                if let Some(request) = serve(stream, config.clone()) {
                    seen.lock().unwrap().push(request);
                }
            }
        });
        receiver
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every request so far, whole.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>) -> Option<String> {
    let connection = ServerConnection::new(config).ok()?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if stream.read_line(&mut request).ok()? == 0 {
            return None;
        }
    }
    let length = request
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))?;
    let mut body = vec![0; length.parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
    stream.get_mut().write_all(answer).ok()?;
    Some(request + &String::from_utf8(body).ok()?)
}
