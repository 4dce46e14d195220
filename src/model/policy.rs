//! How a pool chooses, and what `hash` tells requests apart by.

use std::fmt;

use super::HeaderName;

/// How a pool chooses among its eligible nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// In turn by weight, evenly interleaved (nginx's smooth weighted round robin).
    RoundRobin,
    /// The fewest requests in flight for its weight.
    LeastConn,
    /// By the client's address, as nginx's `ip_hash` maps it.
    IpHash,
    /// By the pool's [`HashKey`], as nginx's `hash … consistent` maps it.
    Hash,
    /// The better of two random ones by `LeastConn`.
    RandomTwo,
    /// The shortest time to the first byte for its weight and its requests in flight.
    LeastTime,
}

impl Policy {
    /// Every policy, in the order the document lists them.
    pub const ALL: [Self; 6] = [
        Self::RoundRobin,
        Self::LeastConn,
        Self::IpHash,
        Self::Hash,
        Self::RandomTwo,
        Self::LeastTime,
    ];

    /// Whether single nodes may be held back, as backups or by a slow start (as in nginx):
    /// not where keys are mapped to nodes, which would all be mapped anew, nor by chance.
    pub fn may_hold_back(self) -> bool {
        !matches!(self, Self::IpHash | Self::Hash | Self::RandomTwo)
    }

    /// The word used in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RoundRobin => "round_robin",
            Self::LeastConn => "least_conn",
            Self::IpHash => "ip_hash",
            Self::Hash => "hash",
            Self::RandomTwo => "random_two",
            Self::LeastTime => "least_time",
        }
    }
}

/// The part of a request that `hash` chooses by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HashKey {
    /// Path and query as sent (nginx's `$request_uri`).
    #[default]
    Uri,
    /// The path as sent, without the query.
    Path,
    /// The host asked for, in lower case and without its port (`$host`).
    Host,
    /// The client's address (`$remote_addr`).
    Client,
    /// The first header field of this name.
    Header(HeaderName),
    /// The cookie of this name (`$cookie_NAME`).
    Cookie(String),
    /// The argument of this name in the query, as sent (`$arg_NAME`).
    Query(String),
}

impl HashKey {
    /// Takes `text` as a key: `uri`, `header:X-User`.
    ///
    /// # Errors
    /// The phrase for the operator when it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = || {
            format!(
                "must be uri, path, host, client, header:NAME, cookie:NAME or query:NAME (is {text:?})"
            )
        };
        match text.split_once(':') {
            None => match text {
                "uri" => Ok(Self::Uri),
                "path" => Ok(Self::Path),
                "host" => Ok(Self::Host),
                "client" => Ok(Self::Client),
                _ => Err(form()),
            },
            Some(("header", name)) => HeaderName::parse(name)
                .map(Self::Header)
                .map_err(|_| form()),
            // A cookie's name is a token, as a header's is (RFC 6265 section 4.1.1).
            Some(("cookie", name)) if HeaderName::parse(name).is_ok() => {
                Ok(Self::Cookie(name.to_owned()))
            }
            Some(("query", name)) if is_argument(name) => Ok(Self::Query(name.to_owned())),
            Some(_) => Err(form()),
        }
    }
}

/// Whether a query can hold an argument called `name`, as it would be sent.
fn is_argument(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_graphic() && !b"&=#\"<>".contains(&b);
    !name.is_empty() && name.bytes().all(allowed)
}

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri => f.write_str("uri"),
            Self::Path => f.write_str("path"),
            Self::Host => f.write_str("host"),
            Self::Client => f.write_str("client"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::Query(name) => write!(f, "query:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HashKey;

    #[test]
    fn a_hash_key_is_a_word_or_a_kind_and_a_name() {
        for good in [
            "uri",
            "path",
            "host",
            "client",
            "header:X-User",
            "cookie:sid",
            "query:user[id]",
            "query:a:b",
        ] {
            assert_eq!(HashKey::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "",
            "URI",
            "ip",
            "header",
            "header:",
            "header:a b",
            "cookie:",
            "cookie:a=b",
            "query:",
            "query:a=b",
            "query:a&b",
            "uri:x",
        ] {
            assert!(HashKey::parse(bad).is_err(), "{bad:?} passed");
        }
    }
}
