//! The panel while its disk is full or takes no word: it stays up and says what it cannot do, and
//! those who are served do not notice.

use serde_json::json;

use crate::support::appliance::Appliance;
use crate::support::disk::SmallDisk;
use crate::support::document::{node, one_pool};
use crate::support::eventually;
use crate::support::node::Node;
use crate::support::panel::{PASSWORD, Panel};
use crate::support::program::Program;

fn served(lb: &Appliance, web: &Node) {
    let line = node(&format!(
        "name = \"web-1\"\naddress = \"{}\"",
        web.address()
    ));
    lb.apply(&(one_pool(lb.port(), "health_check = \"off\"", &[]) + &line));
}

#[test]
fn a_full_disk_takes_no_change_and_the_panel_says_so_and_goes_on() {
    let mut lb = Appliance::prepared();
    let Some(disk) = SmallDisk::mount(lb.data()) else {
        return;
    };
    lb.expect_errors();
    lb.restart();
    let web = Node::answering("web-1");
    served(&lb, &web);
    let mut panel = Panel::set_up(&lb);
    let api = Program::admin(&lb, &mut panel);
    let before = api.get("/config");
    disk.fill();
    // What is there of a journal may still have room.
    let bob =
        |n: usize| json!({ "name": format!("bob{n}"), "password": PASSWORD, "role": "viewer" });
    let refused = (0..50).map(|n| api.send("POST", "/users", Some(bob(n))));
    let refused = refused
        .into_iter()
        .find(|answer| answer.status != 201)
        .unwrap();
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.json()["error"].is_string());
    let big = "x".repeat(60_000);
    let page = json!({ "sites": [{ "name": "s", "routes": [
        { "path": "/", "respond": { "body": big } },
    ] }], "version": 1 });
    let change = api.send("PUT", "/config", Some(page));
    assert_eq!(change.status, 503, "{}", change.text());
    assert_eq!(api.get("/config"), before, "nothing half done");
    for path in ["/people", "/audit"] {
        assert_eq!(panel.get(path).status, 200, "{path}");
    }
    let added = panel.post(
        "/people/users",
        &[("name", "ann"), ("password", PASSWORD), ("role", "viewer")],
    );
    assert_eq!(added.status, 503);
    assert!(
        added.text().contains("disk") || added.text().contains("full"),
        "{}",
        added.text()
    );
    // Somebody has to be able to look.
    let mut other = Panel::of(&lb);
    assert_eq!(other.sign_in("admin", PASSWORD).status, 303);
    assert_eq!(other.get("/people").status, 200);
    for _ in 0..20 {
        assert_eq!(lb.get("/").status, 200);
    }
    disk.free();
    let weigh = api.send(
        "PATCH",
        "/pools/django/nodes/web-1",
        Some(json!({ "weight": 2 })),
    );
    assert_eq!(weigh.status, 200, "{}", weigh.text());
}

#[test]
fn a_disk_that_takes_no_word_is_told_and_what_was_served_is_served() {
    let mut lb = Appliance::prepared();
    let Some(disk) = SmallDisk::mount(lb.data()) else {
        return;
    };
    lb.expect_errors();
    lb.restart();
    let web = Node::answering("web-1");
    served(&lb, &web);
    let mut panel = Panel::set_up(&lb);
    let token = Program::admin(&lb, &mut panel).token;
    lb.kill9();
    assert!(disk.set_read_only(true));
    lb.restart();
    let api = Program::with_token(&lb, token);
    assert_eq!(lb.get("/").status, 200);
    let weigh = api.send(
        "PATCH",
        "/pools/django/nodes/web-1",
        Some(json!({ "weight": 2 })),
    );
    assert_eq!(weigh.status, 503, "{}", weigh.text());
    let mut other = Panel::of(&lb);
    assert_eq!(
        other.sign_in("admin", PASSWORD).status,
        303,
        "to look around"
    );
    assert_eq!(other.get("/people").status, 200);
    assert_eq!(api.get("/pools/django")["nodes"][0]["name"], "web-1");
    assert_eq!(lb.get("/").status, 200);
    lb.kill9();
    assert!(disk.set_read_only(false));
    // Ended in order, there is no journal, which SQLite would have to make.
    lb.restart();
    assert_eq!(lb.stop().code(), Some(0));
    assert!(disk.set_read_only(true));
    lb.restart();
    assert_eq!(lb.get("/").status, 200);
    assert_eq!(other.sign_in("admin", PASSWORD).status, 303);
    assert!(!lb.data().join("control.sock").exists());
    assert!(disk.set_read_only(false));
    // And all goes on by itself.
    eventually("commands reach it", || {
        lb.data().join("control.sock").exists().then_some(())
    });
    let webhook = "\n[[webhooks]]\nname = \"ops\"\nurl = \"http://127.0.0.1:1/\"\n";
    eventually("changes are taken", || {
        lb.try_apply(&(lb.export() + webhook))
            .status
            .success()
            .then_some(())
    });
}
