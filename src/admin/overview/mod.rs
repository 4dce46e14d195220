//! The overview: is it up, how much, how fast, where does it go, what changed. What moves is made
//! anew each second from what is in memory; only the charts ask the disk.

mod chart;
mod drawing;
mod graph;
mod marks;
mod numbers;
mod sentence;
mod trouble;

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use self::chart::Plot;
use self::drawing::Drawing;
use self::trouble::Why;
use super::error_page::Wrong;
use super::events::Told;
use super::links;
use super::page::{self, Shell};
use super::request;
use super::stream::{self, Pieces};
use crate::control::{Handle, NodesView, Outline};
use crate::logs::{LastMinute, Noted, Range, Records, Subject};
use crate::model::{Language, Role};

/// The entry of the rail.
const ENTRY: &str = "/";

/// Events on the page.
const EVENTS: usize = 10;

/// What is true at a moment.
struct Moment {
    outline: Outline,
    nodes: NodesView,
    minute: LastMinute,
    /// All that are remembered, the newest first.
    events: Vec<Noted>,
}

impl Moment {
    fn of(handle: &Handle, language: Language) -> Self {
        let records = handle.records();
        let minute = records.as_ref().map(Records::last_minute);
        let events = records.map(|records| records.latest_events(usize::MAX));
        Self {
            outline: handle.outline(),
            nodes: handle.nodes_view(language),
            minute: minute.unwrap_or_default(),
            events: events.unwrap_or_default(),
        }
    }
}

/// The sentence at the top.
#[derive(Template)]
#[template(path = "overview/sum.html")]
struct Sum {
    words: String,
}

/// What is wrong.
#[derive(Template)]
#[template(path = "overview/why.html")]
struct Troubles {
    shell: Shell,
    all: Vec<Why>,
}

/// Where requests go.
#[derive(Template)]
#[template(path = "overview/path.html")]
struct Path {
    shell: Shell,
    label: String,
    drawings: [Drawing; 2],
    is_logged: bool,
    settings: String,
}

impl Path {
    fn head(&self, column: &usize) -> &'static str {
        let t = self.shell.t;
        match column {
            0 => t.listeners(),
            1 => t.sites(),
            2 => t.routes(),
            _ => t.nodes(),
        }
    }
}

/// What happened.
#[derive(Template)]
#[template(path = "overview/events.html")]
struct Events {
    shell: Shell,
    rows: Vec<Told>,
    all: String,
}

/// What happened while the charts are of.
#[derive(Template)]
#[template(path = "overview/marks.html")]
struct Marks {
    rows: Vec<Told>,
}

#[derive(Template)]
#[template(path = "overview/page.html")]
struct Page {
    shell: Shell,
    range: Range,
    /// Nothing is configured: where to begin, for who may.
    begin: Option<String>,
    sum: Sum,
    troubles: Troubles,
    path: Path,
    events: Events,
    marks: Marks,
    plots: Vec<Plot>,
    /// Why there are no charts.
    no_charts: Option<String>,
    /// Seconds that this machine's clock is ahead of UTC.
    offset: i32,
}

impl Page {
    fn range_words(&self, range: &Range) -> &'static str {
        let t = self.shell.t;
        match range {
            Range::QuarterHour => t.range_quarter(),
            Range::Hour => t.range_hour(),
            Range::Day => t.range_day(),
            Range::Week => t.range_week(),
        }
    }
}

/// `GET /`, with `?range=` of the charts.
pub(super) async fn page(
    request: HttpRequest,
    handle: Data<Handle>,
) -> Result<HttpResponse, Wrong> {
    let shell = Shell::of(&request, ENTRY);
    let range = range(&request);
    let mut no_charts = None;
    let mut plots = Vec::new();
    if handle.config().logs.store.on
        && let Some(records) = handle.records()
    {
        let chart = web::block(move || records.chart(&Subject::All, range)).await;
        match chart.map_err(|_| Wrong::Internal)? {
            Ok(chart) => plots = chart::plots(shell.t, &chart),
            Err(why) => no_charts = Some(why),
        }
    }
    let now = Moment::of(&handle, shell.t.0);
    let may_begin = shell
        .user
        .as_ref()
        .is_some_and(|user| user.role == Role::Admin);
    let page = Page {
        begin: now.outline.is_empty.then(|| match may_begin {
            true => links::plain("/setup/nodes"),
            false => String::new(),
        }),
        sum: sum(&shell, &now),
        troubles: troubles(&shell, &now),
        path: path(&shell, &now),
        events: events(&shell, &now),
        marks: marks(&shell, &now, range),
        plots,
        no_charts,
        offset: jiff::Zoned::now().offset().seconds(),
        range,
        shell,
    };
    Ok(page::ok(&request, &page))
}

/// `GET /overview/live`: the same, each second.
pub(super) async fn live(request: HttpRequest, handle: Data<Handle>) -> HttpResponse {
    let shell = Shell::of(&request, ENTRY);
    let range = range(&request);
    stream::every_second(&request, move |pieces| {
        let now = Moment::of(&handle, shell.t.0);
        put(pieces, "sum", &sum(&shell, &now));
        put(pieces, "troubles", &troubles(&shell, &now));
        put(pieces, "path", &path(&shell, &now));
        put(pieces, "events", &events(&shell, &now));
        put(pieces, "marks", &marks(&shell, &now, range));
    })
}

fn put(pieces: &mut Pieces, id: &str, piece: &impl Template) {
    match piece.render() {
        Ok(html) => pieces.put(id, html),
        Err(error) => tracing::error!("a piece of a page cannot be written: {error}"),
    }
}

fn range(request: &HttpRequest) -> Range {
    let asked = request::query_value(request, "range");
    let mut ranges = Range::ALL.into_iter();
    ranges
        .find(|range| range.as_str() == asked)
        .unwrap_or(Range::QuarterHour)
}

fn sum(shell: &Shell, now: &Moment) -> Sum {
    Sum {
        words: sentence::sentence(shell.t, (&now.outline, &now.nodes), &now.minute),
    }
}

fn troubles(shell: &Shell, now: &Moment) -> Troubles {
    Troubles {
        all: trouble::all(shell, &now.outline, &now.nodes),
        shell: shell.clone(),
    }
}

fn path(shell: &Shell, now: &Moment) -> Path {
    let graph = graph::graph(shell, (&now.outline, &now.nodes), &now.minute);
    Path {
        label: sentence::path(shell.t, &graph, &now.minute),
        drawings: [
            drawing::draw(&graph, 0, 384.0),
            drawing::draw(&graph, 2, 280.0),
        ],
        is_logged: now.outline.is_logged,
        settings: links::plain("/settings"),
        shell: shell.clone(),
    }
}

fn events(shell: &Shell, now: &Moment) -> Events {
    let rows = now.events.iter().take(EVENTS);
    Events {
        rows: rows.map(|event| Told::of(shell, event)).collect(),
        all: links::plain("/history"),
        shell: shell.clone(),
    }
}

fn marks(shell: &Shell, now: &Moment, range: Range) -> Marks {
    let rows = marks::of(&now.events, range);
    Marks {
        rows: rows.map(|event| Told::of(shell, event)).collect(),
    }
}
