//! Values by name, where a few names are nearly all that is asked for.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::encode::is_same;
use super::summary::hash;

/// So many are looked at before a name is hashed: most installations have no more.
const LOOKED_AT: usize = 8;

/// Values by name. A name is the operator's, of one part or several with `BORDER` between.
#[derive(Debug)]
pub(super) struct Named<T, const BORDER: u8> {
    all: Vec<(Vec<u8>, T)>,
    places: HashMap<Vec<u8>, usize, BuildHasherDefault<Quick>>,
    /// Where the next one may be: nodes come in turns.
    turn: usize,
}

impl<T, const BORDER: u8> Default for Named<T, BORDER> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            places: HashMap::default(),
            turn: 0,
        }
    }
}

/// A hash for a few instructions: nobody chooses names so that they collide.
#[derive(Debug, Default)]
struct Quick(u64);

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(self.0, bytes);
    }

    fn finish(&self) -> u64 {
        self.0
    }

    fn write_usize(&mut self, _: usize) {
        // A length, which is in the hash of what has it.
    }
}

impl<T: Default, const BORDER: u8> Named<T, BORDER> {
    /// The value of a name, which is made where there are fewer than `most`.
    pub(super) fn get(&mut self, name: &[&[u8]], most: usize) -> Option<&mut T> {
        let turn = if self.turn < self.all.len() {
            self.turn
        } else {
            0
        };
        let is_it = |place: &usize| match self.all.get(*place) {
            Some((known, _)) => is_named(known, name, BORDER),
            None => false,
        };
        let place = match Some(turn).filter(is_it) {
            Some(place) => place,
            None => match (0..LOOKED_AT).find(is_it) {
                Some(place) => place,
                None => self.find(name, most)?,
            },
        };
        self.turn = place + 1;
        self.all.get_mut(place).map(|(_, value)| value)
    }

    fn find(&mut self, name: &[&[u8]], most: usize) -> Option<usize> {
        let whole = name.join(&BORDER);
        if self.all.len() > LOOKED_AT
            && let Some(place) = self.places.get(&whole)
        {
            return Some(*place);
        }
        if self.all.len() >= most {
            return None;
        }
        self.places.insert(whole.clone(), self.all.len());
        self.all.push((whole, T::default()));
        Some(self.all.len() - 1)
    }

    /// Forgets those that are not `wanted`.
    pub(super) fn retain(&mut self, mut wanted: impl FnMut(&T) -> bool) {
        let before = self.all.len();
        self.all.retain(|(_, value)| wanted(value));
        if self.all.len() == before {
            return;
        }
        let places = (0..).zip(&self.all).map(|(n, (name, _))| (name.clone(), n));
        self.places = places.collect();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &T)> {
        self.all.iter().map(|(name, value)| (&**name, value))
    }
}

/// Whether `known` is this name, from its end on: that is where they differ.
fn is_named(known: &[u8], name: &[&[u8]], border: u8) -> bool {
    let length = name.iter().map(|part| part.len() + 1).sum::<usize>();
    if known.len() + 1 != length {
        return false;
    }
    let mut left = known;
    for (n, part) in name.iter().enumerate().rev() {
        let Some((before, end)) = left.split_at_checked(left.len().wrapping_sub(part.len())) else {
            return false;
        };
        if !is_same(end, part) {
            return false;
        }
        left = match (n, before) {
            (0, before) => before,
            (_, [before @ .., last]) if *last == border => before,
            _ => return false,
        };
    }
    left.is_empty()
}

#[cfg(test)]
mod tests {
    use super::Named;
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::{prop_assert_eq, proptest};

    #[test]
    fn names_are_told_apart_by_every_part() {
        let mut named: Named<u32, b'/'> = Named::default();
        for name in [["a", "b"], ["ab", ""], ["", "ab"], ["a", "c"], ["c", "b"]] {
            let parts = name.map(str::as_bytes);
            *named.get(&parts, 100).unwrap() += 1;
            *named.get(&parts, 100).unwrap() += 1;
        }
        assert_eq!(named.iter().count(), 5);
        assert!(named.iter().all(|(_, count)| *count == 2));
        assert_eq!(named.get(&[b"x", b"y"], 5), None);
        named.retain(|_| false);
        assert_eq!(named.get(&[b"a", b"b"], 5), Some(&mut 0));
    }

    proptest! {
        #[test]
        fn each_is_counted_under_its_own_name(names in vec(("[ab]{0,2}", "[a-d]{0,9}", "[a-c]{0,20}"), 0..200)) {
            let mut named: Named<u32, 0xff> = Named::default();
            let mut plain: BTreeMap<String, u32> = BTreeMap::new();
            for (a, b, c) in &names {
                *named.get(&[a.as_bytes(), b.as_bytes(), c.as_bytes()], 1000).unwrap() += 1;
                *plain.entry(format!("{a},{b},{c}")).or_default() += 1;
            }
            let shown = |name: &[u8]| {
                let parts: Vec<_> = name.split(|byte| *byte == 0xff).map(String::from_utf8_lossy).collect();
                parts.join(",")
            };
            let counted: BTreeMap<String, u32> = named.iter().map(|(name, count)| (shown(name), *count)).collect();
            prop_assert_eq!(counted, plain);
        }
    }
}
