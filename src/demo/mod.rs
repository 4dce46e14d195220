//! The demo: three toy nodes behind the real program, gentle traffic, and a live
//! table of who answered. All it writes is in a directory that goes with it.
//!
//! It does not start the program, which is `app`'s work and above this layer: set the
//! [`Stage`], start the program on its data directory, and let it [`Stage::play`].

mod scratch;
mod screen;
mod toy;
mod traffic;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;

use scratch::Scratch;
use screen::{Row, Screen, View, say};
use toy::{Manner, Toy};
use traffic::Traffic;

use crate::control::{Apply, ChangeError, Handle};
use crate::document::{Format, PlacedProblems};

/// The toys: one is slower, one fails now and then.
const MANNERS: [Manner; 3] = [
    Manner {
        name: "fast",
        weight: 3,
        delay: Duration::from_millis(2),
        fails_every: 0,
    },
    Manner {
        name: "slow",
        weight: 2,
        delay: Duration::from_millis(80),
        fails_every: 0,
    },
    Manner {
        name: "flaky",
        weight: 1,
        delay: Duration::from_millis(2),
        fails_every: 10,
    },
];
/// Where the static page lies in the demo's directory.
const SITE: &str = "site";
const PAGE: &str = include_str!("page.html");

/// All that the demo needs besides the program. Dropping it leaves nothing behind.
#[derive(Debug)]
pub struct Stage {
    scratch: Scratch,
    toys: Vec<Toy>,
    http: SocketAddr,
    admin: SocketAddr,
    signals: [Signal; 3],
}

impl Stage {
    /// Starts the toys and makes the directory. From here on a signal is kept for
    /// [`Stage::play`], so that nothing stays behind whenever it comes.
    ///
    /// # Errors
    /// When an address cannot be had or the directory cannot be made.
    pub async fn set(http: SocketAddr, admin: SocketAddr) -> anyhow::Result<Self> {
        let signals = [
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ];
        // Held until the toys have their ports, so that none of them takes one of these.
        let (http, held_http) = free(http, "--http")?;
        let (admin, held_admin) = free(admin, "--admin")?;
        let mut toys = Vec::new();
        for manner in MANNERS {
            toys.push(Toy::start(manner).await?);
        }
        drop((held_http, held_admin));
        let scratch = Scratch::make()?;
        let site = scratch.path().join(SITE);
        std::fs::create_dir(&site)?;
        std::fs::write(site.join("index.html"), page(&toys))?;
        Ok(Self {
            scratch,
            toys,
            http,
            admin,
            signals,
        })
    }

    /// The data directory the program is to run on.
    pub fn data_dir(&self) -> &Path {
        self.scratch.path()
    }

    /// The admin address the program is to use.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Applies the demo's document, says what to try and shows who answers, until a
    /// signal comes or nobody reads any more. `password` lets the user `demo` into the panel.
    ///
    /// # Errors
    /// When the document cannot be applied: most often, because the port is taken.
    pub async fn play(&mut self, control: &Handle, password: Option<&str>) -> anyhow::Result<()> {
        let root = self.scratch.path().join(SITE);
        let root = root
            .to_str()
            .context("TMPDIR is not UTF-8; name another directory with it")?;
        let apply = Apply {
            text: document(&self.toys, self.http, root).to_string(),
            format: Format::Json,
            if_revision: None,
            dry_run: false,
            author: "demo".to_owned(),
        };
        match control.apply(apply).await {
            Ok(_) => {}
            Err(ChangeError::Invalid(problems)) => bail!("{}", self.advice(&problems)),
            Err(error) => return Err(error.into()),
        }
        let traffic = Traffic::start(self.http);
        // An error here is a reader who has gone, which ends the demo as a signal does.
        let panel = panel(control, password);
        let _ = self.show(control, &traffic, &panel).await;
        Ok(())
    }

