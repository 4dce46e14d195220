//! Sealing: what is secret is written so that `config.db` alone, in a backup or on a lost disk,
//! tells nobody.
//!
//! AES-256-GCM with a random nonce for each text; what it belongs to is authenticated with it, so
//! that no text can be put in another's place. The key is the credential `steelyard-seal` that
//! systemd hands over (`LoadCredentialEncrypted=`), else `seal.key` beside the database, which is
//! made at the first secret and belongs into no backup of it.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand::fill;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use super::{StoreError, open};
use crate::disk::{read_at_most, write_private};

/// Its file in the data directory.
const FILE: &str = "seal.key";

/// The credential's name, and the variable in which systemd says where credentials are.
const CREDENTIAL: &str = "steelyard-seal";
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Bytes of a key.
const KEY: usize = 32;

/// Limit: of a credential, in bytes. As many as a key has, at least.
const MOST: u64 = 4096;

/// The keys of a data directory, read when they are first needed.
#[derive(Debug)]
pub(super) struct Seal {
    dir: PathBuf,
    /// Where the credential is, if there is one.
    credential: Option<PathBuf>,
    keys: Keys,
}

/// What seals, and all that opens: the first one seals.
#[derive(Clone, Default)]
pub(super) struct Keys(Arc<Vec<LessSafeKey>>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

impl Seal {
    /// That of the data directory `dir`.
    pub(super) fn of(dir: &Path) -> Self {
        let credentials = std::env::var_os(CREDENTIALS);
        Self {
            dir: dir.to_owned(),
            credential: credentials.map(|dir| Path::new(&dir).join(CREDENTIAL)),
            keys: Keys::default(),
        }
    }

    /// The keys there are, for opening: none where they cannot be read, which is told in the log.
    pub(super) async fn opening(&mut self) -> Keys {
        match self.read(false).await {
            Ok(keys) => keys,
            Err(error) => {
                tracing::error!("{error}");
                Keys::default()
            }
        }
    }

    /// The keys for sealing. Where there are none, one is made and on disk when this returns.
    ///
    /// # Errors
    /// It can be neither read nor made.
    pub(super) async fn sealing(&mut self) -> Result<Keys, StoreError> {
        self.read(true).await
    }

    async fn read(&mut self, make: bool) -> Result<Keys, StoreError> {
        if self.keys.0.is_empty() {
            let (dir, credential) = (self.dir.clone(), self.credential.clone());
            let read = spawn_blocking(move || keys(&dir, credential.as_deref(), make)).await;
            let read = read.unwrap_or_else(|error| Err(io::Error::other(error)));
            self.keys = read.map_err(|error| match open::io_error(&error) {
                StoreError::Io { why } => StoreError::Io {
                    why: format!("the key of the secrets, {FILE}: {why}"),
                },
                other => other,
            })?;
        }
        Ok(self.keys.clone())
    }
}

impl Keys {
    /// `text`, sealed for what it belongs to.
    ///
    /// # Errors
    /// There is no key, or no randomness.
    pub(super) fn seal(&self, owner: &str, text: &[u8]) -> Result<Vec<u8>, StoreError> {
        let failed = |why: &str| StoreError::Io {
            why: format!("{owner} cannot be sealed: {why}"),
        };
        let key = self.0.first().ok_or_else(|| failed("there is no key"))?;
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce).map_err(|_| failed("the system gives no random bytes"))?;
        let mut sealed = text.to_vec();
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(nonce_of, Aad::from(owner), &mut sealed)
            .map_err(|_| failed("it is too long"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The text in `sealed`; none where none of the keys has sealed it for `owner`.
    pub(super) fn open(&self, owner: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
        self.0.iter().find_map(|key| {
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let mut text = text.to_vec();
            let opened = key.open_in_place(nonce, Aad::from(owner), &mut text);
            Some(opened.ok()?.to_vec())
        })
    }
}

/// The credential first: from when it is there, it seals. What the file's key sealed is opened
/// by that.
fn keys(dir: &Path, credential: Option<&Path>, make: bool) -> io::Result<Keys> {
    let mut keys = Vec::new();
    if let Some(path) = credential.filter(|path| path.exists()) {
        keys.push(key(&Sha256::digest(at_least_a_key(path)?))?);
    }
    let path = dir.join(FILE);
    match path.metadata() {
        Ok(about) if about.permissions().mode() & 0o077 != 0 => {
            return Err(io::Error::other(format!(
                "others may read it: chmod 600 {}",
                path.display()
            )));
        }
        Ok(_) => keys.push(key(&at_least_a_key(&path)?)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if keys.is_empty() && make {
        keys.push(made(dir)?);
    }
    Ok(Keys(Arc::new(keys)))
}

/// One that is made and on disk, or that somebody else has made meanwhile: there is one alone.
fn made(dir: &Path) -> io::Result<LessSafeKey> {
    let alone = File::open(dir)?;
    alone.lock()?;
    let path = dir.join(FILE);
    if !path.exists() {
        let mut made = [0; KEY];
        fill(&mut made).map_err(|_| io::Error::other("the system gives no random bytes"))?;
        write_private(dir, FILE, &made)?;
    }
    key(&at_least_a_key(&path)?)
}

fn at_least_a_key(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = read_at_most(path, MOST)?;
    match bytes.len() >= KEY {
        true => Ok(bytes),
        false => Err(io::Error::other(format!(
            "{} is shorter than {KEY} bytes",
            path.display()
        ))),
    }
}

fn key(bytes: &[u8]) -> io::Result<LessSafeKey> {
    let bytes = bytes.get(..KEY).unwrap_or(bytes);
    let key = UnboundKey::new(&AES_256_GCM, bytes);
    key.map(LessSafeKey::new)
        .map_err(|_| io::Error::other("it is no key"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::{FILE, KEY, Seal, keys};

    #[tokio::test]
    async fn what_was_sealed_is_opened_for_its_owner_by_its_key_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mut seal = Seal::of(dir.path());
        assert!(seal.opening().await.open("a", &[0; 64]).is_none());
        assert!(!dir.path().join(FILE).exists(), "made for a first secret");
        let all = seal.sealing().await.unwrap();
        let mode = fs::metadata(dir.path().join(FILE)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
        for text in [b"".as_slice(), b"open sesame", &[0xff; 70_000]] {
            let sealed = all.seal("a", text).unwrap();
            assert_ne!(sealed, all.seal("a", text).unwrap(), "never twice alike");
            assert_eq!(all.open("a", &sealed).as_deref(), Some(text));
            assert_eq!(all.open("b", &sealed), None, "of another owner");
            for index in [0, 12, sealed.len() - 1] {
                let mut altered = sealed.clone();
                altered[index] ^= 1;
                assert_eq!(all.open("a", &altered), None);
            }
            assert_eq!(all.open("a", &sealed[..20]), None);
            let again = Seal::of(dir.path()).opening().await;
            assert_eq!(again.open("a", &sealed).as_deref(), Some(text));
            let other = tempfile::tempdir().unwrap();
            let other = Seal::of(other.path()).sealing().await.unwrap();
            assert_eq!(other.open("a", &sealed), None, "by another key");
        }
    }

    #[test]
    fn two_that_need_a_first_key_at_once_have_the_same() {
        for _ in 0..20 {
            let dir = tempfile::tempdir().unwrap();
            let [one, other] = std::thread::scope(|scope| {
                [(); 2]
                    .map(|()| scope.spawn(|| keys(dir.path(), None, true).unwrap()))
                    .map(|made| made.join().unwrap())
            });
            let sealed = one.seal("a", b"text").unwrap();
            assert_eq!(
                other.open("a", &sealed).as_deref(),
                Some(b"text".as_slice())
            );
        }
    }

    #[test]
    fn a_credential_seals_from_then_on_and_the_file_still_opens() {
        let dir = tempfile::tempdir().unwrap();
        let old = keys(dir.path(), None, true).unwrap();
        let before = old.seal("a", b"before").unwrap();
        let credential = dir.path().join("credential");
        fs::write(&credential, "too short").unwrap();
        assert!(keys(dir.path(), Some(&credential), true).is_err());
        fs::write(&credential, "x".repeat(KEY)).unwrap();
        let both = keys(dir.path(), Some(&credential), true).unwrap();
        let after = both.seal("a", b"after").unwrap();
        assert_eq!(
            both.open("a", &before).as_deref(),
            Some(b"before".as_slice())
        );
        assert_eq!(both.open("a", &after).as_deref(), Some(b"after".as_slice()));
        assert_eq!(old.open("a", &after), None);
    }

    #[test]
    fn a_key_that_others_read_or_that_is_cut_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        keys(dir.path(), None, true).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = keys(dir.path(), None, true).unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, [1; KEY - 1]).unwrap();
        assert!(keys(dir.path(), None, true).is_err());
    }
}
