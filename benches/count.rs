//! `./dev bench --count`: instructions and system calls per request. Unlike time they are nearly the
//! same whatever else the machine does, and held against `counts.txt`: a change that costs is seen
//! where it is made.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::agreed::{ELSEWHERE, Figures, THOUSANDTHS};
use crate::load::Load;
use crate::subject::{Crowd, Kind, Subject};
use crate::workload::Workload;

/// What was measured when the figures were last agreed on.
const AGREED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/counts.txt");

/// A busy machine adds to a figure: more ticks and smaller batches a request. So what is dearer is
/// measured again, this often, and the least counts.
const TRIES: usize = 5;

/// Fewer than the node connections that a worker keeps idle, so that which are closed and made anew
/// is no matter of chance.
const CONNECTIONS: usize = 16;

const WORKLOADS: [Workload; 5] = [
    Workload::W1,
    Workload::W2,
    Workload::W4,
    Workload::W5,
    Workload::W6Small,
];

/// Measures, prints, and compares with what was agreed on; with `agree` that is written instead.
pub(crate) fn run(scratch: &Path, agree: bool) -> io::Result<()> {
    let text = fs::read_to_string(AGREED)?;
    let (kind, then) = (kind()?, text.lines().next().unwrap_or_default().to_owned());
    let thousandths = match agree || kind == then {
        true => THOUSANDTHS,
        false => {
            println!(
                "agreed on: {then}\nhere:      {kind}\nso instructions may be {ELSEWHERE} in a thousand more"
            );
            ELSEWHERE
        }
    };
    let (mut lines, mut dearer) = (format!("{kind}\n"), Vec::new());
    for workload in WORKLOADS {
        let agreed = Figures::agreed(workload.name(), &text).filter(|_| !agree);
        let (figures, more) = measure(workload, scratch, |figures| match &agreed {
            Some(agreed) => figures.dearer(agreed, thousandths),
            None if agree => Vec::new(),
            None => vec![format!("{}: nothing was agreed on", workload.name())],
        })?;
        print!("{}", figures.line());
        lines += &figures.line();
        dearer.extend(more);
    }
    if agree {
        return fs::write(AGREED, lines);
    }
    match dearer.is_empty() {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "dearer than agreed (./dev bench --count --agree, where there is a reason):\n{}",
            dearer.join("\n")
        ))),
    }
}

/// What instructions depend on besides our own code.
fn kind() -> io::Result<String> {
    let said = Command::new("rustc").arg("--version").output()?.stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    let version = said.split(" (").next().unwrap_or_default();
    #[cfg(target_arch = "x86_64")]
    let wide = std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    let wide = false;
    let wide = if wide { " with AVX2" } else { "" };
    Ok(format!("# {version}, {}{wide}", std::env::consts::ARCH))
}

fn measure(
    workload: Workload,
    scratch: &Path,
    dearer: impl Fn(&Figures) -> Vec<String>,
) -> io::Result<(Figures, Vec<String>)> {
    let mut figures = once(workload, Kind::Counted, scratch)?;
    for _ in 1..TRIES {
        if dearer(&figures).is_empty() {
            break;
        }
        figures = figures.least(&once(workload, Kind::Counted, scratch)?);
    }
    let more = dearer(&figures);
    Ok((figures, more))
}

/// The difference of two runs: that leaves out start, connections and end.
pub(crate) fn once(workload: Workload, kind: Kind, scratch: &Path) -> io::Result<Figures> {
    let (few, many) = (1000, 3000);
    let less = counted(workload, kind, few, scratch)?;
    let more = counted(workload, kind, many, scratch)?;
    let requests = u64::from(many - few);
    let per_hundred = |(name, count): (String, u64)| {
        let before = less.1.get(&name).copied().unwrap_or(0);
        // To the nearest.
        let calls = (count.saturating_sub(before) * 100 + requests / 2) / requests;
        (calls > 0).then_some((name, calls))
    };
    Ok(Figures {
        name: workload.name().to_owned(),
        instructions: more.0.saturating_sub(less.0) / requests,
        calls: more.1.into_iter().filter_map(per_hundred).collect(),
    })
}

/// Instructions and calls of a whole run.
fn counted(
    workload: Workload,
    kind: Kind,
    requests: u32,
    scratch: &Path,
) -> io::Result<(u64, BTreeMap<String, u64>)> {
    let scratch = scratch.join(workload.name());
    crate::files(&scratch)?;
    let mut load = Load::new(3, workload.exchange())?;
    let crowd = Crowd::default();
    let subject = Subject::start(kind, &scratch, &load.ports(), crowd)?;
    load.run(subject.port, CONNECTIONS, requests as usize)?;
    let dir = subject.stop()?;
    let totals = fs::read_to_string(dir.join("callgrind.out"))?;
    let total = totals.lines().find_map(|line| {
        let number = line
            .strip_prefix("totals: ")
            .or(line.strip_prefix("summary: "))?;
        number.split_whitespace().next()?.parse().ok()
    });
    let total = total.ok_or_else(|| io::Error::other("callgrind told no total"))?;
    let mut calls = BTreeMap::new();
    for line in fs::read_to_string(dir.join("calls.txt"))?.lines() {
        // `SYSCALL[19,4](20) sys_writev ( 27, 0x4a, 2 )`; what is told later of the same call has no name.
        let name = line
            .split_once("](")
            .and_then(|(_, rest)| rest.split_once(") sys_"));
        if let Some(name) = name.and_then(|(_, rest)| rest.split([' ', '(']).next()) {
            *calls.entry(name.to_owned()).or_insert(0) += 1;
        }
    }
    match calls.is_empty() {
        true => Err(io::Error::other("valgrind told of no system call")),
        false => Ok((total, calls)),
    }
}
