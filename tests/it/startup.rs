//! Starting on what is not as it should be: the last-known-good is served, and said loudly.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteLockingMode};
use sqlx::{ConnectOptions, Connection};

use crate::support::appliance::{self, Appliance, said};
use crate::support::document::one_pool;
use crate::support::node::Node;

/// An appliance that has served and was stopped.
fn served(node: &Node) -> (Appliance, String) {
    let mut lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &[node.line(1)]));
    lb.apply(&one_pool(lb.port(), "", &[node.line(7)]));
    let exported = lb.export();
    assert_eq!(lb.stop().code(), Some(0));
    // Whatever it is made to say from here on is what the test is about.
    lb.expect_errors();
    (lb, exported)
}

fn database(lb: &Appliance) -> PathBuf {
    lb.data().join("config.db")
}

fn remove_database(lb: &Appliance) {
    for suffix in ["", "-wal", "-shm"] {
        let file = lb.data().join(format!("config.db{suffix}"));
        if file.exists() {
            fs::remove_file(file).unwrap();
        }
    }
}

/// Serves what it served, and says `word` of its database.
fn serves_the_last_known_good(lb: &Appliance, exported: &str, word: &str) {
    assert_eq!(lb.get("/").text(), "web-1");
    let said = lb.log().to_lowercase();
    assert!(said.contains("config.db") && said.contains(word), "{said}");
    let weight = |text: &str| text.contains("weight = 7");
    assert!(weight(exported) && weight(&lb.export()), "{}", lb.export());
}

#[test]
fn a_missing_database_is_replaced_by_the_last_known_good() {
    let node = Node::answering("web-1");
    let (mut lb, exported) = served(&node);
    remove_database(&lb);
    lb.restart();
    serves_the_last_known_good(&lb, &exported, "missing");
    // What is served is not written over by chance: a change needs a stop first.
    let heavier = one_pool(lb.port(), "", &[node.line(9)]);
    let refused = lb.try_apply(&heavier);
    assert!(!refused.status.success(), "{}", said(&refused));
    assert!(said(&refused).contains("stop"), "{}", said(&refused));
    assert_eq!(lb.stop().code(), Some(0));
    assert_eq!(lb.apply(&heavier)["changed"], true);
    lb.restart();
    lb.kill9();
    lb.restart();
    assert!(lb.export().contains("weight = 9"));
    assert_eq!(lb.status()["state"], "serving");
}

#[test]
fn a_corrupt_database_is_kept_aside_and_the_last_known_good_served() {
    for damage in [&b"this was a database"[..], &[0; 8192]] {
        let node = Node::answering("web-1");
        let (mut lb, exported) = served(&node);
        remove_database(&lb);
        fs::write(database(&lb), damage).unwrap();
        lb.restart();
        serves_the_last_known_good(&lb, &exported, "corrupt");
        let kept = fs::read_dir(lb.data()).unwrap().filter_map(Result::ok);
        let kept = kept.map(|entry| entry.path());
        let same = |path: &PathBuf| fs::read(path).is_ok_and(|bytes| bytes == damage);
        assert!(
            kept.filter(|path| path.is_file()).any(|path| same(&path)),
            "the damaged file is gone"
        );
    }
}

#[test]
fn a_database_of_a_newer_version_is_left_alone_and_the_last_known_good_served() {
    let node = Node::answering("web-1");
    let (mut lb, exported) = served(&node);
    with_database(
        lb.data().to_owned(),
        SqliteLockingMode::Normal,
        async |connection| {
            run(connection, "pragma user_version = 99").await;
        },
    );
    lb.restart();
    serves_the_last_known_good(&lb, &exported, "newer");
    // A change would have to be written there: it is refused, and the site serves on.
    let refused = lb.try_apply(&one_pool(lb.port(), "", &[node.line(9)]));
    assert!(!refused.status.success(), "{}", said(&refused));
    assert_eq!(lb.get("/").text(), "web-1");
    assert_eq!(lb.stop().code(), Some(0));
    with_database(
        lb.data().to_owned(),
        SqliteLockingMode::Normal,
        async |connection| {
            let version: i64 = sqlx::query_scalar("pragma user_version")
                .fetch_one(connection)
                .await
                .unwrap();
            assert_eq!(version, 99);
        },
    );
}

