//! `steelyard doctor` and `steelyard health`: all is well, and each fault is found and told with what to do.

use std::net::TcpListener;
use std::process::Output;

use serde_json::Value;

use crate::support::appliance::{Appliance, said};
use crate::support::disk::SmallDisk;
use crate::support::django::{Gunicorn, Release, Worker, collect_static};
use crate::support::document::{listener, node, one_pool, pool, route, site};
use crate::support::eventually;
use crate::support::node::Node;
use crate::support::panel::Panel;
use crate::support::ports::Port;
use crate::support::tls::Authority;

/// What `doctor --json` says, and how it ended.
fn diagnosed(lb: &Appliance) -> (Value, Option<i32>) {
    let output = lb.run(&["doctor", "--json"]);
    let told = serde_json::from_slice(&output.stdout);
    let told = told.unwrap_or_else(|error| panic!("{error}: {}", said(&output)));
    (told, output.status.code())
}

fn findings(told: &Value) -> impl Iterator<Item = &Value> {
    told["findings"].as_array().into_iter().flatten()
}

/// The finding of this area that speaks of `name`.
#[track_caller]
fn finding<'t>(told: &'t Value, area: &str, name: &str) -> &'t Value {
    let is_it = |one: &&Value| {
        one["area"] == area
            && one["name"]
                .as_str()
                .is_some_and(|found| found.contains(name))
    };
    findings(told)
        .find(is_it)
        .unwrap_or_else(|| panic!("no {area} {name} in {told:#}"))
}

