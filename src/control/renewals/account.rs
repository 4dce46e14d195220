//! Which account asks: one for each authority, and each account elsewhere that it is bound to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::Control;
use crate::acme::{Account, Asked, Credentials, Failed, Trouble};
use crate::model::Acme;
use crate::store::{AcmeAccount, StoreError};

/// Whose turn it is to make an account: two at once would be two accounts.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<(String, String), Turn>>);

type Turn = Arc<tokio::sync::Mutex<()>>;

impl Turns {
    fn of(&self, directory: &str, key_id: &str) -> Turn {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (directory.to_owned(), key_id.to_owned());
        all.entry(key).or_default().clone()
    }
}

impl Control {
    /// Our account at `acme`, made where there is none.
    pub(super) async fn acme_account(&self, asked: Asked, acme: &Acme) -> Result<Account, Failed> {
        let (directory, key_id) = identity(acme);
        let turn = self.renewals.accounts.of(&directory, key_id);
        let _turn = turn.lock().await;
        let hmac = match &acme.eab {
            None => None,
            Some(_) => self.hmac(acme)?,
        };
        let credentials = match self.kept_account(acme).await? {
            Some(kept) => Credentials {
                key: kept.key,
                url: kept.url,
            },
            None => {
                let new = Credentials::new()?;
                // Before anyone is asked: with this key it is this account, whatever happens now.
                self.keep_account(acme, &new).await?;
                new
            }
        };
        let made = Account::of(asked, acme, hmac.as_ref(), &credentials).await;
        let (account, made) = made?;
        if let Some(made) = made {
            self.keep_account(acme, &made).await?;
        }
        Ok(account)
    }

    /// Has the account at `acme` be made again: the authority does not know it any more.
    pub(super) async fn forget_account(&self, acme: &Acme) -> Result<(), Failed> {
        if let Some(kept) = self.kept_account(acme).await? {
            let again = Credentials {
                key: kept.key,
                url: None,
            };
            self.keep_account(acme, &again).await?;
        }
        Ok(())
    }

    fn hmac(&self, acme: &Acme) -> Result<Option<crate::model::SecretBytes>, Failed> {
        let owner = acme.hmac_owner();
        let now = self.now.load_full();
        let secrets = &now.snapshot.secrets;
        match (secrets.get(&owner), secrets.why_missing(&owner)) {
            (Some(secret), _) => Ok(Some(secret.clone())),
            (None, why) => Err(Trouble::NoAccountKey {
                why: why.unwrap_or("nothing is said of it").to_owned(),
            }
            .into()),
        }
    }

    async fn kept_account(&self, acme: &Acme) -> Result<Option<AcmeAccount>, Failed> {
        let (directory, key_id) = identity(acme);
        let mut writer = self.writer.lock().await;
        let now = self.now.load_full();
        let store = self.writable(&mut writer, &now).await;
        let store = store.map_err(|error| ours(&error))?;
        let found = store.acme_account(&directory, key_id).await;
        found.map_err(|error| ours(&error))
    }

    async fn keep_account(&self, acme: &Acme, made: &Credentials) -> Result<(), Failed> {
        let (directory, key_id) = identity(acme);
        let account = AcmeAccount {
            url: made.url.clone(),
            key: made.key.clone(),
        };
        let mut writer = self.writer.lock().await;
        let now = self.now.load_full();
        let store = self.writable(&mut writer, &now).await;
        let store = store.map_err(|error| ours(&error))?;
        let kept = store.keep_acme_account(&directory, key_id, &account).await;
        kept.map_err(|error: StoreError| ours(&error))
    }
}

fn identity(acme: &Acme) -> (String, &str) {
    let key_id = acme.eab.as_ref().map_or("", |eab| eab.key_id.as_str());
    (acme.directory.url(), key_id)
}

/// What a failure of the database is to a renewal.
pub(super) fn ours(error: &impl std::fmt::Display) -> Failed {
    Trouble::Ours {
        why: error.to_string(),
    }
    .into()
}
