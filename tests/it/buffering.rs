//! Requests are taken in before a node is asked and answers as fast as it sends them: a slow client
//! holds no node.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::support::appliance::Appliance;
use crate::support::broken::{Broken, Step};
use crate::support::client::{Client, Request};
use crate::support::django::{Gunicorn, Release, Worker};
use crate::support::document::{NodeLine, listener, pool, route, site};
use crate::support::node::{Answer, Gate, Node, Then};
use crate::support::pattern::{self, Checker};
use crate::support::{PATIENCE, eventually, ports};

/// One number of `/metrics`.
fn metric(lb: &Appliance, name: &str) -> u64 {
    let text = lb.admin("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.trim().parse().ok());
    number.unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn in_memory(lb: &Appliance) -> u64 {
    metric(lb, "steelyard_buffer_bytes{place=\"memory\"}")
}

fn in_files(lb: &Appliance) -> u64 {
    metric(lb, "steelyard_buffer_bytes{place=\"spool\"}")
}

fn client_waits(lb: &Appliance) -> u64 {
    metric(lb, "steelyard_buffer_waits_total{side=\"client\"}")
}

/// Whatever was held is given back.
#[track_caller]
fn nothing_is_held(lb: &Appliance) {
    eventually("nothing is held", || {
        ((in_memory(lb), in_files(lb)) == (0, 0)).then_some(())
    });
}

fn behind(settings: &str, keys: &str, nodes: &[NodeLine]) -> Appliance {
    let lb = Appliance::start();
    let pool_keys = "health_check = \"off\"\nmax_fails = 0\nretry = { non_idempotent = true }";
    lb.apply(
        &(listener(lb.port())
            + &pool("django", pool_keys, nodes)
            + &site("all", &route("/", "django", keys))
            + &format!("\n[settings]\n{settings}\n")),
    );
    lb
}

/// Answers how much came, and whether that is the pattern.
fn checking(name: &str) -> Node {
    Node::scripted(name, |request| {
        let Checker { length, wrong_at } = &request.pattern;
        Answer::text(&format!("{length} {wrong_at:?}"))
    })
}

fn pattern_of(length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written: Result<(), ()> = pattern::write(length as u64, |part| {
        bytes.extend_from_slice(part);
        Ok(())
    });
    written.unwrap();
    bytes
}

fn in_chunks(length: usize) -> Request {
    let bytes = pattern_of(length);
    let parts: Vec<&[u8]> = bytes.chunks(50_000).collect();
    Request::post_chunked("/", &parts)
}

fn stream(lb: &Appliance) -> TcpStream {
    let stream = TcpStream::connect(ports::local(lb.port())).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

const LENGTH: usize = 300_000;

/// A request's bytes, framed either way: as they are to arrive at the node, they have a length.
fn framed(body: &[u8], chunked: bool) -> Vec<u8> {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let (framing, before, behind) = if chunked {
        let size = format!("{:x}\r\n", body.len());
        (
            "Transfer-Encoding: chunked".to_owned(),
            size,
            "\r\n0\r\n\r\n",
        )
    } else {
        (format!("Content-Length: {}", body.len()), String::new(), "")
    };
    [
        format!("{head}{framing}\r\n\r\n{before}").as_bytes(),
        body,
        behind.as_bytes(),
    ]
    .concat()
}

#[test]
fn a_slow_upload_has_no_node_before_its_last_byte() {
    for chunked in [false, true] {
        let node = checking("a");
        let lb = behind("", "", &[node.line(1)]);
        let request = framed(&pattern_of(LENGTH), chunked);
        let mut client = stream(&lb);
        client.write_all(&request[..request.len() / 2]).unwrap();
        // Its first half is here, most of it in a file without a name.
        eventually("half of it is held", || {
            let held = in_memory(&lb) + in_files(&lb);
            (held > LENGTH as u64 / 2 - 1000).then_some(())
        });
        assert!(in_files(&lb) > 64 * 1024);
        let files = fs::read_dir(lb.data().join("spool")).unwrap();
        assert_eq!(files.count(), 0);
        assert_eq!(node.connections(), 0);
        client.write_all(&request[request.len() / 2..]).unwrap();
        let answer = rest(client);
        assert!(answer.ends_with("\r\n\r\n300000 None"), "{answer}");
        let seen = node.last();
        assert_eq!(seen.all("Content-Length"), ["300000"]);
        assert_eq!(seen.all("Transfer-Encoding"), [""; 0]);
        nothing_is_held(&lb);
    }
}

#[test]
fn a_client_that_leaves_gives_back_what_it_held() {
    let node = checking("a");
    let lb = behind("", "", &[node.line(1)]);
    let request = framed(&pattern_of(LENGTH), true);
    let mut client = stream(&lb);
    client.write_all(&request[..LENGTH / 2]).unwrap();
    eventually("half of it is held", || (in_files(&lb) > 0).then_some(()));
    drop(client);
    nothing_is_held(&lb);
    let line = lb.access_log(1).remove(0);
    assert!(line.contains("\" 499 "), "{line}");
    assert_eq!(node.connections(), 0);
}

#[test]
fn a_body_over_its_limit_asks_no_node_however_it_comes() {
    let node = checking("a");
    let lb = behind("", "body_limit = 200000", &[node.line(1)]);
    for request in [in_chunks(200_001), Request::post_pattern("/", 200_001)] {
        let refused = lb.ask(&request);
        let told = (refused.status, refused.reason());
        assert_eq!(told, (413, Some("body_too_large")));
    }
    assert_eq!(node.connections(), 0);
    assert_eq!(lb.ask(&in_chunks(200_000)).text(), "200000 None");
    nothing_is_held(&lb);
}

#[test]
fn a_body_that_was_taken_in_is_sent_again_whole() {
    let bad = Node::scripted("bad", |_| Answer::nothing(Then::Reset));
    let good = checking("good");
    let lb = behind("", "", &[bad.line(1), good.line(1)]);
    for length in [10, 100_000, 1_000_000] {
        for _ in 0..2 {
            let answer = lb.ask(&in_chunks(length));
            assert_eq!(answer.text(), format!("{length} None"));
        }
    }
    // Each got it whole.
    assert!(bad.requests().len() >= 3);
    let seen = [bad.requests(), good.requests()].concat();
    assert!(seen.iter().all(|seen| seen.pattern.wrong_at.is_none()));
    assert!(seen.iter().all(|seen| {
        seen.field("Content-Length") == Some(seen.pattern.length.to_string().as_str())
    }));
    nothing_is_held(&lb);
}

const LITTLE: &str = "memory_budget = \"64k\"\nspool_limit = \"128k\"";

#[test]
fn a_body_larger_than_all_room_goes_on_as_it_comes() {
    for (settings, length) in [(LITTLE, 4_000_000), ("spool_limit = 0", 1_000_000)] {
        let node = checking("a");
        let lb = behind(settings, "", &[node.line(1)]);
        let answer = lb.ask(&in_chunks(length));
        assert_eq!(answer.text(), format!("{length} None"));
        assert_eq!(node.last().all("Transfer-Encoding"), ["chunked"]);
        assert!(client_waits(&lb) > 0);
        let answer = lb.ask(&Request::post_pattern("/", length as u64));
        assert_eq!(answer.text(), format!("{length} None"));
        assert_eq!(node.last().all("Content-Length"), [length.to_string()]);
        nothing_is_held(&lb);
    }
}

#[test]
fn bodies_that_share_too_little_room_arrive_all_the_same() {
    let node = checking("a");
    let lb = behind(LITTLE, "", &[node.line(1)]);
    let port = lb.port();
    let clients: Vec<_> = (0..16)
        .map(|n| {
            std::thread::spawn(move || {
                let length = 60_000 + n * 10_000;
                let answer = Client::of(port).ask(&in_chunks(length));
                assert_eq!(answer.text(), format!("{length} None"));
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    nothing_is_held(&lb);
}

#[test]
fn what_waits_for_room_is_taken_in_when_another_leaves() {
    let node = checking("a");
    let lb = behind("spool_limit = \"2m\"", "", &[node.line(1)]);
    // Most of the room is its, and it says no more.
    let mut slow = stream(&lb);
    let request = framed(&pattern_of(2_500_000), true);
    slow.write_all(&request[..1_900_000]).unwrap();
    eventually("it has most of the room", || {
        (in_files(&lb) > 1_800_000).then_some(())
    });
    assert_eq!(client_waits(&lb), 0);
    let port = lb.port();
    let other = std::thread::spawn(move || Client::of(port).ask(&in_chunks(1_000_000)).text());
    eventually("the other waits", || (client_waits(&lb) > 0).then_some(()));
    drop(slow);
    assert_eq!(other.join().unwrap(), "1000000 None");
    assert_eq!(node.last().all("Content-Length"), ["1000000"]);
    assert_eq!(node.connections(), 1);
    nothing_is_held(&lb);
}

#[test]
fn where_no_file_can_be_made_bodies_go_on_as_they_come() {
    let node = checking("a");
    let lb = behind("", "", &[node.line(1)]);
    let spool = lb.data().join("spool");
    fs::remove_dir(&spool).unwrap();
    for n in 1..=3 {
        assert_eq!(lb.ask(&in_chunks(LENGTH)).text(), "300000 None");
        assert_eq!(node.last().all("Transfer-Encoding"), ["chunked"]);
        assert_eq!(metric(&lb, "steelyard_spool_failures_total"), n);
    }
    // One that memory holds needs no file.
    assert_eq!(lb.ask(&in_chunks(60_000)).text(), "60000 None");
    assert_eq!(node.last().all("Content-Length"), ["60000"]);
    eventually("it is told", || {
        lb.log().contains("no spool file in").then_some(())
    });
    fs::create_dir(&spool).unwrap();
    assert_eq!(lb.ask(&in_chunks(LENGTH)).text(), "300000 None");
    assert_eq!(node.last().all("Content-Length"), ["300000"]);
    eventually("it is told", || {
        lb.log().contains("are written again").then_some(())
    });
    assert_eq!(lb.log().matches("no spool file in").count(), 1);
    nothing_is_held(&lb);
}

const EARLY: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";

#[test]
fn without_buffer_request_the_node_has_the_body_as_it_comes() {
    let node = Broken::doing(vec![Step::ReadHead, Step::say(EARLY), Step::Hang]);
    let lb = behind(
        "",
        "buffer_request = false",
        &[("a".to_owned(), node.address(), 1)],
    );
    for chunked in [false, true] {
        let request = framed(&pattern_of(1000), chunked);
        let mut client = stream(&lb);
        client.write_all(&request[..500]).unwrap();
        // It is answered by a node that has seen no more than a part of it.
        let answer = rest(client);
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
    assert_eq!(node.connections(), 2);
}

#[test]
fn an_answer_before_the_held_body_s_end_is_passed_on_and_the_client_may_ask_on() {
    // It takes no more of the body than the kernel does for it.
    let gate = Gate::closed();
    let node = Broken::doing(vec![
        Step::ReadHead,
        Step::say(EARLY),
        Step::Stall(gate.clone()),
    ]);
    let lb = behind("", "", &[("a".to_owned(), node.address(), 1)]);
    let mut client = Client::of(lb.port());
    for _ in 0..3 {
        let answer = client.ask(&in_chunks(20_000_000));
        assert_eq!((answer.status, answer.text().as_str()), (403, "no"));
    }
    // All that it sent was taken: nothing of it can be mistaken for a request.
    assert_eq!(client.opened, 1);
    nothing_is_held(&lb);
    gate.open();
}

#[test]
fn an_upload_in_chunks_reaches_django_under_gunicorn() {
    for release in [Release::Old, Release::New] {
        let gunicorn = Gunicorn::start(release, Worker::Sync, "web-1");
        let lb = behind("", "", &[gunicorn.line(1)]);
        for length in [10_u64, 500_000] {
            let bytes = pattern_of(usize::try_from(length).unwrap());
            let parts: Vec<&[u8]> = bytes.chunks(50_000).collect();
            let seen = lb.ask(&Request::post_chunked("/echo", &parts)).json();
            assert_eq!(seen["body_length"], length, "{release:?}");
            assert_eq!(seen["headers"]["Content-Length"], length.to_string());
        }
    }
}

const LONG: u64 = 24 * 1024 * 1024;

/// Answers with more than the kernel holds, in the way that its path says.
fn long_answers() -> Node {
    Node::scripted("a", |request| {
        let body = |head: &str, chunked: bool| {
            let mut bytes = format!("HTTP/1.1 200 OK\r\n{head}\r\n").into_bytes();
            let body = pattern_of(usize::try_from(LONG).unwrap());
            if chunked {
                for part in body.chunks(60_000) {
                    bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                    bytes.extend_from_slice(part);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            } else {
                bytes.extend_from_slice(&body);
            }
            bytes
        };
        let length = format!("Content-Length: {LONG}\r\n");
        match request.target() {
            "/chunked" => Answer::raw(body("Transfer-Encoding: chunked\r\n", true)),
            "/close" => Answer::Raw(body("Connection: close\r\n", false), Then::Close),
            "/events" => Answer::raw(body(
                &format!("{length}Content-Type: text/event-stream; charset=utf-8\r\n"),
                false,
            )),
            "/accel" => Answer::raw(body(&format!("{length}X-Accel-Buffering: no\r\n"), false)),
            _ => Answer::Download(LONG),
        }
    })
}

fn in_flight(lb: &Appliance) -> u64 {
    let name = "steelyard_requests_in_flight{pool=\"django\",node=\"a\"}";
    metric(lb, name)
}

fn asking(lb: &Appliance, target: &str, version: &str) -> TcpStream {
    let mut stream = stream(lb);
    let request = format!("GET {target} HTTP/{version}\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    // It is asked, and answered: from here on the client takes nothing.
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    stream
}

/// The body of what is left of an answer, compared with the pattern.
fn checked(mut stream: TcpStream) -> Checker {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut checker = Checker::default();
    let mut body = &bytes[end..];
    if !head.contains("\r\nTransfer-Encoding: chunked\r\n") {
        checker.see(body);
        return checker;
    }
    loop {
        let line = body.windows(2).position(|w| w == b"\r\n").unwrap();
        let size = std::str::from_utf8(&body[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        let (data, rest) = body[line + 2..].split_at(size);
        checker.see(data);
        assert_eq!(&rest[..2], b"\r\n");
        body = &rest[2..];
        if size == 0 {
            assert_eq!(body, b"");
            return checker;
        }
    }
}

const WHOLE: Checker = Checker {
    length: LONG,
    wrong_at: None,
};

#[test]
fn an_answer_is_taken_from_its_node_whole_while_the_client_takes_none() {
    let node = long_answers();
    let lb = behind("", "", &[node.line(1)]);
    for (target, version) in [
        ("/length", "1.1"),
        ("/chunked", "1.1"),
        ("/chunked", "1.0"),
        ("/close", "1.1"),
        ("/close", "1.0"),
    ] {
        let client = asking(&lb, target, version);
        eventually("the node is done with", || {
            (in_flight(&lb) == 0).then_some(())
        });
        assert!(in_files(&lb) > 0, "{target}");
        assert!(in_memory(&lb) < 4 * 1024 * 1024, "{target}");
        assert_eq!(checked(client), WHOLE, "{target} {version}");
        nothing_is_held(&lb);
    }
    assert_eq!(fs::read_dir(lb.data().join("spool")).unwrap().count(), 0);
}

#[test]
fn streams_and_routes_without_it_keep_their_node() {
    let node = long_answers();
    for (target, keys) in [
        ("/events", ""),
        ("/accel", ""),
        ("/length", "buffer_response = false"),
    ] {
        let other = format!("{keys}\n[[sites.routes]]\npath = \"/other\"\npool = \"django\"");
        let lb = behind("", &other, &[node.line(1)]);
        let client = asking(&lb, target, "1.1");
        // One that came later is through with the node, and this is not.
        let held = asking(&lb, "/other", "1.1");
        eventually("the other is done", || (in_flight(&lb) == 1).then_some(()));
        drop(held);
        nothing_is_held(&lb);
        assert_eq!(in_flight(&lb), 1, "{target}");
        assert_eq!(checked(client), WHOLE, "{target}");
    }
}

#[test]
fn a_client_that_leaves_its_answer_gives_back_what_was_held() {
    let node = long_answers();
    let lb = behind("", "", &[node.line(1)]);
    let client = asking(&lb, "/length", "1.1");
    eventually("some of it is held", || (in_files(&lb) > 0).then_some(()));
    drop(client);
    nothing_is_held(&lb);
    assert_eq!(in_flight(&lb), 0);
    // Whole at the node, and not at the client.
    let line = lb.access_log(1).remove(0);
    assert!(line.contains("\" 200 "), "{line}");
}

#[test]
fn an_answer_that_finds_no_room_goes_on_as_the_client_takes_it() {
    let node = long_answers();
    for settings in [LITTLE, "spool_limit = 0"] {
        let lb = behind(settings, "", &[node.line(1)]);
        let clients: Vec<TcpStream> = (0..3).map(|_| asking(&lb, "/chunked", "1.1")).collect();
        eventually("the node is not read", || {
            let waits = metric(&lb, "steelyard_buffer_waits_total{side=\"node\"}");
            (waits >= 3).then_some(())
        });
        assert_eq!(in_flight(&lb), 3);
        assert!(in_files(&lb) <= 128 * 1024);
        for client in clients {
            assert_eq!(checked(client), WHOLE);
        }
        nothing_is_held(&lb);
    }
    let lb = behind("", "", &[node.line(1)]);
    fs::remove_dir(lb.data().join("spool")).unwrap();
    let client = asking(&lb, "/length", "1.1");
    eventually("the node is not read", || {
        let failures = metric(&lb, "steelyard_spool_failures_total");
        (failures == 1).then_some(())
    });
    assert_eq!(checked(client), WHOLE);
    nothing_is_held(&lb);
}

/// Three that take one request at a time, as sync workers do, on connections of their own.
fn sync_workers() -> Vec<NodeLine> {
    let one = |n: usize| {
        let door = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = door.local_addr().unwrap();
        // It ends with the process.
        std::thread::spawn(move || {
            for stream in door.incoming().flatten() {
                // Whoever is slow holds all others up here.
                let _gone = take_one(stream);
            }
        });
        (format!("sync-{n}"), address, 1)
    };
    (1..=3).map(one).collect()
}

const UPLOAD: usize = 200_000;
/// What the kernel may hold for a client, and what it does not: that would be held by its worker.
const PAGE: usize = 1024 * 1024;
const LONG_PAGE: usize = 12 * 1024 * 1024;

fn take_one(mut stream: TcpStream) -> std::io::Result<()> {
    let mut seen = Vec::new();
    let mut piece = [0; 64 * 1024];
    loop {
        if let Some(end) = seen.windows(4).position(|w| w == b"\r\n\r\n") {
            let is_slow = seen.starts_with(b"POST");
            if !is_slow || seen.len() - end - 4 >= UPLOAD {
                let length = match seen[end + 4..].first() {
                    Some(b'l') => LONG_PAGE,
                    _ if is_slow => PAGE,
                    _ => 4,
                };
                let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
                write!(stream, "{head}Content-Length: {length}\r\n\r\n")?;
                stream.write_all(&vec![b'x'; length])?;
                return stream.shutdown(Shutdown::Both);
            }
        }
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            count => seen.extend_from_slice(&piece[..count]),
        }
    }
}

/// A client that says and takes a little at a time.
struct SlowClient {
    stream: TcpStream,
    request: Vec<u8>,
    sent: usize,
    taken: usize,
}

impl SlowClient {
    fn of(lb: &Appliance, wants: u8) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        // Small, so that its answer does not wait in the kernel.
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&ports::local(lb.port()).into()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut slow = Self {
            stream,
            request: framed(&[wants; UPLOAD], false),
            sent: 0,
            taken: 0,
        };
        slow.say(1024);
        slow
    }

    fn say(&mut self, bytes: usize) {
        let part = &self.request[self.sent..][..bytes];
        self.stream.write_all(part).unwrap();
        self.sent += bytes;
    }

    fn take(&mut self, bytes: usize) {
        let mut piece = vec![0; bytes];
        self.stream.read_exact(&mut piece).unwrap();
        self.taken += bytes;
    }
}

#[test]
fn two_hundred_slow_clients_each_way_leave_three_sync_workers_to_a_fast_one() {
    let lb = Appliance::start();
    // How slow they are is the test's business.
    let listener = listener(lb.port()) + "body_min_rate = 0\nresponse_min_rate = 0\n";
    let keys = "health_check = \"off\"\nmax_fails = 0\nretry = { on = [] }";
    lb.apply(&(listener + &pool("django", keys, &sync_workers())));
    let mut slow: Vec<SlowClient> = (0..200)
        .map(|n| SlowClient::of(&lb, if n < 20 { b'l' } else { b's' }))
        .collect();
    let mut fast = Client::of(lb.port());
    let mut good = 0;
    let mut ask = || {
        let answer = fast.get("/");
        good += usize::from((answer.status, answer.text().as_str()) == (200, "xxxx"));
    };
    for n in 0..250 {
        slow[n % 200].say(1024);
        ask();
    }
    // Now all of them have an answer to take, a KiB at a time too.
    for client in &mut slow {
        client.say(client.request.len() - client.sent);
    }
    for n in 0..250 {
        slow[n % 200].take(1024);
        ask();
    }
    assert_eq!(good, 500);
    for mut client in slow {
        let mut left = Vec::new();
        client.stream.read_to_end(&mut left).unwrap();
        let all = client.taken + left.len();
        let page = if client.request.ends_with(b"l") {
            LONG_PAGE
        } else {
            PAGE
        };
        assert!(all > page && left.iter().all(|byte| *byte == b'x'));
    }
    nothing_is_held(&lb);
}
