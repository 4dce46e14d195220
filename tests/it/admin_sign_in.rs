//! The setup's link, signing in and out, and who may not.

use std::os::unix::fs::PermissionsExt;

use crate::support::appliance::{Appliance, said};
use crate::support::client::Request;
use crate::support::eventually;
use crate::support::panel::{PASSWORD, Panel, form, link_token, setup_fields};

#[test]
fn there_is_no_account_until_the_one_time_link_makes_one() {
    let lb = Appliance::start();
    eventually("the link is in the log", || {
        lb.log().contains("/setup?token=").then_some(())
    });
    let token = link_token(&lb);
    assert!(lb.log().contains(&token), "the link of the log is the same");
    assert!(token.len() >= 22, "128 bits at least: {token}");
    let mode = std::fs::metadata(lb.data().join("setup-token")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);

    let mut panel = Panel::of(&lb);
    for (name, password) in [
        ("admin", "admin"),
        ("admin@example.com", "changeme"),
        ("", ""),
    ] {
        let refused = panel.sign_in(name, password);
        assert_eq!(refused.status, 401, "{name}");
    }
    assert_eq!(panel.get("/sign-in").field("Location"), Some("/setup"));
    let closed = panel.get("/setup");
    assert_eq!(closed.status, 403);
    assert!(closed.text().contains("steelyard setup-url"));
    let mut wrong = setup_fields("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").to_vec();
    assert_eq!(panel.post("/setup", &wrong).status, 403);
    wrong[0].1 = "";
    assert_eq!(panel.post("/setup", &wrong).status, 403);
    assert_eq!(panel.get(&format!("/setup?token={token}")).status, 200);
}

#[test]
fn the_setup_is_gone_for_ever_after_its_one_use() {
    let mut lb = Appliance::start();
    let token = link_token(&lb);
    let mut panel = Panel::set_up(&lb);
    assert_eq!(panel.get("/people").status, 200);
    for _ in 0..2 {
        let mut other = Panel::of(&lb);
        assert_eq!(other.get(&format!("/setup?token={token}")).status, 404);
        assert_eq!(other.get("/setup").status, 404);
        assert_eq!(other.post("/setup", &setup_fields(&token)).status, 404);
        let again = lb.run(&["setup-url"]);
        assert_eq!(again.status.code(), Some(1));
        assert!(said(&again).contains("reset-password"), "{}", said(&again));
        assert!(!lb.data().join("setup-token").exists());
        lb.kill9();
        lb.restart();
    }
    assert_eq!(
        lb.log().matches("/setup?token=").count(),
        1,
        "told while there is nobody"
    );
    assert_eq!(
        panel.get("/people").status,
        200,
        "a restart signs nobody out"
    );
}

#[test]
fn a_new_link_makes_the_old_one_worthless() {
    let mut lb = Appliance::start();
    let old = link_token(&lb);
    let new = lb.runs(&["setup-url", "--new"]);
    let new = new.trim().split_once("token=").unwrap().1.to_owned();
    assert_ne!(old, new);
    let mut panel = Panel::of(&lb);
    assert_eq!(panel.get(&format!("/setup?token={old}")).status, 403);
    lb.stop();
    assert!(
        lb.runs(&["setup-url"]).trim().ends_with(&new),
        "stopped, the same link"
    );
    lb.restart();
    assert_eq!(panel.get(&format!("/setup?token={new}")).status, 200);
    assert_eq!(panel.post("/setup", &setup_fields(&old)).status, 403);
    assert_eq!(panel.post("/setup", &setup_fields(&new)).status, 303);
}

