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

/// Bytes, as the document counts them: 1 KiB is 1024.
pub(super) fn size(bytes: impl Borrow<u64>) -> String {
    let bytes = *bytes.borrow();
    let (unit, shift) = match bytes {
        0..1_024 => return format!("{bytes}\u{a0}B"),
        1_024..1_048_576 => ("KiB", 10),
        1_048_576..1_073_741_824 => ("MiB", 20),
        _ => ("GiB", 30),
    };
    let tenths = (u128::from(bytes) * 10) >> shift;
    match tenths {
        whole if whole.is_multiple_of(10) => format!("{}\u{a0}{unit}", whole / 10),
        tenths => format!("{}.{}\u{a0}{unit}", tenths / 10, tenths % 10),
    }
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

    use super::{grouped, rate, size, time};
    use crate::admin::texts::Texts;
    use crate::model::Language;

    #[test]
    fn figures_are_short_and_have_their_unit() {
        let all = [0, 7, 999, 1_000, 12_345, 1_234_567].map(|n: u64| grouped(n));
        assert_eq!(all, ["0", "7", "999", "1,000", "12,345", "1,234,567"]);
        let all = [0, 1_023, 1_024, 1_536, 256 << 20, 3 << 30, u64::MAX].map(|n: u64| size(n));
        let all = all.map(|text| text.replace('\u{a0}', " "));
        assert_eq!(
            all,
            [
                "0 B",
                "1023 B",
                "1 KiB",
                "1.5 KiB",
                "256 MiB",
                "3 GiB",
                "17179869183.9 GiB"
            ]
        );
        let t = Texts(Language::English);
        let all = [0.0, 0.004, 0.5, 0.982, 0.999, 1.0].map(|part| rate(t, part));
        assert_eq!(all, ["0 %", "0.4 %", "50 %", "98 %", "99.9 %", "100 %"]);
        let all = [84, 1_250, 38_400].map(|micros| time(t, Duration::from_micros(micros)));
        let all = all.map(|text| text.replace('\u{a0}', " "));
        assert_eq!(all, ["0.08 ms", "1.2 ms", "38 ms"]);
    }
}
