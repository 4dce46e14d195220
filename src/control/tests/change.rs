//! The flow of a change.

use std::fs;

use super::{apply, applying, document, edit, installed, start, stop, weight};
use crate::control::{Apply, ChangeError, Handle, NodeEdit, Readiness};
use crate::document::Format;
use crate::model::AdminState;
use crate::store::tests::refuse_writes;
use crate::store::{Store, last_known_good};

#[tokio::test]
async fn applying_what_export_printed_changes_nothing() {
    let dir = installed(2).await;
    let handle = start(dir.path()).await;
    for format in [Format::Toml, Format::Json] {
        let (revision, text) = handle.export(format).unwrap();
        assert_eq!(revision, 2);
        let again = Apply {
            format,
            ..applying(&text)
        };
        let applied = handle.apply(again).await.unwrap();
        assert_eq!((applied.changed, applied.revision), (false, 2));
        assert!(applied.changes.is_empty());
    }
}

#[tokio::test]
async fn a_document_with_problems_changes_nothing() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let wrong = document(1).replace("127.0.0.1:8002", "nowhere");
    let error = handle.apply(applying(&wrong)).await.unwrap_err();
    let ChangeError::Invalid(problems) = error else {
        panic!("{error}");
    };
    assert_eq!(problems.to_json()["problems"][0]["line"], 10);
    assert_eq!(handle.export(Format::Toml).unwrap().0, 1);
}

#[tokio::test]
async fn a_dry_run_tells_the_changes_and_makes_none() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let trial = Apply {
        dry_run: true,
        ..applying(&document(9))
    };
    let told = handle.apply(trial).await.unwrap().to_json();
    assert_eq!(told["changed"], true);
    assert_eq!(told["dry_run"], true);
    assert_eq!(told["revision"], 1);
    assert_eq!(told["changes"][0]["after"], 9);
    assert_eq!(weight(&handle), 1);
    stop(handle).await;
    assert_eq!(weight(&start(dir.path()).await), 1);
}

#[tokio::test]
async fn a_change_made_from_another_revision_is_refused() {
    let dir = installed(2).await;
    let handle = start(dir.path()).await;
    for from in [1, 3] {
        let stale = Apply {
            if_revision: Some(from),
            ..applying(&document(9))
        };
        let error = handle.apply(stale).await.unwrap_err();
        assert!(matches!(error, ChangeError::Stale { current: 2 }));
        let stale = NodeEdit {
            if_revision: Some(from),
            weight: Some(9),
            ..edit()
        };
        let error = handle.edit_node(stale).await.unwrap_err();
        assert!(matches!(error, ChangeError::Stale { current: 2 }));
    }
    let fresh = Apply {
        if_revision: Some(2),
        ..applying(&document(9))
    };
    assert_eq!(handle.apply(fresh).await.unwrap().revision, 3);
}

#[tokio::test]
async fn of_two_changes_at_once_the_second_sees_the_first() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let weigh = NodeEdit {
        weight: Some(7),
        ..edit()
    };
    let drain = NodeEdit {
        state: Some(AdminState::Draining),
        ..edit()
    };
    let (first, second) = tokio::join!(handle.edit_node(weigh), handle.edit_node(drain));
    assert_eq!((first.unwrap().revision, second.unwrap().revision), (2, 3));
    let node = &handle.status()["pools"][0]["nodes"][0];
    assert_eq!(
        (&node["weight"], &node["admin_state"]),
        (&7.into(), &"draining".into())
    );
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_leave_a_change_half_done() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let mut change = Box::pin(apply(&handle, 5));
    let polled =
        std::future::poll_fn(|cx| std::task::Poll::Ready(change.as_mut().poll(cx).is_pending()));
    assert!(polled.await);
    drop(change);
    // The next change waits for it.
    assert!(!apply(&handle, 5).await.unwrap().changed);
    assert_eq!(weight(&handle), 5);
}

#[tokio::test]
async fn a_disk_that_refuses_leaves_the_old_revision_in_force() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    refuse_writes(dir.path()).await;
    let error = apply(&handle, 2).await.unwrap_err();
    assert!(matches!(error, ChangeError::Store(_)), "{error}");
    assert_eq!(weight(&handle), 1);
    assert_eq!(handle.export(Format::Toml).unwrap().0, 1);
    stop(handle).await;
    assert_eq!(weight(&start(dir.path()).await), 1);
}

#[tokio::test]
async fn a_revision_that_was_never_in_force_is_superseded() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let mut other = Store::open(dir.path()).await.unwrap();
    let config = other.newest().await.unwrap().unwrap().config;
    other.append(None, &config, "a ghost", "").await.unwrap();
    other.close().await;
    assert_eq!(apply(&handle, 2).await.unwrap().revision, 3);
    assert_eq!(handle.export(Format::Toml).unwrap().0, 3);
}

