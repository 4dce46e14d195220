//! The demo: the first thing a newcomer runs, and nothing stays behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::appliance::PROGRAM;
use crate::support::client::{self, Client, Request};
use crate::support::eventually;
use crate::support::ports::Port;

/// A running demo that writes below a folder of the test's.
struct Demo {
    child: Child,
    http: Port,
    admin: Port,
}

impl Demo {
    fn start(temporary: &Path) -> Self {
        let (http, admin) = (Port::free(), Port::free());
        let child = Command::new(PROGRAM)
            .args(["demo", "--http", &http.address().to_string()])
            .args(["--admin", &admin.address().to_string()])
            .env("TMPDIR", temporary)
            .env("HOME", temporary)
            .current_dir(temporary)
            .stdin(Stdio::null())
            .stdout(fs::File::create(temporary.with_extension("out")).unwrap())
            .stderr(fs::File::create(temporary.with_extension("err")).unwrap())
            .spawn()
            .unwrap();
        Self { child, http, admin }
    }

    fn wait(&self) {
        eventually("the demo answers", || {
            let answer = Client::of(self.http.number()).send(&Request::get("/app"));
            answer.ok().filter(|answer| answer.status == 200)
        });
    }

    fn interrupt(&mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        eventually("the demo ends", || self.child.try_wait().unwrap())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Everything below a folder.
fn left_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().filter_map(Result::ok);
    entries
        .map(|entry| entry.path().display().to_string())
        .collect()
}

/// The name and the password on the screen open the panel at the address beside them.
#[track_caller]
fn lets_into_the_panel(said: &str, port: u16) {
    let url = format!("http://127.0.0.1:{port}");
    assert!(
        said.contains(&format!("open the panel                         {url}/")),
        "{said}"
    );
    let line = said.lines().find(|line| line.contains("sign in as «demo»"));
    let password = line
        .and_then(|line| line.split_whitespace().last())
        .expect("a password");
    let form = format!("name=demo&password={password}");
    let request = Request::post("/sign-in", form)
        .field("Content-Type", "application/x-www-form-urlencoded")
        .field("Host", &format!("127.0.0.1:{port}"))
        .field("Origin", &url);
    let answer = client::ask(port, &request);
    assert_eq!(answer.status, 303, "{}", answer.text());
}

#[test]
fn all_three_nodes_answer_and_an_interrupt_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let temporary = dir.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let mut demo = Demo::start(&temporary);
    demo.wait();
    let port = demo.http.number();

    let mut names = BTreeSet::new();
    let mut client = Client::of(port);
    for _ in 0..60 {
        let answer = client.get("/app");
        assert_eq!(answer.status, 200);
        names.extend(answer.field("X-Node").map(str::to_owned));
    }
    assert_eq!(names.len(), 3, "{names:?}");
    let page = client.get("/");
    assert_eq!(page.status, 200);
    assert!(page.field("Content-Type").unwrap().starts_with("text/html"));
    assert_eq!(client::get(demo.admin.number(), "/healthz").text(), "ok");

    // What it tells the visitor to try names the addresses it really has.
    let said = eventually("it says what to try", || {
        let text = fs::read_to_string(temporary.with_extension("out")).ok()?;
        text.contains("curl").then_some(text)
    });
    assert!(said.contains(&format!("127.0.0.1:{port}")), "{said}");
    lets_into_the_panel(&said, demo.admin.number());

    assert_eq!(demo.interrupt().code(), Some(0));
    assert_eq!(left_in(&temporary), Vec::<String>::new());
    let errors = fs::read_to_string(temporary.with_extension("err")).unwrap();
    assert!(
        !errors.contains(" ERROR ") && !errors.contains("panicked"),
        "{errors}"
    );
    assert!(Client::of(port).send(&Request::get("/")).is_err());
}

#[test]
fn an_interrupt_while_it_is_starting_leaves_nothing_behind_either() {
    let dir = tempfile::tempdir().unwrap();
    let temporary = dir.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let mut demo = Demo::start(&temporary);
    eventually("it has begun to write", || {
        (!left_in(&temporary).is_empty()).then_some(())
    });
    assert_eq!(demo.interrupt().code(), Some(0));
    assert_eq!(left_in(&temporary), Vec::<String>::new());
}

#[test]
fn a_port_in_use_is_said_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let temporary = dir.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let (http, admin) = (Port::free(), Port::free());
    let _held = std::net::TcpListener::bind(http.address()).unwrap();
    let output = Command::new("timeout")
        .args(["30", PROGRAM, "demo", "--http", &http.address().to_string()])
        .args(["--admin", &admin.address().to_string()])
        .env("TMPDIR", &temporary)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = crate::support::appliance::said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&http.address().to_string()), "{said}");
    assert_eq!(left_in(&temporary), Vec::<String>::new());
}
