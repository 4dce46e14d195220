//! A database that cannot grow, and then can again.

use super::{append, database};
use crate::store::{Store, StoreError};

#[tokio::test]
async fn after_a_full_disk_changes_are_written_again() {
    let dir = database(2).await;
    let mut store = Store::open(dir.path()).await.unwrap();
    // No page more than there are: what a full disk is to SQLite. It holds for this
    // connection, as a rolled back transaction that the driver did not hear of does.
    sqlx::query("pragma max_page_count = 1")
        .execute(&mut store.connection)
        .await
        .unwrap();
    let mut number = 2;
    let refused = loop {
        match append(&mut store, Some(number), 3).await {
            Ok(next) if next < 500 => number = next,
            done => break done,
        }
    };
    assert!(matches!(refused, Err(StoreError::Io { .. })), "{refused:?}");
    assert_eq!(append(&mut store, Some(number), 3).await, Ok(number + 1));
}