/// That a finding is so, and that its words or its advice say `part`.
#[track_caller]
fn says(finding: &Value, state: &str, part: &str) {
    assert_eq!(finding["state"], state, "{finding:#}");
    let words = [&finding["text"], &finding["advice"]].map(|one| one.as_str().unwrap_or_default());
    assert!(words.concat().contains(part), "no «{part}» in {finding:#}");
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn shop(routes: &str) -> String {
    site("shop", routes).replace(
        "name = \"shop\"\n",
        "name = \"shop\"\nhosts = [\"shop.example.com\"]\n",
    )
}

#[test]
fn a_healthy_django_is_well_in_every_respect() {
    let nodes = Gunicorn::three(Release::New, Worker::Gthread);
    let files = tempfile::tempdir().unwrap();
    collect_static(Release::New, files.path());
    let lb = Appliance::start();
    let [a, b, c] = &nodes;
    let root = files.path();
    let folder =
        format!("[[sites.routes]]\npath = \"/static/\"\nfiles = {{ root = {root:?} }}\n\n");
    let check = "health_check = { kind = \"http\", path = \"/admin/login/\", interval = \"1s\" }";
    lb.apply(
        &(listener(lb.port())
            // Whatever room this machine has.
            + "[logs]\nstore = { max_size = \"16m\" }\n\n"
            + &pool("django", check, &[a.line(3), b.line(2), c.line(1)])
            + &shop(&(folder + &route("/", "django", "")))),
    );
    for node in ["web-1", "web-2", "web-3"] {
        lb.wait_for_health("django", node, "up");
    }
    let (told, code) = diagnosed(&lb);
    let not_ok: Vec<&Value> = findings(&told).filter(|one| one["state"] != "ok").collect();
    assert_eq!(not_ok, Vec::<&Value>::new());
    assert_eq!((&told["state"], code), (&"ok".into(), Some(0)));
    assert_eq!(
        (&told["running"], &told["log"]),
        (&true.into(), &Value::Array(Vec::new()))
    );
    for area in [
        "instance", "ports", "names", "clock", "disk", "limits", "nodes", "sessions", "files",
        "django",
    ] {
        finding(&told, area, "");
    }
    says(
        finding(&told, "ports", "listener http"),
        "ok",
        "open on 127.0.0.1:",
    );
    says(finding(&told, "ports", "panel"), "ok", "this machine alone");
    says(finding(&told, "nodes", "django/web-2"), "ok", "is up");
    says(
        finding(&told, "files", "shop /static/"),
        "ok",
        "files that can be read",
    );
    says(
        finding(&told, "django", "Host shop.example.com"),
        "ok",
        "takes the name",
    );
    let origins = "CSRF_TRUSTED_ORIGINS = [\"http://shop.example.com\"]";
    says(
        finding(&told, "django", "CSRF_TRUSTED_ORIGINS"),
        "ok",
        origins,
    );

    let text = lb.runs(&["doctor"]);
    assert!(text.starts_with("Steelyard 0."), "{text}");
    assert!(
        text.contains("\nPorts\n  ok    listener http: open on "),
        "{text}"
    );
    assert!(text.contains("bad: 0, to be looked at: 0, ok: "), "{text}");
    assert_eq!(
        text.trim_end()
            .lines()
            .last()
            .map(|l| l.starts_with("bad: 0")),
        Some(true)
    );
}

#[test]
fn django_that_refuses_the_site_s_name_or_wants_https_is_told_what_to_set() {
    let env = [("ALLOWED_HOSTS", "localhost".to_owned())];
    let refusing = Gunicorn::three_with(Release::New, &env);
    let lb = Appliance::start();
    let check = "health_check = \"off\"";
    let document = |name, line| {
        listener(lb.port()) + &pool(name, check, &[line]) + &shop(&route("/", name, ""))
    };
    lb.apply(&document("django", refusing[0].line(1)));
    let (told, code) = diagnosed(&lb);
    let host = finding(&told, "django", "Host shop.example.com");
    says(host, "bad", "ALLOWED_HOSTS += [\"shop.example.com\"]");
    assert_eq!(code, Some(1));

    let redirecting = Gunicorn::three_with(Release::New, &[("SSL_REDIRECT", "1".to_owned())]);
    lb.apply(&document("django", redirecting[0].line(1)));
    let (told, code) = diagnosed(&lb);
    let host = finding(&told, "django", "Host shop.example.com");
    says(
        host,
        "warn",
        "redirects to HTTPS, and nothing here speaks HTTPS",
    );
    assert_eq!(code, Some(0), "{told:#}");
}

#[test]
fn a_node_that_is_down_and_a_name_that_is_not_found_are_told_with_why() {
    let mut well = Node::answering("web-1");
    let lb = Appliance::start();
    let check = "health_check = { kind = \"tcp\", interval = \"200ms\", timeout = \"200ms\", fall = 1, rise = 1 }";
    let named = node("name = \"web-2\"\naddress = \"nowhere.invalid:8000\"");
    lb.apply(&(one_pool(lb.port(), check, &[well.line(1)]) + &named));
    lb.wait_for_health("django", "web-1", "up");
    let (told, code) = diagnosed(&lb);
    says(
        finding(&told, "names", "nowhere.invalid"),
        "bad",
        "nowhere.invalid",
    );
    says(finding(&told, "nodes", "django/web-1"), "ok", "is up");
    assert_eq!(code, Some(1));

    well.stop();
    lb.wait_for_health("django", "web-1", "down");
    // The pool has none only once this one was asked, too.
    lb.wait_for_health("django", "web-2", "down");
    let (told, code) = diagnosed(&lb);
    says(
        finding(&told, "nodes", "django/web-1"),
        "bad",
        "connection refused: nothing listens on",
    );
    says(
        finding(&told, "nodes", "pool django"),
        "bad",
        "no enabled node is well",
    );
    assert_eq!((&told["state"], code), (&"bad".into(), Some(1)));
}

#[test]
fn a_port_that_another_program_has_is_told_with_its_name() {
    let node = Node::answering("web-1");
    let mut lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &[node.line(1)]));
    lb.stop();
    let taken = TcpListener::bind(("127.0.0.1", lb.port())).unwrap();
    let pid = format!("(pid {}) has it", std::process::id());
    // Of the stopped one, and of one that was started and could not have it.
    let (told, code) = diagnosed(&lb);
    says(finding(&told, "ports", "listener http"), "bad", &pid);
    assert_eq!(code, Some(1));
    lb.expect_errors();
    lb.restart();
    let (told, code) = diagnosed(&lb);
    says(finding(&told, "ports", "listener http"), "bad", &pid);
    says(finding(&told, "instance", "own log"), "warn", "ERROR");
    assert!(
        told["log"].to_string().contains("in use by"),
        "{}",
        told["log"]
    );
    assert_eq!(code, Some(1));
    let health = lb.run(&["health"]);
    assert_eq!(self::code(&health), Some(1), "{}", said(&health));
    assert!(
        said(&health).contains("not ready: listener http is not open"),
        "{}",
        said(&health)
    );

    drop(taken);
    eventually("the listener is open", || {
        let (told, _) = diagnosed(&lb);
        (finding(&told, "ports", "listener http")["state"] == "ok").then_some(())
    });
    assert_eq!(lb.runs(&["health"]), "ready\n");
}

#[test]
fn a_stopped_instance_is_looked_at_as_far_as_that_goes() {
    let mut node = Node::answering("web-1");
    let mut lb = Appliance::start();
    let health = lb.run(&["health"]);
    assert_eq!(code(&health), Some(1));
    assert!(
        said(&health).contains("nothing is configured yet"),
        "{}",
        said(&health)
    );
    lb.apply(&one_pool(lb.port(), "", &[node.line(1)]));
    lb.stop();
    let (told, code) = diagnosed(&lb);
    assert_eq!(
        (&told["running"], code),
        (&false.into(), Some(0)),
        "{told:#}"
    );
    says(
        finding(&told, "instance", "Steelyard"),
        "warn",
        "not running",
    );
    says(finding(&told, "ports", "listener http"), "ok", "is free");
    says(
        finding(&told, "nodes", "django/web-1"),
        "ok",
        "answered 200",
    );
    says(finding(&told, "disk", "config.db"), "ok", "KiB");
    node.stop();
    let (told, code) = diagnosed(&lb);
    says(
        finding(&told, "nodes", "django/web-1"),
        "bad",
        "connection refused",
    );
    assert_eq!(code, Some(1));
    let health = lb.run(&["health"]);
    assert_eq!(self::code(&health), Some(1));
    assert!(
        said(&health).contains("not ready: nothing runs on"),
        "{}",
        said(&health)
    );
}

