//! A record as a command, to ask the same again.

use super::row::Row;
use super::shown;

impl Row {
    /// The request as a command, to ask it again; `port` is the listener's.
    pub(super) fn curl(&self, port: Option<u16>) -> String {
        let line = &self.line;
        let (scheme, usual) = match line.tls {
            Some(_) => ("https", 443),
            None => ("http", 80),
        };
        let port = port.filter(|port| *port != usual);
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        let mut words = vec!["curl".to_owned()];
        match line.method.as_str() {
            "GET" | "" => {}
            "HEAD" => words.push("--head".to_owned()),
            method => words.push(format!("--request {}", quoted(method))),
        }
        for (name, value) in [("User-Agent", &line.user_agent), ("Referer", &line.referer)] {
            if let Some(value) = value {
                words.push(format!("--header {}", quoted(&format!("{name}: {value}"))));
            }
        }
        let url = format!("{scheme}://{}{port}{}", line.host, self.target());
        // Else curl would make other URLs of it.
        if url.contains(['[', ']', '{', '}']) {
            words.push("--globoff".to_owned());
        }
        if url.contains("/.") {
            words.push("--path-as-is".to_owned());
        }
        words.push(quoted(&url));
        words.join(" ")
    }

    /// Whether it had a body, which is not kept.
    pub(super) fn had_body(&self) -> bool {
        !matches!(
            self.line.method.as_str(),
            "GET" | "HEAD" | "" | "OPTIONS" | "DELETE"
        )
    }
}

/// A word that a shell takes as it is. What is not seen has no place in a command: in a URL it is
/// escaped, and elsewhere left out.
fn quoted(word: &str) -> String {
    let mut out = "'".to_owned();
    for c in word.chars() {
        match c {
            '\'' => out.push_str("'\\''"),
            c if c.is_control() || shown::text(c.encode_utf8(&mut [0; 4])).starts_with("\\u{") => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    out.push_str(&format!("%{byte:02X}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn no_word_ends_early_or_hides_anything() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("$(reboot) `x` \"y\""), "'$(reboot) `x` \"y\"'");
        assert_eq!(quoted("a\r\nb\u{1b}\u{202e}"), "'a%0D%0Ab%1B%E2%80%AE'");
    }
}
