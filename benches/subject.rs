//! What is measured: Steelyard and its peers, each on one worker, with the same three nodes, the
//! same headers to them and an access log.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// Each subject, by the name it has in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Steelyard,
    SteelyardNoLog,
    /// Under callgrind, for `--count`.
    Counted,
    Nginx,
    NginxTuned,
    Haproxy,
    HaproxySplice,
    H2o,
    Relay,
}

impl Kind {
    /// All, the first being what the others are compared with.
    pub(crate) const ALL: [Self; 8] = [
        Self::Steelyard,
        Self::SteelyardNoLog,
        Self::Nginx,
        Self::NginxTuned,
        Self::Haproxy,
        Self::HaproxySplice,
        Self::H2o,
        Self::Relay,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Steelyard => "steelyard",
            Self::SteelyardNoLog => "steelyard, no log",
            Self::Counted => "steelyard, counted",
            Self::Nginx => "nginx",
            Self::NginxTuned => "nginx tuned",
            Self::Haproxy => "haproxy",
            Self::HaproxySplice => "haproxy splice",
            Self::H2o => "h2o",
            Self::Relay => "byte relay",
        }
    }

    /// Whether it serves files.
    pub(crate) fn has_files(self) -> bool {
        !matches!(self, Self::Haproxy | Self::HaproxySplice | Self::Relay)
    }
}

/// One running subject, pinned to the first core. Ended when dropped.
pub(crate) struct Subject {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    child: Child,
    dir: PathBuf,
}

/// Routes, sites and pools beside the one that is asked; for W7.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Crowd {
    pub(crate) pools: usize,
    pub(crate) routes: usize,
}

impl Subject {
    /// Starts `kind` in `dir` on a free port and waits until it answers there.
    pub(crate) fn start(kind: Kind, dir: &Path, nodes: &[u16], crowd: Crowd) -> io::Result<Self> {
        let dir = dir.join(kind.name().replace([' ', ','], "-"));
        fs::create_dir_all(&dir)?;
        let port = free_port()?;
        let place = Place {
            dir: &dir,
            port,
            nodes,
        };
        let mut command = match kind {
            Kind::Steelyard => steelyard(&place, "access.log", crowd)?,
            Kind::SteelyardNoLog => steelyard(&place, "", crowd)?,
            Kind::Counted => counted(&steelyard(&place, "access.log", crowd)?),
            Kind::Nginx => nginx(&place, false)?,
            Kind::NginxTuned => nginx(&place, true)?,
            Kind::Haproxy => haproxy(&place, "")?,
            Kind::HaproxySplice => haproxy(&place, "    option splice-auto\n")?,
            Kind::H2o => h2o(&place)?,
            Kind::Relay => relay(&place)?,
        };
        let said = File::create(dir.join("said.txt"))?;
        let child = command
            .current_dir(&dir)
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()
            .map_err(|error| io::Error::other(format!("{}: {error}", kind.name())))?;
        let mut subject = Self {
            kind,
            port,
            child,
            dir,
        };
        subject.wait()?;
        Ok(subject)
    }

    fn wait(&mut self) -> io::Result<()> {
        for _ in 0..3000 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                let said = fs::read_to_string(self.dir.join("said.txt"))?;
                let name = self.kind.name();
                return Err(io::Error::other(format!(
                    "{name} ended with {status}: {said}"
                )));
            }
            thread::park_timeout(Duration::from_millis(10));
        }
        Err(io::Error::other(format!(
            "{} does not listen",
            self.kind.name()
        )))
    }

    /// Ends it as an operator would, and tells where its files are.
    pub(crate) fn stop(mut self) -> io::Result<PathBuf> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.child.wait()?;
        Ok(self.dir.clone())
    }

    /// Its processes.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mut all = vec![self.child.id()];
        let mut at = 0;
        while at < all.len() {
            let pid = all[at];
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let children = children.unwrap_or_default();
            all.extend(
                children
                    .split_whitespace()
                    .filter_map(|c| c.parse::<u32>().ok()),
            );
            at += 1;
        }
        all
    }

    /// CPU time that all its threads have used so far, user and system, in nanoseconds.
    pub(crate) fn cpu(&self) -> u64 {
        let tasks = self.processes().into_iter().flat_map(|pid| {
            let tasks = fs::read_dir(format!("/proc/{pid}/task"));
            tasks
                .into_iter()
                .flatten()
                .flatten()
                .map(|task| task.path())
        });
        let used = |task: PathBuf| -> Option<u64> {
            let text = fs::read_to_string(task.join("schedstat")).ok()?;
            text.split(' ').next()?.parse().ok()
        };
        tasks.filter_map(used).sum()
    }

    /// Memory of its own that all its processes hold, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let private = |pid: u32| -> u64 {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
            let rollup = rollup.unwrap_or_default();
            let lines = rollup.lines().filter(|l| l.starts_with("Private_Dirty:"));
            let values = lines.filter_map(|l| l.split_whitespace().nth(1)?.parse::<u64>().ok());
            values.sum()
        };
        self.processes().into_iter().map(private).sum()
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // The master first, so that it starts no new worker.
        for pid in self.processes() {
            let pid = i32::try_from(pid)
                .ok()
                .and_then(rustix::process::Pid::from_raw);
            let Some(pid) = pid else { continue };
            // Gone already is as good.
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        let _ended = self.child.wait();
    }
}

