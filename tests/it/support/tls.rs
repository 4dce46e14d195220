//! Certificates that `openssl` makes, clients that trust them, and a receiver behind TLS.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ALL_VERSIONS, ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    StreamOwned, SupportedProtocolVersion,
};
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

    /// A certificate for `names` (`DNS:localhost`) with its key, in a directory of its own: good
    /// from yesterday on, for two days.
    pub(crate) fn issue(&self, names: &str) -> Leaf {
        self.issue_with(
            names,
            "ec -pkeyopt ec_paramgen_curve:P-256",
            (-86_400, 86_400),
        )
    }

    /// The same with a key of its own kind, and good from and until so many seconds from now.
    pub(crate) fn issue_with(&self, names: &str, key: &str, (from, until): (i64, i64)) -> Leaf {
        let leaf = Leaf {
            dir: tempfile::tempdir().unwrap(),
        };
        let dir = leaf.dir.path();
        for file in ["ca.pem", "ca.key"] {
            fs::copy(self.dir.path().join(file), dir.join(file)).unwrap();
        }
        fs::write(dir.join("index"), "").unwrap();
        // Two certificates of one authority and number would be one to a browser.
        let serial = format!("{:016x}\n", rand::random::<u64>() | 1 << 62);
        fs::write(dir.join("serial"), serial).unwrap();
        fs::write(dir.join("ca.cnf"), CA_CONFIG).unwrap();
        fs::write(dir.join("ext"), format!("subjectAltName={names}\n")).unwrap();
        openssl(
            dir,
            &format!("req -newkey {key} -nodes -keyout key.pem -out leaf.csr -subj /CN=leaf"),
        );
        let now = jiff::Timestamp::now();
        let date = |seconds| {
            let at = now + jiff::SignedDuration::from_secs(seconds);
            at.strftime("%Y%m%d%H%M%SZ").to_string()
        };
        let dates = format!("-startdate {} -enddate {}", date(from), date(until));
        openssl(
            dir,
            &format!(
                "ca -batch -notext -config ca.cnf -in leaf.csr -out leaf.pem -outdir . -extfile ext {dates}"
            ),
        );
        fs::copy(dir.join("leaf.pem"), dir.join("chain.pem")).unwrap();
        leaf
    }

    /// PEM: an authority of the same name that has another key.
    pub(crate) fn namesake(&self) -> String {
        let dir = tempfile::tempdir().unwrap();
        let own = self.dir.path();
        let name = own.file_name().unwrap().to_str().unwrap();
        openssl(
            dir.path(),
            &format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout k -out c -subj /CN={name}"
            ),
        );
        fs::read_to_string(dir.path().join("c")).unwrap()
    }

    /// What a client of `name` needs to believe this authority.
    pub(crate) fn trust(&self, name: &str) -> Trust {
        Trust::of(&self.file(), name)
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
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Receiver::start(Arc::new(config))
    }
}

const CA_CONFIG: &str = "[ca]\ndefault_ca = own\n[own]\ndatabase = index\nserial = serial\nprivate_key = ca.key\n\
    certificate = ca.pem\ndefault_md = sha256\npolicy = any\n[any]\ncommonName = supplied\n";

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A certificate and its key, as an operator has them.
pub(crate) struct Leaf {
    dir: TempDir,
}

impl Leaf {
    /// `chain.pem` and `key.pem` of `dir`.
    pub(crate) fn of(dir: TempDir) -> Self {
        Self { dir }
    }

    /// PEM: the certificate.
    pub(crate) fn chain(&self) -> PathBuf {
        self.dir.path().join("chain.pem")
    }

    /// PEM: its key.
    pub(crate) fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }

    /// Its `[[certificates]]`; `keys` are lines of its own.
    pub(crate) fn table(&self, name: &str, keys: &str) -> String {
        let (chain, key) = (self.chain(), self.key());
        format!(
            "\n[[certificates]]\nname = \"{name}\"\nfiles = {{ chain = {chain:?}, key = {key:?} }}\n{keys}\n"
        )
    }

    /// Puts the files of `other` in place of its own, each in one step as certbot does.
    pub(crate) fn become_like(&self, other: &Self) {
        for (from, to) in [(other.chain(), self.chain()), (other.key(), self.key())] {
            let beside = to.with_extension("new");
            fs::copy(from, &beside).unwrap();
            fs::rename(beside, to).unwrap();
        }
    }
}

/// What a client needs to believe a certificate for one name. Its copies resume each other's
/// sessions.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    config: Arc<ClientConfig>,
    roots: RootCertStore,
    name: ServerName<'static>,
}

impl Trust {
    /// In what the certificate of a PEM file has signed, be it itself, for `name`.
    pub(crate) fn of(file: &Path, name: &str) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(file).unwrap())
            .unwrap();
        Self {
            config: client(roots.clone(), ALL_VERSIONS),
            roots,
            name: ServerName::try_from(name.to_owned()).unwrap(),
        }
    }

    /// The same with another version of TLS alone.
    pub(crate) fn only(&self, version: &'static SupportedProtocolVersion) -> Self {
        let mut other = self.clone();
        let roots = self.roots.clone();
        other.config = client(roots, &[version]);
        other
    }

    /// Shakes hands to the end.
    pub(crate) fn encrypt(&self, stream: TcpStream) -> io::Result<Encrypted> {
        let session = ClientConnection::new(self.config.clone(), self.name.clone());
        let mut session = session.map_err(io::Error::other)?;
        let mut stream = stream;
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        Ok(StreamOwned::new(session, stream))
    }
}

fn client(
    roots: RootCertStore,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// A client's connection over TLS.
pub(crate) type Encrypted = StreamOwned<ClientConnection, TcpStream>;

pub(crate) fn openssl(dir: &Path, arguments: &str) {
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
