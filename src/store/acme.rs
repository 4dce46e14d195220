//! Accounts with authorities, their keys sealed; and renewals that failed, so that a restart does
//! not ask sooner than was agreed.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::seal::Keys;
use super::{Store, StoreError, Transaction, corrupt, open};
use crate::model::SecretBytes;

/// An account as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeAccount {
    /// Its URL at the authority; none where it may not be made yet.
    pub url: Option<String>,
    /// Its private key.
    pub key: SecretBytes,
}

/// A renewal that failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailedRenewal {
    /// How often, in a row.
    pub failures: u32,
    /// When it is tried again, in seconds since 1970.
    pub next_try: i64,
    /// Why, in English.
    pub english: String,
    /// Why, in Chinese.
    pub chinese: String,
    /// What was wanted, of whom, as the writer says it: of another it is no failure. Empty where
    /// an older version wrote it.
    pub wanted: String,
}

impl Store {
    /// Our account at the authority of `directory`, bound to `key_id` elsewhere, which is empty
    /// where it is bound to none. None where there is none, or its key cannot be opened.
    ///
    /// # Errors
    /// Why the database could not be read.
    pub async fn acme_account(
        &mut self,
        directory: &str,
        key_id: &str,
    ) -> Result<Option<AcmeAccount>, StoreError> {
        let wanted = "select url, key from acme_accounts where directory = ? and key_id = ?";
        let row = sqlx::query(wanted)
            .bind(directory)
            .bind(key_id)
            .fetch_optional(&mut self.connection)
            .await
            .map_err(open::classify)?;
        let Some(row) = row else {
            return Ok(None);
        };
        let url = row.try_get("url").map_err(open::classify)?;
        let sealed: Vec<u8> = row.try_get("key").map_err(open::classify)?;
        let keys = self.seal.opening().await;
        let key = keys.open(&owner(directory, key_id), &sealed);
        Ok(key.map(|key| AcmeAccount {
            url,
            key: SecretBytes::new(&key),
        }))
    }

    /// Keeps our account at the authority of `directory`; on disk when this returns.
    ///
    /// # Errors
    /// Why the disk or the database refused. Nothing was written then.
    pub async fn keep_acme_account(
        &mut self,
        directory: &str,
        key_id: &str,
        account: &AcmeAccount,
    ) -> Result<(), StoreError> {
        let keys = self.seal.sealing().await?;
        self.write(async |t| put_account(t, &keys, (directory, key_id), account).await)
            .await
    }

    /// The directory of the authority that issued the certificate of this name.
    ///
    /// # Errors
    /// Why the database could not be read.
    pub async fn issued_by(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar("select directory from issued where name = ?")
            .bind(name)
            .fetch_optional(&mut self.connection)
            .await
            .map_err(open::classify)
    }

    /// Keeps which authority issued the certificate of this name.
    ///
    /// # Errors
    /// Why the disk or the database refused. Nothing was written then.
    pub async fn keep_issued_by(&mut self, name: &str, directory: &str) -> Result<(), StoreError> {
        let keep = "insert or replace into issued (name, directory) values (?, ?)";
        self.write(async |transaction| {
            let query = sqlx::query(keep).bind(name).bind(directory);
            let done = query.execute(&mut **transaction).await;
            done.map_err(open::classify)?;
            Ok(())
        })
        .await
    }

    /// Every renewal that failed, by the certificate's name.
    ///
    /// # Errors
    /// Why the database could not be read.
    pub async fn failed_renewals(&mut self) -> Result<Vec<(String, FailedRenewal)>, StoreError> {
        let all = "select name, failures, next_try, english, chinese, wanted from renewals";
        let rows = sqlx::query(all)
            .fetch_all(&mut self.connection)
            .await
            .map_err(open::classify)?;
        rows.iter().map(read).collect()
    }

    /// Keeps how a renewal failed; none is forgotten.
    ///
    /// # Errors
    /// Why the disk or the database refused. Nothing was written then.
    pub async fn keep_renewal(
        &mut self,
        name: &str,
        failed: Option<&FailedRenewal>,
    ) -> Result<(), StoreError> {
        self.write(async |transaction| {
            let query = match failed {
                None => sqlx::query("delete from renewals where name = ?").bind(name),
                Some(failed) => sqlx::query(
                    "insert or replace into renewals (name, failures, next_try, english, chinese, wanted)
                     values (?, ?, ?, ?, ?, ?)",
                )
                .bind(name)
                .bind(failed.failures)
                .bind(failed.next_try)
                .bind(&failed.english)
                .bind(&failed.chinese)
                .bind(&failed.wanted),
            };
            let done = query.execute(&mut **transaction).await;
            done.map_err(open::classify)?;
            Ok(())
        })
        .await
    }
}

