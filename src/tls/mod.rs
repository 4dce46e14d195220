//! TLS towards clients: certificates read from their files or from what is kept, the one chosen for
//! a name, and the handshake. TLS towards nodes: whom they are judged by, and the handshake. Keys go
//! from where they are into rustls and nowhere else: nothing here can show one.

/// What an authority speaks that wants to see what tls-alpn-01 shows, and nobody else.
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";

mod accept;
mod apart;
mod authorities;
mod certificate;
mod certificates;
mod chooser;
mod faults;
mod judge;
mod links;
mod look;
mod names;
mod origin;
mod own;
mod pem;
mod refusal;
mod self_signed;
#[cfg(test)]
mod tests;
mod to_authority;
mod to_node;
mod x509;

pub use accept::{NotShaken, Secured, Shaken, begins_like_http, shake, shake_hands};
pub use authorities::{Authorities, AuthorityFault};
pub use certificate::{Certificate, Engine};
pub use certificates::{Certificates, Part, ReadFault};
pub use chooser::{Chooser, Offer};
pub use judge::Judge;
pub use look::{look, read_kept};
pub use own::own_certificate;
pub use refusal::NoTls;
pub use self_signed::{is_due, self_signed};
pub use to_authority::{ToAuthority, sees_challenge};
pub use to_node::ToNode;
