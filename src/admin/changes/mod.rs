//! A change in the reader's language: `Weight of web-2: 1 → 2`.
//!
//! Names and values are the operator's and shown as text, one line long; all words are ours.

mod labels;
mod owners;
mod rows;
#[cfg(test)]
mod tests;

use serde_json::Value as Json;

use super::texts::Texts;
use crate::control::Changes;
use crate::document::{Change, Op};
use crate::model::Language;

use labels::{Kind, LABELS, Label, WORDS};
pub(super) use owners::{listed, secrets};
pub(super) use rows::{Row, row};

/// Limit: of a value so many characters are shown.
const LONGEST: usize = 48;

/// One sentence on all of `changes`: the first, and how many there are beside it.
pub(super) fn sentence(t: Texts, changes: &Changes) -> String {
    let first = changes.first.iter().min_by_key(|change| rank(change));
    let Some(first) = first else {
        // The documents of both revisions are the same, and they hold no secret.
        return t.secret_changed().to_owned();
    };
    let first = of(t, first);
    match changes.all - 1 {
        0 => first,
        more => t.and_more(first, more),
    }
}

/// What is told first where there are several: where requests go, then the rest.
fn rank(change: &Change) -> u8 {
    match change.way.first().map(String::as_str) {
        Some("pools") => 0,
        Some("sites") => 1,
        Some("listeners") => 2,
        _ => 3,
    }
}

/// One sentence on one change.
fn of(t: Texts, change: &Change) -> String {
    let way: Vec<&str> = change.way.iter().map(String::as_str).collect();
    let whole = match (change.op, way.as_slice()) {
        (Op::Change, &["pools", _, "nodes", node, "state"]) => node_state(t, node, change),
        (Op::Add, way) => change.after.as_ref().and_then(|it| added(t, way, it)),
        (Op::Remove, way) => change.before.as_ref().and_then(|it| removed(t, way, it)),
        (Op::Change, _) => None,
    };
    whole.unwrap_or_else(|| value(t, &way, change))
}

fn node_state(t: Texts, node: &str, change: &Change) -> Option<String> {
    let node = shown(node);
    match change.after.as_ref()?.as_str()? {
        "enabled" => Some(t.node_on(node)),
        "draining" => Some(t.node_drains(node)),
        "disabled" => Some(t.node_off(node)),
        _ => None,
    }
}

fn added(t: Texts, way: &[&str], it: &Json) -> Option<String> {
    Some(match *way {
        ["pools", pool, "nodes", node] => {
            let weight = it.get("weight").and_then(Json::as_u64).unwrap_or(1);
            t.node_added(shown(node), shown(pool), weight)
        }
        ["pools", pool] => t.pool_added(shown(pool), nodes(t, it)),
        ["listeners", name] => {
            let address = it.get("address").and_then(Json::as_str);
            t.listener_added(shown(name), shown(address.unwrap_or_default()))
        }
        _ => t.thing_added(thing(t, way)?),
    })
}

fn removed(t: Texts, way: &[&str], it: &Json) -> Option<String> {
    Some(match *way {
        ["pools", pool, "nodes", node] => t.node_removed(shown(node), shown(pool)),
        ["pools", pool] => t.pool_removed(shown(pool), nodes(t, it)),
        _ => t.thing_removed(thing(t, way)?),
    })
}

/// What has a name of its own.
fn thing(t: Texts, way: &[&str]) -> Option<String> {
    match way {
        [_, _] | ["sites", _, "routes", _] | ["sessions", "databases", _] => {
            subject(t, way).filter(|thing| !thing.is_empty())
        }
        _ => None,
    }
}

fn nodes(t: Texts, pool: &Json) -> String {
    match pool
        .get("nodes")
        .and_then(Json::as_array)
        .map_or(0, Vec::len)
    {
        1 => t.one_node().to_owned(),
        n => t.some_nodes(n),
    }
}

/// What a field belongs to; nothing where its label says so already.
fn subject(t: Texts, way: &[&str]) -> Option<String> {
    Some(match *way {
        ["pools", _, "nodes", node, ..] => shown(node),
        ["pools", pool, ..] => t.of_pool(shown(pool)),
        ["sites", site, "routes", route, ..] => {
            let route = route.strip_prefix('=').unwrap_or(route);
            t.of_route(shown(route), shown(site))
        }
        ["sites", site, ..] => t.of_site(shown(site)),
        ["listeners", name, ..] => t.of_listener(shown(name)),
        ["certificates", name, ..] => t.of_certificate(shown(name)),
        ["acme", name, ..] => t.of_acme(shown(name)),
        ["webhooks", name, ..] => t.of_webhook(shown(name)),
        ["sessions", "databases", name, ..] => t.of_session_database(shown(name)),
        ["settings" | "admin" | "sessions" | "logs" | "backup", ..] => String::new(),
        _ => return None,
    })
}

