//! `explain` tells where requests really go.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::support::appliance::{Appliance, said, write_file};
use crate::support::client::{self, Client, Request};
use crate::support::document::{listener, one_pool, pool, route, site};
use crate::support::node::{Answer, Node, Seen, lines};
use crate::support::ports::Port;
use crate::support::{counted, figure};

/// Explains one request by the command line.
#[track_caller]
fn explained(lb: &Appliance, arguments: &[&str]) -> Value {
    let mut all = vec!["explain", "--json"];
    all.extend(arguments);
    let output = lb.run(&all);
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).expect("explain --json prints JSON")
}

/// What a node saw, its request id left out: that is new for every request.
fn without_id(head: &str) -> Vec<String> {
    let lines = head.split("\r\n").filter(|line| !line.is_empty());
    let is_id = |line: &&str| line.starts_with("X-Request-ID: ");
    lines
        .filter(|line| !is_id(line))
        .map(str::to_owned)
        .collect()
}

/// The same of what is told that a node would see.
fn told_head(told: &Value) -> Vec<String> {
    let line = told["request_line"].as_str().unwrap_or_default().to_owned();
    let field = |field: &Value| {
        let part = |key: &str| field[key].as_str().unwrap_or_default().to_owned();
        format!("{}: {}", part("name"), part("value"))
    };
    let fields = told["request_headers"].as_array().into_iter().flatten();
    let all: Vec<String> = std::iter::once(line).chain(fields.map(field)).collect();
    without_id(&all.join("\r\n"))
}

#[test]
fn a_person_reads_where_a_request_goes() {
    let nodes = Node::three();
    let lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &lines(&nodes, [3, 2, 1])));
    let drained = lb.run(&["node", "drain", "django/web-2"]);
    assert!(drained.status.success(), "{}", said(&drained));
    let url = format!("http://127.0.0.1:{}/cart?x=1", lb.port());
    let header = ["-H", "Accept: text/html"];
    let output = lb.run(&[
        "explain",
        header[0],
        header[1],
        "--client",
        "192.0.2.7",
        &url,
    ]);
    let text = said(&output);
    for line in [
        format!("GET {url} from 192.0.2.7\n"),
        "target    pool django\n".to_owned(),
        "web-2  no        draining: it takes no new requests\n".to_owned(),
        "weight 3 of 4, 0 in flight\n".to_owned(),
        "TO THE NODE\nGET /cart?x=1 HTTP/1.1\n".to_owned(),
        "\nAccept: text/html\n".to_owned(),
        "\nX-Forwarded-For: 192.0.2.7\n".to_owned(),
    ] {
        assert!(text.contains(&line), "no {line:?} in:\n{text}");
    }
    for wrong in [&["explain", "/cart"][..], &["explain", "-H", "A", &url]] {
        assert_eq!(lb.run(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn explaining_takes_nobody_s_turn_and_counts_nothing() {
    let nodes = Node::three();
    let lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &lines(&nodes, [3, 2, 1])));
    let url = format!("http://127.0.0.1:{}/", lb.port());
    let mut client = Client::of(lb.port());
    for _ in 0..6 {
        explained(&lb, &[&url]);
        assert_eq!(client.get("/").status, 200);
    }
    let counts = nodes.each_ref().map(|node| node.requests().len());
    assert_eq!(counts, [3, 2, 1]);
    assert_eq!(lb.node("django", "web-1")["requests"], 3);
    let metrics = lb.metrics_after(6);
    let requests: Vec<&str> = metrics
        .lines()
        .filter(|line| line.starts_with("steelyard_requests_total{"))
        .collect();
    let sum: f64 = requests
        .iter()
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert!((sum - 6.0).abs() < 0.5, "{requests:#?}");
}

#[test]
fn a_stopped_instance_explains_what_it_would_do() {
    let nodes = Node::three();
    let mut lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &lines(&nodes, [3, 2, 1])));
    let url = format!("http://127.0.0.1:{}/x", lb.port());
    let running = explained(&lb, &[&url]);
    assert!(lb.stop().success());
    let stopped = explained(&lb, &[&url]);
    for key in [
        "listener",
        "site",
        "route",
        "target",
        "request_headers",
        "refused",
    ] {
        assert_eq!(running[key], stopped[key], "{key}");
    }
    let notes = stopped["notes"].to_string();
    assert!(notes.contains("stopped"), "{notes}");
}

