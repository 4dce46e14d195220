//! Certificates that are kept: their chains as they are, their keys sealed for the name they
//! belong to. No revision holds them, so that one can be replaced without a change.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::seal::Keys;
use super::{Store, StoreError, Transaction, digest, open};
use crate::model::{KeptAs, KeptCertificate, KeptCertificates, Name, SecretBytes};

impl Store {
    /// All that are kept. The key of one that was damaged, or whose seal is gone, is missing.
    ///
    /// # Errors
    /// Why the database could not be read.
    pub async fn kept_certificates(&mut self) -> Result<KeptCertificates, StoreError> {
        let rows = sqlx::query("select name, kept_as, chain, key, sha256, since from certificates")
            .fetch_all(&mut self.connection)
            .await
            .map_err(open::classify)?;
        let keys = match rows.is_empty() {
            true => Keys::default(),
            false => self.seal.opening().await,
        };
        let mut all = KeptCertificates::default();
        for row in &rows {
            // One that no version of ours has written is nobody's.
            if let Some((name, kept_as, certificate)) = read(row, &keys)? {
                all.put(name, kept_as, certificate);
            }
        }
        Ok(all)
    }

    /// Keeps a certificate, in place of the one of this name; on disk when this returns. One
    /// without its key is not kept.
    ///
    /// # Errors
    /// Why the disk or the database refused. Nothing was written then.
    pub async fn keep_certificate(
        &mut self,
        name: &Name,
        kept_as: KeptAs,
        certificate: &KeptCertificate,
    ) -> Result<(), StoreError> {
        let keys = self.seal.sealing().await?;
        self.write(async |t| put(t, &keys, (name, kept_as), certificate).await)
            .await
    }

    /// Keeps a certificate no longer.
    ///
    /// # Errors
    /// Why the disk or the database refused. Nothing was written then.
    pub async fn forget_certificate(
        &mut self,
        name: &Name,
        kept_as: KeptAs,
    ) -> Result<(), StoreError> {
        self.write(async |transaction| {
            sqlx::query("delete from certificates where name = ? and kept_as = ?")
                .bind(name.as_str())
                .bind(kept_as.as_str())
                .execute(&mut **transaction)
                .await
                .map_err(open::classify)?;
            Ok(())
        })
        .await
    }
}

/// Writes one, in place of the one of this name. One without its key is not kept.
pub(super) async fn put(
    transaction: &mut Transaction<'_>,
    keys: &Keys,
    (name, kept_as): (&Name, KeptAs),
    certificate: &KeptCertificate,
) -> Result<(), StoreError> {
    let Some(key) = &certificate.key else {
        return Ok(());
    };
    let sealed = keys.seal(&owner(name, kept_as), key.bytes())?;
    sqlx::query(
        "insert or replace into certificates (name, kept_as, chain, key, sha256, since)
         values (?, ?, ?, ?, ?, ?)",
    )
    .bind(name.as_str())
    .bind(kept_as.as_str())
    .bind(&*certificate.chain)
    .bind(&sealed)
    .bind(digest(&certificate.chain, &sealed))
    .bind(certificate.since)
    .execute(&mut **transaction)
    .await
    .map_err(open::classify)?;
    Ok(())
}

/// What a key is sealed for.
fn owner(name: &Name, kept_as: KeptAs) -> String {
    owner_of(&format!("{name}.{}", kept_as.as_str()))
}

/// The same of name and origin with a point between them.
pub(super) fn owner_of(way: &str) -> String {
    format!("certificates.{way}")
}

fn digest(chain: &str, sealed: &[u8]) -> String {
    digest::sha256_of(&[chain.as_bytes(), b"\0", sealed].concat())
}

