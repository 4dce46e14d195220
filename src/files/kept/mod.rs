//! Files that stay open for the next request, one worker's.
//!
//! What is answered from here is what a new look would find: a file is used only while it, and
//! what else decided the choice, stands where it stood and is what it was.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::{Ask, Headers, Opened, Root};

/// Files that stay open for the next request.
#[derive(Debug)]
pub struct OpenFiles {
    most: usize,
    kept: HashMap<Box<[u8]>, Rc<Kept>>,
    /// Where keys are put together.
    key: Vec<u8>,
    uses: u64,
    /// File systems found to be this machine's own.
    local: Vec<u64>,
}

/// An open file, as it is found by one spelling of its path.
#[derive(Debug)]
pub struct Kept {
    /// The file.
    pub file: Arc<Opened>,
    /// The head of its plain answer.
    pub head: RefCell<KeptHead>,
    /// Held, so that the address that the key has of it is no other's.
    root: Arc<Root>,
    opened: Instant,
    /// The turn of the worker in which it was last seen to be what stands there.
    seen: Cell<u64>,
    used: Cell<u64>,
}

/// A head that was written before: most requests of one second get the same.
#[derive(Debug, Default)]
pub struct KeptHead {
    /// Its second, since 1970.
    pub second: u64,
    /// For whom: answers by HTTPS may say more.
    pub scheme: &'static str,
    /// All of it that does not hang on the connection.
    pub bytes: Vec<u8>,
}

impl Kept {
    /// The header fields of its plain answer.
    pub fn plain_headers(&self, now: SystemTime) -> Headers {
        self.root.plain_headers(&self.file, now)
    }
}

impl OpenFiles {
    /// Most files that one worker holds open between requests.
    pub const MOST: usize = 512;

    /// How long one look is believed. Every request sees what changes of the file itself; this
    /// is for what cannot be told from it, such as a folder on its way that was moved out of the
    /// root and linked to.
    const BELIEVED: Duration = Duration::from_secs(1);
    /// Time after which a file that nobody asks for is closed, so that the space of a removed
    /// one is free and its file system can be unmounted.
    const IDLE: Duration = Duration::from_secs(5);
    /// Longest path kept, in bytes: longer ones are nobody's daily need.
    const LONGEST: usize = 1024;
    /// File systems remembered.
    const LOCAL: usize = 64;

    /// Keeps `most` files at most; none with 0.
    pub fn new(most: usize) -> Self {
        Self {
            most: most.min(Self::MOST),
            kept: HashMap::new(),
            key: Vec::new(),
            uses: 0,
            local: Vec::new(),
        }
    }

    /// The file that `ask` means, if it is open and still what stands there. Looks once in a
    /// turn, whose number `turn` tells: what a client asks in one turn was sent before it.
    pub fn get(
        &mut self,
        root: &Arc<Root>,
        ask: &Ask<'_>,
        turn: impl FnOnce() -> u64,
        now: Instant,
    ) -> Option<Rc<Kept>> {
        self.write_key(root, ask);
        let kept = self.kept.get(self.key.as_slice())?;
        let turn = turn();
        let believed = now.saturating_duration_since(kept.opened) < Self::BELIEVED;
        if !believed || (kept.seen.get() != turn && !kept.file.is_what_stands_there()) {
            self.kept.remove(self.key.as_slice());
            return None;
        }
        kept.seen.set(turn);
        self.uses += 1;
        kept.used.set(self.uses);
        Some(Rc::clone(kept))
    }

    /// Takes in what was found for `ask`. Kept for others is what is on a disk of this machine.
    pub fn put(&mut self, root: &Arc<Root>, ask: &Ask<'_>, file: Opened, now: Instant) -> Rc<Kept> {
        if let Some(device) = file.local_device()
            && !self.local.contains(&device)
        {
            self.local.truncate(Self::LOCAL - 1);
            self.local.insert(0, device);
        }
        self.uses += 1;
        let worth = self.is_local(&file) && self.most > 0 && ask.path.len() <= Self::LONGEST;
        let kept = Rc::new(Kept {
            file: Arc::new(file),
            head: RefCell::default(),
            root: Arc::clone(root),
            opened: now,
            // A turn that is over: what happened since the look is not known.
            seen: Cell::new(0),
            used: Cell::new(self.uses),
        });
        if worth {
            self.make_room();
            self.write_key(root, ask);
            let key = self.key.as_slice().into();
            self.kept.insert(key, Rc::clone(&kept));
        }
        kept
    }

    /// Whether `file` is on a file system that is known to be this machine's own, whose facts the
    /// kernel has in memory.
    pub fn is_local(&self, file: &Opened) -> bool {
        self.local.contains(&file.about.device)
    }

    /// Closes what nobody has asked for lately.
    pub fn prune(&mut self, now: Instant) {
        let fresh = |kept: &Kept| now.saturating_duration_since(kept.opened) < Self::IDLE;
        self.kept.retain(|_, kept| fresh(kept));
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Lets go of the one that was not used for longest.
    fn make_room(&mut self) {
        while self.kept.len() >= self.most {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used.get());
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            self.kept.remove(&key);
        }
    }

    /// All that the choice of a file hangs on, but what is on the disk.
    fn write_key(&mut self, root: &Arc<Root>, ask: &Ask<'_>) {
        self.key.clear();
        let address = Arc::as_ptr(root).addr();
        self.key.extend_from_slice(&address.to_ne_bytes());
        let prefix = ask.path.len() - ask.rest.len();
        self.key.extend_from_slice(&prefix.to_ne_bytes());
        let codings = ask.codings.number();
        self.key.extend_from_slice(&codings.to_ne_bytes());
        self.key.extend_from_slice(ask.path);
    }
}

#[cfg(test)]
mod tests;
