//! `./dev bench panel`: what a request costs with the log store on and somebody looking at the
//! panel, of what it costs without both.
//!
//! All are asked at the same time on one core, so that whatever else the machine does is the same
//! for each of them: one after the other they differ by more than what is looked for. Each answers a
//! part of the requests that it would alone. What is done once a second is therefore divided by the
//! requests of all of them; of the log store's thread, whose work is of both kinds, it is not, and a
//! little too much.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::aims::{self, Reached};
use crate::figures::{median, spread};
use crate::load::Load;
use crate::seat::{Looking, Seat};
use crate::subject::{Crowd, Kind, Subject};
use crate::workload::Workload;

const WORKLOAD: Workload = Workload::W1;

/// How long a round's requests are sent, and how long its last records then have to be kept in. Together
/// whole seconds: what is done once a second is in each round as often.
const LOADED: Duration = Duration::from_millis(1800);
const SETTLED: Duration = Duration::from_millis(200);

/// The most that it may cost, of what it costs without.
const AIM: f64 = 1.03;

/// What it is called, the program, and the page that somebody looks at.
type Look = (&'static str, Kind, Option<&'static str>);

/// Who looks at what.
const LOOKS: [Look; 5] = [
    // Twice: what all are compared with is both together, and how far they are apart says below what
    // a difference says nothing.
    ("store off, nobody looks", Kind::Steelyard, None),
    ("the same once more", Kind::Steelyard, None),
    ("store on, nobody looks", Kind::SteelyardStore, None),
    ("store on, Nodes open", Kind::SteelyardStore, Some("/nodes")),
    (
        "store on, Logs followed",
        Kind::SteelyardStore,
        Some("/logs"),
    ),
];

/// All of them are started anew after so many rounds: where a process has its code and its heap makes it
/// up to a hundredth dearer or cheaper than another of the same program.
const ROUNDS_A_START: usize = 4;

/// Measures, prints, and tells what was reached.
pub(crate) fn run(scratch: &Path, rounds: usize) -> io::Result<()> {
    let mut load = Load::new(3, WORKLOAD.exchange())?;
    let mut costs = vec![Vec::new(); LOOKS.len()];
    let starts = rounds.div_ceil(ROUNDS_A_START);
    for start in 0..starts {
        let dir = scratch.join(format!("start-{start}"));
        // Each start begins with another: the place in the row costs as much as what is measured.
        let mut row: Vec<_> = LOOKS.iter().zip(&mut costs).collect();
        row.rotate_left(start % LOOKS.len());
        started(&mut load, &dir, ROUNDS_A_START, &mut row)?;
    }
    print(&costs, starts);
    Ok(())
}

/// Starts all of them, and measures so many rounds.
fn started(
    load: &mut Load,
    scratch: &Path,
    rounds: usize,
    row: &mut [(&Look, &mut Vec<Cost>)],
) -> io::Result<()> {
    let ports = load.ports();
    let mut subjects = Vec::new();
    for (place, ((name, kind, page), _)) in row.iter().enumerate() {
        let (kind, page) = (*kind, *page);
        let dir = scratch.join(format!("panel-{place}"));
        fs::create_dir_all(&dir)?;
        crate::files(&dir)?;
        let subject = Subject::start(kind, &dir, &ports, Crowd::default())?;
        let seat = page.map(|page| Seat::at(&subject, page)).transpose()?;
        if let Some(None) = seat {
            return Err(io::Error::other(format!("{name}: the page does not move")));
        }
        subjects.push((subject, seat.flatten()));
    }
    let connections = WORKLOAD.connections();
    // Those who look stay for the whole run, as people do. What a page costs whose subject is asked
    // nothing is in no figure: it is taken while its own is asked.
    let looking: Vec<Option<Looking>> = subjects
        .iter()
        .map(|(_, seat)| seat.as_ref().map(Seat::look).transpose())
        .collect::<io::Result<_>>()?;
    let asked: Vec<u16> = subjects.iter().map(|(subject, _)| subject.port).collect();
    let mut asked_now = Vec::new();
    // The first is for caches to fill.
    for round in 0..=rounds {
        let begin = Instant::now();
        let before: Vec<Cost> = subjects.iter().map(|(s, _)| Cost::so_far(s)).collect();
        // Each round begins with another.
        let turned = round % asked.len();
        asked_now.clone_from(&asked);
        asked_now.rotate_left(turned);
        let mut answered = load.run_for(&asked_now, connections, LOADED)?;
        answered.rotate_right(turned);
        thread::park_timeout((LOADED + SETTLED).saturating_sub(begin.elapsed()));
        let all = answered.iter().sum();
        for (index, (subject, _)) in subjects.iter().enumerate().filter(|_| round > 0) {
            let cost = Cost::so_far(subject).since(&before[index], answered[index], all);
            row[index].1.push(cost);
        }
    }
    for looking in looking.into_iter().flatten() {
        if looking.end() < rounds {
            return Err(io::Error::other("a stream said less than it should"));
        }
    }
    Ok(())
}

