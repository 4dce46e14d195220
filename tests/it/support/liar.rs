//! An authority that stands before a real one and says what a test wants: hangs, lies, refuses.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::PATIENCE;
use super::pebble::Pebble;
use super::ports::local;
use super::tls::{Leaf, Trust};

/// What it does with a request.
#[derive(Clone)]
pub(crate) enum Does {
    /// What the real one does.
    Pass,
    /// Nothing, until it is told otherwise.
    Hang,
    /// Answers this, as it is.
    Say(Vec<u8>),
    /// As the real one, with another body where the path holds this.
    Instead(&'static str, Vec<u8>),
}

/// An authority that lies.
pub(crate) struct Liar {
    port: u16,
    does: Arc<Mutex<Does>>,
    asked: Arc<AtomicUsize>,
    held: Arc<Mutex<Vec<TcpStream>>>,
}

impl Liar {
    /// One that stands before `real` and shows `leaf`.
    pub(crate) fn before(real: &Pebble, leaf: &Leaf) -> Self {
        let chain = vec![CertificateDer::from_pem_file(leaf.chain()).unwrap()];
        let key = PrivateKeyDer::from_pem_file(leaf.key()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let listener = TcpListener::bind(local(0)).unwrap();
        let liar = Self {
            port: listener.local_addr().unwrap().port(),
            does: Arc::new(Mutex::new(Does::Pass)),
            asked: Arc::default(),
            held: Arc::default(),
        };
        let (does, asked, held) = (liar.does.clone(), liar.asked.clone(), liar.held.clone());
        let (config, real) = (Arc::new(config), (real.port(), real.own_trust()));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let (does, held) = (does.clone(), held.clone());
                let (config, real, asked) = (config.clone(), real.clone(), asked.clone());
                std::thread::spawn(move || {
                    let Ok(mut stream) = shaken(stream, config) else {
                        return;
                    };
                    let Ok(request) = read_request(&mut stream) else {
                        return;
                    };
                    asked.fetch_add(1, Ordering::SeqCst);
                    let does = does.lock().unwrap().clone();
                    let answer = match does {
                        Does::Hang => {
                            held.lock().unwrap().push(stream.sock);
                            return;
                        }
                        Does::Say(answer) => answer,
                        Does::Pass => passed(&real, &request),
                        Does::Instead(part, body) => {
                            let path = String::from_utf8_lossy(&request[..request.len().min(200)]);
                            match path.lines().next().is_some_and(|line| line.contains(part)) {
                                true => with_body(&passed(&real, &request), &body),
                                false => passed(&real, &request),
                            }
                        }
                    };
                    // Who has heard enough may go.
                    let _ = stream.write_all(&answer);
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                });
            }
        });
        liar
    }

    /// From now on it does this; whom it let hang it drops.
    pub(crate) fn does(&self, what: Does) {
        *self.does.lock().unwrap() = what;
        self.held.lock().unwrap().clear();
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The URL of its directory.
    pub(crate) fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.port)
    }
}

fn shaken(
    stream: TcpStream,
    config: Arc<ServerConfig>,
) -> std::io::Result<StreamOwned<ServerConnection, TcpStream>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let session = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(session, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// One whole request: a head, and as many bytes as it says.
fn read_request(stream: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    bytes.extend(body);
    Ok(bytes)
}

/// What the real one answers. It closes behind its answer, as it was asked to.
fn passed((port, trust): &(u16, Trust), request: &[u8]) -> Vec<u8> {
    let stream = TcpStream::connect(local(*port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = trust.encrypt(stream).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// `answer` with another body.
fn with_body(answer: &[u8], body: &[u8]) -> Vec<u8> {
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n");
    let head = String::from_utf8_lossy(&answer[..end.unwrap()]).into_owned();
    let lines = head.lines().filter(|line| {
        let line = line.to_ascii_lowercase();
        !line.starts_with("content-length") && !line.starts_with("transfer-encoding")
    });
    let mut whole: String = lines.map(|line| format!("{line}\r\n")).collect();
    whole.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    [whole.as_bytes(), body].concat()
}
