//! Who is let in by a code, and who is not.

use tempfile::TempDir;

use super::super::tests::{PASSWORD, root, visitor, with_alice};
use super::super::{EnrolFault, People, SignIn, SignInFault};
use super::{lock, totp, unix_now};

/// Alice with a second factor: she is signed in by this, has these recovery codes, and used the
/// code of this step.
struct Alice {
    dir: TempDir,
    people: People,
    me: SignIn,
    seed: Vec<u8>,
    codes: Vec<String>,
    step: i64,
}

impl Alice {
    async fn with_a_second_factor() -> Self {
        let (dir, people, token) = with_alice().await;
        let me = people.signed_in(&token).await.unwrap().unwrap();
        let begun = people.begin_second_factor(&me, PASSWORD, visitor().address);
        begun.await.unwrap();
        let seed = lock(&people.0.waiting).seed(&me).unwrap().to_vec();
        let step = unix_now() / 30;
        let code = totp::shown(&seed, step);
        let codes = people.switch_second_factor_on(&me, &code, &root()).await;
        Self {
            codes: codes.unwrap(),
            dir,
            people,
            me,
            seed,
            step,
        }
    }

    /// The code of a step that was not used yet.
    fn next(&mut self) -> String {
        self.step = (self.step + 1).max(unix_now() / 30);
        totp::shown(&self.seed, self.step)
    }

    async fn half(&self) -> String {
        let asked = self.people.sign_in("alice", PASSWORD, &visitor()).await;
        match asked.unwrap_err() {
            SignInFault::CodeAsked(half) => half,
            other => panic!("{other}"),
        }
    }

    async fn comes_in(&self, half: &str, code: &str) -> bool {
        let done = self.people.sign_in_by_code(half, code, &visitor()).await;
        match done {
            Ok(signed_in) => {
                let found = self.people.signed_in(&signed_in.token).await.unwrap();
                found.is_some()
            }
            Err(SignInFault::Wrong) => false,
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_code_is_asked_for_and_each_is_good_once() {
    let mut alice = Alice::with_a_second_factor().await;
    let used = totp::shown(&alice.seed, alice.step);
    let half = alice.half().await;
    assert!(!alice.comes_in(&half, &used).await, "used to switch it on");
    let next = alice.next();
    assert!(alice.comes_in(&half, &next).await);
    let again = alice.people.sign_in_by_code(&half, &next, &visitor()).await;
    assert!(
        matches!(again, Err(SignInFault::Over)),
        "so is half a sign-in"
    );
    let half = alice.half().await;
    assert!(!alice.comes_in(&half, &next).await);
    let recovery = alice.codes[3].to_uppercase();
    assert!(alice.comes_in(&half, &recovery).await);
    let half = alice.half().await;
    assert!(!alice.comes_in(&half, &recovery).await);
    let user = &alice.me.user;
    let (_, left) = alice.people.second_factor(user).await.unwrap().unwrap();
    assert_eq!(left, 7);
    let rows = alice.people.audit(None, 20).await.unwrap();
    let count = |action: &str| {
        let of_action = rows.iter().filter(|row| row.entry.action == action);
        of_action.count()
    };
    assert_eq!((count("code"), count("recovery_code")), (3, 1));
    let told = format!("{rows:?}");
    assert!(!told.contains(&next) && !told.contains(&alice.codes[3]));
}

#[tokio::test]
async fn a_code_is_used_once_though_the_disk_takes_no_word_of_it() {
    let mut alice = Alice::with_a_second_factor().await;
    crate::store::tests::refuse_codes(alice.dir.path()).await;
    let next = alice.next();
    let (one, other) = (alice.half().await, alice.half().await);
    assert!(alice.comes_in(&one, &next).await);
    assert!(!alice.comes_in(&other, &next).await);
}

#[tokio::test]
async fn neither_seed_nor_recovery_code_is_in_the_database() {
    let alice = Alice::with_a_second_factor().await;
    alice.people.close().await;
    let file = std::fs::read(alice.dir.path().join("config.db")).unwrap();
    let held = |bytes: &[u8]| memchr::memmem::find(&file, bytes).is_some();
    assert!(!held(&alice.seed));
    assert!(!held(totp::base32(&alice.seed).as_bytes()));
    let plain = super::recovery::plain(&alice.codes[0]).unwrap();
    assert!(!held(plain.as_bytes()) && !held(alice.codes[0].as_bytes()));
    // Without the key of the seal only a recovery code lets anybody in.
    std::fs::remove_file(alice.dir.path().join("seal.key")).unwrap();
    let people = People::of(alice.dir.path());
    let mut alice = Alice { people, ..alice };
    let half = alice.half().await;
    let next = alice.next();
    assert!(!alice.comes_in(&half, &next).await);
    assert!(alice.comes_in(&half, &alice.codes[0]).await);
}

#[tokio::test]
async fn it_is_switched_off_by_password_and_code_or_by_root() {
    let mut alice = Alice::with_a_second_factor().await;
    let address = visitor().address;
    let next = alice.next();
    for (password, code) in [("wrong", &*next), (PASSWORD, "000000x")] {
        let off = alice
            .people
            .switch_second_factor_off(&alice.me, (password, code), address);
        assert!(matches!(off.await, Err(SignInFault::Wrong)));
    }
    let off = alice
        .people
        .switch_second_factor_off(&alice.me, (PASSWORD, &next), address);
    off.await.unwrap();
    let alone = alice.people.sign_in("alice", PASSWORD, &visitor()).await;
    assert!(alone.is_ok());

    let alice = Alice::with_a_second_factor().await;
    let half = alice.half().await;
    let by = root();
    let reset = alice.people.reset_password(None, PASSWORD, &by).await;
    assert!(reset.unwrap().second_factor);
    let visitor = visitor();
    let late = alice
        .people
        .sign_in_by_code(&half, &alice.codes[0], &visitor);
    assert!(matches!(late.await, Err(SignInFault::Over)));
    let alone = alice.people.sign_in("alice", PASSWORD, &visitor).await;
    assert!(alone.is_ok());
    let rows = alice.people.audit(None, 20).await.unwrap();
    let told = rows.iter().find(|row| row.entry.action == "password_reset");
    assert_eq!(told.unwrap().entry.detail, "second factor switched off");
}

#[tokio::test]
async fn a_seed_is_taken_once_it_is_shown_to_work() {
    let (_dir, people, token) = with_alice().await;
    let me = people.signed_in(&token).await.unwrap().unwrap();
    assert!(people.enrolment(&me, "lb").is_none());
    let by = root();
    let none = people.switch_second_factor_on(&me, "123456", &by).await;
    assert!(matches!(none, Err(EnrolFault::Over)));
    let wrong = people.begin_second_factor(&me, "wrong", visitor().address);
    assert!(matches!(wrong.await, Err(SignInFault::Wrong)));
    let begun = people.begin_second_factor(&me, PASSWORD, visitor().address);
    begun.await.unwrap();
    let shown = people.enrolment(&me, "lb").unwrap();
    assert_eq!(shown.seed.len(), 39, "32 letters in groups of four");
    assert!(shown.url.contains(&shown.seed.replace(' ', "")));
    let wrong = people.switch_second_factor_on(&me, "x", &by).await;
    assert!(matches!(wrong, Err(EnrolFault::Code)));
    assert!(people.second_factor(&me.user).await.unwrap().is_none());
    let alone = people.sign_in("alice", PASSWORD, &visitor()).await;
    assert!(alone.is_ok(), "not asked for yet");
}
