//! Where a backup is written to: as root where root may write, and over nothing that is none.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use crate::backup::backed_up;
use crate::support::appliance::{Appliance, said};
use crate::support::document::one_pool;
use crate::support::node::Node;

#[test]
fn root_s_own_directory_takes_the_backup_of_a_stopped_instance_of_another_user() {
    assert!(
        rustix::process::geteuid().is_root(),
        "as the tests of packages"
    );
    let node = Node::answering("web-1");
    let mut lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &[node.line(1)]));
    lb.stop();
    for entry in fs::read_dir(lb.data()).unwrap() {
        chown(entry.unwrap().path(), Some(4242), Some(4242)).unwrap();
    }
    chown(lb.data(), Some(4242), Some(4242)).unwrap();
    let own = tempfile::tempdir().unwrap();
    fs::set_permissions(own.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let file = own.path().join("shop.steelyard");
    let file = file.to_str().unwrap();
    lb.runs(&["backup", file, "--without-secrets"]);
    let told = lb.runs(&["restore", file, "--dry-run"]);
    assert!(told.contains("without secrets"), "{told}");
}

#[test]
fn what_is_no_backup_is_not_written_over() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &[node.line(1)]));
    let config = lb.data().join("config.db");
    let before = fs::read(&config).unwrap();
    for (file, words) in [
        (config.to_str().unwrap(), "is there and is no backup"),
        (lb.data().to_str().unwrap(), "is a directory"),
        ("/nowhere/x", "cannot be written"),
    ] {
        let output = lb.run(&["backup", file, "--without-secrets"]);
        assert!(!output.status.success());
        assert!(said(&output).contains(words), "{}", said(&output));
    }
    assert_eq!(fs::read(&config).unwrap(), before);
    let file = backed_up(&lb);
    assert_eq!(file, backed_up(&lb), "an older backup is");
}
