//! A code besides the password, as people and their apps see it. The codes here are made by other
//! code than the program's.

use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha1::Sha1;

use crate::support::appliance::{Appliance, said};
use crate::support::panel::{PASSWORD, Panel};
use crate::support::program::Program;

/// An app that was given a seed.
#[derive(Clone)]
pub(crate) struct App {
    seed: Vec<u8>,
    /// The newest half minute whose code was typed.
    typed: u64,
}

impl App {
    /// Typed as the page shows it.
    fn with(page: &str) -> Self {
        const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let letters = shown(page, "seed").replace(' ', "");
        let values = letters.chars().map(|c| LETTERS.find(c).unwrap());
        let bits: String = values.map(|value| format!("{value:05b}")).collect();
        let bytes = (0..bits.len() / 8).map(|i| &bits[i * 8..i * 8 + 8]);
        Self {
            seed: bytes.map(|b| u8::from_str_radix(b, 2).unwrap()).collect(),
            typed: 0,
        }
    }

    /// A code that was not typed yet.
    pub(crate) fn code(&mut self) -> String {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() / 30;
        self.typed = now.max(self.typed + 1);
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.seed).unwrap();
        mac.update(&self.typed.to_be_bytes());
        let tag = mac.finalize().into_bytes();
        let at = usize::from(tag[19] & 0xf);
        let number = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}

/// What stands in `<pre id="…">`.
#[track_caller]
fn shown<'a>(page: &'a str, id: &str) -> &'a str {
    let (_, rest) = page
        .split_once(&format!("<pre id=\"{id}\">"))
        .unwrap_or_else(|| panic!("no {id} in {page}"));
    rest.split_once("</pre>").unwrap().0
}

/// Half a sign-in, of who is asked for a code.
#[track_caller]
pub(crate) fn half_of(panel: &mut Panel, name: &str) -> String {
    let asked = panel.sign_in(name, PASSWORD);
    assert_eq!(asked.status, 200, "{}", asked.text());
    assert_eq!(panel.cookie, None, "nobody yet");
    let page = asked.text();
    let (_, rest) = page.split_once("name=\"half\" value=\"").expect(&page);
    rest.split_once('"').unwrap().0.to_owned()
}

pub(crate) fn step(panel: &mut Panel, half: &str, code: &str) -> u16 {
    let fields = [("half", half), ("code", code), ("next", "/people")];
    panel.post("/sign-in", &fields).status
}

/// Switches it on; the app, and the recovery codes.
#[track_caller]
pub(crate) fn switched_on(panel: &mut Panel) -> (App, Vec<String>) {
    let begun = panel.post("/people/second-factor", &[("current", PASSWORD)]);
    assert_eq!(begun.field("Location"), Some("/people/second-factor"));
    let page = panel.get("/people/second-factor").text();
    let mut app = App::with(&page);
    let on = panel.post("/people/second-factor/on", &[("code", &app.code())]);
    assert_eq!(on.status, 200, "{}", on.text());
    let page = on.text();
    let codes = shown(&page, "recovery").lines().map(str::to_owned);
    (app, codes.filter(|code| !code.is_empty()).collect())
}

#[test]
fn a_code_is_asked_for_once_its_user_has_shown_one() {
    let lb = Appliance::start();
    let mut here = Panel::set_up(&lb);
    let mut there = Panel::of(&lb);
    assert_eq!(there.sign_in("admin", PASSWORD).status, 303);
    let nothing = here.get("/people/second-factor");
    assert_eq!(nothing.status, 303, "nothing was begun");
    let wrong = here.post("/people/second-factor", &[("current", "wrong")]);
    assert_eq!(wrong.status, 422);
    let begun = here.post("/people/second-factor", &[("current", PASSWORD)]);
    assert_eq!(begun.status, 303);
    let page = here.get("/people/second-factor").text();
    assert!(page.contains("<svg class=\"qr\""), "{page}");
    let seed = shown(&page, "seed").to_owned();
    let wrong = here.post("/people/second-factor/on", &[("code", "12345x")]);
    assert_eq!(wrong.status, 422);
    assert_eq!(shown(&wrong.text(), "seed"), seed, "to be tried again");
    let (mut app, codes) = switched_on(&mut here);
    assert_eq!(codes.len(), 8);
    assert_eq!(here.get("/people/second-factor").status, 303, "shown once");
    assert!(here.get("/people").text().contains("asked for a code too"));
    assert_eq!(there.get("/people").status, 303, "signed out elsewhere");

    let mut panel = Panel::of(&lb);
    let half = half_of(&mut panel, "admin");
    assert_eq!(panel.get("/people").status, 303, "half is nobody");
    let code = app.code();
    assert_eq!(step(&mut panel, &half, "000000x"), 401);
    assert_eq!(step(&mut panel, &half, &code), 303);
    assert_eq!(panel.get("/people").status, 200);
    let mut other = Panel::of(&lb);
    let half = half_of(&mut other, "admin");
    assert_eq!(step(&mut other, &half, &code), 401, "each is good once");
    assert_eq!(step(&mut other, &half, &codes[0]), 303);
    let mut other = Panel::of(&lb);
    let half = half_of(&mut other, "admin");
    assert_eq!(step(&mut other, &half, &codes[0]), 401);
    let page = other.post("/sign-in", &[("half", "nonsense"), ("code", "123456")]);
    assert_eq!(page.status, 401, "half of nobody begins anew");
    assert!(page.text().contains("name=\"password\""));

    let off = [("current", PASSWORD), ("code", &*codes[0])];
    assert_eq!(here.post("/people/second-factor/off", &off).status, 422);
    let off = [("current", PASSWORD), ("code", &*codes[1])];
    let off = here.post("/people/second-factor/off", &off);
    assert_eq!(off.field("Location"), Some("/people?done=factor-off"));
    assert_eq!(Panel::of(&lb).sign_in("admin", PASSWORD).status, 303);
    let audit = here.get("/audit").text();
    assert!(audit.contains("Knew the password and not the code"));
    for secret in [&*seed, &code, &codes[0]] {
        assert!(!lb.log().contains(secret) && !audit.contains(secret));
    }
}

