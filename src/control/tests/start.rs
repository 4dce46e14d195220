//! What a start finds on disk, and what it serves of it.

use std::fs;

use super::{apply, applying, database, document, installed, offline, start, stop, weight, why};
use crate::control::{Apply, ChangeError, Readiness, Started};
use crate::document::Format;
use crate::store::last_known_good;
use crate::store::tests::{empty, hold, make_newer};

#[tokio::test]
async fn a_first_start_takes_a_document_and_a_second_serves_it() {
    let dir = tempfile::tempdir().unwrap();
    let handle = start(dir.path()).await;
    assert_eq!(handle.started(), Started::Setup);
    assert_eq!(handle.status()["state"], "setup");
    let applied = apply(&handle, 3).await.unwrap();
    assert_eq!((applied.changed, applied.revision), (true, 1));
    assert_eq!(handle.started(), Started::Serving);
    stop(handle).await;

    let handle = start(dir.path()).await;
    assert_eq!(handle.started(), Started::Serving);
    assert_eq!(weight(&handle), 3);
    assert!(
        handle
            .export(Format::Toml)
            .unwrap()
            .1
            .starts_with("# revision 1\n")
    );
}

#[tokio::test]
async fn a_missing_database_is_served_from_the_last_known_good_read_only() {
    let dir = installed(2).await;
    fs::remove_file(database(dir.path())).unwrap();
    let handle = start(dir.path()).await;
    assert_eq!(weight(&handle), 2);
    assert!(why(&handle).contains("config.db is missing; serving last-known-good revision 2"));
    let error = apply(&handle, 3).await.unwrap_err();
    assert!(matches!(error, ChangeError::ReadOnly(_)), "{error}");
    assert!(error.to_string().contains("to write again: "), "{error}");
    let status = handle.status();
    assert_eq!(
        (&status["state"], &status["read_only"]),
        (&"degraded".into(), &true.into())
    );
    stop(handle).await;
    assert!(!database(dir.path()).exists());
}

#[tokio::test]
async fn an_emptied_database_never_wins_over_the_last_known_good() {
    let dir = installed(2).await;
    empty(dir.path()).await;
    let handle = start(dir.path()).await;
    assert!(why(&handle).contains("holds no revision"));
    assert_eq!(weight(&handle), 2);
    stop(handle).await;
    fs::write(database(dir.path()), "").unwrap();
    assert_eq!(weight(&start(dir.path()).await), 2);
}

#[tokio::test]
async fn a_corrupt_database_is_moved_aside_and_the_last_known_good_served() {
    let dir = installed(2).await;
    fs::write(database(dir.path()), "nonsense".repeat(1000)).unwrap();
    let handle = start(dir.path()).await;
    assert_eq!(weight(&handle), 2);
    assert!(
        why(&handle).contains("it was moved to "),
        "{}",
        why(&handle)
    );
    let reasons = handle.status()["reasons"].to_string();
    assert!(reasons.contains("config.db.corrupt-"), "{reasons}");
    stop(handle).await;
    // And so at every start from then on.
    let handle = start(dir.path()).await;
    assert_eq!(weight(&handle), 2);
    assert!(matches!(handle.started(), Started::LastKnownGood { .. }));
}

#[tokio::test]
async fn a_newer_database_is_left_alone() {
    let dir = installed(2).await;
    make_newer(dir.path()).await;
    let before = fs::read(database(dir.path())).unwrap();
    let handle = start(dir.path()).await;
    assert_eq!(weight(&handle), 2);
    assert!(why(&handle).contains("newer version"));
    assert!(matches!(
        apply(&handle, 3).await,
        Err(ChangeError::ReadOnly(_))
    ));
    stop(handle).await;
    let handle = offline(dir.path()).await;
    assert!(matches!(
        apply(&handle, 3).await,
        Err(ChangeError::Store(_))
    ));
    assert_eq!(fs::read(database(dir.path())).unwrap(), before);
}

#[tokio::test]
async fn a_locked_database_is_taken_up_again_once_it_is_free() {
    let dir = installed(2).await;
    let holder = hold(dir.path()).await;
    let handle = start(dir.path()).await;
    assert_eq!(weight(&handle), 2);
    assert!(why(&handle).contains("locked by another program"));
    handle.control.mend().await;
    assert!(matches!(handle.started(), Started::LastKnownGood { .. }));
    holder.let_go().await;
    handle.control.mend().await;
    assert_eq!(handle.started(), Started::Serving);
    assert_eq!(apply(&handle, 3).await.unwrap().revision, 3);
}