#[test]
fn a_full_disk_is_told() {
    let mut lb = Appliance::prepared();
    let Some(disk) = SmallDisk::mount(lb.data()) else {
        return;
    };
    lb.expect_errors();
    lb.restart();
    disk.fill();
    let (told, code) = diagnosed(&lb);
    let folder = lb.data().display().to_string();
    says(finding(&told, "disk", &folder), "bad", "it is full");
    assert_eq!(code, Some(1));
    disk.free();
    lb.stop();
}

#[test]
fn a_folder_that_cannot_be_served_is_told() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    let gone = lb.data().join("gone");
    let folder =
        format!("[[sites.routes]]\npath = \"/static/\"\nfiles = {{ root = {gone:?} }}\n\n");
    let document = listener(lb.port()) + &pool("django", "", &[node.line(1)]);
    lb.apply(&(document + &site("shop", &(folder + &route("/", "django", "")))));
    let (told, code) = diagnosed(&lb);
    says(
        finding(&told, "files", "shop /static/"),
        "bad",
        "is not there",
    );
    assert_eq!(code, Some(1));
}

#[test]
fn few_descriptors_are_told_as_clients() {
    let node = Node::answering("web-1");
    let lb = Appliance::with_descriptors(1024);
    lb.apply(&one_pool(lb.port(), "", &[node.line(1)]));
    let (told, code) = diagnosed(&lb);
    says(
        finding(&told, "limits", "descriptors"),
        "warn",
        "of 1024 open, which is room for 1",
    );
    says(
        finding(&told, "limits", "descriptors"),
        "warn",
        "LimitNOFILE",
    );
    assert_eq!(code, Some(0), "it serves");
}

#[test]
fn no_secret_is_told() {
    let node = Node::answering("web-1");
    let mut lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let leaf = Authority::new().issue("DNS:shop.example.com");
    let (chain, key) = (leaf.chain(), leaf.key());
    let files = [
        &["--chain"],
        &[chain.to_str().unwrap()][..],
        &["--key"],
        &[key.to_str().unwrap()],
    ];
    lb.runs(&[&["certificate", "put", "shop"], &files.concat()[..]].concat());
    let key = std::fs::read_to_string(key).unwrap();
    let secrets = [
        "affinity-4711-affinity-4711",
        "hook-4711",
        "redis-4711",
        "sessions-4711",
        "way-4711",
    ];
    let [affinity, hook, redis, sessions, way] = secrets;
    let sessions_port = Port::free();
    let at = sessions_port.number();
    let document = format!(
        "version = 1\n[settings]\naffinity_secret = \"{affinity}\"\n\
         [sessions]\nlisten = \"127.0.0.1:{at}\"\npassword = \"{sessions}\"\n\
         store = \"redis://127.0.0.1:1\"\nstore_password = \"{redis}\"\n\
         [[certificates]]\nname = \"shop\"\nuploaded = true\n\
         [[webhooks]]\nname = \"ops\"\nurl = \"http://nowhere.invalid/{way}\"\nsecret = \"{hook}\"\n"
    );
    let rest = one_pool(lb.port(), "", &[node.line(1)]);
    lb.expect_errors();
    lb.apply(&(document + rest.trim_start_matches("version = 1\n")));
    eventually("the Redis is found away", || {
        let (told, _) = diagnosed(&lb);
        (finding(&told, "sessions", "redis://127.0.0.1:1")["state"] == "bad").then_some(())
    });
    says(
        finding(&diagnosed(&lb).0, "certificates", "shop"),
        "ok",
        "for shop.example.com, good for",
    );
    let bundle = panel.get("/diagnostics/bundle");
    assert_eq!(bundle.status, 200);
    assert!(bundle.text().contains("\"document\""), "{}", bundle.text());
    let page = panel.get("/diagnostics");
    assert_eq!(page.status, 200, "{}", page.text());
    let mut outputs = vec![bundle.text(), page.text()];
    let told = [&["doctor"][..], &["doctor", "--json"]];
    outputs.extend(told.map(|words| said(&lb.run(words))));
    lb.stop();
    outputs.extend(told.map(|words| said(&lb.run(words))));
    let body = key.lines().nth(1).unwrap();
    for output in &outputs {
        for secret in secrets.iter().chain(&[body]) {
            assert!(!output.contains(secret), "{secret} in {output}");
        }
        assert!(!output.contains("PRIVATE KEY"), "{output}");
    }
}