#[test]
fn a_weak_password_is_told_beside_its_field_and_the_link_stays_good() {
    let lb = Appliance::start();
    let token = link_token(&lb);
    let mut panel = Panel::of(&lb);
    let long = "x".repeat(1025);
    for (password, words) in [
        ("seven77", "At least 8 characters"),
        ("Password1", "first that anybody would try"),
        ("steelyard1", "a name known to everybody"),
        (&long, "At most 1024 bytes"),
    ] {
        let mut fields = setup_fields(&token);
        fields[2].1 = password;
        fields[3].1 = password;
        let refused = panel.post("/setup", &fields);
        assert_eq!(refused.status, 422, "{password}");
        assert!(
            refused.text().contains(words),
            "{password}: {}",
            refused.text()
        );
        assert!(
            !refused.text().contains(password),
            "a password is not sent back"
        );
    }
    let mut fields = setup_fields(&token);
    fields[3].1 = "another one";
    assert!(
        panel
            .post("/setup", &fields)
            .text()
            .contains("not the same")
    );
    // All of 64 and more characters count, and no kind of them is asked for.
    let sentence = "only lower case letters and blanks, 八个汉字, and so on without an end to it";
    let mut fields = setup_fields(&token);
    (fields[2].1, fields[3].1) = (sentence, sentence);
    assert_eq!(panel.post("/setup", &fields).status, 303);
    let cut = &sentence[..sentence.len() - 1];
    assert_eq!(Panel::of(&lb).sign_in("admin", cut).status, 401);
    assert_eq!(Panel::of(&lb).sign_in("admin", sentence).status, 303);
}

#[test]
fn a_stranger_learns_nothing_about_who_there_is() {
    let lb = Appliance::start();
    Panel::set_up(&lb);
    let answer = |name: &str| {
        let refused = Panel::of(&lb).sign_in(name, "not the password");
        let page = refused.text().replace(name, "NAME");
        (refused.status, page)
    };
    assert_eq!(answer("admin"), answer("nobody"));
    assert_eq!(answer("admin").0, 401);
}

#[test]
fn passwords_are_tried_ten_times_a_minute_at_most_and_nobody_is_locked_out() {
    let lb = Appliance::start();
    let mut owner = Panel::set_up(&lb);
    owner.post("/sign-out", &[]);
    assert_eq!(owner.sign_in("admin", PASSWORD).status, 303);
    let mut judged = 0;
    for _ in 0..30 {
        let refused = Panel::of(&lb).sign_in("admin", "not the password");
        match refused.status {
            401 => judged += 1,
            429 => {
                let wait: u64 = refused.field("Retry-After").unwrap().parse().unwrap();
                assert!((1..=61).contains(&wait), "{wait}");
            }
            other => panic!("{other}"),
        }
    }
    assert!((3..=10).contains(&judged), "{judged} were judged");
    // Who is in stays in, and a wait ends by itself: see people/throttle for the clock.
    assert_eq!(owner.get("/people").status, 200);
}

#[test]
fn each_sign_in_has_a_token_of_its_own_that_ends_on_the_server() {
    let lb = Appliance::start();
    let mut first = Panel::set_up(&lb);
    let before = first.cookie.clone().unwrap();
    assert_eq!(first.sign_in("admin", PASSWORD).status, 303);
    let after = first.cookie.clone().unwrap();
    assert_ne!(before, after, "another at every sign-in");
    let mut stolen = Panel::of(&lb);
    stolen.cookie = Some(before);
    assert_eq!(
        stolen.get("/people").status,
        303,
        "the one before is worth nothing"
    );
    stolen.cookie = Some(after.clone());
    assert_eq!(stolen.get("/people").status, 200);
    let out = first.post("/sign-out", &[]);
    assert_eq!(out.field("Location"), Some("/sign-in"));
    stolen.cookie = Some(after);
    let gone = stolen.get("/people");
    assert_eq!(gone.field("Location"), Some("/sign-in?next=/people"));
    assert_eq!(stolen.get("/sign-out").status, 405, "no GET ends anything");
}

