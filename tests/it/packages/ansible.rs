//! The example for Ansible, played by Ansible: it says «changed» when something has changed.

use std::fs;
use std::process::Command;

use super::{does, house};
use crate::support::appliance::{Appliance, PROGRAM};

/// What the machine's line of the recap counts.
fn changed(told: &str) -> &str {
    let recap = told.split("PLAY RECAP").nth(1);
    let recap = recap.unwrap_or_else(|| panic!("no recap: {told}"));
    let mut words = recap.split_whitespace();
    words
        .find_map(|word| word.strip_prefix("changed="))
        .unwrap_or_else(|| panic!("nothing is counted: {told}"))
}

#[test]
fn the_ansible_example_changes_only_what_is_another() {
    let (lb, dir) = (Appliance::start(), tempfile::tempdir().unwrap());
    let example = house().join("packaging/ansible");
    let document = fs::read_to_string(example.join("shop.toml")).unwrap();
    let document = document
        .replace("0.0.0.0:80", &format!("127.0.0.1:{}", lb.port()))
        // Nobody beyond this machine is asked.
        .replace("192.0.2.", "127.0.0.");
    let file = dir.path().join("shop.toml");
    fs::write(&file, document).unwrap();
    let inventory = dir.path().join("inventory.ini");
    fs::write(
        &inventory,
        "[load_balancers]\nlocalhost ansible_connection=local\n",
    )
    .unwrap();
    let venv = house().join("target/venv/ansible/bin");
    let program = std::path::Path::new(PROGRAM).parent().unwrap();
    let path = format!("{}:{}:/usr/bin:/bin", program.display(), venv.display());
    let play = |more: &[&str]| {
        let mut play = Command::new(venv.join("ansible-playbook"));
        play.arg("--inventory").arg(&inventory);
        // What installs would install on this machine: that is another test's, in a root.
        play.args([
            "--skip-tags",
            "install",
            "--extra-vars",
            "ansible_become=false",
        ]);
        play.arg("--extra-vars")
            .arg(format!("steelyard_document={}", file.display()));
        play.arg("--extra-vars")
            .arg(format!("steelyard_data_dir={}", lb.data().display()));
        play.env("PATH", &path)
            .env("ANSIBLE_HOME", dir.path())
            .env("ANSIBLE_NOCOLOR", "1");
        does(play.args(more).arg(example.join("playbook.yml")))
    };
    let told = play(&["--check"]);
    assert_eq!(changed(&told), "1", "{told}");
    assert!(!lb.export().contains("127.0.0.11"), "{told}");
    let told = play(&[]);
    assert_eq!(changed(&told), "1", "{told}");
    assert!(lb.export().contains("127.0.0.11"), "{told}");
    for more in [&[][..], &["--check"]] {
        let told = play(more);
        assert_eq!(changed(&told), "0", "{told}");
    }
}
