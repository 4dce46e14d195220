//! What a document may say of a secret, and that nothing ever repeats one.

use super::super::{Format, diff, parse, to_full_json, to_json, to_toml};
use super::{config, told};
use crate::model::{Config, Secret, SecretBytes};

fn document(secret: &str) -> String {
    format!("version = 1\n[settings]\naffinity_secret = {secret}\n")
}

fn read(secret: &str) -> Secret {
    config(&document(secret)).settings.affinity_secret
}

fn text(text: &str) -> Secret {
    Secret::Text(SecretBytes::new(text.as_bytes()))
}

#[test]
fn a_secret_is_text_a_file_or_a_variable() {
    assert_eq!(read("\"open sesame\""), text("open sesame"));
    assert_eq!(
        read("{ file = \"/run//keys/a\" }"),
        Secret::File("/run/keys/a".into())
    );
    assert_eq!(read("{ env = \"KEY\" }"), Secret::Env("KEY".to_owned()));
    for nothing in ["{ file = \"\" }", "{ env = \"\" }"] {
        assert_eq!(read(nothing), Secret::Absent, "{nothing}");
    }
    let json = r#"{"version":1,"settings":{"affinity_secret":"open sesame"}}"#;
    let parsed = parse(json, Format::Json).unwrap().config;
    assert_eq!(parsed.settings.affinity_secret, text("open sesame"));
}

#[test]
fn a_problem_of_a_secret_does_not_repeat_it() {
    for (secret, problem) in [
        (
            "\"\"",
            "must not be empty; without the key a secret stays as it is",
        ),
        (
            "4711",
            "must be text in quotes, { file = \"…\" } or { env = \"…\" }",
        ),
        (
            "[\"4711\"]",
            "must be text in quotes, { file = \"…\" } or { env = \"…\" }",
        ),
        (
            "{}",
            "must hold file or env: { file = \"…\" } or { env = \"…\" }",
        ),
        (
            "{ file = \"/a\", env = \"B\" }",
            "must hold file or env, not both",
        ),
    ] {
        let expected = format!("lb.toml:3:19: settings.affinity_secret: {problem}");
        assert_eq!(told(&document(secret)), [expected], "{secret}");
    }
    for secret in ["{ file = 4711 }", "{ text = \"4711\" }", "{ env = [4711] }"] {
        let told = told(&document(secret));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(!told[0].contains("4711"), "{told:?}");
    }
    let long = document(&format!("\"{}\"", "4711".repeat(16 * 1024 + 1)));
    let told = told(&long);
    assert_eq!(
        told,
        ["lb.toml:3:19: settings.affinity_secret: must be at most 65536 bytes"]
    );
}

#[test]
fn a_place_that_no_secret_can_come_from_is_refused() {
    let told = |secret| told(&document(secret)).join("\n");
    assert_eq!(
        told("{ file = \"keys/a\" }"),
        "lb.toml:3:28: settings.affinity_secret.file: must be an absolute path (is \"keys/a\")"
    );
    assert!(told("{ env = \"A=B\" }").contains("must be the name of a variable"));
}

#[test]
fn a_text_is_never_written_and_a_place_is() {
    let hidden = config(&document("\"open sesame\""));
    assert_eq!(to_toml(&hidden), "version = 1\n");
    assert_eq!(to_json(&hidden).to_string(), r#"{"version":1}"#);
    assert!(!to_full_json(&hidden).to_string().contains("sesame"));
    let file = config(&document("{ file = \"/run/a\" }"));
    assert_eq!(
        to_toml(&file),
        "version = 1\n\n[settings]\naffinity_secret = { file = \"/run/a\" }\n"
    );
}

#[test]
fn a_change_of_a_secret_is_told_without_it() {
    let with = |secret: &str| config(&document(secret));
    let lines = |before: &Config, after: &Config| -> Vec<String> {
        diff(before, after)
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let (none, old, new) = (Config::default(), with("\"old\""), with("\"new\""));
    let (file, env) = (with("{ file = \"/a\" }"), with("{ env = \"A\" }"));
    let owner = "settings.affinity_secret";
    assert_eq!(lines(&old, &old), Vec::<String>::new());
    assert_eq!(
        lines(&old, &new),
        [format!("~ {owner}: \"(secret)\" -> \"(secret)\"")]
    );
    assert_eq!(lines(&none, &new), [format!("+ {owner}: \"(secret)\"")]);
    assert_eq!(lines(&new, &none), [format!("- {owner}")]);
    assert_eq!(
        lines(&file, &new),
        [format!("~ {owner}: {{\"file\":\"/a\"}} -> \"(secret)\"")]
    );
    assert_eq!(lines(&file, &env).len(), 2);
    let json: Vec<String> = diff(&none, &new)
        .iter()
        .map(|c| c.to_json().to_string())
        .collect();
    assert!(!json.concat().contains("new"), "{json:?}");
}
