//! Backups: made of what is there, read as what was made, and refused where a byte is another.

use std::path::Path;

use sqlx::Connection;

use super::{Backup, BackupError, about, contents, file, make, read};
use crate::model::{KeptAs, KeptCertificate, Name, Role, SecretBytes};
use crate::store::people::{AuditEntry, NewSecondFactor, NewUser, Outcome, People};
use crate::store::tests::config_with_weight as config;
use crate::store::{Store, StoreError, open, path};

const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE";

fn phrase(text: &str) -> Option<SecretBytes> {
    Some(SecretBytes::new(text.as_bytes()))
}

fn entry() -> AuditEntry {
    AuditEntry {
        time: 7,
        who: "alice".to_owned(),
        address: "127.0.0.1".to_owned(),
        action: "setup".to_owned(),
        subject: String::new(),
        detail: String::new(),
        outcome: Outcome::Done,
    }
}

/// A directory with three revisions, a certificate, and a user with a second factor.
async fn installed(dir: &Path) {
    let mut store = Store::open_or_create(dir).await.unwrap();
    for weight in 1..=3 {
        let config = config(weight);
        store.append(None, &config, "a test", "w").await.unwrap();
    }
    let certificate = KeptCertificate {
        chain: "the chain".into(),
        key: Some(SecretBytes::new(b"the secret key")),
        since: 7,
    };
    let name = Name::parse("shop").unwrap();
    let keep = store.keep_certificate(&name, KeptAs::Uploaded, &certificate);
    keep.await.unwrap();
    store.close().await;
    let mut people = People::of(dir);
    let user = NewUser {
        name: "alice",
        role: Role::Admin,
        password: HASH,
        language: None,
        now: 7,
    };
    let id = people.add_user(&user, &entry()).await.unwrap();
    let factor = NewSecondFactor {
        user: id,
        seed: b"the secret seed",
        spent: 3,
        recovery_codes: &["c".repeat(64)],
        now: 7,
    };
    let set = people.set_second_factor(&factor, 0, &entry()).await;
    set.unwrap();
    people.close().await;
}

fn holds(backup: &Backup, words: &[u8]) -> bool {
    memchr::memmem::find(&backup.bytes, words).is_some()
}

#[tokio::test]
async fn what_is_made_is_read_with_all_its_secrets_by_the_passphrase_alone() {
    let dir = tempfile::tempdir().unwrap();
    installed(dir.path()).await;
    let made = make(dir.path(), phrase("swings to level")).await.unwrap();
    assert!((made.about.secrets, made.about.revision) == (true, 3));
    assert!(holds(&made, b"STEELYARD BACKUP\n{\"format\":1,"));
    assert!(!holds(&made, b"alice") && !holds(&made, b"the chain"));
    assert_eq!(about(&made.bytes), Ok(made.about.clone()));

    let contents = read(made.bytes.clone(), phrase("swings to level")).await;
    let contents = contents.unwrap();
    assert_eq!(contents.config, config(3));
    let name = Name::parse("shop").unwrap();
    let kept = contents.kept.get(&name, KeptAs::Uploaded).unwrap();
    assert_eq!(kept.key, Some(SecretBytes::new(b"the secret key")));
    let alice = &contents.users[0];
    assert_eq!((&*alice.name, alice.role), ("alice", Role::Admin));
    assert_eq!(alice.password.as_deref(), Some(HASH));
    let factor = alice.factor.as_ref().unwrap();
    assert_eq!(factor.seed, SecretBytes::new(b"the secret seed"));

    let wrong = read(made.bytes.clone(), phrase("swings to levels")).await;
    assert_eq!(wrong.unwrap_err(), BackupError::WrongPassphrase);
    let none = read(made.bytes, None).await;
    assert_eq!(none.unwrap_err(), BackupError::PassphraseMissing);
    let short = make(dir.path(), phrase("short")).await;
    assert_eq!(short.unwrap_err(), BackupError::Passphrase);
}

#[tokio::test]
async fn without_a_passphrase_nothing_secret_is_in_it_and_it_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    installed(dir.path()).await;
    let made = make(dir.path(), None).await.unwrap();
    assert!(!made.about.secrets);
    let left_out = &made.about.left_out;
    assert_eq!(left_out.certificates, ["shop"]);
    assert_eq!(left_out.second_factors, ["alice"]);
    let (_, image) = file::read(&made.bytes, None).unwrap();
    for secret in [b"the secret".as_slice(), b"c2FsdHNhbHRzYWx0", b"cccccccc"] {
        assert!(memchr::memmem::find(&image, secret).is_none());
    }
    let contents = read(made.bytes, None).await.unwrap();
    assert_eq!(contents.config, config(3));
    assert!(contents.kept.is_empty());
    let alice = &contents.users[0];
    assert!(alice.password.is_none() && alice.factor.is_none());
}

