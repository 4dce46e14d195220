//! What the page of the session store tells, by what there is.

use actix_web::test::TestRequest;

use super::{Look, few};
use crate::admin::page::Shell;
use crate::control::{MoveView, RedisView, SessionDatabaseView, SessionsView};
use crate::model::{Config, Language, Name, Node, NodeAddress, Pool};

fn shell(language: Language) -> Shell {
    let request = TestRequest::default();
    let request = request.insert_header(("Accept-Language", language.as_str()));
    Shell::of(&request.to_http_request(), "/sessions")
}

fn view() -> SessionsView {
    SessionsView {
        address: "127.0.0.1:6379".parse().unwrap(),
        open: true,
        round_trip: None,
        connections: 3,
        denied: 0,
        memory: 5 << 20,
        most_memory: 256 << 20,
        redis: None,
        moving: MoveView::None,
        not_kept: None,
        refused: 0,
        missing: Vec::new(),
        databases: vec![SessionDatabaseView {
            keys: 12_345,
            hits: 98,
            misses: 2,
            ..SessionDatabaseView::default()
        }],
    }
}

fn told(view: &SessionsView, config: &Config, language: Language) -> Vec<String> {
    let shell = shell(language);
    let look = Look {
        shell: &shell,
        view,
        config,
    };
    look.troubles().into_iter().map(|one| one.words).collect()
}

#[test]
fn a_sound_store_has_no_trouble_and_its_figures() {
    let (shell, config) = (shell(Language::English), Config::default());
    let view = view();
    let look = Look {
        shell: &shell,
        view: &view,
        config: &config,
    };
    assert_eq!(look.lead(), "<span id=\"lead\">12,345 sessions</span>");
    let state = look.state();
    for figure in ["98\u{a0}%", "of 256\u{a0}MiB", "127.0.0.1:6379"] {
        let plain = state.replace("98 %", "98\u{a0}%");
        assert!(plain.contains(figure), "{figure} in {state}");
    }
    assert!(!state.contains("class=\"why"), "{state}");
}

#[test]
fn what_is_wrong_is_told_with_what_to_do() {
    let mut config = Config::default();
    let mut view = view();
    view.open = false;
    view.not_kept = Some("no space left".to_owned());
    view.databases[0].full = 7;
    view.missing = vec![("brpop", 2), ("subscribe", 1_000)];
    let mut pool = Pool::new(Name::parse("django").unwrap());
    let node = |name, address| {
        let address = NodeAddress::parse(address).unwrap();
        Node::new(Name::parse(name).unwrap(), address)
    };
    pool.nodes = vec![
        node("near", "127.0.0.1:8000"),
        node("web-2", "10.0.0.2:8000"),
    ];
    config.pools = vec![pool];
    let english = told(&view, &config, Language::English);
    assert_eq!(english.len(), 5, "{english:?}");
    assert!(english[2].contains("7 writes"), "{english:?}");
    assert!(english[3].contains(": web-2."), "{english:?}");
    assert!(english[4].contains("BRPOP (2), SUBSCRIBE (1,000)"));
    assert_eq!(told(&view, &config, Language::Chinese).len(), 5);
    view.memory = 250 << 20;
    view.databases[0].full = 0;
    let english = told(&view, &config, Language::English);
    assert!(english[2].starts_with("97 %"), "{english:?}");
}

#[test]
fn a_redis_behind_is_told_with_its_troubles_and_a_move_with_its_progress() {
    let (shell, config) = (shell(Language::English), Config::default());
    let mut view = view();
    view.redis = Some(RedisView {
        address: "redis://10.0.0.5:6379/1".to_owned(),
        why: Some("connection refused".to_owned()),
        evicts: Some("allkeys-lru".to_owned()),
        ..RedisView::default()
    });
    view.moving = MoveView::Moving("memory".to_owned(), 300, 1_200);
    let look = Look {
        shell: &shell,
        view: &view,
        config: &config,
    };
    let told = look.state();
    for said in [
        "redis://10.0.0.5:6379/1",
        "connection refused",
        "allkeys-lru",
    ] {
        assert!(told.contains(said), "{said} in {told}");
    }
    let moving = look.moving();
    assert!(
        moving.contains("Moving to memory: 300 of 1,200 keys"),
        "{moving}"
    );
    assert!(moving.contains("width=\"25%\""), "{moving}");
}

#[test]
fn of_many_only_some_are_told() {
    let all: Vec<String> = (0..7).map(|n| n.to_string()).collect();
    assert_eq!(few(&all), "0, 1, 2, 3, 4 …");
    assert_eq!(few(&all[..2]), "0, 1");
}
