//! The guard of what a request costs (`./dev bench --count`) can fail: what it calls dearer.

#[path = "../../benches/agreed.rs"]
mod agreed;

use std::fs;
use std::path::Path;

use agreed::{ELSEWHERE, Figures, THOUSANDTHS};

const AGREED: &str = "# rustc 1, x\nW1 instructions=36000 futex=10 recvfrom=200 writev=200\n\
                      W10 instructions=1\n";

fn w1() -> Figures {
    Figures::agreed("W1", AGREED).unwrap()
}

#[test]
fn a_line_is_read_as_it_was_written() {
    assert_eq!(
        w1().line(),
        "W1 instructions=36000 futex=10 recvfrom=200 writev=200\n"
    );
    assert_eq!(Figures::agreed("W2", AGREED), None);
}

#[test]
fn three_in_a_hundred_instructions_more_are_dearer() {
    let mut figures = w1();
    figures.instructions = 37_080;
    assert_eq!(figures.dearer(&w1(), THOUSANDTHS), Vec::<String>::new());
    figures.instructions = 37_081;
    assert_eq!(
        figures.dearer(&w1(), THOUSANDTHS),
        ["W1: 37081 instructions a request, 36000 agreed"]
    );
    // Another compiler may do so much, and no more.
    assert_eq!(figures.dearer(&w1(), ELSEWHERE), Vec::<String>::new());
    figures.instructions = 39_601;
    assert_eq!(figures.dearer(&w1(), ELSEWHERE).len(), 1);
}

#[test]
fn one_call_more_is_dearer_under_its_own_name() {
    let mut figures = w1();
    figures.calls.insert("recvfrom".into(), 299);
    figures.calls.insert("close".into(), 99);
    assert_eq!(
        figures.dearer(&w1(), ELSEWHERE),
        [
            "W1: 99 close in 100 requests, 0 agreed",
            "W1: 299 recvfrom in 100 requests, 200 agreed"
        ]
    );
    figures.calls.insert("recvfrom".into(), 240);
    figures.calls.insert("close".into(), 1);
    // How many came at once is chance.
    figures.calls.insert("futex".into(), 900);
    assert_eq!(figures.dearer(&w1(), THOUSANDTHS), Vec::<String>::new());
}

#[test]
fn of_two_measurements_the_least_counts() {
    let (mut slow, mut chance) = (w1(), w1());
    slow.instructions = 40_000;
    chance.calls.insert("accept4".into(), 60);
    chance.calls.insert("recvfrom".into(), 260);
    assert_eq!(slow.clone().least(&chance), w1());
    assert_eq!(chance.least(&slow), w1());
}

#[test]
fn every_workload_that_is_counted_was_agreed_on() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/counts.txt");
    let text = fs::read_to_string(path).unwrap();
    assert!(text.starts_with("# rustc "), "{text}");
    for name in ["W1", "W2", "W4", "W5", "W6s"] {
        let figures = Figures::agreed(name, &text).unwrap();
        assert!(figures.instructions > 10_000, "{name}");
        assert!(figures.calls["recvfrom"] >= 100, "{name}");
    }
}