fn read(
    row: &SqliteRow,
    keys: &Keys,
) -> Result<Option<(Name, KeptAs, KeptCertificate)>, StoreError> {
    let text = |column| row.try_get::<String, _>(column).map_err(open::classify);
    let (name, word, chain) = (text("name")?, text("kept_as")?, text("chain")?);
    let sealed: Vec<u8> = row.try_get("key").map_err(open::classify)?;
    let since = row.try_get("since").map_err(open::classify)?;
    let kept_as = KeptAs::ALL.into_iter().find(|one| one.as_str() == word);
    let (Ok(name), Some(kept_as)) = (Name::parse(&name), kept_as) else {
        return Ok(None);
    };
    let is_whole = digest(&chain, &sealed) == text("sha256")?;
    let key = keys.open(&owner(&name, kept_as), &sealed);
    let certificate = KeptCertificate {
        chain: chain.into(),
        key: key.filter(|_| is_whole).map(|key| SecretBytes::new(&key)),
        since,
    };
    Ok(Some((name, kept_as, certificate)))
}

#[cfg(test)]
mod tests {
    use crate::model::{KeptAs, KeptCertificate, KeptCertificates, Name, SecretBytes};
    use crate::store::Store;

    fn kept(chain: &str, key: &str) -> KeptCertificate {
        KeptCertificate {
            chain: chain.into(),
            key: Some(SecretBytes::new(key.as_bytes())),
            since: 7,
        }
    }

    #[tokio::test]
    async fn what_is_kept_is_read_back_and_its_key_by_the_seal_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open_or_create(dir.path()).await.unwrap();
        let shop = Name::parse("shop").unwrap();
        assert_eq!(
            store.kept_certificates().await.unwrap(),
            KeptCertificates::default()
        );
        let mut all = KeptCertificates::default();
        for (kept_as, certificate) in [
            (KeptAs::Uploaded, kept("old", "old key")),
            (KeptAs::SelfSigned, kept("own", "own key")),
            (KeptAs::Uploaded, kept("chain", "the secret key")),
        ] {
            let keep = store.keep_certificate(&shop, kept_as, &certificate);
            keep.await.unwrap();
            all.put(shop.clone(), kept_as, certificate);
        }
        assert_eq!(store.kept_certificates().await.unwrap(), all);
        store.close().await;
        let mut store = Store::open(dir.path()).await.unwrap();
        assert_eq!(store.kept_certificates().await.unwrap(), all);
        let forget = store.forget_certificate(&shop, KeptAs::SelfSigned);
        forget.await.unwrap();
        all.remove(&shop, KeptAs::SelfSigned);
        assert_eq!(store.kept_certificates().await.unwrap(), all);
        store.close().await;

        let file = std::fs::read(dir.path().join("config.db")).unwrap();
        for part in [b"secret key".as_slice(), b"old key", b"own key"] {
            assert!(memchr::memmem::find(&file, part).is_none());
        }
        std::fs::remove_file(dir.path().join("seal.key")).unwrap();
        let mut store = Store::open(dir.path()).await.unwrap();
        let read = store.kept_certificates().await.unwrap();
        let one = read.get(&shop, KeptAs::Uploaded).unwrap();
        assert_eq!((&*one.chain, &one.key), ("chain", &None));
        store.close().await;
    }

    #[tokio::test]
    async fn a_key_in_the_place_of_another_opens_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open_or_create(dir.path()).await.unwrap();
        let name = |name: &str| Name::parse(name).unwrap();
        for (whose, key) in [("a", "key a"), ("b", "key b")] {
            let certificate = kept("chain", key);
            let whose = name(whose);
            let keep = store.keep_certificate(&whose, KeptAs::Uploaded, &certificate);
            keep.await.unwrap();
        }
        let exchange =
            "update certificates set key = (select key from certificates where name = 'b'),
             sha256 = (select sha256 from certificates where name = 'b') where name = 'a'";
        let done = sqlx::query(exchange).execute(&mut store.connection);
        done.await.unwrap();
        let read = store.kept_certificates().await.unwrap();
        let key = |whose: &str| {
            read.get(&name(whose), KeptAs::Uploaded)
                .unwrap()
                .key
                .clone()
        };
        assert_eq!(key("a"), None);
        assert_eq!(key("b"), Some(SecretBytes::new(b"key b")));
        let damage = "update certificates set chain = 'other' where name = 'b'";
        let done = sqlx::query(damage).execute(&mut store.connection);
        done.await.unwrap();
        let read = store.kept_certificates().await.unwrap();
        let other = read.get(&name("b"), KeptAs::Uploaded).unwrap();
        assert_eq!(other.key, None, "the chain is another one");
    }
}
