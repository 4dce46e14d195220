//! Secrets on their way: kept, read, missed and read again, never told.

use std::fs;
use std::path::Path;

use super::{apply, applying, database, document, edit, offline, start, stop, why};
use crate::control::secrets::generate_at;
use crate::control::{Applied, Apply, ChangeError, Handle, NodeEdit, Readiness};
use crate::document::Format;
use crate::model::{Config, Generated, Secret, SecretPlace};

fn with(weight: u16, secret: &str) -> Apply {
    let settings = format!("\n[settings]\naffinity_secret = {secret}\n");
    applying(&(document(weight) + &settings))
}

fn in_file(path: &Path) -> String {
    format!("{{ file = \"{}\" }}", path.display())
}

async fn set(handle: &Handle, secret: &str) -> Result<Applied, ChangeError> {
    handle.apply(with(1, secret)).await
}

fn secret(handle: &Handle) -> Option<String> {
    let secret = handle.secret(Config::AFFINITY_SECRET)?;
    Some(String::from_utf8_lossy(secret.bytes()).into_owned())
}

fn degraded(handle: &Handle) -> String {
    match handle.readiness() {
        Readiness::Ready => String::new(),
        Readiness::Degraded { reasons } | Readiness::NotReady { reasons } => {
            let secrets = reasons.iter().filter(|reason| reason.contains("secret"));
            secrets.cloned().collect()
        }
    }
}

#[tokio::test]
async fn a_text_stays_over_documents_without_it_edits_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let handle = start(dir.path()).await;
    let applied = set(&handle, "\"open sesame\"").await.unwrap();
    assert_eq!(applied.revision, 1);
    assert_eq!(secret(&handle).as_deref(), Some("open sesame"));
    for again in ["\"open sesame\"", "{ file = \"\" }", "{ env = \"\" }"] {
        assert!(!set(&handle, again).await.unwrap().changed, "{again}");
    }
    for format in [Format::Toml, Format::Json] {
        let (_, text) = handle.export(format).unwrap();
        assert!(!text.contains("sesame"), "{text}");
        let again = Apply {
            format,
            ..applying(&text)
        };
        assert!(!handle.apply(again).await.unwrap().changed);
    }
    assert_eq!(apply(&handle, 2).await.unwrap().changes.len(), 1);
    let weight = NodeEdit {
        weight: Some(3),
        ..edit()
    };
    handle.edit_node(weight).await.unwrap();
    assert_eq!(secret(&handle).as_deref(), Some("open sesame"));
    stop(handle).await;

    let handle = offline(dir.path()).await;
    assert!(
        !handle
            .apply(with(3, "\"open sesame\""))
            .await
            .unwrap()
            .changed
    );
    let other = handle.apply(with(3, "\"other\"")).await.unwrap();
    assert!(other.changed);
    assert!(!other.to_json().to_string().contains("other"), "{other:?}");
    stop(handle).await;
    let handle = start(dir.path()).await;
    assert_eq!(secret(&handle).as_deref(), Some("other"));
}

#[tokio::test]
async fn a_file_is_read_without_its_line_end() {
    let dir = tempfile::tempdir().unwrap();
    let handle = start(dir.path()).await;
    let path = dir.path().join("key");
    let longest = "k".repeat(Secret::MAX_BYTES);
    let longest_line = format!("{longest}\r\n");
    for (text, expected) in [
        ("one", "one"),
        ("two\n", "two"),
        ("three\r\n", "three"),
        ("four\n\n", "four\n"),
        (&longest_line, &longest),
    ] {
        fs::write(&path, text).unwrap();
        set(&handle, &in_file(&path)).await.unwrap();
        assert_eq!(secret(&handle).as_deref(), Some(expected));
    }
    let (_, text) = handle.export(Format::Toml).unwrap();
    assert!(text.contains(&format!("affinity_secret = {}", in_file(&path))));
}

#[tokio::test]
async fn what_cannot_be_read_is_a_problem_in_its_place_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let handle = start(dir.path()).await;
    apply(&handle, 1).await.unwrap();
    let (empty, long) = (dir.path().join("empty"), dir.path().join("long"));
    fs::write(&empty, "\n").unwrap();
    fs::write(&long, "k".repeat(Secret::MAX_BYTES + 1)).unwrap();
    for (secret, words) in [
        (
            in_file(&dir.path().join("none")),
            "cannot be read: No such file",
        ),
        (in_file(dir.path()), "cannot be read: it is not a file"),
        (
            in_file(Path::new("/dev/zero")),
            "cannot be read: it is not a file",
        ),
        (in_file(&empty), "is empty"),
        (in_file(&long), "is longer than 65536 bytes"),
        (
            "{ env = \"STEELYARD_NONE\" }".to_owned(),
            "is not set for this program",
        ),
    ] {
        for dry_run in [true, false] {
            let apply = Apply {
                dry_run,
                ..with(1, &secret)
            };
            let Err(ChangeError::Invalid(problems)) = handle.apply(apply).await else {
                panic!("{secret} was taken");
            };
            let problem = &problems.to_json()["problems"][0];
            assert_eq!(problem["field"], "settings.affinity_secret");
            assert_eq!(
                (&problem["line"], &problem["column"]),
                (&13.into(), &19.into())
            );
            assert!(
                problem["message"].as_str().unwrap().contains(words),
                "{problem}"
            );
        }
    }
    assert_eq!(handle.export(Format::Toml).unwrap().0, 1);
    // A variable that every environment has.
    set(&handle, "{ env = \"PATH\" }").await.unwrap();
    assert_eq!(secret(&handle), std::env::var("PATH").ok());
}

