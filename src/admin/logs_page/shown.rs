//! What a client or a node sent, and figures, as a page shows them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::admin::texts::Texts;
use crate::model::Language;

/// Limit: characters of a path in a row; the record shows it whole.
const IN_A_ROW: usize = 240;

/// A text from outside with nothing in it that is not seen: control characters, and those that
/// turn the direction or have no width, stand there as what they are.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0'..='\x1f' => out.extend(char::from_u32(0x2400 + u32::from(c))),
            '\x7f' => out.push('\u{2421}'),
            '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}' => {
                out.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

/// The same, no longer than a row has room for.
pub(super) fn short(whole: &str) -> String {
    let mut out = text(&whole.chars().take(IN_A_ROW).collect::<String>());
    if whole.chars().nth(IN_A_ROW).is_some() {
        out.push('…');
    }
    out
}

/// A count with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// How long something took: the number and its unit.
pub(super) fn took(time: Duration) -> (String, &'static str) {
    let millis = time.as_secs_f64() * 1000.0;
    match millis {
        _ if time.is_zero() => ("0".to_owned(), "ms"),
        ..0.095 => ("< 0.1".to_owned(), "ms"),
        ..9.95 => (format!("{millis:.1}"), "ms"),
        ..9_999.5 => (
            count(time.as_micros().div_ceil(1000).try_into().unwrap_or(0)),
            "ms",
        ),
        _ => (format!("{:.1}", time.as_secs_f64()), "s"),
    }
}

/// The same in one.
pub(super) fn time(time: Duration) -> String {
    let (number, unit) = took(time);
    format!("{number}\u{a0}{unit}")
}

/// Bytes, in the unit that suits them.
pub(super) fn bytes(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let bytes = bytes as f64;
    match bytes {
        0.0 => "0".to_owned(),
        ..99_950.0 => format!("{:.1}\u{a0}kB", (bytes / 1e3).max(0.1)),
        ..999_500.0 => format!("{:.0}\u{a0}kB", bytes / 1e3),
        ..999_500_000.0 => format!("{:.1}\u{a0}MB", bytes / 1e6),
        _ => format!("{:.1}\u{a0}GB", bytes / 1e9),
    }
}

/// A time by this machine's clock, in microseconds since 1970.
pub(super) fn local(micros: u64, format: &str) -> String {
    let micros = i64::try_from(micros).unwrap_or(0);
    let time = Timestamp::from_microsecond(micros).unwrap_or_default();
    time.to_zoned(TimeZone::system())
        .strftime(format)
        .to_string()
}

/// A time of day; with its date where that is not today's.
pub(super) fn moment(micros: u64) -> String {
    let today = Timestamp::now().to_zoned(TimeZone::system());
    match local(micros, "%Y-%m-%d") == today.strftime("%Y-%m-%d").to_string() {
        true => local(micros, "%H:%M:%S"),
        false => local(micros, "%m-%d\u{a0}%H:%M:%S"),
    }
}

/// The class of a status in colour and shape.
pub(super) fn mark(status: u16) -> (&'static str, &'static str) {
    match status {
        200..=299 => ("up", "s-up"),
        400..=499 => ("warn", "s-half"),
        500..=599 => ("down", "s-down"),
        _ => ("m", "s-off"),
    }
}

/// The codes that are offered to be searched for.
pub(super) const REASONS: [&str; 19] = [
    "no_node",
    "node_refused",
    "node_connect_timeout",
    "node_timeout",
    "node_tls",
    "node_reset",
    "node_bad_response",
    "queue_full",
    "queue_timeout",
    "client_gone",
    "client_timeout",
    "no_site",
    "no_route",
    "no_file",
    "forbidden",
    "bad_request",
    "body_too_large",
    "head_too_large",
    "too_many_connections",
];

/// What a reason code means; one that a newer version wrote is shown as it is.
pub(super) fn reason(t: Texts, code: &str) -> String {
    let words = match code {
        "bad_request" => t.log_r_bad_request(),
        "target_too_long" => t.log_r_target_too_long(),
        "head_too_large" => t.log_r_head_too_large(),
        "body_too_large" => t.log_r_body_too_large(),
        "client_timeout" => t.log_r_client_timeout(),
        "client_gone" => t.log_r_client_gone(),
        "no_site" => t.log_r_no_site(),
        "misdirected" => t.log_r_misdirected(),
        "no_route" => t.log_r_no_route(),
        "no_file" => t.log_r_no_file(),
        "forbidden" => t.log_r_forbidden(),
        "method_not_allowed" => t.log_r_method_not_allowed(),
        "too_many_connections" => t.log_r_too_many_connections(),
        "no_node" => t.log_r_no_node(),
        "queue_full" => t.log_r_queue_full(),
        "queue_timeout" => t.log_r_queue_timeout(),
        "node_refused" => t.log_r_node_refused(),
        "node_connect_timeout" => t.log_r_node_connect_timeout(),
        "node_timeout" => t.log_r_node_timeout(),
        "node_tls" => t.log_r_node_tls(),
        "node_reset" => t.log_r_node_reset(),
        "node_bad_response" => t.log_r_node_bad_response(),
        "not_upgraded" => t.log_r_not_upgraded(),
        "tunnel_idle" => t.log_r_tunnel_idle(),
        "internal" => t.log_r_internal(),
        other => return text(other),
    };
    words.to_owned()
}

/// A browser by what it says of itself, as far as it is known: `Firefox 145`, `Windows`.
pub(super) fn browser(t: Texts, agent: &str) -> String {
    const BROWSERS: [(&str, &str); 6] = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Version/", "Safari"),
        ("curl/", "curl"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let known = BROWSERS.iter().find_map(|(sign, name)| {
        let version = agent.split_once(sign)?.1;
        let version: String = version.chars().take_while(char::is_ascii_digit).collect();
        Some(format!("{name} {version}").trim_end().to_owned())
    });
    let Some(known) = known else {
        return text(agent);
    };
    let system = SYSTEMS.iter().find(|(sign, _)| agent.contains(sign));
    match (system, t.0) {
        (Some((_, system)), Language::English) => format!("{known} on {system}"),
        (Some((_, system)), Language::Chinese) => format!("{known}（{system}）"),
        (None, _) => known,
    }
}

#[cfg(test)]
mod tests {
    use super::{browser, bytes, count, reason, short, text, time};
    use crate::admin::texts::Texts;
    use crate::model::Language::{Chinese, English};
    use std::time::Duration;

    #[test]
    fn nothing_that_cannot_be_seen_stays_unseen() {
        let hostile = "/a\x1b[2J\r\n\0\x7f\u{202e}gpj.exe\u{200b}\u{9b}é";
        assert_eq!(text(hostile), "/a␛[2J␍␊␀␡\\u{202e}gpj.exe\\u{200b}\\u{9b}é");
        assert_eq!(short(&"x".repeat(10_000)).chars().count(), 241);
        assert_eq!(short("/a"), "/a");
    }

    #[test]
    fn figures_have_their_unit_and_are_no_longer_than_they_need_be() {
        let of = |micros| time(Duration::from_micros(micros)).replace('\u{a0}', " ");
        for (micros, shown) in [
            (0, "0 ms"),
            (20, "< 0.1 ms"),
            (200, "0.2 ms"),
            (9_900, "9.9 ms"),
            (37_000, "37 ms"),
            (1_088_000, "1\u{202f}088 ms"),
            (12_340_000, "12.3 s"),
        ] {
            assert_eq!(of(micros), shown);
        }
        assert_eq!(bytes(0), "0");
        assert_eq!(bytes(18_240), "18.2\u{a0}kB");
        assert_eq!(bytes(212_000_000), "212.0\u{a0}MB");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
    }

    #[test]
    fn browsers_and_reasons_are_words() {
        let agent = "Mozilla/5.0 (Windows NT 10.0; rv:145.0) Gecko/20100101 Firefox/145.0";
        assert_eq!(browser(Texts(English), agent), "Firefox 145 on Windows");
        assert_eq!(browser(Texts(Chinese), agent), "Firefox 145（Windows）");
        assert_eq!(browser(Texts(English), "Go-http\x1b"), "Go-http␛");
        for status in 0..1000_u16 {
            super::mark(status);
        }
        assert!(reason(Texts(Chinese), "node_refused").starts_with("拒绝连接"));
        assert_eq!(reason(Texts(Chinese), "from_the_future"), "from_the_future");
    }
}
