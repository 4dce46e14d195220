//! Patterns of `KEYS` and `SCAN`: `*`, `?`, `[a-z]`, `[^a]`, and `\` before what is meant as it stands.

/// Whether all of a key matches a pattern, by the rules of Redis, in time of at most their product: after a `*` that
/// failed only the last one is tried further, which finds all there is to find.
pub(crate) fn matches(pattern: &[u8], key: &[u8]) -> bool {
    let (mut p, mut k) = (0, 0);
    // Where the last `*` stood, and the key's byte from which on it matches the least.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let next = if k < key.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    star = Some((p + 1, k));
                    p += 1;
                    continue;
                }
                Some(_) => one(&pattern[p..], key[k]),
                None => None,
            }
        } else {
            let rest = &pattern[p.min(pattern.len())..];
            return rest.iter().all(|byte| *byte == b'*');
        };
        match (next, star) {
            (Some(used), _) => {
                p += used;
                k += 1;
            }
            (None, Some((after, from))) => {
                star = Some((after, from + 1));
                p = after;
                k = from + 1;
            }
            (None, None) => return false,
        }
    }
}

/// How many bytes of the pattern one byte of the key has matched.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'[', class @ ..] => class_of(class, byte).map(|used| used + 1),
        [b'\\', literal, ..] => (*literal == byte).then_some(2),
        [literal, ..] => (*literal == byte).then_some(1),
        [] => None,
    }
}

/// A class without its `[`. One that does not end does so with the pattern.
fn class_of(class: &[u8], byte: u8) -> Option<usize> {
    let not = class.first() == Some(&b'^');
    let mut at = usize::from(not);
    let mut found = false;
    loop {
        match &class[at.min(class.len())..] {
            [b'\\', literal, ..] => {
                found |= *literal == byte;
                at += 2;
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [] => break,
            [low, b'-', high, ..] => {
                found |= (*low.min(high)..=*low.max(high)).contains(&byte);
                at += 3;
            }
            [literal, ..] => {
                found |= *literal == byte;
                at += 1;
            }
        }
    }
    (found != not).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_redis() {
        for (pattern, key, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("sess:*", "sess:1", true),
            ("sess:*", "sess", false),
            ("*a*b", "xaxbxb", true),
            ("*a*b", "xaxbxc", false),
            ("h?llo", "hello", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("h\\*llo", "h*llo", true),
            ("h\\*llo", "hello", false),
            ("h[\\]]llo", "h]llo", true),
            ("a[b", "ab", true),
            ("a[", "a", false),
            ("a\\", "a\\", true),
            ("**a**", "a", true),
        ] {
            let got = matches(pattern.as_bytes(), key.as_bytes());
            assert_eq!(got, expected, "{pattern} {key}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_exponential_time() {
        let pattern = b"*a".repeat(40);
        assert!(!matches(&[&pattern[..], b"b"].concat(), &b"a".repeat(4000)));
    }
}
