//! System calls, by name, as perf or strace counts them.

use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::subject::Subject;

/// Counts the calls of all of the subject's processes while `load` runs.
pub(crate) fn count(
    subject: &Subject,
    load: impl FnOnce() -> io::Result<()>,
) -> io::Result<Vec<(String, u64)>> {
    let out = tempfile::NamedTempFile::new()?;
    let mut strace = Command::new("strace");
    strace
        .args(["-q", "-f", "-c", "-U", "name,calls", "-o"])
        .arg(out.path());
    for pid in subject.processes() {
        strace.arg("-p").arg(pid.to_string());
    }
    let mut child = strace.stdin(Stdio::null()).spawn()?;
    // It has attached once the kernel names it as the tracer.
    for pid in subject.processes() {
        while child.try_wait()?.is_none()
            && !fs::read_to_string(format!("/proc/{pid}/status"))?
                .contains(&format!("TracerPid:\t{}", child.id()))
        {
            thread::park_timeout(Duration::from_millis(10));
        }
    }
    load()?;
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
    child.wait()?;
    let text = fs::read_to_string(out.path())?;
    let mut calls: Vec<(String, u64)> = text
        .lines()
        .filter_map(|line| {
            let (name, count) = line.trim().split_once(char::is_whitespace)?;
            let count = count.trim().parse().ok()?;
            (name != "total").then(|| (name.to_owned(), count))
        })
        .collect();
    calls.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(calls)
}

/// Counts the fsyncs of all of the subject's processes while `load` runs: by perf, which stops nobody. Where the
/// kernel does not let it, by strace, and then says so: each call takes several times as long by that, so clients
/// come slowly and the disk seems fast.
pub(crate) fn fsyncs(subject: &Subject, load: impl Fn() -> io::Result<()>) -> io::Result<u64> {
    match counted_by_perf(subject, &load)? {
        Some(count) => Ok(count),
        None => {
            println!("  (by strace, which slows both down: perf does not work here)");
            let calls = count(subject, load)?;
            let synced = calls
                .iter()
                .filter(|(name, _)| name.starts_with('f') && name.ends_with("sync"));
            Ok(synced.map(|(_, count)| count).sum())
        }
    }
}

fn counted_by_perf(
    subject: &Subject,
    load: impl Fn() -> io::Result<()>,
) -> io::Result<Option<u64>> {
    let out = tempfile::NamedTempFile::new()?;
    let pids: Vec<String> = subject.processes().iter().map(u32::to_string).collect();
    let mut perf = Command::new("perf");
    perf.args(["stat", "-x", ",", "-e"])
        .arg("syscalls:sys_enter_fsync,syscalls:sys_enter_fdatasync")
        .args(["-p", &pids.join(","), "-o"])
        .arg(out.path());
    perf.stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let Ok(mut child) = perf.spawn() else {
        return Ok(None);
    };
    // It says nothing once it counts, but what it cannot count it says at once.
    thread::park_timeout(Duration::from_secs(1));
    if child.try_wait()?.is_some() {
        return Ok(None);
    }
    load()?;
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
    child.wait()?;
    // «20,,syscalls:sys_enter_fdatasync,…»
    let text = fs::read_to_string(out.path())?;
    let counts = text.lines().filter(|line| line.contains("sync"));
    let counts: Option<Vec<u64>> = counts
        .map(|line| line.split(',').next()?.parse().ok())
        .collect();
    let counts = counts.filter(|counts| counts.len() == 2);
    Ok(counts.map(|counts| counts.iter().sum()))
}

/// Calls per request, by name.
pub(crate) fn words(calls: &[(String, u64)], requests: u64) -> String {
    let per_hundred = |count: u64| count * 100 / requests;
    let written = |count: u64| {
        format!(
            "{}.{:02}",
            per_hundred(count) / 100,
            per_hundred(count) % 100
        )
    };
    let total = calls.iter().map(|(_, count)| count).sum();
    let seen = calls.iter().filter(|(_, count)| per_hundred(*count) > 0);
    let named: Vec<String> = seen
        .map(|(name, count)| format!("{name} {}", written(*count)))
        .collect();
    format!("{} calls: {}", written(total), named.join(", "))
}
