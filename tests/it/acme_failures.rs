//! Authorities that lie, hang, refuse and limit: each is told in words, and the certificate in use
//! goes on being shown.

use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::acme::{SHOP, Shop};
use crate::support::appliance::said;
use crate::support::client::{Client, Request};
use crate::support::liar::{Does, Liar};
use crate::support::pebble::Pebble;
use crate::support::{counted, eventually, figure, load};

fn asked() -> Request {
    Request::get("/").field("Host", SHOP)
}

/// A shop whose certificate was had through a liar.
fn had() -> (Shop, Pebble, Liar) {
    let shop = Shop::new();
    let pebble = shop.pebble(json!({}));
    let leaf = pebble.signer().issue("DNS:localhost");
    let liar = Liar::before(&pebble, &leaf);
    let table = pebble.table_at(&liar.directory(), "");
    shop.lb.apply(&shop.document(&[SHOP], &table));
    shop.obtained(&pebble);
    (shop, pebble, liar)
}

fn answer(status: &str, fields: &str, body: &str) -> Does {
    let length = body.len();
    Does::Say(
        format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n{body}").into_bytes(),
    )
}

fn problem(kind: &str, detail: &str) -> String {
    json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail }).to_string()
}

#[test]
fn whatever_an_authority_does_is_told_and_the_old_certificate_is_shown_on() {
    let (shop, pebble, liar) = had();
    let first = shop.shown();
    let mut kept = Client::trusting(shop.tls.number(), pebble.trust(SHOP));
    let is_problem = "Content-Type: application/problem+json\r\n";
    let endless = "x".repeat(1 << 20);
    for (does, why) in [
        (answer("200 OK", "", "<html>hello</html>"), "is not what ACME says"),
        (Does::Say(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()), "is not HTTP"),
        (Does::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_vec()), "broke its answer off"),
        (answer("200 OK", "", &endless), "longer than any of ACME"),
        (answer("502 Bad Gateway", "", "<html>"), "answered 502 without saying why"),
        (
            answer("200 OK", "", &json!({ "newNonce": "http://localhost/n", "newAccount": "http://localhost/a", "newOrder": "http://localhost/o" }).to_string()),
            "sends us to http://localhost/",
        ),
        (
            answer("503 Busy", is_problem, &problem("serverInternal", "come back\r\nlater")),
            "has trouble of its own; this passes by itself (it says: come back  later)",
        ),
        (
            answer("200 OK", "Date: Thu, 01 Jan 2015 00:00:00 GMT\r\n", "{}"),
            "ahead of the authority's: set it",
        ),
        // It issues what is no certificate, and one for others.
        (Does::Instead("/certZ/", b"no certificate".to_vec()), "holds no certificate"),
        (
            Does::Instead("/certZ/", std::fs::read(pebble.signer().issue("DNS:other.example").chain()).unwrap()),
            "is the key of another certificate",
        ),
    ] {
        liar.does(does);
        shop.renew();
        eventually(why, || shop.failed().contains(why).then_some(()));
        assert_eq!(shop.shown(), first, "{why}");
        assert_eq!(kept.ask(&asked()).text(), "a");
        let mut new = Client::trusting(shop.tls.number(), pebble.trust(SHOP));
        assert_eq!(new.ask(&asked()).text(), "a");
    }
    assert_eq!(kept.opened, 1, "no connection was cut");
    let told = shop.lb.run(&["certificate", "renew", "shop"]);
    assert_eq!(told.status.code(), Some(1));
    assert!(said(&told).contains("the one before is shown on: the certificate that"));
    liar.does(Does::Pass);
    let told = shop.lb.runs(&["certificate", "renew", "shop"]);
    assert!(
        told.starts_with("certificate shop is new: good until "),
        "{told}"
    );
    assert_ne!(shop.shown(), first);
    assert_eq!(shop.view()["acme"]["last_error"], json!(null));
    let log = shop.lb.log();
    assert!(
        log.contains("WARN") && log.contains("certificate shop was not obtained"),
        "{log}"
    );
}

