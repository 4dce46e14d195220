//! File descriptors run out: who is inside notices nothing, who comes is told or let go, and all is
//! as before once there are some again.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request};
use crate::support::document::{listener, pool, route, site};
use crate::support::node::Node;
use crate::support::slowhttptest::allow_descriptors;
use crate::support::{counted, eventually, figure};

/// What the program may open.
const LIMIT: u64 = 1024;
/// Who is inside before the crowd comes.
const INSIDE: usize = 50;
/// Who comes.
const CROWD: usize = 2000;

fn serving(nodes: &[Node]) -> (tempfile::TempDir, Appliance) {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..200 {
        std::fs::write(dir.path().join(number.to_string()), "file").unwrap();
    }
    let lb = Appliance::with_descriptors(LIMIT);
    let files = format!(
        "[[sites.routes]]\npath = \"/static/\"\nfiles = {{ root = {:?} }}\n",
        dir.path()
    );
    let lines: Vec<_> = nodes.iter().map(|node| node.line(1)).collect();
    lb.apply(&format!(
        "{}max_requests = 1000000000\n{}{}",
        listener(lb.port()),
        pool("django", "", &lines),
        site("s", &(files + &route("/", "django", ""))),
    ));
    (dir, lb)
}

/// Everybody inside asks again and again, for a page, a file and an upload, until `done`.
fn go_on(lb: &Appliance, here: usize, done: &AtomicBool, answers: &AtomicUsize) {
    let mut client = Client::of(lb.port());
    let mut turn = here;
    while !done.load(Ordering::Relaxed) {
        turn += 1;
        let request = match turn % 3 {
            0 => Request::get("/"),
            1 => Request::get(&format!("/static/{}", turn % 200)),
            _ => Request::post("/", vec![b'x'; 100_000]),
        };
        let answer = client.ask(&request);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(client.opened, 1, "who is inside stays inside");
        answers.fetch_add(1, Ordering::Relaxed);
    }
}

/// What became of one of the crowd: the status it was told, or none. Who is served stays.
fn knock(port: u16) -> (Option<TcpStream>, Option<String>) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let sent = stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut head = [0; 12];
    let told = sent.and_then(|()| stream.read_exact(&mut head)).ok();
    let told = told.map(|()| String::from_utf8_lossy(&head[9..]).into_owned());
    let stays = told.as_deref() == Some("200");
    (stays.then_some(stream), told)
}

#[test]
fn two_thousand_clients_at_a_thousand_descriptors_cost_nobody_inside_a_request() {
    // The crowd's, and the nodes'.
    allow_descriptors(4 * CROWD as u64);
    let nodes = Node::three();
    let (_dir, lb) = serving(&nodes);
    let (done, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
    let rounds = counted(1, 20);
    thread::scope(|scope| {
        for here in 0..INSIDE {
            let (lb, done, answers) = (&lb, &done, &answers);
            scope.spawn(move || go_on(lb, here, done, answers));
        }
        let more = || {
            let before = answers.load(Ordering::Relaxed);
            eventually("everybody inside goes on", || {
                (answers.load(Ordering::Relaxed) > before + 3 * INSIDE).then_some(())
            });
        };
        more();
        for _ in 0..rounds {
            let crowd: Vec<_> = thread::scope(|crowd| {
                let knocks = (0..20).map(|_| {
                    crowd.spawn(|| {
                        (0..CROWD / 20)
                            .map(|_| knock(lb.port()))
                            .collect::<Vec<_>>()
                    })
                });
                let knocks: Vec<_> = knocks.collect();
                knocks
                    .into_iter()
                    .flat_map(|knock| knock.join().unwrap())
                    .collect()
            });
            let told = |status: &str| {
                crowd
                    .iter()
                    .filter(|(_, told)| told.as_deref() == Some(status))
                    .count()
            };
            let (served, refused) = (told("200"), told("503"));
            figure(&format!(
                "{CROWD} clients at {LIMIT} descriptors: {served} served, {refused} told 503"
            ));
            assert!(served > 0 && refused > 0);
            assert_eq!(served + refused, CROWD, "each is answered or told");
            more();
            drop(crowd);
            // By itself: a new client gets in.
            eventually("a place is free again", || {
                let answer = Client::of(lb.port()).send(&Request::get("/"));
                answer.ok().filter(|answer| answer.status == 200)
            });
        }
        more();
        done.store(true, Ordering::Relaxed);
    });
}