#[test]
fn the_api_explains_by_get_and_by_post() {
    let nodes = Node::three();
    let lb = Appliance::start();
    // A first verdict between two questions would be another answer.
    let keys = "health_check = \"off\"";
    lb.apply(&one_pool(lb.port(), keys, &lines(&nodes, [3, 2, 1])));
    let url = format!("http://127.0.0.1:{}/x", lb.port());
    let escaped = url.replace(':', "%3A").replace('/', "%2F");
    let target = format!(
        "/api/v1/explain?url={escaped}&method=PUT&client=192.0.2.7&header=A:+1&header=B%3A%202"
    );
    let got = client::control(lb.data(), &Request::get(&target)).json();
    let asked = json!({
        "url": url, "method": "PUT", "client": "192.0.2.7", "headers": ["A: 1", "B: 2"]
    });
    let post = |body: &Value| {
        let request = Request::post("/api/v1/explain", body.to_string());
        client::control(lb.data(), &request)
    };
    assert_eq!(post(&asked).json(), got);
    assert_eq!(post(&json!([asked, asked])).json(), json!([got, got]));
    let mut as_told = asked.clone();
    as_told["headers"] = json!([{"name": "A", "value": "1"}, "B: 2"]);
    assert_eq!(post(&as_told).json(), got);
    let head = told_head(&got);
    for line in ["PUT /x HTTP/1.1", "A: 1", "B: 2", "X-Real-IP: 192.0.2.7"] {
        assert!(head.iter().any(|l| l == line), "no {line} in {head:?}");
    }
    for (bad, words) in [
        (json!({}), "url"),
        (json!({"url": "x"}), "must be a URL"),
        (json!({"url": url, "client": "here"}), "IP address"),
        (json!({"url": url, "hdrs": []}), "hdrs"),
        (json!({"url": 7}), "url must be a string"),
        (json!({"url": url, "method": []}), "method must be"),
        (
            json!({"url": url, "headers": "A: 1"}),
            "headers must be a list",
        ),
        (
            json!({"url": url, "headers": ["A: 1", {"name": "B"}]}),
            "headers[1] must be",
        ),
        (json!(7), "must be an object"),
        (json!(vec![asked; 1001]), "at most 1000"),
    ] {
        let answer = post(&bad);
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains(words), "{}", answer.text());
    }
    for target in ["?url=x", "?urls=x", "", "?url=http://a/&client=here"] {
        let request = Request::get(&format!("/api/v1/explain{target}"));
        assert_eq!(client::control(lb.data(), &request).status, 400, "{target}");
    }
}

// --- Ten thousand random requests -------------------------------------------

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    /// 0 to `sides` - 1.
    fn roll(&mut self, sides: usize) -> usize {
        // Vigna's xorshift64*.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(mixed).unwrap() % sides
    }

    fn one_of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.roll(list.len())]
    }
}

const POOLS: usize = 6;
const BATCH: usize = 1_000;
const CLIENTS: usize = 4;

/// Two listeners, six pools and eight sites of many routes, each of which marks its answers.
fn many_sites(dice: &mut Dice, lb: &Appliance, second: &Port, nodes: &[[Node; 2]]) -> String {
    let mut document = listener(lb.port());
    write!(
        document,
        "\n[[listeners]]\nname = \"second\"\naddress = \"{}\"\nmax_target = \"1k\"\nunderscores = \"reject\"\n",
        second.address()
    )
    .unwrap();
    document += "\n[settings]\ntrusted_proxies = [\"127.0.0.0/8\"]\n";
    for (index, pair) in nodes.iter().enumerate() {
        let policies = [
            "least_conn",
            "round_robin",
            "ip_hash",
            "random_two",
            "hash",
            "ip_hash",
        ];
        let policy = policies[index];
        let keys = format!("policy = \"{policy}\"\nhealth_check = \"off\"");
        let pair = [pair[0].line(1), pair[1].line(2)];
        document += &pool(&format!("p{index}"), &keys, &pair);
        // The second node of every other pool rests; of the last one both do.
        if index % 2 == 1 {
            document += "state = \"draining\"\n";
        }
    }
    let state = "state = \"disabled\"\n";
    let nobody = pool("p9", "", &[nodes[0][0].line(1)]);
    document += &format!("{nobody}{state}");
    let hosts = [
        "[\"a.com\", \"b.a.com\"]",
        "[\"*.a.com\"]",
        "[\"*.b.a.com\", \"127.0.0.1\"]",
        "[\"c.org\"]",
        "[\"*.org\"]",
        "[\"d.net\"]",
        "[\"e.net\"]",
    ];
    for (index, hosts) in hosts.into_iter().enumerate() {
        let name = format!("s{index}");
        let mut keys = format!("hosts = {hosts}\n");
        match index {
            3 => keys += "methods = [\"GET\", \"POST\"]\n",
            4 => keys += "deny = [\"203.0.113.0/24\"]\n",
            5 => keys += "listeners = [\"second\"]\n",
            6 => keys += "listeners = [\"http\"]\nrequest_headers = { \"X-Site\" = \"6\" }\n",
            _ => {}
        }
        document += &site(&name, &(keys + "\n" + &routes(dice, lb, &name)));
    }
    document
}

