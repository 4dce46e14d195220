//! In which forms a client takes a file: what `Accept-Encoding` says.

/// A form in which a file may lie on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Zstd,
    Gzip,
    /// The file itself.
    Identity,
}

impl Coding {
    /// Among those a client likes as much: the smallest first, as files packed beforehand go.
    const ALL: [Self; 4] = [Self::Brotli, Self::Zstd, Self::Gzip, Self::Identity];

    /// What the name of a file in this form ends in, behind its own.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
            Self::Identity => "",
        }
    }

    /// What `Content-Encoding` says of it.
    pub(super) fn token(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    fn named(name: &[u8]) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        match name.as_slice() {
            b"br" => Some(Self::Brotli),
            b"zstd" => Some(Self::Zstd),
            // RFC 9110 section 8.4.1.3
            b"gzip" | b"x-gzip" => Some(Self::Gzip),
            b"identity" => Some(Self::Identity),
            _ => None,
        }
    }
}

/// The forms that a client takes, the one it likes best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codings {
    order: [Coding; 4],
    count: usize,
}

impl Codings {
    /// The file itself and nothing else.
    pub const PLAIN: Self = Self {
        order: [Coding::Identity; 4],
        count: 1,
    };

    /// Reads `Accept-Encoding` (RFC 9110 section 12.5.3). Without the field the file itself is
    /// sent: who does not say what it can unpack may not be able to.
    pub fn of(field: Option<&[u8]>) -> Self {
        let Some(field) = field else {
            return Self::PLAIN;
        };
        let mut said = [None; 4];
        let mut others = None;
        for member in field.split(|b| *b == b',') {
            let Some((name, weight)) = member_of(member) else {
                continue;
            };
            if name == b"*" {
                others = others.or(Some(weight));
            } else if let Some(coding) = Coding::named(name) {
                let place = &mut said[coding as usize];
                *place = place.or(Some(weight));
            }
        }
        let weight = |coding: Coding| match (said[coding as usize].or(others), coding) {
            (Some(0), _) => None,
            (Some(weight), _) => Some(weight),
            // It needs no unpacking: taken by everybody who does not refuse it.
            (None, Coding::Identity) => Some(0),
            (None, _) => None,
        };
        let mut taken = Coding::ALL.map(|coding| (weight(coding), coding));
        taken.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        Self {
            order: taken.map(|(_, coding)| coding),
            count: taken.iter().filter(|(weight, _)| weight.is_some()).count(),
        }
    }

    /// The forms, the best first.
    pub(super) fn iter(self) -> impl Iterator<Item = Coding> {
        self.order.into_iter().take(self.count)
    }

    /// A number that no other order of forms has.
    pub(super) fn number(self) -> u32 {
        self.iter()
            .fold(0, |number, coding| number * 5 + coding as u32 + 1)
    }
}

/// A member of the list, and how much it is liked, in thousandths; none where it cannot be read.
fn member_of(member: &[u8]) -> Option<(&[u8], u16)> {
    let mut parts = member.split(|b| *b == b';').map(<[u8]>::trim_ascii);
    let name = parts.next().filter(|name| !name.is_empty())?;
    match (parts.next(), parts.next()) {
        (None, _) => Some((name, 1000)),
        (Some(weight), None) => {
            let (key, value) = weight.split_at_checked(2)?;
            key.eq_ignore_ascii_case(b"q=")
                .then(|| thousandths(value))
                .flatten()
                .map(|weight| (name, weight))
        }
        (Some(_), Some(_)) => None,
    }
}

/// `0`, `1`, `0.5`, `1.000`: three digits behind the point at most.
fn thousandths(value: &[u8]) -> Option<u16> {
    let (whole, rest) = value.split_first()?;
    let digits = match rest {
        [] => rest,
        [b'.', digits @ ..] if digits.len() <= 3 => digits,
        _ => return None,
    };
    let digit = |at: usize| match digits.get(at) {
        None => Some(0),
        Some(digit) if digit.is_ascii_digit() => Some(u16::from(digit - b'0')),
        Some(_) => None,
    };
    let part = digit(0)? * 100 + digit(1)? * 10 + digit(2)?;
    match whole {
        b'0' => Some(part),
        b'1' if part == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Coding, Codings};
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    fn order(field: &str) -> String {
        let of = Codings::of(Some(field.as_bytes()));
        let names: Vec<&str> = of.iter().map(|c| c.token().unwrap_or("-")).collect();
        names.join(" ")
    }

    #[test]
    fn the_form_liked_best_comes_first_and_the_file_itself_last() {
        for (field, expected) in [
            ("gzip, deflate, br, zstd", "br zstd gzip -"),
            ("gzip", "gzip -"),
            ("GZIP , X-GZIP", "gzip -"),
            ("x-gzip", "gzip -"),
            ("gzip;q=1.0, br;q=0.5", "gzip br -"),
            ("gzip; q=0.501 ,br;Q=0.5", "gzip br -"),
            ("gzip;q=0", "-"),
            ("gzip;q=0.000, br", "br -"),
            ("*", "br zstd gzip -"),
            ("*;q=0.5, gzip", "gzip br zstd -"),
            ("gzip, *;q=0", "gzip"),
            ("gzip, identity;q=0", "gzip"),
            ("identity, gzip;q=0.5", "- gzip"),
            ("identity;q=0.5, gzip;q=0.5", "gzip -"),
            ("identity", "-"),
            ("", "-"),
            ("deflate, compress", "-"),
            ("identity;q=0", ""),
            ("*;q=0", ""),
            ("*;q=0, identity;q=0.1", "-"),
            // What cannot be read is not taken for a wish.
            ("gzip;q=2, br;q=0.1234, zstd;q=-1", "-"),
            ("gzip;level=1, br;q, ;q=1, gz ip", "-"),
            ("gzip;q=1;q=0", "-"),
        ] {
            assert_eq!(order(field), expected, "{field}");
        }
        assert_eq!(Codings::of(None), Codings::PLAIN);
    }

    proptest! {
        #[test]
        fn no_field_breaks_it_and_orders_are_told_apart(
            one in any::<Vec<u8>>(), weights in any::<[Option<u8>; 4]>(), others in any::<[Option<u8>; 4]>(),
        ) {
            let odd = Codings::of(Some(&one));
            prop_assert!(odd.iter().count() <= 4);
            let of = |weights: [Option<u8>; 4]| {
                let names = ["br", "zstd", "gzip", "identity"].iter().zip(weights);
                let members = names.filter_map(|(name, weight)| Some(format!("{name};q=0.{}", weight?)));
                Codings::of(Some(members.collect::<Vec<_>>().join(",").as_bytes()))
            };
            let (a, b) = (of(weights.map(|w| w.map(|w| w % 10))), of(others.map(|w| w.map(|w| w % 10))));
            let same = a.iter().eq(b.iter());
            prop_assert_eq!(a.number() == b.number(), same);
            // Who refuses nothing is sent the file itself where nothing else is.
            let refused = weights[3].is_some_and(|w| w % 10 == 0);
            prop_assert_eq!(a.iter().any(|c| c == Coding::Identity), !refused);
        }
    }
}
