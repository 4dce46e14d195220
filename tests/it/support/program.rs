//! A program that uses the API by a token.

use serde_json::{Value, json};

use super::appliance::Appliance;
use super::client::{Client, Request, Response};
use super::panel::Panel;

/// A program that shows a token.
pub(crate) struct Program<'a> {
    lb: &'a Appliance,
    pub(crate) token: String,
}

impl<'a> Program<'a> {
    /// One that may everything, by a token made on the page.
    #[track_caller]
    pub(crate) fn admin(lb: &'a Appliance, panel: &mut Panel) -> Self {
        let page = panel.post("/people/tokens", &[("name", "root"), ("scope", "admin")]);
        let page = page.text();
        let start = page.find("steelyard_").unwrap();
        Self {
            lb,
            token: page[start..start + 53].to_owned(),
        }
    }

    /// One that has its token already.
    pub(crate) fn with_token(lb: &'a Appliance, token: String) -> Self {
        Self { lb, token }
    }

    /// Asks for what is below `/api/v1`.
    #[track_caller]
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<Value>) -> Response {
        let mut request = Request::new(method, &format!("/api/v1{path}"));
        if let Some(body) = body {
            request = request
                .with_body(body.to_string())
                .field("Content-Type", "application/json");
        }
        let field = format!("Bearer {}", self.token);
        Client::of(self.lb.admin_port()).ask(&request.field("Authorization", &field))
    }

    /// What is there.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.send("GET", path, None);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// Another program, whose token this one makes.
    #[track_caller]
    pub(crate) fn with(&self, name: &str, scope: &str) -> Self {
        let asked = json!({ "name": name, "scope": scope });
        let made = self.send("POST", "/tokens", Some(asked));
        assert_eq!(made.status, 201, "{}", made.text());
        Self {
            lb: self.lb,
            token: made.json()["token"].as_str().unwrap().to_owned(),
        }
    }
}
