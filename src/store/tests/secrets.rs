//! Secrets given as text: kept, replaced and removed with the revision, in no revision.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::super::{Store, StoreError, digest, path};
use super::{by_hand, config_with_weight, database};
use crate::model::{Config, Secret, SecretBytes};

fn config_with(secret: &str) -> Config {
    let mut config = config_with_weight(1);
    config.settings.affinity_secret = match secret {
        "" => Secret::Absent,
        text => Secret::Text(SecretBytes::new(text.as_bytes())),
    };
    config
}

async fn append(store: &mut Store, config: &Config) -> u64 {
    store
        .append(None, config, "a test", "a secret")
        .await
        .unwrap()
}

#[tokio::test]
async fn a_secret_comes_back_and_is_in_no_revision() {
    let dir = database(1).await;
    let mut store = Store::open(dir.path()).await.unwrap();
    for secret in ["open sesame", "another", "", "\u{0}é"] {
        let config = config_with(secret);
        let number = append(&mut store, &config).await;
        store.close().await;
        store = Store::open(dir.path()).await.unwrap();
        let newest = store.newest().await.unwrap().unwrap();
        assert_eq!((newest.number, newest.config), (number, config));
    }
    let documents = sqlx::query_scalar::<_, String>("select group_concat(document) from revisions");
    let documents = documents.fetch_one(&mut store.connection).await.unwrap();
    assert!(!documents.contains("sesame") && !documents.contains("another"));
    append(&mut store, &config_with("")).await;
    let left = sqlx::query_scalar::<_, i64>("select count(*) from secrets");
    assert_eq!(left.fetch_one(&mut store.connection).await.unwrap(), 0);
    store.close().await;
    let bytes = fs::read(path(dir.path())).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains("sesame") && !text.contains("another"));
}

#[tokio::test]
async fn a_change_that_fails_leaves_the_secret_as_it_was() {
    let dir = database(1).await;
    let mut store = Store::open(dir.path()).await.unwrap();
    let number = append(&mut store, &config_with("old")).await;
    let stale = store
        .append(Some(number + 1), &config_with("new"), "a test", "")
        .await;
    assert!(matches!(stale, Err(StoreError::Stale { .. })), "{stale:?}");
    let newest = store.newest().await.unwrap().unwrap();
    assert_eq!(newest.config, config_with("old"));
}

#[tokio::test]
async fn an_altered_secret_is_never_read() {
    let dir = database(1).await;
    let mut store = Store::open(dir.path()).await.unwrap();
    append(&mut store, &config_with("open sesame")).await;
    store.close().await;
    let alter = by_hand(
        dir.path(),
        "update secrets set value = cast('shut sesame' as blob)",
    )
    .await;
    alter.close().await.unwrap();
    let newest = Store::open(dir.path()).await.unwrap().newest().await;
    let Err(StoreError::Corrupt { why }) = newest else {
        panic!("{newest:?}");
    };
    assert_eq!(
        why,
        "the secret settings.affinity_secret is not what was written"
    );
}

#[tokio::test]
async fn a_database_of_the_first_version_is_brought_to_this_one() {
    let dir = database(2).await;
    // As version 1 left it: without what the later migrations made.
    let back = "drop table certificates; drop table acme_accounts; drop table renewals; drop table issued; drop table recovery_codes; drop table second_factors; drop table secrets; drop table sign_ins; drop table users; drop table tokens;
                drop table audit; delete from _sqlx_migrations where version > 1;
                pragma user_version = 1";
    by_hand(dir.path(), back).await.close().await.unwrap();
    for old in ["1", "0", "-1"] {
        fs::write(dir.path().join(format!("config.db.pre-{old}")), "").unwrap();
    }
    let mut store = Store::open(dir.path()).await.unwrap();
    let newest = store.newest().await.unwrap().unwrap();
    is_kept_as_it_was(dir.path()).await;
    assert_eq!((newest.number, newest.config), (2, config_with_weight(2)));
    let config = config_with("open sesame");
    append(&mut store, &config).await;
    assert_eq!(store.newest().await.unwrap().unwrap().config, config);
    let routes = sqlx::query("select fallback, redirect, respond from routes");
    routes.fetch_all(&mut store.connection).await.unwrap();
}

/// For whoever goes back to the version before; of older ones the newest two.
async fn is_kept_as_it_was(dir: &Path) {
    let copy = dir.join("config.db.pre-2");
    let mode = fs::metadata(&copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let options = SqliteConnectOptions::new().filename(copy).read_only(true);
    let mut copy = options.connect().await.unwrap();
    let tables = "select count(*) from sqlite_schema where name = 'users'";
    for (query, number) in [
        ("pragma user_version", 1),
        ("pragma application_id", 0x5354_4c59),
        (tables, 0),
        ("select max(number) from revisions", 2),
    ] {
        let found: i64 = sqlx::query_scalar(query)
            .fetch_one(&mut copy)
            .await
            .unwrap();
        assert_eq!(found, number, "{query}");
    }
    let left = ["1", "0", "-1"].map(|old| dir.join(format!("config.db.pre-{old}")).exists());
    assert_eq!(left, [true, true, false]);
}

#[tokio::test]
async fn the_database_alone_tells_no_secret() {
    let dir = database(1).await;
    let mut store = Store::open(dir.path()).await.unwrap();
    append(&mut store, &config_with("open sesame")).await;
    for file in fs::read_dir(dir.path()).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read(&path).unwrap();
        assert!(
            !String::from_utf8_lossy(&text).contains("sesame"),
            "{path:?}"
        );
    }
    store.close().await;
}

#[tokio::test]
async fn a_secret_whose_key_is_gone_is_missed_and_comes_back_with_it() {
    let dir = database(1).await;
    let mut store = Store::open(dir.path()).await.unwrap();
    append(&mut store, &config_with("open sesame")).await;
    store.close().await;
    let (key, away) = (dir.path().join("seal.key"), dir.path().join("away"));
    fs::rename(&key, &away).unwrap();
    let mut store = Store::open(dir.path()).await.unwrap();
    let newest = store.newest().await.unwrap().unwrap();
    assert_eq!(newest.lost, ["settings.affinity_secret"]);
    assert_eq!(newest.config, config_with(""));
    // A change of something else does not throw it away.
    let mut other = config_with("");
    other.pools.clear();
    append(&mut store, &other).await;
    store.close().await;
    fs::rename(&away, &key).unwrap();
    let mut store = Store::open(dir.path()).await.unwrap();
    let newest = store.newest().await.unwrap().unwrap();
    let kept = &newest.config.settings.affinity_secret;
    assert_eq!(*kept, Secret::Text(SecretBytes::new(b"open sesame")));
    assert!(newest.lost.is_empty());
    store.close().await;
}

#[tokio::test]
async fn what_an_earlier_version_kept_is_sealed_at_the_next_start() {
    let dir = database(1).await;
    let mut store = Store::open(dir.path()).await.unwrap();
    append(&mut store, &config_with("open sesame")).await;
    store.close().await;
    let mut connection = by_hand(dir.path(), "").await;
    sqlx::query("update secrets set value = cast('open sesame' as blob), sha256 = ?, sealed = 0")
        .bind(digest::sha256("open sesame"))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let mut store = Store::open(dir.path()).await.unwrap();
    let newest = store.newest().await.unwrap().unwrap();
    assert_eq!(newest.config, config_with("open sesame"));
    store.close().await;
    let bytes = fs::read(path(dir.path())).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("sesame"));
}
