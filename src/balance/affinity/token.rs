//! What an affinity cookie holds, and its signature.
//!
//! 60 bytes, written as 80 letters that need no quoting anywhere: version, the node (as only who
//! has the key can tell), who issued it, until when it binds, a number of its own, and
//! HMAC-SHA256 over pool, node name and all of these. Nothing in it names a node or an address.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::model::Name;

/// Letters of a cookie's value.
pub(in crate::balance) const LENGTH: usize = 80;

/// The only version so far.
const VERSION: u8 = 1;

const NODE: usize = 8;
const ISSUER: usize = 6;
const EXPIRES: usize = 5;
const NONCE: usize = 8;
/// Bytes before the signature.
const PLAIN: usize = 1 + NODE + ISSUER + EXPIRES + NONCE;
const MAC: usize = 32;
const BYTES: usize = PLAIN + MAC;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What affinity cookies are signed with. Never shown, not even by `{:?}`.
#[derive(Clone)]
pub struct AffinityKey {
    mac: Hmac<Sha256>,
    id: u64,
}

impl AffinityKey {
    /// The key of this secret, whatever its length.
    pub fn new(secret: &[u8]) -> Self {
        let mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
        let id = mac
            .clone()
            .chain_update(b"steelyard affinity key")
            .finalize();
        let (id, _) = id.as_bytes().split_first_chunk().expect("it has 32 bytes");
        Self {
            mac,
            id: u64::from_be_bytes(*id),
        }
    }

    /// A key that nobody else has.
    pub fn random() -> Self {
        Self::new(&rand::random::<[u8; 32]>())
    }

    /// A number that another key most probably does not have.
    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

impl fmt::Debug for AffinityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// What one cookie says beside its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    /// Who handed it out: 48 bits.
    pub(super) issuer: u64,
    /// The first second in which it does not bind any more, since 1970; 0 is never. 40 bits.
    pub(super) expires: u64,
    /// Tells it from every other.
    pub(super) nonce: u64,
}

/// Signs for one node of one pool.
#[derive(Clone)]
pub(super) struct Seal {
    node: [u8; NODE],
    // Has taken in the names already.
    mac: Hmac<Sha256>,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(seal)")
    }
}

impl Seal {
    pub(super) fn new(key: &AffinityKey, pool: &Name, node: &Name) -> Self {
        // No name holds a NUL, so no two pairs of names run together alike.
        let named = |purpose: &[u8]| {
            let mac = key.mac.clone().chain_update(purpose);
            let mac = mac.chain_update(pool.as_str()).chain_update([0]);
            mac.chain_update(node.as_str()).chain_update([0])
        };
        let node = named(b"steelyard affinity node\0").finalize();
        let (node, _) = node
            .as_bytes()
            .split_first_chunk()
            .expect("it has 32 bytes");
        Self {
            node: *node,
            mac: named(b"steelyard affinity cookie\0"),
        }
    }

    /// Whether `value` names this node. That it is signed for it, `open` finds.
    pub(super) fn is_named_by(&self, value: &Value) -> bool {
        value.0[1..1 + NODE] == self.node
    }

    /// The value of the cookie that says `token`.
    pub(super) fn sign(&self, token: &Token) -> [u8; LENGTH] {
        let mut bytes = [0; BYTES];
        bytes[0] = VERSION;
        let parts: [&[u8]; 4] = [
            &self.node,
            &token.issuer.to_be_bytes()[8 - ISSUER..],
            &token.expires.to_be_bytes()[8 - EXPIRES..],
            &token.nonce.to_be_bytes(),
        ];
        let mut at = 1;
        for part in parts {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        let mac = self.mac.clone().chain_update(&bytes[..PLAIN]).finalize();
        bytes[PLAIN..].copy_from_slice(mac.as_bytes());
        encode(&bytes)
    }

    /// What `value` says, if it was signed for this node. Takes as long for every signature.
    pub(super) fn open(&self, value: &Value) -> Option<Token> {
        let (plain, signature) = value.0.split_at(PLAIN);
        let mac = self.mac.clone().chain_update(plain);
        mac.verify_slice(signature).ok()?;
        let number = |from: usize, length: usize| {
            let bytes = plain[from..from + length].iter();
            bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
        };
        Some(Token {
            issuer: number(1 + NODE, ISSUER),
            expires: number(1 + NODE + ISSUER, EXPIRES),
            nonce: number(1 + NODE + ISSUER + EXPIRES, NONCE),
        })
    }
}

/// The bytes of what may be an affinity cookie; nobody has looked at its signature yet.
pub(super) struct Value([u8; BYTES]);

impl Value {
    /// Takes `text` apart if it has the form of one.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let value = Self(decode(text.try_into().ok()?)?);
        (value.0[0] == VERSION).then_some(value)
    }
}

