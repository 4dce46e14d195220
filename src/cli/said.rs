//! What the running instance said, for whoever asked.

use serde_json::Value;

use super::control_client::{Answer, Client, Request};
use super::instance::Outcome;
use super::output::Failure;

/// Asks for `path` with a JSON body, and answers with what was said.
pub(super) fn post(client: &Client, path: &str, asked: &Value) -> Result<Value, Failure> {
    let answer = client.ask(&Request {
        method: "POST",
        path,
        body: Some(("application/json", asked.to_string().as_bytes())),
        ..Request::default()
    })?;
    match answer.status {
        200 => read(&answer),
        _ => Err(refusal(&answer)),
    }
}

/// Asks for what is at `path`, and answers with what was said.
pub(super) fn get(client: &Client, path: &str) -> Result<Value, Failure> {
    let answer = client.ask(&Request {
        method: "GET",
        path,
        ..Request::default()
    })?;
    match answer.status {
        200 => read(&answer),
        _ => Err(refusal(&answer)),
    }
}

/// What became of a change.
pub(super) fn outcome(answer: Answer) -> Result<Outcome, Failure> {
    match answer.status {
        200 => Ok(Outcome::Done(read(&answer)?)),
        422 => Ok(Outcome::Problems(read(&answer)?)),
        _ => Err(refusal(&answer)),
    }
}

/// The JSON that was said.
pub(super) fn read(answer: &Answer) -> Result<Value, Failure> {
    serde_json::from_slice(&answer.body).map_err(|_| refusal(answer))
}

/// The instance's own words, or at least its status.
pub(super) fn refusal(answer: &Answer) -> Failure {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let words = body.as_ref().and_then(|body| body["error"].as_str());
    Failure::run_time(words.map_or_else(
        || {
            format!(
                "the running steelyard answered with status {}",
                answer.status
            )
        },
        str::to_owned,
    ))
}

/// A name as a path segment of a URL.
pub(super) fn escaped(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Answer, escaped, refusal};

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_instance() {
        let told = |status, body: &str| {
            refusal(&Answer {
                status,
                body: body.as_bytes().to_vec(),
            })
            .message
        };
        assert_eq!(
            told(412, r#"{"error":"the newest revision is 8"}"#),
            "the newest revision is 8"
        );
        assert_eq!(
            told(500, "<html>"),
            "the running steelyard answered with status 500"
        );
    }

    #[test]
    fn a_name_cannot_leave_its_place_in_the_url() {
        assert_eq!(escaped("web-1.a_B"), "web-1.a_B");
        assert_eq!(escaped("../x?y"), "..%2Fx%3Fy");
    }
}
