//! What a request costs in counts, and what was agreed on in `counts.txt`. Pure: `tests/it/counts.rs`
//! shows that a dearer request is found.

use std::collections::BTreeMap;

/// What one workload costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Figures {
    /// The workload's name.
    pub(crate) name: String,
    /// User-space instructions a request, of all threads, as callgrind counts them.
    pub(crate) instructions: u64,
    /// System calls in a hundred requests, by name.
    pub(crate) calls: BTreeMap<String, u64>,
}

/// Calls whose number is the machine's doing: how much came at once, who slept already. The clock is read without the
/// kernel wherever callgrind is not. They are
/// written down and not held; what they cost is among the instructions.
const BY_CHANCE: [&str; 5] = [
    "clock_gettime",
    "epoll_wait",
    "futex",
    "sched_yield",
    "write",
];

/// This many calls more in a hundred requests are one more in each, and not the chance of how many
/// connections came at once.
const CALLS: u64 = 50;

/// More than this many instructions in a thousand are a change to be explained.
pub(crate) const THOUSANDTHS: u64 = 30;

/// The same with another compiler or processor than agreed on with: what they do to every function
/// is nobody's change here.
pub(crate) const ELSEWHERE: u64 = 100;

impl Figures {
    /// As a line of `counts.txt`.
    pub(crate) fn line(&self) -> String {
        let calls: String = self
            .calls
            .iter()
            .map(|(name, count)| format!(" {name}={count}"))
            .collect();
        format!("{} instructions={}{calls}\n", self.name, self.instructions)
    }

    /// The line of `name` in what was agreed on.
    pub(crate) fn agreed(name: &str, text: &str) -> Option<Self> {
        let mut words = text.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some(name)).then_some(words)
        })?;
        let number = |word: &str| -> Option<(String, u64)> {
            let (name, number) = word.split_once('=')?;
            Some((name.to_owned(), number.parse().ok()?))
        };
        let (_, instructions) = number(words.next()?)?;
        Some(Self {
            name: name.to_owned(),
            instructions,
            calls: words.filter_map(number).collect(),
        })
    }

    /// The lesser of each figure of two measurements: what disturbs one only ever adds.
    pub(crate) fn least(mut self, other: &Self) -> Self {
        self.instructions = self.instructions.min(other.instructions);
        for (name, count) in &mut self.calls {
            *count = (*count).min(other.calls.get(name).copied().unwrap_or(0));
        }
        self.calls.retain(|_, count| *count > 0);
        self
    }

    /// What is dearer than `agreed`, in words; nothing when all is well.
    pub(crate) fn dearer(&self, agreed: &Self, thousandths: u64) -> Vec<String> {
        let mut dearer = Vec::new();
        let name = &self.name;
        let limit = agreed.instructions + agreed.instructions * thousandths / 1000;
        if self.instructions > limit {
            dearer.push(format!(
                "{name}: {} instructions a request, {} agreed",
                self.instructions, agreed.instructions
            ));
        }
        let held = |(call, _): &(&String, &u64)| !BY_CHANCE.contains(&call.as_str());
        for (call, count) in self.calls.iter().filter(held) {
            let before = agreed.calls.get(call).copied().unwrap_or(0);
            if *count >= before + CALLS {
                dearer.push(format!(
                    "{name}: {count} {call} in 100 requests, {before} agreed"
                ));
            }
        }
        dearer
    }
}