struct Place<'a> {
    dir: &'a Path,
    port: u16,
    nodes: &'a [u16],
}

impl Place<'_> {
    fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.dir.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    fn files(&self) -> String {
        let parent = self.dir.parent().unwrap_or(self.dir);
        parent.join("files").display().to_string()
    }
}

/// `program` on the first core.
fn pinned(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.arg("--cpu-list").arg("0").arg(program);
    command
}

/// `command`, a pinned one, under callgrind.
fn counted(command: &Command) -> Command {
    let mut arguments = command.get_args().skip(2);
    let mut counted = pinned("valgrind");
    counted.args(["--tool=callgrind", "--callgrind-out-file=callgrind.out"]);
    counted.args(arguments.by_ref());
    counted
}

fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

fn steelyard(place: &Place<'_>, log: &str, crowd: Crowd) -> io::Result<Command> {
    let mut text = format!(
        "version = 1\n[settings]\nworkers = 1\n[logs]\nfile = \"{log}\"\n\
         [[listeners]]\nname = \"http\"\naddress = \"127.0.0.1:{}\"\nmax_requests = 1000000000\n",
        place.port
    );
    let pool = |text: &mut String, name: &str, check: &str| {
        write!(
            text,
            "[[pools]]\nname = \"{name}\"\nhealth_check = \"{check}\"\n"
        )?;
        for port in place.nodes {
            write!(text, "[[pools.nodes]]\naddress = \"127.0.0.1:{port}\"\n")?;
        }
        Ok::<(), std::fmt::Error>(())
    };
    let written = (|| {
        pool(&mut text, "nodes", "off")?;
        for n in 0..crowd.pools {
            pool(&mut text, &format!("p{n}"), "off")?;
        }
        for n in 0..crowd.pools {
            write!(
                text,
                "[[sites]]\nname = \"s{n}\"\nhosts = [\"h{n}.example\"]\n"
            )?;
            for r in 0..crowd.routes / crowd.pools.max(1) {
                write!(
                    text,
                    "[[sites.routes]]\npath = \"/r{r}/\"\npool = \"p{n}\"\n"
                )?;
            }
        }
        write!(
            text,
            "[[sites]]\nname = \"all\"\n[[sites.routes]]\npath = \"/files/\"\nfiles = {{ root = \"{}\" }}\n\
             [[sites.routes]]\npath = \"/\"\npool = \"nodes\"\n",
            place.files()
        )
    })();
    written.map_err(io::Error::other)?;
    let document = place.write("document.toml", &text)?;
    let program = env!("CARGO_BIN_EXE_steelyard");
    let data = place.dir.join("data");
    fs::create_dir_all(&data)?;
    let applied = Command::new(program)
        .args(["apply", "--data-dir"])
        .arg(&data)
        .arg(document)
        .output()?;
    if !applied.status.success() {
        return Err(io::Error::other(
            String::from_utf8_lossy(&applied.stderr).into_owned(),
        ));
    }
    let admin = format!("127.0.0.1:{}", free_port()?);
    let mut command = pinned(program);
    command
        .args(["serve", "--admin", &admin, "--data-dir"])
        .arg(data);
    Ok(command)
}

