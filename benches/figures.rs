//! Medians and quartiles, and the table of them.

use std::fmt::Write as _;

/// The cost of each subject in each round, in microseconds of CPU per request.
pub(crate) struct Ratios {
    rounds: Vec<Vec<f64>>,
    subjects: usize,
}

impl Ratios {
    pub(crate) fn new(subjects: usize) -> Self {
        Self {
            rounds: Vec::new(),
            subjects,
        }
    }

    /// Adds one round.
    pub(crate) fn round(&mut self, costs: Vec<f64>) {
        assert_eq!(costs.len(), self.subjects, "one figure a subject");
        self.rounds.push(costs);
    }

    fn costs(&self, subject: usize) -> Vec<f64> {
        self.rounds.iter().map(|round| round[subject]).collect()
    }

    /// The median of the first subject's cost as a part of each one's.
    pub(crate) fn medians(&self) -> Vec<f64> {
        (0..self.subjects)
            .map(|subject| median(self.ratios(subject)))
            .collect()
    }

    // The first subject's cost as a part of this one's, in the same round.
    fn ratios(&self, subject: usize) -> Vec<f64> {
        self.rounds
            .iter()
            .map(|round| round[0] / round[subject])
            .collect()
    }
}

/// The one in the middle.
pub(crate) fn median(values: Vec<f64>) -> f64 {
    quantile(values, 0.5)
}

/// The quartiles: the lower, the one in the middle, the upper.
pub(crate) fn spread(values: Vec<f64>) -> (f64, f64, f64) {
    let at = |part| quantile(values.clone(), part);
    (at(0.25), at(0.5), at(0.75))
}

/// The value at this part of the sorted ones: 0.5 is the median.
fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index among a handful of rounds"
    )]
    let at = ((values.len() - 1) as f64 * part).round() as usize;
    values[at]
}

/// One line a subject: its cost, how much of it the first subject needs, and what part of it was
/// spent in its own code, not in the kernel.
pub(crate) fn table(names: &[String], ratios: &Ratios, own: &[f64]) -> String {
    let mut text =
        String::from("                     µs/request   first ÷ this (quartiles)   own code\n");
    for (index, name) in names.iter().enumerate() {
        let cost = quantile(ratios.costs(index), 0.5);
        let of = |part| quantile(ratios.ratios(index), part);
        writeln!(
            text,
            "  {name:<18} {cost:9.2}   {:.3}  ({:.3} to {:.3})   {:5.0} %",
            of(0.5),
            of(0.25),
            of(0.75),
            own[index] * 100.0
        )
        .expect("a String takes everything");
    }
    text
}
