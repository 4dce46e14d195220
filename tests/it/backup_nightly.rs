//! A backup every night: made up for where one was missed, told where none can be made.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::appliance::{Appliance, said};
use crate::support::document::one_pool;
use crate::support::eventually;
use crate::support::node::Node;

fn document(lb: &Appliance, node: &Node, backup: &str) -> String {
    one_pool(lb.port(), "", &[node.line(1)]) + &format!("\n[backup]\n{backup}\n")
}

fn made(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "backup"))
        .collect()
}

fn reasons(lb: &Appliance) -> String {
    lb.status()["reasons"].to_string()
}

#[test]
fn one_that_is_due_is_made_at_once_and_again_only_when_the_next_is() {
    let node = Node::answering("web-1");
    let mut lb = Appliance::start();
    let folder = lb.data().join("backups");
    lb.apply(&document(&lb, &node, "nightly = \"03:00\""));
    let file = eventually("a backup", || made(&folder).pop());
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(name.contains("-nightly-"), "{name}");
    lb.stop();
    lb.restart();
    let other = Appliance::prepared();
    let told = other.runs(&["restore", file.to_str().unwrap()]);
    assert!(told.contains("by version"), "{told}");
    assert!(other.export().contains("nightly = \"03:00\""));
    assert_eq!(made(&folder), [file], "the start made no other");
}

#[test]
fn where_none_can_be_made_it_is_told_until_one_is_with_secrets_by_its_passphrase() {
    let node = Node::answering("web-1");
    let mut lb = Appliance::start();
    lb.expect_errors();
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = elsewhere.path().join("disk");
    let secret = elsewhere.path().join("passphrase");
    fs::write(&secret, "a beam that swings\n").unwrap();
    let backup = |keep: u16| {
        let (folder, secret) = (folder.display(), secret.display());
        format!(
            "nightly = \"23:59\"\nkeep = {keep}\ndir = \"{folder}\"\npassphrase = {{ file = \"{secret}\" }}"
        )
    };
    lb.apply(&document(&lb, &node, &backup(3)));
    eventually("it is told", || {
        reasons(&lb)
            .contains("the nightly backup could not be made")
            .then_some(())
    });
    assert_eq!(lb.status()["state"], "degraded");
    assert!(!folder.exists(), "a disk that is not mounted is not filled");
    fs::create_dir(&folder).unwrap();
    // With another setting it is tried at once.
    lb.apply(&document(&lb, &node, &backup(4)));
    let file = eventually("a backup", || made(&folder).pop());
    eventually("it is well", || {
        (!reasons(&lb).contains("backup")).then_some(())
    });
    let file = file.to_str().unwrap();
    let other = Appliance::prepared();
    let without = other.run(&["restore", file]);
    assert!(
        said(&without).contains("is encrypted"),
        "{}",
        said(&without)
    );
    let by = secret.to_str().unwrap();
    let told = other.runs(&["restore", file, "--passphrase-file", by]);
    assert!(told.contains("with secrets"), "{told}");
}

#[test]
fn what_the_document_says_of_backups_is_checked() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    for (backup, words) in [
        ("nightly = \"3 am\"", "must be a time of day such as 03:00"),
        ("nightly = \"24:00\"", "must be a time of day such as 03:00"),
        ("keep = 0", "must be 1 to 1000"),
        ("dir = \"backups\"", "must be an absolute path"),
        ("passphrase = \"short\"", "must have 12 characters at least"),
    ] {
        let output = lb.try_apply(&document(&lb, &node, backup));
        assert_eq!(output.status.code(), Some(78), "{backup}");
        assert!(said(&output).contains(words), "{backup}: {}", said(&output));
    }
    let passphrase = "passphrase = \"a beam that swings\"";
    lb.apply(&document(&lb, &node, passphrase));
    assert!(!lb.export().contains("swings"));
}
