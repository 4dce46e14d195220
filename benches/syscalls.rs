//! System calls per request, by name, as strace counts them.

use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::subject::Subject;

/// Counts the calls of all of the subject's processes while `load` sends `requests`.
pub(crate) fn count(
    subject: &Subject,
    requests: u32,
    load: impl FnOnce() -> io::Result<()>,
) -> io::Result<String> {
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
    let mut calls: Vec<(String, f64)> = text
        .lines()
        .filter_map(|line| {
            let (name, count) = line.trim().split_once(char::is_whitespace)?;
            let count: u32 = count.trim().parse().ok()?;
            (name != "total").then(|| (name.to_owned(), f64::from(count) / f64::from(requests)))
        })
        .filter(|(_, count)| *count >= 0.01)
        .collect();
    calls.sort_by(|a, b| b.1.total_cmp(&a.1));
    let total: f64 = calls.iter().map(|(_, count)| count).sum();
    let named: Vec<String> = calls
        .iter()
        .map(|(name, count)| format!("{name} {count:.2}"))
        .collect();
    Ok(format!("{total:.2} calls: {}", named.join(", ")))
}
