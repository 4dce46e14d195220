//! Who asks for a node, as far as a policy looks at it.

use std::fmt;
use std::net::IpAddr;

use super::crc32::Crc32;

/// Who asks for a node.
#[derive(Debug, Clone, Copy)]
pub struct Asker {
    /// The client's address: what `ip_hash` goes by.
    pub client: IpAddr,
    /// What `hash` goes by; the others do not look at it.
    pub key: KeyHash,
    /// The candidate that the client's affinity cookie binds it to.
    pub bound: Option<usize>,
}

/// The hash of a request's key, taken up piece by piece, so that no key is copied.
#[derive(Debug, Clone, Copy)]
pub struct KeyHash {
    crc: Crc32,
    is_empty: bool,
}

impl Default for KeyHash {
    fn default() -> Self {
        Self {
            crc: Crc32::new(),
            is_empty: true,
        }
    }
}

impl KeyHash {
    /// Takes up more of the key.
    pub fn add(&mut self, piece: &[u8]) {
        self.crc.update(piece);
        self.is_empty &= piece.is_empty();
    }

    /// The hash; none of an empty key.
    pub(super) fn finish(self) -> Option<u32> {
        (!self.is_empty).then(|| self.crc.finish())
    }
}

impl From<&[u8]> for KeyHash {
    fn from(key: &[u8]) -> Self {
        let mut hash = Self::default();
        hash.add(key);
        hash
    }
}

/// Takes up what is written.
impl fmt::Write for KeyHash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::KeyHash;

    #[test]
    fn a_key_hashes_alike_in_whatever_pieces_it_comes() {
        let whole = KeyHash::from(&b"http://a/b?c"[..]).finish();
        assert!(whole.is_some());
        let mut pieces = KeyHash::default();
        pieces.add(b"http:");
        pieces.add(b"");
        pieces.write_str("//a/b").unwrap();
        pieces.add(b"?c");
        assert_eq!(pieces.finish(), whole);
        assert_eq!(KeyHash::from(&b""[..]).finish(), None);
    }
}
