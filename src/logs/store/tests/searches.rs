//! Searching: what is found, in which order, and how much is looked at for it.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{prop_assert_eq, proptest};
use proptest::sample::select;

use super::{AGELESS, BEGIN, SECOND, Store, at, packet, values};
use crate::logs::Record;
use crate::logs::store::encode::{HEAD, Packet};
use crate::logs::store::filter::Filter;
use crate::logs::store::histogram::histogram;
use crate::logs::store::lent::Home;
use crate::logs::store::numbers::WIDE;
use crate::logs::store::search::{MAX_VISITED, Page, newer, record, search};
use crate::model::LogStore;

/// Records of one packet of the large store.
const EACH: u64 = 1000;

/// A packet of a thousand ordinary records, made once and then only moved in time and given new
/// request ids: a million are to be there in seconds.
struct Mould {
    behind_time: Vec<u8>,
    ids: Vec<usize>,
}

impl Mould {
    fn new() -> Self {
        let ids: Vec<String> = (0..EACH).map(|n| format!("id-0000000-{n:03}")).collect();
        let records: Vec<Record<'_>> = (0..EACH)
            .map(|n| ordinary(n, ids[usize::try_from(n).unwrap()].as_bytes()))
            .collect();
        let bytes = packet(&records).bytes;
        let behind_time = bytes[HEAD + stamp(0).len()..].to_vec();
        let found = memchr::memmem::find_iter(&behind_time, b"id-0000000-");
        let ids: Vec<usize> = found.map(|place| place + 3).collect();
        assert_eq!(ids.len() as u64, EACH);
        Self { behind_time, ids }
    }

    /// The packet of this number, a thousandth of a second between its records.
    fn cast(&mut self, number: u64) -> Packet {
        let digits = format!("{number:07}");
        for place in &self.ids {
            self.behind_time[*place..place + 7].copy_from_slice(digits.as_bytes());
        }
        let mut bytes = vec![0; HEAD];
        bytes.extend(stamp(number * SECOND));
        bytes.extend_from_slice(&self.behind_time);
        let length = u32::try_from(bytes.len() - HEAD).unwrap();
        let records = u32::try_from(EACH).unwrap();
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes[4..8].copy_from_slice(&records.to_le_bytes());
        let bytes = Home::default().lend(bytes);
        Packet { bytes, records }
    }
}

/// The first time of a batch, as it is written: too long for four bytes.
fn stamp(micros: u64) -> Vec<u8> {
    let mut out = vec![WIDE];
    out.extend(((BEGIN + micros) << 1).to_le_bytes());
    out
}

/// One in a thousand fails; the rest are what a shop has.
fn ordinary(n: u64, id: &[u8]) -> Record<'_> {
    const PATHS: [&[u8]; 4] = [b"/", b"/cart/", b"/static/app.css", b"/api/items"];
    let small = |n: u64| u8::try_from(n).unwrap();
    let fails = n == 77;
    Record {
        request_id: id,
        status: if fails { 502 } else { 200 },
        reason: fails.then_some("node_refused"),
        path: PATHS[usize::try_from(n % 4).unwrap()],
        client_ip: IpAddr::from([10, 0, small(n % 3), small(n % 200)]),
        total: Duration::from_millis(n % 300),
        ..at(n * 1000)
    }
}

/// The one that is searched for in a million.
fn special(micros: u64) -> Record<'static> {
    Record {
        request_id: b"the-one",
        status: 404,
        reason: Some("no_route"),
        site: Some("blog"),
        pool: Some("other"),
        node: Some("web-9"),
        method: b"PURGE",
        path: b"/secret/report.pdf",
        client_ip: IpAddr::from([203, 0, 113, 9]),
        total: Duration::from_secs(30),
        ..at(micros)
    }
}

