//! The unit, as systemd's own tools see it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use super::debian::Root;
use super::{does, house};

#[test]
fn systemd_finds_the_unit_locked_down() {
    let unit = house().join("packaging/steelyard.service");
    let mut security = Command::new("systemd-analyze");
    // The threshold is in tenths: 1.5.
    let told = does(
        security
            .args(["security", "--offline=yes", "--threshold=15"])
            .arg(&unit),
    );
    assert!(told.contains("Overall exposure level"), "{told}");
}

/// Of the unit where it is installed, with all that it names.
pub(super) fn has_nothing_wrong(root: &Root) {
    let mut verify = Command::new("systemd-analyze");
    // Its man page is there; the command to look for it is not part of so small a Debian.
    let verify = verify.args(["verify", "--man=no", "steelyard.service"]);
    assert_eq!(does(verify.arg(root.option())), "");
}

/// The unit's filter lets through every system call of the service that strace wrote down: one
/// that it does not would fail on machines with systemd alone, where no test runs.
pub(super) fn allows(calls: &Path) {
    let unit = fs::read_to_string(house().join("packaging/steelyard.service")).unwrap();
    let sets = sets();
    let mut allowed = of_set(&sets, "@default");
    for filter in unit
        .lines()
        .filter_map(|line| line.strip_prefix("SystemCallFilter="))
    {
        let (names, is_denied) = match filter.strip_prefix('~') {
            Some(names) => (names, true),
            None => (filter, false),
        };
        for name in names.split(' ') {
            let named = of_set(&sets, name);
            match is_denied {
                true => allowed.retain(|call| !named.contains(call)),
                false => allowed.extend(named),
            }
        }
    }
    let calls = fs::read(calls).unwrap();
    let calls = String::from_utf8_lossy(&calls);
    let program = calls.find("execve(\"/usr/bin/steelyard\"").unwrap();
    let own = calls[program..].lines().skip(1);
    let name = |line: &str| {
        line.split_once(' ')?
            .1
            .trim_start()
            .split_once('(')
            .map(|(name, _)| name.to_owned())
    };
    let own: BTreeSet<String> = own.filter_map(name).collect();
    assert!(own.len() > 30, "{own:?}");
    let is_call = |name: &&String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let denied: Vec<&String> = own
        .iter()
        .filter(is_call)
        .filter(|name| !allowed.contains(*name))
        .collect();
    assert_eq!(denied, Vec::<&String>::new());
}

/// systemd's sets of calls, by name: calls and other sets.
fn sets() -> BTreeMap<String, Vec<String>> {
    let mut told = Command::new("systemd-analyze");
    let told = does(told.args(["--no-pager", "syscall-filter"]));
    let mut sets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut name = String::new();
    for line in told.lines() {
        if line.starts_with('@') {
            name = line.to_owned();
        } else if line.starts_with(' ') && !line.trim().starts_with('#') {
            sets.entry(name.clone())
                .or_default()
                .push(line.trim().to_owned());
        }
    }
    sets
}

fn of_set(sets: &BTreeMap<String, Vec<String>>, name: &str) -> BTreeSet<String> {
    match sets.get(name) {
        Some(within) => within.iter().flat_map(|name| of_set(sets, name)).collect(),
        None => BTreeSet::from([name.to_owned()]),
    }
}
