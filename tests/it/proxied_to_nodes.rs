//! The PROXY protocol to nodes: real servers that want to know who a connection is for.

use std::net::SocketAddr;

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request, Wire};
use crate::support::document::{node, one_pool};
use crate::support::front::OFF;
use crate::support::nginx::Nginx;
use crate::support::ports::Port;
use crate::support::tls::Authority;

/// nginx that takes connections with the protocol's header alone, in plain and by TLS, and says what it
/// was told: client, its port, where it went, the port there, and which connection it is.
struct Told {
    plain: Port,
    tls: Port,
    authority: Authority,
    _nginx: Nginx,
}

impl Told {
    fn start() -> Self {
        let (plain, tls, authority) = (Port::free(), Port::free(), Authority::new());
        let leaf = authority.issue("IP:127.0.0.1");
        let (chain, key) = (leaf.chain(), leaf.key());
        let nginx = Nginx::start(
            &format!(
                "server {{
                    listen 127.0.0.1:{plain} proxy_protocol;
                    listen 127.0.0.1:{tls} ssl proxy_protocol;
                    ssl_certificate {chain:?}; ssl_certificate_key {key:?};
                    return 200 '$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port $connection';
                }}"
            ),
            "return 200 plain;",
        );
        Self {
            plain,
            tls,
            authority,
            _nginx: nginx,
        }
    }

    fn document(&self, lb: &Appliance, keys: &str, by_tls: bool) -> String {
        let (port, tls) = match by_tls {
            false => (&self.plain, String::new()),
            true => {
                let ca = self.authority.file();
                (&self.tls, format!("tls = {{ ca = {ca:?} }}\n"))
            }
        };
        one_pool(lb.port(), &(tls + keys), &[])
            + &node(&format!("name = \"web\"\naddress = \"127.0.0.1:{port}\""))
    }
}

fn ask(wire: &mut Wire) -> (String, String) {
    wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let text = wire.response("GET").text();
    let (told, connection) = text.rsplit_once(' ').expect(&text);
    (told.to_owned(), connection.to_owned())
}

fn whole(lb: &Appliance, client: SocketAddr) -> String {
    let (ip, port) = (client.ip(), client.port());
    format!("{ip} {port} 127.0.0.1 {}", lb.port())
}

#[test]
fn nodes_are_told_who_asks_and_no_connection_serves_two_clients() {
    let (lb, told) = (Appliance::start(), Told::start());
    for version in ["v1", "v2"] {
        for by_tls in [false, true] {
            let keys = format!("proxy_protocol = \"{version}\"\n{OFF}");
            lb.apply(&told.document(&lb, &keys, by_tls));
            let mut clients = [Wire::to(lb.port()), Wire::to(lb.port())];
            let mut first = Vec::new();
            for client in &mut clients {
                let own = client.stream().local_addr().unwrap();
                let (words, connection) = ask(client);
                assert_eq!(words, whole(&lb, own), "{version}, TLS {by_tls}");
                first.push(connection);
            }
            assert_ne!(first[0], first[1]);
            for _ in 0..3 {
                for (client, kept) in clients.iter_mut().zip(&first) {
                    let own = client.stream().local_addr().unwrap();
                    assert_eq!(ask(client), (whole(&lb, own), kept.clone()));
                }
            }
        }
    }
}

#[test]
fn whom_a_trusted_proxy_names_is_who_nodes_are_told_of() {
    let (lb, told) = (Appliance::start(), Told::start());
    let trusted = "\n[settings]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let to = "127.0.0.1";
    for version in ["v1", "v2"] {
        let keys = format!("proxy_protocol = \"{version}\"\n{OFF}");
        lb.apply(&(told.document(&lb, &keys, false) + trusted));
        let mut client = Client::of(lb.port());
        // nginx shows a port of 0 as nothing.
        for (named, as_told) in [
            ("192.0.2.7", format!("192.0.2.7  {to} {} ", lb.port())),
            ("192.0.2.8:51", format!("192.0.2.8 51 {to} {} ", lb.port())),
            // One family in a header.
            (
                "2001:db8::9",
                format!("2001:db8::9  ::ffff:{to} {} ", lb.port()),
            ),
        ] {
            let asked = Request::get("/").field("X-Forwarded-For", named);
            let text = client.ask(&asked).text();
            assert!(text.starts_with(&as_told), "{version}: {text}");
        }
    }
}

#[test]
fn checks_say_that_they_are_for_nobody_and_a_node_that_is_told_nothing_is_down() {
    let (lb, told) = (Appliance::start(), Told::start());
    let http = "health_check = { kind = \"http\", interval = \"1s\", timeout = \"1s\", rise = 1, fall = 1 }";
    for by_tls in [false, true] {
        for version in ["v1", "v2"] {
            lb.apply(&told.document(&lb, http, by_tls));
            lb.wait_for_health("django", "web", "down");
            lb.apply(&told.document(
                &lb,
                &format!("proxy_protocol = \"{version}\"\n{http}"),
                by_tls,
            ));
            lb.wait_for_health("django", "web", "up");
            assert_eq!(lb.get("/").status, 200);
        }
    }
}

#[test]
fn another_word_is_a_problem_in_its_place() {
    let (lb, told) = (Appliance::start(), Told::start());
    let refused = lb.try_apply(&told.document(&lb, "proxy_protocol = \"v3\"", false));
    let said = crate::support::appliance::said(&refused);
    assert_eq!(refused.status.code(), Some(78), "{said}");
    assert!(
        said.contains("pools[0].proxy_protocol: must be one of off, v1, v2"),
        "{said}"
    );
}