fn nginx(place: &Place<'_>, tuned: bool) -> io::Result<Command> {
    let dir = place.dir.display();
    let servers: String = place.nodes.iter().fold(String::new(), |text, port| {
        text + &format!("    server 127.0.0.1:{port};\n")
    });
    let log = match tuned {
        true => format!("access_log {dir}/access.log combined buffer=64k flush=1s;"),
        false => format!("access_log {dir}/access.log combined;"),
    };
    let more = match tuned {
        true => {
            "proxy_buffer_size 64k; proxy_buffers 8 256k; proxy_busy_buffers_size 512k; \
                 client_body_buffer_size 128k; open_file_cache max=1000; sendfile_max_chunk 2m; tcp_nopush on;"
        }
        false => "tcp_nopush on;",
    };
    let text = format!(
        "daemon off;\nworker_processes 1;\npid {dir}/pid;\nerror_log {dir}/error.log;\n\
         events {{ worker_connections 20000; multi_accept {accept}; }}\n\
         http {{\n  sendfile on; keepalive_timeout 65; keepalive_requests 100000000; {more}\n  {log}\n\
         client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;\n\
         fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;\n\
         include /etc/nginx/mime.types;\n\
         upstream nodes {{\n{servers}    keepalive 128; keepalive_requests 100000000;\n  }}\n\
         server {{\n    listen 127.0.0.1:{port};\n\
         location /files/ {{ alias {files}/; }}\n\
         location / {{\n      proxy_pass http://nodes; proxy_http_version 1.1; proxy_set_header Connection \"\";\n\
         proxy_set_header Host $http_host; proxy_set_header X-Real-IP $remote_addr;\n\
         proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
         proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $http_host;\n\
         proxy_set_header X-Request-ID $request_id;\n    }}\n  }}\n}}\n",
        accept = if tuned { "on" } else { "off" },
        port = place.port,
        files = place.files(),
    );
    let path = place.write("nginx.conf", &text)?;
    let mut command = pinned("/usr/sbin/nginx");
    command.arg("-p").arg(place.dir).arg("-c").arg(path);
    Ok(command)
}

fn haproxy(place: &Place<'_>, splice: &str) -> io::Result<Command> {
    let servers: String = place
        .nodes
        .iter()
        .enumerate()
        .fold(String::new(), |text, (n, port)| {
            text + &format!("    server n{n} 127.0.0.1:{port}\n")
        });
    // Nobody reads the log's datagrams: what counts is what sending them costs.
    let text = format!(
        "global\n    nbthread 1\n    maxconn 4500\n    log 127.0.0.1:9 local0\n\
         defaults\n    mode http\n    log global\n    option httplog\n{splice}\
         timeout client 60s\n    timeout server 60s\n    timeout connect 5s\n\
         frontend f\n    bind 127.0.0.1:{port}\n    unique-id-format %[uuid]\n    unique-id-header X-Request-ID\n\
         option forwardfor\n    http-request set-header X-Real-IP %[src]\n\
         http-request set-header X-Forwarded-Proto http\n    http-request set-header X-Forwarded-Host %[req.hdr(host)]\n\
         default_backend b\nbackend b\n    balance roundrobin\n    http-reuse always\n{servers}",
        port = place.port
    );
    let path = place.write("haproxy.cfg", &text)?;
    let mut command = pinned("/usr/sbin/haproxy");
    command.arg("-db").arg("-f").arg(path);
    Ok(command)
}

// It knows one node a path only.
fn h2o(place: &Place<'_>) -> io::Result<Command> {
    let dir = place.dir.display();
    let text = format!(
        "num-threads: 1\nlisten:\n  host: 127.0.0.1\n  port: {port}\naccess-log: {dir}/access.log\nmax-connections: 20000\n\
         hosts:\n  default:\n    paths:\n      /files:\n        file.dir: {files}\n      /:\n        \
         proxy.reverse.url: http://127.0.0.1:{node}/\n        proxy.preserve-host: ON\n        \
         proxy.timeout.keepalive: 10000\n",
        port = place.port,
        files = place.files(),
        node = place.nodes[0]
    );
    let path = place.write("h2o.conf", &text)?;
    let mut command = pinned("/usr/bin/h2o");
    command.arg("-c").arg(path);
    Ok(command)
}

fn relay(place: &Place<'_>) -> io::Result<Command> {
    let mut command = pinned(std::env::current_exe()?);
    command.arg("--relay").arg(place.port.to_string());
    command.args(place.nodes.iter().map(u16::to_string));
    Ok(command)
}
