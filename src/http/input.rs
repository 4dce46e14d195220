//! Bytes read and not yet used.

use super::scratch::{Loan, Scratch};

/// Bytes read and not yet used.
#[derive(Debug)]
pub(super) enum Input {
    /// In a queue of their own.
    Own { bytes: Vec<u8>, used: usize },
    /// Still where they were read to: much is not copied to be used at once.
    Lent {
        bytes: Loan,
        used: usize,
        end: usize,
    },
}

impl Default for Input {
    fn default() -> Self {
        Self::Own {
            bytes: Vec::new(),
            used: 0,
        }
    }
}

impl Input {
    /// From this many bytes on the scratch is lent: below, a copy costs less.
    const MUCH: usize = 8 * 1024;

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Own { bytes, used } => &bytes[*used..],
            Self::Lent { bytes, used, end } => &bytes[*used..*end],
        }
    }

    /// Uses up the first `count` bytes, or all there are.
    pub(super) fn consume(&mut self, count: usize) {
        let left = self.bytes().len().saturating_sub(count);
        match self {
            Self::Own { bytes, used } if left == 0 => {
                bytes.clear();
                *used = 0;
            }
            Self::Lent { .. } if left == 0 => *self = Self::default(),
            Self::Own { bytes, used } => *used = bytes.len() - left,
            Self::Lent { used, end, .. } => *used = *end - left,
        }
    }

    /// Takes the first `count` bytes that were read into `scratch`.
    pub(super) fn take_in(&mut self, scratch: &Scratch, count: usize) {
        if count >= Self::MUCH && self.bytes().is_empty() {
            scratch.keep(self.take_queue());
            *self = Self::Lent {
                bytes: scratch.lend(),
                used: 0,
                end: count,
            };
        } else if count > 0 {
            self.append(scratch, &scratch.bytes()[..count]);
        }
    }

    /// Puts `more` behind what is here.
    pub(super) fn append(&mut self, scratch: &Scratch, more: &[u8]) {
        self.settle();
        if let Self::Own { bytes, used } = self {
            // Or a client that always sends half a request more than it has answers for would
            // keep every byte it ever sent here.
            bytes.drain(..std::mem::take(used));
            if bytes.capacity() == 0 && !more.is_empty() {
                *bytes = scratch.queue();
            }
            bytes.extend_from_slice(more);
        }
    }

    /// Gives back what was lent: what nobody takes for a while needs no more room than it has
    /// bytes.
    pub(super) fn settle(&mut self) {
        if let Self::Lent { bytes, used, end } = self {
            let bytes = bytes[*used..*end].to_vec();
            *self = Self::Own { bytes, used: 0 };
        }
    }

    /// The memory of a queue that is empty.
    pub(super) fn take_queue(&mut self) -> Vec<u8> {
        match self {
            Self::Own { bytes, used } if bytes.len() == *used => {
                *used = 0;
                std::mem::take(bytes)
            }
            Self::Own { .. } | Self::Lent { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Input, Scratch};

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Read(usize),
        Consume(usize),
        Settle,
    }

    fn step() -> impl Strategy<Value = Step> {
        let size = || prop_oneof![0_usize..40, Input::MUCH - 2..3 * Input::MUCH];
        prop_oneof![
            size().prop_map(Step::Read),
            size().prop_map(Step::Consume),
            Just(Step::Settle),
        ]
    }

    proptest! {
        #[test]
        fn bytes_come_out_as_they_went_in(steps in proptest::collection::vec(step(), 0..30)) {
            let scratch = Scratch::new();
            let (mut input, mut expected) = (Input::default(), Vec::new());
            let mut next = 0_u8;
            for step in steps {
                match step {
                    Step::Read(count) => {
                        for byte in &mut scratch.bytes()[..count] {
                            next = next.wrapping_add(1);
                            *byte = next;
                            expected.push(next);
                        }
                        input.take_in(&scratch, count);
                    }
                    Step::Consume(count) => {
                        input.consume(count);
                        expected.drain(..count.min(expected.len()));
                    }
                    Step::Settle => input.settle(),
                }
                prop_assert_eq!(input.bytes(), &expected[..]);
            }
        }
    }
}
