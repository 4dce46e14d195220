//! The deb in a fresh Debian: installed, serving, upgraded over itself, removed, purged.

use std::ffi::OsString;
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{does, house, packages, unit};
use crate::support::appliance::said;
use crate::support::client::Client;
use crate::support::document::{listener, site};
use crate::support::ports::Port;
use crate::support::{PATIENCE, eventually};

/// A small Debian of this machine's release, unpacked anew from what `tests/install` keeps.
pub(super) struct Root {
    dir: TempDir,
}

/// What is mounted there is gone with the process that it was mounted for.
const ENTER: &str =
    "root=$1; shift; mount -t proc proc \"$root/proc\"; exec chroot \"$root\" \"$@\"";

impl Root {
    pub(super) fn fresh() -> Self {
        let uid = rustix::process::geteuid();
        assert!(
            uid.is_root(),
            "packages are installed by root: run this test as root"
        );
        let dir = tempfile::tempdir_in(house().join("target")).unwrap();
        let base = house().join("target/debian/base.tar");
        does(
            Command::new("tar")
                .arg("-C")
                .arg(dir.path())
                .arg("-xf")
                .arg(base),
        );
        Self { dir }
    }

    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// `--root=…`
    pub(super) fn option(&self) -> OsString {
        let mut option = OsString::from("--root=");
        option.push(self.dir.path());
        option
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        self.enter(&mut command, words);
        command
    }

    fn enter(&self, command: &mut Command, words: &[&str]) {
        let enter = ["--mount", "sh", "-c", ENTER, "sh"];
        command.args(enter).arg(self.dir.path()).args(words);
        command.env("LC_ALL", "C.UTF-8");
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    }

    /// What a command in there says, which succeeds.
    #[track_caller]
    pub(super) fn does(&self, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        let told = said(&output);
        assert!(output.status.success(), "{words:?}: {told}");
        told
    }

    #[track_caller]
    pub(super) fn install(&self) -> String {
        fs::copy(&packages().deb, self.path("tmp/one.deb")).unwrap();
        self.does(&["apt-get", "install", "--yes", "/tmp/one.deb"])
    }

    pub(super) fn has_user(&self) -> bool {
        let users = fs::read_to_string(self.path("etc/passwd")).unwrap();
        users.contains("\nsteelyard:")
    }

    /// The same package again, with a higher number.
    fn next_deb(&self) -> &'static str {
        let tree = self.path("tmp/next");
        does(
            Command::new("dpkg-deb")
                .arg("-R")
                .arg(&packages().deb)
                .arg(&tree),
        );
        let control = tree.join("DEBIAN/control");
        let text = fs::read_to_string(&control).unwrap();
        let next = text.replace("\nVersion: 0.1.0-1\n", "\nVersion: 0.1.0-2\n");
        assert_ne!(next, text);
        fs::write(&control, next).unwrap();
        let to = self.path("tmp/two.deb");
        does(
            Command::new("dpkg-deb")
                .args(["-Znone", "-b"])
                .arg(&tree)
                .arg(to),
        );
        "/tmp/two.deb"
    }

    /// What systemd would do for the unit: its folders, its user, its command. Serves when this
    /// returns: a command that came before would hold the data directory against it.
    fn serve(&self, admin: &Port) -> Served {
        let unit = fs::read_to_string(self.path("usr/lib/systemd/system/steelyard.service"));
        let unit = unit.unwrap();
        let of = |key: &str| {
            let value = unit.lines().find_map(|line| line.strip_prefix(key));
            value.unwrap_or_else(|| panic!("no {key} in the unit"))
        };
        for (key, place) in [
            ("StateDirectory=", "/var/lib"),
            ("LogsDirectory=", "/var/log"),
            ("CacheDirectory=", "/var/cache"),
            ("RuntimeDirectory=", "/run"),
        ] {
            let folder = format!("{place}/{}", of(key));
            let own = [
                "install",
                "-d",
                "-o",
                of("User="),
                "-g",
                of("Group="),
                "-m",
                "0750",
            ];
            self.does(&[&own[..], &[&folder]].concat());
        }
        let umask = format!("umask {}; exec \"$@\"", of("UMask="));
        let user = format!("--reuid={}", of("User="));
        let group = format!("--regid={}", of("Group="));
        let mut words = vec!["sh", "-c", &umask, "sh", "setpriv", &user, &group];
        words.extend(["--init-groups", "--no-new-privs", "--inh-caps=-all"]);
        words.extend(of("ExecStart=").split(' '));
        self.started(&words, admin)
    }

    fn started(&self, words: &[&str], admin: &Port) -> Served {
        let mut command = Command::new("strace");
        // Beside the service, which stays our child.
        command.args(["--daemonize", "--follow-forks", "--quiet=all", "--output"]);
        command.arg(self.path("tmp/calls")).arg("unshare");
        self.enter(&mut command, words);
        let served = Served(command.stderr(Stdio::null()).spawn().unwrap());
        let open = || TcpStream::connect(admin.address()).ok();
        eventually("the panel is open", open);
        served
    }

    /// Who else than the service owns something that it has to write.
    fn strangers(&self) -> String {
        let places = ["/var/lib/steelyard", "/var/log/steelyard"];
        let strangers = ["!", "-user", "steelyard"];
        self.does(&[&["find"], &places[..], &strangers].concat())
    }
}