#[test]
fn an_authority_that_asks_to_wait_is_not_asked_sooner_not_even_after_a_kill() {
    let (mut shop, _pebble, liar) = had();
    let first = shop.shown();
    let fields = "Content-Type: application/problem+json\r\nRetry-After: 7200\r\n";
    liar.does(answer(
        "429 Too Many",
        fields,
        &problem("rateLimited", "too many certificates"),
    ));
    shop.renew();
    let why = shop.failed();
    assert!(
        why.contains("asks to wait (it says: too many certificates)"),
        "{why}"
    );
    let view = shop.view();
    let wait = view["acme"]["next_try"].as_i64().unwrap() - jiff::Timestamp::now().as_second();
    assert!((7100..=7200).contains(&wait), "{wait} s");
    let asked = liar.asked();
    shop.lb.kill9();
    shop.lb.restart();
    let again = eventually("it is known again", || {
        let view = shop.view();
        (view["acme"]["state"] == "failed").then_some(view)
    });
    assert_eq!(again["acme"]["next_try"], view["acme"]["next_try"]);
    assert_eq!(again["acme"]["last_error"], view["acme"]["last_error"]);
    assert!(
        again["acme"]["last_error_zh"]
            .as_str()
            .unwrap()
            .contains("要求等待")
    );
    assert_eq!((liar.asked(), shop.shown()), (asked, first));
}

/// The last failure's next try is over, as if somebody had waited.
fn time_passes(shop: &Shop) {
    let options = SqliteConnectOptions::new().filename(shop.lb.data().join("config.db"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let mut connection = options.connect().await.unwrap();
        let done = sqlx::raw_sql("update renewals set next_try = 1")
            .execute(&mut connection)
            .await;
        assert_eq!(done.unwrap().rows_affected(), 1);
        connection.close().await.unwrap();
    });
}

#[test]
fn one_that_was_asked_for_early_and_failed_is_tried_again_as_was_told() {
    let (mut shop, _pebble, liar) = had();
    let first = shop.shown();
    liar.does(answer("502 Bad Gateway", "", "<html>"));
    shop.renew();
    assert!(shop.failed().contains("answered 502"));
    let listed = shop.lb.runs(&["certificate", "list"]);
    assert!(
        listed.contains("\n  authority ca: failed, 1 in a row, tried again 20")
            && listed.contains(" UTC: the authority answered 502"),
        "{listed}"
    );
    liar.does(Does::Pass);
    shop.lb.stop();
    time_passes(&shop);
    shop.lb.restart();
    eventually("another one is shown", || {
        (shop.shown() != first).then_some(())
    });
    eventually("nothing is said of it any more", || {
        (shop.view()["acme"]["last_error"] == json!(null)).then_some(())
    });
}

#[test]
fn what_an_authority_said_of_other_hosts_keeps_nobody_waiting_over_a_restart() {
    let (mut shop, pebble, liar) = had();
    let fields = "Content-Type: application/problem+json\r\nRetry-After: 7200\r\n";
    let limits = answer("429 Too Many", fields, &problem("rateLimited", "too many"));
    liar.does(limits);
    shop.renew();
    assert!(shop.failed().contains("asks to wait"));
    assert_eq!(shop.view()["acme"]["tries"], 2);
    liar.does(Does::Pass);
    shop.lb.stop();
    let table = pebble.table_at(&liar.directory(), "");
    shop.lb
        .apply(&shop.document(&[SHOP, "blog.example.com"], &table));
    shop.lb.restart();
    eventually("it is had for both", || {
        let view = shop.view();
        let both = view["made_for"].to_string().contains("blog.example.com");
        both.then_some(())
    });
}

#[test]
fn an_end_of_a_try_is_seen_though_failures_begin_anew_with_other_hosts() {
    let (shop, pebble, liar) = had();
    liar.does(answer("502 Bad Gateway", "", "<html>"));
    let tries = |count: u64| {
        eventually("so many tries have ended", || {
            let acme = shop.view()["acme"].clone();
            (acme["tries"] == count).then(|| acme["failures"].as_u64())
        })
    };
    for count in 2..=4 {
        shop.renew();
        assert_eq!(tries(count), Some(count - 1));
    }
    let table = pebble.table_at(&liar.directory(), "");
    shop.lb
        .apply(&shop.document(&[SHOP, "blog.example.com"], &table));
    assert_eq!(tries(5), Some(1));
    let told = shop.lb.run(&["certificate", "renew", "shop"]);
    assert!(said(&told).contains("the one before is shown on: the authority answered 502"));
    assert_eq!(tries(6), Some(2));
}

