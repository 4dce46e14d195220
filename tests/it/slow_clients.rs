//! A thousand slow clients at once, in the four ways of slowhttptest: who stands beside them notices nothing, no
//! node waits for them, and nothing of them stays.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::support::appliance::{Appliance, write_file};
use crate::support::document::{listener, pool, route, site};
use crate::support::node::{Answer, Node};
use crate::support::ports::local;
use crate::support::slowhttptest::{Attack, Mode, allow_descriptors};
use crate::support::{PATIENCE, counted, eventually, figure, pause};

/// In how long a bystander has its whole answer.
const PROMPT: Duration = Duration::from_secs(2);

/// How often it asks at least; it goes on until the attack is over.
const ASKED: usize = 200;

/// More of a file than the kernel takes for a client that takes nothing.
const LONG: u64 = 16 * 1024 * 1024;

/// More of a page than the kernel takes, which the node has to be rid of all the same.
const PAGE: u64 = 4 * 1024 * 1024;

/// What overlapping ranges are asked of.
const SHORT: u64 = 64 * 1024;

/// What a bystander asks for, and what it gets.
const PATHS: [(&str, &str); 2] = [("/page", "page"), ("/files/small.txt", "file")];

fn crowd() -> usize {
    counted(1000, 4000)
}

/// The appliance before one node that, like a sync worker, serves one request at a time.
struct Stand {
    lb: Appliance,
    node: Node,
    descriptors: usize,
    resident: u64,
}

impl Stand {
    fn new() -> Self {
        allow_descriptors(4 * u64::try_from(crowd()).unwrap() + 1024);
        let node = Node::scripted("sync", |request| match request.target() {
            "/attacked" => Answer::Download(PAGE),
            _ => Answer::text("page"),
        });
        let lb = Appliance::start();
        lb.apply(&document(&lb, &node));
        let mut stand = Self {
            lb,
            node,
            descriptors: 0,
            resident: 0,
        };
        for path in PATHS {
            stand.asks(path);
        }
        eventually("the bystander is gone", || {
            (stand.open() == 0).then_some(())
        });
        stand.descriptors = stand.lb.descriptors();
        stand.resident = stand.lb.resident();
        stand
    }

    /// Client connections now open.
    fn open(&self) -> usize {
        self.counted(|name| name.starts_with("steelyard_connections_open{"))
    }

    /// The sum of these numbers of `/metrics`.
    fn counted(&self, is_one: impl Fn(&str) -> bool) -> usize {
        let text = self.lb.admin("/metrics").text();
        let samples = text.lines().filter_map(|line| line.rsplit_once(' '));
        let of_these = samples.filter(|(name, _)| is_one(name));
        of_these.map(|(_, n)| n.parse::<usize>().unwrap()).sum()
    }

    /// Waits until many of the crowd are there at once; all of them together need a machine that is fast enough.
    #[track_caller]
    fn many_are_there(&self) {
        eventually("the crowd is there", || {
            (self.open() >= crowd() / 4).then_some(())
        });
    }

    /// A bystander asks on a new connection; gives how long its whole answer took.
    #[track_caller]
    fn asks(&self, (path, body): (&str, &str)) -> Duration {
        let started = Instant::now();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let elsewhere = SocketAddr::from(([127, 0, 0, 2], 0));
        socket.bind(&elsewhere.into()).unwrap();
        let to = local(self.lb.port()).into();
        socket.connect_timeout(&to, PATIENCE).unwrap();
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let fields = "Host: a\r\nConnection: close";
        write!(stream, "GET {path} HTTP/1.1\r\n{fields}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let is_whole = answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(body);
        assert!(is_whole, "{answer}");
        started.elapsed()
    }

    /// A bystander asks, 200 times at least and until the attack is over: it always has its answer, and promptly.
    #[track_caller]
    fn bystander_notices_nothing(&self, mut is_over: impl FnMut() -> bool) {
        let started = Instant::now();
        let (mut asked, mut late, mut slowest) = (0, 0, Duration::ZERO);
        let mut most = 0;
        while asked < ASKED || !is_over() {
            most = most.max(self.open());
            let took = self.asks(PATHS[asked % PATHS.len()]);
            asked += 1;
            late += usize::from(took > PROMPT);
            slowest = slowest.max(took);
            let waited = started.elapsed();
            assert!(waited < 10 * PATIENCE, "the crowd is still there");
            pause();
        }
        figure(&format!(
            "{asked} asked beside up to {most}, slowest {slowest:?}"
        ));
        assert_eq!(late, 0, "late of {asked}, the slowest took {slowest:?}");
    }

    /// What the log says of requests from the attackers' address with this method.
    fn log_of(&self, method: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.lb.access_log_path()).unwrap();
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let of_them = |line: &Value| {
            line["client_ip"] == "127.0.0.1"
                && line["method"].as_str().unwrap_or_default() == method
        };
        lines.filter(of_them).collect()
    }

    /// Waits until the whole crowd is in the log, each with this status and reason, and nobody else.
    #[track_caller]
    fn all_ended(&self, method: &str, status: u16, reason: &str) {
        let lines = eventually("the crowd is in the log", || {
            let lines = self.log_of(method);
            (lines.len() >= crowd()).then_some(lines)
        });
        assert_eq!(lines.len(), crowd());
        for line in lines {
            let ended = (&line["status"], &line["reason"]);
            assert_eq!(ended, (&status.into(), &reason.into()), "{line}");
        }
    }

