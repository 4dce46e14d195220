//! The aims of issue 4 and what is reached of them, for the end of a whole run.

use crate::subject::Kind;
use crate::workload::Workload;

/// One line of the summary: a figure that should not be above its aim.
#[derive(Debug)]
pub(crate) struct Reached {
    /// What is compared.
    pub(crate) what: String,
    pub(crate) aim: f64,
    pub(crate) reached: f64,
}

/// Against whom a workload's CPU time is held, and the most it may be of theirs.
fn aims(workload: Workload) -> (&'static [Kind], f64) {
    const SERVERS: &[Kind] = &[
        Kind::Nginx,
        Kind::NginxTuned,
        Kind::Haproxy,
        Kind::HaproxySplice,
        Kind::H2o,
    ];
    match workload {
        Workload::W1 => (&SERVERS[..4], 0.82),
        Workload::W2 => (SERVERS, 0.92),
        Workload::W3 | Workload::W5 => (SERVERS, 0.85),
        Workload::W4 => (SERVERS, 0.65),
        Workload::W6Small => (&[Kind::NginxTuned], 0.95),
        Workload::W6Large => (&[Kind::NginxTuned], 1.0),
        Workload::W7 => (&[Kind::Steelyard], 1.10),
    }
}

/// What `ratios`, the medians of ours to each subject's, say of the workload's aims.
pub(crate) fn reached(workload: Workload, ratios: &[(Kind, f64)]) -> Vec<Reached> {
    let (peers, aim) = aims(workload);
    let name = workload.name();
    let of_peers = ratios.iter().filter(|(kind, _)| peers.contains(kind));
    let best = of_peers.max_by(|a, b| a.1.total_cmp(&b.1));
    let mut all: Vec<Reached> = best
        .map(|(kind, reached)| Reached {
            what: format!("{name}, of the best peer: {}", kind.name()),
            aim,
            reached: *reached,
        })
        .into_iter()
        .collect();
    for (kind, reached) in ratios.iter().filter(|_| workload == Workload::W1) {
        let (what, aim) = match kind {
            Kind::Relay => ("of the byte relay", 1.20),
            Kind::SteelyardNoLog => ("of the same without access log", 1.03),
            _ => continue,
        };
        let what = format!("{name}, {what}");
        let reached = *reached;
        all.push(Reached { what, aim, reached });
    }
    all
}

/// Prints all of them.
pub(crate) fn print(all: &[Reached]) {
    println!("\nsummary                                          aim  reached");
    for Reached { what, aim, reached } in all {
        let met = if reached <= aim { "met" } else { "not met" };
        println!("  {what:<43} ≤ {aim:.2}     {reached:.2}  {met}");
    }
}
