//! What is said to a service manager, and what it keeps: heard by one of ours.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tempfile::TempDir;

use super::shelf::Shelf;
use super::wire::Wire;
use super::{Inner, Systemd};

/// What systemd heard, in order, with how many descriptors came along.
type Heard = Vec<(String, usize)>;

/// A systemd that hears what it is told until the socket's directory is gone.
struct Manager {
    dir: TempDir,
    hears: JoinHandle<Heard>,
}

impl Manager {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        let hears = std::thread::spawn(move || {
            let mut heard = Heard::new();
            loop {
                let (words, descriptors) = receive(&socket);
                if words == "END" {
                    return heard;
                }
                heard.push((words, descriptors.len()));
            }
        });
        Self { dir, hears }
    }

    /// One that is told to this, and has kept `sockets`.
    fn told_by(&self, sockets: Vec<TcpListener>) -> Systemd {
        let mut shelf = Shelf::default();
        for socket in sockets {
            shelf.inherit(socket);
        }
        let wire = Wire::to(self.dir.path().join("notify").as_os_str()).unwrap();
        Systemd(Some(Arc::new(Inner {
            wire: Some(wire),
            watchdog: None,
            shelf: Mutex::new(shelf),
        })))
    }

    fn heard(self) -> Heard {
        let end = UnixDatagram::unbound().unwrap();
        end.send_to(b"END", self.dir.path().join("notify")).unwrap();
        self.hears.join().unwrap()
    }
}

fn receive(socket: &UnixDatagram) -> (String, Vec<OwnedFd>) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 4096];
    let mut into = [IoSliceMut::new(&mut bytes)];
    let got = recvmsg(socket, &mut into, &mut control, RecvFlags::empty()).unwrap();
    let descriptors = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect(),
        _ => Vec::new(),
    });
    let descriptors = descriptors.collect();
    let words = String::from_utf8(bytes[..got.bytes].to_vec()).unwrap();
    (words, descriptors)
}

fn listener() -> (SocketAddr, TcpListener) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    (socket.local_addr().unwrap(), socket)
}

fn name(address: SocketAddr) -> String {
    format!("tcp-127.0.0.1_{}", address.port())
}

#[test]
fn under_nobody_nothing_is_kept_and_nothing_fails() {
    let nobody = Systemd::default();
    let (address, socket) = listener();
    nobody.ready("all is well");
    nobody.keep(address, &socket);
    nobody.forget(address);
    nobody.settled();
    assert!(!nobody.keeps_sockets() && !nobody.make_way(address));
    assert!(nobody.kept(address).is_none() && nobody.watchdog().is_none());
}

#[test]
fn what_is_said_is_one_message_each() {
    let manager = Manager::start();
    let systemd = manager.told_by(Vec::new());
    systemd.ready("one\ntwo");
    systemd.reloading();
    systemd.stopping(std::time::Duration::from_secs(40));
    systemd.alive();
    let heard = manager.heard();
    assert_eq!(heard[0], ("READY=1\nSTATUS=one two".to_owned(), 0));
    assert!(heard[1].0.starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert!(heard[2].0.starts_with("STOPPING=1\n"));
    assert!(heard[2].0.ends_with("EXTEND_TIMEOUT_USEC=40000000"));
    assert_eq!(heard[3].0, "WATCHDOG=1");
}

#[test]
fn a_socket_is_given_to_be_kept_once_and_taken_back_with_a_barrier() {
    let manager = Manager::start();
    let systemd = manager.told_by(Vec::new());
    let (address, socket) = listener();
    systemd.keep(address, &socket);
    systemd.keep(address, &socket);
    assert!(systemd.keeps_sockets());
    systemd.forget(address);
    systemd.forget(address);
    assert!(!systemd.keeps_sockets());
    let name = name(address);
    assert_eq!(
        manager.heard(),
        [
            (format!("FDSTORE=1\nFDNAME={name}"), 1),
            (format!("FDSTOREREMOVE=1\nFDNAME={name}"), 0),
            ("BARRIER=1".to_owned(), 1),
        ]
    );
}

#[test]
fn a_socket_of_an_earlier_life_is_used_again_and_one_nobody_asks_for_is_let_go() {
    let manager = Manager::start();
    let ((used, first), (left, second)) = (listener(), listener());
    let systemd = manager.told_by(vec![first, second]);
    // Who has connected meanwhile is still there.
    let _waits = TcpStream::connect(used).unwrap();
    let again = systemd.kept(used).unwrap();
    assert!(again.accept().is_ok());
    systemd.keep(used, &again);
    systemd.settled();
    assert!(TcpStream::connect(left).is_err());
    assert!(systemd.kept(used).is_some(), "a second try has it too");
    assert_eq!(
        manager.heard(),
        [
            (format!("FDSTOREREMOVE=1\nFDNAME={}", name(left)), 0),
            ("BARRIER=1".to_owned(), 1),
        ]
    );
}

#[test]
fn sockets_of_somebody_who_hears_nothing_are_used_all_the_same() {
    let (address, socket) = listener();
    let mut shelf = Shelf::default();
    shelf.inherit(socket);
    let systemd = Systemd(Some(Arc::new(Inner {
        wire: None,
        watchdog: None,
        shelf: Mutex::new(shelf),
    })));
    systemd.ready("all is well");
    let taken = systemd.kept(address).unwrap();
    systemd.keep(address, &taken);
    systemd.settled();
    assert!(TcpStream::connect(address).is_ok());
    systemd.forget(address);
    drop(taken);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn one_that_is_in_the_way_of_another_address_of_its_port_makes_way() {
    let manager = Manager::start();
    let (address, socket) = listener();
    let systemd = manager.told_by(vec![socket]);
    let wide = SocketAddr::new("0.0.0.0".parse().unwrap(), address.port());
    assert!(TcpListener::bind(wide).is_err());
    assert!(systemd.make_way(wide) && !systemd.make_way(wide));
    TcpListener::bind(wide).unwrap();
    drop(manager.heard());
}
