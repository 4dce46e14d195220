//! Slow clients by the hundred, three sync workers, and a client that must not notice.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::{framed, nothing_is_held};
use crate::support::appliance::Appliance;
use crate::support::client::Client;
use crate::support::document::{NodeLine, listener, pool};
use crate::support::{PATIENCE, counted, ports};

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

    fn take_rest(mut self) {
        let mut left = Vec::new();
        self.stream.read_to_end(&mut left).unwrap();
        let page = if self.request.ends_with(b"l") {
            LONG_PAGE
        } else {
            PAGE
        };
        assert!(self.taken + left.len() > page && left.iter().all(|byte| *byte == b'x'));
    }
}

/// Has `ask` ask, again and again, while the slow ones each say or take a KiB a second.
fn for_a_while(slow: &mut [SlowClient], mut ask: impl FnMut(), each: fn(&mut SlowClient)) {
    let seconds = counted(6, 35);
    let began = Instant::now();
    let mut asked = 0;
    for second in 1..=seconds as u64 {
        slow.iter_mut().for_each(each);
        let is_last = second == seconds as u64;
        while began.elapsed() < Duration::from_secs(second) || (is_last && asked < 250) {
            ask();
            asked += 1;
        }
    }
}

#[test]
fn two_hundred_slow_clients_each_way_leave_three_sync_workers_to_a_fast_one() {
    let lb = Appliance::start();
    let keys = "health_check = \"off\"\nmax_fails = 0\nretry = { on = [] }";
    lb.apply(&(listener(lb.port()) + &pool("django", keys, &sync_workers())));
    let mut slow: Vec<SlowClient> = (0..200)
        .map(|n| SlowClient::of(&lb, if n < 20 { b'l' } else { b's' }))
        .collect();
    let mut fast = Client::of(lb.port());
    let (mut asked, mut good) = (0, 0);
    let mut ask = || {
        let answer = fast.get("/");
        asked += 1;
        good += usize::from((answer.status, answer.text().as_str()) == (200, "xxxx"));
    };
    for_a_while(&mut slow, &mut ask, |client| client.say(1024));
    // Now all of them have an answer to take, a KiB at a time too.
    for client in &mut slow {
        client.say(client.request.len() - client.sent);
    }
    for_a_while(&mut slow, &mut ask, |client| client.take(1024));
    assert!(asked >= 500 && good == asked, "{good} of {asked}");
    // All at once, since nobody may be silent for long.
    let rests: Vec<_> = slow
        .into_iter()
        .map(|client| std::thread::spawn(move || client.take_rest()))
        .collect();
    for rest in rests {
        rest.join().unwrap();
    }
    nothing_is_held(&lb);
}
