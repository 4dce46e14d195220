//! How one URL of the API is described, beside its handler.

use serde_json::{Map, Value, json};

use super::schema::{flag, form, of, said};
use crate::admin::routes::{Route, Who};

/// A quoted revision, as `ETag` and `If-Match` have it.
const TAG: &str = "^\"[0-9]+\"$";
const MATCH: &str = "^ *(\\*|\"?[0-9]+\"?) *$";

/// What one method of one URL takes and answers.
#[derive(Debug)]
pub(in crate::admin) struct Operation {
    id: String,
    group: &'static str,
    summary: String,
    detail: &'static str,
    parameters: Vec<Value>,
    body: Option<Value>,
    takes_nothing: bool,
    answers: Map<String, Value>,
}

impl Operation {
    /// `id` is a verb and a noun, `group` the heading it stands under.
    pub(in crate::admin) fn new(
        id: impl Into<String>,
        group: &'static str,
        summary: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            group,
            summary: summary.into(),
            detail: "",
            parameters: Vec::new(),
            body: None,
            takes_nothing: false,
            answers: Map::new(),
        }
    }

    /// What else is to be known.
    pub(in crate::admin) fn detail(mut self, words: &'static str) -> Self {
        self.detail = words;
        self
    }

    /// A part of the path.
    pub(in crate::admin) fn path(self, name: &str, schema: Value, words: &str) -> Self {
        self.parameter(json!({
            "name": name, "in": "path", "required": true, "schema": schema, "description": words,
        }))
    }

    /// A key of the query.
    pub(in crate::admin) fn query(self, name: &str, schema: Value, words: &str) -> Self {
        self.parameter(
            json!({ "name": name, "in": "query", "schema": schema, "description": words }),
        )
    }

    /// The same, without which nothing is done.
    pub(in crate::admin) fn query_required(self, name: &str, schema: Value, words: &str) -> Self {
        self.parameter(json!({
            "name": name, "in": "query", "required": true, "schema": schema, "description": words,
        }))
    }

    /// A field of the head.
    pub(in crate::admin) fn header(self, name: &str, schema: Value, words: &str) -> Self {
        self.parameter(
            json!({ "name": name, "in": "header", "schema": schema, "description": words }),
        )
    }

    fn parameter(mut self, parameter: Value) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// A change of the configuration: from which revision, and only tried.
    pub(in crate::admin) fn changes(self) -> Self {
        let words = "Only tell what would change.";
        self.query("dry_run", flag(), words)
            .parameter(json!({
                "name": "If-Match", "in": "header", "schema": form(MATCH),
                "description": "The revision the change is made from, as ETag said it: 412 where another is in force.",
            }))
            .errors(&[400, 412, 422])
    }

    /// A body of one kind.
    pub(in crate::admin) fn body(self, schema: Value, example: Value) -> Self {
        self.bodies(vec![("application/json", schema, example)])
    }

    /// A body of one of several kinds.
    pub(in crate::admin) fn bodies(mut self, kinds: Vec<(&str, Value, Value)>) -> Self {
        let kinds = kinds.into_iter().map(|(kind, schema, example)| {
            (
                kind.to_owned(),
                json!({ "schema": schema, "example": example }),
            )
        });
        let kinds: Map<String, Value> = kinds.collect();
        self.body = Some(json!({ "required": true, "content": kinds }));
        self.errors(&[400, 413, 415, 422])
    }

    /// That it takes no body, where others of its method do.
    pub(in crate::admin) fn without_body(mut self) -> Self {
        self.takes_nothing = true;
        self
    }

    /// A JSON answer.
    pub(in crate::admin) fn answers(self, status: u16, words: &str, schema: Value) -> Self {
        self.answer(
            status,
            words,
            json!({ "application/json": { "schema": schema } }),
        )
    }

    /// An answer of any kinds.
    pub(in crate::admin) fn answer(mut self, status: u16, words: &str, content: Value) -> Self {
        self.answers.insert(
            status.to_string(),
            json!({ "description": words, "content": content }),
        );
        self
    }

    /// An answer without a body.
    pub(in crate::admin) fn answers_nothing(mut self, words: &str) -> Self {
        let answer = json!({ "description": words });
        self.answers.insert("204".to_owned(), answer);
        self
    }

    /// Says of the answer `status` that it has the field `name`.
    pub(in crate::admin) fn with_field(
        mut self,
        status: u16,
        name: &str,
        schema: Value,
        words: &str,
    ) -> Self {
        let field = json!({ "required": true, "schema": schema, "description": words });
        if let Some(answer) = self.answers.get_mut(&status.to_string()) {
            answer["headers"][name] = field;
        }
        self
    }

    /// Says of the answers of success that they tell the revision in force.
    pub(in crate::admin) fn tagged(mut self) -> Self {
        let done: Vec<u16> = [200, 201, 204]
            .into_iter()
            .filter(|status| self.answers.contains_key(&status.to_string()))
            .collect();
        for status in done {
            let words = "The revision in force: show it as If-Match.";
            self = self.with_field(status, "ETag", form(TAG), words);
        }
        self
    }

    /// What else it may answer.
    pub(in crate::admin) fn errors(mut self, statuses: &[u16]) -> Self {
        for status in statuses {
            let answer =
                json!({ "$ref": format!("#/components/responses/{}", component(*status)) });
            self.answers.insert(status.to_string(), answer);
        }
        self
    }

    /// As the document has it, with what holds of every URL like `route`.
    pub(super) fn into_json(mut self, route: &Route) -> Value {
        self = self.errors(&[403, 421, 503]);
        let (role, security) = match route.who {
            Who::Role(role) => {
                self = self.errors(&[401]);
                (role.as_str(), json!([{ "token": [] }, { "cookie": [] }]))
            }
            Who::Box => {
                self = self.errors(&[404]);
                ("box", json!([]))
            }
            Who::Anyone | Who::Monitors => ("anyone", json!([])),
        };
        self.answers.sort_keys();
        let detail = match self.detail {
            "" => format!("For: {role}."),
            words => format!("{words} For: {role}."),
        };
        let mut told = json!({
            "operationId": self.id,
            "tags": [self.group],
            "summary": self.summary,
            "description": detail,
            "x-steelyard-role": role,
            "security": security,
            "responses": self.answers,
        });
        if !self.parameters.is_empty() {
            told["parameters"] = self.parameters.into();
        }
        if self.takes_nothing {
            told["x-no-body"] = true.into();
        }
        if let Some(body) = self.body {
            told["requestBody"] = body;
        }
        told
    }
}