    /// Of memory, each of the crowd had at most so many KiB, beside what they share; and all descriptors are back.
    #[track_caller]
    fn nothing_stays(&self, each: u64, shared: u64) {
        let count = u64::try_from(crowd()).unwrap();
        let more = self.lb.peak() - self.resident;
        figure(&format!("{} KiB at most for each of {count}", more / count));
        assert!(more < count * each + shared, "{more} KiB for {count}");
        eventually("all descriptors are back", || {
            let back = self.open() == 0 && self.lb.descriptors() <= self.descriptors;
            back.then_some(())
        });
        assert_eq!(self.lb.node("django", "sync")["in_flight"], 0);
    }
}

fn document(lb: &Appliance, node: &Node) -> String {
    let root = lb.data().join("files");
    write_file(&root.join("small.txt"), "file");
    for (name, length) in [("long.bin", LONG), ("short.bin", SHORT)] {
        let file = fs::File::create(root.join(name)).unwrap();
        file.set_len(length).unwrap();
    }
    let files = format!(
        "[[sites.routes]]\npath = \"/files/\"\nfiles = {{ root = \"{}\" }}\n",
        root.display()
    );
    let nodes = format!(
        "[[pools.nodes]]\nname = \"sync\"\naddress = \"{}\"\nmax_conns = 1\n",
        node.address()
    );
    let of_pool = "health_check = \"off\"\nqueue = { size = 10000, timeout = \"30s\" }";
    listener(lb.port())
        + &pool("django", of_pool, &[])
        + &nodes
        + &site("shop", &(route("/", "django", "") + &files))
        + "\n[logs]\nformat = \"json\"\n"
}

/// Slowloris: told of the timeout, each of them, ten seconds after its first byte; no byte reaches the node.
#[test]
fn a_thousand_slow_heads_end_and_nobody_else_notices() {
    let stand = Stand::new();
    let mut attack = Attack::start(Mode::Headers, crowd(), stand.lb.port(), "/attacked");
    stand.many_are_there();
    stand.bystander_notices_nothing(|| attack.is_over());
    stand.all_ended("", 408, "client_timeout");
    let refused = stand.counted(is_refused);
    assert_eq!(refused, crowd());
    // What the tool asks to see whether we still answer is all that came through.
    let asked = stand.node.requests();
    let of_tool = asked.iter().filter(|seen| seen.target() == "/attacked");
    let of_tool = of_tool.count();
    eventually("its requests are in the log", || {
        (stand.log_of("GET").len() == of_tool).then_some(())
    });
    stand.nothing_stays(40, 0);
}

/// R-U-Dead-Yet: a node that serves one request at a time is asked by none of them.
#[test]
fn a_thousand_slow_bodies_reach_no_node_and_nobody_else_notices() {
    let stand = Stand::new();
    let mut attack = Attack::start(Mode::Body, crowd(), stand.lb.port(), "/attacked");
    stand.many_are_there();
    stand.bystander_notices_nothing(|| attack.is_over());
    stand.all_ended("POST", 408, "client_timeout");
    assert_eq!(stand.counted(is_refused), crowd());
    let asked = stand.node.requests();
    assert!(asked.iter().all(|seen| seen.method() == "GET"));
    stand.nothing_stays(40, 0);
}

/// Apache killer: a thousand ranges that overlap are answered with the file, once.
#[test]
fn a_thousand_clients_with_a_thousand_ranges_get_the_file_and_nobody_else_notices() {
    let stand = Stand::new();
    let mut attack = Attack::start(Mode::Range, crowd(), stand.lb.port(), "/files/short.bin");
    stand.bystander_notices_nothing(|| attack.is_over());
    let lines = eventually("the crowd is in the log", || {
        let lines = stand.log_of("GET");
        (lines.len() >= crowd()).then_some(lines)
    });
    for line in lines {
        assert!(
            [200, 206, 416].map(Value::from).contains(&line["status"]),
            "{line}"
        );
        assert!(
            line["bytes_out"].as_u64().unwrap() <= SHORT + 1024,
            "{line}"
        );
    }
    stand.nothing_stays(100, 0);
}

/// Slow read: their answers wait for them here and not at the node, and not for ever.
#[test]
fn a_thousand_slow_readers_hold_no_node_and_nobody_else_notices() {
    let stand = Stand::new();
    // The node has all these pages to make before it makes another.
    let pages = 30;
    let files = crowd() - pages;
    let _pages = Attack::start(Mode::Read, pages, stand.lb.port(), "/attacked");
    eventually("the node is done with all pages", || {
        let asked = stand.node.requests();
        let made = asked.iter().filter(|seen| seen.target() == "/attacked");
        (made.count() >= pages && stand.lb.node("django", "sync")["in_flight"] == 0).then_some(())
    });
    let _files = Attack::start(Mode::Read, files, stand.lb.port(), "/files/long.bin");
    stand.many_are_there();
    let given_up = || {
        let lines = stand.log_of("GET");
        let cut =
            |line: &&Value| line["path"] == "/files/long.bin" && line["reason"] == "client_gone";
        lines.iter().filter(cut).count()
    };
    // They do not hear that they were given up: they hardly read.
    stand.bystander_notices_nothing(|| stand.open() <= 2 && given_up() >= files);
    // The kernel sends files; of all pages together `memory_budget` may be held.
    stand.nothing_stays(100, 256 * 1024);
}

fn is_refused(name: &str) -> bool {
    name.starts_with("steelyard_requests_total{") && name.contains("code=\"4xx\"")
}
