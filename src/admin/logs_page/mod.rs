//! Logs: requests searched, looked at, followed and taken away; events beside them.

mod asked;
mod beside;
mod chart;
mod curl;
mod download;
mod events;
mod live;
mod row;
mod shown;

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::error_page::Wrong;
use super::page::{self, Shell};
use super::texts::Texts;
use crate::control::Handle;
use crate::logs::{Page as Found, RecordId, Records};

use asked::{FIELDS, Search};
use beside::{Chip, Note, chips, kept, label, notes, ranges};
use chart::Chart;
use row::Row;

pub(super) use download::download;
pub(super) use events::events;
pub(super) use live::live;

/// The entry of the rail.
const ENTRY: &str = "/logs";

/// Rows on one page.
const ROWS: usize = 100;

/// Limit: names offered for a field.
const OFFERED: usize = 500;

/// A row with its links.
#[derive(Debug)]
struct Shown {
    row: Row,
    is_open: bool,
    /// Opens it, or closes it, in a page of its own and in its place.
    link: String,
    fetch: String,
    /// The port its listener has now.
    port: Option<u16>,
    /// Searches for more of the same.
    alike: Vec<(&'static str, String)>,
    alone: String,
}

impl Shown {
    fn of(row: Row, is_open: bool, search: &Search, handle: &Handle) -> Self {
        let id = row.id.to_string();
        let before = search.before.map_or_else(String::new, |id| id.to_string());
        let open = if is_open { "" } else { id.as_str() };
        let query = |path: &str| search.sub(path, &[("before", &before), ("open", open)]);
        let (t, line) = (row.t, &row.line);
        let mut alike = vec![
            (t.log_only_client(), search.with("client", &line.client_ip)),
            (t.log_only_path(), search.with("path", &line.path)),
        ];
        let node = row.node();
        if !node.is_empty() {
            alike.push((t.log_only_node(), search.with("node", &node)));
        }
        Self {
            link: format!("{}#r-{id}", query("/logs")),
            fetch: query(&format!("/logs/record/{id}")),
            port: row.port(&handle.config()),
            alone: format!(
                "/logs?request_id={}&open={id}",
                page::escaped(&line.request_id)
            ),
            alike,
            is_open,
            row,
        }
    }
}

impl Shown {
    fn curl(&self) -> String {
        self.row.curl(self.port)
    }
}

/// Rows alone, to be put into the page.
#[derive(Template)]
#[template(path = "logs/rows.html")]
struct Rows {
    shell: Shell,
    rows: Vec<Shown>,
}

#[derive(Template)]
#[template(path = "logs/page.html")]
struct Page {
    shell: Shell,
    search: Search,
    rows: Vec<Shown>,
    chart: Chart,
    chips: Vec<Chip>,
    /// The quick choices of time: words, link, whether it is the one.
    ranges: Vec<(&'static str, String, bool)>,
    /// What stands in the lists of the fields.
    sites: Vec<String>,
    nodes: Vec<String>,
    /// Where the search goes on, and what is said of where it stopped.
    older: Option<String>,
    stopped_at: Option<String>,
    /// Whether anything was ever kept.
    is_empty: bool,
    /// Where what comes is sent.
    stream: String,
    notes: Vec<Note>,
    kept: String,
}

impl Page {
    fn label(&self, field: &str) -> &'static str {
        label(self.shell.t, field)
    }

    /// An example of what a field takes.
    fn hint(&self, field: &str) -> &'static str {
        let t = self.shell.t;
        match field {
            "from" | "to" => t.log_hint_from(),
            "status" => t.log_hint_status(),
            "client" => t.log_hint_client(),
            "slower_than" => t.log_hint_slower(),
            _ => "",
        }
    }

    /// The fields that are folded away.
    fn folded(&self) -> impl Iterator<Item = &'static str> {
        FIELDS.into_iter().filter(|field| *field != "path")
    }

    /// Why an answer may be our own.
    fn reasons(&self) -> Vec<(&'static str, String)> {
        let all = shown::REASONS.iter();
        all.map(|code| (*code, shown::reason(self.shell.t, code)))
            .collect()
    }

    /// The list that a field offers.
    fn list(&self, field: &str) -> &'static str {
        match field {
            "status" => "statuses",
            "site" => "sites",
            "node" => "nodes",
            "method" => "methods",
            "reason" => "reasons",
            _ => "",
        }
    }
}

/// What the disk said to one page.
#[derive(Default)]
struct Looked {
    found: Found,
    /// The open one, where it is not among them.
    open: Option<Row>,
    is_gone: bool,
    chart: Chart,
    is_empty: bool,
    size: u64,
}

