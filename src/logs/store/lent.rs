//! The buffers of packets, which come back to the worker that filled them.
//!
//! What one thread takes from the allocator and another gives back costs both: pieces of a size that
//! nobody else asks for are joined with their neighbours and handed to the system, and their pages are
//! made anew. Besides, a buffer that was filled a moment ago is still in the processor's cache.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

/// Where the buffers of one worker come back to. Nobody waits here: who finds another at it takes
/// memory of the allocator, or gives it back there.
#[derive(Debug, Clone, Default)]
pub(super) struct Home(Arc<Mutex<Vec<Vec<u8>>>>);

impl Home {
    /// Limit: how many are kept. A tenth of a second's, which is how long the thread rests, at a hundred
    /// thousand requests a second.
    const MOST: usize = 16;

    /// Limit: a longer one is not kept. A packet is handed over before it is as long.
    const LONGEST: usize = 128 << 10;

    /// An empty buffer that is good for so many bytes.
    pub(super) fn buffer(&self, length: usize) -> Vec<u8> {
        let spare = self.0.try_lock().ok().and_then(|mut spare| spare.pop());
        let mut buffer = spare.unwrap_or_default();
        buffer.reserve(length);
        buffer
    }

    /// Lends bytes out: they come back when they are dropped.
    pub(super) fn lend(&self, bytes: Vec<u8>) -> Lent {
        let home = self.clone();
        Lent { bytes, home }
    }
}

/// Bytes on their way, by whichever thread they are dropped.
#[derive(Debug)]
pub(super) struct Lent {
    bytes: Vec<u8>,
    home: Home,
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        if bytes.capacity() <= Home::LONGEST
            && let Ok(mut spare) = self.home.0.try_lock()
            && spare.len() < Home::MOST
        {
            spare.push(bytes);
        }
    }
}

impl Deref for Lent {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::Home;

    #[test]
    fn a_buffer_comes_back_empty_and_is_lent_again() {
        let home = Home::default();
        let mut bytes = home.buffer(100);
        bytes.extend_from_slice(b"a record");
        let place = bytes.as_ptr();
        let lent = home.lend(bytes);
        assert_eq!(&*lent, b"a record");
        std::thread::spawn(move || drop(lent)).join().unwrap();
        let again = home.buffer(100);
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
        assert!(home.buffer(1).capacity() >= 1, "there is no other");
    }

    #[test]
    fn no_more_are_kept_than_are_of_use() {
        let home = Home::default();
        let lent: Vec<_> = (0..100).map(|_| home.lend(vec![0; 10])).collect();
        drop(lent);
        drop(home.lend(Vec::with_capacity(Home::LONGEST + 1)));
        assert_eq!(home.0.lock().unwrap().len(), Home::MOST);
    }

    #[test]
    fn nobody_waits_for_it() {
        let home = Home::default();
        let held = home.0.lock().unwrap();
        assert!(home.buffer(10).capacity() >= 10);
        drop(home.lend(vec![0; 10]));
        drop(held);
    }
}
