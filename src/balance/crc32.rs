//! CRC-32 as nginx counts it (ISO 3309, the one of zip and Ethernet), taken up piece by piece.

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte: u32 = 0;
    while byte < 256 {
        let mut crc = byte;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
}

/// A checksum under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crc32(u32);

impl Crc32 {
    /// Of nothing yet.
    pub(super) const fn new() -> Self {
        Self(u32::MAX)
    }

    /// Takes up more bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |crc, byte| {
            let low = crc.to_le_bytes()[0];
            (crc >> 8) ^ TABLE[usize::from(low ^ byte)]
        });
    }

    /// The checksum of all that was taken up.
    pub(super) const fn finish(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use proptest::{collection, prop_assert_eq};

    use super::Crc32;

    fn of(bytes: &[u8]) -> u32 {
        let mut crc = Crc32::new();
        crc.update(bytes);
        crc.finish()
    }

    #[test]
    fn the_checksum_is_the_one_every_book_gives() {
        assert_eq!(of(b"123456789"), 0xcbf4_3926);
        assert_eq!(of(b""), 0);
    }

    proptest! {
        #[test]
        fn pieces_and_bits_give_the_same(bytes in collection::vec(any::<u8>(), 0..40), cut in 0usize..40) {
            let mut bit_by_bit = u32::MAX;
            for byte in &bytes {
                bit_by_bit ^= u32::from(*byte);
                for _ in 0..8 {
                    bit_by_bit = (bit_by_bit >> 1) ^ (0xedb8_8320 * (bit_by_bit & 1));
                }
            }
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            let mut pieces = Crc32::new();
            pieces.update(head);
            pieces.update(tail);
            prop_assert_eq!(pieces.finish(), !bit_by_bit);
        }
    }
}