#[test]
fn an_authority_that_hangs_holds_up_nothing() {
    let (mut shop, pebble, liar) = had();
    liar.does(Does::Hang);
    shop.renew();
    eventually("it is asked", || {
        (shop.view()["acme"]["state"] == "asking").then_some(())
    });
    let mut client = Client::trusting(shop.tls.number(), pebble.trust(SHOP));
    for _ in 0..10 {
        assert_eq!(client.ask(&asked()).text(), "a");
    }
    // A change goes through, and a stop does not wait.
    let table = pebble.table_at(&liar.directory(), "");
    let again = shop.document(&[SHOP], &(table + "\n[logs]\nformat = \"json\"\n"));
    assert_eq!(shop.lb.apply(&again)["changed"], true);
    assert_eq!(shop.view()["acme"]["state"], "asking");
    assert!(shop.lb.stop().success());
    shop.lb.restart();
    let mut client = Client::trusting(shop.tls.number(), pebble.trust(SHOP));
    assert_eq!(client.ask(&asked()).text(), "a");
}

#[test]
fn what_the_authority_sees_elsewhere_is_told_by_name() {
    let shop = Shop::new();
    let pebble = shop.pebble(json!({}));
    let table = pebble.table("");
    // Nobody answers there: port 80 of this name is another's.
    pebble.dns(
        "add-a",
        &json!({ "host": "gone.example.com", "addresses": ["127.0.0.9"] }),
    );
    shop.lb
        .apply(&shop.document(&[SHOP, "gone.example.com"], &table));
    let why = shop.failed();
    assert!(
        why.starts_with("gone.example.com: the authority could not reach this name"),
        "{why}"
    );
    pebble.dns("set-servfail", &json!({ "host": "gone.example.com" }));
    shop.renew();
    eventually("the DNS is told of", || {
        let why = shop.failed();
        (why.contains("gone.example.com") && !why.contains("127.0.0.9")).then_some(())
    });
}

#[test]
fn nobody_is_believed_who_shows_a_wrong_certificate() {
    let shop = Shop::new();
    let pebble = shop.pebble(json!({}));
    let day = 86_400;
    let key = "ec -pkeyopt ec_paramgen_curve:P-256";
    let signer = pebble.signer();
    let old = signer.issue_with("DNS:localhost", key, (-2 * day, -day));
    let new = signer.issue_with("DNS:localhost", key, (day, 2 * day));
    let other = signer.issue("DNS:other.example");
    let mut liars = Vec::new();
    for (leaf, why) in [
        (
            &old,
            "its certificate has expired, or this machine's clock is wrong",
        ),
        (
            &new,
            "its certificate is not valid yet, or this machine's clock is wrong",
        ),
        (
            &other,
            "its certificate is for other.example: somebody else answers there",
        ),
    ] {
        let liar = Liar::before(&pebble, leaf);
        let table = pebble.table_at(&liar.directory(), "");
        shop.lb.apply(&shop.document(&[SHOP], &table));
        eventually(why, || shop.failed().contains(why).then_some(()));
        liars.push(liar);
    }
    let table = pebble.table("").replace("ca = \"/", "# \"/");
    shop.lb.apply(&shop.document(&[SHOP], &table));
    let why = "signed by nobody who is trusted here: a private authority's own is named in ca";
    eventually(why, || shop.failed().contains(why).then_some(()));
    // Nothing was obtained, and what is shown is signed by itself.
    let view = shop.view();
    assert_eq!(view["self_signed"], true);
    let until = "authority ca has issued none yet: one signed by itself is shown until then";
    assert_eq!(view["troubles"][0], until);
    let status = shop.lb.status();
    assert_eq!(
        (&status["state"], &status["ready"]),
        (&json!("degraded"), &json!(true))
    );
    let reason = format!("certificate shop: {until}; ");
    assert!(status["reasons"].to_string().contains(&reason), "{status}");
}

#[test]
fn certificates_change_under_load_and_no_request_fails() {
    let (shop, pebble, _liar) = had();
    let whom = (shop.tls.number(), &pebble.trust(SHOP), SHOP);
    let changes = counted(5, 100);
    let asked = load::during(whom, "a", 20_000, || {
        for _ in 0..changes {
            let before = shop.shown();
            shop.renew();
            eventually("another one is shown", || {
                (shop.shown() != before).then_some(())
            });
        }
    });
    assert!(asked >= 20_000);
    figure(&format!(
        "{changes} certificates changed under {asked} requests, 0 failed"
    ));
}