#[test]
fn a_new_password_ends_every_other_place() {
    let lb = Appliance::start();
    let mut here = Panel::set_up(&lb);
    let mut there = Panel::of(&lb);
    there.sign_in("admin", PASSWORD);
    let fields = |current: &'static str, new: &'static str| {
        [("current", current), ("password", new), ("again", new)]
    };
    let wrong = here.post(
        "/people/password",
        &fields("wrong", "swings a little at dusk"),
    );
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("not your current password"));
    assert_eq!(there.get("/people").status, 200);
    let done = here.post(
        "/people/password",
        &fields(PASSWORD, "swings a little at dusk"),
    );
    assert_eq!(done.field("Location"), Some("/people?done=password"));
    assert_eq!(here.get("/people").status, 200);
    assert_eq!(there.get("/people").status, 303);
    assert_eq!(there.sign_in("admin", PASSWORD).status, 401);
    assert_eq!(
        there.sign_in("admin", "swings a little at dusk").status,
        303
    );
}

#[test]
fn root_lets_somebody_in_again_running_or_stopped() {
    let mut lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let told = lb.runs(&["reset-password"]);
    let password = told.trim().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(panel.get("/people").status, 303, "signed out everywhere");
    assert_eq!(panel.sign_in("ADMIN", &password).status, 303);
    assert!(panel.get("/audit").text().contains("Reset the password of"));
    lb.stop();
    let given = lb.run_with_input(
        &["reset-password", "admin", "--stdin"],
        "swings a little at dusk\n",
    );
    assert!(given.status.success(), "{}", said(&given));
    let nobody = lb.run(&["reset-password", "nobody"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(said(&nobody).contains("admin"), "{}", said(&nobody));
    lb.restart();
    assert_eq!(panel.get("/people").status, 303);
    assert_eq!(
        panel.sign_in("admin", "swings a little at dusk").status,
        303
    );
    let weak = lb.run_with_input(&["reset-password", "--stdin"], "password1\n");
    assert_eq!(weak.status.code(), Some(1));
    assert!(said(&weak).contains("anybody would try"), "{}", said(&weak));
}

#[test]
fn after_signing_in_one_goes_on_to_own_paths_alone() {
    let lb = Appliance::start();
    Panel::set_up(&lb);
    for (next, location) in [
        ("/audit?before=5", "/audit?before=5"),
        ("//evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ] {
        let fields = [("name", "admin"), ("password", PASSWORD), ("next", next)];
        let answer = Panel::of(&lb).post("/sign-in", &fields);
        assert_eq!(answer.field("Location"), Some(location), "{next}");
    }
}

#[test]
fn no_secret_is_kept_or_logged_as_it_is() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let cookie = panel.cookie.clone().unwrap();
    let session = cookie.split_once('=').unwrap().1;
    let made = panel.post("/people/tokens", &[("name", "ci"), ("scope", "viewer")]);
    let page = made.text();
    let start = page.find("steelyard_").unwrap();
    let token = &page[start..start + 53];
    let file = |name| std::fs::read(lb.data().join(name)).unwrap_or_default();
    for (place, bytes) in [
        ("config.db", file("config.db")),
        ("config.db-wal", file("config.db-wal")),
        ("its own log", lb.log().into_bytes()),
    ] {
        for secret in [session, token, PASSWORD] {
            let found = memchr::memmem::find(&bytes, secret.as_bytes());
            assert_eq!(found, None, "{secret} is in {place}");
        }
    }
    let status = Request::get("/api/v1/status").field("Authorization", &format!("Bearer {token}"));
    assert_eq!(panel.send(status).status, 200);
}

#[test]
fn a_form_sent_twice_does_its_work_once() {
    let lb = Appliance::start();
    let token = link_token(&lb);
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let send = || Panel::of(&lb).post("/setup", &setup_fields(&token)).status;
        let both = [scope.spawn(send), scope.spawn(send)];
        both.map(|one| one.join().unwrap()).to_vec()
    });
    assert_eq!(
        answers.iter().filter(|status| **status == 303).count(),
        1,
        "{answers:?}"
    );
    let loose = form("/setup", &setup_fields(&token));
    assert_eq!(
        Panel::of(&lb).send(loose).status,
        403,
        "without a word on its origin"
    );
}