/// CPU time in microseconds: of the worker with the access log, of the log store's thread and of all
/// others.
#[derive(Debug, Clone, Copy)]
struct Cost {
    worker: f64,
    store: f64,
    rest: f64,
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
impl Cost {
    fn so_far(subject: &Subject) -> Self {
        let micros = |nanos: u64| nanos as f64 / 1000.0;
        let worker = micros(subject.cpu_of("worker") + subject.cpu_of("access-log"));
        let store = micros(subject.cpu_of("log-store"));
        Self {
            worker,
            store,
            rest: micros(subject.cpu()) - worker - store,
        }
    }

    /// For each of its requests, those of all of them being `all`.
    fn since(self, before: &Self, requests: usize, all: usize) -> Self {
        Self {
            worker: (self.worker - before.worker) / requests as f64,
            store: (self.store - before.store) / requests as f64,
            rest: (self.rest - before.rest) / all as f64,
        }
    }

    fn all(&self) -> f64 {
        self.worker + self.store + self.rest
    }
}

fn print(costs: &[Vec<Cost>], starts: usize) {
    let rounds = costs.first().map_or(0, Vec::len);
    let words = WORKLOAD.words();
    println!("\npanel: {words}; {rounds} rounds of {LOADED:?} of requests, {starts} starts");
    println!(
        "                           µs/request  worker  store   rest   of both without (quartiles)"
    );
    let mut reached = Vec::new();
    for ((name, ..), own) in LOOKS.iter().zip(costs) {
        let without = costs[0].iter().zip(&costs[1]);
        let without = without.map(|(one, other)| f64::midpoint(one.all(), other.all()));
        let of_it = own
            .iter()
            .zip(without)
            .map(|(own, without)| own.all() / without);
        let (low, middle, high) = spread(of_it.collect());
        let of = |part: fn(&Cost) -> f64| median(own.iter().map(part).collect());
        let [worker, store, rest] = [of(|c| c.worker), of(|c| c.store), of(|c| c.rest)];
        let all = of(Cost::all);
        println!(
            "  {name:<24} {all:9.2} {worker:8.2} {store:6.3} {rest:6.3}   {middle:.3}  ({low:.3} to {high:.3})"
        );
        reached.push(Reached {
            what: format!("panel, {name}, CPU of that without"),
            aim: AIM,
            reached: middle,
        });
    }
    aims::print(&reached[2..]);
}

/// Instructions a request with the store on and off, as callgrind counts them: the same whatever
/// else the machine does.
pub(crate) fn count(scratch: &Path) -> io::Result<()> {
    let without = crate::count::once(WORKLOAD, Kind::Counted, &scratch.join("off"))?;
    let with = crate::count::once(WORKLOAD, Kind::CountedStore, &scratch.join("on"))?;
    let more = with.instructions.saturating_sub(without.instructions);
    println!("store off: {}", without.line().trim_end());
    println!("store on:  {}", with.line().trim_end());
    println!("{more} instructions a record");
    Ok(())
}
