//! Leaving out what only repeats: a value that could not be read has had its Problem.

use std::collections::HashSet;

use super::later::nearest;
use super::place::parent;
use super::reader::Found;
use crate::model::{Code, Problem, Problems};

/// The Problems of the whole that are not about a field already `found` faulty.
pub(super) fn left_out(problems: Problems, found: &[Found]) -> Vec<Problem> {
    let told: HashSet<&str> = found.iter().map(|f| f.problem.field.as_str()).collect();
    let wrong_type: HashSet<&str> = found
        .iter()
        .filter(|f| f.problem.code == Code::Type)
        .map(|f| f.problem.field.as_str())
        .collect();
    let hidden = |table: &str| found.iter().any(|found| hides(&found.problem, table));
    let (pools, listeners) = (hidden("pools"), hidden("listeners"));
    let certificates = hidden("certificates");
    let sites = hidden("sites");
    let repeats = |problem: &Problem| {
        let field = problem.field.as_str();
        let mut around = std::iter::successors(Some(field), |way| parent(way));
        let dangling = problem.code == Code::Dangling;
        told.contains(field)
            || around.any(|way| wrong_type.contains(way))
            || dangling && pools && (field.ends_with(".pool") || field.ends_with(".fallback"))
            || dangling && listeners && field.contains(".listeners[")
            || certificates && (field.ends_with(".tls") || field.contains(".tls.certificates["))
            || sites && field == "sites"
    };
    problems.into_iter().filter(|p| !repeats(p)).collect()
}

/// Whether `problem` keeps us from knowing every name in `table`, which something may well
/// refer to.
fn hides(problem: &Problem, table: &str) -> bool {
    let field = problem.field.as_str();
    if problem.code == Code::UnknownKey {
        return nearest(field, &[table]).is_some();
    }
    let Some(rest) = field.strip_prefix(table) else {
        return false;
    };
    let in_entry = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let whole = rest.is_empty() || in_entry.is_some_and(|(_, key)| key.is_empty());
    let its_name = in_entry.is_some_and(|(_, key)| key == ".name");
    match problem.code {
        Code::Type => whole || its_name,
        Code::Missing => its_name,
        _ => false,
    }
}
