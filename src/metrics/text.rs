//! Prometheus's text format, version 0.0.4.
//!
//! By hand: it is three kinds of line, and the client library at hand writes
//! OpenMetrics only, which older scrapers and `promtool check` do not read.

use std::fmt::{Display, Write as _};

/// What `/metrics` declares itself to be.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family's numbers mean.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by upper bound, and their sum.
    Histogram,
}

/// The text being written.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// Opens a family; all its samples must follow before the next one.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// One number of the open family.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.line(format_args!("{name}"));
        for (place, (label, value)) in labels.iter().enumerate() {
            let open = if place == 0 { '{' } else { ',' };
            self.line(format_args!("{open}{label}=\"{}\"", Escaped(value)));
        }
        let close = if labels.is_empty() { "" } else { "}" };
        self.line(format_args!("{close} {value}\n"));
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        self.0
            .write_fmt(text)
            .expect("writing to a String cannot fail");
    }
}

// A label's value: names are tame, but the format has a rule and we keep it.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Text};

    #[test]
    fn a_label_s_value_cannot_end_its_line() {
        let mut text = Text::default();
        text.family("a_total", Kind::Counter, "Some.");
        text.sample("a_total", &[("x", "q\"\\\nz"), ("y", "é")], 7);
        text.sample("a_total", &[], 0.5);
        let expected = "# HELP a_total Some.\n# TYPE a_total counter\n\
            a_total{x=\"q\\\"\\\\\\nz\",y=\"é\"} 7\na_total 0.5\n";
        assert_eq!(text.finish(), expected);
    }
}
