//! Which way a request went, told by where its names are in memory.
//!
//! A snapshot's texts stay where they are as long as it lives, and a number is that of one snapshot for
//! ever: of two records with the same number the names in one place are the same, and none of their
//! bytes is looked at. What is in a place later, under another number, is another text.

use crate::logs::Record;

/// Where a text is; no text is at 0.
#[inline]
pub(super) fn address(text: &str) -> usize {
    text.as_ptr().addr()
}

/// The snapshot, and where the names are of listener, site, route and pool; 0 is none.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Way {
    snapshot: u64,
    names: [usize; 4],
}

impl Way {
    #[inline]
    pub(super) fn of(record: &Record<'_>) -> Self {
        let of = |text: Option<&str>| text.map_or(0, address);
        Self {
            snapshot: record.snapshot,
            names: [
                address(record.listener),
                of(record.site),
                of(record.route),
                of(record.pool),
            ],
        }
    }

    /// Whether it is that of `other` for certain.
    #[inline]
    pub(super) fn is(&self, other: &Self) -> bool {
        let pairs = self.names.iter().zip(other.names);
        let differs = pairs.fold(self.snapshot ^ other.snapshot, |differs, (one, other)| {
            differs | (*one ^ other) as u64
        });
        differs == 0 && self.is_of_snapshot()
    }

    /// Whether both are of the same snapshot.
    pub(super) fn shares_snapshot(&self, other: &Self) -> bool {
        self.snapshot == other.snapshot
    }

    /// Whether its names are part of one.
    #[inline]
    pub(super) fn is_of_snapshot(&self) -> bool {
        self.snapshot != 0
    }
}
