//! The document as a whole: what is read, what is refused and where, what is written.

mod acme;
mod differences;
mod not_available;
mod parts;
mod problems;
mod properties;
mod reading;
mod secrets;
mod sessions;
mod strategies;
mod taking_back;
mod targets;
mod tls;
mod unix;
mod values;
mod webhooks;

use super::{Format, parse};
use crate::model::Config;

/// The first taste of the document in the design.
const FIRST_TASTE: &str = r#"version = 1

[[listeners]]
name = "http"
address = "0.0.0.0:80"

[[pools]]
name = "django"
policy = "least_conn"
connect_timeout = "1s"
retry = { on = ["error", "timeout", "http_500"] }
health_check = { kind = "tcp", interval = "3s", timeout = "1s", rise = 2, fall = 3 }

[[pools.nodes]]
name = "web-1"
address = "192.168.1.101:8000"
weight = 3

[[sites]]
name = "shop"
hosts = ["shop.example.com"]

[[sites.routes]]
path = "/static/"
files = { root = "/var/www/shop/static", expires = "30d" }

[[sites.routes]]
path = "/"
pool = "django"
"#;

/// The Config of a sound document.
fn config(text: &str) -> Config {
    match parse(text, Format::Toml) {
        Ok(parsed) => parsed.config,
        Err(problems) => panic!("{}", problems.text("document")),
    }
}

/// The lines that `check` prints of an unsound one.
fn told(text: &str) -> Vec<String> {
    let problems = parse(text, Format::Toml).expect_err("this document has a Problem");
    let text = problems.text("lb.toml");
    text.lines().map(str::to_owned).collect()
}

/// The first taste with one change, and the one Problem it makes.
fn one(from: &str, to: &str) -> String {
    assert!(FIRST_TASTE.contains(from), "{from}");
    let told = told(&FIRST_TASTE.replacen(from, to, 1));
    assert_eq!(told.len(), 1, "{told:#?}");
    told.into_iter().next().unwrap()
}
