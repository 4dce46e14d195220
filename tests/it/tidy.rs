//! Rules of the house that no compiler knows.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::appliance::run;

/// From left to right: a module uses only modules of rows below its own.
const LAYERS: &[&[&str]] = &[
    &["app"],
    &["cli", "demo", "admin"],
    &["control", "people"],
    &["listener"],
    &["proxy", "health", "webhooks"],
    &["snapshot"],
    &["acme"],
    &["balance", "files", "cache", "http", "tls"],
    &["store", "session", "logs", "metrics"],
    &["disk", "systemd"],
    &["document"],
    &["model"],
];

/// Files over [`LONGEST`] lines that are one idea all the same, each with its reason.
const LONG: &[(&str, &str)] = &[];

const LONGEST: usize = 400;

fn house() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder of the house, with its path from there and its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = house().join(folder);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no Rust in {folder}");
    found
}

/// The first word of a path below `src/`: `proxy/retry.rs` is in `proxy`.
fn module_of(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str();
    Path::new(first)
        .file_stem()
        .unwrap()
        .to_string_lossy()
        .into_owned()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

/// The modules of ours that a text names by `crate::…`, comments left out.
fn uses(text: &str) -> Vec<String> {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let mut used: Vec<String> = Vec::new();
    for line in code {
        for rest in line.split("crate::").skip(1) {
            match rest.strip_prefix('{') {
                Some(several) => {
                    let names = several.split(['{', '}', ',']);
                    used.extend(names.map(word).filter(|name| layer(name).is_some()));
                }
                None => used.push(word(rest)),
            }
        }
    }
    used.retain(|name| !name.is_empty());
    used
}

fn word(text: &str) -> String {
    let letters = text.trim().chars();
    letters
        .take_while(|c| c.is_ascii_lowercase() || *c == '_')
        .collect()
}

#[test]
fn the_layers_point_one_way() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let module = module_of(&path);
        // What wires the whole together.
        if matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        let Some(own) = layer(&module) else {
            wrong.push(format!("{}: {module} is in no layer", path.display()));
            continue;
        };
        for used in uses(&text) {
            if used != module && layer(&used).is_none_or(|other| other <= own) {
                wrong.push(format!("{}: {module} may not use {used}", path.display()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_use_of_another_layer_is_seen_however_it_is_written() {
    let text = "//! crate::app\nuse crate::{model::Name, store};\nlet x = crate::proxy::y(crate::http::z);\n";
    assert_eq!(uses(text), ["model", "store", "proxy", "http"]);
    assert_eq!(module_of(Path::new("proxy/retry.rs")), "proxy");
    assert_eq!(module_of(Path::new("app.rs")), "app");
}

#[test]
fn no_source_file_is_longer_than_one_idea() {
    let named = |path: &Path| LONG.iter().any(|(long, _)| Path::new(long) == path);
    // A list of cases may be as long as it has cases.
    let is_test = |path: &Path| {
        let mut parts = path.components();
        parts.any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
    };
    let long: Vec<String> = sources("src")
        .iter()
        .filter(|(path, text)| text.lines().count() > LONGEST && !named(path) && !is_test(path))
        .map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
        .collect();
    assert_eq!(long, Vec::<String>::new());
}

#[test]
fn every_file_says_what_it_is_for() {
    for folder in ["src", "tests/it"] {
        for (path, text) in sources(folder) {
            assert!(
                text.starts_with("//! "),
                "{folder}/{} has no //!",
                path.display()
            );
        }
    }
}

#[test]
fn nothing_is_left_to_be_done_later() {
    // Written apart, so that this file does not find itself.
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("unimplemented", "!"),
    ];
    for folder in ["src", "tests/it"] {
        for (path, text) in sources(folder) {
            for word in words {
                assert!(
                    !text.contains(word),
                    "{word} in {folder}/{}",
                    path.display()
                );
            }
            assert!(
                !text.contains(concat!("#[", "ignore")),
                "a test of {} is ignored",
                path.display()
            );
        }
    }
}

#[test]
fn every_integration_test_is_part_of_the_binary() {
    let main = fs::read_to_string(house().join("tests/it/main.rs")).unwrap();
    for (path, _) in sources("tests/it") {
        let module = module_of(&path);
        let named = main.contains(&format!("mod {module};"));
        assert!(module == "main" || named, "{module} is not in main.rs");
    }
}

#[test]
fn the_readme_is_short_and_begins_with_the_two_commands() {
    let readme = fs::read_to_string(house().join("README.md")).unwrap();
    assert!(
        readme.lines().count() <= 150,
        "{} lines",
        readme.lines().count()
    );
    for command in ["cargo run --release -- demo", "./dev test"] {
        assert!(readme.contains(command), "no {command}");
    }
}

#[test]
fn an_operator_s_page_answers_questions_by_commands_that_there_are() {
    let page = fs::read_to_string(house().join("docs/operating.md")).unwrap();
    let headings = page.lines().filter_map(|line| line.strip_prefix("## "));
    let mut count = 0;
    for heading in headings {
        assert!(heading.ends_with('?'), "{heading}");
        count += 1;
    }
    assert!(count >= 15, "{count} questions");
    let readme = fs::read_to_string(house().join("README.md")).unwrap();
    let mut verbs: Vec<String> = Vec::new();
    for text in [&page, &readme] {
        let said = text.split(['`', '\n']).filter(|said| !said.contains("//"));
        let after = said
            .filter_map(|said| said.split_once("steelyard "))
            .map(|(_, rest)| rest);
        let verb = |rest: &str| -> String {
            rest.chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '-')
                .collect()
        };
        verbs.extend(after.map(verb).filter(|verb| verb.len() > 3));
    }
    verbs.sort_unstable();
    verbs.dedup();
    assert!(verbs.len() > 12, "{verbs:?}");
    for verb in &verbs {
        let help = run(&[verb, "--help"], "");
        assert!(help.status.success(), "there is no `steelyard {verb}`");
    }
}

#[test]
fn the_architecture_page_and_the_changelog_are_there() {
    let architecture = fs::read_to_string(house().join("docs/ARCHITECTURE.md")).unwrap();
    assert!(architecture.lines().count() <= 250);
    let changelog = fs::read_to_string(house().join("CHANGELOG.md")).unwrap();
    assert!(
        changelog.contains("Unreleased"),
        "no heading for what is to come"
    );
}
