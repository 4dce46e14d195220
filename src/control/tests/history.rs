//! The history: what is told of older revisions, going back, taking back.

use super::super::{ChangeError, HistoryError, Origin, RollBack, Undo};
use super::*;
use crate::store::tests as on_disk;

fn nodes(a: u16, b: u16) -> String {
    format!(
        "version = 1\n[[pools]]\nname = \"django\"\nhealth_check = \"off\"\nnodes = [
         {{ name = \"a\", address = \"10.0.0.1:80\", weight = {a} }},
         {{ name = \"b\", address = \"10.0.0.2:80\", weight = {b} }} ]\n"
    )
}

async fn put(handle: &Handle, text: String) -> Applied {
    let apply = Apply {
        text,
        format: Format::Toml,
        if_revision: None,
        dry_run: false,
        author: "a test from 10.0.0.7".to_owned(),
    };
    handle.apply(apply).await.unwrap()
}

fn back(to: u64) -> RollBack {
    RollBack {
        to,
        if_revision: None,
        dry_run: false,
        author: "ann".to_owned(),
    }
}

fn undo(of: u64) -> Undo {
    Undo {
        of,
        if_revision: None,
        dry_run: false,
        nodes_alone: false,
        author: "ann".to_owned(),
    }
}

fn export(handle: &Handle) -> String {
    handle.export(Format::Json).unwrap().1
}

#[tokio::test]
async fn older_revisions_are_told_newest_first_with_what_each_changed() {
    let dir = tempfile::tempdir().unwrap();
    let handle = start(dir.path()).await;
    for weight in 1..=5 {
        put(&handle, nodes(weight, 1)).await;
    }
    stop(handle).await;
    // Nothing is remembered: all of it is read.
    let handle = start(dir.path()).await;
    assert_eq!(handle.made(5), None);
    let found = handle.revisions(None, 3).await.unwrap();
    let numbers: Vec<u64> = found.listed.iter().map(|one| one.revision.number).collect();
    assert_eq!(
        (numbers, found.has_older, found.oldest),
        (vec![5, 4, 3], true, 1)
    );
    for one in &found.listed {
        let changes = one.changes.clone().unwrap();
        assert_eq!(changes.first[0].field, "pools.django.nodes.a.weight");
        assert!(changes.nodes_alone);
        assert!(one.revision.time > 1_700_000_000);
        assert_eq!(one.revision.author, "a test from 10.0.0.7");
    }
    let found = handle.revisions(Some(3), 100).await.unwrap();
    assert_eq!(found.listed.len(), 2);
    assert!(!found.has_older);
    let first = found.listed[1].changes.clone().unwrap();
    assert_eq!(first.first[0].field, "pools.django");
    assert!(handle.made(5).is_some(), "what was read once is remembered");
    let (revision, config) = handle.revision_at(2).await.unwrap();
    assert_eq!((revision.number, config.pools[0].nodes[0].weight), (2, 2));
    assert_eq!(
        handle.diff(1, 4).await.unwrap()[0].to_string(),
        "~ pools.django.nodes.a.weight: 1 -> 4"
    );
    let gone = handle.revision_at(9).await.unwrap_err();
    assert_eq!(gone.to_string(), "revision 9 is not kept: there are 1 to 5");
}

#[tokio::test]
async fn going_back_makes_the_older_revision_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let handle = start(dir.path()).await;
    put(&handle, nodes(1, 1)).await;
    let first = export(&handle);
    put(&handle, nodes(2, 7)).await;
    let trial = RollBack {
        dry_run: true,
        ..back(1)
    };
    let trial = handle.roll_back(trial).await.unwrap().applied;
    assert_eq!(handle.revision(), 2);
    let done = handle.roll_back(back(1)).await.unwrap().applied;
    assert_eq!((done.revision, &done.changes), (3, &trial.changes));
    assert_eq!(export(&handle), first);
    let newest = handle.revisions(None, 1).await.unwrap().listed.remove(0);
    assert_eq!(newest.revision.origin, Origin::RolledBack(1));
    let same = handle.roll_back(back(1)).await.unwrap().applied;
    assert_eq!((same.changed, same.revision), (false, 3));
    let stale = RollBack {
        if_revision: Some(2),
        ..back(2)
    };
    let stale = handle.roll_back(stale).await.unwrap_err();
    assert!(matches!(
        stale,
        HistoryError::Change(ChangeError::Stale { current: 3 })
    ));
}

#[tokio::test]
async fn one_change_is_taken_back_and_what_came_later_stays() {
    let dir = tempfile::tempdir().unwrap();
    let handle = start(dir.path()).await;
    put(&handle, nodes(1, 1)).await;
    put(&handle, nodes(2, 1)).await;
    put(&handle, nodes(2, 5)).await;
    let done = handle.undo(undo(2)).await.unwrap();
    assert_eq!((done.revision, done.changes.len()), (4, 1));
    assert_eq!(handle.config().pools[0].nodes[1].weight, 5);
    let twice = handle.undo(undo(2)).await.unwrap_err();
    assert!(matches!(twice, HistoryError::Already(2)), "{twice}");
    handle.undo(undo(4)).await.unwrap();
    assert_eq!(handle.config().pools[0].nodes[0].weight, 2, "made again");
    put(&handle, nodes(9, 5)).await;
    let touched = handle.undo(undo(2)).await.unwrap_err();
    assert_eq!(
        touched.to_string(),
        "revision 2 cannot be taken back: changed again since: pools.django.nodes.a.weight"
    );
    let first = Undo {
        nodes_alone: true,
        ..undo(1)
    };
    let first = handle.undo(first).await.unwrap_err();
    assert!(matches!(first, HistoryError::Touched { .. }), "{first}");
    let newest = handle.revisions(None, 2).await.unwrap().listed.remove(1);
    assert_eq!(newest.revision.origin, Origin::Undone(4));
}

#[tokio::test]
async fn an_operator_takes_back_weights_and_states_alone() {
    let dir = tempfile::tempdir().unwrap();
    let handle = start(dir.path()).await;
    put(&handle, nodes(1, 1)).await;
    put(&handle, nodes(2, 1)).await;
    put(&handle, nodes(2, 1) + "[logs]\nlevel = \"debug\"\n").await;
    let more = Undo {
        nodes_alone: true,
        ..undo(3)
    };
    let refused = handle.undo(more).await.unwrap_err();
    assert!(matches!(refused, HistoryError::NotAllowed(3)), "{refused}");
    let weight = Undo {
        nodes_alone: true,
        ..undo(2)
    };
    assert_eq!(handle.undo(weight).await.unwrap().revision, 4);
}

#[tokio::test]
async fn a_secret_in_force_survives_going_back() {
    let dir = tempfile::tempdir().unwrap();
    let handle = start(dir.path()).await;
    let hook = "[[webhooks]]\nname = \"ops\"\nurl = \"http://127.0.0.1:9/\"\n";
    let secret = |text: &str| format!("[settings]\naffinity_secret = \"{text}\"\n");
    put(
        &handle,
        format!("{}{}{hook}secret = \"quiet\"\n", nodes(1, 1), secret("old")),
    )
    .await;
    put(&handle, format!("{}{}", nodes(2, 1), secret("new"))).await;
    let done = handle.roll_back(back(1)).await.unwrap();
    assert_eq!(done.secrets_kept, ["settings.affinity_secret"]);
    assert_eq!(done.secrets_lost, ["webhooks.ops.secret"]);
    let secret_of = |owner: &str| handle.secret(owner).map(|s| s.bytes().to_vec());
    assert_eq!(secret_of("settings.affinity_secret"), Some(b"new".to_vec()));
    assert_eq!(secret_of("webhooks.ops.secret"), None);
    put(&handle, format!("{}{}{hook}", nodes(1, 1), secret("third"))).await;
    let alone = handle.undo(undo(4)).await.unwrap_err();
    assert!(matches!(alone, HistoryError::SecretAlone(4)), "{alone}");
    let told = handle.revisions(None, 100).await.unwrap();
    assert!(!format!("{told:?}").contains("quiet"));
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_serving_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let handle = start(dir.path()).await;
    for weight in 1..=3 {
        put(&handle, nodes(weight, 1)).await;
    }
    stop(handle).await;
    on_disk::alter_revision(dir.path(), 2, r#"{"version":1,"later":true}"#).await;
    let handle = start(dir.path()).await;
    let told = handle.revisions(None, 10).await.unwrap();
    let known: Vec<bool> = told
        .listed
        .iter()
        .map(|one| one.changes.is_some())
        .collect();
    assert_eq!(known, [false, false, true]);
    let odd = handle.roll_back(back(2)).await.unwrap_err();
    assert!(odd.to_string().contains("later"), "{odd}");
    assert!(matches!(odd, HistoryError::NotUnderstood { number: 2, .. }));
    let holder = on_disk::hold_to_write(dir.path()).await;
    assert_eq!(
        handle.revisions(None, 10).await.unwrap().listed.len(),
        3,
        "no waiting for a writer"
    );
    holder.let_go().await;
    std::fs::remove_file(dir.path().join("config.db")).unwrap();
    let gone = handle.revisions(None, 10).await.unwrap_err();
    assert_eq!(gone.to_string(), "config.db is missing");
    assert_eq!(handle.config().pools[0].nodes[0].weight, 3);
}
