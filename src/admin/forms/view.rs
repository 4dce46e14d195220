//! A form as it is shown: its values, and each Problem beside its field.

use serde_json::{Map, Value as Json};

use super::field::{Field, Group, Kind, Source, pick};
use super::said::Said;
use crate::admin::form::Form;
use crate::admin::texts::Texts;
use crate::document::PlacedProblem;

/// A choice.
#[derive(Debug, Clone)]
pub(in crate::admin) struct Pick {
    pub(in crate::admin) value: String,
    pub(in crate::admin) label: String,
    pub(in crate::admin) help: &'static str,
    pub(in crate::admin) chosen: bool,
}

/// A row.
#[derive(Debug, Clone)]
pub(in crate::admin) struct Row {
    pub(in crate::admin) id: String,
    pub(in crate::admin) key: &'static str,
    /// Which control.
    pub(in crate::admin) control: &'static str,
    pub(in crate::admin) label: &'static str,
    pub(in crate::admin) help: &'static str,
    pub(in crate::admin) unit: &'static str,
    pub(in crate::admin) when: &'static str,
    pub(in crate::admin) value: String,
    pub(in crate::admin) options: Vec<Pick>,
    pub(in crate::admin) faults: Vec<Said>,
}

impl Row {
    /// How many lines its text area has.
    pub(in crate::admin) fn lines(&self) -> usize {
        self.value.lines().count().clamp(2, 11) + 1
    }

    /// What describes its control, by id.
    pub(in crate::admin) fn described(&self) -> String {
        match self.faults.is_empty() {
            true => format!("{}-help", self.id),
            false => format!("{}-fault {}-help", self.id, self.id),
        }
    }

    /// Whether a label alone names its control.
    pub(in crate::admin) fn is_single(&self) -> bool {
        !matches!(self.control, "cards" | "many" | "seg")
    }
}

/// Rows that belong together.
#[derive(Debug, Clone)]
pub(in crate::admin) struct Section {
    pub(in crate::admin) title: &'static str,
    pub(in crate::admin) hint: &'static str,
    pub(in crate::admin) folded: bool,
    pub(in crate::admin) rows: Vec<Row>,
}

impl Section {
    /// Whether it is shown open although rarely looked at.
    pub(in crate::admin) fn is_open(&self) -> bool {
        self.rows.iter().any(|row| !row.faults.is_empty())
    }
}

/// A form.
#[derive(Debug, Clone)]
pub(in crate::admin) struct View {
    /// Where it is sent.
    pub(in crate::admin) action: String,
    /// The revision it was made from.
    pub(in crate::admin) revision: u64,
    /// What it showed then, for who comes back late: a JSON object.
    pub(in crate::admin) was: String,
    pub(in crate::admin) sections: Vec<Section>,
    /// What is wrong and belongs to no row.
    pub(in crate::admin) alarms: Vec<Said>,
    /// Whether who looks may change anything.
    pub(in crate::admin) may: bool,
    /// What the button says.
    pub(in crate::admin) button: &'static str,
    /// Whether its button stands in its panel: it is one of several, or asks for something new.
    pub(in crate::admin) is_small: bool,
}

/// What a form is made of.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin) struct Frame<'a> {
    pub(in crate::admin) t: Texts,
    pub(in crate::admin) groups: &'static [Group],
    /// The names that a row may choose among, by key.
    pub(in crate::admin) names: &'a [(&'static str, Vec<String>)],
    pub(in crate::admin) revision: u64,
    pub(in crate::admin) may: bool,
}

