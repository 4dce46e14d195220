//! What is told of people stays, and what would leave nobody in charge is refused.

use std::path::Path;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

use super::{AuditEntry, NewSignIn, NewToken, NewUser, Outcome, People, PeopleError};
use crate::model::{Language, Role, Scope};
use crate::store::{Store, StoreError};

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA";

async fn people() -> (TempDir, People) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_or_create(dir.path()).await.unwrap();
    store.close().await;
    let people = People::of(dir.path());
    (dir, people)
}

fn entry(action: &str) -> AuditEntry {
    AuditEntry {
        time: 1_795_000_000,
        who: "root".into(),
        address: "10.0.0.9".into(),
        action: action.into(),
        subject: "alice".into(),
        detail: String::new(),
        outcome: Outcome::Done,
    }
}

fn user(name: &str, role: Role) -> NewUser<'_> {
    NewUser {
        name,
        role,
        password: HASH,
        language: Some(Language::Chinese),
        now: 7,
    }
}

async fn by_hand(dir: &Path, sql: &'static str) -> Result<(), sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(dir.join("config.db"));
    let mut connection: SqliteConnection = options.connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.map(drop)
}

#[tokio::test]
async fn a_user_is_read_as_they_were_added_whatever_the_case_of_the_name() {
    let (_dir, mut people) = people().await;
    assert!(!people.has_users().await.unwrap());
    let id = people
        .add_first(&user("Alice", Role::Admin), &entry("setup"))
        .await
        .unwrap();
    assert!(people.has_users().await.unwrap());
    let found = people.user_named("aLICE").await.unwrap().unwrap();
    assert_eq!(
        (found.id, &*found.name, found.role),
        (id, "Alice", Role::Admin)
    );
    assert_eq!(found.language, Some(Language::Chinese));
    assert!(!format!("{found:?}").contains("argon2id"));
    let again = people
        .add_user(&user("ALICE", Role::Viewer), &entry("user_added"))
        .await;
    assert_eq!(again, Err(PeopleError::Taken));
    let second = people
        .add_first(&user("bob", Role::Admin), &entry("setup"))
        .await;
    assert_eq!(second, Err(PeopleError::SetUp));
    assert_eq!(
        people.audit(None, 10).await.unwrap().len(),
        1,
        "what did not happen is not told"
    );
}

#[tokio::test]
async fn the_last_admin_stays_one() {
    let (_dir, mut people) = people().await;
    let alice = people
        .add_first(&user("alice", Role::Admin), &entry("a"))
        .await
        .unwrap();
    let bob = people
        .add_user(&user("bob", Role::Viewer), &entry("b"))
        .await
        .unwrap();
    for refused in [
        people.remove_user(alice, &entry("c")).await,
        people.set_role(alice, Role::Operator, &entry("d")).await,
    ] {
        assert_eq!(refused, Err(PeopleError::LastAdmin));
    }
    people
        .set_role(bob, Role::Admin, &entry("e"))
        .await
        .unwrap();
    people.remove_user(alice, &entry("f")).await.unwrap();
    assert_eq!(
        people.remove_user(alice, &entry("g")).await,
        Err(PeopleError::Gone)
    );
    let names: Vec<String> = people
        .users()
        .await
        .unwrap()
        .into_iter()
        .map(|u| u.name)
        .collect();
    assert_eq!(names, ["bob"]);
}

#[tokio::test]
async fn who_is_removed_or_has_another_password_is_signed_in_nowhere() {
    let (_dir, mut people) = people().await;
    let alice = people
        .add_first(&user("alice", Role::Admin), &entry("a"))
        .await
        .unwrap();
    let bob = people
        .add_user(&user("bob", Role::Viewer), &entry("b"))
        .await
        .unwrap();
    let tokens = ["a".repeat(64), "b".repeat(64), "c".repeat(64)];
    for (token, user) in tokens.iter().zip([alice, alice, bob]) {
        let new = NewSignIn {
            sha256: token,
            user,
            now: 100,
            address: "10.0.0.1",
            agent: "Firefox",
        };
        people.sign_in(&new, &entry("sign_in")).await.unwrap();
    }
    let first = people.signed_in(&tokens[0]).await.unwrap().unwrap();
    assert_eq!(
        (&*first.user.name, first.created, &*first.agent),
        ("alice", 100, "Firefox")
    );
    let set = people
        .set_password((alice, HASH), Some(first.id), &entry("p"))
        .await;
    assert_eq!(set, Ok(()));
    assert!(people.signed_in(&tokens[0]).await.unwrap().is_some());
    assert!(people.signed_in(&tokens[1]).await.unwrap().is_none());
    people.remove_user(bob, &entry("r")).await.unwrap();
    assert!(people.signed_in(&tokens[2]).await.unwrap().is_none());
    people.end_sign_in(first.id, &entry("s")).await.unwrap();
    assert_eq!(people.sign_ins().await.unwrap(), []);
    let again = people.end_sign_in(first.id, &entry("s")).await;
    assert_eq!(again, Err(PeopleError::Gone));
}

