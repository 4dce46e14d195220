//! The database on a real disk: what is acknowledged stays, what is damaged is told,
//! what is newer is not touched.

mod damage;
mod full;
mod secrets;
mod views;

use std::fs;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Row};
use tempfile::TempDir;

use super::{KEPT, Store, StoreError, make_directory, open, path};
use crate::model::{Config, Name, Node, NodeAddress, Pool};

/// A pool `django` with one node of this weight.
pub(super) fn config_with_weight(weight: u16) -> Config {
    let mut pool = Pool::new(Name::parse("django").unwrap());
    pool.nodes.push(Node {
        weight,
        ..Node::new(
            Name::parse("web-1").unwrap(),
            NodeAddress::parse("10.0.0.1:8000").unwrap(),
        )
    });
    Config {
        pools: vec![pool],
        ..Config::default()
    }
}

async fn append(store: &mut Store, base: Option<u64>, weight: u16) -> Result<u64, StoreError> {
    let config = config_with_weight(weight);
    store.append(base, &config, "a test", "set a weight").await
}

/// A closed database with revisions 1 to `n`, of weights 1 to `n`.
async fn database(n: u16) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open_or_create(dir.path()).await.unwrap();
    for weight in 1..=n {
        append(&mut store, None, weight).await.unwrap();
    }
    store.close().await;
    dir
}

/// A program that keeps every other one out.
pub(crate) struct Holder(SqliteConnection);

/// Keeps every other program out.
pub(crate) async fn hold(dir: &Path) -> Holder {
    let exclusive = "pragma locking_mode = exclusive; begin exclusive";
    Holder(by_hand(dir, exclusive).await)
}

impl Holder {
    /// Lets the others in again.
    pub(crate) async fn let_go(self) {
        self.0.close().await.unwrap();
    }
}

/// Marks the database as written by a version yet to come.
pub(crate) async fn make_newer(dir: &Path) {
    let newer = "pragma user_version = 99; pragma journal_mode = delete";
    by_hand(dir, newer).await.close().await.unwrap();
}

/// Makes every write fail, as a full disk does.
pub(crate) async fn refuse_writes(dir: &Path) {
    let refuse = "create trigger full before insert on revisions
                  begin select raise(abort, 'the disk is full'); end";
    by_hand(dir, refuse).await.close().await.unwrap();
}

/// The same for who signs in.
pub(crate) async fn refuse_sign_ins(dir: &Path) {
    let refuse = "create trigger full_too before insert on sign_ins
                  begin select raise(abort, 'the disk is full'); end";
    by_hand(dir, refuse).await.close().await.unwrap();
}

/// The same for that a code was used.
pub(crate) async fn refuse_codes(dir: &Path) {
    let refuse = "create trigger full_as_well before update on second_factors
                  begin select raise(abort, 'the disk is full'); end";
    by_hand(dir, refuse).await.close().await.unwrap();
}

/// Keeps every other program from writing.
pub(crate) async fn hold_to_write(dir: &Path) -> Holder {
    Holder(by_hand(dir, "begin immediate").await)
}

/// Puts another document into a revision, with its digest.
pub(crate) async fn alter_revision(dir: &Path, number: i64, document: &str) {
    let mut connection = by_hand(dir, "select 1").await;
    sqlx::query("update revisions set document = ?, sha256 = ? where number = ?")
        .bind(document)
        .bind(super::digest::sha256(document))
        .bind(number)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// Forgets every revision.
pub(crate) async fn empty(dir: &Path) {
    let forget = "delete from revisions";
    by_hand(dir, forget).await.close().await.unwrap();
}

/// What a person with `sqlite3` would have.
async fn by_hand(dir: &Path, statements: &'static str) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(path(dir))
        .create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(statements)
        .execute(&mut connection)
        .await
        .unwrap();
    connection
}

#[tokio::test]
async fn the_newest_revision_is_what_was_appended_last() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(
        Store::open(dir.path()).await.unwrap_err(),
        StoreError::Missing
    );
    let mut store = Store::open_or_create(dir.path()).await.unwrap();
    assert_eq!(store.newest().await.unwrap(), None);
    assert_eq!(append(&mut store, None, 1).await, Ok(1));
    assert_eq!(append(&mut store, Some(1), 2).await, Ok(2));
    store.close().await;

    let mut store = Store::open(dir.path()).await.unwrap();
    let newest = store.newest().await.unwrap().unwrap();
    assert_eq!(newest.number, 2);
    assert_eq!(newest.config, config_with_weight(2));
    assert_eq!(newest.author, "a test");
    assert_eq!(newest.words, "set a weight");
    assert!(newest.created.ends_with('Z'), "{}", newest.created);
}

#[tokio::test]
async fn a_stale_change_is_refused_and_nothing_is_written() {
    let dir = database(2).await;
    let mut store = Store::open(dir.path()).await.unwrap();
    let stale = Err(StoreError::Stale { current: 2 });
    assert_eq!(append(&mut store, Some(1), 9).await, stale);
    assert_eq!(append(&mut store, Some(3), 9).await, stale);
    assert_eq!(append(&mut store, Some(2), 3).await, Ok(3));
}

