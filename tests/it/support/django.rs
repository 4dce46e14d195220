//! A real Django under a real Gunicorn: one node of the site in `tests/django`.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use super::client::{Client, Request};
use super::document::NodeLine;
use super::eventually;
use super::ports::Port;
use super::tls::Trust;

/// Which pair of releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    /// Django 4.2 under Gunicorn 20.1.0.
    Old,
    /// Django 5.2 under the newest Gunicorn.
    New,
}

/// How Gunicorn works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worker {
    /// One request a process, no keep-alive.
    Sync,
    /// Threads, with keep-alive of two seconds.
    Gthread,
}

/// One Gunicorn in a process group of its own, on a port that it keeps while it is dead, or on
/// a Unix socket.
pub(crate) struct Gunicorn {
    name: String,
    release: Release,
    worker: Worker,
    port: Port,
    socket: Option<PathBuf>,
    child: Option<Child>,
    /// What a client needs that asks it by TLS; none is plain.
    trust: Option<Trust>,
    /// Beside what every node has in its environment.
    env: Vec<(&'static str, String)>,
    dir: TempDir,
}

impl Gunicorn {
    /// Starts three, `web-1` to `web-3`, and waits until each answers.
    pub(crate) fn three(release: Release, worker: Worker) -> [Self; 3] {
        let spawn = |name| Self::spawn(release, worker, name, None);
        let started = ["web-1", "web-2", "web-3"].map(spawn);
        started.map(|mut gunicorn| {
            gunicorn.wait();
            gunicorn
        })
    }

    /// The same three with more in their environment: see `tests/django/shop/settings.py`.
    pub(crate) fn three_with(release: Release, env: &[(&'static str, String)]) -> [Self; 3] {
        let started = ["web-1", "web-2", "web-3"].map(|name| {
            let mut gunicorn = Self::prepared(release, Worker::Gthread, name, None);
            gunicorn.env = env.to_vec();
            gunicorn.launch();
            gunicorn
        });
        started.map(|mut gunicorn| {
            gunicorn.wait();
            gunicorn
        })
    }

    /// Starts one and waits until it answers.
    pub(crate) fn start(release: Release, worker: Worker, name: &str) -> Self {
        let mut gunicorn = Self::spawn(release, worker, name, None);
        gunicorn.wait();
        gunicorn
    }

    /// Starts one that speaks TLS by these `arguments`, and waits until it answers who trusts it.
    pub(crate) fn behind_tls(release: Release, name: &str, arguments: &str, trust: Trust) -> Self {
        let mut gunicorn = Self::prepared(release, Worker::Gthread, name, None);
        gunicorn.env = vec![("GUNICORN_CMD_ARGS", arguments.to_owned())];
        gunicorn.trust = Some(trust);
        gunicorn.launch();
        gunicorn.wait();
        gunicorn
    }

    /// The same on a Unix socket at `path`.
    pub(crate) fn at_socket(release: Release, worker: Worker, name: &str, path: PathBuf) -> Self {
        let mut gunicorn = Self::spawn(release, worker, name, Some(path));
        gunicorn.wait();
        gunicorn
    }

    fn spawn(release: Release, worker: Worker, name: &str, socket: Option<PathBuf>) -> Self {
        let mut gunicorn = Self::prepared(release, worker, name, socket);
        gunicorn.launch();
        gunicorn
    }

    fn prepared(release: Release, worker: Worker, name: &str, socket: Option<PathBuf>) -> Self {
        Self {
            name: name.into(),
            release,
            worker,
            port: Port::free(),
            socket,
            child: None,
            trust: None,
            env: Vec::new(),
            dir: tempfile::Builder::new()
                .prefix("sy-django")
                .tempdir()
                .unwrap(),
        }
    }

    fn launch(&mut self) {
        let log = File::create(self.dir.path().join("log")).unwrap();
        let workers = match self.worker {
            Worker::Sync => ["--worker-class=sync", "--workers=2"],
            Worker::Gthread => ["--worker-class=gthread", "--threads=8"],
        };
        let child = Command::new(environment(self.release).join("bin/gunicorn"))
            .args(["--config=gunicorn.conf.py", "--graceful-timeout=1"])
            .arg(format!("--bind={}", self.bound()))
            .args(workers)
            .arg("shop.wsgi")
            .current_dir(project())
            .env("NODE", &self.name)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs(self.env.iter().map(|(name, value)| (*name, value)))
            // Ours, so that its end is theirs: see gunicorn.conf.py.
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("target/venv is there: tests/install makes it");
        self.child = Some(child);
    }

    fn wait(&mut self) {
        eventually("Gunicorn answers", || {
            if let Some(status) = self.child.as_mut().and_then(|c| c.try_wait().unwrap()) {
                panic!("Gunicorn ended with {status}: {}", self.log());
            }
            match &self.socket {
                // It is there once the master listens; the kernel holds what comes early.
                Some(path) => UnixStream::connect(path).is_ok().then_some(()),
                None => {
                    let port = self.port.number();
                    let mut client = match self.trust.clone() {
                        Some(trust) => Client::trusting(port, trust),
                        None => Client::of(port),
                    };
                    let answer = client.send(&Request::get("/who"));
                    answer
                        .is_ok_and(|answer| answer.status == 200)
                        .then_some(())
                }
            }
        });
    }

    fn bound(&self) -> String {
        match &self.socket {
            Some(path) => super::socket::address(path),
            None => self.address().to_string(),
        }
    }

    /// Starts anew after [`Gunicorn::kill`], on the same port, and waits until it answers.
    pub(crate) fn again(&mut self) {
        self.launch();
        self.wait();
    }

    /// SIGKILL to every process of it, and waits until they are gone.
    pub(crate) fn kill(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let _sent = kill_process_group(group(&child), Signal::KILL);
        let _ended = child.wait();
        // The workers are not our children; their listening socket goes with the last of them.
        eventually("the last process of Gunicorn is gone", || {
            match &self.socket {
                Some(path) => UnixStream::connect(path).err(),
                None => TcpStream::connect(self.address()).err(),
            }
        });
    }

    /// SIGTERM, as `systemctl restart` would: it finishes what it has, and starts anew on the same
    /// port. Waits until it answers.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.again();
    }

    /// SIGTERM, and waits until it is gone; its socket goes with it.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().expect("it runs");
        kill_process(group(&child), Signal::TERM).expect("it is ours");
        eventually("Gunicorn ends", || child.try_wait().unwrap());
    }

