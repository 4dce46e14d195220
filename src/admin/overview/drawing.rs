//! The picture of where requests go: bars in columns, ribbons as wide as the share of requests.
//! Pure numbers in, numbers and paths out; the template writes them.

use super::graph::{Graph, Item, Link, Tone};

/// Height of all requests together.
const FLOW: f64 = 200.0;

/// What a name and the line below it need.
const SLOT: f64 = 40.0;

/// Below the heads of the columns.
const TOP: f64 = 26.0;

/// Width of a bar, and of a column of the two pictures.
const BAR: f64 = 4.0;
const WIDE: f64 = 176.0;

/// A bar and its name.
#[derive(Debug, Clone)]
pub(super) struct Bar {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) height: String,
    pub(super) class: &'static str,
    pub(super) item: Item,
    /// Where the mark, the name and the line below it stand.
    pub(super) mark_x: String,
    pub(super) mark_y: String,
    pub(super) text_x: String,
    pub(super) name_y: String,
    pub(super) below_y: String,
    /// The colour and the shape of the mark.
    pub(super) mark: (&'static str, &'static str),
    /// The colour of the line below.
    pub(super) below_class: &'static str,
}

/// What leads from one bar to another.
#[derive(Debug, Clone)]
pub(super) struct Ribbon {
    pub(super) path: String,
    pub(super) class: &'static str,
    /// A line has no width of its own.
    pub(super) is_line: bool,
    pub(super) is_dashed: bool,
}

/// One picture.
#[derive(Debug, Clone)]
pub(super) struct Drawing {
    pub(super) width: String,
    pub(super) height: String,
    /// Where each column stands, by its place among all.
    pub(super) heads: Vec<(String, usize)>,
    pub(super) bars: Vec<Bar>,
    pub(super) ribbons: Vec<Ribbon>,
}

/// A bar's place while the picture is laid out.
#[derive(Debug, Clone, Copy)]
struct Place {
    y: f64,
    height: f64,
    /// How much of its left and right side is taken.
    left: f64,
    right: f64,
}

/// Draws the columns from `first` on, as high as `least` at least.
pub(super) fn draw(graph: &Graph, first: usize, least: f64) -> Drawing {
    let columns = &graph.columns[first..];
    let sum = |items: &Vec<Item>| items.iter().map(|item| item.requests).sum::<u64>();
    let most = columns.iter().map(sum).max().unwrap_or(0);
    let scale = if most == 0 { 0.0 } else { FLOW / float(most) };
    let needed = columns.iter().map(|items| needs(items, scale));
    let height = needed.fold(least, f64::max);
    let mut places: Vec<Vec<Place>> = columns
        .iter()
        .map(|items| stack(items, scale, height))
        .collect();
    let mut ribbons = Vec::new();
    for (column, links) in graph.links[first..].iter().enumerate() {
        let (from, to) = places.split_at_mut(column + 1);
        let (Some(from), Some(to)) = (from.last_mut(), to.first_mut()) else {
            continue;
        };
        let tones = columns[column + 1].iter().map(|item| item.tone);
        let tones: Vec<Tone> = tones.collect();
        let x = (at(column) + BAR, at(column + 1));
        ribbons.extend(links.iter().map(|link| {
            let tone = tones.get(link.to).copied().unwrap_or_default();
            ribbon(link, (from, to), x, (scale, tone))
        }));
    }
    // Lines lie upon the ribbons.
    ribbons.sort_by_key(|ribbon| ribbon.is_line);
    let bars = columns.iter().zip(&places).enumerate();
    Drawing {
        width: number(at(columns.len() - 1) + 132.0),
        height: number(height + TOP + 8.0),
        heads: (0..columns.len())
            .map(|column| (number(at(column)), first + column))
            .collect(),
        bars: bars
            .flat_map(|(column, (items, places))| {
                let both = items.iter().zip(places);
                both.map(move |(item, place)| bar(item, *place, at(column)))
            })
            .collect(),
        ribbons,
    }
}

