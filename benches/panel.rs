//! `./dev bench panel`: what a request costs with the log store on and somebody looking at the
//! panel, of what it costs without both. Of the same program in the same run, round for round.

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

/// Who looks at what.
const LOOKS: [(&str, Kind, Option<&str>); 4] = [
    ("store off, nobody looks", Kind::Steelyard, None),
    ("store on, nobody looks", Kind::SteelyardStore, None),
    ("store on, Nodes open", Kind::SteelyardStore, Some("/nodes")),
    (
        "store on, Logs followed",
        Kind::SteelyardStore,
        Some("/logs"),
    ),
];

/// Measures, prints, and tells what was reached.
pub(crate) fn run(scratch: &Path, rounds: usize) -> io::Result<()> {
    let mut load = Load::new(3, WORKLOAD.exchange())?;
    let ports = load.ports();
    let mut subjects = Vec::new();
    for (place, (name, kind, page)) in LOOKS.into_iter().enumerate() {
        let dir = scratch.join(format!("panel-{place}"));
        fs::create_dir_all(&dir)?;
        crate::files(&dir)?;
        let subject = Subject::start(kind, &dir, &ports, Crowd::default())?;
        let seat = page.map(|page| Seat::at(&subject, page)).transpose()?;
        match seat {
            Some(None) => println!("{name}: left out, its page does not move"),
            seat => subjects.push((name, subject, seat.flatten())),
        }
    }
    let connections = WORKLOAD.connections();
    // Those who look stay for the whole run, as people do. What a page costs whose subject is asked
    // nothing is in no figure: it is taken while its own is asked.
    let looking: Vec<Option<Looking>> = subjects
        .iter()
        .map(|(_, _, seat)| seat.as_ref().map(Seat::look).transpose())
        .collect::<io::Result<_>>()?;
    for (_, subject, _) in &subjects {
        load.run_for(subject.port, connections, LOADED)?;
    }
    let mut costs = vec![Vec::new(); subjects.len()];
    for round in 0..rounds {
        for step in 0..subjects.len() {
            let index = (round + step) % subjects.len();
            let subject = &subjects[index].1;
            let (before, begin) = (Cost::so_far(subject), Instant::now());
            let requests = load.run_for(subject.port, connections, LOADED)?;
            thread::park_timeout((LOADED + SETTLED).saturating_sub(begin.elapsed()));
            costs[index].push(Cost::so_far(subject).since(&before, requests));
        }
    }
    for looking in looking.into_iter().flatten() {
        if looking.end() < rounds {
            return Err(io::Error::other("a stream said less than it should"));
        }
    }
    let names: Vec<&str> = subjects.iter().map(|(name, ..)| *name).collect();
    print(&names, &costs);
    Ok(())
}

/// CPU time, in microseconds: all of it, and that of the log store's thread.
#[derive(Debug, Clone, Copy)]
struct Cost {
    all: f64,
    store: f64,
}

impl Cost {
    #[allow(clippy::cast_precision_loss, reason = "figures for people")]
    fn so_far(subject: &Subject) -> Self {
        let micros = |nanos: u64| nanos as f64 / 1000.0;
        Self {
            all: micros(subject.cpu()),
            store: micros(subject.cpu_of("log-store")),
        }
    }

    /// For each of so many requests.
    #[allow(clippy::cast_precision_loss, reason = "figures for people")]
    fn since(self, before: &Self, requests: usize) -> Self {
        Self {
            all: (self.all - before.all) / requests as f64,
            store: (self.store - before.store) / requests as f64,
        }
    }
}

fn print(names: &[&str], costs: &[Vec<Cost>]) {
    let rounds = costs.first().map_or(0, Vec::len);
    let words = WORKLOAD.words();
    println!("\npanel: {words}; {rounds} rounds of {LOADED:?} of requests");
    println!("                           µs/request   of the first (quartiles)    store's thread");
    let mut reached = Vec::new();
    for (name, own) in names.iter().zip(costs) {
        let ratios = own
            .iter()
            .zip(&costs[0])
            .map(|(own, first)| own.all / first.all);
        let (low, middle, high) = spread(ratios.collect());
        let cost = median(own.iter().map(|cost| cost.all).collect());
        let store = median(own.iter().map(|cost| cost.store).collect());
        println!("  {name:<24} {cost:9.2}   {middle:.3}  ({low:.3} to {high:.3})   {store:9.2}");
        reached.push(Reached {
            what: format!("panel, {name}, CPU of that without"),
            aim: AIM,
            reached: middle,
        });
    }
    aims::print(&reached[1..]);
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
