//! The real program on scratch data, spoken to as an operator would.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::client::{self, Client, Request, Response};
use super::ports::Port;
use super::systemd::Manager;
use super::{PATIENCE, eventually};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_steelyard");

/// One running `steelyard serve` with a data directory of its own.
///
/// At its end it must not have panicked, nor said one line at level ERROR, unless the test
/// said [`Appliance::expect_errors`]. When a test fails, what it said is printed.
pub(crate) struct Appliance {
    child: Option<Child>,
    dir: TempDir,
    admin: Port,
    http: Port,
    errors_expected: bool,
    env: Vec<(&'static str, &'static str)>,
    /// Who starts it in systemd's place.
    manager: Option<Manager>,
    /// What is started, where that is not the program as it was built.
    program: Option<PathBuf>,
    descriptors_allowed: Option<u64>,
}

impl Appliance {
    /// Starts one without a configuration and waits until it is alive.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with variables in its environment.
    pub(crate) fn start_with(env: &[(&'static str, &'static str)]) -> Self {
        let mut appliance = Self::prepared();
        appliance.env = env.to_vec();
        appliance.restart();
        appliance
    }

    /// A data directory and ports, and nothing running yet.
    pub(crate) fn prepared() -> Self {
        Self {
            child: None,
            // Short: the way to control.sock has to fit into 108 bytes.
            dir: tempfile::Builder::new().prefix("sy").tempdir().unwrap(),
            admin: Port::free(),
            http: Port::free(),
            errors_expected: false,
            env: Vec::new(),
            manager: None,
            program: None,
            descriptors_allowed: None,
        }
    }

    /// One that runs under a systemd of ours, from a copy of the program that can be replaced.
    pub(crate) fn under_systemd() -> Self {
        let mut appliance = Self::prepared();
        let program = appliance.data().with_extension("program");
        fs::copy(PROGRAM, &program).unwrap();
        appliance.program = Some(program);
        appliance.manager = Some(Manager::start());
        appliance.restart();
        appliance
    }

    /// One that may open so many files.
    pub(crate) fn with_descriptors(limit: u64) -> Self {
        let mut appliance = Self::prepared();
        appliance.descriptors_allowed = Some(limit);
        appliance.restart();
        appliance
    }

    /// Who plays systemd.
    pub(crate) fn manager(&self) -> &Manager {
        self.manager.as_ref().expect("it runs under systemd")
    }

    /// Puts another file in the program's place, as a package does.
    pub(crate) fn upgrade(&self) {
        let program = self.program.as_ref().expect("it runs from a copy");
        let new = program.with_extension("new");
        fs::copy(PROGRAM, &new).unwrap();
        fs::rename(new, program).unwrap();
    }

    /// This test makes it say ERROR.
    pub(crate) fn expect_errors(&mut self) {
        self.errors_expected = true;
    }

    // --- Life ---------------------------------------------------------------

    /// Starts it on what it has and waits until it is alive.
    pub(crate) fn restart(&mut self) {
        if let Err(status) = self.try_restart() {
            panic!("ended with {status} instead of serving:\n{}", self.log());
        }
    }

