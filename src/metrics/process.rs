//! What the kernel says of this process, under Prometheus's usual names.
//!
//! A number that cannot be read is left out: metrics never fail.

use std::fs;

use super::text::{Kind, Text};

/// Linux counts a process's time in hundredths of a second towards user space,
/// whatever its own tick (USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;

/// Writes the `process_*` families.
pub(super) fn write(text: &mut Text) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let own = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let machine = fs::read_to_string("/proc/stat").unwrap_or_default();
    let files = fs::read_dir("/proc/self/fd").ok();

    let name = "process_resident_memory_bytes";
    gauge(text, name, "Resident memory.", resident_bytes(&status));
    if let Some(seconds) = cpu_seconds(&own) {
        let name = "process_cpu_seconds_total";
        text.family(name, Kind::Counter, "User and system CPU time.");
        text.sample(name, &[], seconds);
    }
    // The directory being read is one of the files.
    let open = files.map(|entries| entries.count().saturating_sub(1));
    gauge(text, "process_open_fds", "Open file descriptors.", open);
    let name = "process_start_time_seconds";
    gauge(
        text,
        name,
        "Start time since 1970.",
        start_seconds(&own, &machine),
    );
}

fn gauge(text: &mut Text, name: &str, help: &str, value: Option<impl std::fmt::Display>) {
    if let Some(value) = value {
        text.family(name, Kind::Gauge, help);
        text.sample(name, &[], value);
    }
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    Some((field(stat, 14)? + field(stat, 15)?) / TICKS_PER_SECOND)
}

fn start_seconds(stat: &str, machine: &str) -> Option<f64> {
    let booted = machine
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?;
    let booted: f64 = booted.trim().parse().ok()?;
    Some(booted + field(stat, 22)? / TICKS_PER_SECOND)
}

// The field of /proc/PID/stat with this number in proc(5). The second is the
// program's name in brackets and may hold blanks, so counting begins after it.
fn field(stat: &str, number: usize) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let field = after_name.split_whitespace().nth(number.checked_sub(3)?)?;
    field.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{cpu_seconds, resident_bytes, start_seconds};

    const STAT: &str = "7 (a ) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 1234 1 1 1";

    #[test]
    fn the_kernel_s_numbers_are_read_past_an_odd_program_name() {
        assert_eq!(cpu_seconds(STAT), Some(3.0));
        assert_eq!(start_seconds(STAT, "cpu 1\nbtime 1000\n"), Some(1012.34));
        assert_eq!(resident_bytes("VmRSS:\t    12 kB\n"), Some(12 * 1024));
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        assert_eq!(cpu_seconds(""), None);
        assert_eq!(start_seconds(STAT, ""), None);
        assert_eq!(resident_bytes("VmRSS: many"), None);
    }
}
