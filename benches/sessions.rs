//! `./dev bench sessions`: the session store beside Debian's Redis, round for round in one run.
//!
//! What is compared is CPU time per command of the whole process, its threads and children that
//! write files anew included. One core each; clients on the other.

use std::fs;
use std::io;
use std::path::Path;

use crate::aims::{self, Reached};
use crate::figures::{Ratios, median, table};
use crate::resp::{self, Command, Talk};
use crate::subject::{Crowd, Kind, Subject};
use crate::syscalls;

/// Sessions there are while it is asked.
const KEYS: usize = 100_000;

const CLIENTS: usize = 50;

const SUBJECTS: [Kind; 2] = [Kind::Sessions, Kind::Redis];

const fn talk(command: Command, pipeline: usize) -> Talk {
    Talk {
        command,
        clients: CLIENTS,
        pipeline,
        first: 0,
        keys: KEYS,
    }
}

/// Commands a round.
const WORK: [(&str, Talk, usize); 4] = [
    ("SET 300 B", talk(Command::Set, 1), 200_000),
    ("GET 300 B", talk(Command::Get, 1), 200_000),
    ("SET, 16 at once", talk(Command::Set, 16), 600_000),
    ("GET, 16 at once", talk(Command::Get, 16), 800_000),
];

/// Measures, prints, and tells what was reached.
pub(crate) fn run(scratch: &Path, rounds: usize) -> io::Result<()> {
    let mut reached = Vec::new();
    commands(scratch, rounds, &mut reached)?;
    cores(scratch, rounds, &mut reached)?;
    memory(scratch, &mut reached)?;
    fsyncs(scratch, &mut reached)?;
    aims::print(&reached);
    Ok(())
}

fn fill(subject: &Subject, first: usize, keys: usize) -> io::Result<()> {
    let talk = Talk {
        first,
        keys,
        ..talk(Command::Set, 16)
    };
    resp::run(subject.port, talk, keys)
}

fn start(scratch: &Path, name: &str, kind: Kind) -> io::Result<Subject> {
    let dir = scratch.join(name);
    fs::create_dir_all(&dir)?;
    Subject::start(kind, &dir, &[], Crowd::default())
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn cost(subject: &Subject, talk: Talk, commands: usize) -> io::Result<f64> {
    let before = subject.cpu_with_ended();
    resp::run(subject.port, talk, commands)?;
    let used = subject.cpu_with_ended().saturating_sub(before);
    Ok(used as f64 / commands as f64 / 1000.0)
}

/// One core, `everysec`.
fn commands(scratch: &Path, rounds: usize, reached: &mut Vec<Reached>) -> io::Result<()> {
    let subjects = SUBJECTS.map(|kind| start(scratch, "commands", kind));
    let [ours, redis] = subjects;
    let subjects = [ours?, redis?];
    for subject in &subjects {
        fill(subject, 0, KEYS)?;
    }
    for (what, talk, commands) in WORK {
        let mut ratios = Ratios::new(subjects.len());
        let ticks = subjects.each_ref().map(Subject::ticks);
        for round in 0..rounds {
            let mut costs = vec![0.0; subjects.len()];
            for step in 0..subjects.len() {
                let index = (round + step) % subjects.len();
                costs[index] = cost(&subjects[index], talk, commands)?;
            }
            ratios.round(costs);
        }
        let own = subjects
            .iter()
            .zip(ticks)
            .map(|(subject, before)| own(subject, before));
        let own: Vec<f64> = own.collect();
        println!("\nsessions: {what}, {CLIENTS} clients; {rounds} rounds of {commands} commands");
        print!(
            "{}",
            table(&SUBJECTS.map(|kind| kind.name().to_owned()), &ratios, &own)
        );
        reached.push(Reached {
            what: format!("{what}, CPU of Redis's"),
            aim: 1.0,
            reached: ratios.medians()[1],
        });
    }
    Ok(())
}

/// The part of what it used that was spent in its own code.
#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn own(subject: &Subject, (user, system): (u64, u64)) -> f64 {
    let (user_now, system_now) = subject.ticks();
    let (user, system) = (user_now - user, system_now - system);
    user as f64 / (user + system).max(1) as f64
}

/// What two workers at once reach of one. Clients need a core too, so it is told by what a command
/// costs: two that are in each other's way spend more on each.
fn cores(scratch: &Path, rounds: usize, reached: &mut Vec<Reached>) -> io::Result<()> {
    let one = start(scratch, "cores", Kind::Sessions)?;
    let two = start(scratch, "cores", Kind::SessionsTwo)?;
    for subject in [&one, &two] {
        fill(subject, 0, KEYS)?;
    }
    println!("\nsessions: operations of two cores, of those of one");
    for (what, talk, commands) in WORK {
        let mut parts = Vec::new();
        for _ in 0..rounds {
            let alone = cost(&one, talk, commands)?;
            parts.push(cost(&two, talk, commands)? / alone);
        }
        let part = median(parts);
        println!("  {what:<18} {:.2} times", 2.0 / part);
        reached.push(Reached {
            what: format!("{what}, CPU with two workers of one's"),
            aim: 2.0 / 1.6,
            reached: part,
        });
    }
    Ok(())
}

/// Bytes a session, by what 400,000 more of them take.
#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn memory(scratch: &Path, reached: &mut Vec<Reached>) -> io::Result<()> {
    println!("\nsessions: memory a session of 300 B, from 100,000 to 500,000");
    let mut slopes = Vec::new();
    for kind in SUBJECTS {
        let subject = start(scratch, "memory", kind)?;
        fill(&subject, 0, KEYS)?;
        let before = subject.settled_memory();
        fill(&subject, KEYS, 4 * KEYS)?;
        let more = subject.settled_memory().saturating_sub(before);
        let slope = more as f64 * 1024.0 / (4 * KEYS) as f64;
        println!("  {:<18} {slope:6.0} B", kind.name());
        slopes.push(slope);
    }
    reached.push(Reached {
        what: "memory a session, of Redis's".to_owned(),
        aim: 1.2,
        reached: slopes[0] / slopes[1],
    });
    Ok(())
}

/// How many fsyncs 1,000 acknowledged writes cost with `always`.
#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn fsyncs(scratch: &Path, reached: &mut Vec<Reached>) -> io::Result<()> {
    const WRITES: usize = 20_000;
    println!("\nsessions: fsyncs a 1,000 acknowledged writes, always, {CLIENTS} clients");
    let mut each = Vec::new();
    for kind in [Kind::SessionsAlways, Kind::RedisAlways] {
        let subject = start(scratch, "fsyncs", kind)?;
        let writes = || resp::run(subject.port, talk(Command::Set, 1), WRITES);
        writes()?;
        let syncs = syscalls::fsyncs(&subject, writes)?;
        let figure = syncs as f64 * 1000.0 / WRITES as f64;
        println!("  {:<18} {figure:6.1}", kind.name());
        each.push(figure);
    }
    reached.push(Reached {
        what: "fsyncs a write, of Redis's".to_owned(),
        aim: 1.0,
        reached: each[0] / each[1],
    });
    Ok(())
}
