//! TLS towards clients: certificates read from their files, the one chosen for a name, and the
//! handshake. Keys go from the file into rustls and nowhere else: nothing here can show one.

mod accept;
mod certificate;
mod certificates;
mod chooser;
mod faults;
mod names;
mod own;
mod pem;
#[cfg(test)]
mod tests;
mod x509;

pub use accept::{NotShaken, Secured, Shaken, begins_like_http, shake, shake_hands};
pub use certificate::{Certificate, Engine};
pub use certificates::{Certificates, Part, ReadFault};
pub use chooser::{Chooser, Offer};
pub use own::own_certificate;
