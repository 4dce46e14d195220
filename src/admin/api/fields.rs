//! A JSON body with a few fields: each asked for by its name, every Problem told at once.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Payload;
use serde_json::{Map, Value};

use crate::admin::answer::Refusal;
use crate::admin::request;
use crate::model::{Code, Problems};

/// The fields of a body, and what is wrong with them so far.
pub(super) struct Fields {
    given: Map<String, Value>,
    known: Vec<&'static str>,
    pub(super) problems: Problems,
}

impl Fields {
    /// Reads the body: an object, with the type of JSON or none.
    pub(super) async fn read(request: &HttpRequest, body: Payload) -> Result<Self, Refusal> {
        if request.headers().contains_key(CONTENT_TYPE)
            && request::format(request)? != crate::document::Format::Json
        {
            return Err(Refusal::UnknownType);
        }
        let text = request::text(body).await?;
        Self::of(&text)
    }

    fn of(text: &str) -> Result<Self, Refusal> {
        let Ok(Value::Object(given)) = serde_json::from_str(text) else {
            let mut problems = Problems::default();
            problems.add("", Code::Syntax, "must be a JSON object");
            return Err(Refusal::Invalid(problems.into()));
        };
        Ok(Self {
            given,
            known: Vec::new(),
            problems: Problems::default(),
        })
    }

    /// Whether no field is there at all.
    pub(super) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.given.remove(key)
    }

    /// A text; none where it is not there.
    pub(super) fn text_if(&mut self, key: &'static str) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => Some(text),
            other => {
                let message = format!("must be text (is {})", shown(&other));
                self.problems.add(key, Code::Type, message);
                None
            }
        }
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, key: &'static str) -> String {
        if !self.given.contains_key(key) {
            self.problems.add(key, Code::Missing, "is missing");
        }
        self.text_if(key).unwrap_or_default()
    }

    /// A text that must be there and that no Problem shows.
    pub(super) fn hidden(&mut self, key: &'static str) -> String {
        let message = match self.take(key) {
            Some(Value::String(text)) => return text,
            Some(_) => (Code::Type, "must be text"),
            None => (Code::Missing, "is missing"),
        };
        self.problems.add(key, message.0, message.1);
        String::new()
    }

    /// A whole number; none where it is not there.
    pub(super) fn whole_if(&mut self, key: &'static str) -> Option<u64> {
        let value = self.take(key)?;
        let number = value.as_u64();
        if number.is_none() {
            self.problems.add(key, Code::Type, "must be a whole number");
        }
        number
    }

    /// True or false; none where it is not there.
    pub(super) fn flag_if(&mut self, key: &'static str) -> Option<bool> {
        let flag = self.take(key)?.as_bool();
        if flag.is_none() {
            self.problems.add(key, Code::Type, "must be true or false");
        }
        flag
    }

    /// What must be there and false: `why` nothing else can be asked for here.
    pub(super) fn off(&mut self, key: &'static str, why: &str) {
        match self.take(key) {
            None => self.problems.add(key, Code::Missing, "is missing"),
            Some(Value::Bool(false)) => {}
            Some(_) => self
                .problems
                .add(key, Code::Value, format!("must be false: {why}")),
        }
    }

    /// One of some words; none where it is not there.
    pub(super) fn word_if<T: Copy>(
        &mut self,
        key: &'static str,
        known: &[T],
        as_str: fn(T) -> &'static str,
    ) -> Option<T> {
        let value = self.take(key)?;
        let found = known.iter().find(|known| value == as_str(**known));
        if found.is_none() {
            let words: Vec<&str> = known.iter().map(|known| as_str(*known)).collect();
            let message = format!("must be {} (is {})", words.join(" or "), shown(&value));
            self.problems.add(key, Code::Value, message);
        }
        found.copied()
    }

    /// One of some words that must be there.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        known: &[T],
        as_str: fn(T) -> &'static str,
    ) -> Option<T> {
        if !self.given.contains_key(key) {
            self.problems.add(key, Code::Missing, "is missing");
        }
        self.word_if(key, known, as_str)
    }

    /// Tells what is wrong, fields included that nobody asked for.
    pub(super) fn end(mut self) -> Result<(), Refusal> {
        let known = self.known.join(" and ");
        for key in self.given.keys() {
            let message = format!("is not known: {known} can be given");
            self.problems.add(key.as_str(), Code::UnknownKey, message);
        }
        match self.problems.is_empty() {
            true => Ok(()),
            false => Err(Refusal::Invalid(self.problems.into())),
        }
    }
}

/// A value as a Problem shows it, not the whole of a long one.
fn shown(value: &Value) -> String {
    value.to_string().chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::Fields;
    use crate::model::Role;

    fn told(text: &str) -> String {
        let mut fields = Fields::of(text).unwrap();
        fields.text("name");
        fields.word("role", &Role::ALL, Role::as_str);
        fields.whole_if("age");
        fields
            .end()
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn every_problem_of_a_body_is_told_at_once() {
        assert_eq!(told(r#"{"name":"a","role":"admin","age":7}"#), "");
        assert_eq!(
            told(r#"{"name":1,"role":"root","age":-1,"x":null}"#),
            "name: must be text (is 1)\n\
             role: must be viewer or operator or admin (is \"root\")\n\
             age: must be a whole number\n\
             x: is not known: name and role and age can be given"
        );
        assert_eq!(told("{}"), "name: is missing\nrole: is missing");
        assert!(Fields::of("[]").is_err());
        assert!(Fields::of("{").is_err());
    }
}
