//! `./dev bench`: Steelyard beside nginx, HAProxy, h2o and a bare byte relay, in one run.
//!
//! Every subject serves the same requests in turn, round after round; what is compared is the CPU
//! time per request within one round, never figures of two runs. One worker on the first core;
//! clients and nodes on the second. A whole run takes about a quarter of an hour on a quiet machine.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what it measures is told on standard output"
)]

mod agreed;
mod aims;
mod cores;
mod count;
mod figures;
mod latency;
mod load;
mod panel;
mod peers;
mod relay;
mod resp;
mod seat;
mod sessions;
mod subject;
mod syscalls;
mod tls;
mod workload;

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use aims::Reached;
use figures::{Ratios, median, table};
use load::Load;
use subject::{Crowd, Kind, Subject};
use workload::Workload;

/// What is asked for on the command line.
struct Asked {
    workloads: Vec<Workload>,
    kinds: Vec<Kind>,
    rounds: usize,
    /// Which parts of a workload; none asked for: all.
    cpu: bool,
    syscalls: bool,
    latency: bool,
    /// Count instead of measuring; the second, agree on what was counted.
    count: Option<bool>,
    idle: bool,
    panel: bool,
    sessions: bool,
    tls: bool,
}

const USAGE: &str = "usage: ./dev bench [W1 W2 W3 W4 W5 W6s W6l W7 idle panel sessions tls ...] [--rounds N] [--only NAME,NAME] [--cpu] [--syscalls] [--latency] | --count [--agree] | panel --count";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("--relay") => run_relay(&arguments[1..]),
        _ => match ask(&arguments) {
            Ok(asked) => run(&asked),
            Err(wrong) => {
                eprintln!("{wrong}\n{USAGE}");
                return ExitCode::from(2);
            }
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn ask(arguments: &[String]) -> Result<Asked, String> {
    let mut asked = Asked {
        workloads: Vec::new(),
        kinds: Kind::ALL.to_vec(),
        rounds: 0,
        cpu: false,
        syscalls: false,
        latency: false,
        count: None,
        idle: false,
        panel: false,
        sessions: false,
        tls: false,
    };
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            // What cargo itself adds.
            "--bench" => {}
            "--cpu" => asked.cpu = true,
            "--syscalls" => asked.syscalls = true,
            "--latency" => asked.latency = true,
            "--count" => asked.count = Some(asked.count.unwrap_or(false)),
            "--agree" => asked.count = Some(true),
            "idle" => asked.idle = true,
            "panel" => asked.panel = true,
            "sessions" => asked.sessions = true,
            "tls" => asked.tls = true,
            "--rounds" => {
                let number = rest.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                asked.rounds = number.ok_or("--rounds takes a number")?;
            }
            "--only" => {
                let names = rest.next().ok_or("--only takes names, with commas")?;
                let named = |name: &str| Kind::ALL.into_iter().find(|k| k.name() == name);
                let kinds = names
                    .split(',')
                    .map(|name| named(name).ok_or_else(|| format!("no subject {name:?}")));
                asked.kinds = kinds.collect::<Result<_, _>>()?;
            }
            name => {
                let found = Workload::ALL.into_iter().find(|w| w.name() == name);
                asked
                    .workloads
                    .push(found.ok_or_else(|| format!("no workload {name:?}"))?);
            }
        }
    }
    let others = [asked.idle, asked.panel, asked.sessions, asked.tls];
    if asked.workloads.is_empty() && !others.contains(&true) {
        asked.workloads = Workload::ALL.to_vec();
        asked.idle = true;
    }
    if asked.rounds == 0 {
        // Its differences are small ones, and its rounds are short.
        asked.rounds = if asked.panel { 120 } else { 9 };
    }
    if !(asked.cpu || asked.syscalls || asked.latency) {
        (asked.cpu, asked.syscalls, asked.latency) = (true, true, true);
    }
    Ok(asked)
}

fn run_relay(arguments: &[String]) -> io::Result<()> {
    let ports: Option<Vec<u16>> = arguments.iter().map(|a| a.parse().ok()).collect();
    match ports.as_deref() {
        Some([port, nodes @ ..]) if !nodes.is_empty() => relay::serve(*port, nodes),
        _ => Err(io::Error::other("--relay PORT NODE-PORT...")),
    }
}

