//! `kill -9` under writers, and files that were damaged: what was acknowledged is there, and it serves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;

use crate::support::appliance::Appliance;
use crate::support::document::listener;
use crate::support::ports::Port;
use crate::support::redis::Redis;
use crate::support::{counted, eventually, figure};

const PASSWORD: &str = "hangs-level-at-noon";

const WRITERS: usize = 6;

/// Keys of a writer: each is written again and again.
const KEYS: usize = 20;

/// `everysec` promises that a crash costs the writes of one second: none is acknowledged as long as an older one is at
/// stake. Some more, since the store counts in milliseconds.
const PROMISED: Duration = Duration::from_millis(1010);

/// An appliance with a session store.
fn start(port: &Port, fsync: &str) -> Appliance {
    let lb = Appliance::start();
    lb.apply(&format!(
        "{}[sessions]\nlisten = \"{}\"\npassword = \"{PASSWORD}\"\nfsync = \"{fsync}\"\n",
        listener(lb.port()),
        port.address()
    ));
    lb
}

/// A client that may write, where somebody answers.
fn client(port: &Port) -> Option<Redis> {
    let mut client = Redis::try_connect(port.address()).ok()?;
    let answer = client.try_ask(&["AUTH", PASSWORD]).ok()?;
    assert_eq!(answer, "+OK");
    Some(client)
}

fn serving(port: &Port) -> Redis {
    eventually("the store serves", || client(port))
}

/// What a writer offered, and when each was acknowledged.
#[derive(Default)]
struct Written {
    offered: usize,
    /// Which, when it was acknowledged at the latest, and when it was sent.
    acknowledged: Vec<(usize, Instant, Instant)>,
}

fn key(writer: usize, n: usize) -> String {
    format!("writer {writer} key {}", n % KEYS)
}

/// Writes until nobody answers any more.
fn write(port: &Port, writer: usize, written: &mut Written, count: &AtomicUsize) {
    let Some(mut client) = client(port) else {
        return;
    };
    loop {
        let n = written.offered + 1;
        written.offered = n;
        let (key, text) = (key(writer, n), n.to_string());
        let twin = format!("{key} twin");
        // What belongs together is there together.
        let commands: [&[&str]; 4] = [
            &["MULTI"],
            &["SET", &key, &text, "EX", "1000000"],
            &["SET", &twin, &text],
            &["EXEC"],
        ];
        let sent = Instant::now();
        let answers = commands.map(|words| client.try_ask(words));
        match &answers[3] {
            Ok(answer) => assert_eq!(answer, "[+OK, +OK]"),
            Err(_) => return,
        }
        written.acknowledged.push((n, Instant::now(), sent));
        count.fetch_add(1, Ordering::SeqCst);
    }
}

/// The number that each key of a writer has.
fn found(client: &mut Redis, writer: usize) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for n in 0..KEYS {
        let key = key(writer, n);
        let twin = format!("{key} twin");
        let [one, other] = [&key, &twin].map(|key| client.ask(&["GET", key]));
        assert_eq!(one, other, "half of what belongs together");
        if one != "nil" {
            found.insert(key, one.parse().unwrap());
        }
    }
    found
}

/// Kills again and again; what was acknowledged longer than `promised` before the last that was must be there. Answers
/// how many writes were acknowledged, and how many of them were lost.
fn kills(fsync: &str, rounds: usize, promised: Option<Duration>) -> (usize, usize) {
    let port = Port::free();
    let mut lb = start(&port, fsync);
    let mut all: Vec<Written> = (0..WRITERS).map(|_| Written::default()).collect();
    let (count, mut lost) = (AtomicUsize::new(0), 0);
    for round in 0..rounds {
        serving(&port);
        let goal = count.load(Ordering::SeqCst) + 1 + round * 37 % 400;
        std::thread::scope(|scope| {
            for (writer, written) in all.iter_mut().enumerate() {
                let (port, count) = (&port, &count);
                scope.spawn(move || write(port, writer, written, count));
            }
            eventually("so many are acknowledged", || {
                (count.load(Ordering::SeqCst) >= goal).then_some(())
            });
            lb.signal(Signal::KILL);
        });
        lb.ended();
        lb.restart();
        let mut client = serving(&port);
        // Sent, and so taken later than that: how late we noted a word does not count.
        let sent = all.iter().flat_map(|written| &written.acknowledged);
        let last = sent.map(|(_, _, sent)| *sent).max();
        for (writer, written) in all.iter_mut().enumerate() {
            let found = found(&mut client, writer);
            // What was lost is not missed a second time.
            for (n, when, _) in written.acknowledged.drain(..) {
                let there = found.get(&key(writer, n)).copied().unwrap_or(0);
                if there < n {
                    lost += 1;
                    let after =
                        last.map_or(Duration::ZERO, |last| last.saturating_duration_since(when));
                    assert!(
                        promised.is_some_and(|promised| after <= promised),
                        "{fsync}, round {round}, writer {writer}: {n} was lost, {there} is there, and {after:?} after its word another was taken"
                    );
                }
            }
        }
    }
    (count.into_inner(), lost)
}

