//! What was said in a trial, fit to be shown: bounded, as text, without secrets; and who seems
//! to have answered.

use crate::health::Exchange;

/// Limit: of an answer's body this much is shown, in bytes; of its head so many lines of so many
/// characters.
const BODY: usize = 200;
const LINES: usize = 48;
const LINE: usize = 400;

/// What stands for a secret.
const MASK: &str = "•••";

/// What was said on both sides, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// The request as it was sent.
    pub sent: String,
    /// The answer's head.
    pub head: String,
    /// The beginning of its body, 200 bytes at most.
    pub body: String,
    /// Whether there was more of the body.
    pub more: bool,
    /// What the answer calls its server.
    pub server: Option<String>,
    /// Whether Django seems to have answered.
    pub is_django: bool,
}

impl Heard {
    /// Whether nothing was answered at all.
    pub fn is_silent(&self) -> bool {
        self.head.is_empty() && self.body.is_empty()
    }

    /// The answer as it came: head, and as much of the body as is shown.
    pub fn answer(&self) -> String {
        let more = if self.more { "…" } else { "" };
        match (self.head.is_empty(), self.body.is_empty()) {
            (false, false) => format!("{}\n\n{}{more}", self.head, self.body),
            (false, true) => self.head.clone(),
            (true, _) => format!("{}{more}", self.body),
        }
    }

    /// Of the bytes that were sent and received.
    pub(super) fn of(exchange: &Exchange) -> Self {
        let answered = &exchange.answered;
        let end = memchr::memmem::find(answered, b"\r\n\r\n");
        // What is not HTTP has no head: its first bytes are shown alone.
        let (head, body) = match end {
            Some(end) if answered.starts_with(b"HTTP/") => (&answered[..end], &answered[end + 4..]),
            _ if answered.starts_with(b"HTTP/") => (answered.as_slice(), &[][..]),
            _ => (&[][..], answered.as_slice()),
        };
        let lines = lines(head);
        Self {
            sent: shown_head(&exchange.sent),
            head: shown_head(head),
            body: shown(&body[..body.len().min(BODY)], usize::MAX),
            more: body.len() > BODY,
            server: field(&lines, "server").map(|server| shown(server.as_bytes(), 80)),
            is_django: is_django(&lines, body),
        }
    }
}

