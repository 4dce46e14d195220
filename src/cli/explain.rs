//! `explain`: where a request would go, and why, without sending it.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer;
use super::instance::Instance;
use super::output::{Failure, print, say};
use super::status_table::align;
use crate::proxy::Question;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// A header of the request; may be given several times
    #[arg(short = 'H', long = "header", value_name = "'Name: value'")]
    headers: Vec<String>,
    /// Who asks; this machine unless given
    #[arg(long, value_name = "IP")]
    client: Option<IpAddr>,
    /// The method
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    method: String,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    /// Such as http://shop.example.com/cart
    #[arg(value_name = "URL")]
    url: String,
}

impl ExplainArgs {
    /// The request, checked.
    ///
    /// # Errors
    /// When it is no request at all.
    pub(super) fn question(&self) -> Result<Question, Failure> {
        Question::new(&self.method, &self.url, self.client, &self.headers).map_err(Failure::usage)
    }

    /// The same as the API takes it.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "url": self.url,
            "method": self.method,
            "client": self.client.map(|ip| ip.to_string()),
            "headers": self.headers,
        })
    }
}

pub(super) fn run(dir: &Path, args: &ExplainArgs) -> Result<ExitCode, Failure> {
    let question = args.question()?;
    let told = Instance::find(dir)?.explain(args, &question)?;
    if args.json {
        say(&told.to_string())?;
    } else {
        let told: Explained = answer::read(told)?;
        let asked = format!("{} {} from {}", args.method, args.url, told.client);
        print(&told.render(&asked))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The answer of an instance; see the document of the outputs.
#[derive(Debug, Deserialize)]
struct Explained {
    listener: Option<String>,
    client: String,
    site: Option<String>,
    route: Option<String>,
    target: Option<Target>,
    candidates: Vec<Candidate>,
    request_line: Option<String>,
    request_headers: Vec<Field>,
    response_headers: Vec<Field>,
    refused: Option<Refused>,
    notes: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Candidate {
    node: String,
    eligible: bool,
    why: String,
}

#[derive(Debug, Deserialize)]
struct Field {
    name: String,
    value: String,
}

#[derive(Debug, Deserialize)]
struct Refused {
    reason: Option<String>,
    status: Option<u16>,
    words: String,
}

/// One of these keys, as in the document.
#[derive(Debug, Deserialize)]
struct Target {
    pool: Option<String>,
    files: Option<String>,
    fallback: Option<String>,
    redirect: Option<String>,
    respond: Option<u16>,
    status: Option<u16>,
}

impl Explained {
    fn render(&self, asked: &str) -> String {
        let mut page = format!("{asked}\n\n");
        page.push_str(&align(&self.way(), &[]));
        if !self.candidates.is_empty() {
            let head = ["NODE", "ELIGIBLE", "WHY"].map(str::to_owned).to_vec();
            let rows = self.candidates.iter().map(|candidate| {
                let eligible = if candidate.eligible { "yes" } else { "no" };
                vec![
                    candidate.node.clone(),
                    eligible.to_owned(),
                    candidate.why.clone(),
                ]
            });
            let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
            let _ = write!(page, "\n{}", align(&rows, &[]));
        }
        if let Some(line) = &self.request_line {
            let _ = writeln!(page, "\nTO THE NODE\n{line}");
            write_fields(&mut page, &self.request_headers);
        }
        if !self.response_headers.is_empty() {
            page.push_str("\nSET ON THE ANSWER\n");
            write_fields(&mut page, &self.response_headers);
        }
        page
    }

    /// Which way it goes, a line each.
    fn way(&self) -> Vec<Vec<String>> {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
        let mut rows = vec![row("listener", or_none(&self.listener))];
        let understood = self.site.is_some() || self.refused.is_none();
        if understood {
            rows.push(row("site", or_none(&self.site)));
            rows.push(row("route", or_none(&self.route)));
        }
        if let Some(target) = &self.target {
            rows.push(row("target", target.render()));
        }
        if let Some(refused) = &self.refused {
            rows.push(row("refused", refused.render()));
        }
        rows.extend(self.notes.iter().map(|note| row("note", note.clone())));
        rows
    }
}

fn row(key: &str, value: String) -> Vec<String> {
    vec![key.to_owned(), value]
}

fn write_fields(page: &mut String, fields: &[Field]) {
    for Field { name, value } in fields {
        let _ = writeln!(page, "{name}: {value}");
    }
}

impl Target {
    fn render(&self) -> String {
        let status = self.status.unwrap_or_default();
        match (&self.pool, &self.files, &self.redirect) {
            (Some(pool), ..) => format!("pool {pool}"),
            (_, Some(root), _) => match &self.fallback {
                Some(pool) => format!("files below {root}, else pool {pool}"),
                None => format!("files below {root}"),
            },
            (.., Some(to)) => format!("redirect {status} to {to}"),
            _ if self.respond.is_some() => {
                format!("fixed answer {}", self.respond.unwrap_or_default())
            }
            _ => "unknown to this version".to_owned(),
        }
    }
}

impl Refused {
    fn render(&self) -> String {
        match (self.status, &self.reason) {
            (Some(status), Some(reason)) => format!("{status} {reason}: {}", self.words),
            _ => self.words.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Explained;

    fn rendered(told: Value) -> String {
        let told: Explained = serde_json::from_value(told).unwrap();
        told.render("GET http://a.com/x from 127.0.0.1")
    }

    #[test]
    fn the_way_of_a_request_is_told_in_aligned_lines() {
        let told = json!({
            "listener": "http", "client": "127.0.0.1", "site": "shop", "route": "/",
            "target": {"pool": "django"},
            "candidates": [
                {"node": "web-1", "eligible": true, "why": "up; weight 3 of 3, 0 in flight"},
                {"node": "web-20", "eligible": false, "why": "draining: it takes no new requests"}
            ],
            "request_line": "GET /x HTTP/1.1",
            "request_headers": [{"name": "Host", "value": "a.com"}],
            "response_headers": [{"name": "X-Frame-Options", "value": "DENY"}],
            "refused": null, "notes": []
        });
        assert_eq!(
            rendered(told),
            "GET http://a.com/x from 127.0.0.1\n\
             \n\
             listener  http\n\
             site      shop\n\
             route     /\n\
             target    pool django\n\
             \n\
             NODE    ELIGIBLE  WHY\n\
             web-1   yes       up; weight 3 of 3, 0 in flight\n\
             web-20  no        draining: it takes no new requests\n\
             \n\
             TO THE NODE\n\
             GET /x HTTP/1.1\n\
             Host: a.com\n\
             \n\
             SET ON THE ANSWER\n\
             X-Frame-Options: DENY\n"
        );
    }

    #[test]
    fn a_refusal_is_told_with_its_status_and_code() {
        let told = json!({
            "listener": "http", "client": "127.0.0.1", "site": null, "route": null, "target": null,
            "candidates": [], "request_line": null, "request_headers": [], "response_headers": [],
            "refused": {"reason": "no_site", "status": 404, "rule": null, "words": "No site answers for this name."},
            "notes": ["nothing listens for http on port 81; told as if it came by listener http"]
        });
        assert_eq!(
            rendered(told),
            "GET http://a.com/x from 127.0.0.1\n\
             \n\
             listener  http\n\
             refused   404 no_site: No site answers for this name.\n\
             note      nothing listens for http on port 81; told as if it came by listener http\n"
        );
    }
}
