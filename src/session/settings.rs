//! What the operator set, as the session store takes it.

use sha2::{Digest, Sha256};

use super::memory::DATABASES;

/// In force from the next command on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who may reach which database.
    pub databases: Databases,
    /// Most bytes of all entries ([`super::memory::Memory::used`]). A write that could go beyond it is refused.
    pub max_memory: u64,
    /// Most bytes of one value.
    pub max_value: usize,
    /// By how many percent a lifetime that a client asked for is drawn shorter or longer; 0 to 50.
    pub ttl_jitter: u8,
}

/// The passwords, and which databases each of them opens.
///
/// - Without any password of the whole store everybody is known from the start.
/// - The store's password (`AUTH password`, or the user `default`) opens every database that has none of its own.
/// - A database's own password (with the database's name as the user, or `default`, or no user) opens that one alone,
///   and the connection is in it at once.
/// - `SELECT` of a database that the password does not open is `-NOPERM`, as is any command in one.
/// - `FLUSHALL` clears what the password opens, and nothing else.
#[derive(Debug, Clone, Default)]
pub struct Databases {
    password: Option<Password>,
    own: Vec<Own>,
}

#[derive(Debug, Clone)]
struct Own {
    index: u8,
    name: String,
    password: Password,
}

/// A digest: what lies in memory does not open anything. Long random passwords need no slow one.
#[derive(Clone, PartialEq, Eq)]
struct Password([u8; 32]);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

impl Password {
    fn of(text: &[u8]) -> Self {
        Self(Sha256::digest(text).into())
    }
}

/// The databases that a connection may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rights {
    /// A bit each.
    databases: u16,
    /// Where the connection is after `AUTH`; nothing: where it was.
    pub(crate) home: Option<u8>,
}

impl Rights {
    pub(crate) fn may(self, database: u8) -> bool {
        self.databases >> database & 1 == 1
    }
}

impl Databases {
    /// Databases that one password opens; without one everybody may.
    #[must_use]
    pub fn new(password: Option<&[u8]>) -> Self {
        Self {
            password: password.map(Password::of),
            own: Vec::new(),
        }
    }

    /// One of them, 0 to 15, has a name and a password of its own.
    #[must_use]
    pub fn with(mut self, index: u8, name: &str, password: &[u8]) -> Self {
        if index < DATABASES {
            self.own.push(Own {
                index,
                name: name.to_owned(),
                password: Password::of(password),
            });
        }
        self
    }

    /// The name of a database that has one.
    #[must_use]
    pub fn name(&self, index: u8) -> Option<&str> {
        let own = self.own.iter().find(|own| own.index == index)?;
        Some(&own.name)
    }

    /// What a connection may do that said no password; nothing where one is needed.
    pub(crate) fn without_password(&self) -> Option<Rights> {
        self.password.is_none().then(|| self.common())
    }

    /// Those without a password of their own.
    fn common(&self) -> Rights {
        let own = self.own.iter().fold(0, |bits, own| bits | 1 << own.index);
        Rights {
            databases: !own,
            home: None,
        }
    }

    /// What a user's password opens. Every password is compared, so the time says nothing.
    pub(crate) fn opened_by(&self, user: &[u8], password: &[u8]) -> Option<Rights> {
        let said = Password::of(password);
        let default = user == b"default";
        let mut opened = None;
        for own in &self.own {
            if own.password == said && (default || own.name.as_bytes() == user) && opened.is_none()
            {
                opened = Some(Rights {
                    databases: 1 << own.index,
                    home: Some(own.index),
                });
            }
        }
        // Without a password of the store `default` comes in with any, as in Redis, and it opens what all may.
        let common = self.password.as_ref().is_none_or(|whole| *whole == said);
        opened.or_else(|| (default && common).then(|| self.common()))
    }

    /// Whether there is any password to say.
    pub(crate) fn has_password(&self) -> bool {
        self.password.is_some() || !self.own.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_password_opens_its_own_databases() {
        let databases = Databases::new(Some(b"all")).with(3, "shop", b"s3");
        let all = databases.opened_by(b"default", b"all").unwrap();
        assert!(all.may(0) && all.may(15) && !all.may(3));
        for user in ["default", "shop"] {
            let shop = databases.opened_by(user.as_bytes(), b"s3").unwrap();
            assert!(shop.may(3) && !shop.may(0));
            assert_eq!(shop.home, Some(3));
        }
        assert_eq!(databases.opened_by(b"shop", b"all"), None);
        assert_eq!(databases.opened_by(b"blog", b"s3"), None);
        assert_eq!(databases.opened_by(b"default", b"wrong"), None);
        assert_eq!(databases.without_password(), None);
        assert_eq!((databases.name(3), databases.name(0)), (Some("shop"), None));
    }

    #[test]
    fn without_a_password_only_databases_of_their_own_are_closed() {
        let databases = Databases::new(None).with(1, "shop", b"x");
        let rights = databases.without_password().unwrap();
        assert!(rights.may(0) && !rights.may(1));
        assert_eq!(databases.opened_by(b"default", b"anything"), Some(rights));
    }

    #[test]
    fn a_password_is_not_told() {
        let told = format!(
            "{:?}",
            Databases::new(Some(b"hunter2")).with(1, "shop", b"hunter2")
        );
        assert!(!told.contains("hunter2"), "{told}");
    }
}