#[tokio::test]
async fn of_many_places_the_one_unused_longest_ends() {
    let (_dir, mut people) = people().await;
    let alice = people
        .add_first(&user("alice", Role::Admin), &entry("a"))
        .await
        .unwrap();
    let token = |i: i64| format!("{i:064}");
    for i in 1..=51 {
        let new = NewSignIn {
            sha256: &token(i),
            user: alice,
            now: i,
            address: "",
            agent: "",
        };
        people.sign_in(&new, &entry("sign_in")).await.unwrap();
    }
    assert!(people.signed_in(&token(1)).await.unwrap().is_none());
    assert_eq!(people.sign_ins().await.unwrap().len(), 50);
    people.forget_ended(41, 0).await.unwrap();
    assert_eq!(people.sign_ins().await.unwrap().len(), 11);
}

#[tokio::test]
async fn a_token_is_known_by_its_digest_until_it_ends() {
    let (_dir, mut people) = people().await;
    let digest = "d".repeat(64);
    let new = NewToken {
        name: "prometheus",
        scope: Scope::Metrics,
        sha256: &digest,
        made_by: "alice",
        now: 5,
    };
    people.add_token(&new, &entry("token_made")).await.unwrap();
    let taken = people.add_token(&new, &entry("token_made")).await;
    assert_eq!(taken, Err(PeopleError::Taken));
    let token = people.token_shown(&digest).await.unwrap().unwrap();
    assert_eq!((token.scope, token.used), (Scope::Metrics, None));
    people.token_used(token.id, 9).await.unwrap();
    assert_eq!(people.tokens().await.unwrap()[0].used, Some(9));
    people
        .end_token(token.id, &entry("token_ended"))
        .await
        .unwrap();
    assert!(people.token_shown(&digest).await.unwrap().is_none());
}

#[tokio::test]
async fn the_audit_log_is_never_changed_and_notices_who_changes_it_all_the_same() {
    let (dir, mut people) = people().await;
    for action in ["one", "two", "three"] {
        people.note(&entry(action)).await.unwrap();
    }
    let rows = people.audit(None, 10).await.unwrap();
    let actions: Vec<&str> = rows.iter().map(|row| &*row.entry.action).collect();
    assert_eq!(actions, ["three", "two", "one"]);
    assert!(rows.iter().all(|row| row.is_whole));
    assert_eq!(people.audit(Some(3), 1).await.unwrap()[0].number, 2);
    for sql in [
        "update audit set who = 'nobody'",
        "delete from audit where number = 2",
    ] {
        let refused = by_hand(dir.path(), sql).await.unwrap_err().to_string();
        assert!(refused.contains("only added to"), "{refused}");
    }
    let force = "drop trigger audit_is_never_changed; update audit set who = 'x' where number = 2";
    by_hand(dir.path(), force).await.unwrap();
    let rows = people.audit(None, 10).await.unwrap();
    let whole: Vec<bool> = rows.iter().map(|row| row.is_whole).collect();
    assert_eq!(whole, [true, false, true]);
    let force = "drop trigger audit_is_never_cut; delete from audit where number = 2";
    by_hand(dir.path(), force).await.unwrap();
    let rows = people.audit(None, 10).await.unwrap();
    assert!(!rows[0].is_whole, "the row before it is gone");
}

#[tokio::test]
async fn a_database_that_is_gone_is_told_and_a_new_one_is_taken() {
    let (dir, mut people) = people().await;
    people
        .add_first(&user("alice", Role::Admin), &entry("a"))
        .await
        .unwrap();
    for file in ["config.db", "config.db-wal", "config.db-shm"] {
        let _ = std::fs::remove_file(dir.path().join(file));
    }
    assert_eq!(people.has_users().await, Err(StoreError::Missing));
    let store = Store::open_or_create(dir.path()).await.unwrap();
    store.close().await;
    assert!(!people.has_users().await.unwrap());
}
