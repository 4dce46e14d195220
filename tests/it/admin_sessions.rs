//! The page of the session store without a script: on and off, its settings, a test, the password, signing out.

use crate::support::appliance::{Appliance, write_file};
use crate::support::client::{Request, control};
use crate::support::eventually;
use crate::support::panel::{Panel, assert_saved, before_forms};
use crate::support::ports::Port;
use crate::support::redis::Redis;
use crate::support::resp::Redis as Server;

/// Turns the store on as a browser without a script does.
#[track_caller]
fn turned_on(panel: &mut Panel) -> Port {
    let port = Port::free();
    let listen = port.address().to_string();
    let typed = [("listen", listen.as_str())];
    assert_saved(
        &panel.fill("/sessions", "/sessions/on", &typed),
        "/sessions?",
    );
    port
}

fn password(lb: &Appliance, database: &[&str]) -> String {
    let told = lb.runs(&[&["sessions", "password"], database].concat());
    told.trim().to_owned()
}

/// What the audit log says was done, the newest first: action, subject and detail.
fn audit(lb: &Appliance) -> Vec<(String, String, String)> {
    let rows = control(lb.data(), &Request::get("/api/v1/audit")).json();
    let rows = rows["rows"].as_array().expect("rows").clone();
    let text =
        |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let told = |row: &serde_json::Value| {
        (
            text(row, "action"),
            text(row, "subject"),
            text(row, "detail"),
        )
    };
    rows.iter().map(told).collect()
}

#[test]
fn it_is_turned_on_tried_and_its_password_shown_to_an_admin_who_asks() {
    let (lb, _node, mut panel) = before_forms();
    let off = panel.get("/sessions").text();
    assert!(off.contains("The session store is off"), "{off}");
    turned_on(&mut panel);
    let shown = panel.get("/sessions").text();
    let secret = password(&lb, &[]);
    assert!(shown.contains("django.core.cache.backends.redis.RedisCache"));
    assert!(!shown.contains(&secret), "{shown}");
    let tried = panel.post("/sessions/test?database=0", &[]).text();
    assert!(tried.contains("It works"), "{tried}");
    assert!(!tried.contains(&secret) && !tried.contains("steelyard-test-"));
    let asked = panel
        .post("/sessions/password?for=php&database=0", &[])
        .text();
    assert!(asked.contains(&format!("SESSIONS_PASSWORD={secret}")));
    assert!(asked.contains("session.save_handler"), "the same sight");
    assert_eq!(audit(&lb)[0].0, "session_passwords");
    let mut wall = panel.with(&lb, "wall", "viewer");
    let seen = wall.get("/sessions").text();
    assert!(
        !seen.contains("Show password") && !seen.contains("Test now"),
        "{seen}"
    );
    assert!(!seen.contains("/sessions/sign-out/"), "{seen}");
}

#[test]
fn the_page_answers_how_long_an_answer_takes_and_counts_nobody_who_only_looks() {
    let (_lb, _node, mut panel) = before_forms();
    turned_on(&mut panel);
    eventually("an answer was waited for", || {
        let shown = panel.get("/sessions").text();
        shown.contains("0 sessions, answered in").then_some(())
    });
    let shown = panel.get("/sessions").text();
    assert!(shown.contains("<dt>Connections</dt><dd>0</dd>"), "{shown}");
}

#[test]
fn its_settings_are_saved_and_each_problem_is_beside_its_field() {
    let (lb, _node, mut panel) = before_forms();
    let port = turned_on(&mut panel);
    let file = lb.data().join("shop.password");
    write_file(&file, "from a file");
    let typed = [
        ("max_memory", "32m"),
        ("fsync", "always"),
        ("ttl_jitter", "5%"),
        ("allow", "127.0.0.0/8"),
        ("databases", "shop: 3\r\nblog: 4"),
    ];
    let settings = "/sessions/settings";
    assert_saved(&panel.fill(settings, settings, &typed), "/sessions?");
    let document = lb.export();
    for line in [
        "max_memory = \"32m\"",
        "fsync = \"always\"",
        "ttl_jitter = \"5%\"",
        "name = \"shop\"",
    ] {
        assert!(document.contains(line), "{line} in {document}");
    }
    let mut shop = Redis::signed_in(port.address(), &password(&lb, &["shop"]));
    assert_eq!(shop.ask(&["SET", "a", "1"]), "+OK");
    // Sent as it is, it changes nothing, and no password either.
    let own = password(&lb, &["shop"]);
    assert_eq!(
        panel.fill(settings, settings, &[]).field("Location"),
        Some("/sessions")
    );
    assert_eq!(
        (lb.export(), password(&lb, &["shop"])),
        (document.clone(), own.clone())
    );

    for (field, typed, said) in [
        ("listen", "localhost", "must be"),
        ("databases", "shop: 3\r\nblog: 3", "already"),
        ("databases", "shop: x", "must be"),
        ("ttl_jitter", "80%", "0% to 50%"),
        ("max_value", "64m", "max_memory"),
        ("tls.on", "on", "certificate"),
    ] {
        let refused = panel.fill(settings, settings, &[(field, typed)]);
        assert_eq!(refused.status, 422, "{field}: {}", refused.text());
        let text = refused.text();
        let id = format!("id=\"sessionssettings-{}-fault\"", field.replace('.', "-"));
        let fault = text.split(&id).nth(1);
        let fault = fault.unwrap_or_else(|| panic!("nothing beside {field}: {text}"));
        let fault = fault.split("</div>").next().unwrap_or_default();
        assert!(fault.to_lowercase().contains(said), "{field}: {fault}");
    }
    assert_eq!(lb.export(), document);
    let off = [("listen", "")];
    assert_saved(&panel.fill(settings, settings, &off), "/sessions?");
    assert!(
        panel
            .get("/sessions")
            .text()
            .contains("The session store is off")
    );
}

