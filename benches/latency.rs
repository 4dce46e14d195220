//! How long requests take at half load, ours beside each peer's. Told without an aim: on a machine
//! that others use too it says little of the last hundredth.

use std::io;
use std::time::Duration;

use crate::figures::median;
use crate::load::Load;
use crate::subject::{Kind, Subject};
use crate::workload::Workload;

/// Each pair is measured so often, in turn.
const ROUNDS: usize = 3;
/// How long one drive takes about, in seconds.
const SECONDS: f64 = 0.4;

/// Drives the first subject and each peer at half of what the slower of the two can do (`rates`, in
/// requests a second) and prints how long their requests take.
pub(crate) fn measure(
    load: &mut Load,
    workload: Workload,
    subjects: &[Subject],
    rates: &[f64],
) -> io::Result<()> {
    println!("  at half load       requests/s    p50 µs  ours ÷ this    p99 µs  ours ÷ this");
    for (peer, rate) in subjects.iter().zip(rates).skip(1) {
        if peer.kind == Kind::SteelyardNoLog {
            continue;
        }
        let rate = rate.min(rates[0]) / 2.0;
        let (mut middle, mut last) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let mut one = |subject: &Subject| quantiles(load, workload, subject, rate);
            let (ours, theirs) = match round % 2 {
                0 => (one(&subjects[0])?, one(peer)?),
                _ => {
                    let theirs = one(peer)?;
                    (one(&subjects[0])?, theirs)
                }
            };
            middle.push((theirs.0, ours.0 / theirs.0));
            last.push((theirs.1, ours.1 / theirs.1));
        }
        let of = |pairs: &[(f64, f64)]| {
            let (first, second) = pairs.iter().copied().unzip();
            (median(first), median(second))
        };
        let ((p50, half), (p99, end)) = (of(&middle), of(&last));
        println!(
            "  {:<18} {rate:10.0} {p50:9.0} {half:12.2} {p99:9.0} {end:12.2}",
            peer.kind.name()
        );
    }
    Ok(())
}

// The median and the 99th hundredth, in microseconds.
fn quantiles(
    load: &mut Load,
    workload: Workload,
    subject: &Subject,
    rate: f64,
) -> io::Result<(f64, f64)> {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few thousand"
    )]
    let requests = (rate * SECONDS).clamp(200.0, 20_000.0) as u32;
    let mut took = load.drive(subject.port, workload.connections(), rate, requests)?;
    took.sort();
    let at = |hundredth: usize| -> f64 {
        let took: Duration = took[(took.len() - 1) * hundredth / 100];
        took.as_secs_f64() * 1e6
    };
    Ok((at(50), at(99)))
}
