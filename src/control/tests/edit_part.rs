//! Parts of the document edited: a change like any other, and nothing half done.

use serde_json::{Value as Json, json};

use super::{applying, installed, offline, start};
use crate::control::{Applied, ChangeError, EditParts, Handle};
use crate::document::{Format, Part, PartEdit, PartOp};
use crate::model::Config;
use crate::store::Store;

fn editing(edits: &[(&str, PartOp)]) -> EditParts {
    let edit = |(way, op): &(&str, PartOp)| PartEdit::new(Part::parse(way).unwrap(), op.clone());
    EditParts {
        edits: edits.iter().map(edit).collect(),
        if_revision: None,
        dry_run: false,
        author: "a test".to_owned(),
    }
}

async fn merge(handle: &Handle, way: &str, value: Json) -> Result<Applied, ChangeError> {
    let edits = [(way, PartOp::Merge(value))];
    handle.edit_parts(editing(&edits)).await
}

async fn words(dir: &std::path::Path) -> String {
    let mut store = Store::open(dir).await.unwrap();
    let words = store.newest().await.unwrap().unwrap().words;
    store.close().await;
    words
}

#[tokio::test]
async fn several_parts_change_in_one_revision_told_in_words() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let edits = [
        (
            "pools.django",
            PartOp::Merge(json!({ "policy": "least_conn", "queue": { "size": 5 } })),
        ),
        (
            "pools.java",
            PartOp::Add(json!({ "nodes": [{ "address": "127.0.0.1:9" }] })),
        ),
        ("pools.django.nodes.web-2", PartOp::Remove),
        (
            "sites.shop",
            PartOp::Put(json!({ "routes": [{ "path": "/", "pool": "java" }] })),
        ),
    ];
    let applied = handle.edit_parts(editing(&edits)).await.unwrap();
    assert_eq!(applied.revision, 2);
    let (_, text) = handle.export(Format::Toml).unwrap();
    for line in [
        "policy = \"least_conn\"",
        "size = 5",
        "name = \"java\"",
        "pool = \"java\"",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("web-2"), "{text}");
    super::stop(handle).await;
    assert_eq!(
        words(dir.path()).await,
        "set policy of pool django to least_conn, change queue of pool django, add pool java \
         and 2 more"
    );
}

#[tokio::test]
async fn one_edit_with_a_problem_leaves_every_other_undone() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let before = handle.export(Format::Json).unwrap();
    let edits = [
        (
            "pools.django",
            PartOp::Merge(json!({ "policy": "least_conn" })),
        ),
        (
            "pools.django.nodes.web-2",
            PartOp::Merge(json!({ "weight": 0, "adress": "a" })),
        ),
    ];
    let error = handle.edit_parts(editing(&edits)).await.unwrap_err();
    let ChangeError::Invalid(problems) = error else {
        panic!("{error}");
    };
    let told: Vec<_> = problems
        .iter()
        .map(|found| {
            (
                found.problem.field.clone(),
                found.in_part.clone().unwrap().field,
            )
        })
        .collect();
    let way = "pools.django.nodes.web-2";
    assert_eq!(
        told,
        [
            (format!("{way}.weight"), "weight".to_owned()),
            (format!("{way}.adress"), "adress".to_owned())
        ]
    );
    let gone = [("pools.java", PartOp::Remove)];
    let error = handle.edit_parts(editing(&gone)).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no pool java");
    let taken = [("pools.django", PartOp::Add(json!({})))];
    let error = handle.edit_parts(editing(&taken)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "pools.django.name: there is a pool django already"
    );
    assert_eq!(handle.export(Format::Json).unwrap(), before);
}

#[tokio::test]
async fn of_two_that_claim_one_thing_the_edited_one_is_told() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let hosts = |host: &str| json!({ "hosts": [host], "routes": [] });
    let sites = [
        ("sites.first", PartOp::Add(hosts("first.test"))),
        ("sites.second", PartOp::Add(hosts("second.test"))),
    ];
    handle.edit_parts(editing(&sites)).await.unwrap();
    let taken = merge(&handle, "sites.first", json!({ "hosts": ["second.test"] })).await;
    let error = taken.unwrap_err().to_string();
    let told = "sites.first.hosts[0]: second.test is already taken by site second";
    assert_eq!(error, told);
}

