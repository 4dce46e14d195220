//! The JSON of a change and of its Problems, and how people see it.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;

use super::output::{Failure, tell};
use crate::document::{self, Op};

/// What a change did: the object of `apply --json`.
#[derive(Debug, Deserialize)]
pub(super) struct Applied {
    changed: bool,
    dry_run: bool,
    revision: u64,
    changes: Vec<Change>,
    #[serde(default)]
    read_again: Vec<String>,
    /// What is allowed and probably not meant.
    #[serde(default)]
    pub(super) warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Change {
    op: String,
    field: String,
    before: Option<Value>,
    after: Option<Value>,
}

/// One Problem as the API tells it.
#[derive(Debug, Deserialize)]
struct Problem {
    field: String,
    line: Option<u64>,
    column: Option<u64>,
    message: String,
}

/// Reads the answer of an instance as a `T`.
///
/// # Errors
/// When it is something else: another version answered.
pub(super) fn read<T: for<'de> Deserialize<'de>>(answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|error| {
        Failure::run_time(format!(
            "the running steelyard answers otherwise than this version expects ({error}); \
             restart it after an upgrade"
        ))
    })
}

impl Applied {
    /// The diff, one change a line, and which revision serves. `running` says whether
    /// an instance serves it now.
    pub(super) fn render(self, running: bool) -> String {
        let mut text = String::new();
        let none = self.changes.is_empty();
        for change in self.changes {
            let _ = writeln!(text, "{}", change.render());
        }
        if none {
            let nothing = std::iter::once("no changes".to_owned());
            let all: Vec<String> = nothing.chain(self.read_again).collect();
            let _ = writeln!(text, "{}", all.join("; "));
        } else {
            for what in self.read_again {
                let _ = writeln!(text, "{what}");
            }
        }
        let revision = self.revision;
        let _ = match (self.dry_run && self.changed, running) {
            (true, true) if revision > 0 => {
                writeln!(text, "dry run: revision {revision} goes on serving")
            }
            (true, _) => writeln!(text, "dry run: nothing is written"),
            (false, true) => writeln!(text, "revision {revision} is serving"),
            (false, false) if self.changed => writeln!(
                text,
                "revision {revision} is written; starts serving when steelyard starts"
            ),
            (false, false) => writeln!(
                text,
                "revision {revision} is stored; starts serving when steelyard starts"
            ),
        };
        text
    }
}

impl Change {
    fn render(self) -> String {
        let op = match self.op.as_str() {
            "add" => Op::Add,
            "remove" => Op::Remove,
            _ => Op::Change,
        };
        document::Change {
            op,
            field: self.field,
            way: Vec::new(),
            before: self.before,
            after: self.after,
        }
        .to_string()
    }
}

/// Shows every Problem of the document called `name`, each as `FILE:LINE:COL: field: message`.
pub(super) fn tell_problems(name: &str, problems: &Value) -> Result<(), Failure> {
    let problems: Vec<Problem> = read(problems["problems"].clone())?;
    for problem in problems {
        tell(&problem.render(name));
    }
    Ok(())
}

impl Problem {
    fn render(&self, name: &str) -> String {
        let mut text = name.to_owned();
        if let (Some(line), Some(column)) = (self.line, self.column)
            && line > 0
        {
            let _ = write!(text, ":{line}:{column}");
        }
        if !self.field.is_empty() {
            let _ = write!(text, ": {}", self.field);
        }
        let _ = write!(text, ": {}", self.message);
        // One line, whatever the document put into a name.
        text.chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Applied, Problem, read};

    fn rendered(answer: Value, running: bool) -> String {
        read::<Applied>(answer).unwrap().render(running)
    }

    #[test]
    fn a_change_is_shown_one_line_each_with_its_revision() {
        let changes = json!([
            {"op": "change", "field": "pools.django.nodes.web-1.weight", "before": 1, "after": 3},
            {"op": "add", "field": "pools.django.nodes.web-4", "before": null, "after": {"address": "10.0.0.4:80"}},
            {"op": "remove", "field": "listeners.old", "before": {"name": "old"}, "after": null}
        ]);
        let answer = |changed: bool, dry_run: bool, changes: &Value| json!({"changed": changed, "dry_run": dry_run, "revision": 7, "changes": changes, "problems": []});
        assert_eq!(
            rendered(answer(true, false, &changes), true),
            "\
~ pools.django.nodes.web-1.weight: 1 -> 3
+ pools.django.nodes.web-4: {\"address\":\"10.0.0.4:80\"}
- listeners.old
revision 7 is serving
"
        );
        let last = |changed, dry_run, running| {
            let text = rendered(answer(changed, dry_run, &changes), running);
            text.lines().last().unwrap().to_owned()
        };
        assert_eq!(
            last(true, true, true),
            "dry run: revision 7 goes on serving"
        );
        assert_eq!(last(true, true, false), "dry run: nothing is written");
        assert_eq!(
            last(true, false, false),
            "revision 7 is written; starts serving when steelyard starts"
        );
        assert_eq!(
            rendered(answer(false, false, &json!([])), true),
            "no changes\nrevision 7 is serving\n"
        );
    }

    #[test]
    fn what_was_read_again_is_told() {
        let answer = |changes: Value| {
            let answer = json!({"changed": true, "dry_run": false, "revision": 7, "changes": changes,
                "read_again": ["a was read again", "b was read again"], "problems": []});
            rendered(answer, true)
        };
        assert_eq!(
            answer(json!([])),
            "no changes; a was read again; b was read again\nrevision 7 is serving\n"
        );
        let changes = json!([{"op": "remove", "field": "x", "before": {}, "after": null}]);
        assert_eq!(
            answer(changes),
            "- x\na was read again\nb was read again\nrevision 7 is serving\n"
        );
    }

    #[test]
    fn a_problem_is_shown_at_its_place_when_it_has_one() {
        let problem = |line: Value, field: &str| {
            let problem = json!({"field": field, "line": line, "column": 10, "code": "value",
                "message": "must be 1 to 1000 (is 0)"});
            read::<Problem>(problem).unwrap().render("site.toml")
        };
        assert_eq!(
            problem(json!(12), "pools[0].nodes[1].weight"),
            "site.toml:12:10: pools[0].nodes[1].weight: must be 1 to 1000 (is 0)"
        );
        assert_eq!(
            problem(json!(null), "pools"),
            "site.toml: pools: must be 1 to 1000 (is 0)"
        );
        assert_eq!(
            problem(json!(1), ""),
            "site.toml:1:10: must be 1 to 1000 (is 0)"
        );
    }
}