fn run(asked: &Asked) -> io::Result<()> {
    if !cores::leave_to_subject() {
        eprintln!("one core only: the proxy shares it with clients and nodes");
    }
    let scratch = tempfile::Builder::new().prefix("sybench").tempdir()?;
    if asked.panel {
        return match asked.count {
            Some(_) => panel::count(scratch.path()),
            None => panel::run(scratch.path(), asked.rounds),
        };
    }
    if asked.tls {
        return tls::run(scratch.path(), asked.rounds);
    }
    if asked.sessions {
        return sessions::run(scratch.path(), asked.rounds);
    }
    if let Some(agree) = asked.count {
        return count::run(scratch.path(), agree);
    }
    let begin = Instant::now();
    let mut all = Vec::new();
    for workload in &asked.workloads {
        all.extend(measure(asked, *workload, scratch.path())?);
        if *workload == Workload::W7 {
            all.push(start_up(asked, scratch.path())?);
        }
    }
    if asked.idle {
        all.push(idle(asked, scratch.path())?);
    }
    aims::print(&all);
    println!("took {} s", begin.elapsed().as_secs());
    Ok(())
}

fn files(scratch: &Path) -> io::Result<()> {
    fs::create_dir_all(scratch.join("files"))?;
    fs::write(scratch.join("files/small.css"), vec![b'c'; 10 * 1024])?;
    fs::write(scratch.join("files/large.bin"), vec![b'l'; 1024 * 1024])
}

fn subjects(
    asked: &Asked,
    workload: Workload,
    scratch: &Path,
    load: &Load,
) -> io::Result<Vec<Subject>> {
    let ports = load.ports();
    let wanted = asked.kinds.iter().copied().filter(|kind| match workload {
        Workload::W7 => *kind == Kind::Steelyard,
        _ if workload.is_files() => kind.has_files(),
        Workload::W1 => true,
        _ => *kind != Kind::SteelyardNoLog,
    });
    let scratch = scratch.join(workload.name());
    fs::create_dir_all(&scratch)?;
    files(&scratch)?;
    let mut kinds: Vec<(Kind, Crowd)> = wanted.map(|kind| (kind, Crowd::default())).collect();
    if workload == Workload::W7 {
        kinds.insert(0, (Kind::SteelyardCrowd, CROWD));
    }
    let start = |(kind, crowd)| Subject::start(kind, &scratch, &ports, crowd);
    kinds.into_iter().map(start).collect()
}

/// What stands beside the route that is asked, in W7.
const CROWD: Crowd = Crowd {
    pools: 1000,
    routes: 10_000,
};

fn measure(asked: &Asked, workload: Workload, scratch: &Path) -> io::Result<Vec<Reached>> {
    let mut load = Load::new(3, workload.exchange())?;
    let subjects = subjects(asked, workload, scratch, &load)?;
    let (connections, requests) = (workload.connections(), workload.requests());
    let mut ratios = Ratios::new(subjects.len());
    let mut rates = vec![Vec::new(); subjects.len()];
    for subject in &subjects {
        load.run(subject.port, connections, requests / 4)?;
    }
    let begun: Vec<(u64, u64)> = subjects.iter().map(Subject::ticks).collect();
    for round in 0..asked.rounds {
        let mut costs = vec![0.0; subjects.len()];
        // Each round begins with another, so that none is always after the same one.
        for step in 0..subjects.len() {
            let index = (round + step) % subjects.len();
            let subject = &subjects[index];
            let (before, begin) = (subject.cpu(), Instant::now());
            load.run(subject.port, connections, requests)?;
            #[allow(clippy::cast_precision_loss, reason = "figures for people")]
            let (used, requests) = ((subject.cpu() - before) as f64, requests as f64);
            costs[index] = used / requests / 1000.0;
            rates[index].push(requests / begin.elapsed().as_secs_f64());
        }
        ratios.round(costs);
    }
    println!(
        "\n{}: {}; {} rounds of {requests} requests",
        workload.name(),
        workload.words(),
        asked.rounds
    );
    let kinds = subjects.iter().map(|s| s.kind);
    if asked.cpu {
        let names: Vec<String> = kinds.clone().map(|k| k.name().to_owned()).collect();
        let own: Vec<f64> = subjects.iter().zip(&begun).map(own_part).collect();
        print!("{}", table(&names, &ratios, &own));
    }
    if asked.syscalls {
        for subject in &subjects {
            let calls = syscalls::count(subject, || load.run(subject.port, connections, 2000))?;
            let name = subject.kind.name();
            println!("  {name:<18} {}", syscalls::words(&calls, 2000));
        }
    }
    if asked.latency {
        let rates: Vec<f64> = rates.into_iter().map(median).collect();
        latency::measure(&mut load, workload, &subjects, &rates)?;
    }
    let medians: Vec<(Kind, f64)> = kinds.zip(ratios.medians()).collect();
    Ok(aims::reached(workload, &medians))
}

