//! Edits of parts, against the same edits made in the model by hand.

use proptest::prelude::ProptestConfig;
use proptest::sample::Index;
use proptest::{prop_assert, prop_assert_eq, proptest};
use serde_json::{Map, Value as Json, json};

use super::super::{
    Format, NoEdit, Part, PartEdit, PartOp, PlacedProblems, edit, parse, to_full_json, to_json,
};
use super::strategies::any_config;
use super::{FIRST_TASTE, config};
use crate::model::{Code, Config, PathMatch, Pool, Route};

/// The least patch that makes `b` of `a`.
fn patch(a: &Json, b: &Json) -> Json {
    let (Json::Object(a), Json::Object(b)) = (a, b) else {
        return b.clone();
    };
    let mut patch = Map::new();
    for key in a.keys().filter(|key| !b.contains_key(*key)) {
        patch.insert(key.clone(), Json::Null);
    }
    for (key, value) in b.iter().filter(|(key, value)| a.get(*key) != Some(*value)) {
        let inner = match a.get(key) {
            Some(old) => self::patch(old, value),
            None => value.clone(),
        };
        patch.insert(key.clone(), inner);
    }
    Json::Object(patch)
}

fn edited(config: &Config, part: Part, op: PartOp) -> Result<Config, PlacedProblems> {
    let mut document = to_json(config);
    let edit_of_it = PartEdit::new(part, op);
    edit(&mut document, &edit_of_it).unwrap();
    parse(&document.to_string(), Format::Json).map(|parsed| parsed.config)
}

/// What a document says of a Config that may break rules between parts.
fn checked(config: Config) -> Result<Config, ()> {
    match config.check().is_empty() {
        true => Ok(config),
        false => Err(()),
    }
}

/// Its secrets aside: no document tells them.
fn without_secrets(mut config: Config) -> Config {
    for place in config.secrets_mut() {
        *place.secret = Default::default();
    }
    config
}

fn route_part(site: &str, route: &Route) -> Part {
    let mark = match route.path_match {
        PathMatch::Exact => "=",
        PathMatch::Prefix => "",
    };
    Part::Route(site.to_owned(), format!("{mark}{}", route.path))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_part_put_or_merged_is_the_part_edited_by_hand(
        a in any_config(), b in any_config(), at in proptest::prelude::any::<Index>(),
    ) {
        let (a, b) = (without_secrets(a), without_secrets(b));
        let mut cases: Vec<(Part, Json, Json, Config)> = Vec::new();
        let (old, new, full) = (to_json(&a), to_json(&b), to_full_json(&b));
        let mut case = |part: Part, key: &str, by_hand: Config| {
            let old = old.get(key).cloned().unwrap_or(json!({}));
            let new = new.get(key).cloned().unwrap_or(json!({}));
            cases.push((part, old, new, by_hand));
        };
        case(Part::Settings, "settings", Config { settings: b.settings.clone(), ..a.clone() });
        case(Part::Admin, "admin", Config { admin: b.admin.clone(), ..a.clone() });
        case(Part::Sessions, "sessions", Config { sessions: b.sessions.clone(), ..a.clone() });
        case(Part::Logs, "logs", Config { logs: b.logs.clone(), ..a.clone() });
        case(Part::Backup, "backup", Config { backup: b.backup.clone(), ..a.clone() });
        if !a.pools.is_empty() && !b.pools.is_empty() {
            let (i, j) = (at.index(a.pools.len()), at.index(b.pools.len()));
            let mut by_hand = a.clone();
            let name = a.pools[i].name.clone();
            by_hand.pools[i] = Pool { name: name.clone(), ..b.pools[j].clone() };
            let mut new = full["pools"][j].clone();
            new["name"] = name.as_str().into();
            let part = Part::Pool(name.as_str().to_owned());
            cases.push((part, old["pools"][i].clone(), new, by_hand));
        }
        if !a.sites.is_empty() && !b.sites.is_empty() {
            let (i, j) = (at.index(a.sites.len()), at.index(b.sites.len()));
            let site = &a.sites[i];
            if let (Some(r), Some(route)) = (site.routes.first(), b.sites[j].routes.first()) {
                let mut by_hand = a.clone();
                by_hand.sites[i].routes[0] =
                    Route { path: r.path.clone(), path_match: r.path_match, ..route.clone() };
                let mut new = full["sites"][j]["routes"][0].clone();
                let of_old = to_full_json(&a)["sites"][i]["routes"][0].clone();
                for key in ["path", "match"] {
                    new[key] = of_old[key].clone();
                }
                let part = route_part(site.name.as_str(), r);
                cases.push((part, old["sites"][i]["routes"][0].clone(), new, by_hand));
            }
        }
        for (part, old, new, by_hand) in cases {
            let by_hand = checked(by_hand);
            let put = edited(&a, part.clone(), PartOp::Put(new.clone())).map_err(|_| ());
            prop_assert_eq!(&put, &by_hand, "{}", part);
            // A merge leaves what stands there in its place, so fields of a header that both have may
            // come in another order than in `new`. The members of an object have none (RFC 8259 §4):
            // compared as JSON, which knows that.
            let merged = edited(&a, part.clone(), PartOp::Merge(patch(&old, &new))).map_err(|_| ());
            let full = |config: &Config| to_full_json(config);
            prop_assert_eq!(merged.as_ref().map(full), by_hand.as_ref().map(full), "{}", part);
        }
    }

    #[test]
    fn a_part_taken_out_is_gone_and_nothing_else(a in any_config(), at in proptest::prelude::any::<Index>()) {
        let a = without_secrets(a);
        if a.pools.is_empty() {
            return Ok(());
        }
        let mut by_hand = a.clone();
        let pool = by_hand.pools.remove(at.index(a.pools.len()));
        let part = Part::Pool(pool.name.as_str().to_owned());
        prop_assert_eq!(Part::parse(&part.to_string()), Ok(part.clone()));
        let done = edited(&a, part, PartOp::Remove).map_err(|_| ());
        prop_assert_eq!(done, checked(by_hand));
    }

    #[test]
    fn any_way_is_read_or_refused(way in "\\PC{0,30}") {
        if let Ok(part) = Part::parse(&way) {
            prop_assert_eq!(part.to_string(), way);
            prop_assert!(!part.words().is_empty());
        }
    }
}