    async fn show(
        &mut self,
        control: &Handle,
        traffic: &Traffic,
        panel: &str,
    ) -> std::io::Result<()> {
        let mut screen = Screen::new();
        say(&self.invitation(panel))?;
        let mut ticks = tokio::time::interval(screen.pace());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let [interrupt, terminate, hangup] = &mut self.signals;
            tokio::select! {
                _ = ticks.tick() => {}
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                _ = hangup.recv() => break,
            }
            screen.show(&self.view(&control.status(), traffic))?;
        }
        say("\nThe demo has ended; nothing stays behind.")
    }

    fn view(&self, status: &Value, traffic: &Traffic) -> View {
        let tally = traffic.tally();
        let rows = self.toys.iter().map(|toy| {
            let name = toy.manner.name;
            let nodes = status["pools"][0]["nodes"].as_array();
            let node = nodes.and_then(|nodes| nodes.iter().find(|node| node["name"] == name));
            Row {
                name,
                weight: node.and_then(|node| node["weight"].as_u64()).unwrap_or(0),
                state: node.map_or_else(|| "removed".to_owned(), state),
                answered: tally.answered(name),
                lately: tally.lately(name),
                mean: tally.mean(name),
            }
        });
        View {
            rows: rows.collect(),
            requests: tally.requests,
            failed: tally.failed,
            errors: self.toys.iter().map(Toy::failed).sum(),
        }
    }

    /// What is wrong with the demo's own document: most often a port that is taken.
    fn advice(&self, problems: &PlacedProblems) -> String {
        let all: Vec<&str> = problems
            .iter()
            .map(|p| p.problem.message.as_str())
            .collect();
        let port = self.http.port().wrapping_add(1).max(1024);
        format!(
            "{}; as here: steelyard demo --http {}",
            all.join("; "),
            SocketAddr::new(self.http.ip(), port)
        )
    }

    /// Some lines of what to open and try.
    fn invitation(&self, panel: &str) -> String {
        let http = shown(self.http);
        let admin = shown(self.admin);
        let dir = self.data_dir().display();
        let program = program();
        let stop = self.toys[0].address;
        let away = toy::AWAY.as_secs();
        format!(
            "\
Steelyard demo: three toy nodes with the weights 3, 2 and 1 behind one address.

{panel}  open a page that shows who answers     http://{http}/
  ask; X-Node names the node             curl -i http://{http}/app
  let «fast» die for {away} seconds          curl http://{stop}/stop
  read the counters                      curl http://{admin}/metrics
and from another terminal:
  {program} status --data-dir {dir}
  {program} node weight demo/flaky 6 --data-dir {dir}
  {program} node drain demo/slow --data-dir {dir}
Ctrl-C ends it; nothing stays behind.
"
        )
    }
}

/// How the panel is opened, a line or two; nothing where nobody may.
fn panel(control: &Handle, password: Option<&str>) -> String {
    let url = control.admin_url();
    password.map_or_else(String::new, |password| {
        format!(
            "  open the panel                         {url}/\n    \
             sign in as «demo» with               {password}\n"
        )
    })
}

/// The demo's configuration, as the JSON form of a document.
fn document(toys: &[Toy], http: SocketAddr, root: &str) -> Value {
    let nodes: Vec<Value> = toys
        .iter()
        .map(|toy| {
            json!({
                "name": toy.manner.name,
                "address": toy.address.to_string(),
                "weight": toy.manner.weight,
            })
        })
        .collect();
    json!({
        "version": 1,
        // A toy has nothing that is worth waiting for.
        "settings": { "shutdown_grace": "1s" },
        "listeners": [{ "name": "demo", "address": http.to_string() }],
        "pools": [{
            "name": "demo",
            "policy": "round_robin",
            "nodes": nodes,
            "retry": { "on": ["error", "timeout", "http_500"] },
            // The flaky node fails on purpose, and should not rest for it.
            "max_fails": 0,
            "health_check": {
                "kind": "tcp", "interval": "1s", "timeout": "500ms", "rise": 2, "fall": 2,
            },
        }],
        "sites": [{
            "name": "demo",
            "routes": [
                { "path": "/app", "pool": "demo" },
                { "path": "/", "files": { "root": root } },
            ],
        }],
    })
}

