//! Real clients of the session store: what applications really send, and a sign-in that outlives everything.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request, Response};
use crate::support::counted;
use crate::support::django::{Gunicorn, Release, libraries, manage, python};
use crate::support::document::{listener, pool, route, site};
use crate::support::eventually;
use crate::support::ports::Port;
use crate::support::resp::Redis as Server;

/// A store at `port`, and a site that nobody asks.
fn document(lb: &Appliance, port: &Port) -> String {
    let sessions = format!("[sessions]\nlisten = \"{}\"\n", port.address());
    let site = site(
        "s",
        "[[sites.routes]]\npath = \"/\"\nrespond = { status = 200, body = \"ok\" }\n",
    );
    listener(lb.port()) + &sessions + &site
}

/// The store's URL as the panel shows it to paste.
fn url(lb: &Appliance, port: &Port, database: u8) -> String {
    let password = lb.runs(&["sessions", "password"]);
    format!("redis://:{}@{}/{database}", password.trim(), port.address())
}

/// Runs one of the scripts in tests/sessions, which says `ok` where all of it held.
pub(crate) fn holds(program: &Path, script: &str, arguments: &[&str], env: &[(&str, String)]) {
    let done = Command::new(program)
        .arg(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/sessions")
                .join(script),
        )
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(env.iter().map(|(name, value)| (*name, value)))
        .stdin(Stdio::null())
        .output()
        .expect("target/venv is there: tests/install makes it");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(
        done.status.success() && said.starts_with("ok"),
        "{script} {arguments:?}: {done:?}"
    );
}

#[test]
fn django_keeps_its_sessions_by_both_backends_and_every_redis_py() {
    let (lb, port) = (Appliance::start(), Port::free());
    lb.apply(&document(&lb, &port));
    let url = url(&lb, &port, 0);
    let mut all = Vec::new();
    for redis in ["redis5", "redis6", "redis7", "redis8"] {
        for release in [Release::Old, Release::New] {
            for backend in ["builtin", "django-redis"] {
                all.push((redis, release, backend));
            }
        }
    }
    // Each redis-py, each Django and each backend; all sixteen in assurance.
    let four = [0, 5, 10, 15];
    let wanted = counted(four.len(), all.len());
    let pairs = all.iter().enumerate();
    let pairs = pairs.filter(|(i, _)| wanted > four.len() || four.contains(i));
    let mut held = 0;
    for (_, (redis, release, backend)) in pairs {
        let path = [("PYTHONPATH", libraries(&[*redis, "django-redis"]))];
        holds(
            &python(*release),
            "django_sessions.py",
            &[backend, &url],
            &path,
        );
        held += 1;
    }
    assert_eq!(held, wanted);
}

#[test]
fn flask_and_express_keep_their_sessions() {
    let (lb, port) = (Appliance::start(), Port::free());
    lb.apply(&document(&lb, &port));
    flask_and_express(&url(&lb, &port, 1));
}

#[test]
fn with_a_redis_behind_no_client_notices() {
    let (lb, port, server) = (Appliance::start(), Port::free(), Server::start());
    let store = format!("[sessions]\nstore = \"redis://{}\"\n", server.address());
    lb.apply(&document(&lb, &port).replace("[sessions]\n", &store));
    let address = url(&lb, &port, 0);
    let pairs = [
        ("redis5", Release::Old, "django-redis"),
        ("redis8", Release::New, "builtin"),
    ];
    for (redis, release, backend) in pairs {
        let path = [("PYTHONPATH", libraries(&[redis, "django-redis"]))];
        holds(
            &python(release),
            "django_sessions.py",
            &[backend, &address],
            &path,
        );
    }
    flask_and_express(&url(&lb, &port, 1));
}

fn flask_and_express(url: &str) {
    let path = [("PYTHONPATH", libraries(&["flask", "redis7"]))];
    holds(&python(Release::New), "flask_sessions.py", &[url], &path);
    let packages = [("PACKAGES", libraries(&["express"]))];
    holds(Path::new("node"), "express_sessions.mjs", &[url], &packages);
}

/// Of `ada` in Django.
const PASSWORD: &str = "swings back to level";