#[test]
fn a_way_names_what_a_change_names() {
    let ways = [
        ("pools.django", Part::Pool("django".into())),
        ("pools.a.b", Part::Pool("a.b".into())),
        (
            "pools.django.nodes.10.0.0.1:8000",
            Part::Node("django".into(), "10.0.0.1:8000".into()),
        ),
        (
            "sites.shop.routes.=/ping",
            Part::Route("shop".into(), "=/ping".into()),
        ),
        ("settings", Part::Settings),
        ("backup", Part::Backup),
    ];
    for (way, part) in ways {
        assert_eq!(Part::parse(way), Ok(part));
    }
    for way in ["", "pools", "pools.", "settings.workers", "backups", "x.y"] {
        let why = Part::parse(way).unwrap_err();
        assert!(why.starts_with("must be pools.NAME"), "{way}: {why}");
    }
}

fn refused(way: &str, op: PartOp) -> NoEdit {
    let mut document = to_json(&config(FIRST_TASTE));
    let before = document.clone();
    let part = Part::parse(way).unwrap();
    let refused = edit(&mut document, &PartEdit::new(part, op)).unwrap_err();
    assert_eq!(document, before);
    refused
}

#[test]
fn what_is_not_there_is_not_edited() {
    let told = |way: &str, op| match refused(way, op) {
        NoEdit::NotFound(why) => why,
        NoEdit::Problem(problem) => panic!("{problem:?}"),
    };
    let merge = || PartOp::Merge(json!({}));
    assert_eq!(told("pools.java", merge()), "there is no pool java");
    assert_eq!(
        told("pools.java.nodes.a", PartOp::Put(json!({}))),
        "there is no pool java"
    );
    assert_eq!(
        told("sites.shop.routes./x", PartOp::Remove),
        "there is no route /x of site shop"
    );
}

#[test]
fn what_is_there_is_not_added_and_nothing_changes_its_name() {
    let told = |way: &str, op| match refused(way, op) {
        NoEdit::Problem(problem) => (problem.field, problem.code),
        NoEdit::NotFound(why) => panic!("{why}"),
    };
    let cases = [
        (
            "pools.django",
            PartOp::Add(json!({})),
            "pools.django.name",
            Code::Duplicate,
        ),
        (
            "pools.django",
            PartOp::Merge(json!({ "name": "java" })),
            "pools.django.name",
            Code::Conflict,
        ),
        (
            "pools.django",
            PartOp::Put(json!([])),
            "pools.django",
            Code::Type,
        ),
        (
            "sites.shop.routes./static/",
            PartOp::Put(json!({ "match": "exact" })),
            "sites.shop.routes./static/.match",
            Code::Conflict,
        ),
    ];
    for (way, op, field, code) in cases {
        assert_eq!(told(way, op), (field.to_owned(), code));
    }
}

#[test]
fn another_spelling_of_a_path_is_the_same_route() {
    let mut document = to_json(&config(FIRST_TASTE));
    let part = Part::parse("sites.shop.routes./%73tatic/").unwrap();
    let op = PartOp::Merge(json!({ "path": "/stat%69c/", "strip_prefix": true }));
    edit(&mut document, &PartEdit::new(part, op)).unwrap();
    let routes = &parse(&document.to_string(), Format::Json)
        .unwrap()
        .config
        .sites[0]
        .routes;
    assert_eq!(routes.len(), 2);
    assert!(routes[0].strip_prefix);
}

#[test]
fn a_problem_says_where_it_is_by_names_and_in_the_part() {
    let mut document = to_json(&config(FIRST_TASTE));
    let edits = [
        ("sites.shop", json!({ "allow": ["nowhere"] })),
        (
            "sites.shop.routes./static/",
            json!({ "files": { "root": "static" }, "headers": { "X.Y": 3 } }),
        ),
        ("settings", json!({ "worker": 3 })),
    ];
    let edits =
        edits.map(|(way, value)| PartEdit::new(Part::parse(way).unwrap(), PartOp::Merge(value)));
    for one in &edits {
        edit(&mut document, one).unwrap();
    }
    let problems = parse(&document.to_string(), Format::Json).unwrap_err();
    let problems = problems.by_names(&document, &edits);
    let told: Vec<_> = problems
        .iter()
        .map(|found| {
            let within = found.in_part.clone().unwrap();
            (found.problem.field.as_str(), within.edit, within.field)
        })
        .collect();
    let expected = [
        ("settings.worker", 2, "worker"),
        ("sites.shop.allow[0]", 0, "allow[0]"),
        ("sites.shop.routes./static/.files.root", 1, "files.root"),
        (
            r#"sites.shop.routes./static/.headers."X.Y""#,
            1,
            r#"headers."X.Y""#,
        ),
    ];
    let mut told = told;
    told.sort();
    assert_eq!(told, expected.map(|(a, b, c)| (a, b, c.to_owned())));
    assert_eq!(problems.to_json()["problems"][0]["in_part"]["edit"], 1);
}