fn routes(dice: &mut Dice, lb: &Appliance, site: &str) -> String {
    let paths = [
        "/",
        "/a",
        "/a/",
        "/a/b",
        "/a/b/c",
        "/b/",
        "/c",
        "/%E4%B8%AD/",
        "/b/a",
    ];
    let mut text = String::new();
    for path in paths {
        for kind in ["prefix", "exact"] {
            if dice.roll(3) == 0 {
                continue;
            }
            let mark = format!("{site} {kind} {path}");
            let mut keys =
                format!("match = \"{kind}\"\nheaders = {{ \"X-Route\" = \"{mark}\" }}\n");
            match dice.roll(8) {
                0 => keys += "strip_prefix = true\n",
                1 => keys += "body_limit = 10\n",
                2 => keys += "request_headers = { \"X-Route\" = \"1\", \"Accept\" = \"*/*\" }\n",
                3 => keys += "allow = [\"203.0.113.9\"]\n",
                4 => keys += "allow = [\"127.0.0.0/8\", \"::1\"]\n",
                _ => {}
            }
            let root = lb.data().join("files");
            let other = match dice.roll(12) {
                0 => format!("files = {{ root = {root:?} }}"),
                1 => {
                    let pool = dice.roll(POOLS);
                    format!("files = {{ root = {root:?}, fallback = \"p{pool}\" }}")
                }
                2 => "redirect = { to = \"https://{host}/moved{uri}\", status = 308 }".to_owned(),
                3 => "redirect = { to = \"{scheme}://other{path}?{query}\" }".to_owned(),
                4 => "redirect = { to = \"{uri}/\", status = 302 }".to_owned(),
                5 => "respond = { status = 410, body = \"gone\" }".to_owned(),
                _ => String::new(),
            };
            if !other.is_empty() {
                text += &format!(
                    "[[sites.routes]]\npath = \"{path}\"\nmatch = \"{kind}\"\n{other}\n\
                     headers = {{ \"X-Route\" = \"{mark}\" }}\n\n"
                );
                continue;
            }
            let to = match dice.roll(POOLS + 1) {
                POOLS => "p9".to_owned(),
                pool => format!("p{pool}"),
            };
            text += &route(path, &to, &keys);
            text.push('\n');
        }
    }
    text
}

const HOSTS: &[&str] = &[
    "a.com",
    "A.com",
    "b.a.com",
    "x.b.a.com",
    "y.a.com.",
    "c.org",
    "x.org",
    "d.net",
    "e.net",
    "127.0.0.1",
    "nowhere",
    "a,b",
    "",
];
const METHODS: &[&str] = &[
    "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PURGE", "TRACE", "G(T",
];
const PARTS: &[&str] = &[
    "a",
    "b",
    "c",
    "%E4%B8%AD",
    "",
    "..",
    ".",
    "%2e%2e",
    "%zz",
    "x<y",
    "index.html",
    ".git",
    "a%2fb",
    "a%5Cb",
];
const FIELDS: &[&str] = &[
    "Accept: text/html",
    "X_Odd: 1",
    "X-Forwarded-For: 203.0.113.9",
    "X-Forwarded-For: 198.51.100.1, 203.0.113.9",
    "X-Forwarded-Host: a.com",
    "X-Forwarded-Proto: https",
    "X-Request-ID: of-a-proxy",
    "Connection: x-hop",
    "X-Hop: 1",
    "Bad Name: 1",
    "Cookie: a=b",
    "Transfer-Encoding: gzip",
    "TE: trailers",
    "Expect: bread",
];

