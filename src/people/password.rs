//! Which passwords are taken: long ones that nobody tries first. No rule about their letters.

/// The fewest characters.
pub const MIN_PASSWORD: usize = 8;

/// Limit: the longest password, in bytes. Far beyond a sentence; a longer one costs time to hash.
pub const MAX_PASSWORD: usize = 1024;

/// The five thousand most common of at least eight characters, the most common first: of the
/// list that Django ships, by Royce Williams, from leaked passwords.
const COMMON: &str = include_str!("common.txt");

/// The fewest characters that a password has besides words that anybody would try here.
const MIN_OWN: usize = 4;

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// It has fewer than [`MIN_PASSWORD`] characters.
    #[error("the password must have at least {MIN_PASSWORD} characters")]
    TooShort,
    /// It has more than [`MAX_PASSWORD`] bytes.
    #[error("the password must have at most {MAX_PASSWORD} bytes")]
    TooLong,
    /// It is one of the most common ones.
    #[error("the password is one of the first that anybody would try")]
    Common,
    /// It is little more than the name of the user, the product or the machine.
    #[error("the password is little more than a name that everybody here knows")]
    Obvious,
}

/// Whether `password` is taken from the user `name` on the machine `host`.
pub(super) fn check(password: &str, name: &str, host: &str) -> Result<(), PasswordFault> {
    if password.chars().count() < MIN_PASSWORD {
        return Err(PasswordFault::TooShort);
    }
    if password.len() > MAX_PASSWORD {
        return Err(PasswordFault::TooLong);
    }
    let folded = password.to_lowercase();
    if COMMON.lines().any(|common| common == folded) {
        return Err(PasswordFault::Common);
    }
    let first_label = host.split('.').next().unwrap_or_default();
    let mut own = folded;
    for word in [name, host, first_label, "steelyard", "password"] {
        let word = word.to_lowercase();
        // Taking out «al» of everything would say no to good ones.
        if word.chars().count() >= 3 {
            own = own.replace(&word, "");
        }
    }
    match own.chars().count() {
        own if own < MIN_OWN => Err(PasswordFault::Obvious),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{COMMON, PasswordFault, check};

    fn checked(password: &str) -> Result<(), PasswordFault> {
        check(password, "alice", "lb-7.example.com")
    }

    #[test]
    fn length_is_all_that_is_asked_and_nothing_is_cut() {
        assert_eq!(checked("seven77"), Err(PasswordFault::TooShort));
        assert_eq!(checked("八个汉字也可以的"), Ok(()));
        assert_eq!(checked("all lower case letters"), Ok(()));
        assert_eq!(checked(&"long ".repeat(20)), Ok(()));
        assert_eq!(checked(&"x".repeat(1024)), Ok(()));
        assert_eq!(checked(&"x".repeat(1025)), Err(PasswordFault::TooLong));
    }

    #[test]
    fn what_everybody_tries_first_is_refused_in_any_case() {
        assert!(COMMON.lines().count() >= 3000);
        assert!(COMMON.lines().all(|line| line.len() >= 8));
        for common in ["password1", "Password1", "1234567890", "QWERTYUIOP"] {
            assert_eq!(checked(common), Err(PasswordFault::Common), "{common}");
        }
    }

    #[test]
    fn a_password_is_more_than_the_names_around_it() {
        for obvious in [
            "Steelyard1!",
            "alice-alice",
            "lb-7.example.com",
            "lb-7lb-7!!",
            "alicesteelyard99",
        ] {
            assert_eq!(checked(obvious), Err(PasswordFault::Obvious), "{obvious}");
        }
        assert_eq!(checked("steelyard hangs level"), Ok(()));
        assert_eq!(check("xy is short", "xy", ""), Ok(()));
    }
}
