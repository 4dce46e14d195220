//! What a pool with the policy `hash` tells requests apart by, found as nginx finds the
//! variable of the same meaning. Nothing is copied; what is not there is an empty key.

use std::fmt::Write as _;

use super::RequestView;
use crate::balance::{Asker, Bound, KeyHash};
use crate::model::{HashKey, Policy};
use crate::snapshot::Pool;

/// Who asks `pool` for a node, as its policy sees it; `bound` is what its cookies say.
pub(super) fn asker(request: &RequestView<'_>, pool: &Pool, bound: Option<Bound>) -> Asker {
    let key = match pool.config.policy {
        Policy::Hash => hash_of(&pool.config.hash_key, request),
        _ => KeyHash::default(),
    };
    Asker {
        client: request.client,
        key,
        bound: bound.map(|bound| bound.index),
    }
}

/// The hash of `request`'s key.
fn hash_of(key: &HashKey, request: &RequestView<'_>) -> KeyHash {
    match key {
        HashKey::Uri => {
            let mut hash = KeyHash::from(request.path);
            if let Some(query) = request.query {
                hash.add(b"?");
                hash.add(query);
            }
            hash
        }
        HashKey::Path => KeyHash::from(request.path),
        HashKey::Host => {
            let mut hash = KeyHash::default();
            let host = request.host.strip_suffix(b".").unwrap_or(request.host);
            for byte in host {
                hash.add(&[byte.to_ascii_lowercase()]);
            }
            hash
        }
        HashKey::Client => {
            let mut hash = KeyHash::default();
            write!(hash, "{}", request.client).expect("a hash takes up everything");
            hash
        }
        HashKey::Header(name) => KeyHash::from(request.fields.named(name.as_str()).unwrap_or(b"")),
        HashKey::Cookie(name) => {
            let mut fields = request.fields.iter();
            let value = fields.find_map(|field| {
                let is_cookie = field.name.eq_ignore_ascii_case(b"cookie");
                is_cookie.then(|| cookie(field.value, name)).flatten()
            });
            KeyHash::from(value.unwrap_or(b""))
        }
        HashKey::Query(name) => {
            let query = request.query.unwrap_or(b"");
            KeyHash::from(argument(query, name).unwrap_or(b""))
        }
    }
}

/// The value of the cookie `name`, in any case of letters.
fn cookie<'v>(value: &'v [u8], name: &str) -> Option<&'v [u8]> {
    value.split(|b| *b == b';').find_map(|pair| {
        let at = memchr::memchr(b'=', pair)?;
        let is_it = pair[..at]
            .trim_ascii()
            .eq_ignore_ascii_case(name.as_bytes());
        is_it.then(|| pair[at + 1..].trim_ascii())
    })
}

/// The value of the argument `name`, in any case of letters, as it was sent.
fn argument<'v>(query: &'v [u8], name: &str) -> Option<&'v [u8]> {
    query.split(|b| *b == b'&').find_map(|pair| {
        let at = memchr::memchr(b'=', pair)?;
        let is_it = pair[..at].eq_ignore_ascii_case(name.as_bytes());
        is_it.then(|| &pair[at + 1..])
    })
}

#[cfg(test)]
mod tests {
    use super::{argument, cookie};

    #[test]
    fn a_cookie_is_found_among_others() {
        let found = |value: &'static str| {
            cookie(value.as_bytes(), "sid").map(|v| std::str::from_utf8(v).unwrap())
        };
        assert_eq!(found("sid=1"), Some("1"));
        assert_eq!(found("a=b; SID = x=y ; sid=2"), Some("x=y"));
        assert_eq!(found("sid=; sid=2"), Some(""));
        assert_eq!(found("asid=1; sidb=2; sid"), None);
        assert_eq!(found(""), None);
    }

    #[test]
    fn an_argument_is_found_among_others() {
        let found = |query: &'static str| {
            argument(query.as_bytes(), "id").map(|v| std::str::from_utf8(v).unwrap())
        };
        assert_eq!(found("id=1"), Some("1"));
        assert_eq!(found("aid=0&ID=%20&id=2"), Some("%20"));
        assert_eq!(found("id&x=id=3&id="), Some(""));
        assert_eq!(found(""), None);
    }
}