/// The service, running. Every step from `unshare` to it is an exec: the child is it.
struct Served(Child);

impl Served {
    fn stop(mut self) {
        does(Command::new("kill").arg(self.0.id().to_string()));
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _ended = self.0.wait();
    }
}

fn document(port: &Port) -> String {
    let routes = "[[sites.routes]]\npath = \"/doc/\"\nfiles = { root = \"/usr/share/doc\" }\n\n\
        [[sites.routes]]\npath = \"/\"\npool = \"shop\"\n";
    let pool = "[[pools]]\nname = \"shop\"\n\n\
        [[pools.nodes]]\nname = \"web-1\"\naddress = \"127.0.0.2:9\"\n\n";
    listener(port.number()) + pool + &site("shop", routes)
}

#[test]
fn the_deb_is_installed_serves_is_upgraded_over_itself_removed_and_purged() {
    let (root, port) = (Root::fresh(), Port::free());
    let told = root.install();
    assert_eq!(told.matches("setup-url").count(), 1, "{told}");
    let boot = "/etc/steelyard/steelyard.toml";
    let stat = ["stat", "--format=%a %U:%G", boot];
    assert_eq!(root.does(&stat).trim(), "640 root:steelyard");
    let wanted = "etc/systemd/system/multi-user.target.wants/steelyard.service";
    assert!(root.path(wanted).symlink_metadata().is_ok(), "{told}");
    let says = root.does(&["steelyard", "check", "--boot", boot]);
    assert!(says.ends_with("no problems\n"), "{says}");

    unit::has_nothing_wrong(&root);

    // The operator's own change of the boot file, which is to stay.
    let text = fs::read_to_string(root.path(&boot[1..])).unwrap();
    let changed = text.replace("[::]:9443", &format!("[::]:{port}"));
    assert_ne!(changed, text);
    fs::write(root.path(&boot[1..]), &changed).unwrap();

    let served = root.serve(&port);
    let url = root.does(&["steelyard", "setup-url"]);
    let path = url.trim().split_once(&format!(":{port}/")).unwrap().1;
    let mut curl = Command::new("curl");
    let limit = PATIENCE.as_secs().to_string();
    // The certificate is one that it has made for itself.
    curl.args([
        "--silent",
        "--show-error",
        "--fail",
        "--insecure",
        "--max-time",
        &limit,
    ]);
    let page = does(curl.arg(format!("https://127.0.0.1:{port}/{path}")));
    assert!(page.contains("name=\"password\""), "{page}");

    let sites = Port::free();
    fs::write(root.path("tmp/shop.toml"), document(&sites)).unwrap();
    root.does(&["steelyard", "apply", "/tmp/shop.toml"]);
    let export = root.does(&["steelyard", "export"]);
    assert!(export.contains("127.0.0.2:9"), "{export}");
    assert!(root.path("var/log/steelyard/access.log").exists());

    // Nothing stops it but systemd's restart, once the new one is there.
    let next = root.next_deb();
    let told = root.does(&["apt-get", "install", "--yes", next]);
    assert!(told.contains("(0.1.0-2) over (0.1.0-1)"), "{told}");
    assert_eq!(root.does(&["steelyard", "export"]), export);
    served.stop();
    assert_eq!(root.does(&["steelyard", "export"]), export);
    let again = root.serve(&port);
    let mut client = Client::of(sites.number());
    assert_eq!(client.get("/doc/steelyard/copyright").status, 200);
    assert_eq!(client.get("/").status, 502);
    assert_eq!(root.does(&["steelyard", "export"]), export);
    again.stop();
    unit::allows(&root.path("tmp/calls"));

    // Root at work on what is stopped leaves nothing that is root's.
    root.does(&["rm", "/var/lib/steelyard/lock"]);
    root.does(&["steelyard", "setup-url", "--new"]);
    root.does(&[
        "sh",
        "-c",
        "steelyard export | sed s/127.0.0.2/127.0.0.3/ | steelyard apply -",
    ]);
    assert_eq!(root.strangers(), "");

    // Nor does root who serves it, for rescue: with the right to low ports, and no other.
    let rescue = root.started(&["steelyard", "serve", "--config", boot], &port);
    let status = fs::read_to_string(format!("/proc/{}/status", rescue.0.id())).unwrap();
    assert!(status.contains("\nCapEff:\t0000000000000400\n"), "{status}");
    root.does(&["steelyard", "status"]);
    assert_eq!(root.strangers(), "");
    rescue.stop();

    assert_eq!(fs::read_to_string(root.path(&boot[1..])).unwrap(), changed);
    goes(&root);
}

/// Removed, it leaves all that is the operator's; purged, nothing but the user.
fn goes(root: &Root) {
    root.does(&["apt-get", "remove", "--yes", "steelyard"]);
    assert!(!root.path("usr/bin/steelyard").exists());
    assert!(root.path("var/lib/steelyard/config.db").exists());
    assert!(root.path("etc/steelyard/steelyard.toml").exists());
    root.does(&["apt-get", "purge", "--yes", "steelyard"]);
    let places = ["/etc", "/usr", "/var"];
    let left = root.does(&[&["find"], &places[..], &["-name", "*steelyard*"]].concat());
    assert_eq!(left, "");
    assert!(root.has_user(), "files elsewhere may be theirs");
}