#[test]
fn everybody_of_one_database_is_signed_out_and_it_is_told_and_kept() {
    let (mut lb, _node, mut panel) = before_forms();
    let port = turned_on(&mut panel);
    let settings = "/sessions/settings";
    let typed = [("databases", "shop: 3"), ("fsync", "always")];
    assert_saved(&panel.fill(settings, settings, &typed), "/sessions?");
    let (all, shop) = (password(&lb, &[]), password(&lb, &["shop"]));
    let written = |password: &str, keys: usize| {
        let mut redis = Redis::signed_in(port.address(), password);
        for number in 0..keys {
            assert_eq!(redis.ask(&["SET", &number.to_string(), "x"]), "+OK");
        }
    };
    written(&shop, 40);
    written(&all, 2);
    let ask = panel.get("/sessions/sign-out/3").text();
    assert!(
        ask.contains("database 3 (shop)?") && ask.contains("40 sessions"),
        "{ask}"
    );
    let done = panel.post("/sessions/sign-out/3", &[]);
    assert_eq!(done.field("Location"), Some("/sessions?signed-out=3"));
    let told = audit(&lb);
    let row = ("sessions_ended", "3", "40");
    assert_eq!((&*told[0].0, &*told[0].1, &*told[0].2), row);
    eventually("the event is kept", || {
        let events = panel.get("/logs/events").text();
        events
            .contains("40 sessions of database shop were ended")
            .then_some(())
    });
    // By the API, and what cannot be.
    let ended = |body: &str| {
        let request = Request::post("/api/v1/sessions/sign-out", body);
        control(
            lb.data(),
            &request.field("Content-Type", "application/json"),
        )
    };
    assert_eq!(ended("{\"database\":0}").json()["keys"], 2);
    assert_eq!(ended("{\"database\":16}").status, 422);
    assert_eq!(ended("{}").status, 422);
    assert_eq!(panel.get("/sessions/sign-out/16").status, 404);
    lb.kill9();
    lb.restart();
    let databases = lb.status()["sessions"]["databases"].clone();
    for database in databases.as_array().expect("databases") {
        assert_eq!(database["keys"], 0, "{databases}");
    }
}

#[test]
fn who_may_not_come_in_and_what_only_a_redis_has_is_told() {
    let (lb, _node, mut panel) = before_forms();
    let port = turned_on(&mut panel);
    let mut redis = Redis::signed_in(port.address(), &password(&lb, &[]));
    let refused = redis.ask(&["SUBSCRIBE", "news"]);
    assert!(refused.contains("Celery"), "{refused}");
    let shown = panel.get("/sessions").text();
    assert!(
        shown.contains("SUBSCRIBE (1)") && shown.contains("Use a real Redis"),
        "{shown}"
    );
    let settings = "/sessions/settings";
    let typed = [("allow", "192.0.2.0/24")];
    assert_saved(&panel.fill(settings, settings, &typed), "/sessions?");
    let tried = panel.post("/sessions/test", &[]).text();
    assert!(tried.contains("It does not work"), "{tried}");
    assert!(tried.contains("may not use this session store"), "{tried}");
}

#[test]
fn sessions_are_moved_to_a_redis_and_back_by_the_page_s_forms() {
    let (lb, _node, mut panel) = before_forms();
    let port = turned_on(&mut panel);
    let server = Server::start_with(&["--requirepass", "swings back"]);
    let mut client = Redis::signed_in(port.address(), &password(&lb, &[]));
    assert_eq!(client.ask(&["SET", "ada", "1", "EX", "900"]), "+OK");
    let to = format!("redis://{}/1", server.address());
    for (to, words) in [
        ("redis://x:y@127.0.0.1/1", "redis://"),
        (to.as_str(), "store_password"),
    ] {
        let refused = panel.post("/sessions/move", &[("to", to), ("password", "wrong")]);
        let said = refused.text();
        assert_eq!(refused.status, 422, "{said}");
        assert!(said.contains("not-moved") && said.contains(words), "{said}");
        assert_eq!(client.ask(&["GET", "ada"]), "1", "what served goes on");
    }
    let there = [("to", to.as_str()), ("password", "swings back")];
    assert_eq!(panel.post("/sessions/move", &there).status, 303);
    eventually("sessions are behind the Redis", || {
        (lb.status()["sessions"]["store"] == "redis").then_some(())
    });
    assert_eq!(client.ask(&["GET", "ada"]), "1");
    let shown = panel.get("/sessions").text();
    assert!(
        shown.contains(&to) && !shown.contains("swings back"),
        "{shown}"
    );
    let mut wall = panel.with(&lb, "wall", "viewer");
    assert_eq!(wall.post("/sessions/move", &[("to", "memory")]).status, 403);
    assert_eq!(panel.post("/sessions/sign-out/0", &[]).status, 303);
    assert_eq!(client.ask(&["GET", "ada"]), "nil", "signed out there");
    assert_eq!(client.ask(&["SET", "bob", "2", "EX", "900"]), "+OK");
    assert_eq!(
        panel.post("/sessions/move", &[("to", "memory")]).status,
        303
    );
    eventually("sessions are in memory", || {
        (lb.status()["sessions"]["store"] == "memory").then_some(())
    });
    assert_eq!(client.ask(&["GET", "bob"]), "2");
}
