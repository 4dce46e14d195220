//! An authority that issues certificates by ACME (RFC 8555), and how it is asked.

use std::fmt;
use std::path::PathBuf;

use super::{Name, Secret, WebhookUrl};

/// An authority that issues certificates by ACME.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// Its identity.
    pub name: Name,
    /// Where it is asked.
    pub directory: AcmeDirectory,
    /// Whom it may write to.
    pub email: Option<String>,
    /// How it is shown that a host is ours.
    pub challenge: AcmeChallenge,
    /// The account elsewhere that ours is bound to.
    pub eab: Option<ExternalAccount>,
    /// PEM: the authorities that its own certificate is judged by; none is those this machine
    /// trusts.
    pub ca: Option<PathBuf>,
}

impl Acme {
    /// Limit: hosts of one certificate, what Let's Encrypt and most others take.
    pub const MAX_HOSTS: usize = 100;

    /// One with every default of the document.
    pub fn new(name: Name) -> Self {
        Self {
            name,
            directory: AcmeDirectory::default(),
            email: None,
            challenge: AcmeChallenge::default(),
            eab: None,
            ca: None,
        }
    }

    /// What the secret of its external account belongs to, by name.
    pub fn hmac_owner(&self) -> String {
        format!("acme.{}{}", self.name, ExternalAccount::HMAC)
    }
}

/// How it is shown that a host is ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum AcmeChallenge {
    /// A file asked for by plain HTTP, at port 80 (RFC 8555 section 8.3).
    #[default]
    Http01,
    /// A certificate shown in a handshake, at port 443 (RFC 8737).
    TlsAlpn01,
}

impl AcmeChallenge {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Http01, Self::TlsAlpn01];

    /// The word in the document, which is also the authority's.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        }
    }
}

/// An account that somebody has with the authority outside of ACME (RFC 8555 section 7.3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalAccount {
    /// The key's name there.
    pub key_id: String,
    /// The key, in base64url as authorities hand it out.
    pub hmac: Secret,
}

impl ExternalAccount {
    /// Limit: the longest name of a key, in bytes. Those known have some 30.
    pub const MAX_KEY_ID: usize = 256;

    /// The end of an owner of such a key: `acme.NAME.eab.hmac`.
    pub const HMAC: &str = ".eab.hmac";
}

/// Where an authority is asked: the URL of its directory, always by HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeDirectory(WebhookUrl);

impl AcmeDirectory {
    /// Authorities that a word is enough for. The first is asked where nothing is said.
    const KNOWN: [(&str, &str); 3] = [
        (
            "letsencrypt",
            "https://acme-v02.api.letsencrypt.org/directory",
        ),
        (
            "letsencrypt-staging",
            "https://acme-staging-v02.api.letsencrypt.org/directory",
        ),
        ("zerossl", "https://acme.zerossl.com/v2/DV90"),
    ];

    /// Reads a URL, or the word for one.
    ///
    /// # Errors
    /// What it must be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known = Self::KNOWN.iter().find(|(word, _)| *word == text);
        let url = known.map_or(text, |(_, url)| url);
        let url = match WebhookUrl::parse(url) {
            Ok(url) if url.tls => url,
            Err(why) if url.contains("://") && !why.starts_with("must begin") => return Err(why),
            _ => {
                return Err(format!(
                    "must be letsencrypt, letsencrypt-staging, zerossl or the https:// URL of an authority's directory (is {text:?})"
                ));
            }
        };
        Ok(Self(url))
    }

    /// Host, and port where it is not 443: whom it is asked at.
    pub fn host(&self) -> String {
        self.0.authority()
    }

    /// The URL, written out.
    pub fn url(&self) -> String {
        self.0.to_string()
    }
}

impl Default for AcmeDirectory {
    fn default() -> Self {
        let (word, _) = Self::KNOWN[0];
        Self::parse(word).expect("it is known")
    }
}

/// The word where there is one, as the document has it.
impl fmt::Display for AcmeDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url();
        let known = Self::KNOWN.iter().find(|(_, known)| *known == url);
        f.write_str(known.map_or(&url, |(word, _)| word))
    }
}

/// Reads the address that an authority may write to.
///
/// # Errors
/// What it must be.
pub fn email(text: &str) -> Result<String, String> {
    // As much as goes into a mailto: (RFC 6068) without being encoded.
    let inside = |b: u8| b.is_ascii_alphanumeric() || b"!$'*+-./=_~".contains(&b);
    let good = text.len() <= 254
        && text.split_once('@').is_some_and(|(user, host)| {
            let whole = |part: &str| !part.is_empty() && part.bytes().all(inside);
            whole(user) && whole(host)
        });
    match good {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "must be an e-mail address, such as ops@example.com (is {text:?})"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{AcmeDirectory, email};

    #[test]
    fn a_directory_is_a_word_or_a_url_and_written_as_the_word_where_there_is_one() {
        for (text, written) in [
            ("letsencrypt", "letsencrypt"),
            ("zerossl", "zerossl"),
            (
                "https://acme-v02.api.letsencrypt.org/directory",
                "letsencrypt",
            ),
            (
                "HTTPS://CA.internal:9000/acme/",
                "https://ca.internal:9000/acme/",
            ),
            ("https://127.0.0.1:14000/dir", "https://127.0.0.1:14000/dir"),
        ] {
            let directory = AcmeDirectory::parse(text).unwrap();
            assert_eq!(directory.to_string(), written);
            assert_eq!(AcmeDirectory::parse(written), Ok(directory));
        }
        assert_eq!(AcmeDirectory::default().to_string(), "letsencrypt");
        for (text, why) in [
            ("", "must be letsencrypt, "),
            ("lets", "must be letsencrypt, "),
            ("http://127.0.0.1/dir", "must be letsencrypt, "),
            ("https:///dir", "must name a host"),
            ("https://me:4711@a/", "must hold no user"),
        ] {
            let told = AcmeDirectory::parse(text).unwrap_err();
            assert!(told.starts_with(why), "{text}: {told}");
        }
    }

    #[test]
    fn an_address_to_write_to_is_one_that_a_mailto_holds_as_it_is() {
        for good in ["ops@example.com", "a.b+c@x", "o'neil@mail.example"] {
            assert_eq!(email(good).as_deref(), Ok(good));
        }
        for bad in [
            "ops", "@a", "a@", "a@b@c", "a b@c", "a@b?cc=d", "é@a", "a,b@c",
        ] {
            assert!(email(bad).unwrap_err().starts_with("must be an e-mail"));
        }
    }
}
