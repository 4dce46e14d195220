//! `kill -9` in the middle of changes: what was acknowledged is there, and it serves.

use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;

use crate::support::appliance::Appliance;
use crate::support::document::{listener, pool, route, site};
use crate::support::node::Node;
use crate::support::{counted, eventually, figure};

fn document(port: u16, node: &Node, n: usize) -> String {
    let marked = format!("headers = {{ \"X-Number\" = \"{n}\" }}");
    let weight = u32::try_from(1 + n % 1000).unwrap();
    listener(port)
        + &pool("django", "", &[node.line(weight)])
        + &site("all", &route("/", "django", &marked))
}

fn serving(lb: &Appliance) -> usize {
    let answer = lb.get("/");
    assert_eq!((answer.status, answer.text().as_str()), (200, "web-1"));
    answer.field("X-Number").unwrap().parse().unwrap()
}

#[test]
fn fifty_kills_during_changes_lose_nothing_acknowledged() {
    let kills = counted(50, 2_000);
    let node = Node::answering("web-1");
    let mut lb = Appliance::start();
    let port = lb.port();
    lb.apply(&document(port, &node, 0));
    let acknowledged = AtomicUsize::new(0);
    let mut offered = 0;
    for round in 0..kills {
        let goal = acknowledged.load(Ordering::SeqCst) + round % 3;
        std::thread::scope(|scope| {
            let applying = scope.spawn(|| {
                loop {
                    offered += 1;
                    let text = document(port, &node, offered);
                    let output = lb.run_with_input(&["apply", "-"], &text);
                    if !output.status.success() {
                        return;
                    }
                    acknowledged.store(offered, Ordering::SeqCst);
                    // With nothing running it is written all the same: that is another test.
                    if lb.is_gone() {
                        return;
                    }
                }
            });
            eventually("changes are acknowledged", || {
                (acknowledged.load(Ordering::SeqCst) >= goal).then_some(())
            });
            // Not a wait for anything: only another moment each time.
            for _ in 0..round % 11 {
                lb.admin("/healthz");
            }
            lb.signal(Signal::KILL);
            applying.join().unwrap();
        });
        lb.ended();
        lb.restart();
        let (least, most) = (acknowledged.load(Ordering::SeqCst), offered);
        let found = serving(&lb);
        assert!(
            (least..=most).contains(&found),
            "round {round}: serves change {found}, acknowledged {least}, offered {most}"
        );
        assert!(lb.export().contains(&format!("\"{found}\"")));
        // What was not acknowledged may have been lost: the next change builds on what is there.
        offered = offered.max(found);
    }
    figure(&format!(
        "{kills} kills during changes: {} acknowledged, 0 lost",
        acknowledged.into_inner()
    ));
    assert_eq!(lb.status()["state"], "serving");
}
