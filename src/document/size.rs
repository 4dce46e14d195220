//! Sizes in bytes as text: `64k`, `1MiB`, `4096`. Powers of 1024.

/// From large to small; a size is written in the first that divides it.
const UNITS: [(&str, u64); 4] = [
    ("t", 1 << 40),
    ("g", 1 << 30),
    ("m", 1 << 20),
    ("k", 1 << 10),
];

/// Takes `text` as a size; no unit is bytes.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let bad = || format!("must be a size such as 64k, 1MiB or 4096 (is {text:?})");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.to_ascii_lowercase();
    let factor = match unit.strip_suffix("ib").unwrap_or(&unit) {
        "" if unit.is_empty() => 1,
        name => {
            let unit = UNITS.iter().find(|(known, _)| *known == name);
            unit.ok_or_else(bad)?.1
        }
    };
    let number: u64 = number.parse().map_err(|_| bad())?;
    number.checked_mul(factor).ok_or_else(bad)
}

/// The one way a size is written as text.
pub(super) fn write(size: u64) -> String {
    let unit = UNITS
        .iter()
        .find(|(_, factor)| size.is_multiple_of(*factor));
    match unit {
        Some((name, factor)) if size > 0 => format!("{}{name}", size / factor),
        _ => size.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, write};

    #[test]
    fn a_size_is_read_in_every_form_and_written_in_one() {
        for (text, size, written) in [
            ("0", 0, "0"),
            ("4096", 4096, "4k"),
            ("4097", 4097, "4097"),
            ("1k", 1024, "1k"),
            ("1K", 1024, "1k"),
            ("1KiB", 1024, "1k"),
            ("100m", 104_857_600, "100m"),
            ("1MiB", 1 << 20, "1m"),
            ("2g", 2 << 30, "2g"),
            ("1024g", 1 << 40, "1t"),
        ] {
            assert_eq!(parse(text), Ok(size), "{text}");
            assert_eq!(write(size), written);
            assert_eq!(parse(written), Ok(size));
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for bad in [
            "",
            "k",
            "1kb",
            "1 k",
            "-1",
            "+1",
            "1.5k",
            "ib",
            "1ib",
            "1x",
            "é",
            "1é",
            "99999999t",
            "99999999999999999999",
        ] {
            let message = parse(bad).unwrap_err();
            let expected = format!("must be a size such as 64k, 1MiB or 4096 (is {bad:?})");
            assert_eq!(message, expected);
        }
    }
}
