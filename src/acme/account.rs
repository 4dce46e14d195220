//! Our account with an authority: made once, and asked for again by its key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};
use instant_acme::{AccountBuilder, ExternalAccountKey, Key, NewAccount};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::trouble::{Failed, Trouble};
use super::wire::Asked;
use crate::model::{Acme, SecretBytes};

/// What an account is known by. To be kept: with another key it is another account.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Its private key, PKCS#8.
    pub key: SecretBytes,
    /// Its URL at the authority; none where it may not be known there yet.
    pub url: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {}", self.url.as_deref().unwrap_or("(new)"))
    }
}

impl Credentials {
    /// A new key, for an account that is not made yet. Kept before it is, so that whatever happens
    /// then there is one account alone.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn new() -> Result<Self, Failed> {
        let made = Key::generate_pkcs8().map_err(|error| Trouble::Ours {
            why: error.to_string(),
        })?;
        Ok(Self {
            key: SecretBytes::new(made.1.secret_pkcs8_der()),
            url: None,
        })
    }

    fn pkcs8(&self) -> PrivatePkcs8KeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.bytes().to_vec())
    }
}

/// Our account with an authority.
pub struct Account {
    pub(super) inner: instant_acme::Account,
    pub(super) asked: Asked,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Account").field(&self.inner.id()).finish()
    }
}

impl Account {
    /// The account of `credentials` at the authority `acme`, made where it is not known there.
    /// Other credentials than these are to be kept, where there are any.
    ///
    /// An authority that wants one bound to an account elsewhere is asked with `hmac`, the key of
    /// that; it makes the key of ours by itself.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn of(
        asked: Asked,
        acme: &Acme,
        hmac: Option<&SecretBytes>,
        credentials: &Credentials,
    ) -> Result<(Self, Option<Credentials>), Failed> {
        let builder = instant_acme::Account::builder_with_http(Box::new(asked.clone()));
        let directory = acme.directory.url();
        let failed = |error| asked.failed(Trouble::of(error, asked.status()));
        if let Some(url) = credentials.url.clone() {
            let found = builder.from_parts(url, credentials.pkcs8(), directory);
            let inner = found.await.map_err(failed)?;
            return Ok((Self { inner, asked }, None));
        }
        let (inner, key) = match &acme.eab {
            Some(eab) => {
                let hmac = hmac.ok_or_else(|| Trouble::NoAccountKey {
                    why: "nothing is said of it".to_owned(),
                })?;
                let hmac = decoded(hmac.bytes()).ok_or(Trouble::BadAccountKey)?;
                let binding = ExternalAccountKey::new(eab.key_id.clone(), &hmac);
                bound(builder, acme, &binding).await.map_err(failed)?
            }
            None => {
                let made = by_key(builder, acme, credentials).await;
                (made.map_err(failed)?, credentials.key.clone())
            }
        };
        let made = Credentials {
            key,
            url: Some(inner.id().to_owned()),
        };
        Ok((Self { inner, asked }, Some(made)))
    }
}

async fn by_key(
    builder: AccountBuilder,
    acme: &Acme,
    credentials: &Credentials,
) -> Result<instant_acme::Account, instant_acme::Error> {
    let key = Key::from_pkcs8_der(credentials.pkcs8())?;
    let key = (key, PrivateKeyDer::Pkcs8(credentials.pkcs8()));
    let (account, _) = builder.create_from_key(key, acme.directory.url()).await?;
    if let Some(email) = &acme.email {
        account
            .update_contacts(&[&format!("mailto:{email}")])
            .await?;
    }
    Ok(account)
}

async fn bound(
    builder: AccountBuilder,
    acme: &Acme,
    binding: &ExternalAccountKey,
) -> Result<(instant_acme::Account, SecretBytes), instant_acme::Error> {
    let contact = acme.email.as_ref().map(|email| format!("mailto:{email}"));
    let contact: Vec<&str> = contact.as_deref().into_iter().collect();
    let new = NewAccount {
        contact: &contact,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let made = builder.create(&new, acme.directory.url(), Some(binding));
    let (account, credentials) = made.await?;
    let key = SecretBytes::new(credentials.private_key().secret_pkcs8_der());
    Ok((account, key))
}

/// base64 as authorities hand keys out: of either alphabet, padded or not.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let text = text.trim_ascii();
    [alphabet::URL_SAFE, alphabet::STANDARD]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(text).ok())
        .filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Credentials, decoded};

    #[test]
    fn a_key_is_read_in_the_spellings_that_authorities_have() {
        let key = [0xfb, 0xff, 0xfe, 1];
        for text in ["-__-AQ", "-__-AQ==", "+//+AQ==", "+//+AQ", " -__-AQ\n"] {
            assert_eq!(
                decoded(text.as_bytes()).as_deref(),
                Some(&key[..]),
                "{text}"
            );
        }
        for text in ["", "a b", "-_/+", "é"] {
            assert_eq!(decoded(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_key_is_made_once_and_never_shown() {
        let (one, other) = (Credentials::new().unwrap(), Credentials::new().unwrap());
        assert_ne!(one, other);
        assert_eq!(format!("{one:?}"), "account (new)");
    }
}