#[test]
fn a_locked_database_does_not_keep_the_site_from_serving() {
    let node = Node::answering("web-1");
    let (mut lb, exported) = served(&node);
    with_database(
        lb.data().to_owned(),
        SqliteLockingMode::Exclusive,
        async |connection| {
            run(connection, "begin exclusive").await;
            run(connection, "create table held (a)").await;
            lb.restart();
            serves_the_last_known_good(&lb, &exported, "locked");
            run(connection, "rollback").await;
        },
    );
}

#[test]
fn a_first_start_serves_nothing_and_is_not_ready() {
    let lb = Appliance::start();
    assert_eq!(lb.admin("/healthz").text(), "ok");
    assert_eq!(lb.admin("/readyz").status, 503);
    assert_eq!(lb.status()["state"], "setup");
}

#[test]
fn a_port_taken_while_it_was_away_is_named_and_the_admin_answers() {
    let node = Node::answering("web-1");
    let (mut lb, _) = served(&node);
    let held = TcpListener::bind(("127.0.0.1", lb.port())).unwrap();
    lb.restart();
    let said = lb.log();
    assert!(said.contains(&format!("127.0.0.1:{}", lb.port())), "{said}");
    assert!(said.contains(&std::process::id().to_string()), "{said}");
    assert_eq!(lb.status()["listeners"][0]["open"], false);
    drop(held);
    // The same document again is enough to try anew.
    let again = lb.export();
    lb.apply(&again);
    crate::support::eventually("the listener opens", || {
        (lb.status()["listeners"][0]["open"] == true).then_some(())
    });
    assert_eq!(lb.get("/").text(), "web-1");
}

#[test]
fn two_on_one_data_directory_are_refused_and_the_first_is_named() {
    let lb = Appliance::start();
    let second = crate::support::ports::Port::free();
    let address = second.address().to_string();
    let refused = lb.run(&["serve", "--admin", &address]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(
        said(&refused).contains(&lb.pid().to_string()),
        "{}",
        said(&refused)
    );
    assert_eq!(lb.admin("/healthz").status, 200);
}

#[test]
fn a_data_directory_that_cannot_be_is_a_plain_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    appliance::write_file(&file, "not a folder");
    let output = appliance::run(&["serve", "--data-dir", file.to_str().unwrap()], "");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains(file.to_str().unwrap()),
        "{}",
        said(&output)
    );
    assert!(!said(&output).contains("panicked"), "{}", said(&output));
}

/// Opens the database beside the program, as any other tool would.
fn with_database(
    dir: PathBuf,
    mode: SqliteLockingMode,
    work: impl AsyncFnOnce(&mut SqliteConnection),
) {
    let options = SqliteConnectOptions::new()
        .filename(dir.join("config.db"))
        .locking_mode(mode);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut connection = options.connect().await.unwrap();
        work(&mut connection).await;
        connection.close().await.unwrap();
    });
}

async fn run(connection: &mut SqliteConnection, statement: &'static str) {
    sqlx::raw_sql(statement).execute(connection).await.unwrap();
}

#[test]
fn changes_whose_journal_was_lost_are_put_back_from_the_last_known_good() {
    let node = Node::answering("web-1");
    let (mut lb, exported) = served(&node);
    // As it was after its first change, while the last-known-good has the second.
    lb.restart();
    lb.kill9();
    let older = lb.data().join("older");
    fs::create_dir(&older).unwrap();
    fs::copy(database(&lb), older.join("config.db")).unwrap();
    lb.restart();
    lb.apply(&one_pool(lb.port(), "", &[node.line(3)]));
    lb.apply(&one_pool(lb.port(), "", &[node.line(7)]));
    let newest = lb.status()["revision"].clone();
    lb.kill9();
    for name in ["config.db-wal", "config.db-shm"] {
        let _ = fs::remove_file(lb.data().join(name));
    }
    fs::copy(older.join("config.db"), database(&lb)).unwrap();
    lb.restart();
    serves_the_last_known_good(&lb, &exported, "put back");
    assert_eq!(lb.status()["revision"], newest);
    assert_eq!(
        lb.apply(&one_pool(lb.port(), "", &[node.line(9)]))["changed"],
        true
    );
}
