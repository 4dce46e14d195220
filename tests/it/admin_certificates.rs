//! The Certificates page: HTTPS by one switch, uploading, making, removing.

use std::fs;

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request, Response};
use crate::support::document::one_pool;
use crate::support::eventually;
use crate::support::https::SHOP;
use crate::support::node::Node;
use crate::support::panel::{Panel, assert_saved, form_fields};
use crate::support::ports::Port;
use crate::support::tls::{Authority, Leaf};

const PAGE: &str = "/certificates";
const HTTPS: &str = "/certificates/https";
const UPLOAD: &str = "/certificates/upload";

fn before() -> (Appliance, Node, Panel) {
    let (lb, node) = (Appliance::start(), Node::answering("web-1"));
    lb.apply(&one_pool(
        lb.port(),
        "health_check = \"off\"",
        &[node.line(1)],
    ));
    let panel = Panel::set_up(&lb);
    (lb, node, panel)
}

fn read(leaf: &Leaf) -> (String, String) {
    let text = |path| fs::read_to_string(path).unwrap();
    (text(leaf.chain()), text(leaf.key()))
}

#[test]
fn one_name_and_one_switch_turn_https_on_in_one_change() {
    let (lb, _node, mut panel) = before();
    let port = Port::free();
    let number = port.number().to_string();
    let page = panel.get(PAGE).text();
    assert!(page.contains("Turn on HTTPS"), "{page}");
    let fields = form_fields(&page, HTTPS);
    assert!(
        fields.contains(&("port".to_owned(), "443".to_owned())),
        "{fields:?}"
    );
    let typed = [("host", SHOP), ("port", &number), ("redirect", "on")];
    let done = panel.fill(PAGE, HTTPS, &typed);
    assert_saved(&done, PAGE);
    assert_eq!(lb.status()["revision"], 2, "in one change");
    let exported = lb.export();
    for line in ["self_signed = true", "tls = true", "https_redirect = true"] {
        assert!(exported.contains(line), "{exported}");
    }
    let sent = lb.ask(&Request::get("/a").field("Host", SHOP));
    let to = format!("https://{SHOP}:{number}/a");
    assert_eq!(
        (sent.status, sent.field("Location")),
        (301, Some(to.as_str()))
    );
    let told = lb.runs(&["certificate", "list", "--json"]);
    assert!(told.contains(SHOP), "{told}");
    let page = panel.get(PAGE).text();
    for words in [
        "shop.example.com",
        " days<",
        "Itself",
        "made here, renewed by itself",
        "/listeners/https",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }

    // Once more it is there already, and for another name the same listener.
    let again = panel.fill(PAGE, HTTPS, &[("host", SHOP), ("port", &number)]);
    assert_eq!((again.status, again.field("Location")), (303, Some(PAGE)));
    assert_eq!(lb.status()["revision"], 2);
    let other = panel.fill(
        PAGE,
        HTTPS,
        &[("host", "blog.example.com"), ("port", &number)],
    );
    assert_saved(&other, PAGE);
    assert_eq!(lb.export().matches("[[listeners]]").count(), 2);
    assert_eq!(lb.export().matches("[[certificates]]").count(), 2);
}

#[test]
fn a_switch_that_cannot_be_turned_says_why_beside_its_row() {
    let (lb, _node, mut panel) = before();
    let held = std::net::TcpListener::bind("[::]:0").unwrap();
    let held_port = held.local_addr().unwrap().port().to_string();
    let own = lb.port().to_string();
    for (host, port, words) in [
        ("a b", "443", "Must be a host name such as"),
        (SHOP, "0", "Must be 1 to 65535"),
        (SHOP, own.as_str(), "listener http speaks plain HTTP there"),
        (
            SHOP,
            held_port.as_str(),
            "has it: stop that, or choose another port",
        ),
    ] {
        let refused = panel.fill(PAGE, HTTPS, &[("host", host), ("port", port)]);
        assert_eq!(refused.status, 422, "{host} {port}");
        assert!(
            refused.text().contains(words),
            "{host} {port}: {}",
            refused.text()
        );
        let typed = form_fields(&refused.text(), HTTPS);
        assert!(
            typed.contains(&("host".to_owned(), host.to_owned())),
            "{typed:?}"
        );
    }
    assert_eq!(lb.status()["revision"], 1);
}

/// Sends the form of an upload.
fn upload(panel: &mut Panel, (chain, key): (&str, &str)) -> Response {
    panel.fill(
        PAGE,
        UPLOAD,
        &[("name", "shop"), ("chain", chain), ("key", key)],
    )
}

