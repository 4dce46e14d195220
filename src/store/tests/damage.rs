//! A database that is damaged, or newer than we: told, never read as something else.

use std::fs;

use sqlx::Connection;

use super::super::{Store, StoreError, had_database, path, set_aside};
use super::{append, by_hand, config_with_weight, database, make_newer};
use crate::model::Config;

#[tokio::test]
async fn a_newer_database_is_told_and_not_touched() {
    let dir = database(1).await;
    make_newer(dir.path()).await;
    let before = fs::read(path(dir.path())).unwrap();
    let error = Store::open(dir.path()).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Newer { why } if why.contains("99")),
        "{error}"
    );
    assert_eq!(fs::read(path(dir.path())).unwrap(), before);
    assert!(!dir.path().join("config.db-wal").exists());
}

#[tokio::test]
async fn a_document_of_a_newer_version_is_told_apart_from_damage() {
    let dir = database(1).await;
    let document = r#"{"version":1,"nonsense":true}"#;
    let mut connection = by_hand(dir.path(), "").await;
    sqlx::query("insert into revisions values (2, ?, ?, '', '', '')")
        .bind(document)
        .bind(super::super::digest::sha256(document))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let newest = Store::open(dir.path()).await.unwrap().newest().await;
    assert!(
        matches!(newest, Err(StoreError::Newer { .. })),
        "{newest:?}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_of_ours_is_corrupt() {
    for bytes in ["no database at all, but long enough to be looked at", "x"] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(path(dir.path()), bytes.repeat(100)).unwrap();
        let opened = Store::open(dir.path()).await;
        assert!(
            matches!(opened, Err(StoreError::Corrupt { .. })),
            "{opened:?}"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    by_hand(dir.path(), "create table guests (name text)")
        .await
        .close()
        .await
        .unwrap();
    let error = Store::open(dir.path()).await.unwrap_err();
    assert!(error.to_string().contains("mark of Steelyard"), "{error}");
}

#[tokio::test]
async fn an_altered_document_is_never_read() {
    let dir = database(2).await;
    by_hand(
        dir.path(),
        "update revisions set document = replace(document, 'web-1', 'web-9') where number = 2",
    )
    .await
    .close()
    .await
    .unwrap();
    let newest = Store::open(dir.path()).await.unwrap().newest().await;
    assert!(
        matches!(newest, Err(StoreError::Corrupt { .. })),
        "{newest:?}"
    );
}

#[tokio::test]
async fn a_damaged_file_never_reads_as_another_configuration() {
    let dir = database(3).await;
    let whole = fs::read(path(dir.path())).unwrap();
    let allowed = |config: &Config| (1..=3).any(|w| *config == config_with_weight(w));
    // A step without a common factor with the page size meets every part of a page.
    let places: Vec<usize> = (0..whole.len()).step_by(149).collect();
    for at in places {
        let damaged = tempfile::tempdir().unwrap();
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        fs::write(path(damaged.path()), &bytes).unwrap();
        if let Ok(mut store) = Store::open(damaged.path()).await {
            if let Ok(Some(stored)) = store.newest().await {
                assert!(allowed(&stored.config), "byte {at}");
            }
            store.close().await;
        }
        let cut = tempfile::tempdir().unwrap();
        fs::write(path(cut.path()), &whole[..at]).unwrap();
        if let Ok(mut store) = Store::open(cut.path()).await {
            if let Ok(Some(stored)) = store.newest().await {
                assert!(allowed(&stored.config), "cut at {at}");
            }
            store.close().await;
        }
    }
}

#[tokio::test]
async fn a_corrupt_database_is_moved_aside_with_its_journal_and_never_deleted() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["config.db", "config.db-wal", "config.db-shm"] {
        fs::write(dir.path().join(name), name).unwrap();
    }
    assert!(!had_database(dir.path()).unwrap());
    let first = set_aside(dir.path()).unwrap();
    assert!(had_database(dir.path()).unwrap());
    assert!(!path(dir.path()).exists());
    assert_eq!(fs::read_to_string(&first).unwrap(), "config.db");
    let journal = format!("{}-wal", first.display());
    assert_eq!(fs::read_to_string(journal).unwrap(), "config.db-wal");

    fs::write(path(dir.path()), "second").unwrap();
    let second = set_aside(dir.path()).unwrap();
    assert_ne!(first, second);
    assert_eq!(fs::read_to_string(first).unwrap(), "config.db");
    assert_eq!(fs::read_to_string(second).unwrap(), "second");
}

#[tokio::test]
async fn a_journal_without_its_database_does_not_enter_the_new_one() {
    let lost = tempfile::tempdir().unwrap();
    let mut old = Store::open_or_create(lost.path()).await.unwrap();
    append(&mut old, None, 7).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    fs::copy(
        lost.path().join("config.db-wal"),
        dir.path().join("config.db-wal"),
    )
    .unwrap();
    let mut store = Store::open_or_create(dir.path()).await.unwrap();
    assert_eq!(store.newest().await.unwrap(), None);
    assert!(had_database(dir.path()).unwrap());
}
