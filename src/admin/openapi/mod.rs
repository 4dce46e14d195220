//! `openapi.json`: the API, described from the table of URLs and from what stands beside each
//! handler, so that it cannot tell of anything else.
//!
//! Our own few types: answers are written as JSON values and the document's schema is
//! `document/`'s reader, so a derive would describe a second set of types that nothing uses.

mod answers;
mod backup;
mod certificates;
mod config;
mod logged;
mod logs;
mod operation;
mod patch;
pub(super) mod schema;
#[cfg(test)]
mod tests;
mod values;

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};

pub(super) use operation::{Operation, id};

use super::answer;
use super::routes::{Kind, ROUTES};
use schema::of;

pub(super) use logs::{
    about_chart, about_events, about_histogram, about_live, about_record, about_search,
};

/// `GET /openapi.json`.
pub(super) async fn get() -> HttpResponse {
    answer::json(&document())
}

/// How this very description is described.
pub(super) fn about() -> Operation {
    Operation::new("readDescription", "API", "This description").answers(
        200,
        "OpenAPI 3.1.",
        json!({ "type": "object" }),
    )
}

/// The whole description.
pub(super) fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES.iter().filter(|route| route.kind == Kind::Api) {
        let Some(about) = route.about else { continue };
        let told = about().into_json(route);
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.method.to_ascii_lowercase()] = told;
    }
    let mut schemas = config::components();
    schemas.append(&mut patch::components(&schemas));
    schemas.append(&mut answers::components());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Steelyard",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Everything the panel does, for programs. A change of the configuration answers the revision as ETag; shown again as If-Match, the change is refused with 412 where somebody else was faster. With dry_run=true nothing is changed.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": operation::errors(),
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "A token made on the page People." },
                "cookie": { "type": "apiKey", "in": "cookie", "name": "__Host-steelyard", "description": "Somebody signed in; a change also needs Sec-Fetch-Site or Origin." },
            },
        },
    })
}

/// The body of a change of the configuration.
pub(super) fn applied(operation: Operation) -> Operation {
    let words = "What is different now, or would be.";
    operation.answers(200, words, of("Applied")).tagged()
}
