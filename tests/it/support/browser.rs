//! A real browser before the panel: Debian's Chromium, led by a script of `tests/browser`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::appliance::Appliance;

/// One browser at a time: two of them and the nodes are more than two cores like.
static TURN: Mutex<()> = Mutex::new(());

/// Seconds until a walk that hangs is ended. All pages in every look took 17 minutes on two cores that
/// had six builds to do beside it: this ends what hangs and judges nothing.
const LIMIT: &str = "1800";

/// A script that leads the browser, while the test does its own part.
pub(crate) struct Walk {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    name: String,
    dir: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Walk {
    /// Begins `tests/browser/NAME.py` before this appliance's panel; `given` is what it is told.
    pub(crate) fn begin(name: &str, lb: &Appliance, given: Value) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let house = Path::new(env!("CARGO_MANIFEST_DIR"));
        let dir = tempfile::tempdir().unwrap();
        let mut all = json!({
            "panel": format!("http://127.0.0.1:{}", lb.admin_port()),
            "chromium": chromium(),
            "screens": screens(),
        });
        let told = given.as_object().expect("what is given is an object");
        all.as_object_mut().unwrap().extend(told.clone());
        let mut child = Command::new("timeout")
            .args(["--kill-after=10", LIMIT])
            .arg(house.join("target/venv/browser/bin/python"))
            .arg(house.join("tests/browser").join(format!("{name}.py")))
            .arg(all.to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // Nothing of a profile stays behind, and nobody's settings matter.
            .env("HOME", dir.path())
            .env("TMPDIR", dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(dir.path().join("said")).unwrap())
            .process_group(0)
            .spawn()
            .expect("target/venv is there: tests/install makes it");
        Self {
            to: child.stdin.take().unwrap(),
            from: BufReader::new(child.stdout.take().unwrap()),
            child,
            name: name.into(),
            dir,
            _turn: turn,
        }
    }

    /// Waits until the walk has come to this word, and gives what it tells there.
    #[track_caller]
    pub(crate) fn until(&mut self, word: &str) -> Value {
        let mut line = String::new();
        let length = self.from.read_line(&mut line).unwrap();
        assert!(
            length > 0,
            "{} ended before {word} (after {LIMIT} s it is made to):\n{}",
            self.name,
            self.said()
        );
        let told: Value = serde_json::from_str(&line).expect("a walk says JSON");
        assert_eq!(told["at"], word, "{} said {line}", self.name);
        told
    }

    /// Lets it go on, with what it has to know.
    #[track_caller]
    pub(crate) fn go_on(&mut self, told: &Value) {
        let written = writeln!(self.to, "{told}");
        assert!(written.is_ok(), "{} is gone:\n{}", self.name, self.said());
    }

    /// Waits for its end, which has to be a good one.
    #[track_caller]
    pub(crate) fn ends(mut self) {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{}: {status}\n{}", self.name, self.said());
    }

    fn said(&self) -> String {
        fs::read_to_string(self.dir.path().join("said")).unwrap_or_default()
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // The driver ends the browser at this, when the test failed in the middle.
            let _sent = kill_process_group(Pid::from_child(&self.child), Signal::TERM);
            let _ended = self.child.wait();
        }
    }
}

/// Where the pictures go.
pub(crate) fn screens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screens")
}

fn chromium() -> &'static str {
    let places = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];
    let there = places.into_iter().find(|place| Path::new(place).exists());
    there.expect("Chromium is there: tests/install brings it")
}
