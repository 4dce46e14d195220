//! Certificates from an authority, by ACME (RFC 8555).
//!
//! The protocol is instant-acme's; here are the connection it speaks over (`wire`), the account, one
//! order from its beginning to a chain that can be shown (`order`), what is shown to the authority
//! meanwhile (`outstanding`), when to do it again (`schedule`), what would fail before anyone is asked
//! (`preflight`), and every trouble in words. What is
//! kept and published is `control/`'s.

mod account;
mod alpn;
mod issued;
mod order;
mod outstanding;
mod preflight;
mod problem;
mod schedule;
mod trouble;
mod wire;
mod words;

pub use account::{Account, Credentials};
pub use alpn::challenge_certificate;
pub use issued::Issued;
pub use order::{Order, obtain};
pub use outstanding::{Outstanding, Shown};
pub use preflight::{Answers, Finding, Seen, SeenHost, findings, port_of};
pub use problem::Kind;
pub use schedule::{Life, Said, after_failure, after_success, renew_at};
pub use trouble::{Failed, Trouble};
pub use wire::Asked;