/// One random request: as it is sent, by which listener, and as it is asked about.
fn any_request(dice: &mut Dice, ports: [u16; 2]) -> (Request, u16, Value) {
    let (host, method) = (dice.one_of(HOSTS), dice.one_of(METHODS));
    let mut path = String::new();
    for _ in 0..dice.roll(5) {
        // Mostly what there is.
        let known = if dice.roll(4) == 0 { PARTS.len() } else { 4 };
        write!(path, "/{}", PARTS[dice.roll(known)]).unwrap();
    }
    match dice.roll(12) {
        0..4 => path.push('/'),
        4 => path.push_str(&format!("/{}", "l".repeat(1100))),
        _ => {}
    }
    if path.is_empty() {
        path.push('/');
    }
    if dice.roll(4) == 0 {
        path.push_str("?q=/a/b");
    }
    let port = ports[dice.roll(2)];
    let mut headers = vec![format!("Host: {host}")];
    if dice.roll(5) == 0 {
        headers.push(dice.one_of(FIELDS).to_owned());
    }
    let mut request = match (method, dice.roll(3)) {
        ("POST", 0) => {
            headers.push("Content-Length: 20".to_owned());
            Request::post(&path, "twenty bytes of body")
        }
        _ => Request::new(method, &path),
    };
    for line in headers
        .iter()
        .filter(|line| !line.starts_with("Content-Length"))
    {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        request = request.field(name.trim_end_matches(':'), value);
    }
    let url = format!("http://127.0.0.1:{port}{path}");
    let asked = json!({ "url": url, "method": method, "headers": headers });
    (request, port, asked)
}

/// Why an answer is not the one that was told, if so.
fn disagreement(told: &Value, method: &str, really: &client::Response) -> Option<String> {
    let expect = |what: &str, said: &Value, seen: Option<&str>| {
        (said.as_str() != seen).then(|| format!("{what}: told {said}, really {seen:?}"))
    };
    let sets = told["response_headers"].as_array().into_iter().flatten();
    let mut marks = sets.filter(|field| field["name"] == "X-Route");
    let mark = marks.next().map_or(&Value::Null, |field| &field["value"]);
    let route = expect("route", mark, really.field("X-Route")).or_else(|| {
        let marked = really.field("X-Route")?;
        let (site, path) = (marked.split(' ').next(), marked.split(' ').next_back());
        let site = expect("site", &told["site"], site);
        site.or_else(|| expect("path", &told["route"], path))
    });
    let (target, refused) = (&told["target"], &told["refused"]);
    let outcome = if !refused.is_null() {
        let status = (refused["status"] != really.status)
            .then(|| format!("told {refused}, really {}", really.status));
        status.or_else(|| expect("reason", &refused["reason"], really.reason()))
    } else if target["files"].is_string() && really.field("X-Node").is_none() {
        let noted = |words: &str| {
            let mut notes = told["notes"].as_array().into_iter().flatten();
            notes.any(|note| note.as_str().is_some_and(|note| note.contains(words)))
        };
        // What is on the disk is not told, but what comes of it is: it was a file, or there
        // was none, or one that takes no such method.
        let told_so = match really.reason() {
            None => !noted("no file has such a path"),
            Some("no_node") => noted("where no file is there: 503 no_node"),
            Some("no_file") => noted("404 no_file where none is"),
            Some("method_not_allowed") => {
                noted("where a file is there: 405 method_not_allowed") && method != "GET"
            }
            Some(_) => false,
        };
        let status = really.status;
        (!told_so).then(|| format!("told {}, really {status}", told["notes"]))
    } else if target["respond"].is_u64() {
        let told = &target["respond"];
        (*told != really.status).then(|| format!("told {told}, really {}", really.status))
    } else if target["redirect"].is_string() {
        expect("location", &target["redirect"], really.field("Location"))
    } else {
        let node = really.field("X-Node").unwrap_or_default();
        let (pool, name) = node.split_once('/').unwrap_or_default();
        let candidates = told["candidates"].as_array().into_iter().flatten();
        let mut eligible = candidates.filter(|c| c["eligible"] == true);
        let heads = (told_head(told), without_id(&really.text()));
        if !eligible.any(|candidate| candidate["node"] == name) {
            Some(format!("{node:?} took it"))
        } else if method != "HEAD" && heads.0 != heads.1 {
            Some(format!("told {:#?}, really {:#?}", heads.0, heads.1))
        } else {
            let asked = target.get("pool").or(target.get("fallback"));
            expect("pool", asked.unwrap_or(&Value::Null), Some(pool))
        }
    };
    route.or(outcome)
}

