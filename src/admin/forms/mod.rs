//! Forms of the configuration: a table of fields, shown and read by one code, a Problem beside
//! its field, and each sent with the revision that it was made from.

pub(super) mod desk;
pub(super) mod field;
pub(super) mod removal;
pub(super) mod said;
pub(super) mod view;

pub(super) use desk::{Desk, Refused, may, part, saved};
pub(super) use field::{Field, Group, Kind, NONE, Source, Words, fill, pick};
pub(super) use removal::{AskRemove, User, asking, removed};
pub(super) use said::Said;
pub(super) use view::{Frame, View};
