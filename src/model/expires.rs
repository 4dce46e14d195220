//! How long a static file may be kept: nginx's `expires` in all its forms.

use std::fmt;

/// What `Expires` and `Cache-Control` say of a file (nginx `ngx_http_headers_module`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expires {
    /// Neither field is touched.
    #[default]
    Off,
    /// This many seconds from now; negative is already past.
    In(i64),
    /// 1970: never kept without asking again.
    Epoch,
    /// The end of 2037, ten years.
    Max,
    /// This many seconds after the file last changed.
    Modified(i64),
    /// At this second of the local day, today or tomorrow.
    Daily(u32),
}

const DAY: i64 = 86_400;

impl Expires {
    /// Takes `off`, `epoch`, `max`, `30d`, `-1`, `modified +24h` or `@15h30m`.
    ///
    /// # Errors
    /// The phrase for the operator when the text is none of these.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "must be off, epoch, max or a time such as 30d, -1, modified +24h, @15h30m (is {text:?})"
            )
        };
        match text {
            "off" => return Ok(Self::Off),
            "epoch" => return Ok(Self::Epoch),
            "max" => return Ok(Self::Max),
            _ => {}
        }
        if let Some(time) = text.strip_prefix('@') {
            let at = seconds(time).ok_or_else(bad)?;
            return match u32::try_from(at) {
                Ok(at) if i64::from(at) < DAY => Ok(Self::Daily(at)),
                _ => Err("must be a time of day below @24h".into()),
            };
        }
        let (make, time): (fn(i64) -> Self, &str) = match text.strip_prefix("modified ") {
            Some(time) => (Self::Modified, time.trim_start()),
            None => (Self::In, text),
        };
        let signed = match time.strip_prefix('-') {
            Some(time) => seconds(time).map(|s| -s),
            None => seconds(time.strip_prefix('+').unwrap_or(time)),
        };
        signed.map(make).ok_or_else(bad)
    }
}

/// nginx's units, each at most once and in this order; bare digits are seconds.
const UNITS: [(char, i64); 7] = [
    ('y', 365 * DAY),
    ('M', 30 * DAY),
    ('w', 7 * DAY),
    ('d', DAY),
    ('h', 3600),
    ('m', 60),
    ('s', 1),
];

fn seconds(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total: i64 = 0;
    let mut next_unit = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let value: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.chars().next().unwrap_or('s');
        let place = UNITS.iter().position(|(c, _)| *c == unit)?;
        if place < next_unit {
            return None;
        }
        next_unit = place + 1;
        total = value.checked_mul(UNITS[place].1)?.checked_add(total)?;
        rest = rest.get(1..).unwrap_or("");
    }
    // Thirty thousand years: a date beyond it cannot be written in a header.
    (total < 1_000_000_000_000).then_some(total)
}

impl fmt::Display for Expires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Off => f.write_str("off"),
            Self::Epoch => f.write_str("epoch"),
            Self::Max => f.write_str("max"),
            Self::In(s) => f.write_str(&spelled(s)),
            Self::Modified(s) if s < 0 => write!(f, "modified {}", spelled(s)),
            Self::Modified(s) => write!(f, "modified +{}", spelled(s)),
            Self::Daily(s) => write!(f, "@{}", spelled(i64::from(s))),
        }
    }
}

/// The one way `export` writes a time: days, hours, minutes, seconds.
fn spelled(seconds: i64) -> String {
    if seconds == 0 {
        return "0".into();
    }
    let mut left = seconds.abs();
    let mut text = String::from(if seconds < 0 { "-" } else { "" });
    for (unit, length) in UNITS.into_iter().skip(3) {
        if left >= length {
            text.push_str(&format!("{}{unit}", left / length));
            left %= length;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Expires;

    #[test]
    fn every_form_of_nginx_is_read_and_written_back() {
        for (text, value, written) in [
            ("off", Expires::Off, "off"),
            ("epoch", Expires::Epoch, "epoch"),
            ("max", Expires::Max, "max"),
            ("0", Expires::In(0), "0"),
            ("-1", Expires::In(-1), "-1s"),
            ("30d", Expires::In(2_592_000), "30d"),
            ("1h30m", Expires::In(5400), "1h30m"),
            ("2y", Expires::In(63_072_000), "730d"),
            ("modified +24h", Expires::Modified(86_400), "modified +1d"),
            ("modified -1h", Expires::Modified(-3600), "modified -1h"),
            ("@15h30m", Expires::Daily(55_800), "@15h30m"),
        ] {
            assert_eq!(Expires::parse(text), Ok(value), "{text}");
            assert_eq!(value.to_string(), written);
            assert_eq!(Expires::parse(written), Ok(value), "{written}");
        }
        for bad in [
            "",
            "1m1h",
            "5x",
            "@24h",
            "d",
            "--1",
            "1h1h",
            "modified",
            "99999999999y",
        ] {
            assert!(Expires::parse(bad).is_err(), "{bad:?} passed");
        }
    }
}