#[tokio::test]
async fn nothing_left_of_an_earlier_install_is_never_a_setup() {
    let dir = installed(1).await;
    fs::write(database(dir.path()), "nonsense".repeat(1000)).unwrap();
    for file in ["last-known-good.json", "last-known-good.previous.json"] {
        fs::write(dir.path().join(file), "{").unwrap();
    }
    let handle = start(dir.path()).await;
    assert!(
        why(&handle).contains("last-known-good.json is torn"),
        "{}",
        why(&handle)
    );
    assert!(matches!(
        apply(&handle, 3).await,
        Err(ChangeError::ReadOnly(_))
    ));
    assert!(matches!(handle.readiness(), Readiness::NotReady { .. }));
    stop(handle).await;
    let handle = start(dir.path()).await;
    assert!(matches!(handle.started(), Started::Nothing { .. }));
    stop(handle).await;
    // Only the operator's own document ends it.
    let handle = offline(dir.path()).await;
    assert_eq!(apply(&handle, 4).await.unwrap().revision, 1);
    stop(handle).await;
    assert_eq!(start(dir.path()).await.started(), Started::Serving);
}

#[tokio::test]
async fn an_empty_file_is_a_lost_database_where_there_was_one() {
    let dir = installed(2).await;
    fs::write(database(dir.path()), "").unwrap();
    let handle = start(dir.path()).await;
    assert_eq!(weight(&handle), 2);
    let why = why(&handle);
    assert!(why.contains("it is empty; it was moved to"), "{why}");
    assert!(why.contains("`steelyard restore` a backup"), "{why}");
    stop(handle).await;
    // A first start that was broken off is none.
    let dir = tempfile::tempdir().unwrap();
    fs::write(database(dir.path()), "").unwrap();
    assert_eq!(start(dir.path()).await.started(), Started::Setup);
}

#[tokio::test]
async fn what_only_a_database_leaves_is_a_trace_of_one() {
    for left in [
        "seal.key",
        "sessions/0.journal",
        "config.db.replaced-1",
        "config.db.pre-9",
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(left).parent().unwrap()).unwrap();
        fs::write(dir.path().join(left), "x").unwrap();
        let handle = start(dir.path()).await;
        assert!(
            matches!(handle.started(), Started::Nothing { .. }),
            "{left}"
        );
        stop(handle).await;
        fs::remove_dir_all(dir.path()).unwrap();
        fs::create_dir(dir.path()).unwrap();
        // With a database there, and be it before the first document, they are none.
        stop(start(dir.path()).await).await;
        fs::create_dir_all(dir.path().join(left).parent().unwrap()).unwrap();
        fs::write(dir.path().join(left), "x").unwrap();
        let handle = start(dir.path()).await;
        assert_eq!(handle.started(), Started::Setup, "{left}");
        stop(handle).await;
    }
    // Nor is a disk that is mounted for sessions beforehand.
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("sessions/lost+found")).unwrap();
    assert_eq!(start(dir.path()).await.started(), Started::Setup);
}

#[tokio::test]
async fn applying_on_a_stopped_instance_goes_on_from_the_last_known_good() {
    let dir = installed(4).await;
    fs::remove_file(database(dir.path())).unwrap();
    let handle = offline(dir.path()).await;
    assert_eq!(handle.export(Format::Toml).unwrap().0, 4);
    assert_eq!(apply(&handle, 9).await.unwrap().revision, 5);
    stop(handle).await;
    let handle = start(dir.path()).await;
    assert_eq!((handle.started(), weight(&handle)), (Started::Serving, 9));
}

#[tokio::test]
async fn applying_what_is_served_mends_a_corrupt_database() {
    let dir = installed(2).await;
    fs::write(database(dir.path()), "nonsense".repeat(1000)).unwrap();
    let handle = offline(dir.path()).await;
    let (_, text) = handle.export(Format::Toml).unwrap();
    assert!(
        fs::read(database(dir.path()))
            .unwrap()
            .starts_with(b"nonsense")
    );
    let applied = handle.apply(applying(&text)).await.unwrap();
    assert_eq!((applied.changed, applied.revision), (false, 2));
    stop(handle).await;
    let handle = start(dir.path()).await;
    assert_eq!((handle.started(), weight(&handle)), (Started::Serving, 2));
    assert_eq!(apply(&handle, 3).await.unwrap().revision, 3);
}

#[tokio::test]
async fn looking_at_a_stopped_instance_changes_nothing_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let handle = offline(dir.path()).await;
    assert_eq!(handle.started(), Started::Setup);
    handle.export(Format::Toml).unwrap();
    handle.status();
    assert!(handle.check(&document(1), Format::Toml).is_ok());
    let trial = Apply {
        dry_run: true,
        ..applying(&document(1))
    };
    assert!(handle.apply(trial).await.unwrap().changed);
    stop(handle).await;
    let there: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(there, ["lock"]);
    let handle = offline(dir.path()).await;
    assert_eq!(apply(&handle, 1).await.unwrap().revision, 1);
}

#[tokio::test]
async fn a_start_writes_the_last_known_good_that_a_kill_left_out() {
    let dir = installed(2).await;
    fs::remove_file(dir.path().join("last-known-good.json")).unwrap();
    let handle = start(dir.path()).await;
    assert_eq!(weight(&handle), 2);
    let good = last_known_good::read(dir.path()).good.unwrap();
    assert_eq!(good.revision, 2);
}
