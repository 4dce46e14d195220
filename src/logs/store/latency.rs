//! Times taken, counted so that many such counts add up to one.

use super::decode::{Bytes, Damaged};
use super::encode::varint;

/// Parts that each power of two is cut into: what is read back is off by 3 % at most.
const PARTS: u64 = 16;
const PART_BITS: u32 = 4;

/// Microseconds up to 2^40, thirteen days; what took longer counts as that.
const LONGEST: u64 = (1 << 40) - 1;

const COUNTS: usize = 16 * 37;

/// How many took how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Latency {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            counts: vec![0; COUNTS],
            total: 0,
        }
    }
}

impl Latency {
    /// Takes in times by their `place`.
    pub(super) fn add(&mut self, places: &[u16]) {
        for place in places {
            if let Some(count) = self.counts.get_mut(usize::from(*place)) {
                *count += 1;
                self.total += 1;
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (sum, more) in self.counts.iter_mut().zip(&other.counts) {
            *sum += more;
        }
        self.total += other.total;
    }

    /// The time in microseconds within which so many thousandths are; none of nothing.
    pub(super) fn quantile(&self, thousandths: u64) -> Option<u64> {
        let rank = (self.total * thousandths).div_ceil(1000).max(1);
        let mut seen = 0;
        let place = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(middle(place as u64))
    }

    /// Gaps and counts by turns.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut after = 0;
        let there = self
            .counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0);
        varint(out, there.clone().count() as u64);
        for (place, count) in there {
            varint(out, (place - after) as u64);
            varint(out, *count);
            after = place;
        }
    }

    pub(super) fn read(left: &mut Bytes<'_>) -> Result<Self, Damaged> {
        let mut latency = Self::default();
        let mut place = 0;
        for _ in 0..left.number()? {
            place += usize::try_from(left.number()?).map_err(|_| Damaged)?;
            let count = left.number()?;
            *latency.counts.get_mut(place).ok_or(Damaged)? = count;
            latency.total = latency.total.checked_add(count).ok_or(Damaged)?;
        }
        Ok(latency)
    }
}

/// Where a time in microseconds is counted.
pub(super) fn place(micros: u64) -> u16 {
    let micros = micros.min(LONGEST);
    if micros < PARTS {
        return u16::try_from(micros).unwrap_or(0);
    }
    let power = micros.ilog2() - PART_BITS;
    let part = (micros >> power) & (PARTS - 1);
    u16::try_from(u64::from(power + 1) * PARTS + part).unwrap_or(0)
}

/// The middle of what is counted at a place.
fn middle(place: u64) -> u64 {
    if place < PARTS {
        return place;
    }
    let power = place / PARTS - 1;
    let low = (PARTS + place % PARTS) << power;
    low + (1 << power) / 2
}

#[cfg(test)]
mod tests {
    use super::{COUNTS, LONGEST, Latency, middle, place};
    use crate::logs::store::decode::Bytes;
    use proptest::collection::vec;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    #[test]
    fn the_longest_has_the_last_place() {
        assert_eq!(usize::from(place(LONGEST)), COUNTS - 1);
        assert_eq!(usize::from(place(u64::MAX)), COUNTS - 1);
        assert_eq!(Latency::default().quantile(500), None);
    }

    proptest! {
        #[test]
        fn a_quantile_is_that_of_the_sorted_list_but_for_three_percent(
            mut times in vec(0..1_u64 << 30, 1..300),
            thousandths in 1..=1000_u64,
        ) {
            let mut latency = Latency::default();
            times.iter().for_each(|time| latency.add(&[place(*time)]));
            times.sort_unstable();
            let rank = (times.len() as u64 * thousandths).div_ceil(1000).max(1);
            let exact = times[usize::try_from(rank).unwrap() - 1];
            let got = latency.quantile(thousandths).unwrap();
            prop_assert!(got.abs_diff(exact) <= exact / 32 + 1, "{got} for {exact}");
        }

        #[test]
        fn two_halves_add_up_to_the_whole_and_are_read_back(
            one in vec(0..1_u64 << 41, 0..50),
            other in vec(0..1_u64 << 41, 0..50),
        ) {
            let of = |times: &[u64]| {
                let mut latency = Latency::default();
                times.iter().for_each(|time| latency.add(&[place(*time)]));
                latency
            };
            let whole = of(&[one.clone(), other.clone()].concat());
            let mut sum = of(&one);
            sum.merge(&of(&other));
            prop_assert_eq!(&sum, &whole);
            let mut bytes = Vec::new();
            whole.write(&mut bytes);
            prop_assert_eq!(Latency::read(&mut Bytes(&bytes)).unwrap(), whole);
        }

        #[test]
        fn every_time_is_near_the_middle_of_its_place(time in 0..1_u64 << 40) {
            prop_assert!(middle(place(time).into()).abs_diff(time) <= time / 32 + 1);
        }
    }
}
