//! Nodes that do not resolve, refuse, hang, answer garbage or break off: each has its reason
//! code, and no other pool feels anything of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::support::appliance::Appliance;
use crate::support::broken::{Broken, Deaf, Step};
use crate::support::client::{Client, ClientError, Request, Response};
use crate::support::document::{listener, one_pool};
use crate::support::node::{Answer, Gate, Node};
use crate::support::ports::Port;
use crate::support::{eventually, pattern};

/// What a client gets from a pool with such a node alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// This answer of ours, with this reason.
    Told(u16, &'static str),
    /// What had begun is torn, and the log has this reason.
    Torn(&'static str),
    /// Either: it depends on how the node's bytes come together.
    ToldOrTorn(u16, &'static str),
    /// The node's whole answer.
    Whole,
}

/// Whether a POST that fails so may have reached the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    No,
    Yes,
    Perhaps,
}

/// One way of being broken.
struct Kind {
    name: &'static str,
    /// Where it is, as it stands in a document.
    address: String,
    /// Lines of its pools.
    keys: &'static str,
    outcome: Outcome,
    sent: Sent,
    node: Option<Broken>,
}

/// Patience that no broken node here can use up, and one that is soon used up.
const PATIENT: &str = "connect_timeout = \"25s\"\nread_timeout = \"25s\"";
const HASTY: &str = "connect_timeout = \"500ms\"\nread_timeout = \"500ms\"";

const OK: &str = "HTTP/1.1 200 OK\r\n";
const REFUSED: Outcome = Outcome::Told(502, "node_refused");
const RESET: Outcome = Outcome::Told(502, "node_reset");
const SILENT: Outcome = Outcome::Told(504, "node_timeout");
const BAD: Outcome = Outcome::Told(502, "node_bad_response");

impl Kind {
    fn at(name: &'static str, address: String, outcome: Outcome) -> Self {
        Self {
            name,
            address,
            keys: PATIENT,
            outcome,
            sent: Sent::No,
            node: None,
        }
    }

    /// A node that reads a request's head and then does this.
    fn after_head(name: &'static str, outcome: Outcome, steps: Vec<Step>) -> Self {
        let all = std::iter::once(Step::ReadHead).chain(steps).collect();
        Self::doing(name, outcome, all)
    }

    fn doing(name: &'static str, outcome: Outcome, steps: Vec<Step>) -> Self {
        let node = Broken::doing(steps);
        Self {
            sent: Sent::Yes,
            keys: match outcome {
                Outcome::Told(_, "node_timeout") | Outcome::Torn("node_timeout") => HASTY,
                _ => PATIENT,
            },
            address: node.address().to_string(),
            node: Some(node),
            ..Self::at(name, String::new(), outcome)
        }
    }

    /// A node that says these bytes and closes.
    fn saying(name: &'static str, bytes: impl AsRef<[u8]>) -> Self {
        Self::after_head(name, BAD, vec![Step::say(bytes.as_ref())])
    }

    fn is_retried(&self) -> bool {
        matches!(self.outcome, Outcome::Told(..) | Outcome::ToldOrTorn(..))
    }
}

/// A body that is too large to be held, and how it is announced.
fn large_chunk() -> String {
    format!("30d40\r\n{}\r\n", "x".repeat(200_000))
}

fn chunked(body: &str) -> String {
    format!("{OK}Transfer-Encoding: chunked\r\n\r\n{body}")
}

fn not_there(refusing: &Port, deaf: &Deaf) -> Vec<Kind> {
    vec![
        Kind::at("unresolved", "nobody.invalid:8000".into(), REFUSED),
        Kind::at("refusing", refusing.address().to_string(), REFUSED),
        Kind {
            keys: HASTY,
            ..Kind::at(
                "deaf",
                deaf.address().to_string(),
                Outcome::Told(504, "node_connect_timeout"),
            )
        },
        Kind {
            sent: Sent::Perhaps,
            ..Kind::doing("closes", RESET, vec![])
        },
        Kind {
            sent: Sent::Perhaps,
            ..Kind::doing("resets", RESET, vec![Step::Reset])
        },
        Kind::after_head("closes-later", RESET, vec![]),
        Kind::after_head("resets-later", RESET, vec![Step::Reset]),
        Kind::doing("silent", SILENT, vec![Step::Hang]),
    ]
}

fn not_http() -> Vec<Kind> {
    let hang = |name, bytes: &[u8]| Kind::after_head(name, BAD, vec![Step::say(bytes), Step::Hang]);
    vec![
        Kind::saying("garbage", b"\x00\xff\x13\x37 no line ends here"),
        hang("garbage-open", b"\x00\xff\x13\x37 nor here"),
        Kind::saying("garbage-lines", "what\r\never\r\n\r\n"),
        Kind::saying("tls-alert", b"\x15\x03\x01\x00\x02\x02\x46"),
        hang("tls-hello", b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"),
        Kind::doing(
            "talks-first",
            BAD,
            vec![Step::say("220 mail.example.com ESMTP\r\n"), Step::Hang],
        ),
        Kind::saying("icy", "ICY 200 OK\r\n\r\n"),
        Kind::saying("http-2", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Kind::saying("http-3-frame", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"),
        Kind::saying("no-status", "HTTP/1.1 OK\r\n\r\n"),
        Kind::saying("two-digits", "HTTP/1.1 20 OK\r\n\r\n"),
        Kind::saying("status-600", "HTTP/1.1 600 OK\r\n\r\n"),
        Kind::saying("line-first", format!("\r\n{OK}\r\n")),
        Kind::saying("lf-alone", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
        Kind::saying(
            "length-twice",
            format!("{OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
        ),
        Kind::saying(
            "length-and-chunked",
            format!("{OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        Kind::saying("length-minus", format!("{OK}Content-Length: -1\r\n\r\n")),
        Kind::saying("gzip-coded", format!("{OK}Transfer-Encoding: gzip\r\n\r\n")),
        Kind::saying(
            "switching",
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        ),
    ]
}

fn without_end() -> Vec<Kind> {
    let forever = |name, first: String, again: &str| {
        let again = again.repeat(1 + 16 * 1024 / again.len()).into_bytes();
        Kind::after_head(name, BAD, vec![Step::say(first), Step::SendForever(again)])
    };
    let torn = |kind: Kind| Kind {
        outcome: Outcome::Torn("node_bad_response"),
        ..kind
    };
    vec![
        forever("endless-head", OK.into(), "X-More: of the same\r\n"),
        forever("endless-field", format!("{OK}X: "), "y"),
        forever("endless-line", "HTTP/1.1 200 O".into(), "K"),
        forever(
            "endless-interim",
            String::new(),
            "HTTP/1.1 103 Early Hints\r\n\r\n",
        ),
        torn(forever(
            "endless-trailers",
            chunked(&(large_chunk() + "0\r\n")),
            "X-More: of the same\r\n",
        )),
        torn(forever(
            "endless-extension",
            chunked(&(large_chunk() + "5;a=")),
            "y",
        )),
        torn(forever("endless-size", chunked(&large_chunk()), "0")),
    ]
}

fn cut_or_wrong() -> Vec<Kind> {
    let large = format!("{OK}Content-Length: 300000\r\n\r\n{}", "x".repeat(200_000));
    let later = |name, end: &str, outcome| {
        Kind::after_head(
            name,
            outcome,
            vec![Step::say(chunked(&large_chunk()) + end)],
        )
    };
    let torn = |reason| Outcome::Torn(reason);
    vec![
        Kind::after_head(
            "half-head",
            RESET,
            vec![Step::say(format!("{OK}Content-Le"))],
        ),
        Kind::after_head(
            "half-head-open",
            SILENT,
            vec![Step::say(format!("{OK}Content-Le")), Step::Hang],
        ),
        Kind::after_head(
            "interim-only",
            RESET,
            vec![Step::say("HTTP/1.1 103 Early Hints\r\n\r\n")],
        ),
        Kind::after_head(
            "short",
            RESET,
            vec![Step::say(format!(
                "{OK}Content-Length: 100\r\n\r\nonly this"
            ))],
        ),
        Kind::after_head(
            "short-open",
            SILENT,
            vec![
                Step::say(format!("{OK}Content-Length: 100\r\n\r\nonly this")),
                Step::Hang,
            ],
        ),
        Kind::after_head(
            "short-large",
            torn("node_reset"),
            vec![Step::say(large.clone())],
        ),
        Kind::after_head(
            "short-large-reset",
            torn("node_reset"),
            vec![Step::say(large.clone()), Step::Reset],
        ),
        Kind::after_head(
            "short-large-open",
            torn("node_timeout"),
            vec![Step::say(large), Step::Hang],
        ),
        later("no-last-chunk", "", torn("node_reset")),
        later(
            "bad-later-chunk",
            "five\r\nhello\r\n",
            torn("node_bad_response"),
        ),
    ]
}

/// In chunks, small, and in one piece.
fn in_chunks() -> Vec<Kind> {
    vec![
        Kind {
            outcome: Outcome::ToldOrTorn(502, "node_reset"),
            ..Kind::saying("no-last-chunk-small", chunked("5\r\nhello\r\n"))
        },
        Kind::saying("bad-first-chunk", chunked("five\r\nhello\r\n0\r\n\r\n")),
        Kind::saying("bad-second-chunk", chunked("5\r\nhello\r\nfive\r\n")),
        Kind::saying("bad-trailer", chunked("5\r\nhello\r\n0\r\nX Y: z\r\n\r\n")),
        Kind::saying(
            "long-extension",
            chunked(&format!("5;a={}\r\nhello\r\n", "b".repeat(300))),
        ),
    ]
}

/// Odd, and yet whole.
fn odd() -> Vec<Kind> {
    let head = format!("{OK}Content-Length: 5\r\n\r\n");
    let slow = format!("{OK}Connection: close\r\nContent-Length: 220\r\n\r\n");
    vec![
        Kind::after_head(
            "too-much",
            Outcome::Whole,
            vec![Step::say(format!(
                "{head}whole{OK}Content-Length: 4\r\n\r\nEVIL"
            ))],
        ),
        // Longer in all than read_timeout, which is the time between two reads.
        Kind {
            keys: "read_timeout = \"2s\"",
            ..Kind::after_head(
                "slow",
                Outcome::Whole,
                vec![Step::say(slow), Step::SendSlowly(b"s", 220)],
            )
        },
    ]
}

const WHOLE: &str = "the whole answer of a node that is well";

/// One document: for each kind a pool of it alone, and one of it beside a node that is well;
/// and beside them a pool and a site that nothing is wrong with.
fn document(port: u16, kinds: &[Kind], well: &Node, healthy: &[Node; 2]) -> String {
    let mut text = listener(port);
    // One worker: whatever held it up would hold up the others.
    text.push_str("\n[settings]\nworkers = 1\n\n[logs]\nformat = \"json\"\n");
    let mut routes = String::new();
    for kind in kinds {
        let retry = r#"retry = { on = ["error", "timeout", "invalid_header"] }"#;
        let keys = format!(
            "{}\n{retry}\nmax_fails = 0\nhealth_check = \"off\"",
            kind.keys
        );
        for pool in ["one", "two"] {
            let name = format!("{pool}-{}", kind.name);
            text.push_str(&format!(
                "\n[[pools]]\nname = \"{name}\"\n{keys}\n\n[[pools.nodes]]\nname = \"broken\"\naddress = \"{}\"\n",
                kind.address
            ));
            routes.push_str(&format!(
                "\n[[sites.routes]]\npath = \"/{pool}/{}\"\nmatch = \"exact\"\npool = \"{name}\"\n",
                kind.name
            ));
        }
        text.push_str(&format!(
            "\n[[pools.nodes]]\nname = \"well\"\naddress = \"{}\"\n",
            well.address()
        ));
    }
    text.push_str("\n[[pools]]\nname = \"healthy\"\n");
    for node in healthy {
        text.push_str(&format!(
            "\n[[pools.nodes]]\nname = \"{}\"\naddress = \"{}\"\n",
            node.name(),
            node.address()
        ));
    }
    text.push_str("\n[[sites]]\nname = \"healthy\"\nhosts = [\"healthy.example\"]\n");
    text.push_str("\n[[sites.routes]]\npath = \"/\"\npool = \"healthy\"\n");
    text.push_str("\n[[sites]]\nname = \"broken\"\n");
    text + &routes
}

/// Checks what a client of one pool got against what it should get.
fn check(got: &Result<Response, ClientError>, outcome: Outcome) -> Result<(), String> {
    let told = |answer: &Response, status, reason| {
        answer.status == status && answer.reason() == Some(reason) && answer.body.len() > 10
    };
    let fits = match (outcome, got) {
        (Outcome::Told(status, reason), Ok(answer)) => told(answer, status, reason),
        (Outcome::ToldOrTorn(status, reason), Ok(answer)) => told(answer, status, reason),
        (Outcome::Torn(_) | Outcome::ToldOrTorn(..), Err(_)) => true,
        (Outcome::Whole, Ok(answer)) => answer.status == 200 && answer.reason().is_none(),
        _ => false,
    };
    match (fits, got) {
        (true, _) => Ok(()),
        (false, Ok(answer)) => Err(format!(
            "{} {:?} {:?}",
            answer.status,
            answer.reason(),
            answer.text().get(..80)
        )),
        (false, Err(error)) => Err(error.to_string()),
    }
}

/// Requests to each pool of two; enough for each of its nodes to be the first one asked.
const PAIRED: usize = 4;

/// Asks both pools of a kind; gives what was not as it should be.
fn ask_both(port: u16, kind: &Kind) -> Vec<String> {
    let mut wrong = Vec::new();
    let alone = format!("/one/{}", kind.name);
    for request in [Request::get(&alone), Request::post(&alone, "twelve bytes")] {
        let got = Client::of(port).send(&request);
        if let Err(what) = check(&got, kind.outcome) {
            wrong.push(format!("{alone}: {what}, not {:?}", kind.outcome));
        }
    }
    let pair = format!("/two/{}", kind.name);
    for _ in 0..PAIRED {
        let got = Client::of(port).send(&Request::get(&pair));
        let well = matches!(&got, Ok(answer) if answer.status == 200 && answer.text() == WHOLE);
        let may_be_broken = match kind.outcome {
            Outcome::Told(..) => false,
            outcome => check(&got, outcome).is_ok(),
        };
        if !well && !may_be_broken {
            wrong.push(format!("{pair}: {got:?}"));
        }
    }
    if kind.is_retried() && kind.sent != Sent::Perhaps {
        wrong.extend(post_to_pair(port, kind, &pair));
    }
    wrong
}

/// What may have been sent is not sent again; what was not, is.
fn post_to_pair(port: u16, kind: &Kind, pair: &str) -> Option<String> {
    let post = Request::post(pair, "twelve bytes");
    let answers: Vec<_> = (0..2).map(|_| Client::of(port).send(&post)).collect();
    let well = answers
        .iter()
        .filter(|got| matches!(got, Ok(answer) if answer.status == 200))
        .count();
    let wanted = if kind.sent == Sent::No { 2 } else { 1 };
    let others_fit = answers
        .iter()
        .filter(|got| !matches!(got, Ok(answer) if answer.status == 200))
        .all(|got| check(got, kind.outcome).is_ok());
    (well != wanted || !others_fit).then(|| format!("POST {pair}: {answers:?}"))
}

/// Asks the healthy site until `done`, a thousand times at least; gives how often, and what
/// was not as it should be.
fn ask_the_healthy(port: u16, body: &[u8], done: &AtomicBool) -> (usize, Vec<String>) {
    let (mut asked, mut wrong) = (0, Vec::new());
    let mut client = Client::of(port);
    let request = Request::get("/").field("Host", "healthy.example");
    while asked < 1000 || !done.load(Ordering::SeqCst) {
        asked += 1;
        match client.send(&request) {
            Ok(answer) if answer.status == 200 && answer.body == body => {}
            Ok(answer) => wrong.push(format!("{} {:?}", answer.status, answer.reason())),
            Err(error) => wrong.push(error.to_string()),
        }
    }
    (asked, wrong)
}

/// The log's lines by path, those of the healthy site aside.
fn logged(lb: &Appliance, lines: usize) -> BTreeMap<String, Vec<Value>> {
    let mut by_path = BTreeMap::<String, Vec<Value>>::new();
    for line in lb.access_log(lines) {
        let line: Value = serde_json::from_str(&line).unwrap();
        let path = line["path"].as_str().unwrap().to_owned();
        by_path.entry(path).or_default().push(line);
    }
    by_path
}

/// What the log says of the requests to a kind's pools, against what it should.
fn check_log(kind: &Kind, alone: &[Value], pair: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    let reason = match kind.outcome {
        Outcome::Told(_, reason) | Outcome::Torn(reason) | Outcome::ToldOrTorn(_, reason) => reason,
        Outcome::Whole => "",
    };
    for line in alone {
        let tried = &line["tries"][0];
        let told = match kind.outcome {
            Outcome::Told(status, _) => Some(status),
            Outcome::ToldOrTorn(status, _) if line["status"] != 200 => Some(status),
            _ => None,
        };
        let fits = match (told, kind.outcome) {
            (Some(status), _) => {
                line["status"] == status && line["reason"] == reason && tried["reason"] == reason
            }
            (None, Outcome::Whole) => line["reason"].is_null() && line["node"] == "broken",
            // The try brought an answer; it was torn later.
            (None, _) => {
                line["reason"] == reason && tried["status"] == 200 && line["node"] == "broken"
            }
        };
        let one = line["tries"]
            .as_array()
            .is_some_and(|tries| tries.len() == 1);
        if !fits || !one || tried["node"] != "broken" || tried["address"] != *kind.address {
            wrong.push(format!("{}: {line}", kind.name));
        }
    }
    let failed_over = pair.iter().any(|line| {
        let (first, second) = (&line["tries"][0], &line["tries"][1]);
        first["node"] == "broken" && first["reason"] == reason && second["status"] == 200
    });
    if matches!(kind.outcome, Outcome::Told(..)) && !failed_over {
        wrong.push(format!("{}: no fail-over in {pair:?}", kind.name));
    }
    wrong
}

/// The sum of all samples of a metric whose labels hold all of these.
fn metric(text: &str, name: &str, labels: &[&str]) -> usize {
    let named = text.lines().filter_map(|line| line.strip_prefix(name));
    let fitting = named
        .filter(|rest| rest.starts_with('{') && labels.iter().all(|label| rest.contains(label)));
    let values = fitting.filter_map(|rest| rest.rsplit(' ').next()?.parse::<usize>().ok());
    values.sum()
}

/// The counters of errors of a kind's node, against its tries in the log.
fn check_metrics(metrics: &str, kind: &Kind, pool: &str, lines: &[Value]) -> Vec<String> {
    let tries = lines
        .iter()
        .flat_map(|line| line["tries"].as_array().into_iter().flatten());
    let failed = tries.filter(|tried| tried["node"] == "broken" && !tried["reason"].is_null());
    let mut expected = BTreeMap::<String, usize>::new();
    for tried in failed {
        let reason = tried["reason"].as_str().unwrap();
        *expected.entry(reason.replace("node_", "")).or_default() += 1;
    }
    // Answers that were torn on the way are the node's errors too.
    for line in lines
        .iter()
        .filter(|line| line["status"] == 200 && !line["reason"].is_null())
    {
        let reason = line["reason"].as_str().unwrap();
        *expected.entry(reason.replace("node_", "")).or_default() += 1;
    }
    let name = format!("pool=\"{pool}-{}\"", kind.name);
    let words = [
        "refused",
        "connect_timeout",
        "timeout",
        "reset",
        "bad_response",
        "status",
    ];
    let different = words.iter().filter_map(|word| {
        let label = format!("kind=\"{word}\"");
        let counted = metric(metrics, "steelyard_node_errors_total", &[&name, &label]);
        let wanted = expected.get(*word).copied().unwrap_or(0);
        (counted != wanted).then(|| format!("{name} {label}: {counted}, not {wanted}"))
    });
    different.collect()
}

#[test]
fn each_way_of_being_broken_has_its_reason_and_touches_no_other_pool() {
    let (refusing, deaf) = (Port::free(), Deaf::new());
    let mut kinds = not_there(&refusing, &deaf);
    kinds.extend(not_http());
    kinds.extend(without_end());
    kinds.extend(cut_or_wrong());
    kinds.extend(in_chunks());
    kinds.extend(odd());
    let text = Answer::text(WHOLE);
    let well = Node::scripted("well", move |_| text.clone());
    let body = pattern::block()[..20_000].to_vec();
    let healthy = ["a", "b"].map(|name| {
        let body = body.clone();
        Node::scripted(name, move |_| Answer::Reply {
            status: 200,
            fields: Vec::new(),
            body: body.clone(),
        })
    });
    let mut lb = Appliance::start();
    lb.apply(&document(lb.port(), &kinds, &well, &healthy));
    // The number of workers is taken at a start.
    assert!(lb.stop().success());
    lb.restart();

    let (port, done) = (lb.port(), AtomicBool::new(false));
    let (wrong, (asked, harmed)) = std::thread::scope(|scope| {
        let beside = scope.spawn(|| ask_the_healthy(port, &body, &done));
        let asking: Vec<_> = kinds
            .iter()
            .map(|kind| scope.spawn(move || ask_both(port, kind)))
            .collect();
        let wrong: Vec<String> = asking.into_iter().flat_map(|a| a.join().unwrap()).collect();
        done.store(true, Ordering::SeqCst);
        (wrong, beside.join().unwrap())
    });
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(harmed, Vec::<String>::new());

    let metrics = is_told(&lb, &kinds, asked);
    is_untouched(&lb, &metrics, asked);
    let excess = metric(
        &metrics,
        "steelyard_node_excess_bytes_total",
        &["pool=\"one-too-much\""],
    );
    assert!(excess > 0);
    // No connection to a node stays behind a failure.
    eventually("the broken nodes are left alone", || {
        let open = |kind: &Kind| kind.node.as_ref().map_or(0, Broken::open);
        (kinds.iter().map(open).sum::<usize>() == 0).then_some(())
    });
}

/// Log and counters say the same as the answers, besides `asked` requests to the healthy site.
fn is_told(lb: &Appliance, kinds: &[Kind], asked: usize) -> String {
    // Two to the one, four to the pair, and two more POSTs there where that says something.
    let posts = kinds
        .iter()
        .filter(|k| k.is_retried() && k.sent != Sent::Perhaps)
        .count();
    let lines = logged(lb, asked + kinds.len() * (2 + PAIRED) + posts * 2);
    let metrics = lb.admin("/metrics").text();
    let mut wrong = Vec::new();
    let mut ours = 0;
    for kind in kinds {
        let (alone, pair) = (
            &lines[&format!("/one/{}", kind.name)],
            &lines[&format!("/two/{}", kind.name)],
        );
        wrong.extend(check_log(kind, alone, pair));
        wrong.extend(check_metrics(&metrics, kind, "one", alone));
        wrong.extend(check_metrics(&metrics, kind, "two", pair));
        let answers = alone.iter().chain(pair);
        ours += answers
            .filter(|line| line["status"].as_u64() >= Some(500))
            .count();
    }
    assert_eq!(wrong, Vec::<String>::new());
    let ours_counted = metric(
        &metrics,
        "steelyard_requests_total",
        &["site=\"broken\"", "code=\"5xx\""],
    );
    assert_eq!(ours_counted, ours);
    metrics
}

/// Nothing is held against the healthy pool.
fn is_untouched(lb: &Appliance, metrics: &str, asked: usize) {
    let errors = metric(
        metrics,
        "steelyard_node_errors_total",
        &["pool=\"healthy\""],
    );
    assert_eq!(errors, 0);
    let answered = metric(
        metrics,
        "steelyard_requests_total",
        &["site=\"healthy\"", "pool=\"healthy\"", "code=\"2xx\""],
    );
    assert_eq!(answered, asked);
    let status = lb.status();
    let pools = status["pools"].as_array().unwrap();
    let pool = pools.iter().find(|pool| pool["name"] == "healthy").unwrap();
    assert_eq!(pool["fail_open"], false);
    for node in pool["nodes"].as_array().unwrap() {
        assert_eq!(node["errors"], 0, "{node}");
        assert!(node["ejected_until"].is_null(), "{node}");
        assert_ne!(node["health"], "down", "{node}");
    }
}

#[test]
fn what_is_no_http_goes_to_no_other_node_unless_the_operator_says_so() {
    let garbage = Broken::doing(vec![Step::ReadHead, Step::say("what\r\never\r\n\r\n")]);
    let well = Node::answering("well");
    let lb = Appliance::start();
    let nodes = [("garbage".to_owned(), garbage.address(), 1), well.line(1)];
    let keys = "health_check = \"off\"\nmax_fails = 0";
    lb.apply(&one_pool(lb.port(), keys, &nodes));
    let answers: Vec<_> = (0..4).map(|_| lb.get("/")).collect();
    let failed: Vec<_> = answers.iter().filter(|a| a.status != 200).collect();
    assert_eq!(failed.len(), 2, "{answers:?}");
    for answer in failed {
        assert_eq!(
            (answer.status, answer.reason()),
            (502, Some("node_bad_response"))
        );
    }
}

#[test]
fn a_node_that_stops_reading_an_upload_is_left_after_send_timeout() {
    let gate = Gate::closed();
    let stalling = Broken::doing(vec![Step::ReadHead, Step::Stall(gate.clone())]);
    let lb = Appliance::start();
    let keys = "health_check = \"off\"\nmax_fails = 0\nsend_timeout = \"500ms\"";
    let nodes = [("stalling".to_owned(), stalling.address(), 1)];
    let logs = "\n[logs]\nformat = \"json\"\n";
    let text = one_pool(lb.port(), keys, &nodes);
    lb.apply(&(text + logs));
    let before = lb.peak();
    let upload = Request::post_pattern("/", 64 * 1024 * 1024);
    // Most of it is never read, so that the answer may be lost to the client in the reset.
    if let Ok(answer) = Client::of(lb.port()).send(&upload) {
        assert_eq!(
            (answer.status, answer.reason()),
            (504, Some("node_timeout"))
        );
    }
    let line: Value = serde_json::from_str(&lb.access_log(1)[0]).unwrap();
    assert_eq!(line["status"], 504, "{line}");
    assert_eq!(line["reason"], "node_timeout", "{line}");
    assert_eq!(line["tries"][0]["reason"], "node_timeout", "{line}");
    // Nothing of it waits in memory but what is on its way.
    assert!(lb.peak() < before + 16 * 1024, "{} KiB", lb.peak());
    gate.open();
}