    /// The same, or how it ended.
    pub(crate) fn try_restart(&mut self) -> Result<(), ExitStatus> {
        assert!(self.child.is_none(), "it runs already");
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())
            .unwrap();
        let program = self.program.as_deref();
        let program = program.unwrap_or(Path::new(PROGRAM));
        let (mut command, given) = match &self.manager {
            Some(manager) => manager.command(program),
            None => (self.bare(program), Stdio::null()),
        };
        let child = command
            .arg("serve")
            .arg("--data-dir")
            .arg(self.data())
            .arg("--admin")
            .arg(self.admin.address().to_string())
            .envs(self.env.iter().copied())
            .env("NO_COLOR", "1")
            .stdin(given)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let ended = eventually("/healthz answers", || {
            if let Some(status) = self.child.as_mut().and_then(|c| c.try_wait().unwrap()) {
                return Some(Some(status));
            }
            let answer = Client::of(self.admin.number()).send(&Request::get("/healthz"));
            answer.ok().filter(|a| a.status == 200).map(|_| None)
        });
        match ended {
            None => Ok(()),
            Some(status) => {
                self.child = None;
                Err(status)
            }
        }
    }

    fn bare(&self, program: &Path) -> Command {
        let Some(limit) = self.descriptors_allowed else {
            return Command::new(program);
        };
        // It becomes the program, so the process is the program's.
        let mut command = Command::new("prlimit");
        command
            .arg(format!("--nofile={limit}:{limit}"))
            .arg(program);
        command
    }

    /// SIGKILL, as a power cut would; waits until it is gone.
    pub(crate) fn kill9(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM, and how it ended.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// Waits for its end after a signal.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        eventually("its end", || child.try_wait().unwrap())
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("it runs");
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    /// Its process number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Whether it has ended, reaped or not.
    pub(crate) fn is_gone(&self) -> bool {
        let state = fs::read_to_string(format!("/proc/{}/stat", self.pid()));
        // «pid (name) state»: Z waits to be reaped.
        state.map_or(true, |stat| stat.contains(") Z "))
    }

    // --- The command line ---------------------------------------------------

    /// Runs a verb on this data directory: `lb.run(&["status"])`.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_with_input(arguments, "")
    }

    /// The same with text on standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let (verb, rest) = arguments.split_first().expect("a verb");
        let mut all = vec![*verb, "--data-dir", self.data().to_str().unwrap()];
        all.extend(rest);
        run(&all, input)
    }

    /// Runs a verb that must succeed and gives what it said.
    #[track_caller]
    pub(crate) fn runs(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        said(&output)
    }

    /// Makes the configuration equal to `document` and gives what `--json` said.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub(crate) fn apply(&self, document: &str) -> Value {
        let output = self.run_with_input(&["apply", "--json", "-"], document);
        assert!(
            output.status.success(),
            "apply: {}\n{}\n{document}",
            output.status,
            said(&output)
        );
        serde_json::from_slice(&output.stdout).expect("apply --json prints JSON")
    }

    /// Tries to apply `document` from a file and gives how that went, as a person sees it.
    pub(crate) fn try_apply(&self, document: &str) -> Output {
        let file = self.document_file();
        fs::write(&file, document).unwrap();
        self.run(&["apply", file.to_str().unwrap()])
    }

    /// Where [`Appliance::try_apply`] puts its document.
    pub(crate) fn document_file(&self) -> PathBuf {
        self.data().join("tried.toml")
    }

    /// The document as `export` prints it.
    #[track_caller]
    pub(crate) fn export(&self) -> String {
        let output = self.run(&["export"]);
        assert!(output.status.success(), "export: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What `status --json` prints.
    #[track_caller]
    pub(crate) fn status(&self) -> Value {
        let output = self.run(&["status", "--json"]);
        assert!(output.status.success(), "status: {}", said(&output));
        serde_json::from_slice(&output.stdout).expect("status --json prints JSON")
    }

    /// One node out of `status --json`.
    #[track_caller]
    pub(crate) fn node(&self, pool: &str, node: &str) -> Value {
        let status = self.status();
        let named = |list: &Value, name: &str| {
            let items = list.as_array().into_iter().flatten();
            items.clone().find(|item| item["name"] == name).cloned()
        };
        named(&status["pools"], pool)
            .and_then(|pool| named(&pool["nodes"], node))
            .unwrap_or_else(|| panic!("no {pool}/{node} in {status:#}"))
    }

    /// Waits until a node's health is this word.
    #[track_caller]
    pub(crate) fn wait_for_health(&self, pool: &str, node: &str, health: &str) {
        eventually(&format!("{pool}/{node} is {health}"), || {
            (self.node(pool, node)["health"] == health).then_some(())
        });
    }

    // --- What it shows ------------------------------------------------------

    /// The port for the listener of a test's document.
    pub(crate) fn port(&self) -> u16 {
        self.http.number()
    }

    /// The admin server's port.
    pub(crate) fn admin_port(&self) -> u16 {
        self.admin.number()
    }

    /// Asks the admin server.
    #[track_caller]
    pub(crate) fn admin(&self, target: &str) -> Response {
        client::get(self.admin_port(), target)
    }

    /// `/metrics` once this many requests have been noted. Whoever has an answer may be ahead of
    /// its being counted; the line of the access log comes behind that.
    #[track_caller]
    pub(crate) fn metrics_after(&self, requests: usize) -> String {
        self.access_log(requests);
        self.admin("/metrics").text()
    }

    /// GET through the listener, on a connection of its own.
    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Response {
        client::get(self.port(), target)
    }

    /// Any request through the listener, on a connection of its own.
    #[track_caller]
    pub(crate) fn ask(&self, request: &Request) -> Response {
        client::ask(self.port(), request)
    }

    /// The data directory.
    pub(crate) fn data(&self) -> &Path {
        self.dir.path()
    }

    /// Where the access log is.
    pub(crate) fn access_log_path(&self) -> PathBuf {
        self.data().join("logs/access.log")
    }

    /// The access log once it has this many lines: it is written a moment after the answer.
    #[track_caller]
    pub(crate) fn access_log(&self, lines: usize) -> Vec<String> {
        eventually("lines in the access log", || {
            let text = fs::read_to_string(self.access_log_path()).ok()?;
            let whole: Vec<String> = text
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'))
                .map(|line| line.trim_end().to_owned())
                .collect();
            (whole.len() >= lines).then_some(whole)
        })
    }

    /// What it said of itself, over all its lives.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        // Beside the directory: its disk may take no word.
        self.data().with_extension("said")
    }

    /// Memory now, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most memory it ever held, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// Descriptors it has open, but for its logs': those begin a file whenever they like.
    pub(crate) fn descriptors(&self) -> usize {
        let logs = self.data().join("logs");
        let all = fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap();
        let is_other = |path: PathBuf| !path.starts_with(&logs);
        // One that is closed meanwhile counts as closed.
        all.filter(|fd| {
            let path = fd
                .as_ref()
                .ok()
                .and_then(|fd| fs::read_link(fd.path()).ok());
            path.is_some_and(is_other)
        })
        .count()
    }

    fn memory(&self, key: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        number.and_then(|n| n.parse().ok()).expect("Linux says it")
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _killed = child.kill();
            let _ended = child.wait();
        }
        let log = self.log();
        let _gone = fs::remove_file(self.log_path());
        if let Some(program) = &self.program {
            let _gone = fs::remove_file(program);
        }
        if std::thread::panicking() {
            eprintln!("--- steelyard said ---\n{log}----------------------");
            return;
        }
        let bad = |line: &&str| {
            line.contains("panicked at") || (!self.errors_expected && line.contains(" ERROR "))
        };
        let bad: Vec<&str> = log.lines().filter(bad).collect();
        assert!(
            bad.is_empty(),
            "it said:\n{}\nin all:\n{log}",
            bad.join("\n")
        );
    }
}

/// Runs the program with these arguments, to its end.
pub(crate) fn run(arguments: &[&str], input: &str) -> Output {
    // A verb that hangs must fail one test and not hold up all of them.
    let limit = PATIENCE.as_secs().to_string();
    let mut child = Command::new("timeout")
        .args(["--kill-after=1", &limit, PROGRAM])
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may have ended without reading: then its exit says why.
    let _written = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// Both outputs of a command, for reading and for messages.
pub(crate) fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Writes a file, its folders made first.
pub(crate) fn write_file(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("a file is in a folder")).unwrap();
    File::create(path)
        .and_then(|mut file| file.write_all(bytes.as_ref()))
        .unwrap();
}