#[tokio::test]
async fn what_is_used_is_not_taken_out_and_its_user_is_told() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let site = json!({ "routes": [{ "path": "/", "pool": "django" }] });
    let add = [("sites.shop", PartOp::Add(site))];
    handle.edit_parts(editing(&add)).await.unwrap();
    let remove = [("pools.django", PartOp::Remove)];
    let error = handle.edit_parts(editing(&remove)).await.unwrap_err();
    assert!(
        error.to_string().starts_with("sites.shop.routes./.pool: "),
        "{error}"
    );
}

#[tokio::test]
async fn a_stale_edit_is_refused_and_a_dry_one_changes_nothing() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let edits = [("logs", PartOp::Merge(json!({ "level": "debug" })))];
    let stale = EditParts {
        if_revision: Some(7),
        ..editing(&edits)
    };
    let error = handle.edit_parts(stale).await.unwrap_err();
    assert!(
        matches!(error, ChangeError::Stale { current: 1 }),
        "{error}"
    );
    let dry = EditParts {
        if_revision: Some(1),
        dry_run: true,
        ..editing(&edits)
    };
    let told = handle.edit_parts(dry).await.unwrap();
    assert_eq!((told.changed, told.dry_run, told.revision), (true, true, 1));
    assert_eq!(told.changes[0].field, "logs.level");
    assert!(!handle.export(Format::Json).unwrap().1.contains("debug"));
    // Again is no change.
    assert_eq!(
        merge(&handle, "logs", json!({ "level": "debug" }))
            .await
            .unwrap()
            .revision,
        2
    );
    let again = merge(&handle, "logs", json!({ "level": "debug" }))
        .await
        .unwrap();
    assert_eq!((again.changed, again.revision), (false, 2));
    let back = merge(&handle, "logs", json!({ "level": null }))
        .await
        .unwrap();
    assert_eq!(back.changes[0].field, "logs.level");
}

#[tokio::test]
async fn secrets_of_which_nothing_is_said_stay_and_are_not_told() {
    let dir = installed(1).await;
    let handle = start(dir.path()).await;
    let text = super::document(1)
        + "\n[settings]\naffinity_secret = \"open sesame\"\n[[webhooks]]\nname = \"ops\"\n\
           url = \"http://127.0.0.1:9/T0KEN\"\nsecret = \"open sesame too\"";
    handle.apply(applying(&text)).await.unwrap();
    merge(&handle, "settings", json!({ "workers": 2 }))
        .await
        .unwrap();
    let url = "http://127.0.0.1:9/T1KEN";
    let put = [("webhooks.ops", PartOp::Put(json!({ "url": url })))];
    handle.edit_parts(editing(&put)).await.unwrap();
    let secret = |owner: &str| handle.secret(owner).map(|secret| secret.bytes().to_vec());
    assert_eq!(secret(Config::AFFINITY_SECRET).unwrap(), b"open sesame");
    assert_eq!(secret("webhooks.ops.secret").unwrap(), b"open sesame too");
    let new = json!({ "secret": "swordfish" });
    let applied = merge(&handle, "webhooks.ops", new).await.unwrap();
    assert_eq!(secret("webhooks.ops.secret").unwrap(), b"swordfish");
    assert!(!format!("{applied:?}").contains("swordfish"));
    super::stop(handle).await;
    assert_eq!(words(dir.path()).await, "change secret of webhook ops");
}

#[tokio::test]
async fn a_stopped_instance_is_edited_the_same() {
    let dir = installed(1).await;
    let handle = offline(dir.path()).await;
    let done = merge(&handle, "settings", json!({ "workers": 3 }))
        .await
        .unwrap();
    assert_eq!(done.revision, 2);
    assert!(
        handle
            .export(Format::Toml)
            .unwrap()
            .1
            .contains("workers = 3")
    );
}
