//! Which candidates one request has already tried.

/// Candidate indexes a request has already tried, each node at most once.
///
/// The first 64 are one word, so that the usual pool costs no allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    low: u64,
    // Words for the indexes from 64 on.
    rest: Vec<u64>,
}

impl Tried {
    /// Nothing tried yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers that the candidate was tried.
    pub fn insert(&mut self, index: usize) {
        let bit = 1 << (index % 64);
        match (index / 64).checked_sub(1) {
            None => self.low |= bit,
            Some(word) => {
                if self.rest.len() <= word {
                    self.rest.resize(word + 1, 0);
                }
                self.rest[word] |= bit;
            }
        }
    }

    /// Whether the candidate was tried.
    pub fn contains(&self, index: usize) -> bool {
        let word = match (index / 64).checked_sub(1) {
            None => self.low,
            Some(word) => self.rest.get(word).copied().unwrap_or(0),
        };
        word & (1 << (index % 64)) != 0
    }

    /// How many candidates were tried.
    pub fn count(&self) -> u32 {
        let rest: u32 = self.rest.iter().map(|word| word.count_ones()).sum();
        self.low.count_ones() + rest
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::{any, proptest};
    use proptest::{collection, prop_assert_eq};

    use super::Tried;

    proptest! {
        #[test]
        fn what_was_tried_agrees_with_a_set(indexes in collection::vec(0usize..200, 0..40), asked in any::<u8>()) {
            let mut tried = Tried::new();
            let mut set = BTreeSet::new();
            for index in indexes {
                tried.insert(index);
                set.insert(index);
            }
            let asked = usize::from(asked);
            prop_assert_eq!(tried.contains(asked), set.contains(&asked));
            prop_assert_eq!(usize::try_from(tried.count()).unwrap(), set.len());
        }
    }
}
