//! lintian and rpmlint: nothing but what is argued for in a comment beside it.

use std::process::Command;

use super::{done, packages};
use crate::support::appliance::said;

#[test]
fn lintian_finds_no_error_and_no_warning() {
    let mut lintian = Command::new("lintian");
    let output = done(lintian.arg("--allow-root").arg(&packages().deb));
    let told = said(&output);
    let found: Vec<&str> = told
        .lines()
        .filter(|line| line.starts_with("E: ") || line.starts_with("W: "))
        .collect();
    assert_eq!(found, Vec::<&str>::new(), "{told}");
    assert!(output.status.success(), "{told}");
}

#[test]
fn rpmlint_finds_no_error_and_no_warning() {
    let mut rpmlint = Command::new("rpmlint");
    let output = done(
        rpmlint
            .args(["--config", "packaging/rpmlint.toml"])
            .arg(&packages().rpm),
    );
    let told = said(&output);
    assert!(told.contains("0 errors, 0 warnings"), "{told}");
}
