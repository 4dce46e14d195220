//! The access log goes on in a new file by size and by age, and through all that a disk can do.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use rustix::process::Signal;

use crate::support::appliance::Appliance;
use crate::support::disk::SmallDisk;
use crate::support::document::one_pool;
use crate::support::eventually;
use crate::support::node::Node;

fn apply(lb: &Appliance, node: &Node, rotate: &str) {
    let logs = format!("\n[logs]\nrotate = {{ {rotate} }}\n");
    lb.apply(&(one_pool(lb.port(), "health_check = \"off\"", &[node.line(1)]) + &logs));
}

/// The old files by number, the newest first: their names' ends and what is in them.
fn old_files(logs: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for number in 1.. {
        let end = format!("{number}");
        let plain = logs.join(format!("access.log.{end}"));
        let packed = logs.join(format!("access.log.{end}.gz"));
        let mut text = String::new();
        if let Ok(mut file) = File::open(packed) {
            GzDecoder::new(&mut file).read_to_string(&mut text).unwrap();
            found.push((format!("{end}.gz"), text));
        } else if let Ok(text) = fs::read_to_string(plain) {
            found.push((end, text));
        } else {
            return found;
        }
    }
    unreachable!("numbers end with the files")
}

/// The numbers of the requests logged, in the order of the files.
fn logged(logs: &Path) -> Vec<usize> {
    let mut texts: Vec<String> = old_files(logs).into_iter().map(|(_, text)| text).collect();
    texts.reverse();
    texts.extend(fs::read_to_string(logs.join("access.log")).ok());
    let number = |line: &str| {
        let (_, rest) = line.split_once("GET /n/")?;
        rest.split(' ').next()?.parse().ok()
    };
    texts
        .iter()
        .flat_map(|text| text.lines().filter_map(number))
        .collect()
}

fn counter(lb: &Appliance, name: &str) -> u64 {
    let text = lb.admin("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn no_line_is_lost_or_doubled_over_rotations_and_the_old_files_are_packed() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    let logs = lb.data().join("logs");
    apply(&lb, &node, "size = \"1k\", age = \"0s\", keep = 1000");
    let mut asked = 0;
    eventually("five old files", || {
        lb.get(&format!("/n/{asked}"));
        asked += 1;
        (old_files(&logs).len() >= 5).then_some(())
    });
    // Workers leave their lines in turns, so not in one order.
    eventually("every line, and each once", || {
        let mut logged = logged(&logs);
        logged.sort_unstable();
        (logged == (0..asked).collect::<Vec<_>>()).then_some(())
    });
    let old = old_files(&logs);
    assert!(
        old.iter()
            .all(|(_, text)| text.len() >= 1024 && text.ends_with('\n'))
    );
    // The newest may be waiting for its turn.
    eventually("all but the newest are packed", || {
        let old = old_files(&logs);
        let packed = old.iter().filter(|(end, _)| end.ends_with(".gz"));
        (old.len() >= 5 && packed.count() >= old.len() - 1).then_some(())
    });
    apply(
        &lb,
        &node,
        "size = \"1k\", age = \"0s\", keep = 2, compress = false",
    );
    eventually("two old files, as they were", || {
        lb.get("/n/0");
        let ends: Vec<String> = old_files(&logs).into_iter().map(|(end, _)| end).collect();
        (ends == ["1", "2"]).then_some(())
    });
    assert_eq!(counter(&lb, "steelyard_log_lines_dropped_total"), 0);
    assert_eq!(counter(&lb, "steelyard_log_rotation_failures_total"), 0);
}

#[test]
fn a_log_grown_old_is_rotated_though_nobody_asks_for_anything() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    let logs = lb.data().join("logs");
    apply(&lb, &node, "size = 0, age = \"1s\"");
    lb.get("/n/1");
    eventually("an old file", || {
        (old_files(&logs).len() == 1 && logged(&logs) == [1]).then_some(())
    });
    eventually("a new file", || fs::read(lb.access_log_path()).ok());
}

#[test]
fn who_rotates_by_himself_may_and_usr1_opens_the_log_anew() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    let logs = lb.data().join("logs");
    apply(&lb, &node, "size = 0, age = \"0s\"");
    lb.get("/n/1");
    lb.access_log(1);
    fs::rename(lb.access_log_path(), logs.join("access.log.1")).unwrap();
    lb.get("/n/2");
    eventually("it goes on in the old file", || {
        (logged(&logs) == [1, 2]).then_some(())
    });
    lb.signal(Signal::USR1);
    eventually("a new file", || fs::read(lb.access_log_path()).ok());
    lb.get("/n/3");
    lb.access_log(1);
    assert_eq!(logged(&logs), [1, 2, 3]);
    assert_eq!(old_files(&logs).len(), 1);
}

#[test]
fn a_full_disk_costs_lines_and_a_word_and_nothing_else() {
    let node = Node::answering("web-1");
    let mut lb = Appliance::prepared();
    let logs = lb.data().join("logs");
    let Some(disk) = SmallDisk::mount(&logs) else {
        return;
    };
    lb.restart();
    apply(&lb, &node, "size = \"1k\", age = \"0s\"");
    disk.fill();
    for n in 0..100 {
        assert_eq!(lb.get(&format!("/n/{n}")).status, 200);
    }
    let dropped = || counter(&lb, "steelyard_log_lines_dropped_total");
    eventually("lost lines are counted", || (dropped() > 0).then_some(()));
    disk.free();
    eventually("lines are written again", || {
        lb.get("/n/1000");
        logged(&logs).contains(&1000).then_some(())
    });
    let told = lb.log().matches("cannot be written").count();
    assert!((1..=5).contains(&told), "told {told} times\n{}", lb.log());
}

#[test]
fn a_disk_that_became_read_only_costs_lines_and_is_used_again_afterwards() {
    let node = Node::answering("web-1");
    let mut lb = Appliance::prepared();
    let logs = lb.data().join("logs");
    let Some(disk) = SmallDisk::mount(&logs) else {
        return;
    };
    // No file is open for writing yet, so the kernel lets it be.
    assert!(disk.set_read_only(true));
    lb.restart();
    apply(&lb, &node, "size = \"1k\", age = \"0s\"");
    for n in 0..20 {
        assert_eq!(lb.get(&format!("/n/{n}")).status, 200);
    }
    eventually("lost lines are counted", || {
        (counter(&lb, "steelyard_log_lines_dropped_total") >= 20).then_some(())
    });
    assert!(disk.set_read_only(false));
    eventually("lines are written", || {
        lb.get("/n/1000");
        logged(&logs).contains(&1000).then_some(())
    });
}
