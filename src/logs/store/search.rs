//! Searching: the newest first, a page at a time, and never more than a bounded look.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

use super::catalog::Catalog;
use super::decode::{Raw, each};
use super::encode::since_1970;
use super::filter::Filter;
use super::segment::{Segment, SegmentError};
use super::summary::Summary;
use crate::logs::{LineWriter, Record};
use crate::model::LogFormat;

/// Limit: records on a page.
pub const MAX_PAGE: usize = 200;

/// Limit: records and summaries looked at for a page, give or take a block. Some hundredths of a
/// second; a search for what is rare goes on from there.
pub const MAX_VISITED: u64 = 100_000;

/// Which record: its segment, its block there, its place in that. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordId {
    segment: u64,
    block: i64,
    place: usize,
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.segment, self.block, self.place)
    }
}

impl FromStr for RecordId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '-');
        let mut number = || parts.next()?.parse::<u32>().ok();
        let (segment, block, place) = (number(), number(), number());
        Ok(Self {
            segment: segment.ok_or(())?.into(),
            block: block.ok_or(())?.into(),
            place: place.and_then(|p| usize::try_from(p).ok()).ok_or(())?,
        })
    }
}

/// A record found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which it is.
    pub id: RecordId,
    /// Microseconds since 1970.
    pub time: u64,
    /// The line of the JSON log, or of the format asked for, without line end.
    pub json: String,
}

/// One page of a search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// What was found, the newest first.
    pub records: Vec<Found>,
    /// Where the next page goes on; none at the end.
    pub next: Option<RecordId>,
    /// The time of the oldest record looked at or passed over, in microseconds since 1970; none
    /// where there was nothing.
    pub searched_back_to: Option<u64>,
    /// Records and summaries of blocks looked at.
    pub visited: u64,
    /// Segments that could not be read.
    pub unreadable: Vec<u64>,
}

/// How much a walk may look at, and how far it got.
pub(super) struct Walk<'w> {
    catalog: &'w Catalog,
    filter: &'w Filter,
    /// Where it begins; none is at the newest.
    from: Option<RecordId>,
    pub(super) visited: u64,
    pub(super) back_to: Option<u64>,
    /// Where it stopped: the block to go on with.
    pub(super) stopped: Option<(u64, i64)>,
    unreadable: Vec<u64>,
}

/// What becomes of a block.
pub(super) enum Look {
    /// Into its records.
    Inside,
    Past,
    /// Neither into it nor any further.
    End,
}

impl<'w> Walk<'w> {
    pub(super) fn new(catalog: &'w Catalog, filter: &'w Filter, from: Option<RecordId>) -> Self {
        Self {
            catalog,
            filter,
            from,
            visited: 0,
            back_to: None,
            stopped: None,
            unreadable: Vec::new(),
        }
    }

    /// Goes through the blocks, the newest first, from that of `from` on: `look` says of each
    /// summary whether its records are handed to `take`, which says whether it wants more.
    pub(super) fn run(
        &mut self,
        mut look: impl FnMut((u64, i64), &Summary) -> Look,
        mut take: impl FnMut(u64, i64, &[u8]) -> Result<bool, SegmentError>,
    ) {
        let (catalog, from) = (self.catalog, self.from);
        for (number, about) in catalog.newest_first() {
            if from.is_some_and(|from| number > from.segment) {
                continue;
            }
            let newest = match from {
                Some(from) if from.segment == number => from.block,
                _ => i64::MAX,
            };
            if self.visited >= MAX_VISITED {
                self.stopped = Some((number, newest));
                return;
            }
            self.visited += 1;
            if about.records > 0 && !self.filter.reaches(about.first, about.last) {
                self.reached(about.first);
                continue;
            }
            let gone_through = Segment::read(&catalog.path(number)).and_then(|segment| {
                segment.blocks_from(newest, |block, summary| {
                    if self.visited >= MAX_VISITED {
                        self.stopped = Some((number, block));
                        return Ok(false);
                    }
                    self.visited += 1;
                    self.reached(summary.first);
                    match look((number, block), summary) {
                        Look::Inside => {}
                        Look::Past => return Ok(true),
                        Look::End => {
                            self.stopped = Some((number, block));
                            return Ok(false);
                        }
                    }
                    self.visited += summary.records;
                    let wants_more = take(number, block, &segment.records(block)?)?;
                    if !wants_more {
                        self.stopped = Some((number, block));
                    }
                    Ok(wants_more)
                })
            });
            if let Err(error) = gone_through
                // Removed meanwhile, as the oldest: there is nothing wrong.
                && catalog.path(number).exists()
            {
                tracing::warn!("segment {number} of the log store cannot be read: {error}");
                self.unreadable.push(number);
            }
            if self.stopped.is_some() {
                return;
            }
        }
    }

    fn reached(&mut self, time: u64) {
        self.back_to = Some(self.back_to.map_or(time, |before| before.min(time)));
    }
}

/// The newest records that `filter` takes, at most `limit` of them, those older than `before`.
pub(super) fn search(
    catalog: &Catalog,
    filter: &Filter,
    limit: usize,
    before: Option<RecordId>,
) -> Page {
    search_in(LogFormat::Json, catalog, filter, (limit, before))
}