#[tokio::test]
async fn a_file_that_is_gone_stops_nothing_and_is_read_once_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    fs::write(&path, "one").unwrap();
    let handle = start(dir.path()).await;
    set(&handle, &in_file(&path)).await.unwrap();
    fs::remove_file(&path).unwrap();
    // Another change, and the same document again.
    handle.apply(with(2, &in_file(&path))).await.unwrap();
    handle.apply(with(2, &in_file(&path))).await.unwrap();
    assert_eq!(secret(&handle).as_deref(), Some("one"));
    assert_eq!(degraded(&handle), "");
    stop(handle).await;

    let handle = start(dir.path()).await;
    assert_eq!(secret(&handle), None);
    let reasons = degraded(&handle);
    assert!(
        reasons.contains("a secret is missing: settings.affinity_secret: "),
        "{reasons}"
    );
    let applied = apply(&handle, 3).await.unwrap();
    assert!(
        applied.warnings.concat().contains("cannot be read"),
        "{applied:?}"
    );
    handle.control.mend().await;
    assert_eq!(secret(&handle), None);
    fs::write(&path, "two\n").unwrap();
    handle.control.mend().await;
    assert_eq!(secret(&handle).as_deref(), Some("two"));
    assert_eq!(degraded(&handle), "");
    // A file that is still there is read again when somebody applies.
    fs::write(&path, "three\n").unwrap();
    handle.control.mend().await;
    assert_eq!(secret(&handle).as_deref(), Some("two"));
    let applied = apply(&handle, 3).await.unwrap();
    assert!(applied.changed && applied.changes.is_empty(), "{applied:?}");
    assert_eq!(applied.read_again.len(), 1, "{applied:?}");
    assert_eq!(secret(&handle).as_deref(), Some("three"));
    assert!(!apply(&handle, 3).await.unwrap().changed);
}

#[tokio::test]
async fn without_the_database_a_text_is_gone_and_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let handle = start(dir.path()).await;
    set(&handle, "\"open sesame\"").await.unwrap();
    stop(handle).await;
    fs::remove_file(database(dir.path())).unwrap();
    let handle = start(dir.path()).await;
    assert_eq!(secret(&handle), None);
    let why = why(&handle);
    assert!(
        why.contains("without what only config.db had: settings.affinity_secret"),
        "{why}"
    );
    for _ in 0..2 {
        let reasons = degraded(&handle);
        let words = "settings.affinity_secret: its text was only in config.db, or sealed by a seal.key that is gone: apply it again";
        assert!(reasons.contains(words), "{reasons}");
        handle.control.mend().await;
    }
    stop(handle).await;
    // The stopped instance is changed: what nobody gives again is told once more.
    let handle = offline(dir.path()).await;
    let applied = apply(&handle, 2).await.unwrap();
    assert!(
        applied.warnings.concat().contains("apply it again"),
        "{applied:?}"
    );
    stop(handle).await;
    let handle = offline(dir.path()).await;
    let given = handle.apply(with(2, "\"open sesame\"")).await.unwrap();
    assert_eq!(
        (given.changed, given.warnings.len()),
        (true, 0),
        "{given:?}"
    );
}

#[tokio::test]
async fn a_revision_put_back_keeps_the_text_of_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let handle = start(dir.path()).await;
    set(&handle, "\"open sesame\"").await.unwrap();
    stop(handle).await;
    let older = fs::read(database(dir.path())).unwrap();
    let handle = start(dir.path()).await;
    apply(&handle, 2).await.unwrap();
    stop(handle).await;
    fs::write(database(dir.path()), older).unwrap();
    let handle = start(dir.path()).await;
    assert_eq!(secret(&handle).as_deref(), Some("open sesame"));
    assert_eq!(handle.export(Format::Toml).unwrap().0, 2);
}

#[test]
fn a_secret_is_generated_where_one_is_needed_and_none_is_given() {
    let generated = |mut secret: Secret, generated: Option<Generated>| {
        generate_at(SecretPlace {
            owner: String::new(),
            field: String::new(),
            generated,
            secret: &mut secret,
        });
        secret
    };
    let text = |generated_as| match generated(Secret::Absent, Some(generated_as)) {
        Secret::Text(text) => text.bytes().to_vec(),
        _ => Vec::new(),
    };
    let env = Secret::Env("KEY".to_owned());
    assert_eq!(generated(env.clone(), Some(Generated::Key)), env);
    assert_eq!(generated(Secret::Absent, None), Secret::Absent);
    let (one, two) = (text(Generated::Key), text(Generated::Key));
    assert_eq!(one.len(), 32);
    assert_ne!(one, two);
    let (one, two) = (text(Generated::Password), text(Generated::Password));
    assert!(one.len() == 48 && one.iter().all(u8::is_ascii_hexdigit));
    assert_ne!(one, two);
}
