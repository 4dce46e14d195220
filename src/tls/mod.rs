//! TLS towards clients: certificates read from their files, the one chosen for a name, and the
//! handshake. TLS towards nodes: whom they are judged by, and the handshake. Keys go from the file into rustls and nowhere else: nothing here can show one.

mod accept;
mod authorities;
mod certificate;
mod certificates;
mod chooser;
mod faults;
mod judge;
mod names;
mod own;
mod pem;
mod refusal;
#[cfg(test)]
mod tests;
mod to_node;
mod x509;

pub use accept::{NotShaken, Secured, Shaken, begins_like_http, shake, shake_hands};
pub use authorities::{Authorities, AuthorityFault};
pub use certificate::{Certificate, Engine};
pub use certificates::{Certificates, Part, ReadFault};
pub use chooser::{Chooser, Offer};
pub use judge::Judge;
pub use own::own_certificate;
pub use refusal::NoTls;
pub use to_node::ToNode;
