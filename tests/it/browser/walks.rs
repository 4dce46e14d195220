//! What people do before the panel, by what they see on it.

use serde_json::json;

use crate::support::appliance::Appliance;
use crate::support::browser::Walk;
use crate::support::panel::PASSWORD;

#[test]
fn language_and_colours_are_changed_on_the_page_and_stay() {
    let lb = Appliance::start();
    let mut walk = Walk::begin("language", &lb, json!({}));
    walk.until("the terminal");
    let link = lb.runs(&["setup-url"]);
    walk.go_on(&json!({"link": link.trim(), "password": PASSWORD}));
    walk.ends();
}
