//! The rpm, installed into a root, changed, upgraded in place and erased.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::debian::Root;
use super::{does, packages};

/// rpm at work on a root that has none of its own.
fn rpm(root: &Root, words: &[&str], package: &Path) -> String {
    let mut rpm = Command::new("rpm");
    // Debian's packages are unknown to rpm, so what is needed cannot be looked up.
    does(
        rpm.arg(root.option())
            .arg("--nodeps")
            .args(words)
            .arg(package),
    )
}

#[test]
fn the_rpm_is_installed_upgraded_and_erased() {
    let (root, package) = (Root::fresh(), &packages().rpm);
    let told = rpm(&root, &["--install"], package);
    assert_eq!(told.matches("setup-url").count(), 1, "{told}");
    assert!(root.has_user(), "{told}");
    for (file, wanted) in [
        ("/usr/bin/steelyard", "755 root:root"),
        ("/etc/steelyard/steelyard.toml", "640 root:steelyard"),
        ("/usr/lib/systemd/system/steelyard.service", "644 root:root"),
        ("/usr/share/zsh/site-functions/_steelyard", "644 root:root"),
    ] {
        let stat = ["stat", "--format=%a %U:%G", file];
        assert_eq!(root.does(&stat).trim(), wanted, "{file}");
    }
    let name = Path::new("steelyard");
    assert_eq!(without_advice(&rpm(&root, &["--verify"], name)), "");

    let boot = root.path("etc/steelyard/steelyard.toml");
    let changed = fs::read_to_string(&boot).unwrap() + "# ours\n";
    fs::write(&boot, &changed).unwrap();
    rpm(&root, &["--upgrade", "--replacepkgs"], package);
    assert_eq!(fs::read_to_string(&boot).unwrap(), changed);
    assert!(root.path("usr/bin/steelyard").exists());

    let data = root.path("var/lib/steelyard/config.db");
    fs::create_dir_all(data.parent().unwrap()).unwrap();
    fs::write(&data, "kept").unwrap();
    rpm(&root, &["--erase"], name);
    assert!(data.exists() && root.has_user());
    let saved = root.path("etc/steelyard/steelyard.toml.rpmsave");
    assert_eq!(fs::read_to_string(saved).unwrap(), changed);
    let left = root.does(&["find", "/etc", "/usr", "-name", "*steelyard*"]);
    let left: Vec<&str> = left.lines().collect();
    assert_eq!(
        left,
        ["/etc/steelyard", "/etc/steelyard/steelyard.toml.rpmsave"]
    );
}

/// Debian's rpm would rather not be used: it says so each time.
fn without_advice(told: &str) -> String {
    let lines = told.lines().filter(|line| !line.starts_with("rpm: "));
    lines.collect::<Vec<_>>().join("\n")
}
