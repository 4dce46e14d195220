//! The wire schema: TOML and JSON ⇄ model, with every Problem in its place.
//!
//! One noun per file, its `read` and `write` side by side, so that a new field touches one file.
//! What a Config must hold beyond its single fields is `model::Config::check`, which runs here too.

mod acme;
mod admin;
mod affinity;
mod backup;
mod boot;
mod certificate;
mod config;
mod diff;
mod files;
mod follow_on;
mod headers;
mod health_check;
mod hsts;
mod keepalive;
mod later;
mod listener;
mod listener_tls;
mod logs;
mod node;
mod part;
mod part_edit;
mod place;
mod pool;
mod pool_tls;
mod queue;
mod reader;
mod redirect;
mod respond;
mod retry;
mod route;
mod secret;
mod sessions;
mod settings;
mod site;
mod size;
mod take_back;
mod time;
mod toml;
mod tree;
mod value;
mod webhook;
mod writer;

#[cfg(test)]
mod tests;

use serde_json::Value as Json;

pub use boot::parse_boot;
pub use diff::{Change, Op, diff};
pub use part::{InPart, Part};
pub use part_edit::{NoEdit, PartEdit, PartOp, edit, put_last};
pub use place::{PlacedProblem, PlacedProblems};
pub use take_back::{NotTakenBack, take_back};
pub use time::parse as parse_time;

use crate::model::{Code, Config, Problem};
use place::{Lines, Places};
use reader::{Found, Reader};
use tree::SyntaxError;
use writer::Writer;

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people: `export`, `apply`, `check`.
    Toml,
    /// For programs: the API.
    Json,
}

/// A document without a Problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// What it says.
    pub config: Config,
    /// What is allowed and probably not meant.
    pub warnings: Vec<String>,
}

/// Reads a document.
///
/// # Errors
/// Every Problem of it, in the order of the document. A text that is no TOML or JSON at all has one.
pub fn parse(text: &str, format: Format) -> Result<Parsed, PlacedProblems> {
    let tree = match format {
        Format::Toml => tree::from_toml(text),
        Format::Json => tree::from_json(text),
    };
    let tree = tree.map_err(|error| no_document(text, error))?;
    let mut found = Vec::new();
    let config = Reader::document(&tree, &mut found, config::read);
    let of_check = follow_on::left_out(config.check(), &found);
    if found.is_empty() && of_check.is_empty() {
        let warnings = config.warnings();
        return Ok(Parsed { config, warnings });
    }
    // Only now: most documents have no Problem, and a large one has very many places.
    let places = Places::of(&tree);
    found.extend(of_check.into_iter().map(|problem| Found {
        at: places.of_field(&problem.field),
        problem,
    }));
    found.sort_by_key(|found| found.at);
    let lines = Lines::new(text);
    let placed = found.into_iter().map(|Found { at, problem }| {
        // The places of a JSON tree are an order only.
        let place = (format == Format::Toml).then(|| lines.place(at));
        placed(problem, place)
    });
    Err(PlacedProblems::new(placed.collect()))
}

/// `problems` found elsewhere, such as in a port that is taken, at their places in the
/// document that they are of.
pub fn in_place(text: &str, format: Format, problems: PlacedProblems) -> PlacedProblems {
    let (Format::Toml, Ok(tree)) = (format, tree::from_toml(text)) else {
        return problems;
    };
    let (places, lines) = (Places::of(&tree), Lines::new(text));
    let in_place = problems.iter().map(|found| {
        let place = lines.place(places.of_field(&found.problem.field));
        placed(found.problem.clone(), Some(place))
    });
    PlacedProblems::new(in_place.collect())
}

fn no_document(text: &str, error: SyntaxError) -> PlacedProblems {
    let place = error.at.map(|at| Lines::new(text).place(at));
    let problem = Problem {
        field: String::new(),
        code: Code::Syntax,
        message: error.message,
    };
    PlacedProblems::new(vec![placed(problem, place)])
}

fn placed(problem: Problem, place: Option<(usize, usize)>) -> PlacedProblem {
    PlacedProblem {
        problem,
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
        in_part: None,
    }
}

/// The document of `config`: stable order, no defaults, one blank line between tables.
pub fn to_toml(config: &Config) -> String {
    let mut writer = Writer::new(false);
    config::write(&mut writer, config);
    toml::render(&writer.finish())
}

/// The same document as JSON: `version` first, stable order, no defaults.
pub fn to_json(config: &Config) -> Json {
    let mut writer = Writer::new(false);
    config::write(&mut writer, config);
    Json::Object(writer.finish())
}

/// As [`to_json`], with every default: what two Configs are compared by, and what a view of
/// them shows. It is read back as the same Config, but for a secret given as text, which is hidden.
pub fn to_full_json(config: &Config) -> Json {
    let mut writer = Writer::new(true);
    config::write(&mut writer, config);
    Json::Object(writer.finish())
}