impl Frame<'_> {
    /// The form with these values.
    pub(in crate::admin) fn view(&self, action: impl Into<String>, source: Source<'_>) -> View {
        let action = action.into();
        let prefix: String = action.chars().filter(char::is_ascii_alphanumeric).collect();
        let section = |group: &Group| Section {
            title: pick(self.t, group.title),
            hint: pick(self.t, group.hint),
            folded: group.folded,
            rows: group
                .fields
                .iter()
                .map(|field| self.row(&prefix, field, source))
                .collect(),
        };
        View {
            revision: self.revision,
            was: Json::Object(self.texts(source)).to_string(),
            sections: self.groups.iter().map(section).collect(),
            alarms: Vec::new(),
            may: self.may,
            button: self.t.form_save(),
            is_small: false,
            action,
        }
    }

    fn fields(&self) -> impl Iterator<Item = &'static Field> {
        self.groups.iter().flat_map(|group| group.fields)
    }

    fn texts(&self, source: Source<'_>) -> Map<String, Json> {
        let text = |field: &'static Field| (field.key.to_owned(), source.text(field).into());
        self.fields().map(text).collect()
    }

    /// Whether what was typed is in force.
    pub(in crate::admin) fn is_in_force(&self, form: &Form, now: &Json) -> bool {
        let no_new_secret = |field: &&Field| !matches!(field.kind, Kind::Secret);
        let same = |field: &'static Field| {
            no_new_secret(&field) && alike(&Source::Typed(form).text(field), &in_force(field, now))
                || form.get(field.key).is_empty() && !no_new_secret(&field)
        };
        self.fields().all(same)
    }

    /// What others have changed of what the form showed, a line each.
    pub(in crate::admin) fn meanwhile(&self, form: &Form, now: &Json) -> Vec<String> {
        let was: Json = serde_json::from_str(form.get("was")).unwrap_or_default();
        let told = self.fields().filter_map(|field| {
            let now = in_force(field, now);
            let was = was.get(field.key)?.as_str()?;
            let label = pick(self.t, field.label);
            (!alike(was, &now)).then(|| self.t.form_was(label, one_line(was), one_line(&now)))
        });
        told.collect()
    }

    fn row(&self, prefix: &str, field: &Field, source: Source<'_>) -> Row {
        let value = source.text(field);
        let chosen = |option: &str| match field.kind {
            Kind::Many(_) | Kind::Names => value.lines().any(|line| line == option),
            _ => value == option,
        };
        let option = |option: &str, label: &str, help: &'static str| Pick {
            value: option.to_owned(),
            label: label.to_owned(),
            help,
            chosen: chosen(option),
        };
        let words = |words| pick(self.t, words);
        let of_words = |all: &[(&str, _)]| -> Vec<Pick> {
            let one = |(value, label): &(&str, _)| option(value, words(*label), "");
            all.iter().map(one).collect()
        };
        let names = || {
            let known = self.names.iter().find(|(key, _)| *key == field.key);
            let known = known.map(|(_, names)| names.as_slice()).unwrap_or_default();
            // One that is gone is shown all the same, or it would be changed silently.
            let gone = value
                .lines()
                .filter(|name| !known.iter().any(|k| k == name));
            let all = known.iter().map(String::as_str).chain(gone);
            all.map(|name| option(name, name, "")).collect::<Vec<_>>()
        };
        let (control, unit, options) = match field.kind {
            Kind::Text => ("text", "", Vec::new()),
            Kind::Number(unit) => ("short", words(unit), Vec::new()),
            Kind::Size | Kind::Time => ("short", "", Vec::new()),
            Kind::Flag => ("flag", "", Vec::new()),
            Kind::Choice(all) if all.len() <= 4 => ("seg", "", of_words(all)),
            Kind::Choice(all) => ("select", "", of_words(all)),
            Kind::Cards(all) => {
                let one = |(value, label, help): &(&str, _, _)| {
                    option(value, words(*label), words(*help))
                };
                ("cards", "", all.iter().map(one).collect())
            }
            Kind::Many(all) => ("many", "", of_words(all)),
            Kind::Name => ("select", "", names()),
            Kind::Names => ("many", "", names()),
            Kind::Lines | Kind::Pairs => ("area", "", Vec::new()),
            Kind::Area => ("area", "", Vec::new()),
            Kind::Pem | Kind::PemKey => ("pem", "", Vec::new()),
            Kind::Secret => ("secret", "", Vec::new()),
        };
        Row {
            id: format!("{prefix}-{}", field.key.replace('.', "-")),
            key: field.key,
            control,
            label: words(field.label),
            help: words(field.help),
            unit,
            when: field.when,
            value,
            options,
            faults: Vec::new(),
        }
    }
}

fn in_force(field: &Field, now: &Json) -> String {
    Source::Document(now).text(field)
}

/// Browsers end lines by two characters, and lists have no order.
fn alike(a: &str, b: &str) -> bool {
    let lines = |text: &str| {
        let mut lines: Vec<String> = text.trim().lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    lines(a) == lines(b)
}

/// A value short enough for a sentence.
fn one_line(text: &str) -> String {
    let line = text.trim().lines().collect::<Vec<_>>().join(", ");
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.is_empty() => "–".to_owned(),
        None => line,
    }
}

impl View {
    /// Says `word` on its button.
    pub(in crate::admin) fn button(mut self, word: &'static str) -> Self {
        self.button = word;
        self
    }

    /// The same, within its panel.
    pub(in crate::admin) fn small(mut self, word: &'static str) -> Self {
        self.is_small = true;
        self.button(word)
    }

    /// The rows that something is wrong with.
    pub(in crate::admin) fn faulty(&self) -> Vec<&Row> {
        let rows = self.sections.iter().flat_map(|section| &section.rows);
        rows.filter(|row| !row.faults.is_empty()).collect()
    }

    /// Puts each Problem of the edit numbered `edit` beside its row, and the rest above.
    pub(in crate::admin) fn tell(&mut self, t: Texts, problems: &[PlacedProblem], edit: usize) {
        for found in problems {
            let own = found.in_part.as_ref().filter(|own| own.edit == edit);
            let said = Said::of(t, &found.problem);
            match own.and_then(|own| self.row_of(&own.field)) {
                Some(row) => row.faults.push(said),
                None => self.alarms.push(said.at(&found.problem.field)),
            }
        }
    }

    fn row_of(&mut self, field: &str) -> Option<&mut Row> {
        let rows = || self.sections.iter().flat_map(|section| &section.rows);
        let is_of = |row: &&Row| {
            let rest = field.strip_prefix(row.key);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let around = |row: &&Row| {
            let rest = row.key.strip_prefix(field);
            !field.is_empty() && rest.is_some_and(|rest| rest.starts_with('.'))
        };
        let exact = rows().filter(is_of).max_by_key(|row| row.key.len());
        let key = exact.or_else(|| rows().find(around)).map(|row| row.key)?;
        let mut rows = self
            .sections
            .iter_mut()
            .flat_map(|section| &mut section.rows);
        rows.find(|row| row.key == key)
    }
}
