//! Bytes as people read them.

use std::borrow::Borrow;

/// Bytes, as the document counts them: 1 KiB is 1024.
pub fn size(bytes: impl Borrow<u64>) -> String {
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

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn bytes_are_short_and_have_their_unit() {
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
    }
}