// Three bytes are four letters: nothing is left over, and no letter has bits to spare, so that
// a cookie has one spelling.
fn encode(bytes: &[u8; BYTES]) -> [u8; LENGTH] {
    let mut text = [0; LENGTH];
    for (three, four) in bytes.chunks_exact(3).zip(text.chunks_exact_mut(4)) {
        let bits = three
            .iter()
            .fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        for (place, letter) in four.iter_mut().enumerate() {
            *letter = ALPHABET[bits >> (18 - 6 * place) & 63];
        }
    }
    text
}

fn decode(text: &[u8; LENGTH]) -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    for (four, three) in text.chunks_exact(4).zip(bytes.chunks_exact_mut(3)) {
        let mut bits = 0_u32;
        for letter in four {
            bits = bits << 6 | u32::from(digit(*letter)?);
        }
        three.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    Some(bytes)
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};
    use proptest::{prop_assert, prop_assert_eq};

    use super::{ALPHABET, AffinityKey, LENGTH, Seal, Token, Value};
    use crate::model::Name;

    fn seal(secret: &[u8], pool: &str, node: &str) -> Seal {
        let name = |text| Name::parse(text).unwrap();
        Seal::new(&AffinityKey::new(secret), &name(pool), &name(node))
    }

    fn opened(seal: &Seal, text: &[u8]) -> Option<Token> {
        let value = Value::read(text)?;
        seal.is_named_by(&value).then(|| seal.open(&value))?
    }

    const TOKEN: Token = Token {
        issuer: 0x1234_5678_9abc,
        expires: 1_900_000_000,
        nonce: u64::MAX,
    };

    #[test]
    fn a_cookie_is_of_one_key_pool_and_node() {
        let text = seal(b"k", "a", "bc").sign(&TOKEN);
        assert_eq!(opened(&seal(b"k", "a", "bc"), &text), Some(TOKEN));
        for other in [
            seal(b"K", "a", "bc"),
            seal(b"k", "ab", "c"),
            seal(b"k", "A", "bc"),
            seal(b"k", "a", "b"),
            seal(b"", "a", "bc"),
        ] {
            assert_eq!(opened(&other, &text), None);
            // Nor where the node happened to be taken for the same.
            assert_eq!(other.open(&Value::read(&text).unwrap()), None);
        }
    }

    #[test]
    fn a_cookie_does_not_change_between_versions_of_this_program() {
        let text = seal(b"steelyard", "django", "web-1").sign(&TOKEN);
        let text = std::str::from_utf8(&text).unwrap();
        // As a few lines of Python with its hmac module make it.
        assert_eq!(
            text,
            "AZ71WEVMSGzVEjRWeJq8AHE_swD__________-cNG0aGon1jy1rvDe1AZ66LiBCNQqm6OIbBTswGTq3F"
        );
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = AffinityKey::new(b"open sesame");
        assert_eq!(format!("{key:?}"), "(secret)");
        assert_ne!(AffinityKey::random().id(), AffinityKey::random().id());
    }

    proptest! {
        #[test]
        fn what_was_signed_opens(issuer in 0_u64..1 << 48, expires in 0_u64..1 << 40, nonce: u64) {
            let (seal, token) = (seal(b"k", "p", "n"), Token { issuer, expires, nonce });
            let text = seal.sign(&token);
            prop_assert!(text.iter().all(|b| ALPHABET.contains(b)));
            prop_assert_eq!(opened(&seal, &text), Some(token));
        }

        #[test]
        fn no_other_text_opens(nonce: u64, place in 0..LENGTH, bit in 0_u8..8, letter in 0..64_usize) {
            let seal = seal(b"k", "p", "n");
            let text = seal.sign(&Token { nonce, ..TOKEN });
            let mut flipped = text;
            flipped[place] ^= 1 << bit;
            prop_assert_eq!(opened(&seal, &flipped), None);
            let mut changed = text;
            changed[place] = ALPHABET[letter];
            prop_assert_eq!(opened(&seal, &changed).is_some(), changed == text);
            prop_assert_eq!(opened(&seal, &text[..place]), None);
            prop_assert_eq!(opened(&seal, &[&text[..], b"A"].concat()), None);
        }

        #[test]
        fn nothing_made_up_opens(bytes in vec(any::<u8>(), 0..100), letters in vec(0..64_usize, LENGTH)) {
            let seal = seal(b"k", "p", "n");
            prop_assert_eq!(opened(&seal, &bytes), None);
            let mut text: Vec<u8> = letters.iter().map(|letter| ALPHABET[*letter]).collect();
            prop_assert_eq!(opened(&seal, &text), None);
            // The right version and node, and all else made up.
            text[..12].copy_from_slice(&seal.sign(&TOKEN)[..12]);
            prop_assert!(Value::read(&text).is_some_and(|value| seal.is_named_by(&value)));
            prop_assert_eq!(opened(&seal, &text), None);
        }
    }
}