/// The site's document: three nodes, checked, and the store beside them.
fn shop(lb: &Appliance, port: &Port, nodes: &[Gunicorn; 3]) -> String {
    let [a, b, c] = nodes;
    let keys = "health_check = { kind = \"http\", path = \"/who\", interval = \"1s\", rise = 1, fall = 1 }";
    let sessions = format!(
        "[sessions]\nlisten = \"{}\"\nfsync = \"always\"\n",
        port.address()
    );
    listener(lb.port())
        + &sessions
        + &pool("django", keys, &[a.line(1), b.line(1), c.line(1)])
        + &site("shop", &route("/", "django", ""))
}

/// The environment of a Django with the user `ada`, whose database is in `folder`.
pub(crate) fn with_ada(folder: &Path) -> Vec<(&'static str, String)> {
    let env = vec![
        ("DATABASE", folder.join("shop.db").display().to_string()),
        ("DJANGO_SUPERUSER_PASSWORD", PASSWORD.to_owned()),
        ("PYTHONPATH", libraries(&["redis7"])),
    ];
    manage(Release::New, &["migrate", "--verbosity=0"], &env);
    let user = [
        "createsuperuser",
        "--noinput",
        "--username=ada",
        "--email=ada@example.com",
    ];
    manage(Release::New, &user, &env);
    env
}

/// Who signs in to Django's admin, with what their browser keeps.
pub(crate) struct Browser {
    port: u16,
    cookies: Vec<(String, String)>,
}

impl Browser {
    /// Somebody who comes in by this port.
    pub(crate) fn at(port: u16) -> Self {
        Self {
            port,
            cookies: Vec::new(),
        }
    }

    fn ask(&mut self, request: Request) -> Response {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        let mut request = request;
        if !cookies.is_empty() {
            request = request.field("Cookie", &cookies.join("; "));
        }
        let answer = Client::of(self.port)
            .send(&request)
            .expect("the balancer answers");
        for set in answer.all("Set-Cookie") {
            let pair = set.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a cookie has a name");
            self.cookies.retain(|(kept, _)| kept != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        answer
    }

    pub(crate) fn signs_in(&mut self) {
        let page = self.ask(Request::get("/admin/login/")).text();
        let (_, rest) = page
            .split_once("csrfmiddlewaretoken\" value=\"")
            .expect("a form");
        let token = rest.split('"').next().unwrap_or_default();
        let form = format!(
            "csrfmiddlewaretoken={token}&username=ada&password={}&next=/admin/",
            PASSWORD.replace(' ', "+")
        );
        let post = Request::post("/admin/login/", form)
            .field("Content-Type", "application/x-www-form-urlencoded");
        let answer = self.ask(post);
        assert_eq!(answer.status, 302, "{}", answer.text());
    }

    /// Whether the admin knows who asks; a node that is just going may still be asked.
    pub(crate) fn is_known(&mut self) -> bool {
        let answer = self.ask(Request::get("/admin/"));
        answer.status == 200 && answer.text().contains("ada")
    }
}

#[test]
fn a_sign_in_outlives_every_node_and_steelyard_itself() {
    let mut lb = Appliance::start();
    let (port, files) = (Port::free(), tempfile::tempdir().unwrap());
    // The store first: its password goes into the settings of the nodes.
    lb.apply(&document(&lb, &port));
    let mut env = with_ada(files.path());
    let builtin = "django.core.cache.backends.redis.RedisCache";
    env.push(("SESSIONS_BACKEND", builtin.to_owned()));
    env.push(("SESSIONS", url(&lb, &port, 0)));
    let mut nodes = Gunicorn::three_with(Release::New, &env);
    lb.apply(&shop(&lb, &port, &nodes));

    let mut ada = Browser::at(lb.port());
    ada.signs_in();
    assert!(ada.is_known());
    for node in &mut nodes {
        node.kill();
        assert!(ada.is_known(), "with {} dead", node.name());
        node.again();
        lb.wait_for_health("django", node.name(), "up");
    }
    lb.kill9();
    lb.restart();
    eventually("the sign-in holds after a kill", || {
        ada.is_known().then_some(())
    });
    let shown = lb.status();
    assert_eq!(shown["sessions"]["databases"][0]["keys"], 1, "{shown}");
}