/// What a node is to do, where that is not the usual, and how it is.
fn state(node: &Value) -> String {
    let word = |key: &str| node[key].as_str().unwrap_or("unknown");
    match (word("admin_state"), word("health")) {
        ("enabled", health) => health.to_owned(),
        ("draining", _) if node["drained"] == true => "drained".to_owned(),
        (wanted, health) => format!("{wanted}, {health}"),
    }
}

/// The address itself, or with a free port where its port is 0. Only a look: who comes
/// between this and the program's own bind is told then.
fn free(address: SocketAddr, option: &str) -> anyhow::Result<(SocketAddr, Option<TcpListener>)> {
    let bound = TcpListener::bind(address).and_then(|held| Ok((held.local_addr()?, Some(held))));
    match bound {
        Ok(bound) => Ok(bound),
        // The program knows better who holds it.
        Err(error) if error.kind() == ErrorKind::AddrInUse && option == "--http" => {
            Ok((address, None))
        }
        Err(error) => bail!(
            "cannot listen on {address}: {error}; choose another address, such as \
             {option} 127.0.0.1:0 for any free port"
        ),
    }
}

/// The address as one can open it.
fn shown(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, address.port()))
    } else {
        address
    }
}

/// How this program can be called again, as short as it is from here.
fn program() -> String {
    let Ok(path) = std::env::current_exe() else {
        return "steelyard".into();
    };
    let here = std::env::current_dir().unwrap_or_default();
    let short: &Path = path.strip_prefix(&here).unwrap_or(&path);
    short.display().to_string()
}

/// The static page, which knows how the toys are stopped.
fn page(toys: &[Toy]) -> String {
    let nodes: Vec<Value> = toys
        .iter()
        .map(|toy| {
            json!({
                "name": toy.manner.name,
                "stop": format!("http://{}/stop", toy.address),
            })
        })
        .collect();
    PAGE.replace("NODES", &Value::from(nodes).to_string())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use serde_json::json;

    use super::{MANNERS, PAGE, Toy, document, free, page, state};
    use crate::document::{Format, parse};

    async fn toys() -> Vec<Toy> {
        let mut toys = Vec::new();
        for manner in MANNERS {
            toys.push(Toy::start(manner).await.unwrap());
        }
        toys
    }

    #[tokio::test]
    async fn the_document_of_the_demo_has_no_problem() {
        let http: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let text = document(&toys().await, http, "/tmp/a \" b/site").to_string();
        let parsed = parse(&text, Format::Json).unwrap_or_else(|p| panic!("{p}"));
        assert_eq!(parsed.warnings, Vec::<String>::new());
        let weights: Vec<u16> = parsed.config.pools[0]
            .nodes
            .iter()
            .map(|n| n.weight)
            .collect();
        assert_eq!(weights, [3, 2, 1]);
    }

    #[tokio::test]
    async fn the_page_knows_every_toy() {
        let toys = toys().await;
        let page = page(&toys);
        assert!(PAGE.contains("= NODES;"));
        for toy in &toys {
            assert!(page.contains(&format!("http://{}/stop", toy.address)));
        }
    }

    #[test]
    fn port_0_becomes_a_free_port_and_a_taken_one_is_told_with_its_option() {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        assert_ne!(free(any, "--http").unwrap().0.port(), 0);
        let taken = std::net::TcpListener::bind(any).unwrap();
        let address = taken.local_addr().unwrap();
        let error = free(address, "--admin").unwrap_err().to_string();
        assert!(error.contains(&address.to_string()), "{error}");
        assert!(error.contains("--admin 127.0.0.1:0"), "{error}");
    }

    #[test]
    fn intent_is_shown_where_it_is_not_the_usual() {
        let node = |admin: &str, health: &str, drained: bool| {
            state(&json!({"admin_state": admin, "health": health, "drained": drained}))
        };
        assert_eq!(node("enabled", "down", false), "down");
        assert_eq!(node("draining", "up", false), "draining, up");
        assert_eq!(node("draining", "up", true), "drained");
        assert_eq!(node("disabled", "up", false), "disabled, up");
    }
}
