//! Who is let in, and who not any more.

use std::net::IpAddr;

use tempfile::TempDir;

use super::{By, PasswordFault, People, SetupFault, SignInFault, UserFault, Visitor, Whose};
use crate::model::{Language, Role, Scope};
use crate::store::Store;

pub(super) const PASSWORD: &str = "hangs level at noon";

pub(super) fn visitor() -> Visitor<'static> {
    Visitor {
        address: IpAddr::from([10, 0, 0, 1]),
        agent: "Firefox",
    }
}

pub(super) fn root() -> By {
    By::new("uid 0", "control.sock")
}

async fn empty() -> (TempDir, People) {
    let dir = tempfile::tempdir().unwrap();
    Store::open_or_create(dir.path())
        .await
        .unwrap()
        .close()
        .await;
    let people = People::of(dir.path());
    (dir, people)
}

/// With the admin `alice`, and the token of her cookie.
pub(super) async fn with_alice() -> (TempDir, People, String) {
    let (dir, people) = empty().await;
    let link = people.setup_token(false, &root()).await.unwrap().unwrap();
    let set_up = people
        .set_up(&link, ("alice", PASSWORD), Language::English, &visitor())
        .await;
    (dir, people, set_up.unwrap().token)
}

#[tokio::test]
async fn the_link_is_good_until_it_is_used_or_issued_anew() {
    let (dir, people) = empty().await;
    let link = people.setup_token(false, &root()).await.unwrap().unwrap();
    assert!(link.len() >= 22, "128 bits at least");
    assert_eq!(
        people.setup_token(false, &root()).await.unwrap().unwrap(),
        link
    );
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(dir.path().join("setup-token"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let anew = people.setup_token(true, &root()).await.unwrap().unwrap();
    assert!(!people.is_setup_token(&link) && people.is_setup_token(&anew));
    let old = people
        .set_up(&link, ("alice", PASSWORD), Language::English, &visitor())
        .await;
    assert!(matches!(old, Err(SetupFault::Link)));
    let weak = people
        .set_up(&anew, ("alice", "password1"), Language::English, &visitor())
        .await;
    let fault = weak.unwrap_err();
    assert!(matches!(
        fault,
        SetupFault::User(UserFault::Password(PasswordFault::Common))
    ));
    let set_up = people
        .set_up(&anew, ("alice", PASSWORD), Language::Chinese, &visitor())
        .await;
    let who = people
        .signed_in(&set_up.unwrap().token)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((&*who.user.name, who.user.role), ("alice", Role::Admin));
    assert!(!dir.path().join("setup-token").exists());
    assert_eq!(people.setup_token(true, &root()).await.unwrap(), None);
    std::fs::write(dir.path().join("setup-token"), &anew).unwrap();
    let again = people
        .set_up(&anew, ("eve", PASSWORD), Language::English, &visitor())
        .await;
    assert!(matches!(again, Err(SetupFault::Link)));
}

#[tokio::test]
async fn nobody_and_a_wrong_password_are_told_alike() {
    let (_dir, people, _) = with_alice().await;
    for (name, password) in [("alice", "wrong"), ("nobody", PASSWORD), ("", "")] {
        let refused = people.sign_in(name, password, &visitor()).await;
        assert!(matches!(refused, Err(SignInFault::Wrong)), "{name}");
    }
    let right = people.sign_in("ALICE", PASSWORD, &visitor()).await.unwrap();
    assert_eq!(
        people
            .signed_in(&right.token)
            .await
            .unwrap()
            .unwrap()
            .user
            .name,
        "alice"
    );
    let rows = people.audit(None, 10).await.unwrap();
    let failed = rows
        .iter()
        .filter(|row| row.entry.outcome.as_str() == "failed");
    assert_eq!(failed.count(), 3);
    assert!(!format!("{rows:?}").contains(PASSWORD));
}

#[tokio::test]
async fn each_sign_in_has_a_token_of_its_own_and_ends_by_itself() {
    let (dir, people, first) = with_alice().await;
    let second = people
        .sign_in("alice", PASSWORD, &visitor())
        .await
        .unwrap()
        .token;
    assert_ne!(first, second);
    let file = std::fs::read(dir.path().join("config.db")).unwrap();
    let held = |token: &str| memchr::memmem::find(&file, token.as_bytes()).is_some();
    assert!(!held(&first) && !held(&second), "only digests are kept");
    let found = people.signed_in(&second).await.unwrap().unwrap();
    people.end_sign_in(&found, &root()).await.unwrap();
    assert!(people.signed_in(&second).await.unwrap().is_none());
    assert!(people.signed_in(&first).await.unwrap().is_some());
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it_and_ends_the_other_places() {
    let (_dir, people, here) = with_alice().await;
    let there = people
        .sign_in("alice", PASSWORD, &visitor())
        .await
        .unwrap()
        .token;
    let me = people.signed_in(&here).await.unwrap().unwrap();
    let address = visitor().address;
    let wrong = people
        .change_password(&me, ("wrong", "another long one"), address)
        .await;
    assert!(matches!(wrong, Err(UserFault::Current(SignInFault::Wrong))));
    people
        .change_password(&me, (PASSWORD, "another long one"), address)
        .await
        .unwrap();
    assert!(people.signed_in(&here).await.unwrap().is_some());
    assert!(people.signed_in(&there).await.unwrap().is_none());
    let old = people.sign_in("alice", PASSWORD, &visitor()).await;
    assert!(matches!(old, Err(SignInFault::Wrong)));
    people
        .reset_password(Some("Alice"), "a third long one", &root())
        .await
        .unwrap();
    assert!(people.signed_in(&here).await.unwrap().is_none());
    let by = root();
    let nobody = people.reset_password(Some("bob"), "a third long one", &by);
    let nobody = nobody.await;
    assert!(matches!(nobody, Err(UserFault::Nobody(known)) if known.ends_with("alice")));
    let only = people.reset_password(None, "a fourth long one", &by);
    assert_eq!(only.await.unwrap().name, "alice");
}

#[tokio::test]
async fn a_token_is_good_until_it_ends() {
    let (_dir, people, _) = with_alice().await;
    let shown = people
        .make_token("ci", Scope::Api(Role::Operator), &root())
        .await
        .unwrap()
        .shown;
    assert!(shown.len() > 43);
    let token = people.token(&shown).await.unwrap().unwrap();
    assert_eq!(
        (token.scope, &*token.made_by),
        (Scope::Api(Role::Operator), "uid 0")
    );
    assert!(people.tokens().await.unwrap()[0].used.is_some());
    for other in [
        "",
        "steelyard_",
        &shown[..shown.len() - 1],
        &shown.to_uppercase(),
    ] {
        assert!(people.token(other).await.unwrap().is_none(), "{other}");
    }
    people.end_token(&token, &root()).await.unwrap();
    assert!(people.token(&shown).await.unwrap().is_none());
}

#[tokio::test]
async fn who_knows_the_password_comes_in_though_the_disk_takes_nothing() {
    let (dir, people, _) = with_alice().await;
    people.close().await;
    crate::store::tests::refuse_sign_ins(dir.path()).await;
    let token = people
        .sign_in("alice", PASSWORD, &visitor())
        .await
        .unwrap()
        .token;
    let found = people.signed_in(&token).await.unwrap().unwrap();
    assert_eq!(found.user.name, "alice");
    assert_eq!(people.sign_ins(Whose::Everybodys).await.unwrap().len(), 2);
    people.end_sign_in(&found, &root()).await.unwrap();
    assert!(people.signed_in(&token).await.unwrap().is_none());
}