/// `GET /logs`.
pub(super) async fn page(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Wrong> {
    let shell = Shell::of(&request, ENTRY);
    let t = shell.t;
    let search = Search::read(&pairs(&request), t);
    let records = records(&handle)?;
    let ailing = records.clone();
    let is_well = search.faults.is_empty();
    let (search, looked) = web::block(move || {
        let looked = match is_well {
            true => look(&search, &records, t),
            false => Looked::default(),
        };
        (search, looked)
    })
    .await
    .map_err(|_| Wrong::Internal)?;
    let page = put_together(shell, search, looked, (&handle, &ailing));
    let status = match is_well {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Ok(page::send(&request, status, &page))
}

fn look(search: &Search, records: &Records, t: Texts) -> Looked {
    let found = records.search(&search.filter, ROWS, search.before);
    let is_there = |id: &RecordId| found.records.iter().any(|found| found.id == *id);
    let wanted = search.open.filter(|id| !is_there(id));
    let open = wanted.and_then(|id| records.record(id));
    let (size, oldest) = records.extent();
    Looked {
        chart: Chart::of(search, records, t),
        is_gone: wanted.is_some() && open.is_none(),
        open: open.and_then(|found| Row::of(&found, t)),
        is_empty: oldest.is_none(),
        size,
        found,
    }
}

fn put_together(
    shell: Shell,
    search: Search,
    looked: Looked,
    (handle, records): (&Handle, &Records),
) -> Page {
    let t = shell.t;
    let Looked { found, open, .. } = looked;
    let rows = found.records.iter().filter_map(|found| Row::of(found, t));
    let rows = open.into_iter().chain(rows);
    let rows: Vec<Shown> = rows
        .map(|row| {
            let is_open = search.open == Some(row.id);
            Shown::of(row, is_open, &search, handle)
        })
        .collect();
    let (older, stopped_at) = ending(&search, &found);
    let newest = found.newest().map_or_else(String::new, |id| id.to_string());
    let config = handle.config();
    let store = config.logs.store;
    let names = config.sites.iter().map(|site| site.name.to_string());
    let nodes = config.pools.iter().flat_map(|pool| {
        let of = |node: &crate::model::Node| format!("{}/{}", pool.name, node.name);
        pool.nodes.iter().map(of).collect::<Vec<_>>()
    });
    Page {
        chips: chips(&search, t),
        ranges: ranges(&search, t),
        sites: names.take(OFFERED).collect(),
        nodes: nodes.take(OFFERED).collect(),
        older,
        stopped_at,
        is_empty: looked.is_empty,
        stream: search.sub("/logs/live", &[("after", &newest)]),
        notes: notes(t, records, &found, &store, looked.is_gone),
        kept: kept(t, &store, looked.size),
        chart: looked.chart,
        rows,
        search,
        shell,
    }
}

/// Where the search goes on; and how far back it looked, where it stopped before the page was full.
fn ending(search: &Search, found: &Found) -> (Option<String>, Option<String>) {
    let next = found.next.map(|id| id.to_string());
    let older = next.map(|id| search.sub("/logs", &[("before", &id)]));
    let stopped = older.is_some() && found.records.len() < ROWS;
    let back_to = found.searched_back_to.filter(|_| stopped);
    (older, back_to.map(shown::moment))
}

/// `GET /logs/record/{id}`: its row, open or not, to be put in its place.
pub(super) async fn record(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Result<HttpResponse, Wrong> {
    let id: RecordId = path.parse().map_err(|()| Wrong::NotFound)?;
    let shell = Shell::of(&request, ENTRY);
    let search = Search::read(&pairs(&request), shell.t);
    if !request.headers().contains_key("HX-Request") {
        return Ok(page::go(&search.sub("/logs", &[("open", &id.to_string())])));
    }
    let (records, t) = (records(&handle)?, shell.t);
    let row = web::block(move || records.record(id).and_then(|found| Row::of(&found, t)));
    let row = row.await.map_err(|_| Wrong::Internal)?;
    let row = row.ok_or(Wrong::NotFound)?;
    let is_open = search.open == Some(id);
    let rows = vec![Shown::of(row, is_open, &search, &handle)];
    Ok(page::ok(&request, &Rows { shell, rows }))
}

fn records(handle: &Handle) -> Result<Records, Wrong> {
    handle
        .records()
        .ok_or_else(|| Wrong::Unavailable("there is no log store here".to_owned()))
}

/// The query, taken apart; nothing where it is none.
fn pairs(request: &HttpRequest) -> Vec<(String, String)> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    pairs.map(web::Query::into_inner).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::asked::Search;
    use super::{Found, ending, shown};
    use crate::admin::texts::Texts;
    use crate::model::Language;

    #[test]
    fn a_search_that_stopped_says_how_far_it_came_and_where_it_goes_on() {
        let pairs = [("path".to_owned(), "/rare".to_owned())];
        let search = Search::read(&pairs, Texts(Language::English));
        let stopped = Found {
            next: Some("1-2-3".parse().unwrap()),
            searched_back_to: Some(1_795_356_000_000_000),
            ..Found::default()
        };
        let (older, at) = ending(&search, &stopped);
        assert_eq!(older.as_deref(), Some("/logs?path=/rare&before=1-2-3"));
        assert_eq!(at, Some(shown::moment(1_795_356_000_000_000)));
        let done = Found {
            next: None,
            ..stopped
        };
        assert_eq!(ending(&search, &done), (None, None));
    }
}
