//! Codes that change every half minute (RFC 6238 over RFC 4226): six digits by HMAC-SHA-1, as every
//! authenticator app has them. Pure: the clock is the caller's.

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};

/// Seconds of a step.
const STEP: i64 = 30;

/// Steps that a clock may be off, either way: what passes while somebody types.
const DRIFT: i64 = 1;

/// Digits of a code.
const DIGITS: usize = 6;

/// Bytes of a seed: those of a SHA-1, as RFC 4226 recommends.
pub(super) const SEED: usize = 20;

/// The step of the code that was typed; none where it is of none that could be meant, or of one
/// not after `spent`: each is good once.
pub(super) fn step_of(seed: &[u8], typed: &str, now: i64, spent: i64) -> Option<i64> {
    let plain: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    let is_code = plain.len() == DIGITS && plain.bytes().all(|byte| byte.is_ascii_digit());
    let typed: u32 = plain.parse().ok().filter(|_| is_code)?;
    let here = now.div_euclid(STEP);
    let mut found = None;
    // All are looked at, so that how long it takes tells nothing.
    for step in here - DRIFT..=here + DRIFT {
        if code(seed, step) ^ typed == 0 && step > spent {
            found = Some(step);
        }
    }
    found
}

/// The code of a step.
fn code(seed: &[u8], step: i64) -> u32 {
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let tag = sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or_default() & 0xf);
    let four = tag
        .get(offset..offset + 4)
        .and_then(|four| four.try_into().ok());
    (u32::from_be_bytes(four.unwrap_or_default()) & 0x7fff_ffff) % 1_000_000
}

/// The code of a step as an app shows it.
#[cfg(test)]
pub(super) fn shown(seed: &[u8], step: i64) -> String {
    format!("{:06}", code(seed, step))
}

/// A seed as it is typed: base32 (RFC 4648), without `=`.
pub(super) fn base32(seed: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bit = |index: usize| {
        seed.get(index / 8)
            .map_or(0, |byte| byte >> (7 - index % 8) & 1)
    };
    let letter = |at: usize| (0..5).fold(0, |value, i| value << 1 | bit(at * 5 + i));
    let letters = (0..(seed.len() * 8).div_ceil(5)).map(letter);
    letters
        .map(|value| char::from(LETTERS[usize::from(value)]))
        .collect()
}

/// What an app reads from the picture: whose it is, and the seed.
pub(super) fn url(seed: &[u8], user: &str, host: &str) -> String {
    let label = encoded(&format!("{user}@{host}"));
    format!(
        "otpauth://totp/Steelyard:{label}?secret={}&issuer=Steelyard",
        base32(seed)
    )
}

/// As a part of a URL: all but letters, digits and `-._~` by their bytes.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::{base32, code, encoded, step_of, url};

    const SEED: &[u8] = b"12345678901234567890";

    #[test]
    fn the_codes_are_those_of_the_rfcs() {
        // RFC 4226, appendix D.
        let of_counters = [755_224, 287_082, 359_152, 969_429, 338_314];
        for (step, expected) in (0..).zip(of_counters) {
            assert_eq!(code(SEED, step), expected);
        }
        // RFC 6238, appendix B: the last six of eight digits.
        for (time, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(step_of(SEED, expected, time, 0), Some(time / 30));
        }
    }

    #[test]
    fn a_code_is_good_once_and_one_step_early_or_late() {
        let typed = "081804";
        let (step, start) = (37_037_036, 37_037_036 * 30);
        for now in [start - 30, start, start + 29, start + 59] {
            assert_eq!(step_of(SEED, typed, now, 0), Some(step), "{now}");
        }
        for now in [start - 31, start + 60] {
            assert_eq!(step_of(SEED, typed, now, 0), None, "{now}");
        }
        assert_eq!(step_of(SEED, typed, start, step - 1), Some(step));
        assert_eq!(step_of(SEED, typed, start, step), None, "used already");
        assert_eq!(step_of(SEED, " 081 804 ", start, 0), Some(step));
        for bad in [
            "",
            "81804",
            "0081804",
            "08180a",
            "+81804",
            "081805",
            "０８１８０４",
        ] {
            assert_eq!(step_of(SEED, bad, start, 0), None, "{bad:?}");
        }
    }

    #[test]
    fn the_seed_is_told_as_apps_read_it() {
        assert_eq!(base32(SEED), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        // RFC 4648, section 10.
        for (bytes, text) in [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foob", "MZXW6YQ")] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        assert_eq!(encoded("李 a&b"), "%E6%9D%8E%20a%26b");
        assert_eq!(
            url(SEED, "ann", "lb-1"),
            "otpauth://totp/Steelyard:ann%40lb-1?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Steelyard"
        );
    }
}
