//! That the description tells of what is there and of nothing else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::document;
use crate::admin::routes::{Kind, ROUTES, Who};
use crate::document::{Format, parse};

#[test]
fn every_url_of_the_api_is_described_and_no_other() {
    let paths = &document()["paths"];
    let mut told = BTreeSet::new();
    for (path, methods) in paths.as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            told.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let api = ROUTES.iter().filter(|route| route.kind == Kind::Api);
    let there: BTreeSet<String> = api
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(
        told, there,
        "describe it beside its handler, with `api` in the table"
    );
    assert!(
        ROUTES
            .iter()
            .all(|route| route.kind == Kind::Api || route.about.is_none())
    );
}

#[test]
fn a_description_says_who_may_and_names_what_the_path_holds() {
    let document = document();
    let mut ids = BTreeSet::new();
    for route in ROUTES.iter().filter(|route| route.kind == Kind::Api) {
        let told = &document["paths"][route.path][route.method.to_ascii_lowercase()];
        let role = match route.who {
            Who::Role(role) => role.as_str(),
            Who::Box => "box",
            _ => "anyone",
        };
        let place = format!("{} {}", route.method, route.path);
        assert_eq!(told["x-steelyard-role"], role, "{place}");
        let parts = route.path.split(['{', '}']).skip(1).step_by(2);
        let parts: Vec<&str> = parts.collect();
        let parameters = told["parameters"].as_array().into_iter().flatten();
        let of_path = parameters.filter(|p| p["in"] == "path");
        let named: Vec<&str> = of_path.map(|p| p["name"].as_str().unwrap()).collect();
        assert_eq!(named, parts, "{place}");
        let id = told["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} twice");
        let takes = matches!(route.method, "PUT" | "PATCH" | "POST");
        assert!(
            !takes || told["requestBody"].is_object() || told["x-no-body"] == true,
            "{place}"
        );
    }
}

#[test]
fn everything_referred_to_is_there_and_everything_there_is_referred_to() {
    fn walk(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(to)) = fields.get("$ref") {
                    found.insert(to.clone());
                }
                fields.values().for_each(|value| walk(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut referred = BTreeSet::new();
    walk(&document, &mut referred);
    let mut there = BTreeSet::new();
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            there.insert(format!("#/components/{kind}/{name}"));
        }
    }
    assert_eq!(referred, there);
}

/// What the reader of documents knows in the table that `around` puts into a document.
fn known(around: &dyn Fn(Value) -> Value) -> BTreeSet<String> {
    let document = around(json!({ "qqqqqqqqqqqqqqqqqqqq": 1 }));
    let problems = parse(&document.to_string(), Format::Json).unwrap_err();
    let told = problems.iter().find_map(|found| {
        let (_, known) = found.problem.message.split_once("(known here: ")?;
        Some(known.trim_end_matches(')').to_owned())
    });
    let told = told.unwrap_or_else(|| panic!("{document}: {problems}"));
    told.split(", ").map(str::to_owned).collect()
}

type Around = (&'static str, fn(Value) -> Value);

/// Every table, and a document around it.
const TABLES: &[Around] = &[
    ("Config", |t| t),
    ("Settings", |t| json!({ "settings": t })),
    (
        "Settings/affinity_secret/1",
        |t| json!({ "settings": { "affinity_secret": t } }),
    ),
    ("Admin", |t| json!({ "admin": t })),
    ("Listener", |t| json!({ "listeners": [t] })),
    ("Listener/tls/1", |t| json!({ "listeners": [{ "tls": t }] })),
    ("Certificate", |t| json!({ "certificates": [t] })),
    (
        "Certificate/files",
        |t| json!({ "certificates": [{ "files": t }] }),
    ),
    ("Acme", |t| json!({ "acme": [t] })),
    ("Acme/eab", |t| json!({ "acme": [{ "eab": t }] })),
    ("Pool", |t| json!({ "pools": [t] })),
    (
        "Pool/keepalive",
        |t| json!({ "pools": [{ "keepalive": t }] }),
    ),
    ("Pool/queue", |t| json!({ "pools": [{ "queue": t }] })),
    ("Pool/retry", |t| json!({ "pools": [{ "retry": t }] })),
    ("Pool/tls", |t| json!({ "pools": [{ "tls": t }] })),
    ("Pool/affinity", |t| json!({ "pools": [{ "affinity": t }] })),
    (
        "HealthCheck",
        |t| json!({ "pools": [{ "health_check": t }] }),
    ),
    ("Node", |t| json!({ "pools": [{ "nodes": [t] }] })),
    ("Site", |t| json!({ "sites": [t] })),
    ("Route", |t| json!({ "sites": [{ "routes": [t] }] })),
    (
        "Files",
        |t| json!({ "sites": [{ "routes": [{ "files": t }] }] }),
    ),
    (
        "Route/redirect",
        |t| json!({ "sites": [{ "routes": [{ "redirect": t }] }] }),
    ),
    (
        "Route/respond",
        |t| json!({ "sites": [{ "routes": [{ "respond": t }] }] }),
    ),
    ("Sessions", |t| json!({ "sessions": t })),
    ("Sessions/tls/1", |t| json!({ "sessions": { "tls": t } })),
    (
        "SessionDatabase",
        |t| json!({ "sessions": { "databases": [t] } }),
    ),
    ("Logs", |t| json!({ "logs": t })),
    ("Logs/rotate", |t| json!({ "logs": { "rotate": t } })),
    ("Logs/store", |t| json!({ "logs": { "store": t } })),
    ("Webhook", |t| json!({ "webhooks": [t] })),
    ("Backup", |t| json!({ "backup": t })),
];

#[test]
fn the_schema_of_the_document_has_the_keys_that_its_reader_knows() {
    let schemas = &document()["components"]["schemas"];
    for (place, around) in TABLES {
        let mut parts = place.split('/');
        let mut schema = &schemas[parts.next().unwrap()];
        if let Some(field) = parts.next() {
            schema = &schema["properties"][field];
        }
        if schema["$ref"].is_string() {
            schema = &schemas["Secret"];
        }
        let mut described = BTreeSet::new();
        // Where there are several forms, those of them that are tables together.
        let forms = match parts.next() {
            Some(_) => schema["anyOf"].as_array().unwrap().clone(),
            None => vec![schema.clone()],
        };
        for form in &forms {
            let fields = form["properties"].as_object();
            described.extend(fields.into_iter().flat_map(|f| f.keys().cloned()));
        }
        assert_eq!(described, known(around), "{place}");
    }
}

#[test]
fn the_words_for_problems_are_those_there_are() {
    use crate::model::Code;
    let codes = [
        Code::Syntax,
        Code::UnknownKey,
        Code::NotAvailable,
        Code::Missing,
        Code::Type,
        Code::Value,
        Code::Duplicate,
        Code::Dangling,
        Code::Conflict,
    ];
    let document = document();
    let told = &document["components"]["schemas"]["Problems"];
    let told = &told["properties"]["problems"]["items"]["properties"]["code"]["enum"];
    assert_eq!(*told, json!(codes.map(Code::as_str)));
}