fn at(column: usize) -> f64 {
    float(column as u64) * WIDE
}

fn float(number: u64) -> f64 {
    // Far below what a float counts exactly.
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn bar_height(item: &Item, scale: f64) -> f64 {
    (float(item.requests) * scale).max(2.0)
}

fn slot(item: &Item, scale: f64) -> f64 {
    (bar_height(item, scale) + 10.0).max(SLOT)
}

fn needs(items: &[Item], scale: f64) -> f64 {
    items.iter().map(|item| slot(item, scale)).sum()
}

/// One below the other, what is left over spread evenly.
fn stack(items: &[Item], scale: f64, height: f64) -> Vec<Place> {
    let over = (height - needs(items, scale)).max(0.0);
    let gap = over / float(items.len() as u64 + 1);
    let mut top = TOP + gap;
    let place = |item: &Item| {
        let (slot, bar) = (slot(item, scale), bar_height(item, scale));
        let y = top + (slot - bar) / 2.0;
        top += slot + gap;
        Place {
            y,
            height: bar,
            left: 0.0,
            right: 0.0,
        }
    };
    items.iter().map(place).collect()
}

fn ribbon(
    link: &Link,
    (from, to): (&mut Vec<Place>, &mut Vec<Place>),
    (x1, x2): (f64, f64),
    (scale, tone): (f64, Tone),
) -> Ribbon {
    let width = float(link.requests) * scale;
    let (from, to) = (&mut from[link.from], &mut to[link.to]);
    let (y1, y2) = (from.y + from.right, to.y + to.left);
    from.right += width;
    to.left += width;
    let middle = number((x1 + x2) / 2.0);
    let is_line = width < 1.5;
    // A line runs in the middle of what is nearly no width, within the bar.
    let (y1, y2) = match is_line {
        true => (
            y1.min(from.y + from.height - 1.0) + 0.5,
            y2.min(to.y + to.height - 1.0) + 0.5,
        ),
        false => (y1, y2),
    };
    let (x1, x2) = (number(x1), number(x2));
    let there = format!(
        "M{x1} {}C{middle} {} {middle} {} {x2} {}",
        number(y1),
        number(y1),
        number(y2),
        number(y2)
    );
    let path = match is_line {
        true => there,
        false => {
            let (low1, low2) = (number(y1 + width), number(y2 + width));
            format!("{there}V{low2}C{middle} {low2} {middle} {low1} {x1} {low1}z")
        }
    };
    Ribbon {
        path,
        class: match tone {
            Tone::Down => "down",
            Tone::Warn => "warn",
            _ if link.requests == 0 => "cm",
            _ => "cf",
        },
        is_line,
        is_dashed: tone == Tone::Down,
    }
}

fn bar(item: &Item, place: Place, x: f64) -> Bar {
    let middle = place.y + place.height / 2.0;
    let text_x = x + if item.is_node { 30.0 } else { 12.0 };
    Bar {
        x: number(x),
        y: number(place.y),
        height: number(place.height),
        class: match item.tone {
            Tone::Down => "down",
            Tone::Warn => "warn",
            _ if item.requests == 0 => "cm",
            _ => "cf",
        },
        mark_x: number(x + 14.0),
        mark_y: number(middle - 12.0),
        text_x: number(text_x),
        name_y: number(middle - 3.0),
        below_y: number(middle + 12.0),
        mark: match item.tone {
            Tone::Up | Tone::Plain => ("up", "s-up"),
            Tone::Warn => ("warn", "s-half"),
            Tone::Down => ("down", "s-down"),
            Tone::Off => ("m", "s-off"),
            Tone::Unknown => ("m", "s-unknown"),
        },
        below_class: match item.tone {
            Tone::Down => "down",
            Tone::Warn => "warn",
            _ => "m2",
        },
        item: item.clone(),
    }
}

/// A coordinate, to a tenth.
fn number(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}
