//! The PROXY protocol from HAProxy before us, and from whoever should not speak it.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::support::appliance::{Appliance, said};
use crate::support::document::{listener, pool};
use crate::support::node::Node;
use crate::support::ports::{Port, local};
use crate::support::tls::Authority;
use crate::support::{PATIENCE, eventually};

/// HAProxy before the ports given, each with the words of its `server`.
struct HaProxy {
    child: Child,
    ports: Vec<Port>,
    _dir: TempDir,
}

impl HaProxy {
    fn before(servers: &[(u16, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ports: Vec<Port> = servers.iter().map(|_| Port::free()).collect();
        let mut text =
            "defaults\n mode tcp\n timeout connect 10s\n timeout client 60s\n timeout server 60s\n"
                .to_owned();
        for (port, (to, words)) in ports.iter().zip(servers) {
            text += &format!(
                "listen l{port}\n bind 127.0.0.1:{port}\n server s 127.0.0.1:{to} {words}\n"
            );
        }
        fs::write(dir.path().join("haproxy.cfg"), text).unwrap();
        let child = Command::new("/usr/sbin/haproxy")
            .args(["-db", "-q", "-f"])
            .arg(dir.path().join("haproxy.cfg"))
            .stdin(Stdio::null())
            .spawn()
            .expect("HAProxy is installed: tests/install does it");
        for port in &ports {
            eventually("HAProxy listens", || {
                TcpStream::connect(port.address()).ok()
            });
        }
        Self {
            child,
            ports,
            _dir: dir,
        }
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// A connection from another address than every proxy here has.
fn from_elsewhere(port: u16) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let from: SocketAddr = "127.0.0.2:0".parse().unwrap();
    socket.bind(&from.into()).unwrap();
    socket.connect(&local(port).into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

const ASKING: &str = "GET / HTTP/1.1\r\nHost: shop.example.com\r\nX-Forwarded-For: 9.9.9.9\r\nConnection: close\r\n\r\n";

fn answer(mut stream: impl Read + Write, bytes: impl AsRef<[u8]>) -> String {
    let mut answer = Vec::new();
    // Who is refused may be reset.
    let _sent = stream.write_all(bytes.as_ref());
    let _end = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

/// A listener behind the protocol, for these proxies; `more` are its keys.
fn document(lb: &Appliance, web: &Node, trusted: &str, more: &str) -> String {
    let listener = listener(lb.port()) + "proxy_protocol = true\n" + more;
    let settings = format!("\n[settings]\ntrusted_proxies = [{trusted}]\n");
    listener + &pool("django", "health_check = \"off\"", &[web.line(1)]) + &settings
}

#[test]
fn haproxy_names_the_client_in_either_version_in_plain_and_before_tls() {
    let (lb, web) = (Appliance::start(), Node::answering("web"));
    // Before HAProxy looks whether we are there.
    lb.apply(&document(&lb, &web, "\"127.0.0.1\"", ""));
    let proxy = HaProxy::before(&[
        (lb.port(), "send-proxy"),
        (lb.port(), "send-proxy-v2"),
        (
            lb.port(),
            "send-proxy-v2-ssl-cn proxy-v2-options unique-id,crc32c",
        ),
        (
            lb.port(),
            "send-proxy-v2 check inter 100ms check-send-proxy",
        ),
    ]);
    let seen = |count: usize| {
        web.saw(count);
        assert_eq!(web.last().field("X-Forwarded-For"), Some("127.0.0.2"));
        let line = lb.access_log(count).pop().unwrap();
        assert!(line.starts_with("127.0.0.2 "), "{line}");
    };
    for (port, count) in proxy.ports.iter().zip(1..) {
        let said = answer(from_elsewhere(port.number()), ASKING);
        let is_whole = said.starts_with("HTTP/1.1 200") && said.ends_with("web");
        assert!(is_whole, "{count}: {said}");
        seen(count);
    }
    let authority = Authority::new();
    let leaf = authority.issue("DNS:shop.example.com");
    lb.apply(&(document(&lb, &web, "\"127.0.0.1\"", "tls = true\n") + &leaf.table("shop", "")));
    for (port, count) in proxy.ports.iter().take(2).zip(5..) {
        let stream = from_elsewhere(port.number());
        let stream = authority.trust("shop.example.com").encrypt(stream).unwrap();
        let said = answer(stream, ASKING);
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        seen(count);
        assert_eq!(web.last().field("X-Forwarded-Proto"), Some("https"));
    }
}

#[test]
fn without_a_header_or_from_somebody_else_nobody_gets_in() {
    let (lb, web) = (Appliance::start(), Node::answering("web"));
    lb.apply(&document(
        &lb,
        &web,
        "\"127.0.0.1\"",
        "head_timeout = \"300ms\"\n",
    ));
    let direct = || TcpStream::connect(local(lb.port())).unwrap();
    let good = format!("PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n{ASKING}");
    assert!(answer(direct(), &good).starts_with("HTTP/1.1 200"));
    assert_eq!(web.last().field("X-Forwarded-For"), Some("192.0.2.7"));
    let unknown = format!("PROXY UNKNOWN\r\n{ASKING}");
    assert!(answer(direct(), &unknown).starts_with("HTTP/1.1 200"));
    let asked = web.requests().len();
    assert_eq!(
        answer(from_elsewhere(lb.port()), &good),
        "",
        "it is not trusted"
    );
    let long = format!("PROXY UNKNOWN {}\r\n{ASKING}", "x".repeat(100));
    for bad in [
        ASKING,
        "PROXY TCP4 1.2.3.4\r\n",
        long.as_str(),
        "PROXY TC",
        "",
    ] {
        assert_eq!(answer(direct(), bad), "", "{bad}");
    }
    assert_eq!(web.requests().len(), asked);
    // Who went without a word is none of them.
    drop(direct());
    let metrics = lb.admin("/metrics").text();
    for (reason, count) in [("untrusted", 1), ("malformed", 3), ("timeout", 2)] {
        let line =
            format!("steelyard_proxy_protocol_refused_total{{reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
    let log = lb.log();
    let told = log
        .lines()
        .filter(|line| line.contains("the PROXY protocol alone"));
    let told: Vec<&str> = told.collect();
    assert!(
        told.len() == 1 && told[0].contains("a connection from 127.0.0.2:"),
        "one a minute: {told:?}"
    );
}

#[test]
fn where_no_proxy_may_speak_it_the_listener_is_a_problem() {
    let (lb, web) = (Appliance::start(), Node::answering("web"));
    let refused = lb.try_apply(&document(&lb, &web, "", ""));
    let said = said(&refused);
    assert_eq!(refused.status.code(), Some(78), "{said}");
    assert!(
        said.contains("listeners[0].proxy_protocol: needs the proxies"),
        "{said}"
    );
}