#[test]
fn ten_thousand_random_requests_go_where_they_were_told_to() {
    let requests = counted(10_000, 100_000);
    let mut dice = Dice(0x5eed);
    let lb = Appliance::start();
    let second = Port::free();
    let echo = |pool: usize, node: &'static str| {
        let mark = format!("p{pool}/{node}");
        let script = move |seen: &Seen| Answer::text(&seen.head).field("X-Node", &mark);
        Node::scripted(node, script)
    };
    let nodes: Vec<[Node; 2]> = (0..POOLS).map(|p| [echo(p, "n1"), echo(p, "n2")]).collect();
    write_file(&lb.data().join("files/index.html"), "a file");
    write_file(&lb.data().join("files/b/index.html"), "another");
    lb.apply(&many_sites(&mut dice, &lb, &second, &nodes));

    let ports = [lb.port(), second.number()];
    let requests: Vec<_> = (0..requests)
        .map(|_| any_request(&mut dice, ports))
        .collect();
    let mut told: Vec<Value> = Vec::new();
    for batch in requests.chunks(BATCH) {
        let asked: Vec<&Value> = batch.iter().map(|(.., asked)| asked).collect();
        let body = json!(asked).to_string();
        let answer = client::control(lb.data(), &Request::post("/api/v1/explain", body)).json();
        told.extend(answer.as_array().expect("a list").iter().cloned());
    }
    assert_eq!(told.len(), requests.len());

    let all: Vec<_> = requests.iter().zip(&told).collect();
    let check = |part: &[(&(Request, u16, Value), &Value)]| -> Vec<String> {
        let mut clients = ports.map(Client::of);
        let mut wrong = Vec::new();
        for ((request, port, asked), told) in part {
            let client = &mut clients[usize::from(*port != ports[0])];
            let method = asked["method"].as_str().unwrap();
            if let Some(what) = disagreement(told, method, &client.ask(request)) {
                wrong.push(format!("{asked}: {what}"));
            }
        }
        wrong
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let parts = all.chunks(all.len() / CLIENTS);
        let running: Vec<_> = parts.map(|part| scope.spawn(move || check(part))).collect();
        let parts = running.into_iter().map(|thread| thread.join().unwrap());
        parts.flatten().collect()
    });
    assert!(
        wrong.is_empty(),
        "{} of {} went otherwise, such as\n{}",
        wrong.len(),
        told.len(),
        wrong[..wrong.len().min(5)].join("\n")
    );
    figure(&format!(
        "{} random requests went where explain had said",
        told.len()
    ));
    covers_every_end(&told);
    nobody_else_was_asked(&told, &nodes);
}

/// Every node that could be chosen was, the others not, and explaining itself asked none.
#[track_caller]
fn nobody_else_was_asked(told: &[Value], nodes: &[[Node; 2]]) {
    for (index, pair) in nodes.iter().enumerate() {
        for node in pair {
            let is = |candidate: &Value| {
                candidate["node"] == node.name() && candidate["eligible"] == true
            };
            let eligible = told.iter().any(|told| {
                let candidates = told["candidates"].as_array().into_iter().flatten();
                told["target"]["pool"] == format!("p{index}") && candidates.clone().any(is)
            });
            assert_eq!(
                eligible,
                !node.requests().is_empty(),
                "p{index}/{}",
                node.name()
            );
        }
    }
    let went: usize = nodes
        .iter()
        .flatten()
        .map(|node| node.requests().len())
        .sum();
    let forwarded = |told: &&Value| !told["request_line"].is_null();
    let most = told.iter().filter(forwarded).count();
    let perhaps = |told: &&Value| forwarded(told) && told["target"]["files"].is_string();
    let least = most - told.iter().filter(perhaps).count();
    // Some of those that a file may answer were answered by one.
    assert!(least < went && went < most, "{least}, {went}, {most}");
}

/// A test of random requests proves nothing of an end they never reach.
#[track_caller]
fn covers_every_end(told: &[Value]) {
    let count = |what: &dyn Fn(&Value) -> bool| told.iter().filter(|t| what(t)).count();
    for reason in [
        "bad_request",
        "no_site",
        "no_route",
        "no_node",
        "forbidden",
        "method_not_allowed",
        "target_too_long",
        "body_too_large",
    ] {
        let times = count(&|told| told["refused"]["reason"] == reason);
        assert!(times > 0, "never {reason}");
    }
    for reason in ["bad_request", "method_not_allowed"] {
        let of_files = |told: &Value| told["target"]["files"].is_string();
        let times = count(&|told| of_files(told) && told["refused"]["reason"] == reason);
        assert!(times > 0, "never {reason} of a file");
    }
    for target in ["pool", "files", "redirect", "respond"] {
        let times = count(&|told| told["refused"].is_null() && !told["target"][target].is_null());
        assert!(times > 50, "{target} only {times} times");
    }
}
