//! Backups before a real browser: downloaded, looked at, restored.

use serde_json::json;

use super::pages::{judge, pages};
use super::world::World;
use crate::backup::PASSPHRASE;
use crate::backup_page::look;
use crate::support::browser::Walk;
use crate::support::panel::{PASSWORD, Panel, before_forms};

/// Adds what a backup is to bring back, makes one of each kind, and takes all of it away again.
fn made(world: &World, admin: &mut Panel) -> [(&'static str, Vec<u8>); 2] {
    let before = world.lb.export();
    let (_, document) = before.split_once('\n').unwrap();
    let webhook = "\n[[webhooks]]\nname = \"ops\"\nurl = \"http://127.0.0.1:9/\"\n";
    let more = document.replace("weight = 2", "weight = 5") + webhook;
    world.lb.apply(&more);
    admin.with(&world.lb, "deploy", "operator");
    let typed = [("passphrase", PASSPHRASE), ("again", PASSPHRASE)];
    let made = [
        ("held", admin.post("/backup", &[("without", "1")]).body),
        ("locked", admin.post("/backup", &typed).body),
    ];
    world.lb.apply(document);
    assert_eq!(admin.post("/people/users/3/remove", &[]).status, 303);
    made
}

#[test]
fn the_pages_where_one_is_looked_at_are_well_made_and_light() {
    let world = World::simple();
    let mut admin = Panel::of(&world.lb);
    admin.cookie = world.cookies.get("en").cloned();
    for (who, file) in made(&world, &mut admin) {
        let here = look(&mut admin, &world.lb, &file);
        let pages = pages(who).into_iter();
        let pages = pages.map(|(name, _, status)| (name, here.clone(), status));
        judge(&world.lb, pages.collect(), &json!(world.cookies));
    }
}

#[test]
fn one_is_downloaded_and_restored_by_what_the_page_says() {
    let (lb, node, admin) = before_forms();
    let before = lb.export();
    let given = json!({
        "cookie": admin.cookie,
        "passphrase": PASSPHRASE,
        "password": PASSWORD,
    });
    let mut walk = Walk::begin("backups", &lb, given);
    walk.until("downloaded");
    lb.apply(&crate::support::document::one_pool(
        lb.port(),
        "",
        &[node.line(7)],
    ));
    walk.go_on(&json!({}));
    walk.until("shown");
    assert!(lb.export().contains("weight = 7"), "it is only shown");
    walk.go_on(&json!({}));
    walk.until("restored");
    let body = |export: &str| export.split_once('\n').unwrap().1.to_owned();
    assert_eq!(body(&lb.export()), body(&before));
    walk.go_on(&json!({}));
    walk.ends();
}