/// What part of the CPU time of `subject` since `begun` it spent in its own code.
fn own_part((subject, begun): (&Subject, &(u64, u64))) -> f64 {
    let (user, system) = subject.ticks();
    let (user, system) = (user.saturating_sub(begun.0), system.saturating_sub(begun.1));
    #[allow(clippy::cast_precision_loss, reason = "figures for people")]
    let part = user as f64 / (user + system).max(1) as f64;
    part
}

/// How long it takes until it listens, among many pools, sites and routes and with one.
fn start_up(asked: &Asked, scratch: &Path) -> io::Result<Reached> {
    let scratch = scratch.join("start");
    files(&scratch)?;
    let mut times = (Vec::new(), Vec::new());
    for _ in 0..asked.rounds {
        let time = |kind, crowd| -> io::Result<f64> {
            let subject = Subject::start(kind, &scratch, &[1], crowd)?;
            Ok(subject.start_up.as_secs_f64() * 1000.0)
        };
        times.0.push(time(Kind::Steelyard, Crowd::default())?);
        times.1.push(time(Kind::SteelyardCrowd, CROWD)?);
    }
    let ratios = times.1.iter().zip(&times.0).map(|(many, one)| many / one);
    let reached = median(ratios.collect());
    let (one, many) = (median(times.0), median(times.1));
    println!("  start-up: {one:.0} ms with one route, {many:.0} ms so; {reached:.2} times as long");
    Ok(Reached {
        what: "W7, start-up, of that with one route".into(),
        aim: 3.0,
        reached,
    })
}

/// So many connections idle where their memory is measured.
const IDLE: usize = 4000;

/// Memory of one connection that idles, in KiB: the difference that all of them make.
fn idle_each(load: &mut Load, subject: &Subject) -> io::Result<f64> {
    // What it keeps for connections that work at once is no matter of these.
    load.run(subject.port, 64, 5000)?;
    let before = subject.memory();
    load.keep(subject.port, IDLE)?;
    // The figure is what it settles at.
    let mut last = 0;
    loop {
        std::thread::park_timeout(std::time::Duration::from_millis(300));
        let now = subject.memory();
        if now == last {
            break;
        }
        last = now;
    }
    load.let_go();
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let each = last.saturating_sub(before) as f64 / IDLE as f64;
    Ok(each)
}

/// Memory of a kept connection that idles: the difference that 4,000 of them make.
fn idle(asked: &Asked, scratch: &Path) -> io::Result<Reached> {
    let mut load = Load::new(3, Workload::W1.exchange())?;
    println!("\nidle: memory of a kept connection, {IDLE} of them");
    let mut ours = 0.0;
    for subject in &subjects(asked, Workload::W2, &scratch.join("idle"), &load)? {
        let each = idle_each(&mut load, subject)?;
        println!("  {:<18} {each:5.2} KiB", subject.kind.name());
        if subject.kind == Kind::Steelyard {
            ours = each;
        }
    }
    Ok(Reached {
        what: "idle, KiB a kept connection".into(),
        aim: 1.5,
        reached: ours,
    })
}
