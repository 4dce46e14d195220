//! Bodies too long to hold: a block repeated, so that both ends know every byte.

use std::sync::OnceLock;

// Odd and not near a power of two, so that a lost or doubled buffer shows.
const BLOCK: usize = 65_521;

/// The block that is repeated.
pub(crate) fn block() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let mut state: u32 = 1;
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        (0..BLOCK).map(|_| byte()).collect()
    })
}

/// Hands `length` bytes of the pattern to `write`, a block at a time.
pub(crate) fn write<E>(
    length: u64,
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut left = length;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        write(&block()[..part])?;
        left -= part as u64;
    }
    Ok(())
}

/// Compares what arrives with the pattern, without keeping it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Checker {
    /// Bytes seen.
    pub(crate) length: u64,
    /// Where the first wrong byte was, if any.
    pub(crate) wrong_at: Option<u64>,
}

impl Checker {
    /// Takes the next bytes.
    pub(crate) fn see(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let at = usize::try_from(self.length % BLOCK as u64).unwrap();
            let part = bytes.len().min(BLOCK - at);
            if self.wrong_at.is_none() && bytes[..part] != block()[at..at + part] {
                self.wrong_at = Some(self.length);
            }
            self.length += part as u64;
            bytes = &bytes[part..];
        }
    }
}
