//! Recovery codes: for whoever has lost what the other codes come from. Each is good once.

/// Letters of a recovery code: without what is mistaken for another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Letters in one: of five bits each, 120, which nobody guesses from a digest (ASVS 6.5.2).
const LENGTH: usize = 24;

/// One that nobody has, as it is shown.
pub(super) fn new_code() -> String {
    let random: [u8; LENGTH] = rand::random();
    let mut code = String::new();
    for (i, byte) in random.iter().enumerate() {
        if i > 0 && i % 6 == 0 {
            code.push('-');
        }
        code.push(char::from(LETTERS[usize::from(byte % 32)]));
    }
    code
}

/// A recovery code without what it is grouped by; none where it cannot be one.
pub(super) fn plain(typed: &str) -> Option<String> {
    let plain = typed.chars().filter(|c| !c.is_whitespace() && *c != '-');
    let plain: String = plain.map(|c| c.to_ascii_lowercase()).collect();
    let is_one = plain.len() == LENGTH && plain.bytes().all(|byte| LETTERS.contains(&byte));
    is_one.then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::{new_code, plain};

    #[test]
    fn a_recovery_code_is_120_bits_and_found_again_however_it_is_typed() {
        let code = new_code();
        assert_eq!(code.len(), 27);
        assert_ne!(code, new_code());
        let letters = plain(&code).unwrap();
        assert_eq!(letters.len(), 24);
        let typed = format!(" {} ", code.to_uppercase().replace('-', " "));
        assert_eq!(plain(&typed), Some(letters));
        for none in [
            "",
            "123456",
            "abcdef-abcdef-abcdef-abcde",
            "abcdef-abcdef-abcdef-abcde0",
        ] {
            assert_eq!(plain(none), None, "{none}");
        }
    }
}