/// So many packets, the special one behind a tenth of them.
fn large(store: &mut Store, packets: u64) {
    let mut mould = Mould::new();
    for number in 0..packets {
        let packet = mould.cast(number);
        store.keeper().take(packet);
        if number == packets / 10 {
            store.take(&[special(number * SECOND + SECOND - 1)]);
        }
    }
    store.keeper().flush();
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// A search by name: what is searched for, how many are on the first page, and whether
/// summaries lead to it.
type Named = (&'static str, Filter, usize, bool);

fn twelve(packets: u64) -> Vec<Named> {
    let middle = BEGIN + packets / 2 * SECOND;
    let one = |name, set: &dyn Fn(&mut Filter)| {
        let mut filter = Filter::default();
        set(&mut filter);
        (name, filter, 1, true)
    };
    let (_, everything, ..) = one("", &|_| ());
    let (_, failed, ..) = one("", &|f| f.status = vec![500..=599]);
    let (_, slice, ..) = one("", &|f| {
        (f.from, f.to) = (Some(middle), Some(middle + 3 * SECOND));
        f.path = text("/cart/");
    });
    vec![
        ("the newest", everything, 200, true),
        ("a status class", failed, 98, false),
        ("a time and a path", slice, 200, true),
        one("a status", &|f| f.status = vec![404..=404]),
        one("a node", &|f| f.node = text("web-9")),
        one("a node of a pool", &|f| f.node = text("other/web-9")),
        one("a site", &|f| f.site = text("blog")),
        one("a method", &|f| f.method = text("PURGE")),
        one("a client", &|f| {
            f.client = Some("203.0.113.9/32".parse().unwrap())
        }),
        one("slower than", &|f| {
            f.slower_than = Some(Duration::from_secs(20))
        }),
        one("a request id", &|f| f.request_id = text("id-0000003-500")),
        one("a reason", &|f| f.reason = text("no_route")),
    ]
}

/// The first page looks at few records, however many there are; in assurance it takes no time.
#[allow(
    clippy::print_stderr,
    reason = "figures, as `./dev assurance` shows them"
)]
fn looks_at_few(store: &mut Store, named: &Named, packets: u64, assured: bool) {
    let (name, filter, found, by_summary) = named;
    let began = Instant::now();
    let page = store.search(filter);
    let took = began.elapsed();
    // A block more than the limit; or every summary, and a dozen blocks for nothing.
    let few = match by_summary {
        true => packets + packets / 10 + 12 * 1100,
        false => MAX_VISITED + 1100,
    };
    let visited = page.visited;
    assert!(visited <= few, "{name}: visited {visited}");
    let records = page.records.len();
    assert!(records.abs_diff(*found) <= 3, "{name}: {records} found");
    assert!(page.searched_back_to.is_some(), "{name}");
    if assured {
        eprintln!("figure: of {packets}000 records, {name}: {visited} looked at, {took:?}");
        assert!(took < Duration::from_millis(300), "{name}: {took:?}");
    }
}

#[test]
fn twelve_searches_of_a_million_records_look_at_few_of_them() {
    let assured = std::env::var_os("STEELYARD_ASSURANCE").is_some();
    let packets = if assured { 10_000 } else { 1000 };
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::in_folder(dir.path());
    store.keeper().follow(LogStore {
        max_size: 1 << 40,
        ..AGELESS
    });
    large(&mut store, packets);
    for named in twelve(packets) {
        looks_at_few(&mut store, &named, packets, assured);
    }
    // What no summary knows is gone on with until it is found.
    let filter = Filter {
        path: text("report"),
        ..Filter::default()
    };
    let (ids, pages) = store.all(&filter, 200);
    assert_eq!(ids.len(), 1);
    let most = usize::try_from(packets * EACH / MAX_VISITED + 2).unwrap();
    assert!((2..=most).contains(&pages), "{pages} pages");
    let first: Page = search(&store.catalog, &filter, 200, None);
    assert!(first.records.is_empty() && first.next.is_some());
    assert!(first.searched_back_to.unwrap() > BEGIN + packets / 10 * SECOND);
    // Every one is there: ten parts, each of whole blocks but at its ends.
    let span = (BEGIN, BEGIN + packets * SECOND);
    let parts = histogram(&store.catalog, &Filter::default(), span, 10);
    assert!(
        parts.visited <= packets + packets / 10 + 12 * 1100,
        "{}",
        parts.visited
    );
    let total: u64 = parts.buckets.iter().flat_map(|bucket| bucket.classes).sum();
    assert_eq!((total, parts.searched_back_to), (packets * EACH + 1, None));
}

#[test]
fn pages_hold_every_record_once_and_the_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::in_folder(dir.path());
    for n in 0..2000 {
        store.take(&[at(n * SECOND)]);
    }
    let (ids, pages) = store.all(&Filter::default(), 30);
    assert_eq!((ids.len(), pages), (2000, 2000_usize.div_ceil(30)));
    assert!(ids.is_sorted_by(|a, b| a > b));
    let page = store.search(&Filter::default());
    assert_eq!(page.records.len(), 200);
    assert!(page.records.is_sorted_by(|a, b| a.time > b.time));
    assert_eq!(page.searched_back_to, Some(page.records[199].time));
    // The whole record by its id, and nothing by another's.
    let one = &page.records[7];
    assert_eq!(record(&store.catalog, one.id).unwrap().as_ref(), Some(one));
    assert_eq!(
        record(&store.catalog, "1-1-4000000000".parse().unwrap()).unwrap(),
        None
    );
    assert_eq!(
        record(&store.catalog, "77-1-0".parse().unwrap()).unwrap(),
        None
    );
    assert_eq!(one.id.to_string().parse(), Ok(one.id));
    for bad in [
        "",
        "1",
        "1-2",
        "1-2-3-4",
        "a-b-c",
        "-1-2-3",
        "1-1-99999999999",
    ] {
        assert!(bad.parse::<crate::logs::RecordId>().is_err(), "{bad}");
    }
    // Those behind it.
    let behind = newer(&store.catalog, &Filter::default(), 200, one.id);
    assert_eq!(behind.records, page.records[..7]);
    assert!(
        newer(&store.catalog, &Filter::default(), 200, page.records[0].id)
            .records
            .is_empty()
    );
}

