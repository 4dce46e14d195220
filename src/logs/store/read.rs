//! Numbers and texts read back from bytes that may be damaged.

/// The bytes are not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged;

/// Bytes not read yet.
pub(super) struct Bytes<'b>(pub(super) &'b [u8]);

impl<'b> Bytes<'b> {
    #[inline]
    pub(super) fn take(&mut self, length: usize) -> Result<&'b [u8], Damaged> {
        let (taken, left) = self.0.split_at_checked(length).ok_or(Damaged)?;
        self.0 = left;
        Ok(taken)
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, Damaged> {
        let (first, left) = self.0.split_first().ok_or(Damaged)?;
        self.0 = left;
        Ok(*first)
    }

    #[inline]
    pub(super) fn number(&mut self) -> Result<u64, Damaged> {
        // Most are small.
        match self.0 {
            [byte, left @ ..] if *byte < 0x80 => {
                self.0 = left;
                Ok(u64::from(*byte))
            }
            [low, high, left @ ..] if *high < 0x80 => {
                self.0 = left;
                Ok(u64::from(low & 0x7f) | u64::from(*high) << 7)
            }
            _ => self.long_number(),
        }
    }

    fn long_number(&mut self) -> Result<u64, Damaged> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Damaged)
    }

    #[inline]
    pub(super) fn text(&mut self) -> Result<&'b [u8], Damaged> {
        let length = usize::try_from(self.number()?).map_err(|_| Damaged)?;
        self.take(length)
    }

    #[inline]
    pub(super) fn small(&mut self) -> Result<u16, Damaged> {
        u16::try_from(self.number()?).map_err(|_| Damaged)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let (taken, left) = self.0.split_first_chunk().ok_or(Damaged)?;
        self.0 = left;
        Ok(*taken)
    }
}