#[test]
fn who_knows_a_password_guesses_no_code() {
    let lb = Appliance::start();
    let mut admin = Panel::set_up(&lb);
    let (_, codes) = switched_on(&mut admin);
    let mut guesser = Panel::of(&lb);
    let half = half_of(&mut guesser, "admin");
    let fields = |code| [("half", &*half), ("code", code)];
    let mut tried = 0;
    let refused = loop {
        let answer = guesser.post("/sign-in", &fields("000000x"));
        match answer.status {
            401 => tried += 1,
            _ => break answer,
        }
    };
    assert!(tried < 5, "{tried}");
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(refused.field("Retry-After").is_some());
    assert!(
        refused.text().contains("name=\"code\""),
        "goes on from here"
    );
    // A recovery code is waited for no longer than a password.
    crate::support::eventually("a recovery code lets in", || {
        let status = guesser.post("/sign-in", &fields(&codes[0])).status;
        (status == 303).then_some(())
    });
}

#[test]
fn who_has_lost_the_phone_is_let_in_by_an_admin_or_by_root() {
    let mut lb = Appliance::start();
    let mut admin = Panel::set_up(&lb);
    let mut ann = admin.with(&lb, "ann", "viewer");
    switched_on(&mut ann);
    {
        let api = Program::admin(&lb, &mut admin);
        let users = api.get("/users")["users"].clone();
        assert_eq!(users[1]["second_factor"], true, "{users}");
        let place = format!("/users/{}/second-factor", users[1]["id"]);
        let on = api.send("PUT", &place, Some(json!({ "on": true })));
        assert_eq!(on.status, 422, "its user alone");
        let off = api.send("PUT", &place, Some(json!({ "on": false })));
        assert_eq!(off.json()["second_factor"], false, "{}", off.text());
    }
    assert_eq!(ann.get("/people").status, 303, "signed out");
    assert_eq!(ann.sign_in("ann", PASSWORD).status, 303);

    switched_on(&mut ann);
    let page = admin.get("/people").text();
    let at = page.find("/second-factor\">").expect(&page);
    let link = page[..at].rsplit('"').next().unwrap();
    let place = format!("{link}/second-factor");
    let asked = admin.get(&place).text();
    assert!(asked.contains("Ask ann for no code any more?"), "{asked}");
    let wrong = admin.post(&place, &[("current", "wrong")]);
    assert_eq!(wrong.status, 422, "whoever finds a browser signed in");
    let reset = admin.post(&place, &[("current", PASSWORD)]);
    assert_eq!(reset.field("Location"), Some("/people?done=factor-reset"));
    assert_eq!(ann.sign_in("ann", PASSWORD).status, 303);

    for is_running in [true, false] {
        switched_on(&mut ann);
        if !is_running {
            lb.stop();
        }
        let given = lb.run_with_input(
            &["reset-password", "ann", "--stdin"],
            "hangs level at noon\n",
        );
        assert!(given.status.success(), "{}", said(&given));
        let told = "the second factor was switched off";
        assert!(said(&given).contains(told), "{}", said(&given));
        if !is_running {
            lb.restart();
            assert_eq!(admin.sign_in("admin", PASSWORD).status, 303);
        }
        assert_eq!(ann.sign_in("ann", PASSWORD).status, 303);
        let audit = admin.get("/audit").text();
        assert!(audit.contains("second factor switched off"), "{audit}");
    }
}
