//! `./dev bench --count`: instructions and system calls per request, which no other load on the
//! machine changes. Held against `counts.txt`, so that a change that costs is seen where it is made.

use std::fs;
use std::io;
use std::path::Path;

use crate::load::Load;
use crate::subject::{Crowd, Kind, Subject};
use crate::syscalls;
use crate::workload::Workload;

/// What was measured when the figures were last agreed on.
const AGREED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/counts.txt");

/// More than this many instructions in a thousand is a change to be explained.
const THOUSANDTHS: u64 = 30;

/// Figures of one workload.
#[derive(Debug, PartialEq, Eq)]
struct Figures {
    name: String,
    /// User-space instructions of all threads, as callgrind counts them.
    instructions: u64,
    /// System calls in a hundred requests, by name.
    calls: Vec<(String, u64)>,
}

const WORKLOADS: [Workload; 5] = [
    Workload::W1,
    Workload::W2,
    Workload::W4,
    Workload::W5,
    Workload::W6Small,
];

/// Measures, prints, and compares with what was agreed on; with `agree` that is written instead.
pub(crate) fn run(scratch: &Path, agree: bool) -> io::Result<()> {
    let mut all = Vec::new();
    for workload in WORKLOADS {
        let figures = measure(workload, scratch)?;
        print!("{}", figures.line());
        all.push(figures);
    }
    if agree {
        let lines: String = all.iter().map(Figures::line).collect();
        return fs::write(AGREED, lines);
    }
    let agreed = fs::read_to_string(AGREED)?;
    let worse: Vec<String> = all.iter().flat_map(|f| f.worse_than(&agreed)).collect();
    match worse.is_empty() {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "dearer than agreed (./dev bench --count --agree, where there is a reason):\n{}",
            worse.join("\n")
        ))),
    }
}

fn measure(workload: Workload, scratch: &Path) -> io::Result<Figures> {
    let (few, many) = (1000, 3000);
    // The difference of two runs leaves out the start.
    let more = instructions(workload, many, &scratch.join("many"))?;
    let less = instructions(workload, few, &scratch.join("few"))?;
    Ok(Figures {
        name: workload.name().to_owned(),
        instructions: more.saturating_sub(less) / u64::from(many - few),
        calls: calls(workload, scratch)?,
    })
}

fn instructions(workload: Workload, requests: u32, scratch: &Path) -> io::Result<u64> {
    let (mut load, subject) = start(workload, Kind::Counted, scratch)?;
    load.run(subject.port, 8, requests as usize)?;
    let counted = subject.stop()?;
    let text = fs::read_to_string(counted.join("callgrind.out"))?;
    let total = text.lines().find_map(|line| {
        let number = line
            .strip_prefix("totals: ")
            .or(line.strip_prefix("summary: "))?;
        number.split_whitespace().next()?.parse().ok()
    });
    total.ok_or_else(|| io::Error::other("callgrind told no total"))
}

fn calls(workload: Workload, scratch: &Path) -> io::Result<Vec<(String, u64)>> {
    let (mut load, subject) = start(workload, Kind::Steelyard, &scratch.join("calls"))?;
    load.run(subject.port, 8, 1000)?;
    let counted = syscalls::count(&subject, || load.run(subject.port, 8, 5000))?;
    Ok(counted
        .into_iter()
        .map(|(name, count)| (name, count / 50))
        .filter(|c| c.1 > 0)
        .collect())
}

fn start(workload: Workload, kind: Kind, scratch: &Path) -> io::Result<(Load, Subject)> {
    let scratch = scratch.join(workload.name());
    crate::files(&scratch)?;
    let load = Load::new(3, workload.exchange())?;
    let subject = Subject::start(kind, &scratch, &load.ports(), Crowd::default())?;
    Ok((load, subject))
}

impl Figures {
    fn line(&self) -> String {
        let calls: Vec<String> = self
            .calls
            .iter()
            .map(|(name, count)| format!("{name}={count}"))
            .collect();
        format!(
            "{} instructions={} {}\n",
            self.name,
            self.instructions,
            calls.join(" ")
        )
    }

    fn worse_than(&self, agreed: &str) -> Vec<String> {
        let mine = agreed
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{} ", self.name)));
        let Some(mine) = mine else {
            return vec![format!("{}: nothing was agreed on", self.name)];
        };
        let before = |name: &str| -> u64 {
            let mut words = mine
                .split_whitespace()
                .filter_map(|word| word.split_once('='));
            let found = words.find(|(n, _)| *n == name);
            found.and_then(|(_, count)| count.parse().ok()).unwrap_or(0)
        };
        let mut worse = Vec::new();
        let instructions = before("instructions");
        if self.instructions > instructions + instructions * THOUSANDTHS / 1000 {
            worse.push(format!(
                "{}: {} instructions, {instructions} agreed",
                self.name, self.instructions
            ));
        }
        for (name, count) in &self.calls {
            // One call more a request.
            if *count >= before(name) + 100 {
                worse.push(format!(
                    "{}: {count} {name} in 100 requests, {} agreed",
                    self.name,
                    before(name)
                ));
            }
        }
        worse
    }
}
