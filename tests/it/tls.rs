//! TLS towards clients: the handshake, what is served over it, and its ends.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use rustls::version::{TLS12, TLS13};

use crate::support::appliance::{Appliance, said};
use crate::support::client::{Client, Request};
use crate::support::django::{Gunicorn, Release, Worker};
use crate::support::https::{Https, SHOP, said_until_end};
use crate::support::node::{Answer, Node, Then};
use crate::support::websocket::{ACCEPT, asking, echoing};
use crate::support::{PATIENCE, eventually, pattern};

/// One certificate for the shop, shown by a listener that says `tls`.
fn shop(tls: &str) -> Https {
    serving(Https::prepared(), tls)
}

fn serving(https: Https, tls: &str) -> Https {
    let leaf = https.authority.issue("DNS:shop.example.com");
    https
        .lb
        .apply(&https.document(tls, &leaf.table("shop", "")));
    https
}

/// A counter of `/metrics`.
fn counted(lb: &Appliance, sample: &str) -> u64 {
    let text = lb.admin("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(sample));
    let number = line.unwrap_or_else(|| panic!("no {sample} in {text}"));
    number.trim().parse().unwrap()
}

fn handshakes(lb: &Appliance, result: &str, version: &str) -> u64 {
    let name = "steelyard_tls_handshakes_total";
    counted(
        lb,
        &format!("{name}{{result=\"{result}\",version=\"{version}\"}}"),
    )
}

#[test]
fn requests_are_served_over_both_versions_and_the_node_is_told() {
    let https = shop("true");
    for version in [&TLS12, &TLS13] {
        let trust = https.authority.trust(SHOP).only(version);
        let mut client = Client::trusting(https.port(), trust);
        for _ in 0..3 {
            let answer = client.ask(&Request::get("/a").field("Host", SHOP));
            assert_eq!((answer.status, answer.text().as_str()), (200, "https 0"));
        }
        assert_eq!(client.opened, 1);
    }
    assert_eq!(
        https.client(SHOP).get("/a").status,
        421,
        "Host is localhost"
    );
    assert_eq!(https.lb.get("/a").text(), "http 0");
    assert_eq!(handshakes(&https.lb, "full", "TLSv1.2"), 1);
    assert_eq!(handshakes(&https.lb, "full", "TLSv1.3"), 2);
    let ends = counted(
        &https.lb,
        "steelyard_tls_cert_not_after_timestamp_seconds{name=\"shop\"}",
    );
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
    assert!((now..now + 2 * 86_400).contains(&ends), "{ends}");
}

#[test]
fn the_keys_are_exchanged_safe_from_quantum_computers_where_the_client_can() {
    let https = shop("true");
    let stream = https.open(SHOP);
    let group = stream.conn.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), rustls::NamedGroup::X25519MLKEM768);
    assert_eq!(stream.conn.alpn_protocol(), None);
}

#[test]
fn a_version_older_than_the_least_is_refused() {
    let https = shop("{ min_version = \"1.3\" }");
    let with = |version| {
        let trust = https.authority.trust(SHOP).only(version);
        let request = Request::get("/a").field("Host", SHOP);
        Client::trusting(https.port(), trust).send(&request)
    };
    assert_eq!(with(&TLS13).unwrap().status, 200);
    assert!(with(&TLS12).is_err());
    eventually("it is counted", || {
        (handshakes(&https.lb, "failed", "") == 1).then_some(())
    });
}

#[test]
fn curl_believes_the_certificate_and_agrees_on_http_1_1() {
    let https = shop("true");
    let resolve = format!("{SHOP}:{}:127.0.0.1", https.port());
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "30", "--http2"])
        .arg("--cacert")
        .arg(https.authority.file())
        .args([
            "--resolve",
            &resolve,
            "--write-out",
            " %{http_version} %{ssl_verify_result}",
        ])
        .arg(format!("https://{SHOP}:{}/a", https.port()))
        .output()
        .unwrap();
    assert_eq!(said(&output), "https 0 1.1 0");
}

#[test]
fn what_was_sent_ahead_is_answered_in_order_and_the_end_is_told() {
    let https = Https::before(Node::scripted("a", |seen| Answer::text(seen.target())));
    let https = serving(https, "true");
    let mut ahead = String::new();
    for i in 0..50 {
        let close = if i == 49 { "Connection: close\r\n" } else { "" };
        ahead += &format!("GET /n{i}; HTTP/1.1\r\nHost: {SHOP}\r\n{close}\r\n");
    }
    // It reads to the end, which would be an error without TLS's own.
    let answers = said_until_end(https.open(SHOP), &ahead);
    let places: Vec<usize> = (0..50)
        .map(|i| answers.find(&format!("/n{i};")).unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 50);
}