/// The errors, each with its name among the components, its words and its body.
const ERRORS: &[(u16, &str, &str, &str)] = &[
    (400, "BadRequest", "The request makes no sense.", "Error"),
    (
        401,
        "NotKnown",
        "Nobody is signed in, or the token is none.",
        "Error",
    ),
    (
        403,
        "NotAllowed",
        "The role does not suffice, the address is not admitted, or another site asks.",
        "Error",
    ),
    (404, "NotFound", "It is not there.", "Error"),
    (
        409,
        "Conflict",
        "What is there already, or needed elsewhere, stands in the way.",
        "Error",
    ),
    (
        412,
        "Stale",
        "Another revision is in force: nothing was changed.",
        "Stale",
    ),
    (413, "TooLarge", "The body is too long.", "Error"),
    (
        415,
        "UnknownType",
        "The body is of a kind that is not read.",
        "Error",
    ),
    (
        421,
        "NotThisHost",
        "The request names a host that is not this machine.",
        "Error",
    ),
    (
        422,
        "Invalid",
        "Nothing was changed: every Problem of it.",
        "Problems",
    ),
    (
        429,
        "TooOften",
        "Tried too often: wait as long as it says.",
        "Error",
    ),
    (
        503,
        "Unavailable",
        "The disk or the database refuses, or changes are not taken now: nothing was changed.",
        "Error",
    ),
];

fn component(status: u16) -> &'static str {
    let found = ERRORS.iter().find(|(known, ..)| *known == status);
    found.map_or("Unavailable", |(_, name, ..)| name)
}

/// The components of the errors.
pub(super) fn errors() -> Value {
    let one = |(_, name, words, body): &(u16, &str, &str, &str)| {
        let content = json!({ "application/json": { "schema": of(body) } });
        (
            (*name).to_owned(),
            json!({ "description": words, "content": content }),
        )
    };
    ERRORS.iter().map(one).collect::<Map<_, _>>().into()
}

/// A number in a path.
pub(in crate::admin) fn id() -> Value {
    said(json!({ "type": "integer" }), "As the list tells it.")
}