#[test]
fn what_cannot_be_uploaded_is_told_beside_its_row_and_no_key_is_shown_again() {
    let (lb, _node, mut panel) = before();
    let authority = Authority::new();
    let (chain, key) = read(&authority.issue("DNS:shop.example.com"));
    let other = read(&authority.issue("DNS:shop.example.com")).1;
    for (given, words) in [
        (
            (chain.as_str(), other.as_str()),
            "the uploaded key is the key of another certificate than the uploaded chain",
        ),
        (
            (chain.as_str(), ""),
            "the uploaded key holds no private key in PEM",
        ),
        (
            (key.as_str(), key.as_str()),
            "the uploaded chain holds no certificate, but a private key",
        ),
        (
            (key.as_str(), chain.as_str()),
            "the uploaded chain holds no certificate, but a private key",
        ),
    ] {
        let refused = upload(&mut panel, given);
        assert_eq!(refused.status, 422);
        let text = refused.text();
        assert!(text.contains(words), "{words}: {text}");
        assert!(!text.contains("PRIVATE KEY"), "{text}");
        let again = form_fields(&text, UPLOAD);
        assert!(again.contains(&("key".to_owned(), String::new())));
    }
    assert_eq!(lb.status()["revision"], 1);
}

#[test]
fn one_that_is_not_made_for_the_names_typed_is_not_kept() {
    let (lb, _node, mut panel) = before();
    let authority = Authority::new();
    let (chain, key) = read(&authority.issue("DNS:shop.example.com"));
    let with = |panel: &mut Panel, hosts: &str| {
        let typed = [
            ("name", "shop"),
            ("chain", chain.as_str()),
            ("key", key.as_str()),
            ("hosts", hosts),
        ];
        panel.fill(PAGE, UPLOAD, &typed)
    };
    let refused = with(&mut panel, "shop.example.com\nnot.covered.test");
    assert_eq!(refused.status, 422);
    let words = "is not made for not.covered.test (it is for: shop.example.com)";
    assert!(refused.text().contains(words), "{}", refused.text());
    let told = lb.runs(&["certificate", "list"]);
    assert_eq!(told, "there are no certificates\n");
    assert_saved(&with(&mut panel, "shop.example.com"), PAGE);
    // In place of one from elsewhere it must be for the names of that.
    let made = [("name", "own"), ("hosts", "blog.example.com")];
    let made = panel.fill(PAGE, "/certificates/self-signed", &made);
    assert_saved(&made, PAGE);
    let typed = [("name", "own"), ("chain", &chain), ("key", &key)];
    let refused = panel.fill(PAGE, UPLOAD, &typed);
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("is not made for blog.example.com"));
}

#[test]
fn one_is_uploaded_shown_and_renewed_and_its_key_is_on_no_page() {
    let (_lb, _node, mut panel) = before();
    let authority = Authority::new();
    let (chain, key) = read(&authority.issue("DNS:shop.example.com"));
    let secret = key.lines().nth(1).unwrap().to_owned();
    assert_saved(&upload(&mut panel, (&chain, &key)), PAGE);
    let port = Port::free();
    let number = port.number().to_string();
    let done = panel.fill(PAGE, HTTPS, &[("host", SHOP), ("port", &number)]);
    assert_saved(&done, PAGE);
    let mut client = Client::trusting(port.number(), authority.trust(SHOP));
    let of_shop = || Request::get("/").field("Host", SHOP);
    assert_eq!(client.ask(&of_shop()).status, 200, "the one there fits");

    let next = Authority::new();
    let (chain, key) = read(&next.issue("DNS:shop.example.com"));
    let done = upload(&mut panel, (&chain, &key));
    assert_eq!((done.status, done.field("Location")), (303, Some(PAGE)));
    let mut anew = Client::trusting(port.number(), next.trust(SHOP));
    assert_eq!(anew.ask(&of_shop()).status, 200);
    assert_eq!(client.ask(&of_shop()).status, 200, "its connection goes on");
    for page in [PAGE, "/audit", "/history", "/document"] {
        assert!(!panel.get(page).text().contains(&secret), "{page}");
    }
}

