//! HTTPS from the panel alone, seen by a browser that trusts the test authority and one that does
//! not, and its renewal under load.

use serde_json::{Value, json};

use crate::acme::SHOP;
use crate::support::appliance::Appliance;
use crate::support::browser::Walk;
use crate::support::client::{Request, control};
use crate::support::document::one_pool;
use crate::support::node::Node;
use crate::support::panel::Panel;
use crate::support::pebble::Pebble;
use crate::support::ports::Port;
use crate::support::{eventually, figure, load};

/// What is told of the only certificate.
fn certificate(lb: &Appliance) -> Value {
    let told = control(lb.data(), &Request::get("/api/v1/tls")).json();
    assert_eq!(told["certificates"].as_array().map(Vec::len), Some(1));
    told["certificates"][0].clone()
}

#[test]
fn one_name_and_one_switch_and_chromium_opens_the_site_and_it_renews_under_load() {
    let (lb, node, tls) = (Appliance::start(), Node::answering("web-1"), Port::free());
    lb.apply(&one_pool(
        lb.port(),
        "health_check = \"off\"",
        &[node.line(1)],
    ));
    let panel = Panel::set_up(&lb);
    let pebble = Pebble::with(lb.port(), tls.number(), json!({}));
    let given = json!({
        "cookie": panel.cookie,
        "host": SHOP,
        "port": tls.to_string(),
        "directory": pebble.directory(),
        "ca": pebble.ca(),
        "root": pebble.root(),
        "plain": format!("http://{SHOP}:{}/", lb.port()),
        "secure": format!("https://{SHOP}:{tls}/"),
    });
    let mut walk = Walk::begin("https", &lb, given);
    walk.until("asked for");
    eventually("the certificate is there", || {
        let acme = certificate(&lb)["acme"].clone();
        assert_eq!(acme["last_error"], json!(null), "{acme}");
        (acme["state"] == "valid").then_some(())
    });
    walk.go_on(&json!({}));
    walk.until("opened");

    // «Renew now», three times, while others ask who believe in the authority's root alone.
    let whom = (tls.number(), &pebble.trust(SHOP), SHOP);
    let asked = load::during(whom, "web-1", 20_000, || {
        for _ in 0..3 {
            let before = certificate(&lb)["sha256"].clone();
            walk.go_on(&json!({ "again": true }));
            walk.until("renewed");
            eventually("another one is shown", || {
                (certificate(&lb)["sha256"] != before).then_some(())
            });
        }
    });
    assert!(asked >= 20_000);
    figure(&format!(
        "3 renewals by the panel under {asked} requests, 0 failed"
    ));
    walk.go_on(&json!({ "again": false }));
    walk.ends();
}
