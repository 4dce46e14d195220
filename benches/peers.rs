//! How each subject is configured: the same three nodes, the same headers to them, one worker, an
//! access log.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::subject::{Crowd, free_port};
use crate::{cores, resp};

/// Where a subject runs and whom it asks.
pub(crate) struct Place<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) port: u16,
    pub(crate) nodes: &'a [u16],
}

impl Place<'_> {
    fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.dir.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    fn files(&self) -> String {
        self.beside("files")
    }

    /// What lies beside its directory, for all subjects.
    fn beside(&self, name: &str) -> String {
        let parent = self.dir.parent().unwrap_or(self.dir);
        parent.join(name).display().to_string()
    }
}

/// `program` on the subjects' core.
fn pinned(program: impl AsRef<OsStr>) -> Command {
    pinned_to(1, program)
}

fn pinned_to(count: usize, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    let list = match count {
        1 => cores::subject().to_string(),
        _ => cores::both(),
    };
    command.arg("--cpu-list").arg(list);
    command.arg(program);
    command
}

/// `command`, a pinned one, under callgrind, which also tells of every call of the kernel: no
/// tracer is needed, which not every machine allows.
pub(crate) fn counted(command: &Command) -> Command {
    let mut counted = pinned("valgrind");
    counted.args(["--tool=callgrind", "--callgrind-out-file=callgrind.out"]);
    counted.args(["--trace-syscalls=yes", "--log-file=calls.txt"]);
    counted.args(command.get_args().skip(2));
    counted
}

/// Where the address of the panel stands, beside the data.
pub(crate) const ADMIN: &str = "admin.txt";

/// What of it is on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct On<'l> {
    /// The access log's name; empty is none.
    pub(crate) log: &'l str,
    /// The log store.
    pub(crate) store: bool,
    /// By the certificate that lies beside it, for all.
    pub(crate) tls: bool,
}

pub(crate) fn steelyard(place: &Place<'_>, on: On<'_>, crowd: Crowd) -> io::Result<Command> {
    let On { log, store, tls } = on;
    let mut text = format!(
        "version = 1\n[settings]\nworkers = 1\n[logs]\nfile = \"{log}\"\n\
         rotate = {{ size = \"0\", age = \"0s\" }}\nstore = {{ on = {store} }}\n\
         [[listeners]]\nname = \"http\"\naddress = \"127.0.0.1:{}\"\nmax_requests = 1000000000\ntls = {tls}\n",
        place.port
    );
    if tls {
        let (chain, key) = (place.beside("chain.pem"), place.beside("key.pem"));
        text += "[[certificates]]\nname = \"shop\"\n";
        text += &format!("files = {{ chain = \"{chain}\", key = \"{key}\" }}\n");
    }
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
    serve(place, &text, 1)
}

/// Ours with this document, on so many cores.
fn serve(place: &Place<'_>, document: &str, cores: usize) -> io::Result<Command> {
    let document = place.write("document.toml", document)?;
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
    place.write(ADMIN, &admin)?;
    let mut command = pinned_to(cores, program);
    command
        .args(["serve", "--admin", &admin, "--data-dir"])
        .arg(data);
    Ok(command)
}

pub(crate) fn nginx(place: &Place<'_>, tuned: bool, tls: bool) -> io::Result<Command> {
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
    let certificate = match tls {
        true => format!(
            "ssl_certificate {}; ssl_certificate_key {};\n\
             ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:s:10m;\n",
            place.beside("chain.pem"),
            place.beside("key.pem")
        ),
        false => String::new(),
    };
    let text = format!(
        "daemon off;\nworker_processes 1;\npid {dir}/pid;\nerror_log {dir}/error.log;\n\
         events {{ worker_connections 20000; multi_accept {accept}; }}\n\
         http {{\n  sendfile on; keepalive_timeout 65; keepalive_requests 100000000; {more}\n  {log}\n\
         client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;\n\
         fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;\n\
         include /etc/nginx/mime.types;\n\
         upstream nodes {{\n{servers}    keepalive 128; keepalive_requests 100000000;\n  }}\n\
         server {{\n    listen 127.0.0.1:{port}{ssl};\n{certificate}\
         location /files/ {{ alias {files}/; }}\n\
         location / {{\n      proxy_pass http://nodes; proxy_http_version 1.1; proxy_set_header Connection \"\";\n\
         proxy_set_header Host $http_host; proxy_set_header X-Real-IP $remote_addr;\n\
         proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
         proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $http_host;\n\
         proxy_set_header X-Request-ID $request_id;\n    }}\n  }}\n}}\n",
        accept = if tuned { "on" } else { "off" },
        port = place.port,
        files = place.files(),
        ssl = if tls { " ssl" } else { "" },
    );
    let path = place.write("nginx.conf", &text)?;
    let mut command = pinned("/usr/sbin/nginx");
    command.arg("-p").arg(place.dir).arg("-c").arg(path);
    Ok(command)
}

pub(crate) fn haproxy(place: &Place<'_>, splice: &str, tls: bool) -> io::Result<Command> {
    let ssl = match tls {
        true => format!(" ssl crt {}", place.beside("both.pem")),
        false => String::new(),
    };
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
         frontend f\n    bind 127.0.0.1:{port}{ssl}\n    unique-id-format %[uuid]\n    unique-id-header X-Request-ID\n\
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
pub(crate) fn h2o(place: &Place<'_>) -> io::Result<Command> {
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

pub(crate) fn relay(place: &Place<'_>) -> io::Result<Command> {
    let mut command = pinned(std::env::current_exe()?);
    command.arg("--relay").arg(place.port.to_string());
    command.args(place.nodes.iter().map(u16::to_string));
    Ok(command)
}

pub(crate) fn sessions(place: &Place<'_>, workers: usize, fsync: &str) -> io::Result<Command> {
    let text = format!(
        "version = 1\n[settings]\nworkers = {workers}\n[logs]\nfile = \"\"\nstore = {{ on = false }}\n\
         [sessions]\nlisten = \"127.0.0.1:{}\"\npassword = \"{}\"\nfsync = \"{fsync}\"\nmax_memory = \"4g\"\n",
        place.port,
        resp::PASSWORD
    );
    serve(place, &text, workers)
}

/// As Debian ships it, with its append-only file.
pub(crate) fn redis(place: &Place<'_>, fsync: &str) -> Command {
    let mut command = pinned("/usr/bin/redis-server");
    let port = place.port.to_string();
    command.args(["--port", &port, "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--requirepass", resp::PASSWORD]);
    command.args(["--appendonly", "yes", "--appendfsync", fsync]);
    command
}