#[test]
fn one_that_is_not_named_any_more_is_removed_for_good() {
    let (lb, node, mut panel) = before();
    let (chain, key) = read(&Authority::new().issue("DNS:shop.example.com"));
    assert_saved(&upload(&mut panel, (&chain, &key)), PAGE);
    let ask = format!("{PAGE}/shop/remove");
    assert!(panel.get(&ask).text().contains("It stays kept"));
    assert_saved(&panel.fill(&ask, &ask, &[]), PAGE);
    let page = panel.get(PAGE).text();
    let words = "Kept, and the configuration does not name it.";
    assert!(page.contains(words), "{page}");
    let kept = format!("{ask}?kept=1");
    assert!(panel.get(&kept).text().contains("gone for good"));
    let gone = panel.fill(&kept, &kept, &[]);
    assert_eq!(gone.status, 303, "{}", gone.text());
    assert!(!panel.get(PAGE).text().contains(words));
    let audit = panel.get("/audit").text();
    for words in ["Uploaded the certificate", "Removed the kept certificate"] {
        assert!(audit.contains(words), "{audit}");
    }
    drop((lb, node));
}

#[test]
fn one_of_our_own_and_one_in_files_are_added() {
    let (lb, _node, mut panel) = before();
    let leaf = Authority::new().issue("DNS:shop.example.com");
    let (chain, key) = (leaf.chain(), leaf.key());
    let done = panel.fill(
        PAGE,
        "/certificates/files",
        &[
            ("name", "shop"),
            ("files.chain", chain.to_str().unwrap()),
            ("files.key", key.to_str().unwrap()),
        ],
    );
    assert_saved(&done, PAGE);
    let done = panel.fill(
        PAGE,
        "/certificates/self-signed",
        &[("name", "own"), ("hosts", "a.test\n10.0.0.1")],
    );
    assert_saved(&done, PAGE);
    panel.chinese();
    let page = panel.get(PAGE).text();
    for words in [
        "本机文件",
        "本机生成，自动续期",
        "a.test, 10.0.0.1",
        "使用者",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let missing = panel.fill(PAGE, "/certificates/self-signed", &[("name", "own-2")]);
    assert_eq!(missing.status, 422);
    assert!(
        missing.text().contains("必须填写：证书所适用的主机名"),
        "{}",
        missing.text()
    );
    assert_eq!(lb.status()["revision"], 3);
}

#[test]
fn an_authority_is_added_and_signs_in_place_of_the_certificate_itself() {
    let (lb, _node, mut panel) = before();
    let (https, nobody) = (Port::free(), Port::free());
    let port = https.number().to_string();
    assert_saved(
        &panel.fill(PAGE, HTTPS, &[("host", SHOP), ("port", &port)]),
        PAGE,
    );
    let authority = "/certificates/authority";
    let refused = panel.fill(PAGE, authority, &[("directory", "ftp://x")]);
    assert_eq!(refused.status, 422);
    let kept = form_fields(&refused.text(), authority);
    assert!(kept.contains(&("directory".to_owned(), "ftp://x".to_owned())));
    let directory = format!("https://127.0.0.1:{nobody}/dir");
    let typed = [("name", "ours"), ("directory", directory.as_str())];
    assert_saved(&panel.fill(PAGE, authority, &typed), PAGE);
    // It is offered first from now on.
    let fields = form_fields(&panel.get(PAGE).text(), HTTPS);
    assert!(fields.contains(&("authority".to_owned(), "ours".to_owned())));
    let done = panel.fill(PAGE, HTTPS, &[("host", SHOP), ("port", &port)]);
    assert_saved(&done, PAGE);
    let exported = lb.export();
    assert!(exported.contains("acme = \"ours\""), "{exported}");
    assert!(!exported.contains("self_signed"), "{exported}");
    // Before that it says as well that the certificate is not there yet, and not when it is tried again.
    let told = eventually("the authority was asked in vain", || {
        let text = panel.get(PAGE).text();
        let is_told = ["not there yet", "Next"]
            .iter()
            .all(|words| text.contains(words));
        is_told.then_some(text)
    });
    for words in ["from an authority", "Renew now"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let here = format!("{PAGE}/{SHOP}");
    let renewed = panel.fill(PAGE, &format!("{here}/renew"), &[]);
    assert_eq!(
        (renewed.status, renewed.field("Location")),
        (303, Some(PAGE))
    );
    let checked = panel.fill(PAGE, &format!("{here}/check"), &[]);
    assert_eq!(checked.status, 200);
    let text = checked.text();
    assert!(
        text.contains("What would fail for shop.example.com") && text.contains("127.0.0.1"),
        "{text}"
    );
    assert_eq!(
        panel.fill(PAGE, &format!("{here}/check"), &[]).status,
        200,
        "again"
    );
}
