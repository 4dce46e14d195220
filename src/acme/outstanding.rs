//! What is to be shown to authorities right now: the data plane asks here.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::ServerConfig;

/// Where an authority looks for what http-01 shows (RFC 8555 section 8.3).
const WELL_KNOWN: &[u8] = b"/.well-known/acme-challenge/";

/// What is to be shown to authorities right now. Mostly nothing: whoever has a request or a client
/// in hand asks [`Outstanding::is_any`] first, which is one load.
#[derive(Debug, Default)]
pub struct Outstanding {
    any: AtomicBool,
    all: Mutex<All>,
}

#[derive(Default)]
struct All {
    /// By token, what is answered.
    tokens: HashMap<String, String>,
    /// By host, how a handshake goes.
    hosts: HashMap<String, Arc<ServerConfig>>,
}

impl fmt::Debug for All {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tokens, hosts) = (self.tokens.len(), self.hosts.len());
        write!(f, "{tokens} tokens, {hosts} hosts")
    }
}

impl Outstanding {
    /// Whether there is anything.
    pub fn is_any(&self) -> bool {
        // Who asked for the challenge goes to see only after it was put here.
        self.any.load(Ordering::Relaxed)
    }

    /// What is answered to a request for `path`; none where that is nothing of an authority's.
    pub fn answer(&self, path: &[u8]) -> Option<String> {
        let token = std::str::from_utf8(path.strip_prefix(WELL_KNOWN)?).ok()?;
        self.all().tokens.get(token).cloned()
    }

    /// How a handshake by `acme-tls/1` goes with who asks for `host`.
    pub fn handshake(&self, host: &str) -> Option<Arc<ServerConfig>> {
        self.all().hosts.get(&host.to_ascii_lowercase()).cloned()
    }

    /// Answers `token` with `text` until what is returned is dropped.
    pub fn show_token(self: &Arc<Self>, token: &str, text: &str) -> Shown {
        self.change(|all| all.tokens.insert(token.to_owned(), text.to_owned()));
        self.shown(What::Token(token.to_owned()))
    }

    /// Shakes hands so with who asks for `host`, until what is returned is dropped.
    pub fn show_host(self: &Arc<Self>, host: &str, handshake: Arc<ServerConfig>) -> Shown {
        let host = host.to_ascii_lowercase();
        self.change(|all| all.hosts.insert(host.clone(), handshake.clone()));
        self.shown(What::Host(host, handshake))
    }

    fn shown(self: &Arc<Self>, what: What) -> Shown {
        Shown {
            outstanding: Arc::clone(self),
            what,
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut All) -> T) {
        let mut all = self.all();
        change(&mut all);
        let any = !all.tokens.is_empty() || !all.hosts.is_empty();
        self.any.store(any, Ordering::Relaxed);
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something is shown to an authority as long as this is there.
#[derive(Debug)]
pub struct Shown {
    outstanding: Arc<Outstanding>,
    what: What,
}

#[derive(Debug)]
enum What {
    Token(String),
    Host(String, Arc<ServerConfig>),
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.outstanding.change(|all| match &self.what {
            What::Token(token) => {
                all.tokens.remove(token);
            }
            // Another may have taken its place.
            What::Host(host, own) => {
                let shown = all.hosts.get(host);
                if shown.is_some_and(|shown| Arc::ptr_eq(shown, own)) {
                    all.hosts.remove(host);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Outstanding;

    #[test]
    fn a_token_is_answered_while_it_is_outstanding_and_nothing_else() {
        let all = Arc::new(Outstanding::default());
        let path = b"/.well-known/acme-challenge/a_B-1".as_slice();
        assert!(!all.is_any());
        assert_eq!(all.answer(path), None);
        let one = all.show_token("a_B-1", "a_B-1.print");
        let other = all.show_token("c", "c.print");
        assert_eq!(all.answer(path).as_deref(), Some("a_B-1.print"));
        for path in [
            b"/.well-known/acme-challenge/".as_slice(),
            b"/.well-known/acme-challenge/a",
            b"/.well-known/acme-challenge/a_B-1/",
            b"/x/.well-known/acme-challenge/a_B-1",
            b"/.well-known/acme-challenge/\xff",
            b"/",
        ] {
            assert_eq!(all.answer(path), None);
        }
        drop(one);
        assert_eq!(all.answer(path), None);
        assert!(all.is_any());
        drop(other);
        assert!(!all.is_any());
        assert_eq!(format!("{all:?}").matches("0 tokens").count(), 1);
    }
}
