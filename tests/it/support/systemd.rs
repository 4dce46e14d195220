//! systemd's side of sd_notify(3) and of its store of file descriptors, played without being
//! process 1.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tempfile::TempDir;

/// Takes the descriptors that wait at standard input, puts them at 3 and up and becomes the program:
/// what systemd does between its fork and its exec.
const LAUNCHER: &str = r#"
import fcntl, os, socket, sys
names, program = sys.argv[1], sys.argv[2:]
count = len(names.split(":")) if names else 0
given = []
with socket.socket(fileno=os.dup(0)) as way:
    while len(given) < count:
        given += socket.recv_fds(way, 1, count)[1]
high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 1000) for fd in given]
for fd in given:
    os.close(fd)
os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
for place, fd in enumerate(high, 3):
    os.dup2(fd, place)
if count:
    os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(count), "LISTEN_FDNAMES": names}
os.environ["WATCHDOG_PID"] = str(os.getpid())
os.execv(program[0], program)
"#;

/// `FileDescriptorStoreMax=` of the unit.
const MOST: usize = 512;

/// How often the program has to say that it is alive.
const WATCHDOG: &str = "1500000";

/// Who plays systemd for one program.
pub(crate) struct Manager {
    dir: TempDir,
    state: Arc<Mutex<State>>,
    hears: Option<JoinHandle<()>>,
}

/// What it knows.
#[derive(Default)]
struct State {
    said: Vec<String>,
    kept: Vec<(String, OwnedFd)>,
}

impl Manager {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        let state = Arc::<Mutex<State>>::default();
        let own = Arc::clone(&state);
        let hears = std::thread::spawn(move || {
            loop {
                let (words, descriptors) = receive(&socket);
                if words == "END" {
                    return;
                }
                own.lock().unwrap().hear(&words, descriptors);
            }
        });
        Self {
            dir,
            state,
            hears: Some(hears),
        }
    }

    /// What starts `program` with what is kept, and its standard input.
    pub(crate) fn command(&self, program: &Path) -> (Command, Stdio) {
        let state = self.state.lock().unwrap();
        let names: Vec<&str> = state.kept.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.iter().all(|name| !name.contains(':')), "{names:?}");
        let (ours, theirs) = UnixStream::pair().unwrap();
        for (_, descriptor) in &state.kept {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            let descriptors = [descriptor.as_fd()];
            control.push(SendAncillaryMessage::ScmRights(&descriptors));
            sendmsg(
                &ours,
                &[IoSlice::new(b"x")],
                &mut control,
                SendFlags::empty(),
            )
            .unwrap();
        }
        let mut command = Command::new("python3");
        command
            .args(["-c", LAUNCHER, &names.join(":")])
            .arg(program)
            .env("NOTIFY_SOCKET", self.dir.path().join("notify"))
            .env("WATCHDOG_USEC", WATCHDOG);
        (command, OwnedFd::from(theirs).into())
    }

    /// How often something was said that begins so.
    pub(crate) fn heard(&self, words: &str) -> usize {
        let state = self.state.lock().unwrap();
        state
            .said
            .iter()
            .filter(|said| said.starts_with(words))
            .count()
    }

    /// The last that was said and begins so.
    pub(crate) fn last(&self, words: &str) -> Option<String> {
        let state = self.state.lock().unwrap();
        let said = state.said.iter().rev();
        said.into_iter()
            .find(|said| said.starts_with(words))
            .cloned()
    }

    /// The names of what is kept.
    pub(crate) fn kept(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.kept.iter().map(|(name, _)| name.clone()).collect()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let end = UnixDatagram::unbound().unwrap();
        end.send_to(b"END", self.dir.path().join("notify")).unwrap();
        self.hears.take().map(JoinHandle::join);
    }
}

impl State {
    fn hear(&mut self, words: &str, descriptors: Vec<OwnedFd>) {
        let is_there = |line: &str| words.lines().any(|said| said == line);
        let name = words.lines().find_map(|line| line.strip_prefix("FDNAME="));
        let name = name.unwrap_or("stored");
        if is_there("FDSTORE=1") {
            let named = descriptors.into_iter().map(|fd| (name.to_owned(), fd));
            self.kept.extend(named);
            assert!(self.kept.len() <= MOST, "more than the unit allows");
        } else if is_there("FDSTOREREMOVE=1") {
            self.kept.retain(|(kept, _)| kept != name);
        }
        // A barrier's descriptor is closed behind all that was said before it.
        self.said.push(words.to_owned());
    }
}

fn receive(socket: &UnixDatagram) -> (String, Vec<OwnedFd>) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 4096];
    let mut into = [IoSliceMut::new(&mut bytes)];
    let got = recvmsg(socket, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
    let descriptors = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect(),
        _ => Vec::new(),
    });
    let descriptors = descriptors.collect();
    let words = String::from_utf8(bytes[..got.bytes].to_vec()).unwrap();
    (words, descriptors)
}
