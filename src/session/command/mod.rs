//! Commands: what each is called, what it needs, and the function that carries it out.

mod batch;
mod expiry;
mod far;
mod glob;
mod hashes;
mod hello;
mod info;
mod keys;
mod long;
mod pass;
mod refusal;
mod run;
mod scripts;
mod session;
mod sets;
mod strings;
mod table;
mod transaction;

pub(crate) use self::batch::{Batch, Way};
pub(crate) use self::long::Long;
pub(crate) use self::refusal::Refusal;
pub(crate) use self::run::{Next, Talk};
pub(crate) use self::scripts::Scripts;
pub(crate) use self::session::{Session, Watching};
use super::change::{Kind, Value};
use super::memory::{Ends, Keyspace};
use super::resp::{Answer, Args};
use super::settings::Settings;
use super::shared::Shared;

/// What a command came to. What it said before an error is taken back.
pub(crate) type Done = Result<(), Refusal>;

/// A command under way.
pub(crate) struct Call<'c, 'm, 'k> {
    pub(crate) args: Args<'k>,
    pub(crate) keys: &'c mut Keyspace<'m, 'k>,
    pub(crate) out: &'c mut Answer,
    pub(crate) session: &'c mut Session,
    pub(crate) shared: &'c Shared,
    pub(crate) settings: &'c Settings,
    /// The worker's scratch, for a value that is made anew.
    pub(crate) work: &'c mut Vec<u8>,
}

impl<'k> Call<'_, '_, 'k> {
    /// A value may be so long.
    fn check(&self, length: usize) -> Done {
        if length > self.settings.max_value {
            return Err(Refusal::too_long(self.settings.max_value));
        }
        Ok(())
    }

    fn put(&mut self, key: &'k [u8], value: Value<'_>, ends: Ends) -> Done {
        self.check(value.bytes().len())?;
        self.keys.put(key, value, ends);
        Ok(())
    }

    /// Puts what lies in the scratch.
    fn put_work(&mut self, key: &'k [u8], kind: Kind, ends: Ends) -> Done {
        self.check(self.work.len())?;
        self.keys.put(key, Value::packed(kind, self.work), ends);
        Ok(())
    }
}
