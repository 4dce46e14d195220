//! The panel over TLS: by its own certificate or one of the configuration's; beyond this machine never without.

use crate::support::appliance::{Appliance, said};
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::panel::{PASSWORD, Panel};
use crate::support::tls::{Authority, Trust};

const SELF_SIGNED: &str = "version = 1\n[admin]\ntls = \"self-signed\"\n";

#[test]
fn beyond_this_machine_the_panel_needs_tls() {
    let lb = Appliance::start();
    for address in ["0.0.0.0:9443", "[::]:9443", "192.0.2.1:9443"] {
        let document = format!("version = 1\n[admin]\naddress = \"{address}\"\n");
        let refused = lb.try_apply(&document);
        assert_eq!(refused.status.code(), Some(78), "{address}");
        let told = said(&refused);
        assert!(
            told.contains("admin.address") && told.contains("self-signed"),
            "{told}"
        );
        let checked = lb.try_apply(&document.replace("[admin]", "[admin]\ntls = \"off\""));
        assert_eq!(checked.status.code(), Some(78));
    }
    let nowhere = lb.try_apply("version = 1\n[admin]\ntls = \"shop\"\n");
    assert!(said(&nowhere).contains("admin.tls"), "{}", said(&nowhere));
    let odd = lb.try_apply("version = 1\n[admin]\ntls = \"self signed\"\n");
    assert!(
        said(&odd).contains("off, self-signed or the name"),
        "{}",
        said(&odd)
    );
}

#[test]
fn its_own_certificate_is_kept_and_the_cookie_bound_to_it() {
    let mut lb = Appliance::start();
    let applied = lb.apply(SELF_SIGNED);
    assert_eq!(applied["revision"], 1);
    assert_eq!(lb.export().lines().last(), Some("tls = \"self-signed\""));
    let file = lb.data().join("admin.pem");
    let certificate = eventually("its certificate", || std::fs::read(&file).ok());
    let mut panel = Panel::trusting(&lb, Trust::of(&file, "127.0.0.1"));
    eventually("TLS is spoken", || panel.try_get("/healthz"));
    let url = lb.runs(&["setup-url"]);
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let token = url.trim().split_once("token=").unwrap().1.to_owned();
    let answer = panel.post("/setup", &crate::support::panel::setup_fields(&token));
    assert_eq!(answer.status, 303, "{}", answer.text());
    let cookie = answer.field("Set-Cookie").unwrap();
    assert!(cookie.starts_with("__Host-steelyard="), "{cookie}");
    for part in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.split("; ").any(|found| found == part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let page = panel.get("/people");
    assert_eq!(page.status, 200);
    assert_eq!(
        page.field("Strict-Transport-Security"),
        Some("max-age=31536000")
    );
    assert!(
        Client::of(lb.admin_port())
            .send(&Request::get("/healthz"))
            .is_err(),
        "nothing by plain HTTP"
    );

    lb.apply("version = 1\n");
    let mut plain = Panel::of(&lb);
    eventually("plain HTTP is spoken again", || plain.try_get("/healthz"));
    assert_eq!(plain.sign_in("admin", PASSWORD).status, 303);
    lb.stop();
    lb.restart();
    assert_eq!(std::fs::read(&file).unwrap(), certificate, "known again");
}

#[test]
fn a_certificate_of_the_configuration_is_shown_as_it_is_renewed() {
    let lb = Appliance::start();
    let authority = Authority::new();
    let leaf = authority.issue("DNS:panel.example.com");
    let document = format!(
        "version = 1\n[admin]\ntls = \"panel\"\n{}",
        leaf.table("panel", "")
    );
    let applied = lb.apply(&document);
    assert_eq!(
        applied["warnings"]
            .to_string()
            .matches("shown by no listener")
            .count(),
        0,
        "{applied}"
    );
    let mut panel = Panel::trusting(&lb, authority.trust("panel.example.com"));
    eventually("TLS is spoken", || panel.try_get("/healthz"));
    let other = Authority::new();
    leaf.become_like(&other.issue("DNS:panel.example.com"));
    lb.apply(&document);
    let mut anew = Panel::trusting(&lb, other.trust("panel.example.com"));
    assert_eq!(anew.get("/healthz").status, 200, "without a new start");
}
