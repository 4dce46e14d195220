//! The packages, made of the program that these tests are built beside: laid out, judged by
//! those who judge packages, and installed.

mod ansible;
mod debian;
mod judged;
mod observed;
mod rpm;
mod unit;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::support::appliance::{PROGRAM, said};

/// What `./dev package` made.
pub(crate) struct Packages {
    pub(crate) deb: PathBuf,
    pub(crate) rpm: PathBuf,
    tar: PathBuf,
}

/// The packages, made once for all of these tests. Beyond the assurance they are of the debug
/// program, packed lightly; there, as they are shipped.
pub(crate) fn packages() -> &'static Packages {
    static MADE: OnceLock<Packages> = OnceLock::new();
    MADE.get_or_init(|| {
        let to = house().join("target/packages/of-tests");
        let _not_there_yet = std::fs::remove_dir_all(&to);
        let mut build = Command::new(house().join("packaging/build"));
        match std::env::var_os("STEELYARD_ASSURANCE") {
            Some(_) => build.args(["--profile", "packaging"]),
            None => build.args(["--binary", PROGRAM]),
        };
        // What cargo tells the tests is not for the cargo that the build starts.
        build.env_remove("CARGO_MANIFEST_DIR");
        does(build.arg("--to").arg(&to));
        let one = |end: &str| {
            let mut all = std::fs::read_dir(&to).unwrap();
            let found = all.find_map(|entry| {
                let path = entry.unwrap().path();
                path.to_string_lossy().ends_with(end).then_some(path)
            });
            found.unwrap_or_else(|| panic!("no {end} was made"))
        };
        Packages {
            deb: one(".deb"),
            rpm: one(".rpm"),
            tar: one(".tar.gz"),
        }
    })
}

pub(crate) fn house() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs it to its end, which is success; tells all that it said.
#[track_caller]
pub(crate) fn does(command: &mut Command) -> String {
    let output = done(command);
    let told = said(&output);
    assert!(output.status.success(), "{command:?}: {told}");
    told
}

#[track_caller]
pub(crate) fn done(command: &mut Command) -> Output {
    let output = command
        .env("LC_ALL", "C.UTF-8")
        .current_dir(house())
        .output();
    output.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// The files that a listing tells of, folders left out, with `usual` for what each family of
/// distributions has in a place of its own.
fn files<'a>(paths: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let paths = paths.filter(|path| !path.ends_with('/'));
    let usual = |path: &str| {
        let path = path.trim_start_matches(['.', '/']);
        let path = path.trim_start_matches("steelyard-0.1.0-1-x86_64/");
        path.replace("zsh/site-functions", "zsh/vendor-completions")
    };
    paths.map(usual).collect()
}

#[test]
fn deb_rpm_and_tarball_have_the_same_files() {
    let packages = packages();
    let deb = does(
        Command::new("dpkg-deb")
            .arg("--contents")
            .arg(&packages.deb),
    );
    let deb = files(
        deb.lines()
            .filter_map(|line| line.split_whitespace().nth(5)),
    );
    let rpm = does(Command::new("rpm").args(["-qpl"]).arg(&packages.rpm));
    let rpm = files(rpm.lines());
    let tar = does(Command::new("tar").arg("tzf").arg(&packages.tar));
    let tar = files(tar.lines());
    assert_eq!(deb, tar);
    // What lintian is told is Debian's alone.
    let mut of_rpm = deb;
    assert!(of_rpm.remove("usr/share/lintian/overrides/steelyard"));
    assert_eq!(of_rpm, rpm);
    for file in [
        "usr/bin/steelyard",
        "usr/lib/systemd/system/steelyard.service",
        "usr/lib/sysusers.d/steelyard.conf",
        "usr/share/man/man8/steelyard-node-drain.8.gz",
        "usr/share/man/man5/steelyard.toml.5.gz",
        "usr/share/doc/steelyard/copyright",
        "usr/share/doc/steelyard/THIRD-PARTY-LICENSES.gz",
        "usr/share/doc/steelyard/examples/ansible/playbook.yml",
        "etc/ufw/applications.d/steelyard",
        "etc/steelyard/steelyard.toml",
    ] {
        assert!(rpm.contains(file), "no {file}");
    }
}

/// What is linked in is named, with who holds its copyright, and its licence lies beside it.
#[test]
fn the_copyright_names_every_crate_that_is_linked_in() {
    packages();
    let made = house().join("target/packages");
    let copyright = std::fs::read_to_string(made.join("copyright")).unwrap();
    let texts = std::fs::read_to_string(made.join("THIRD-PARTY-LICENSES")).unwrap();
    let list = ["--edges", "normal,no-proc-macro", "--prefix", "none"];
    let tree = does(
        Command::new(env!("CARGO"))
            .args(["tree", "--locked", "--format", "{p}"])
            .args(list),
    );
    let mut crates = 0;
    for line in tree.lines() {
        let (Some(name), Some(version)) = (line.split(' ').next(), line.split(' ').nth(1)) else {
            continue;
        };
        let Some(version) = version.strip_prefix('v').filter(|_| name != "steelyard") else {
            continue;
        };
        crates += 1;
        let package = format!("{name}-{version}");
        assert!(
            copyright.contains(&format!("Files: {package}/*\n")),
            "{package}"
        );
        assert!(texts.contains(&package), "{package} has no text");
    }
    assert!(crates > 100, "{tree}");
}

#[test]
fn shellcheck_finds_nothing_in_the_scripts() {
    let scripts = |folder: &str, dialect: &[&str], names: &[&str]| {
        let paths = names.iter().map(|name| house().join(folder).join(name));
        let mut check = Command::new("shellcheck");
        let told = does(check.args(["--external-sources"]).args(dialect).args(paths));
        assert_eq!(told, "");
    };
    scripts("packaging", &[], &["build", "install", "apt.sh"]);
    scripts("packaging/deb", &[], &["postinst", "postrm"]);
    scripts(
        "packaging/rpm",
        &["--shell", "sh"],
        &["pre", "post", "preun", "postun"],
    );
    scripts("tests", &[], &["install"]);
}