/// A field that has another value.
fn value(t: Texts, way: &[&str], change: &Change) -> String {
    let (Some(subject), Some(label)) = (subject(t, way), find(way)) else {
        return t.changed_alone(shown(&change.field));
    };
    let name = named(t, label, way);
    let show = |side: &Option<Json>| text(t, label, way, side.as_ref());
    let sides = match (show(&change.before), show(&change.after)) {
        (Some(before), Some(after)) if before != after => Some((before, after)),
        _ => None,
    };
    match (subject.as_str(), sides) {
        ("", Some((before, after))) => t.value_alone(name, before, after),
        ("", None) => t.changed_alone(name),
        (of, Some((before, after))) => t.value_of(name, of, before, after),
        (of, None) => t.changed_of(name, of),
    }
}

fn named(t: Texts, label: &Label, way: &[&str]) -> String {
    let words = match t.0 {
        Language::English => label.english,
        Language::Chinese => label.chinese,
    };
    match (label.field.ends_with('*'), way.last()) {
        (true, Some(own)) => format!("{words} {}", shown(own)),
        _ => words.to_owned(),
    }
}

fn find(way: &[&str]) -> Option<&'static Label> {
    LABELS.iter().find(|label| {
        let mut steps = label.field.split('.');
        let all = way
            .iter()
            .all(|step| steps.next().is_some_and(|s| s == "*" || s == *step));
        all && steps.next().is_none()
    })
}

/// One side of a field as text; none where that would be no help.
fn text(t: Texts, label: &Label, way: &[&str], side: Option<&Json>) -> Option<String> {
    let key = way.last().copied().unwrap_or_default();
    let raw = match side {
        None | Some(Json::Null) if label.kind == Kind::Flag => "false".to_owned(),
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => text.clone(),
        Some(Json::Bool(flag)) => flag.to_string(),
        Some(Json::Number(number)) => number.to_string(),
        Some(Json::Array(items)) => list(t, items),
        Some(Json::Object(_)) if label.kind == Kind::Flag => "true".to_owned(),
        Some(Json::Object(fields)) => {
            let mut main = ["kind", "root", "to", "body"].iter();
            main.find_map(|key| fields.get(*key)?.as_str())?.to_owned()
        }
    };
    if let Some(word) = word(t, key, &raw) {
        return Some(word.to_owned());
    }
    let is_zero = matches!(raw.as_str(), "0" | "0s");
    Some(match label.kind {
        Kind::Secret => return None,
        Kind::Flag if raw == "true" => t.value_on().to_owned(),
        Kind::Flag => t.value_off().to_owned(),
        Kind::Limit | Kind::Size if is_zero => t.value_no_limit().to_owned(),
        Kind::Auto if is_zero => t.value_automatic().to_owned(),
        Kind::TimeOrOff if is_zero => t.value_off().to_owned(),
        _ if raw.is_empty() => t.value_none().to_owned(),
        Kind::Time | Kind::TimeOrOff => time(t, &raw).unwrap_or_else(|| shown(&raw)),
        Kind::Size => size(&raw),
        Kind::Plain | Kind::Word | Kind::Limit | Kind::Auto => shown(&raw),
    })
}

fn word(t: Texts, key: &str, raw: &str) -> Option<&'static str> {
    let mut words = WORDS.iter();
    let (_, _, english, chinese) = words.find(|(of, word, ..)| (*of, *word) == (key, raw))?;
    Some(match t.0 {
        Language::English => english,
        Language::Chinese => chinese,
    })
}

fn list(t: Texts, items: &[Json]) -> String {
    let text = |item: &Json| {
        item.as_str()
            .map_or_else(|| item.to_string(), str::to_owned)
    };
    let items: Vec<String> = items.iter().map(text).collect();
    items.join(match t.0 {
        Language::English => ", ",
        Language::Chinese => "、",
    })
}

/// `1h30m` as `1 h 30 min`; none where it is no time.
fn time(t: Texts, raw: &str) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = raw;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (amount, after) = rest.split_at(number);
        let length = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, next) = after.split_at(length);
        let (english, chinese) = match unit {
            "d" => ("d", "天"),
            "h" => ("h", "小时"),
            "m" => ("min", "分"),
            "s" => ("s", "秒"),
            "ms" => ("ms", "毫秒"),
            _ => return None,
        };
        let unit = match t.0 {
            Language::English => english,
            Language::Chinese => chinese,
        };
        parts.push(format!("{amount} {unit}"));
        rest = next;
    }
    Some(parts.join(" "))
}

/// `64k` as `64 KiB`.
fn size(raw: &str) -> String {
    let units = [("k", "KiB"), ("m", "MiB"), ("g", "GiB"), ("t", "TiB")];
    for (unit, words) in units {
        if let Some(number) = raw.strip_suffix(unit)
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            return format!("{number} {words}");
        }
    }
    format!("{} B", shown(raw))
}

/// A name or value of the operator's on one line: nothing in it is hidden, turns the line round
/// or pushes the rest away.
fn shown(text: &str) -> String {
    shown_up_to(text, LONGEST)
}

fn shown_up_to(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == most {
            shown.push('…');
            break;
        }
        match c {
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => {
                shown.push('\u{fffd}');
            }
            c if c.is_control() => shown.push('\u{fffd}'),
            c => shown.push(c),
        }
    }
    shown
}
