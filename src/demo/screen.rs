//! What the demo shows: ten lines of what to try, then who answered. On a terminal
//! the table is redrawn in place; elsewhere a plain line comes every few seconds.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// One line of the table.
#[derive(Debug)]
pub(super) struct Row {
    /// The node.
    pub(super) name: &'static str,
    /// Its weight now.
    pub(super) weight: u64,
    /// What it is to do and how it is.
    pub(super) state: String,
    /// Requests it has answered.
    pub(super) answered: u64,
    /// Its part of the answers of the last seconds, in percent.
    pub(super) lately: usize,
    /// Its mean time to answer.
    pub(super) mean: Option<Duration>,
}

/// What the table shows at one moment.
#[derive(Debug)]
pub(super) struct View {
    /// The nodes.
    pub(super) rows: Vec<Row>,
    /// Requests so far.
    pub(super) requests: u64,
    /// Requests without a good answer.
    pub(super) failed: u64,
    /// Times a node answered 500. The client sees it only where no other node is left.
    pub(super) errors: u64,
}

/// Standard output, and how the table is drawn on it.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: bool,
    drawn: usize,
}

impl Screen {
    /// Finds out what standard output is.
    pub(super) fn new() -> Self {
        Self {
            terminal: io::stdout().is_terminal(),
            drawn: 0,
        }
    }

    /// How long the shown state may be old.
    pub(super) fn pace(&self) -> Duration {
        if self.terminal {
            Duration::from_millis(500)
        } else {
            Duration::from_secs(5)
        }
    }

    /// Shows `view` instead of the last one.
    ///
    /// # Errors
    /// When nobody reads it any more.
    pub(super) fn show(&mut self, view: &View) -> io::Result<()> {
        if !self.terminal {
            return say(&view.line());
        }
        let table = view.table();
        let mut text = String::new();
        if self.drawn > 0 {
            let _ = write!(text, "\x1b[{}A", self.drawn);
        }
        for line in table.lines() {
            let _ = writeln!(text, "\x1b[2K{line}");
        }
        self.drawn = table.lines().count();
        print(&text)
    }
}

/// Prints one line.
///
/// # Errors
/// When nobody reads it any more.
pub(super) fn say(line: &str) -> io::Result<()> {
    print(&format!("{line}\n"))
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

impl View {
    /// No line is over 79 columns: one that wraps could not be redrawn in place.
    fn table(&self) -> String {
        let mut text = format!(
            "{:<8}{:>6}  {:<22}{:>10}{:>14}{:>10}\n",
            "NODE", "WEIGHT", "STATE", "ANSWERED", "LAST 10 S", "MEAN"
        );
        for row in &self.rows {
            let state: String = row.state.chars().take(20).collect();
            let mean = row.mean.map_or_else(
                || "-".to_owned(),
                |mean| format!("{:.0} ms", mean.as_secs_f64() * 1000.0),
            );
            let _ = writeln!(
                text,
                "{:<8}{:>6}  {:<22}{:>10}{:>14}{:>10}",
                row.name,
                row.weight,
                state,
                row.answered,
                format!("{} %", row.lately),
                mean
            );
        }
        let _ = writeln!(text, "{}", self.sum());
        text
    }

    fn line(&self) -> String {
        let parts: Vec<String> = self
            .rows
            .iter()
            .map(|row| format!("{} {} ({})", row.name, row.answered, row.state))
            .collect();
        format!("{}; {}", self.sum(), parts.join(", "))
    }

    fn sum(&self) -> String {
        format!(
            "requests {}, failed {}; answers 500 from a node, tried again on another: {}",
            self.requests, self.failed, self.errors
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Row, View};

    fn view() -> View {
        let row = |name, weight, state: &str, answered, lately, mean| Row {
            name,
            weight,
            state: state.to_owned(),
            answered,
            lately,
            mean,
        };
        let ms = |ms| Some(Duration::from_millis(ms));
        View {
            rows: vec![
                row("fast", 3, "up", 300, 50, ms(1)),
                row("slow", 2, "draining, up", 200, 33, ms(82)),
                row("flaky", 1, "down: connection refused by all", 0, 0, None),
            ],
            requests: 500,
            failed: 0,
            errors: 7,
        }
    }

    #[test]
    fn the_table_is_aligned_and_never_wraps() {
        let table = view().table();
        assert_eq!(
            table,
            "\
NODE    WEIGHT  STATE                   ANSWERED     LAST 10 S      MEAN
fast         3  up                           300          50 %      1 ms
slow         2  draining, up                 200          33 %     82 ms
flaky        1  down: connection ref           0           0 %         -
requests 500, failed 0; answers 500 from a node, tried again on another: 7
"
        );
        assert!(table.lines().all(|line| line.len() < 80));
    }

    #[test]
    fn a_pipe_gets_one_plain_line() {
        assert_eq!(
            view().line(),
            "requests 500, failed 0; answers 500 from a node, tried again on another: 7; \
             fast 300 (up), slow 200 (draining, up), flaky 0 (down: connection refused by all)"
        );
    }
}
