//! The unit, as systemd's own tools see it.

use std::process::Command;

use super::debian::Root;
use super::{does, house};

#[test]
fn systemd_finds_the_unit_locked_down() {
    let unit = house().join("packaging/steelyard.service");
    let mut security = Command::new("systemd-analyze");
    // The threshold is in tenths: 1.5.
    let told = does(
        security
            .args(["security", "--offline=yes", "--threshold=15"])
            .arg(&unit),
    );
    assert!(told.contains("Overall exposure level"), "{told}");
}

/// Of the unit where it is installed, with all that it names.
pub(super) fn has_nothing_wrong(root: &Root) {
    let mut verify = Command::new("systemd-analyze");
    // Its man page is there; the command to look for it is not part of so small a Debian.
    let verify = verify.args(["verify", "--man=no", "steelyard.service"]);
    assert_eq!(does(verify.arg(root.option())), "");
}