/// Writes an account, in place of the one before.
pub(super) async fn put_account(
    transaction: &mut Transaction<'_>,
    keys: &Keys,
    (directory, key_id): (&str, &str),
    account: &AcmeAccount,
) -> Result<(), StoreError> {
    let sealed = keys.seal(&owner(directory, key_id), account.key.bytes())?;
    let keep =
        "insert or replace into acme_accounts (directory, key_id, url, key) values (?, ?, ?, ?)";
    sqlx::query(keep)
        .bind(directory)
        .bind(key_id)
        .bind(account.url.as_deref())
        .bind(&sealed)
        .execute(&mut **transaction)
        .await
        .map_err(open::classify)?;
    Ok(())
}

/// What a key is sealed for.
fn owner(directory: &str, key_id: &str) -> String {
    format!("acme_accounts.{key_id}.{directory}")
}

fn read(row: &SqliteRow) -> Result<(String, FailedRenewal), StoreError> {
    let text = |column| row.try_get::<String, _>(column).map_err(open::classify);
    let failures: i64 = row.try_get("failures").map_err(open::classify)?;
    let failed = FailedRenewal {
        failures: u32::try_from(failures).map_err(|_| corrupt("a number of failures"))?,
        next_try: row.try_get("next_try").map_err(open::classify)?,
        english: text("english")?,
        chinese: text("chinese")?,
        wanted: text("wanted")?,
    };
    Ok((text("name")?, failed))
}

#[cfg(test)]
mod tests {
    use super::{AcmeAccount, FailedRenewal};
    use crate::model::SecretBytes;
    use crate::store::Store;

    const CA: &str = "https://ca.example/dir";

    #[tokio::test]
    async fn an_account_is_kept_sealed_by_authority_and_binding() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open_or_create(dir.path()).await.unwrap();
        let account = |url: Option<&str>, key: &str| AcmeAccount {
            url: url.map(str::to_owned),
            key: SecretBytes::new(key.as_bytes()),
        };
        assert_eq!(store.acme_account(CA, "").await, Ok(None));
        let (begun, made) = (account(None, "the key"), account(Some("u"), "the key"));
        let bound = account(Some("v"), "other key");
        for (key_id, account) in [("", &begun), ("", &made), ("k1", &bound)] {
            let kept = store.keep_acme_account(CA, key_id, account).await;
            kept.unwrap();
        }
        store.close().await;
        let mut store = Store::open(dir.path()).await.unwrap();
        assert_eq!(store.acme_account(CA, "").await, Ok(Some(made)));
        assert_eq!(store.acme_account(CA, "k1").await, Ok(Some(bound)));
        assert_eq!(store.acme_account("https://b/", "").await, Ok(None));
        store.close().await;
        let file = std::fs::read(dir.path().join("config.db")).unwrap();
        assert!(memchr::memmem::find(&file, b"the key").is_none());
    }

    #[tokio::test]
    async fn a_renewal_that_failed_is_known_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open_or_create(dir.path()).await.unwrap();
        let failed = FailedRenewal {
            failures: 3,
            next_try: 1_795_000_000,
            english: "no".to_owned(),
            chinese: "不".to_owned(),
            wanted: "https://a/ shop.example.com".to_owned(),
        };
        store.keep_renewal("shop", Some(&failed)).await.unwrap();
        store.keep_renewal("blog", Some(&failed)).await.unwrap();
        store.keep_renewal("blog", None).await.unwrap();
        store.keep_issued_by("shop", "https://a/").await.unwrap();
        store.keep_issued_by("shop", "https://b/").await.unwrap();
        store.close().await;
        let mut store = Store::open(dir.path()).await.unwrap();
        let all = store.failed_renewals().await.unwrap();
        assert_eq!(all, [("shop".to_owned(), failed)]);
        let by = store.issued_by("shop").await;
        assert_eq!(by, Ok(Some("https://b/".to_owned())));
        assert_eq!(store.issued_by("blog").await, Ok(None));
        store.close().await;
    }
}
