//! Debian's nginx as the oracle: the same question to both, and the answers compared.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::document::NodeLine;
use super::ports::{Port, local};
use super::{client, eventually};

/// A nginx of our own in the foreground, with everything it writes in a folder that goes with it.
pub(crate) struct Nginx {
    child: Child,
    port: Port,
    prefix: TempDir,
}

impl Nginx {
    /// Starts one. `outer` stands in `http { }` (upstreams), `server` in its `server { }`,
    /// which has the `listen` already.
    pub(crate) fn start(outer: &str, server: &str) -> Self {
        Self::start_with(&[], outer, server)
    }

    /// The same with variables in its environment.
    pub(crate) fn start_with(env: &[(&str, &str)], outer: &str, server: &str) -> Self {
        let port = Port::free();
        let prefix = tempfile::Builder::new()
            .prefix("sy-nginx")
            .tempdir()
            .unwrap();
        let dir = prefix.path();
        fs::write(dir.join("nginx.conf"), configuration(&port, outer, server)).unwrap();
        let log = File::create(dir.join("stderr")).unwrap();
        let child = Command::new(program())
            .args(["-e", "stderr", "-c", "nginx.conf", "-p"])
            .arg(dir)
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("nginx is installed: tests/install does it");
        let mut nginx = Self {
            child,
            port,
            prefix,
        };
        nginx.wait();
        nginx
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port.number()
    }

    fn wait(&mut self) {
        let address = local(self.port());
        eventually("nginx answers", || {
            if let Some(status) = self.child.try_wait().unwrap() {
                let said = fs::read_to_string(self.prefix.path().join("stderr"));
                panic!("nginx ended with {status}: {}", said.unwrap_or_default());
            }
            std::net::TcpStream::connect(address).ok()
        });
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// The `upstream` of these nodes; `keys` are lines of its own, such as `least_conn;`.
pub(crate) fn upstream(name: &str, keys: &str, lines: &[NodeLine]) -> String {
    let servers: String = lines
        .iter()
        .map(|(_, address, weight)| format!("server {address} weight={weight};\n"))
        .collect();
    format!("upstream {name} {{ {keys}\n{servers} }}\n")
}

fn program() -> &'static str {
    // Not on the path of a person who is not root.
    let place = "/usr/sbin/nginx";
    if Path::new(place).exists() {
        place
    } else {
        "nginx"
    }
}

fn configuration(port: &Port, outer: &str, server: &str) -> String {
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {outer}
    server {{
        listen 127.0.0.1:{port};
        {server}
    }}
}}
"
    )
}

#[test]
fn the_oracle_picks_by_weight_as_its_book_says() {
    let nodes = ["a", "b", "c"].map(super::node::Node::answering);
    let [a, b, c] = nodes.each_ref().map(super::node::Node::address);
    let upstream = format!("upstream pool {{ server {a} weight=5; server {b}; server {c}; }}");
    let nginx = Nginx::start(&upstream, "location / { proxy_pass http://pool; }");
    let picks: Vec<_> = (0..7)
        .map(|_| client::get(nginx.port(), "/").text())
        .collect();
    assert_eq!(picks.concat(), "aabacaa");
}