/// Signs that Django leaves: its cookies and form fields, what its security middleware sets
/// together, its plain error pages.
fn is_django(lines: &[String], body: &[u8]) -> bool {
    let has = |name: &str, value: &str| {
        field(lines, name).is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    let mut cookies = lines.iter().filter(|line| is_named(line, "set-cookie"));
    let says = |words: &str| memchr::memmem::find(body, words.as_bytes()).is_some();
    let middleware = has("X-Content-Type-Options", "nosniff")
        && has("Referrer-Policy", "same-origin")
        && has("Cross-Origin-Opener-Policy", "same-origin");
    middleware
        || cookies.any(|line| line.contains("csrftoken=") || line.contains("django_language="))
        || says("csrfmiddlewaretoken")
        || says("DisallowedHost at")
        || says("<h1>Bad Request (400)</h1>")
        || says("<h1>Server Error (500)</h1>")
        || says("<h1>Not Found</h1><p>The requested resource was not found on this server.</p>")
        || says("The install worked successfully!")
}

fn lines(head: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(head);
    text.split('\n')
        .map(|line| line.trim_end_matches('\r').to_owned())
        .collect()
}

fn is_named(line: &str, name: &str) -> bool {
    let found = line.split(':').next().unwrap_or_default();
    found.eq_ignore_ascii_case(name)
}

fn field<'l>(lines: &'l [String], name: &str) -> Option<&'l str> {
    let line = lines.iter().skip(1).find(|line| is_named(line, name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

/// A head with the values of its secret fields left out.
fn shown_head(head: &[u8]) -> String {
    let all = lines(head);
    let mut shown_lines: Vec<String> = all
        .iter()
        .enumerate()
        .take(LINES)
        .map(|(i, line)| {
            let line = match i {
                0 => line.clone(),
                _ => without_secret(line),
            };
            shown(line.as_bytes(), LINE)
        })
        .collect();
    if all.len() > LINES {
        shown_lines.push("…".to_owned());
    }
    shown_lines.join("\n").trim_end().to_owned()
}

fn without_secret(line: &str) -> String {
    let Some((name, value)) = line.split_once(':') else {
        return line.to_owned();
    };
    let small = name.trim().to_ascii_lowercase();
    if small == "set-cookie" {
        let cookie = value.split('=').next().unwrap_or_default();
        return format!("{name}:{cookie}={MASK}");
    }
    let secret = ["cookie", "token", "secret", "password", "key", "session"];
    let is_secret = secret.iter().any(|word| small.contains(word))
        || small == "authorization"
        || small == "proxy-authorization"
        || small.starts_with("x-auth");
    match is_secret {
        true => format!("{name}: {MASK}"),
        false => line.to_owned(),
    }
}

/// Somebody else's bytes as text of at most so many characters, without anything that could
/// hide or turn round what follows.
fn shown(bytes: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut safe = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == most {
            safe.push('…');
            break;
        }
        match c {
            '\n' | '\t' | '"' | '\'' | '\\' => safe.push(c),
            '\r' => {}
            c => safe.extend(c.escape_debug()),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::Heard;
    use crate::health::Exchange;

    fn heard(sent: &str, answered: &[u8]) -> Heard {
        Heard::of(&Exchange {
            connected: None,
            sent: sent.as_bytes().to_vec(),
            answered: answered.to_vec(),
        })
    }

    #[test]
    fn what_was_said_is_shown_without_secrets() {
        let sent =
            "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic c2VjcmV0\r\nX-Api-Key: s3\r\n\r\n";
        let answer = b"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nSet-Cookie: sessionid=abc; HttpOnly\r\nContent-Length: 2\r\n\r\nok";
        let heard = heard(sent, answer);
        assert_eq!(
            heard.sent,
            "GET / HTTP/1.1\nHost: a\nAuthorization: •••\nX-Api-Key: •••"
        );
        assert_eq!(
            heard.head,
            "HTTP/1.1 200 OK\nServer: gunicorn\nSet-Cookie: sessionid=•••\nContent-Length: 2"
        );
        assert_eq!((heard.body.as_str(), heard.more), ("ok", false));
        assert_eq!(heard.server.as_deref(), Some("gunicorn"));
        assert!(!heard.is_django);
    }

    #[test]
    fn of_a_body_only_the_beginning_is_shown_and_nothing_that_could_hide() {
        let body = "x".repeat(500);
        let long = heard("", format!("HTTP/1.1 200 OK\r\n\r\n{body}").as_bytes());
        assert_eq!((long.body.len(), long.more), (200, true));
        let odd = heard("", b"\x1b[2J\xff\x00<b>\r\n");
        assert_eq!(odd.body, "\\u{1b}[2J\u{fffd}\\0<b>\n");
        assert_eq!(odd.head, "");
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(90));
        let many = heard("", many.as_bytes());
        assert!(many.head.ends_with("A: b\n…"), "{}", many.head);
    }

    #[test]
    fn django_is_known_by_what_it_leaves() {
        for answer in [
            "HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\nCross-Origin-Opener-Policy: same-origin\r\n\r\n",
            "HTTP/1.1 200 OK\r\nSet-Cookie: csrftoken=abc; Path=/\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\n\r\n<title>Bad Request (400)</title>\n<h1>Bad Request (400)</h1><p></p>",
            "HTTP/1.1 200 OK\r\n\r\n<input type=hidden name=\"csrfmiddlewaretoken\">",
        ] {
            assert!(heard("", answer.as_bytes()).is_django, "{answer}");
        }
        for answer in [
            "HTTP/1.1 200 OK\r\nServer: gunicorn\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\n\r\n",
            "csrf",
        ] {
            assert!(!heard("", answer.as_bytes()).is_django, "{answer}");
        }
    }
}
