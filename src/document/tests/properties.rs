//! What holds of every Config and of every text.

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any};
use proptest::sample::{Index, select};
use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::super::{Format, diff, parse, to_full_json, to_json, to_toml};
use super::FIRST_TASTE;
use super::strategies::any_config;
use crate::model::Config;

/// The same Config with every list whose order means nothing turned round.
fn turned(config: &Config) -> Config {
    let mut turned = config.clone();
    turned.settings.trusted_proxies.reverse();
    turned.admin.allow.reverse();
    turned.listeners.reverse();
    turned.pools.reverse();
    turned.sites.reverse();
    turned.webhooks.reverse();
    turned.acme.reverse();
    for pool in &mut turned.pools {
        pool.nodes.reverse();
        pool.retry.on.reverse();
    }
    for site in &mut turned.sites {
        site.hosts.reverse();
        site.listeners.reverse();
        site.methods.reverse();
        site.allow.reverse();
        site.deny.reverse();
        site.headers.reverse();
        site.routes.reverse();
        for route in &mut site.routes {
            route.headers.set.reverse();
            route.headers.remove.reverse();
            route.allow.reverse();
        }
    }
    turned
}

/// Bits of documents, out of which odd ones are put together.
fn piece() -> impl Strategy<Value = String> {
    let known = select(vec![
        "version",
        "=",
        "1",
        "\n",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        ",",
        ".",
        "\"",
        "'",
        "\"\"\"",
        "\\",
        "#",
        "name",
        "pools",
        "nodes",
        "[[pools]]\n",
        "[[pools.nodes]]\n",
        "[pools]\n",
        "weight",
        "0x",
        "1e9",
        "nan",
        "true",
        "2024-01-01",
        "\"1s\"",
        "health_check",
        "\u{feff}",
        "\r",
        "[[sites.routes]]\n",
        "headers.a = \"\\r\"\n",
        "99999999999999999999",
        "null",
        ":",
    ]);
    prop_oneof![
        known.prop_map(str::to_owned),
        "\\PC{0,3}",
        any::<char>().prop_map(String::from)
    ]
}

/// `text` with pieces put in place of what stands at some of its characters.
fn mutated(text: &str, changes: &[(Index, usize, String)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, gone, put) in changes {
        let at = at.index(chars.len() + 1);
        let end = (at + gone).min(chars.len());
        chars.splice(at..end, put.chars());
    }
    chars.into_iter().collect()
}

fn changes() -> impl Strategy<Value = Vec<(Index, usize, String)>> {
    vec((any::<Index>(), 0_usize..20, piece()), 1..6)
}

/// Reads a text that may be anything: every Problem has its place within it.
fn read(text: &str) {
    if let Err(problems) = parse(text, Format::Toml) {
        assert!(!problems.is_empty());
        let lines = text.split('\n').count();
        for problem in problems.iter() {
            let line = problem.line.expect("TOML has lines");
            assert!((1..=lines).contains(&line), "{problem}");
            assert!(problem.column >= Some(1));
            assert!(!problem.text("a").contains('\n'));
        }
    }
    if let Err(problems) = parse(text, Format::Json) {
        assert!(!problems.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(config in any_config()) {
        prop_assert!(config.check().is_empty());
        let toml = to_toml(&config);
        let parsed = parse(&toml, Format::Toml);
        prop_assert!(parsed.is_ok(), "{}\n{}", parsed.unwrap_err(), toml);
        let parsed = parsed.unwrap();
        prop_assert_eq!(&parsed.config, &config);
        prop_assert_eq!(parsed.warnings, config.warnings());
        prop_assert_eq!(to_toml(&parsed.config), toml);
        for json in [to_json(&config), to_full_json(&config)] {
            let again = parse(&json.to_string(), Format::Json);
            prop_assert_eq!(&again.unwrap().config, &config);
        }
    }

    #[test]
    fn a_config_does_not_differ_from_itself_in_any_order(config in any_config()) {
        prop_assert_eq!(diff(&config, &config), []);
        prop_assert_eq!(diff(&config, &turned(&config)), []);
    }

    #[test]
    fn two_configs_differ_when_they_are_not_equal(a in any_config(), b in any_config()) {
        prop_assert_eq!(diff(&a, &b).is_empty(), a == b);
        prop_assert_eq!(diff(&a, &b).len(), diff(&b, &a).len());
    }

    #[test]
    fn any_text_is_read_without_panic(text in any::<String>()) {
        read(&text);
    }

    #[test]
    fn any_pieces_are_read_without_panic(pieces in vec(piece(), 0..40)) {
        read(&pieces.concat());
    }

    #[test]
    fn a_mutated_document_is_read_without_panic(config in any_config(), changes in changes()) {
        read(&mutated(FIRST_TASTE, &changes));
        read(&mutated(&to_toml(&config), &changes));
        read(&mutated(&to_json(&config).to_string(), &changes));
    }
}