#[tokio::test]
async fn editing_a_node_is_written_in_the_operator_s_words() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let weigh = NodeEdit {
        weight: Some(3),
        ..edit()
    };
    assert!(handle.edit_node(weigh.clone()).await.unwrap().changed);
    assert!(!handle.edit_node(weigh).await.unwrap().changed);
    stop(handle).await;
    let mut store = Store::open(dir.path()).await.unwrap();
    let newest = store.newest().await.unwrap().unwrap();
    assert_eq!(newest.words, "set weight of django/web-1 to 3");
    assert_eq!((newest.number, newest.author.as_str()), (2, "a test"));
}

#[tokio::test]
async fn a_node_that_is_not_there_and_a_weight_out_of_range_are_told() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    for (pool, node, told) in [
        (
            "rails",
            "web-1",
            "no pool is named rails (there are: django)",
        ),
        (
            "django",
            "web-9",
            "no node of pool django is named web-9 (there are: web-1, web-2)",
        ),
    ] {
        let wrong = NodeEdit {
            pool: pool.to_owned(),
            node: node.to_owned(),
            weight: Some(1),
            ..edit()
        };
        let error = handle.edit_node(wrong).await.unwrap_err();
        assert!(matches!(error, ChangeError::NotFound(_)));
        assert_eq!(error.to_string(), told);
    }
    for weight in [0, 1001, u64::MAX] {
        let wrong = NodeEdit {
            weight: Some(weight),
            ..edit()
        };
        let error = handle.edit_node(wrong).await.unwrap_err();
        assert!(error.to_string().contains("must be 1 to 1000"), "{error}");
    }
    assert_eq!(handle.export(Format::Toml).unwrap().0, 1);
}

#[tokio::test]
async fn a_last_known_good_that_cannot_be_written_costs_no_change() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let in_the_way = dir.path().join("last-known-good.new");
    fs::create_dir(&in_the_way).unwrap();
    assert_eq!(apply(&handle, 2).await.unwrap().revision, 2);
    let told = |handle: &Handle| {
        handle.status()["reasons"]
            .to_string()
            .contains("last-known-good")
    };
    assert!(told(&handle));
    fs::remove_dir(&in_the_way).unwrap();
    handle.control.mend().await;
    assert!(!told(&handle));
    let good = last_known_good::read(dir.path()).good.unwrap();
    assert_eq!(good.revision, 2);
}

#[tokio::test]
async fn the_status_says_what_each_node_gets() {
    let dir = installed(3).await;
    let handle = start(dir.path()).await;
    let drain = NodeEdit {
        node: "web-2".to_owned(),
        state: Some(AdminState::Draining),
        ..edit()
    };
    let shares = |handle: &Handle| {
        let status = handle.status();
        let nodes = status["pools"][0]["nodes"].as_array().unwrap().clone();
        nodes
            .iter()
            .map(|node| node["share"].to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(shares(&handle), ["0.75", "0.25"]);
    handle.edit_node(drain).await.unwrap();
    assert_eq!(shares(&handle), ["1.0", "0.0"]);
    let status = handle.status();
    assert_eq!(status["pools"][0]["nodes"][1]["drained"], true);
    assert_eq!(status["pools"][0]["nodes"][0]["health"], "unknown");
    assert_eq!(status["listeners"][0]["open"], false);
    assert!(handle.metrics().contains("steelyard_node_weight{"));
}

#[tokio::test]
async fn an_instance_that_stops_is_not_ready_and_takes_no_change() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    handle.stopping();
    let Readiness::NotReady { reasons } = handle.readiness() else {
        panic!("ready");
    };
    assert_eq!(reasons[0], "the instance is stopping");
    assert!(matches!(
        apply(&handle, 2).await,
        Err(ChangeError::BrokenOff(_))
    ));
}

#[test]
fn a_listener_that_was_closed_before_does_not_stand_in_the_way() {
    use crate::control::change::is_as_it_was;
    let config = |text: &str| crate::document::parse(text, Format::Toml).unwrap().config;
    let before = config(&document(1));
    let moved = config(&document(1).replace(":8080", ":8081"));
    let field = "listeners[0].address";
    assert!(is_as_it_was(field, &config(&document(2)), &before));
    assert!(!is_as_it_was(field, &moved, &before));
    assert!(!is_as_it_was("listeners[9].address", &before, &before));
    assert!(!is_as_it_was("admin.address", &before, &before));
}

#[tokio::test]
async fn who_follows_the_config_is_told_of_each_that_comes_in_force() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let mut following = handle.follow();
    assert_eq!(following.borrow_and_update().pools[0].nodes[0].weight, 1);
    assert!(apply(&handle, 0).await.is_err());
    assert!(!following.has_changed().unwrap());
    apply(&handle, 2).await.unwrap();
    assert!(following.has_changed().unwrap());
    assert_eq!(following.borrow_and_update().pools[0].nodes[0].weight, 2);
}
