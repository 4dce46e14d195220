//! One change taken back: all of it, nothing else, or not at all.

use proptest::prelude::ProptestConfig;
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::super::{NotTakenBack, diff, take_back};
use super::config;
use super::strategies::any_config;
use crate::model::{AdminState, Config};

const DOCUMENT: &str = r#"
version = 1
[[pools]]
name = "django"
nodes = [
  { name = "a", address = "10.0.0.1:80" },
  { name = "b", address = "10.0.0.2:80", weight = 2 },
  { name = "c", address = "10.0.0.3:80" },
]
"#;

fn edited(config: &Config, edit: impl FnOnce(&mut Config)) -> Config {
    let mut config = config.clone();
    edit(&mut config);
    config
}

fn weight(config: &Config, node: usize, weight: u16) -> Config {
    edited(config, |c| c.pools[0].nodes[node].weight = weight)
}

fn touched(done: Result<Config, NotTakenBack>) -> Vec<String> {
    match done {
        Err(NotTakenBack::Touched(changes)) => changes.into_iter().map(|c| c.field).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_others_changed_since_stays() {
    let before = config(DOCUMENT);
    let after = weight(&before, 0, 3);
    let now = edited(&weight(&after, 1, 9), |c| {
        c.pools[0].nodes[0].state = AdminState::Draining;
        c.pools[0].nodes.remove(2);
    });
    let back = take_back(&before, &after, &now).unwrap();
    assert_eq!(back, weight(&now, 0, 1));
}

#[test]
fn what_is_gone_comes_back_where_it_stood_and_what_is_new_goes() {
    let before = config(DOCUMENT);
    let after = edited(&before, |c| _ = c.pools[0].nodes.remove(1));
    assert_eq!(take_back(&before, &after, &after).unwrap(), before);
    assert_eq!(take_back(&after, &before, &before).unwrap(), after);
    let fewer = edited(&after, |c| _ = c.pools[0].nodes.remove(0));
    let back = take_back(&before, &after, &fewer).unwrap();
    assert_eq!(back.pools[0].nodes.len(), 2);
}

#[test]
fn the_same_field_changed_since_is_told() {
    let before = config(DOCUMENT);
    let after = weight(&before, 0, 3);
    let again = weight(&after, 0, 4);
    let field = "pools.django.nodes.a.weight";
    assert_eq!(touched(take_back(&before, &after, &again)), [field]);
    let gone = edited(&after, |c| _ = c.pools[0].nodes.remove(0));
    assert_eq!(
        touched(take_back(&before, &after, &gone)),
        ["pools.django.nodes.a"]
    );
    // A node that was added and then weighed is another by now.
    let (added, weighed) = (&before, weight(&before, 2, 7));
    let without = edited(added, |c| _ = c.pools[0].nodes.remove(2));
    assert_eq!(
        touched(take_back(&without, added, &weighed)),
        ["pools.django.nodes.c.weight"]
    );
}

#[test]
fn twice_is_once_and_half_is_the_rest() {
    let before = config(DOCUMENT);
    let after = weight(&weight(&before, 0, 3), 1, 3);
    let already = take_back(&before, &after, &before);
    assert_eq!(already, Err(NotTakenBack::Already));
    let half = weight(&after, 0, 1);
    assert_eq!(take_back(&before, &after, &half).unwrap(), before);
    let nothing = take_back(&before, &before, &after);
    assert_eq!(nothing, Err(NotTakenBack::Nothing));
}

#[test]
fn what_something_else_needs_by_now_is_told_as_problems() {
    let site = "[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/\"\npool = \"django\"\n";
    let route = "[[sites.routes]]\npath = \"/img/\"\npool = \"img\"\n";
    let pool = "[[pools]]\nname = \"img\"\n";
    let before = config(&format!("{DOCUMENT}{site}"));
    let after = config(&format!("{DOCUMENT}{pool}{site}"));
    let now = config(&format!("{DOCUMENT}{pool}{site}{route}"));
    let Err(NotTakenBack::Needed(problems)) = take_back(&before, &after, &now) else {
        panic!();
    };
    assert!(problems.to_string().contains("img"), "{problems}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_change_is_taken_back_and_made_again(a in any_config(), b in any_config()) {
        match take_back(&a, &b, &b) {
            Ok(back) => {
                prop_assert_eq!(diff(&a, &back), vec![]);
                prop_assert_eq!(diff(&b, &take_back(&b, &a, &back).unwrap()), vec![]);
            }
            Err(error) => prop_assert_eq!(error, NotTakenBack::Nothing),
        }
    }

    #[test]
    fn nothing_but_the_change_is_taken_back(
        a in any_config(), b in any_config(), c in any_config(), shared in 0..3usize,
    ) {
        // Unrelated Configs touch everything: let some of it be as it was.
        let (mut b, mut c) = (b, c);
        if shared > 0 { b.settings = a.settings.clone(); c.pools = b.pools.clone(); c.sites = b.sites.clone(); }
        if shared > 1 { c.listeners = b.listeners.clone(); c.certificates = b.certificates.clone(); c.admin = b.admin.clone(); }
        if !c.check().is_empty() || !b.check().is_empty() { return Ok(()); }
        if let Ok(back) = take_back(&a, &b, &c) {
            let (changes, since) = (diff(&a, &b), diff(&c, &back));
            for change in &since {
                let asked = changes.iter().any(|c| change.way.starts_with(&c.way) || c.way.starts_with(&change.way));
                prop_assert!(asked, "{change} was not to be taken back");
            }
            for left in diff(&a, &back) {
                prop_assert!(!changes.contains(&left), "{left} was not taken back");
            }
        }
    }
}