#[test]
fn fifty_kills_under_writers_lose_nothing_that_always_acknowledged() {
    let rounds = counted(50, 500);
    let (acknowledged, lost) = kills("always", rounds, None);
    assert_eq!(lost, 0);
    figure(&format!(
        "sessions, always: {rounds} kills, {acknowledged} writes acknowledged, {lost} lost"
    ));
}

#[test]
fn fifty_kills_under_writers_lose_at_most_the_last_second_of_everysec() {
    let rounds = counted(50, 500);
    let (acknowledged, lost) = kills("everysec", rounds, Some(PROMISED));
    figure(&format!(
        "sessions, everysec: {rounds} kills, {acknowledged} writes acknowledged, {lost} lost, all in the last second"
    ));
}

#[test]
fn a_stop_that_is_asked_for_twice_keeps_what_was_answered() {
    let port = Port::free();
    let mut lb = start(&port, "everysec");
    for round in 0..5 {
        let mut client = serving(&port);
        for n in 0..50 {
            let key = format!("{round} {n}");
            assert_eq!(client.ask(&["SET", &key, "kept", "EX", "1000000"]), "+OK");
        }
        // As `timeout` does it: to the process, and to its group.
        lb.signal(Signal::TERM);
        lb.signal(Signal::TERM);
        lb.ended();
        lb.restart();
        let mut client = serving(&port);
        for n in 0..50 {
            assert_eq!(client.ask(&["GET", &format!("{round} {n}")]), "kept");
        }
    }
}

fn files(lb: &Appliance) -> Vec<PathBuf> {
    let folder = fs::read_dir(lb.data().join("sessions")).unwrap();
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| !file.to_string_lossy().contains("damaged"));
    files.sort();
    files
}

/// Does something to a file that a disk, a person or another program may do.
fn damage(file: &Path, draw: &mut SmallRng) -> &'static str {
    let mut bytes = fs::read(file).unwrap();
    let at = draw.random_range(0..=bytes.len());
    let what = match draw.random_range(0..7) {
        0 => {
            bytes.truncate(at);
            "cut off"
        }
        1 => {
            bytes[at..].fill(0);
            "zeros to its end"
        }
        2 => {
            bytes.extend((0..at % 5000).map(|_| draw.random::<u8>()));
            "more at its end"
        }
        3 => {
            bytes.drain(at / 2..at);
            "a piece gone"
        }
        4 => {
            fs::remove_file(file).unwrap();
            return "removed";
        }
        5 => {
            bytes.fill_with(|| draw.random());
            "none of it left"
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << draw.random_range(0..8);
            }
            "a bit"
        }
    };
    fs::write(file, bytes).unwrap();
    what
}

#[test]
fn whatever_is_done_to_the_files_it_serves_and_keeps_what_comes() {
    let rounds = counted(25, 500);
    let seed = 0x5e55;
    let mut draw = SmallRng::seed_from_u64(seed);
    let port = Port::free();
    let mut lb = start(&port, "always");
    lb.expect_errors();
    for round in 0..rounds {
        let mut client = serving(&port);
        for n in 0..20 {
            let (key, value) = (format!("{round} {n}"), "x".repeat(n * 30));
            let answer = client.ask(&["SET", &key, &value]);
            assert_eq!(answer, "+OK", "seed {seed:#x}, round {round}");
        }
        lb.kill9();
        // Sound files in between: what came after damage is kept too.
        if round % 3 > 0 {
            let files = files(&lb);
            let file = &files[draw.random_range(0..files.len())];
            let what = damage(file, &mut draw);
            let name = file.file_name().unwrap();
            eprintln!("seed {seed:#x}, round {round}: {name:?}: {what}");
            lb.restart();
            continue;
        }
        lb.restart();
        let there = serving(&port).ask(&["STRLEN", &format!("{round} 19")]);
        assert_eq!(there, ":570", "seed {seed:#x}, round {round}");
    }
}
