//! Figures of the session store as people read them.

use std::borrow::Borrow;
use std::time::Duration;

use crate::admin::texts::Texts;

/// A number with its thousands apart.
pub(super) fn grouped(number: impl Borrow<u64>) -> String {
    let digits = number.borrow().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A part as a percent; what is nearly all, or nearly nothing, is not told as all or nothing.
pub(super) fn rate(t: Texts, part: f64) -> String {
    let percent = part * 100.0;
    match percent {
        0.0 | 100.0 => t.percent(percent),
        percent if !(1.0..99.0).contains(&percent) => t.percent(format!("{percent:.1}")),
        percent => t.percent(format!("{percent:.0}")),
    }
}

/// A time of an answer: `0.08 ms`, `1.2 ms`, `38 ms`.
pub(super) fn time(t: Texts, time: Duration) -> String {
    let micros = time.as_micros();
    t.milliseconds(match micros {
        0..1_000 => format!("0.{:02}", micros / 10),
        1_000..10_000 => format!("{}.{}", micros / 1_000, micros % 1_000 / 100),
        _ => (micros / 1_000).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{grouped, rate, time};
    use crate::admin::texts::Texts;
    use crate::model::Language;

    #[test]
    fn figures_are_short_and_have_their_unit() {
        let all = [0, 7, 999, 1_000, 12_345, 1_234_567].map(|n: u64| grouped(n));
        assert_eq!(all, ["0", "7", "999", "1,000", "12,345", "1,234,567"]);
        let t = Texts(Language::English);
        let all = [0.0, 0.004, 0.5, 0.982, 0.999, 1.0].map(|part| rate(t, part));
        assert_eq!(all, ["0 %", "0.4 %", "50 %", "98 %", "99.9 %", "100 %"]);
        let all = [84, 1_250, 38_400].map(|micros| time(t, Duration::from_micros(micros)));
        let all = all.map(|text| text.replace('\u{a0}', " "));
        assert_eq!(all, ["0.08 ms", "1.2 ms", "38 ms"]);
    }
}