    /// SIGSTOP to every process of it: it accepts on and answers nothing.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("it runs");
        kill_process_group(group(child), signal).expect("the group is ours");
    }

    /// Its name, which `/who` answers.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// As it stands in a document.
    pub(crate) fn line(&self, weight: u32) -> NodeLine {
        (self.name.clone(), self.address(), weight)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Gunicorn {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {} said ---\n{}", self.name, self.log());
        }
        self.kill();
    }
}

/// Copies every static file of the site, the admin's included, to `root`.
pub(crate) fn collect_static(release: Release, root: &Path) {
    let collected = Command::new(environment(release).join("bin/python"))
        .args(["manage.py", "collectstatic", "--noinput"])
        .current_dir(project())
        .env("STATIC_ROOT", root)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .expect("target/venv is there: tests/install makes it");
    assert!(collected.status.success(), "{collected:?}");
}

/// Runs `manage.py` of the site; it must succeed.
pub(crate) fn manage(release: Release, arguments: &[&str], env: &[(&'static str, String)]) {
    let done = Command::new(environment(release).join("bin/python"))
        .arg("manage.py")
        .args(arguments)
        .current_dir(project())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(env.iter().map(|(name, value)| (*name, value)))
        .stdin(Stdio::null())
        .output()
        .expect("target/venv is there: tests/install makes it");
    assert!(done.status.success(), "{done:?}");
}

fn group(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Where the libraries of this name lie that `tests/install` brought.
pub(crate) fn libraries(names: &[&str]) -> String {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv");
    let folders: Vec<String> = names
        .iter()
        .map(|name| venv.join(name).display().to_string())
        .collect();
    folders.join(":")
}

/// The Python of a release.
pub(crate) fn python(release: Release) -> PathBuf {
    environment(release).join("bin/python")
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/django")
}

fn environment(release: Release) -> PathBuf {
    let name = match release {
        Release::Old => "django42",
        Release::New => "django52",
    };
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/venv")
        .join(name)
}

#[test]
fn a_gunicorn_dies_freezes_and_returns_when_told() {
    let mut node = Gunicorn::start(Release::New, Worker::Gthread, "web-1");
    let port = node.port.number();
    let who = |client: &mut Client| client.send(&Request::get("/who")).map(|r| r.text());
    let first = who(&mut Client::of(port)).unwrap();
    assert!(first.starts_with("web-1 "), "{first}");
    assert_eq!(
        Client::of(port).get("/big?n=100000").body.len(),
        100_000,
        "a body of the length asked for"
    );
    assert_eq!(Client::of(port).get("/stream?n=70000").body.len(), 70_000);

    node.freeze();
    node.thaw();
    assert_eq!(who(&mut Client::of(port)).unwrap(), first);

    node.kill();
    let refused = who(&mut Client::of(port));
    assert!(
        matches!(refused, Err(super::client::ClientError::Connect(_))),
        "{refused:?}"
    );
    node.again();
    assert_ne!(who(&mut Client::of(port)).unwrap(), first);
}
