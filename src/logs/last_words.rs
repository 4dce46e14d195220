//! The last lines of the program's own log at WARN and ERROR, in memory: for who asks what went
//! wrong and has not the journal at hand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Limit: so many lines of so many characters, 25 KiB of letters.
const LINES: usize = 50;
const LINE: usize = 500;

/// What went wrong last. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct LastWords(Arc<Mutex<VecDeque<String>>>);

impl LastWords {
    /// The lines, the oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    /// Keeps a line as it is written to a terminal or a journal.
    pub(super) fn keep(&self, line: &[u8]) {
        let plain = without_colours(&String::from_utf8_lossy(line));
        let mut short: String = plain.chars().take(LINE).collect();
        if short.len() < plain.len() {
            short.push('…');
        }
        let mut lines = self.lock();
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(short);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line without what colours it on a terminal: `ESC [ … m`.
fn without_colours(line: &str) -> String {
    let mut parts = line.trim().split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{LINE, LINES, LastWords};

    #[test]
    fn the_last_lines_are_kept_short_and_plain() {
        let words = LastWords::default();
        for number in 0..=LINES {
            words.keep(format!("line {number}\n").as_bytes());
        }
        let lines = words.lines();
        assert_eq!((lines.len(), lines[0].as_str()), (LINES, "line 1"));
        words.keep("\u{1b}[2mWed\u{1b}[0m \u{1b}[33m WARN\u{1b}[0m no disk\n".as_bytes());
        assert_eq!(words.lines().last().unwrap(), "Wed  WARN no disk");
        words.keep("x".repeat(LINE * 2).as_bytes());
        let last = words.lines().pop().unwrap();
        assert_eq!(last.chars().count(), LINE + 1);
    }
}
