//! Debian's pebble, the ACME authority that Let's Encrypt tests clients with, and the name server
//! that it asks: every name leads to 127.0.0.1.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::client::Client;
use super::eventually;
use super::ports::{Port, local};
use super::tls::{Authority, Leaf, Trust};

/// The key of the account elsewhere that one with a binding wants, in base64url.
pub(crate) const HMAC: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

/// An authority with everything that it writes in a folder that goes with it.
pub(crate) struct Pebble {
    children: Vec<Child>,
    port: Port,
    names: Port,
    manager: Port,
    dns: Port,
    authority: Authority,
    leaf: Leaf,
    dir: TempDir,
    config: Value,
}

impl Pebble {
    /// One that looks for what is shown to it at these ports, by http-01 and by tls-alpn-01, with
    /// keys of its own in its configuration.
    pub(crate) fn with(http: u16, tls: u16, keys: Value) -> Self {
        let ports = [(); 4].map(|()| Port::free());
        let [port, manager, dns, names] = ports;
        let authority = Authority::new();
        let leaf = authority.issue("DNS:localhost,IP:127.0.0.1");
        let dir = tempfile::Builder::new()
            .prefix("sy-acme")
            .tempdir()
            .unwrap();
        let mut config = json!({
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{manager}"),
            "certificate": leaf.chain(),
            "privateKey": leaf.key(),
            "httpPort": http,
            "tlsPort": tls,
        });
        let own = keys.as_object().unwrap().clone();
        config.as_object_mut().unwrap().extend(own);
        let mut pebble = Self {
            children: Vec::new(),
            port,
            names,
            manager,
            dns,
            authority,
            leaf,
            dir,
            config,
        };
        pebble.start(&[]);
        pebble
    }

    /// Starts anew, with variables in its environment: everything that it knew is gone.
    pub(crate) fn restart(&mut self, env: &[(&str, &str)]) {
        self.stop();
        self.start(env);
    }

    /// Ends it.
    pub(crate) fn stop(&mut self) {
        for mut child in self.children.drain(..) {
            let _killed = child.kill();
            let _ended = child.wait();
        }
    }

    fn start(&mut self, env: &[(&str, &str)]) {
        let file = self.dir.path().join("config.json");
        let config = json!({ "pebble": self.config });
        fs::write(&file, config.to_string()).unwrap();
        let (dns, names) = (self.dns.number(), self.names.number());
        let mut server = Command::new("pebble-challtestsrv");
        server.args(["-dns01", &format!("127.0.0.1:{dns}")]);
        server.args(["-management", &format!("127.0.0.1:{names}")]);
        server.args(["-http01", "", "-https01", "", "-tlsalpn01", ""]);
        server.args(["-defaultIPv6", "", "-defaultIPv4", "127.0.0.1"]);
        self.spawn(server, "names");
        let mut pebble = Command::new("pebble");
        pebble.arg("-config").arg(file);
        pebble.args(["-dnsserver", &format!("127.0.0.1:{dns}")]);
        // Neither pauses nor made up failures, unless a test asks for these.
        pebble.env("PEBBLE_VA_NOSLEEP", "1");
        pebble.env("PEBBLE_WFE_NONCEREJECT", "0");
        pebble.env("PEBBLE_AUTHZREUSE", "0");
        pebble.envs(env.iter().copied());
        self.spawn(pebble, "pebble");
        for port in [&self.names, &self.manager, &self.port] {
            let address = local(port.number());
            eventually("the authority answers", || TcpStream::connect(address).ok());
        }
    }

    fn spawn(&mut self, mut command: Command, name: &str) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join(name))
            .unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.children
            .push(child.expect("pebble is installed: tests/install does it"));
    }

    /// The URL of its directory.
    pub(crate) fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.port)
    }

    /// The port that it listens at.
    pub(crate) fn port(&self) -> u16 {
        self.port.number()
    }

    /// Whom its own certificate is signed by.
    pub(crate) fn ca(&self) -> PathBuf {
        self.authority.file()
    }

    /// What a client of its own needs to believe it.
    pub(crate) fn own_trust(&self) -> Trust {
        self.authority.trust("localhost")
    }

    /// Whom its own certificate is signed by, to have others signed.
    pub(crate) fn signer(&self) -> &Authority {
        &self.authority
    }

    /// `[[acme]]` of it in a document, with `keys` of its own.
    pub(crate) fn table(&self, keys: &str) -> String {
        self.table_at(&self.directory(), keys)
    }

    /// The same at another URL.
    pub(crate) fn table_at(&self, directory: &str, keys: &str) -> String {
        let ca = self.ca();
        let ca = ca.display();
        format!("\n[[acme]]\nname = \"ca\"\ndirectory = \"{directory}\"\nca = \"{ca}\"\n{keys}\n")
    }

    /// The root that everything it issues leads to, in PEM.
    pub(crate) fn root(&self) -> PathBuf {
        let mut manager =
            Client::trusting(self.manager.number(), self.authority.trust("localhost"));
        let root = self.dir.path().join("root.pem");
        fs::write(&root, manager.get("/roots/0").text()).unwrap();
        root
    }

    /// What a client of `name` needs to believe what it issues.
    pub(crate) fn trust(&self, name: &str) -> Trust {
        Trust::of(&self.root(), name)
    }

    /// Has its name server say of `name` what `what` says: `set-servfail`, `add-a`.
    pub(crate) fn dns(&self, what: &str, said: &Value) {
        let body = said.to_string();
        let request = super::client::Request::post(&format!("/{what}"), body);
        let answer = super::client::ask(self.names.number(), &request);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// What it wrote.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("pebble")).unwrap_or_default()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("--- pebble\n{}", self.log());
        }
        let _leaf = &self.leaf;
    }
}
