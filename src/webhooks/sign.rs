//! The signature of a message.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::SecretBytes;

/// How a message is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signing {
    /// Not at all.
    Unsigned,
    /// With this.
    With(SecretBytes),
    /// With what cannot be read just now: nothing is sent, since what is not signed would be
    /// taken for a forgery.
    Missing,
}

/// The HMAC-SHA256 of `body` as 64 hexadecimal digits.
pub(super) fn hmac(secret: &SecretBytes, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.bytes()).expect("any length is a key");
    mac.update(body);
    let mut hex = String::with_capacity(64);
    for byte in mac.finalize().into_bytes() {
        write!(hex, "{byte:02x}").expect("a String takes every write");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::hmac;
    use crate::model::SecretBytes;

    // RFC 4231, cases 2 and 6: a short key, and one longer than a block.
    #[test]
    fn a_signature_is_that_of_the_standard() {
        let signed = |key: &[u8], body: &[u8]| hmac(&SecretBytes::new(key), body);
        assert_eq!(
            signed(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            signed(
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First"
            ),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }
}