#[tokio::test]
async fn a_byte_that_is_another_or_missing_is_noticed_wherever_it_is() {
    let dir = tempfile::tempdir().unwrap();
    installed(dir.path()).await;
    for passphrase in [None, phrase("swings to level")] {
        let made = make(dir.path(), passphrase.clone()).await.unwrap();
        let mut seed: u32 = 1;
        for round in 0..500 {
            // A linear congruential generator: the same places each time.
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = usize::try_from(seed).unwrap() % made.bytes.len();
            let mut bytes = made.bytes.clone();
            match round % 2 {
                0 => bytes[at] ^= 1 << (round / 2 % 8),
                _ => bytes.truncate(at),
            }
            let refused = file::read(&bytes, passphrase.as_ref()).unwrap_err();
            assert!(
                matches!(refused, BackupError::Torn | BackupError::NotOne),
                "{at}: {refused}"
            );
        }
    }
    assert_eq!(about(b""), Err(BackupError::NotOne));
    assert_eq!(about(b"PK\x03\x04"), Err(BackupError::NotOne));
}

/// The image of a backup without secrets after `statements` by a stranger.
async fn altered(dir: &Path, statements: &'static str) -> Result<(), BackupError> {
    let made = make(dir, None).await.unwrap();
    let (about, image) = file::read(&made.bytes, None).unwrap();
    let mut memory = open::in_memory().await.unwrap();
    let buffer = sqlx::sqlite::SqliteOwnedBuf::try_from(image.as_slice()).unwrap();
    memory.deserialize(None, buffer, false).await.unwrap();
    open::execute(&mut memory, statements).await.unwrap();
    let image = memory.serialize(None).await.unwrap().to_vec();
    memory.close().await.unwrap();
    let bytes = file::write(&about, &image, None).unwrap();
    read(bytes, None).await.map(drop)
}

#[tokio::test]
async fn what_no_version_of_ours_writes_is_refused_though_its_digest_is_right() {
    let dir = tempfile::tempdir().unwrap();
    installed(dir.path()).await;
    assert_eq!(altered(dir.path(), "select 1").await, Ok(()));
    for (statements, words) in [
        ("pragma user_version = 99", "newer version"),
        ("pragma application_id = 1", "mark of Steelyard"),
        (
            "create trigger t after insert on users begin delete from users; end",
            "tables are others",
        ),
        ("drop table tokens", "tables are others"),
        (
            "update revisions set document = '{}' where number = 3",
            "not what was written",
        ),
        (
            "delete from revisions where number = 3",
            "newest revision is not",
        ),
        ("update users set name = 'a' || char(10)", "name is none"),
        ("update users set role = 'viewer'", "no admin"),
        (
            "update users set password = '$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE'",
            "hash is none",
        ),
        (
            "pragma foreign_keys = off; insert into recovery_codes (user, sha256) values (99, printf('%064d', 1))",
            "do not fit",
        ),
        (
            "insert into certificates values ('a b', 'uploaded', '', x'00', printf('%064d', 1), 1)",
            "no name",
        ),
    ] {
        let refused = altered(dir.path(), statements)
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains(words), "{statements}: {refused}");
    }
}

#[tokio::test]
async fn a_file_may_not_ask_for_more_than_this_machine_gives() {
    let dir = tempfile::tempdir().unwrap();
    installed(dir.path()).await;
    let made = make(dir.path(), phrase("swings to level")).await.unwrap();
    let text = |from: &str, to: &str| {
        let at = memchr::memmem::find(&made.bytes, from.as_bytes()).unwrap();
        let (before, rest) = made.bytes.split_at(at);
        let rest = &rest[from.len()..rest.len() - 32];
        let told = [before, to.as_bytes(), rest].concat();
        let digest = <sha2::Sha256 as sha2::Digest>::digest(&told);
        [told.as_slice(), digest.as_slice()].concat()
    };
    let refused = |bytes: &[u8]| file::read(bytes, phrase("swings to level").as_ref()).unwrap_err();
    for (from, to, why) in [
        ("\"memory\":65536", "\"memory\":9999999", BackupError::Torn),
        ("\"rounds\":3", "\"rounds\":0", BackupError::Torn),
        ("\"cipher\":\"aes", "\"cipher\":\"xor", BackupError::Torn),
        ("\"secrets\":true", "\"secrets\":false", BackupError::Torn),
        // What it says of itself is sealed with the rest.
        (
            "\"revision\":3",
            "\"revision\":2",
            BackupError::WrongPassphrase,
        ),
        (
            "\"format\":1",
            "\"format\":2",
            BackupError::Newer("0.1.0".to_owned()),
        ),
    ] {
        assert_eq!(refused(&text(from, to)), why, "{from}");
    }
    // Packed a thousand times.
    let about = make(dir.path(), None).await.unwrap().about;
    let long = file::write(&about, &vec![0; 129 * 1024 * 1024], None);
    assert_eq!(long.unwrap_err(), BackupError::TooLong);
}

#[tokio::test]
async fn where_nothing_is_nothing_is_backed_up() {
    let dir = tempfile::tempdir().unwrap();
    let refused = make(dir.path(), None).await.unwrap_err();
    assert_eq!(refused, BackupError::Store(StoreError::Missing));
    assert!(!path(dir.path()).exists());
    let nothing = contents::unsound("x").to_string();
    assert!(nothing.contains("no Steelyard"), "{nothing}");
}
