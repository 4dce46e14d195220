//! `/check_status`: the status page of nginx's check module, in its three formats, for
//! scripts and people that know it.

use std::borrow::Cow;
use std::fmt::Write as _;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::answer::Refusal;
use super::request;
use crate::control::{CheckReport, CheckRow, Handle};

/// `GET /check_status?format=html|csv|json&status=up|down`.
pub(super) async fn page(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Refusal> {
    let language = request::language(&request)?;
    let wanted = match request::query(&request, "status") {
        None | Some("") => None,
        Some("up") => Some(true),
        Some("down") => Some(false),
        Some(_) => return Err(Refusal::bad_request("status must be up or down")),
    };
    let write: (fn(&CheckReport, &[Numbered<'_>]) -> String, _) =
        match request::query(&request, "format") {
            None | Some("" | "html") => (html, "text/html; charset=utf-8"),
            // The module's own type: a browser shows it.
            Some("csv") => (csv, "text/plain; charset=utf-8"),
            Some("json") => (as_json, "application/json"),
            Some(_) => return Err(Refusal::bad_request("format must be html, csv or json")),
        };
    let report = handle.check_report(language);
    let rows = report.rows.iter().enumerate();
    let rows: Vec<Numbered<'_>> = rows
        .filter(|(_, row)| wanted.is_none_or(|up| row.up == up))
        .collect();
    let (write, kind) = write;
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .body(write(&report, &rows)))
}

// A row keeps its number whatever is asked for.
type Numbered<'a> = (usize, &'a CheckRow);

fn word(row: &CheckRow) -> &'static str {
    match row.up {
        true => "up",
        false => "down",
    }
}

fn as_json(report: &CheckReport, rows: &[Numbered<'_>]) -> String {
    let nodes = rows.iter().map(|(index, row)| {
        json!({
            "index": index,
            "upstream": row.pool,
            "name": row.address,
            "status": word(row),
            "rise": row.rise,
            "fall": row.fall,
            "type": row.kind,
            "port": row.port,
        })
    });
    let servers = json!({
        "total": rows.len(),
        "generation": report.generation,
        "server": nodes.collect::<Vec<_>>(),
    });
    format!("{}\n", json!({ "servers": servers }))
}

// The path of a Unix socket can hold a comma or a quote; a name cannot.
fn csv(_: &CheckReport, rows: &[Numbered<'_>]) -> String {
    let mut text = String::new();
    for (index, row) in rows {
        let (up, pool, address) = (word(row), &row.pool, quoted(&row.address));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{index},{pool},{address},{up},{},{},{},{}",
            row.rise, row.fall, row.kind, row.port
        );
    }
    text
}

/// A field of CSV, in quotes where it needs them (RFC 4180).
fn quoted(field: &str) -> Cow<'_, str> {
    match field.contains([',', '"']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")).into(),
        false => field.into(),
    }
}

fn html(report: &CheckReport, rows: &[Numbered<'_>]) -> String {
    let mut text = format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>Check status</title>\n</head>\n<body>\n\
         <h1>Check status</h1>\n<p>Nodes: {}, generation: {}</p>\n<table border=\"1\">\n\
         <tr><th>Index</th><th>Upstream</th><th>Name</th><th>Status</th><th>Rise counts</th>\
         <th>Fall counts</th><th>Check type</th><th>Check port</th></tr>\n",
        rows.len(),
        report.generation
    );
    for (index, row) in rows {
        let colour = match row.up {
            true => "",
            false => " bgcolor=\"#ff8080\"",
        };
        let _ = writeln!(
            text,
            "<tr{colour}><td>{index}</td><td>{}</td><td title=\"{}\">{}</td>\
             <td title=\"{}\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Escaped(&row.pool),
            Escaped(&row.node),
            Escaped(&row.address),
            Escaped(&row.text),
            word(row),
            row.rise,
            row.fall,
            row.kind,
            row.port
        );
    }
    text.push_str("</table>\n</body>\n</html>\n");
    text
}

/// Text in HTML, between tags or in a quoted attribute. What a node says is in it.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{CheckReport, CheckRow, Numbered, as_json, csv, html};

    fn report() -> CheckReport {
        let up = CheckRow {
            pool: "backend".into(),
            node: "web-1".into(),
            address: "106.187.48.116:80".into(),
            up: true,
            rise: 58,
            fall: 0,
            kind: "http",
            port: 80,
            text: "answered 200".into(),
        };
        let down = CheckRow {
            node: "\"><script>1</script>".into(),
            up: false,
            rise: 0,
            fall: 3,
            text: "it begins with <b onclick='x' & \"y\">".into(),
            ..up.clone()
        };
        CheckReport {
            generation: 3,
            rows: vec![up, down],
        }
    }

    fn written(
        write: fn(&CheckReport, &[Numbered<'_>]) -> String,
        wanted: impl Fn(&CheckRow) -> bool,
    ) -> String {
        let report = report();
        let rows = report.rows.iter().enumerate();
        let rows: Vec<_> = rows.filter(|(_, row)| wanted(row)).collect();
        write(&report, &rows)
    }

    #[test]
    fn the_json_is_the_module_s() {
        assert_eq!(
            written(as_json, |row| row.up),
            "{\"servers\":{\"total\":1,\"generation\":3,\"server\":[{\"index\":0,\"upstream\":\"backend\",\"name\":\"106.187.48.116:80\",\"status\":\"up\",\"rise\":58,\"fall\":0,\"type\":\"http\",\"port\":80}]}}\n"
        );
    }

    #[test]
    fn the_csv_is_the_module_s_and_a_row_keeps_its_number() {
        assert_eq!(
            written(csv, |_| true),
            "0,backend,106.187.48.116:80,up,58,0,http,80\n1,backend,106.187.48.116:80,down,0,3,http,80\n"
        );
        assert_eq!(
            written(csv, |row| !row.up),
            "1,backend,106.187.48.116:80,down,0,3,http,80\n"
        );
    }

    #[test]
    fn a_path_is_one_field_of_the_csv_whatever_it_holds() {
        let mut report = report();
        report.rows.truncate(1);
        report.rows[0].address = "unix:/run/a, \"b\".sock".into();
        report.rows[0].port = 0;
        assert_eq!(
            csv(&report, &[(0, &report.rows[0])]),
            "0,backend,\"unix:/run/a, \"\"b\"\".sock\",up,58,0,http,0\n"
        );
    }

    #[test]
    fn names_and_words_are_text_in_the_html() {
        let page = written(html, |_| true);
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains("<b "), "{page}");
        assert!(page.contains(
            "title=\"it begins with &lt;b onclick=&#39;x&#39; &amp; &quot;y&quot;&gt;\">down<"
        ));
        assert!(page.contains("title=\"&quot;&gt;&lt;script&gt;1&lt;/script&gt;\""));
        let columns = "<th>Index</th><th>Upstream</th><th>Name</th><th>Status</th><th>Rise counts</th><th>Fall counts</th><th>Check type</th><th>Check port</th>";
        assert!(page.contains(columns), "{page}");
    }
}
