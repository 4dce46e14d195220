//! Damage to what is on disk: the last good configuration is served, or it is said clearly that none
//! is; never an empty one, and never one that nobody made.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::support::appliance::{Appliance, said};
use crate::support::client::{Client, Request};
use crate::support::document::{listener, pool, route, site};
use crate::support::node::Node;
use crate::support::{counted, figure};

/// What a start reads.
const FILES: [&str; 5] = [
    "config.db",
    "config.db-wal",
    "config.db-shm",
    "last-known-good.json",
    "last-known-good.previous.json",
];
/// Changes before the damage.
const CHANGES: usize = 6;
/// So many at once, each with an instance of its own.
const SIDE_BY_SIDE: usize = 4;

fn document(port: u16, node: &Node, n: usize) -> String {
    let marked = format!("headers = {{ \"X-Number\" = \"{n}\" }}");
    listener(port)
        + &pool("django", "", &[node.line(1)])
        + &site("all", &route("/", "django", &marked))
}

/// The change that is served; none where nothing is.
fn served(lb: &Appliance) -> Option<usize> {
    let answer = Client::of(lb.port()).send(&Request::get("/")).ok()?;
    assert_eq!((answer.status, answer.text().as_str()), (200, "web-1"));
    answer.field("X-Number").map(|n| n.parse().unwrap())
}

struct Dice(SmallRng);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound.max(1))
    }

    /// Damages `bytes` in one of the ways disks, copies and people do; none is a file that is gone.
    fn damage(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = bytes.to_vec();
        let at = self.below(bytes.len());
        let end = bytes.len().min(at + 1 + self.below(4096));
        match self.below(7) {
            0 => bytes[at] ^= 1 << self.below(8),
            1 => bytes[at..end].fill(0),
            2 => bytes[at..end]
                .iter_mut()
                .for_each(|b| *b = b.wrapping_mul(31).wrapping_add(7)),
            3 => bytes.truncate(at),
            4 => bytes.clear(),
            5 => bytes.rotate_left(at),
            _ => return None,
        }
        Some(bytes)
    }
}

/// One instance that is damaged and started again and again.
struct Patient {
    lb: Appliance,
    node: Node,
    sound: BTreeMap<&'static str, Vec<u8>>,
}

impl Patient {
    /// After some changes and a kill, so that the journal holds what the database does not yet.
    fn new() -> Self {
        let node = Node::answering("web-1");
        let mut lb = Appliance::start();
        lb.expect_errors();
        for n in 1..=CHANGES {
            lb.apply(&document(lb.port(), &node, n));
        }
        lb.kill9();
        let sound = FILES
            .into_iter()
            .filter_map(|name| Some((name, fs::read(lb.data().join(name)).ok()?)));
        let sound: BTreeMap<_, _> = sound.collect();
        assert!(
            sound.len() == FILES.len() && !sound["config.db-wal"].is_empty(),
            "{:?}",
            sound.keys()
        );
        Self { lb, node, sound }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.lb.data().join(name)
    }

    /// All as it was at the kill.
    fn heal(&self) {
        for entry in fs::read_dir(self.lb.data()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() && path.file_name().unwrap() != "seal.key" {
                fs::remove_file(path).unwrap();
            }
        }
        for (name, bytes) in &self.sound {
            fs::write(self.at(name), bytes).unwrap();
        }
    }

    /// Damages one file or several; gives which.
    fn damage(&self, dice: &mut Dice) -> Vec<&'static str> {
        let names: Vec<&'static str> = self.sound.keys().copied().collect();
        let many = if dice.below(3) == 0 {
            2 + dice.below(2)
        } else {
            1
        };
        let mut hit: Vec<&str> = (0..many).map(|_| names[dice.below(names.len())]).collect();
        hit.sort_unstable();
        hit.dedup();
        for name in &hit {
            match dice.damage(&self.sound[name]) {
                Some(bytes) => fs::write(self.at(name), bytes).unwrap(),
                None => fs::remove_file(self.at(name)).unwrap(),
            }
        }
        hit
    }

    /// Starts, judges what it serves, has it changed. Whether something was served.
    fn judge(&mut self, seed: u64) -> bool {
        self.heal();
        let mut dice = Dice(SmallRng::seed_from_u64(seed));
        let hit = self.damage(&mut dice);
        let before = self.lb.log().len();
        self.lb.restart();
        let found = served(&self.lb);
        let log = self.lb.log()[before..].to_owned();
        let case = format!("seed {seed}, damaged {hit:?}, serves {found:?}:\n{log}");
        let status = self.lb.status();
        match found {
            // Where one file is hurt, another has the newest.
            Some(n) if hit.len() == 1 => assert_eq!(n, CHANGES, "{case}"),
            Some(n) => assert!((1..=CHANGES).contains(&n), "{case}"),
            None => {
                assert!(hit.len() > 1, "{case}");
                assert!(log.contains("ERROR"), "{case}");
                assert_ne!(status["state"], "setup", "{case}");
                assert_eq!(self.lb.admin("/readyz").status, 503, "{case}");
            }
        }
        // A change is taken, or refused in words; what is served goes on.
        let next = CHANGES + 1;
        let text = document(self.lb.port(), &self.node, next);
        let output = self.lb.run_with_input(&["apply", "-"], &text);
        match output.status.success() {
            true => assert_eq!(served(&self.lb), Some(next), "{case}"),
            false => {
                assert!(said(&output).len() > 20, "{case}: {}", said(&output));
                assert_eq!(served(&self.lb), found, "{case}");
            }
        }
        self.lb.kill9();
        found.is_some()
    }
}

#[test]
fn sixty_corruptions_leave_the_last_good_configuration_or_a_clear_refusal() {
    let each = counted(60, 3_000) / SIDE_BY_SIDE;
    let served: usize = std::thread::scope(|scope| {
        let sides: Vec<_> = (0..SIDE_BY_SIDE)
            .map(|side| {
                scope.spawn(move || {
                    let mut patient = Patient::new();
                    let seeds = (0..each).map(|n| (side * each + n) as u64);
                    seeds.filter(|seed| patient.judge(*seed)).count()
                })
            })
            .collect();
        sides.into_iter().map(|side| side.join().unwrap()).sum()
    });
    let all = each * SIDE_BY_SIDE;
    figure(&format!(
        "{all} corruptions: {served} served a good configuration, {} refused clearly, 0 empty",
        all - served
    ));
    assert!(served > all / 2);
}