/// The same, each as a line of `format`.
pub(super) fn search_in(
    format: LogFormat,
    catalog: &Catalog,
    filter: &Filter,
    (limit, before): (usize, Option<RecordId>),
) -> Page {
    let limit = limit.clamp(1, MAX_PAGE);
    let mut walk = Walk::new(catalog, filter, before);
    let mut lines = LineWriter::new();
    let mut records: Vec<Found> = Vec::new();
    let look = |_: (u64, i64), summary: &Summary| match summary.may_have(filter) {
        true => Look::Inside,
        false => Look::Past,
    };
    walk.run(look, |segment, block, bytes| {
        let mut matching: Vec<(RecordId, Raw<'_>)> = Vec::new();
        let mut place = 0;
        each(bytes, |raw| {
            let id = RecordId {
                segment,
                block,
                place,
            };
            place += 1;
            if before.is_none_or(|before| id < before) && filter.takes(raw) {
                matching.push((id, raw.clone()));
            }
        })?;
        for (id, raw) in matching.into_iter().rev().take(limit - records.len()) {
            records.push(found(id, &raw, (format, &mut lines))?);
        }
        Ok(records.len() < limit)
    });
    let next = match (walk.stopped, records.last()) {
        (None, _) => None,
        // The block may hold more of them.
        (Some(_), Some(last)) if records.len() == limit => Some(last.id),
        (Some((segment, block)), _) => Some(RecordId {
            segment,
            block: block.min(i64::from(u32::MAX)),
            place: usize::try_from(u32::MAX).unwrap_or(usize::MAX),
        }),
    };
    if records.len() == limit
        && let Some(last) = records.last()
    {
        walk.back_to = Some(last.time);
    }
    // Workers hand over in turns: what came within a moment lies in any order.
    records.sort_by_key(|found| std::cmp::Reverse((found.time, found.id)));
    Page {
        records,
        next,
        searched_back_to: walk.back_to,
        visited: walk.visited,
        unreadable: walk.unreadable,
    }
}

/// Those behind `after`, the newest first, at most `limit` of them: for who follows the log.
pub(super) fn newer(catalog: &Catalog, filter: &Filter, limit: usize, after: RecordId) -> Page {
    let limit = limit.clamp(1, MAX_PAGE);
    let mut walk = Walk::new(catalog, filter, None);
    let mut lines = LineWriter::new();
    let mut records: Vec<Found> = Vec::new();
    let look = |at: (u64, i64), summary: &Summary| match summary.may_have(filter) {
        _ if at < (after.segment, after.block) => Look::End,
        true => Look::Inside,
        false => Look::Past,
    };
    walk.run(look, |segment, block, bytes| {
        let mut matching: Vec<(RecordId, Raw<'_>)> = Vec::new();
        let mut place = 0;
        each(bytes, |raw| {
            let id = RecordId {
                segment,
                block,
                place,
            };
            place += 1;
            if id > after && filter.takes(raw) {
                matching.push((id, raw.clone()));
            }
        })?;
        for (id, raw) in matching.into_iter().rev().take(limit - records.len()) {
            records.push(found(id, &raw, (LogFormat::Json, &mut lines))?);
        }
        Ok(records.len() < limit)
    });
    records.sort_by_key(|found| std::cmp::Reverse((found.time, found.id)));
    Page {
        records,
        next: None,
        searched_back_to: walk.back_to,
        visited: walk.visited,
        unreadable: walk.unreadable,
    }
}

/// The record of this id.
pub(super) fn record(catalog: &Catalog, id: RecordId) -> Result<Option<Found>, SegmentError> {
    let path = catalog.path(id.segment);
    if !path.exists() {
        return Ok(None);
    }
    let bytes = Segment::read(&path)?.records(id.block)?;
    let (mut place, mut wanted) = (0, None);
    each(&bytes, |raw| {
        if place == id.place {
            wanted = Some(raw.clone());
        }
        place += 1;
    })?;
    let mut lines = LineWriter::new();
    wanted
        .map(|raw| found(id, &raw, (LogFormat::Json, &mut lines)))
        .transpose()
}

fn found(
    id: RecordId,
    raw: &Raw<'_>,
    (format, lines): (LogFormat, &mut LineWriter),
) -> Result<Found, SegmentError> {
    let mut line = Vec::new();
    raw.with(|record: &Record<'_>| lines.append(format, record, &mut line))?;
    line.truncate(line.trim_ascii_end().len());
    Ok(Found {
        id,
        time: raw.time,
        json: String::from_utf8(line).map_err(|_| SegmentError::Damaged)?,
    })
}

/// Microseconds since 1970 as a date, as in the JSON log.
pub fn date(micros: u64) -> String {
    let time = UNIX_EPOCH
        .checked_add(Duration::from_micros(micros))
        .unwrap_or(UNIX_EPOCH);
    let millis = since_1970(time) / 1000 % 1000;
    let seconds = i64::try_from(micros / 1_000_000).unwrap_or(0);
    let date = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{}.{millis:03}Z", date.strftime("%Y-%m-%dT%H:%M:%S"))
}