#[test]
fn large_bodies_go_both_ways_unchanged() {
    const LENGTH: u64 = 50_000_003;
    let https = Https::before(Node::scripted("a", |request| match request.method() {
        "POST" => Answer::text(&format!("{:?}", request.pattern)),
        _ => Answer::Download(LENGTH),
    }));
    let https = serving(https, "true");
    let mut client = https.client(SHOP);
    let post = Request::post_pattern("/a", LENGTH).field("Host", SHOP);
    let whole = pattern::Checker {
        length: LENGTH,
        wrong_at: None,
    };
    let expected = format!("{whole:?}");
    assert_eq!(client.ask(&post).text(), expected);
    let mut checker = pattern::Checker::default();
    let get = Request::get("/a").field("Host", SHOP);
    let answer = client.send_and_check(&get, &mut checker).unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(format!("{checker:?}"), expected);
    assert_eq!(client.opened, 1);
}

#[test]
fn an_answer_that_breaks_off_does_not_pass_for_a_whole_one() {
    for head in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
        let https = Https::before(Node::scripted("a", move |_| {
            let begun = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n");
            let body = match head {
                "Transfer-Encoding: chunked" => format!("20000\r\n{}", "x".repeat(100_000)),
                _ => "x".repeat(100_000),
            };
            Answer::Raw((begun + &body).into_bytes(), Then::Close)
        }));
        let https = serving(https, "true");
        let mut stream = https.open(SHOP);
        write!(stream, "GET / HTTP/1.0\r\nHost: {SHOP}\r\n\r\n").unwrap();
        let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
        let kinds = [ErrorKind::ConnectionReset, ErrorKind::UnexpectedEof];
        assert!(kinds.contains(&error.kind()), "{head}: {error}");
    }
}

#[test]
fn an_answer_that_ends_with_the_connection_has_its_end_told() {
    let https = Https::before(Node::scripted("a", |_| {
        Answer::Raw(b"HTTP/1.1 200 OK\r\n\r\nto the end".to_vec(), Then::Close)
    }));
    let https = serving(https, "true");
    let asked = format!("GET / HTTP/1.0\r\nHost: {SHOP}\r\n\r\n");
    let answer = said_until_end(https.open(SHOP), &asked);
    assert!(answer.ends_with("\r\n\r\nto the end"), "{answer}");
}

#[test]
fn an_idle_connection_is_ended_in_order() {
    let https = Https::prepared();
    let leaf = https.authority.issue("DNS:shop.example.com");
    let document = https.document("true\nidle_timeout = \"1s\"", &leaf.table("shop", ""));
    https.lb.apply(&document);
    let answer = said_until_end(
        https.open(SHOP),
        &format!("GET / HTTP/1.1\r\nHost: {SHOP}\r\n\r\n"),
    );
    assert!(answer.ends_with("https 0"), "{answer}");
    assert_eq!(said_until_end(https.open(SHOP), ""), "");
}

#[test]
fn a_websocket_passes_bytes_both_ways_over_tls() {
    let https = serving(Https::before(echoing("a")), "true");
    let mut stream = https.open(SHOP);
    let request = asking("/", "").replace("Host: a\r\n", &format!("Host: {SHOP}\r\n"));
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(
        head.starts_with("HTTP/1.1 101") && head.contains(ACCEPT),
        "{head}"
    );
    for length in [1, 100, 20_000, 300_000] {
        let text: Vec<u8> = (0..length)
            .map(|i| u8::try_from(i % 251).unwrap())
            .collect();
        let sent = text.clone();
        stream.write_all(&sent).unwrap();
        let mut back = vec![0; length];
        stream.read_exact(&mut back).unwrap();
        assert!(back == text, "{length}");
    }
}

#[test]
fn plain_http_at_the_port_of_tls_is_told_the_right_url() {
    let https = shop("true");
    let mut client = Client::of(https.port());
    let host = format!("{SHOP}:{}", https.port());
    let answer = client.ask(&Request::get("/cart?id=1").field("Host", &host));
    assert_eq!((answer.status, answer.reason()), (400, Some("bad_request")));
    assert_eq!(answer.all("Connection"), ["close"]);
    let url = format!("https://{host}/cart?id=1");
    assert!(answer.text().contains(&url), "{}", answer.text());
    assert_eq!(https.node.raw(), b"");
    assert_eq!(handshakes(&https.lb, "plain_http", ""), 1);
}

#[test]
fn a_hello_at_a_plain_port_is_refused_as_any_other_request_that_is_none() {
    let https = shop("true");
    let stream = TcpStream::connect(("127.0.0.1", https.lb.port())).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(https.authority.trust(SHOP).encrypt(stream).is_err());
    assert_eq!(https.lb.get("/").status, 200);
}

