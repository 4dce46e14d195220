//! `kill -9` in the middle of restoring: what was there before or all of the backup.

use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;

use crate::backup::{backed_up, restore};
use crate::support::appliance::{Appliance, said};
use crate::support::document::one_pool;
use crate::support::node::Node;
use crate::support::panel::Panel;
use crate::support::{counted, eventually, figure};

/// The users, as the command line names them.
fn users(lb: &Appliance) -> String {
    said(&lb.run(&["reset-password", "nobody"]))
}

#[test]
fn a_kill_while_it_restores_leaves_what_was_there_or_all_of_the_backup() {
    let kills = counted(20, 500);
    let node = Node::answering("web-1");
    let document = |lb: &Appliance, weight| one_pool(lb.port(), "", &[node.line(weight)]);
    let mut lb = Appliance::start();
    lb.expect_errors();
    let mut files = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    lb.apply(&document(&lb, 1));
    let mut admin = Panel::set_up(&lb);
    for (weight, who) in [(1, "bob"), (2, "carol")] {
        lb.apply(&document(&lb, weight));
        admin.with(&lb, who, "viewer");
        let kept = folder.path().join(who);
        std::fs::copy(backed_up(&lb), &kept).unwrap();
        files.push(kept);
    }
    let done = AtomicUsize::new(0);
    for round in 0..kills {
        let before = done.load(Ordering::SeqCst);
        std::thread::scope(|scope| {
            let restoring = scope.spawn(|| {
                for turn in 0.. {
                    let output = restore(&lb, &files[(round + turn) % 2], &["--yes"]);
                    if !output.status.success() || lb.is_gone() {
                        return;
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
            eventually("some are restored", || {
                (done.load(Ordering::SeqCst) >= before + round % 2).then_some(())
            });
            // Not a wait for anything: only another moment each time.
            for _ in 0..round * 7 % 60 {
                lb.admin("/healthz");
            }
            lb.signal(Signal::KILL);
            restoring.join().unwrap();
        });
        lb.ended();
        lb.restart();
        let (users, export) = (users(&lb), lb.export());
        let (has_bob, has_carol) = (users.contains("bob"), users.contains("carol"));
        let is_second = export.contains("weight = 2");
        assert!(has_bob, "round {round}: {users}");
        assert_eq!(has_carol, is_second, "round {round}: {users}\n{export}");
        assert_eq!(lb.get("/").text(), "web-1");
    }
    figure(&format!(
        "{kills} kills while backups were restored: {} restored, none by half",
        done.into_inner()
    ));
    assert_eq!(lb.status()["state"], "serving");
}