#[tokio::test]
async fn a_lost_database_goes_on_from_the_number_it_had() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open_or_create(dir.path()).await.unwrap();
    store.restore(41, &config_with_weight(1)).await.unwrap();
    assert_eq!(append(&mut store, Some(41), 2).await, Ok(42));
    assert_eq!(
        store.restore(42, &config_with_weight(3)).await,
        Err(StoreError::Stale { current: 42 })
    );
    // Revisions that were served and are gone: the numbers go on behind them.
    assert_eq!(store.restore(50, &config_with_weight(3)).await, Ok(()));
    assert_eq!(append(&mut store, Some(50), 4).await, Ok(51));
}

#[tokio::test]
async fn only_the_newest_revisions_are_kept() {
    let dir = database(2).await;
    let mut store = Store::open(dir.path()).await.unwrap();
    let last = i64::try_from(KEPT).unwrap();
    sqlx::query("update revisions set number = ? where number = 2")
        .bind(last)
        .execute(&mut store.connection)
        .await
        .unwrap();
    append(&mut store, None, 3).await.unwrap();
    let left = sqlx::query_scalar::<_, i64>("select number from revisions order by number");
    let left = left.fetch_all(&mut store.connection).await.unwrap();
    assert_eq!(left, [last, last + 1]);
}

#[tokio::test]
async fn an_acknowledged_change_survives_a_copy_taken_without_closing() {
    // What a SIGKILL leaves: the files as they are, with nothing folded in.
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open_or_create(dir.path()).await.unwrap();
    let after = tempfile::tempdir().unwrap();
    for weight in 1..=20 {
        let acknowledged = append(&mut store, None, weight).await.unwrap();
        for name in ["config.db", "config.db-wal"] {
            fs::copy(dir.path().join(name), after.path().join(name)).unwrap();
        }
        let _ = fs::remove_file(after.path().join("config.db-shm"));
        let mut revived = Store::open(after.path()).await.unwrap();
        let newest = revived.newest().await.unwrap().unwrap();
        assert_eq!(newest.number, acknowledged);
        assert_eq!(newest.config, config_with_weight(weight));
        revived.close().await;
    }
}

#[tokio::test]
async fn a_creation_broken_off_anywhere_is_taken_up_again() {
    let empty = tempfile::tempdir().unwrap();
    fs::write(path(empty.path()), "").unwrap();
    let mut store = Store::open(empty.path()).await.unwrap();
    assert_eq!(store.newest().await.unwrap(), None);
    assert_eq!(append(&mut store, None, 1).await, Ok(1));

    let begun = tempfile::tempdir().unwrap();
    open::create(begun.path()).unwrap();
    let migrations = "pragma journal_mode = wal; create table _sqlx_migrations (
        version bigint primary key, description text not null,
        installed_on timestamp not null default current_timestamp,
        success boolean not null, checksum blob not null, execution_time bigint not null)";
    by_hand(begun.path(), migrations)
        .await
        .close()
        .await
        .unwrap();
    let mut store = Store::open(begun.path()).await.unwrap();
    assert_eq!(append(&mut store, None, 1).await, Ok(1));
}

#[tokio::test]
async fn a_locked_database_is_told_and_opens_once_it_is_free() {
    let dir = database(1).await;
    let holder = hold(dir.path()).await;
    let opened = Store::open(dir.path()).await;
    assert_eq!(opened.unwrap_err(), StoreError::Locked);
    holder.let_go().await;
    let mut store = Store::open(dir.path()).await.unwrap();
    assert_eq!(store.newest().await.unwrap().unwrap().number, 1);
}

#[tokio::test]
async fn a_writer_elsewhere_makes_a_change_wait_and_then_fail_whole() {
    let dir = database(1).await;
    let mut store = Store::open(dir.path()).await.unwrap();
    sqlx::raw_sql("pragma busy_timeout = 10")
        .execute(&mut store.connection)
        .await
        .unwrap();
    let mut holder = by_hand(dir.path(), "begin immediate").await;
    assert_eq!(append(&mut store, None, 2).await, Err(StoreError::Locked));
    sqlx::raw_sql("rollback")
        .execute(&mut holder)
        .await
        .unwrap();
    assert_eq!(append(&mut store, None, 2).await, Ok(2));
}

#[tokio::test]
async fn nobody_else_reads_the_database() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    make_directory(&dir).unwrap();
    let mut store = Store::open_or_create(&dir).await.unwrap();
    append(&mut store, None, 1).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir) & 0o027, 0);
    for name in ["config.db", "config.db-wal", "config.db-shm"] {
        assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn every_connection_is_set_up_against_loss() {
    let dir = database(1).await;
    let mut store = Store::open(dir.path()).await.unwrap();
    for (setting, value) in [
        ("pragma journal_mode", "wal"),
        ("pragma synchronous", "2"),
        ("pragma busy_timeout", "5000"),
        ("pragma foreign_keys", "1"),
        ("pragma trusted_schema", "0"),
        ("pragma cell_size_check", "1"),
        ("pragma mmap_size", "0"),
        ("pragma secure_delete", "1"),
        ("pragma user_version", "9"),
        ("pragma application_id", "1398033497"),
    ] {
        let row = sqlx::query(setting)
            .fetch_one(&mut store.connection)
            .await
            .unwrap();
        let found = row
            .try_get::<String, _>(0)
            .or_else(|_| row.try_get::<i64, _>(0).map(|n| n.to_string()));
        assert_eq!(found.unwrap(), value, "{setting}");
    }
}
