//! Several nodes in one change, and what a page is told of them.

use super::{apply, applying, installed, start};
use crate::control::{ChangeError, Handle, NodesChange, NodesEdit};
use crate::model::{AdminState, Language};

fn of(names: &[&str], change: NodesChange) -> NodesEdit {
    NodesEdit {
        pool: "django".to_owned(),
        nodes: names.iter().copied().map(str::to_owned).collect(),
        change,
        if_revision: None,
        author: "a test".to_owned(),
    }
}

fn weights(handle: &Handle) -> Vec<(String, u16, AdminState)> {
    let view = handle.nodes_view(Language::English);
    let nodes = view.pool("django").unwrap().nodes.iter();
    nodes
        .map(|node| (node.name.clone(), node.weight, node.admin_state))
        .collect()
}

#[tokio::test]
async fn several_nodes_are_one_revision() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let both = ["web-1", "web-2", "web-1"];
    let drain = NodesChange::State(AdminState::Draining);
    let applied = handle.edit_nodes(of(&both, drain)).await.unwrap();
    assert_eq!((applied.revision, applied.changes.len()), (2, 2));
    let again = handle.edit_nodes(of(&both, drain)).await.unwrap();
    assert!(!again.changed, "the same form once more");
    let weighed = handle.edit_nodes(of(&both, NodesChange::Weight(1000)));
    assert_eq!(weighed.await.unwrap().revision, 3);
    let (one, draining) = (("web-1".to_owned(), 1000), AdminState::Draining);
    assert_eq!(weights(&handle)[0], (one.0, one.1, draining));
    let removed = handle.edit_nodes(of(&["web-1"], NodesChange::Remove));
    assert_eq!(removed.await.unwrap().revision, 4);
    assert_eq!(weights(&handle).len(), 1);
    let status = handle.status();
    assert_eq!(status["pools"][0]["nodes"][0]["name"], "web-2");
}

#[tokio::test]
async fn one_that_cannot_be_changed_leaves_all_as_they_were() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let before = weights(&handle);
    for weight in [0, 1001, u64::MAX] {
        let edit = of(&["web-1", "web-2"], NodesChange::Weight(weight));
        let error = handle.edit_nodes(edit).await.unwrap_err();
        assert!(matches!(error, ChangeError::Invalid(_)), "{error}");
    }
    for change in [NodesChange::Remove, NodesChange::Weight(2)] {
        let gone = of(&["web-1", "web-9"], change);
        let error = handle.edit_nodes(gone).await.unwrap_err();
        assert!(matches!(error, ChangeError::NotFound(_)), "{error}");
    }
    let nobody = handle.edit_nodes(of(&[], NodesChange::Remove)).await;
    assert!(matches!(nobody, Err(ChangeError::Invalid(_))));
    let stale = NodesEdit {
        if_revision: Some(7),
        ..of(&["web-1"], NodesChange::Remove)
    };
    let error = handle.edit_nodes(stale).await.unwrap_err();
    assert!(matches!(error, ChangeError::Stale { current: 1 }));
    assert_eq!(weights(&handle), before);
    assert_eq!(handle.nodes_view(Language::English).revision, 1);
}

#[tokio::test]
async fn what_is_wanted_counts_whoever_is_on_and_no_backup_beside_others() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let wanted = || -> Vec<f64> {
        let view = handle.nodes_view(Language::English);
        view.pools[0].nodes.iter().map(|node| node.wanted).collect()
    };
    apply(&handle, 3).await.unwrap();
    assert_eq!(wanted(), [0.75, 0.25]);
    let off = NodesChange::State(AdminState::Disabled);
    handle.edit_nodes(of(&["web-1"], off)).await.unwrap();
    assert_eq!(wanted(), [0.0, 1.0]);
    let text = super::document(1).replace(":8002\"", ":8002\", backup = true");
    handle.apply(applying(&text)).await.unwrap();
    assert_eq!(wanted(), [1.0, 0.0]);
    handle.edit_nodes(of(&["web-1"], off)).await.unwrap();
    assert_eq!(wanted(), [0.0, 1.0], "the backup is all there is");
    let view = handle.nodes_view(Language::English);
    assert!(view.pools[0].nodes[0].now.is_none(), "nothing comes");
    assert_eq!(view.pools[0].well_without(&["web-2".to_owned()]), 0);
}
