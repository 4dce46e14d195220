//! What clients ask of the server itself.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use super::hello::VERSION;
use super::table::count;
use super::{Call, Done, Refusal, glob};
use crate::session::memory::Figures;

pub(super) fn info(call: &mut Call<'_, '_, '_>) -> Done {
    let wanted = |section: &str| {
        let mut words = call.args.from(1);
        let all = [&b"all"[..], b"default", b"everything", section.as_bytes()];
        call.args.len() == 1
            || words.any(|word| all.iter().any(|one| word.eq_ignore_ascii_case(one)))
    };
    let databases: Vec<(u8, Figures)> = call
        .session
        .databases()
        .map(|database| (database, call.shared.memory.figures(database)))
        .collect();
    let mut text = String::new();
    for (section, lines) in sections(call, &databases) {
        if wanted(section) {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            let mut title = section.to_owned();
            title[..1].make_ascii_uppercase();
            // Writing into a String cannot fail.
            let _infallible = write!(text, "# {title}\r\n{lines}");
        }
    }
    call.out.text(&text);
    Ok(())
}

fn sections(call: &Call<'_, '_, '_>, databases: &[(u8, Figures)]) -> [(&'static str, String); 6] {
    let counters = &call.shared.counters;
    let commands: u64 = counters
        .commands
        .iter()
        .map(|count| count.load(Ordering::Relaxed))
        .sum();
    let sum = |figure: fn(&Figures) -> u64| -> u64 {
        databases.iter().map(|(_, figures)| figure(figures)).sum()
    };
    let mut keyspace = String::new();
    for (database, figures) in databases.iter().filter(|(_, figures)| figures.keys > 0) {
        let (keys, ending) = (figures.keys, figures.ending);
        let _infallible = write!(
            keyspace,
            "db{database}:keys={keys},expires={ending},avg_ttl=0\r\n"
        );
    }
    [
        (
            "server",
            format!(
                "redis_version:{VERSION}\r\nredis_mode:standalone\r\nserver_name:steelyard\r\n"
            ),
        ),
        (
            "clients",
            format!(
                "connected_clients:{}\r\n",
                counters.connected.load(Ordering::Relaxed)
            ),
        ),
        (
            "memory",
            format!(
                "used_memory:{}\r\nmaxmemory:{}\r\nmaxmemory_policy:noeviction\r\n",
                call.shared.memory.used(),
                call.settings.max_memory
            ),
        ),
        ("persistence", "loading:0\r\n".to_owned()),
        (
            "stats",
            format!(
                "total_connections_received:{}\r\ntotal_commands_processed:{commands}\r\nexpired_keys:{}\r\n\
                 evicted_keys:0\r\nkeyspace_hits:{}\r\nkeyspace_misses:{}\r\n",
                counters.connections.load(Ordering::Relaxed),
                sum(|figures| figures.expired),
                sum(|figures| figures.hits),
                sum(|figures| figures.misses),
            ),
        ),
        ("keyspace", keyspace),
    ]
}

/// Clients that look at the list of commands get on without it.
pub(super) fn command(call: &mut Call<'_, '_, '_>) -> Done {
    let word = call.args.get(1);
    if word.eq_ignore_ascii_case(b"COUNT") {
        call.out.count(count());
    } else if word.eq_ignore_ascii_case(b"DOCS") {
        call.out.map(0);
    } else {
        call.out.array(0);
    }
    Ok(())
}

pub(super) fn config(call: &mut Call<'_, '_, '_>) -> Done {
    let word = call.args.get(1);
    if word.eq_ignore_ascii_case(b"SET") {
        return Err(Refusal::of(
            "ERR this session store is configured in Steelyard's document, not by CONFIG SET",
        ));
    }
    let known = [
        ("maxmemory", call.settings.max_memory.to_string()),
        ("maxmemory-policy", "noeviction".to_owned()),
        ("notify-keyspace-events", String::new()),
        ("databases", "16".to_owned()),
    ];
    let asked = |name: &str| {
        let mut patterns = call.args.from(2);
        patterns.any(|pattern| glob::matches(&pattern.to_ascii_lowercase(), name.as_bytes()))
    };
    let told: Vec<_> = known.iter().filter(|(name, _)| asked(name)).collect();
    call.out.map(told.len());
    for (name, value) in told {
        call.out.bulk(name.as_bytes());
        call.out.bulk(value.as_bytes());
    }
    Ok(())
}
