//! Numbers as people read them, short enough for a drawing.

use std::time::Duration;

use crate::admin::texts::Texts;

/// A rate: as many digits as say something. `61.2`, `0.05`, `1840`.
pub(super) fn rate(requests: u64, seconds: u64) -> String {
    let seconds = seconds.max(1);
    let hundredths = (requests.saturating_mul(100) + seconds / 2) / seconds;
    match hundredths {
        0 if requests > 0 => "0.01".to_owned(),
        0 => "0".to_owned(),
        1..10 => format!("0.{hundredths:02}"),
        10..10_000 => {
            let tenths = (requests.saturating_mul(10) + seconds / 2) / seconds;
            format!("{}.{}", tenths / 10, tenths % 10)
        }
        _ => ((requests + seconds / 2) / seconds).to_string(),
    }
}

/// A time taken: `38 ms`, `0.4 ms`, `1.2 s`.
pub(super) fn time(t: Texts, time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..1_000_000 => t.milliseconds(milliseconds(time)),
        _ => {
            let tenths = (micros + 50_000) / 100_000;
            t.in_seconds(format!("{}.{}", tenths / 10, tenths % 10))
        }
    }
}

/// A time in milliseconds: `0.4`, `38`.
pub(super) fn milliseconds(time: Duration) -> String {
    match time.as_micros() {
        micros @ 0..10_000 => format!("{}.{}", micros / 1000, micros % 1000 / 100),
        micros => ((micros + 500) / 1000).to_string(),
    }
}

/// A text of at most `most` characters, its end left out.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{cut, rate, time};
    use crate::admin::texts::Texts;
    use crate::model::Language;

    #[test]
    fn a_rate_has_as_many_digits_as_say_something() {
        for (requests, seconds, words) in [
            (0, 60, "0"),
            (1, 60, "0.02"),
            (1, 1000, "0.01"),
            (6, 60, "0.1"),
            (3672, 60, "61.2"),
            (110_400, 60, "1840"),
            (6000, 60, "100"),
            (5999, 60, "100.0"),
            (7, 0, "7.0"),
            (u64::MAX, 1, "18446744073709551615"),
        ] {
            assert_eq!(rate(requests, seconds), words, "{requests} in {seconds}");
        }
    }

    #[test]
    fn a_time_has_its_unit() {
        let t = Texts(Language::English);
        for (micros, words) in [
            (0, "0.0 ms"),
            (420, "0.4 ms"),
            (38_400, "38 ms"),
            (1_240_000, "1.2 s"),
            (61_000_000, "61.0 s"),
        ] {
            assert_eq!(time(t, Duration::from_micros(micros)), words);
        }
    }

    #[test]
    fn what_is_too_long_is_cut_by_characters() {
        assert_eq!(cut("shop", 4), "shop");
        assert_eq!(cut("/商店/商品", 4), "/商店…");
    }
}