#[test]
fn who_sends_garbage_or_nothing_is_let_go_and_others_are_served() {
    let https = Https::prepared();
    let leaf = https.authority.issue("DNS:shop.example.com");
    let document = https.document("true\nhead_timeout = \"1s\"", &leaf.table("shop", ""));
    https.lb.apply(&document);
    // A record that announces a hello and brings none, and one of no known kind.
    let broken: [&[u8]; 3] = [
        b"\x16\x03\x01\x00\x05nope!",
        b"\x00\xff\x00\xff",
        b"\x16\x03\x01\x40",
    ];
    let mut streams = Vec::new();
    for bytes in broken.into_iter().chain([&b""[..], b"\x16"]) {
        let mut stream = TcpStream::connect(("127.0.0.1", https.port())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(bytes).unwrap();
        streams.push(stream);
    }
    assert_eq!(
        https
            .client(SHOP)
            .ask(&Request::get("/").field("Host", SHOP))
            .status,
        200
    );
    for mut stream in streams {
        // An alert at most, and then an end of whatever kind.
        let mut said = Vec::new();
        match stream.read_to_end(&mut said) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        assert!(said.len() <= 7, "{said:?}");
    }
    let lost = || handshakes(&https.lb, "failed", "") + handshakes(&https.lb, "timeout", "");
    eventually("all are counted", || (lost() == 5).then_some(()));
    assert!(handshakes(&https.lb, "timeout", "") >= 2);
    assert_eq!(
        https.node.raw().windows(4).filter(|w| w == b"GET ").count(),
        1
    );
}

#[test]
fn a_stop_does_not_wait_for_who_has_connected_and_says_nothing() {
    let mut https = shop("true\nhead_timeout = \"1h\"");
    let mut silent = TcpStream::connect(("127.0.0.1", https.port())).unwrap();
    let mut begun = TcpStream::connect(("127.0.0.1", https.port())).unwrap();
    begun.write_all(b"\x16\x03\x01").unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    // Within the grace of 30 s, or the test's patience ends before it.
    assert!(https.lb.stop().success());
    assert_eq!(silent.read(&mut [0]).unwrap_or_default(), 0);
}

#[test]
fn clients_resume_on_every_worker_and_after_a_change() {
    let mut https = Https::prepared();
    let leaf = https.authority.issue("DNS:shop.example.com");
    let more = leaf.table("shop", "") + "\n[settings]\nworkers = 4\n";
    let one = https.document("true", &more);
    let other = https.document("true", &(more + "dns_refresh = \"40s\"\n"));
    https.lb.apply(&one);
    // The number of workers is that of a start.
    assert!(https.lb.stop().success());
    https.lb.restart();
    for (version, word) in [(&TLS12, "TLSv1.2"), (&TLS13, "TLSv1.3")] {
        let trust = https.authority.trust(SHOP).only(version);
        for i in 0..20 {
            let mut client = Client::trusting(https.port(), trust.clone());
            let answer = client.ask(&Request::get("/").field("Host", SHOP));
            assert_eq!(answer.status, 200);
            if i == 10 {
                https.lb.apply(&other);
                https.lb.apply(&one);
            }
        }
        let counts = ["full", "resumed"].map(|result| handshakes(&https.lb, result, word));
        assert_eq!(counts, [1, 19], "{word}");
    }
}

#[test]
fn openssl_resumes_what_it_has_kept() {
    let https = shop("true");
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("session");
    let connect = |option: &str| {
        let mut child = Command::new("openssl")
            .args(["s_client", "-servername", SHOP, "-connect"])
            .arg(format!("127.0.0.1:{}", https.port()))
            .arg("-CAfile")
            .arg(https.authority.file())
            .args(["-ign_eof", option])
            .arg(&kept)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let request = format!("GET / HTTP/1.1\r\nHost: {SHOP}\r\nConnection: close\r\n\r\n");
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(request.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let first = connect("-sess_out");
    assert!(
        first.contains("\nNew, TLSv1.3") && first.contains("https 0"),
        "{first}"
    );
    assert!(first.contains("Verify return code: 0 (ok)"), "{first}");
    let again = connect("-sess_in");
    assert!(
        again.contains("\nReused, TLSv1.3") && again.contains("https 0"),
        "{again}"
    );
}

#[test]
fn the_log_tells_the_version_and_explain_the_certificate() {
    let https = Https::prepared();
    let leaf = https.authority.issue("DNS:shop.example.com");
    let more = leaf.table("shop", "") + "\n[logs]\nformat = \"json\"\n";
    https.lb.apply(&https.document("true", &more));
    let mut client = https.client(SHOP);
    client.ask(&Request::get("/").field("Host", SHOP));
    client.ask(&Request::get("/").field("Host", "other"));
    https.lb.get("/");
    let lines = https.lb.access_log(3);
    let logged: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |status: u64, listener: &str| {
        let is =
            |line: &&serde_json::Value| line["status"] == status && line["listener"] == listener;
        logged
            .iter()
            .find(is)
            .unwrap_or_else(|| panic!("{logged:?}"))
            .clone()
    };
    assert_eq!(of(200, "https")["tls"], "TLSv1.3");
    assert_eq!(of(421, "https")["reason"], "misdirected");
    assert_eq!(of(200, "http")["tls"], serde_json::Value::Null);

    let explain = |arguments: &[&str]| -> serde_json::Value {
        let mut all = vec!["explain", "--json"];
        all.extend(arguments);
        serde_json::from_str(&https.lb.runs(&all)).unwrap()
    };
    let url = format!("https://{SHOP}:{}/cart", https.port());
    let told = explain(&[&url]);
    assert_eq!(
        (&told["listener"], &told["refused"]),
        (&"https".into(), &serde_json::Value::Null)
    );
    let fields = told["request_headers"].to_string();
    assert!(
        fields.contains(r#"{"name":"X-Forwarded-Proto","value":"https"}"#),
        "{fields}"
    );
    assert_eq!(told["notes"][0], "certificate shop is shown");
    let told = explain(&["-H", "Host: other", &url]);
    assert_eq!(told["refused"]["reason"], "misdirected");
    let url = format!("https://other.example.com:{}/", https.port());
    let told = explain(&[&url]);
    let note =
        "certificate shop is shown, which is not made for other.example.com: clients will tell";
    assert_eq!(
        (&told["notes"][0], &told["refused"]),
        (&note.into(), &serde_json::Value::Null)
    );
}

#[test]
fn a_django_behind_it_knows_that_it_is_asked_by_https() {
    let https = Https::prepared();
    let gunicorn = Gunicorn::start(Release::New, Worker::Gthread, "web-1");
    let leaf = https.authority.issue("DNS:shop.example.com");
    let document = https.document_with(&gunicorn.line(1), "true", &leaf.table("shop", ""));
    https.lb.apply(&document);
    let ask = |client: &mut Client| {
        let request = Request::post("/echo", "a=1").field("Host", SHOP);
        client.ask(&request).json()
    };
    let secure = ask(&mut https.client(SHOP));
    assert_eq!(secure["headers"]["X-Forwarded-Proto"], "https");
    assert_eq!(
        (&secure["scheme"], &secure["secure"]),
        (&"https".into(), &true.into())
    );
    let plain = ask(&mut Client::of(https.lb.port()));
    assert_eq!(
        (&plain["scheme"], &plain["secure"]),
        (&"http".into(), &false.into())
    );
}

#[test]
fn who_finds_no_place_is_let_go_and_counted() {
    let https = Https::prepared();
    let leaf = https.authority.issue("DNS:shop.example.com");
    let more = leaf.table("shop", "") + "\n[settings]\nmax_connections = 1\n";
    https.lb.apply(&https.document("true", &more));
    let request = Request::get("/").field("Host", SHOP);
    let mut inside = https.client(SHOP);
    assert_eq!(inside.ask(&request).status, 200);
    assert!(https.client(SHOP).send(&request).is_err());
    assert_eq!(handshakes(&https.lb, "turned_away", ""), 1);
    assert_eq!(inside.ask(&request).status, 200);
    drop(inside);
    eventually("there is a place again", || {
        let answer = https.client(SHOP).send(&request).ok();
        answer.filter(|answer| answer.status == 200).map(drop)
    });
}

#[test]
fn a_listener_that_begins_or_ceases_to_speak_tls_cuts_nobody() {
    let https = Https::prepared();
    let leaf = https.authority.issue("DNS:shop.example.com");
    let apply = |tls: &str| {
        https
            .lb
            .apply(&https.document(tls, &leaf.table("shop", "")))
    };
    let request = Request::get("/").field("Host", SHOP);
    apply("false");
    let mut plain = Client::of(https.port());
    assert_eq!(plain.ask(&request).text(), "http 0");
    apply("true");
    let mut secure = https.client(SHOP);
    assert_eq!(secure.ask(&request).text(), "https 0");
    apply("false");
    assert_eq!(Client::of(https.port()).ask(&request).text(), "http 0");
    for (client, scheme) in [(&mut plain, "http 0"), (&mut secure, "https 0")] {
        assert_eq!(client.ask(&request).text(), scheme);
        assert_eq!(client.opened, 1);
    }
}