#[test]
fn a_record_found_has_every_field_of_the_json_log_and_hostile_bytes_are_text() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::in_folder(dir.path());
    let path = b"/\"}\n{\"status\":200,\x1b[2J<script>\xff\x00";
    store.take(&[Record {
        path,
        user_agent: Some(b"'; DROP TABLE blocks; --"),
        ..at(0)
    }]);
    let page = store.search(&Filter {
        path: text("<script>"),
        ..Filter::default()
    });
    let value: serde_json::Value = serde_json::from_str(&page.records[0].json).unwrap();
    assert_eq!(value.as_object().unwrap().len(), 24);
    assert_eq!(value["path"], String::from_utf8_lossy(path).as_ref());
    assert_eq!(value["tries"][0]["reason"], "node_refused");
    assert_eq!(value["tries"][1]["first_byte_s"], 0.021);
    assert!(!page.records[0].json.contains(char::is_control));
    assert_eq!(
        store
            .search(&Filter {
                site: text("' OR 1=1 --"),
                ..Filter::default()
            })
            .records
            .len(),
        0
    );
}

#[test]
fn a_node_is_found_by_what_it_answered_and_by_what_it_failed() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::in_folder(dir.path());
    store.take(&[at(0)]);
    for (node, found) in [
        ("web-1", 1),
        ("web-2", 1),
        ("django/web-1", 1),
        ("other/web-1", 0),
        ("web", 0),
        ("", 0),
    ] {
        let page = store.search(&Filter {
            node: text(node),
            ..Filter::default()
        });
        assert_eq!(page.records.len(), found, "{node}");
    }
}

#[test]
fn a_histogram_counts_what_a_search_finds() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::in_folder(dir.path());
    for n in 0..100 {
        let status = if n % 10 == 3 { 503 } else { 200 };
        store.take(&[Record {
            status,
            ..at(n * SECOND)
        }]);
    }
    store.keeper().flush();
    let span = (BEGIN + 10 * SECOND, BEGIN + 90 * SECOND);
    let all = histogram(&store.catalog, &Filter::default(), span, 8);
    assert_eq!(all.buckets.len(), 8);
    for bucket in &all.buckets {
        assert_eq!(bucket.classes, [0, 9, 0, 0, 1]);
    }
    let failed = Filter {
        status: vec![500..=599],
        ..Filter::default()
    };
    let failed = histogram(&store.catalog, &failed, span, 8);
    assert!(
        failed
            .buckets
            .iter()
            .all(|bucket| bucket.classes == [0, 0, 0, 0, 1])
    );
    let nothing = histogram(&store.catalog, &Filter::default(), (5, 5), 8);
    assert!(nothing.buckets.is_empty());
}

proptest! {
    #[test]
    fn a_search_finds_what_looking_at_each_record_finds(
        records in vec((0..50_u64, select(vec![200_u16, 404, 500, 502]), select(vec!["GET", "PUT"]), 0..4_u8), 1..60),
        from in option::of(0..50_u64),
        to in option::of(0..50_u64),
        status in option::of(select(vec![200_u16, 404, 500])),
        method in option::of(select(vec!["GET", "PUT", "POST"])),
        client in option::of(0..5_u8),
        limit in 1..10_usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::in_folder(dir.path());
        for (second, status, method, client) in &records {
            store.take(&[Record {
                status: *status,
                method: method.as_bytes(),
                client_ip: IpAddr::from([10, 0, 0, *client]),
                ..at(second * SECOND)
            }]);
        }
        let filter = Filter {
            from: from.map(|s| BEGIN + s * SECOND),
            to: to.map(|s| BEGIN + s * SECOND),
            status: status.map(|s| s..=s).into_iter().collect(),
            method: method.map(str::to_owned),
            client: client.map(|c| IpAddr::from([10, 0, 0, c]).into()),
            ..Filter::default()
        };
        let expected = records.iter().filter(|(second, st, me, cl)| {
            from.is_none_or(|from| *second >= from)
                && to.is_none_or(|to| *second <= to)
                && status.is_none_or(|status| *st == status)
                && method.is_none_or(|method| *me == method)
                && client.is_none_or(|client| *cl == client)
        });
        let (ids, _) = store.all(&filter, limit);
        prop_assert_eq!(ids.len(), expected.count());
        let page = store.search(&Filter::default());
        prop_assert_eq!(values(&page, "status").len(), records.len());
    }
}
