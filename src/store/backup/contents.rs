//! What a backup holds, all of it checked: nothing is written that was not looked at here.

use std::fmt;

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Row};

use super::{About, BackupError, image};
use crate::model::{
    Config, KeptAs, KeptCertificate, KeptCertificates, Language, Name, Role, SecretBytes,
};
use crate::store::seal::Keys;
use crate::store::{AcmeAccount, StoreError, newest_in, secrets};

/// Limit: what a password's hash may ask of whoever signs in: memory in KiB, rounds, lanes.
const MOST_COST: (u32, u32, u32) = (256 * 1024, 16, 16);

/// What a backup holds.
#[derive(Debug, Clone)]
pub struct Contents {
    /// What it says of itself.
    pub about: About,
    /// Its newest revision, with the secrets that were given as text.
    pub config: Config,
    /// The certificates that were kept.
    pub kept: KeptCertificates,
    /// Who could sign in.
    pub users: Vec<BackedUser>,
    /// The names of tokens for programs.
    pub tokens: Vec<String>,
    pub(super) accounts: Vec<(String, String, AcmeAccount)>,
    /// Rows as JSON, as they are written again.
    pub(super) rows: Rows,
}

/// Tables whose rows are written as they are, each a JSON array of arrays.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) revisions: String,
    pub(super) audit: String,
    pub(super) tokens: String,
    pub(super) issued: String,
}

/// A user of a backup.
#[derive(Clone)]
pub struct BackedUser {
    /// As it is shown.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The password's hash; none where it was left out.
    pub(super) password: Option<String>,
    pub(super) language: Option<Language>,
    pub(super) created: i64,
    pub(super) factor: Option<Factor>,
}

/// A second factor of a backup.
#[derive(Clone)]
pub(super) struct Factor {
    pub(super) seed: SecretBytes,
    pub(super) spent: i64,
    pub(super) since: i64,
    /// The digests of its recovery codes.
    pub(super) codes: Vec<String>,
}

// Nothing of the password, nor of the seed.
impl fmt::Debug for BackedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackedUser")
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Reads an image.
pub(super) async fn read(about: About, bytes: &[u8]) -> Result<Contents, BackupError> {
    let mut memory = image::open(bytes).await?;
    let read = read_from(about, &mut memory).await;
    let _ = memory.close().await;
    read
}

async fn read_from(about: About, memory: &mut SqliteConnection) -> Result<Contents, BackupError> {
    let stored = newest_in(memory).await.map_err(|error| match error {
        StoreError::Corrupt { why } => BackupError::Unsound(why),
        StoreError::Newer { why } => BackupError::Newer(why),
        error => error.into(),
    })?;
    let (revision, mut config) = match stored {
        Some(stored) => (stored.number, stored.config),
        None => (0, Config::default()),
    };
    if revision != about.revision {
        return Err(unsound("its newest revision is not the one it says"));
    }
    // Nothing in it is sealed.
    let lost = secrets::fill_in(memory, &Keys::default(), &mut config).await?;
    if !lost.is_empty() {
        return Err(unsound("a secret in it is sealed"));
    }
    let users = users(memory).await?;
    if !users.is_empty() && !users.iter().any(|user| user.role == Role::Admin) {
        return Err(unsound("it has users and no admin"));
    }
    let tokens = sqlx::query_scalar("select name from tokens order by name");
    let tokens = tokens.fetch_all(&mut *memory).await;
    Ok(Contents {
        tokens: tokens.map_err(image::unsound)?,
        kept: certificates(memory).await?,
        accounts: accounts(memory).await?,
        rows: rows(memory).await?,
        about,
        config,
        users,
    })
}

async fn rows(memory: &mut SqliteConnection) -> Result<Rows, BackupError> {
    let mut all = async |query: &'static str| {
        let text = sqlx::query_scalar(query).fetch_one(&mut *memory).await;
        text.map_err(image::unsound)
    };
    Ok(Rows {
        revisions: all("select json_group_array(json_array(number, document, sha256, author, words, created)) from revisions").await?,
        audit: all("select json_group_array(json_array(number, time, who, address, action, subject, detail, result, hash)) from audit").await?,
        tokens: all("select json_group_array(json_array(name, scope, sha256, made_by, created, used)) from tokens").await?,
        issued: all("select json_group_array(json_array(name, directory)) from issued").await?,
    })
}

async fn users(memory: &mut SqliteConnection) -> Result<Vec<BackedUser>, BackupError> {
    let all = "select u.name, u.role, u.password, u.language, u.created, f.seed, f.spent, f.since,
                      (select json_group_array(sha256) from recovery_codes r where r.user = u.id) as codes
               from users u left join second_factors f on f.user = u.id
               order by u.name collate nocase";
    let rows = sqlx::query(all).fetch_all(memory).await;
    let rows = rows.map_err(image::unsound)?;
    rows.iter().map(user).collect()
}

fn user(row: &SqliteRow) -> Result<BackedUser, BackupError> {
    let text = |column| row.try_get::<String, _>(column).map_err(image::unsound);
    let number = |column| row.try_get::<i64, _>(column).map_err(image::unsound);
    let (name, word, password) = (text("name")?, text("role")?, text("password")?);
    if name.chars().any(char::is_control) || name.trim() != name {
        return Err(unsound("a user's name is none"));
    }
    let role = Role::of(&word).ok_or_else(|| unsound("a user's role is none"))?;
    let password = match password == crate::store::people::NO_PASSWORD {
        true => None,
        false if is_bounded(&password) => Some(password),
        false => return Err(unsound("a password's hash is none")),
    };
    let seed: Option<Vec<u8>> = row.try_get("seed").map_err(image::unsound)?;
    let factor = match seed {
        None => None,
        Some(seed) => Some(Factor {
            seed: SecretBytes::new(&seed),
            spent: number("spent")?,
            since: number("since")?,
            codes: serde_json::from_str(&text("codes")?)
                .map_err(|_| unsound("a recovery code is none"))?,
        }),
    };
    let language: Option<String> = row.try_get("language").map_err(image::unsound)?;
    let tag = language.as_deref();
    Ok(BackedUser {
        name,
        role,
        password,
        language: Language::ALL.into_iter().find(|l| Some(l.as_str()) == tag),
        created: number("created")?,
        factor,
    })
}

/// Whether a hash is one that this machine can afford to compare with.
fn is_bounded(hash: &str) -> bool {
    let parsed = PasswordHash::new(hash).ok();
    let cost = parsed.and_then(|hash| Params::try_from(&hash).ok());
    cost.is_some_and(|cost| {
        let (memory, rounds, lanes) = MOST_COST;
        cost.m_cost() <= memory && cost.t_cost() <= rounds && cost.p_cost() <= lanes
    })
}

async fn certificates(memory: &mut SqliteConnection) -> Result<KeptCertificates, BackupError> {
    let rows = sqlx::query("select name, kept_as, chain, key, since from certificates");
    let rows = rows.fetch_all(memory).await.map_err(image::unsound)?;
    let mut all = KeptCertificates::default();
    if rows.len() > KeptCertificates::MOST {
        return Err(unsound("it has too many certificates"));
    }
    for row in &rows {
        let text = |column| row.try_get::<String, _>(column).map_err(image::unsound);
        let (name, word, chain) = (text("name")?, text("kept_as")?, text("chain")?);
        let key: Vec<u8> = row.try_get("key").map_err(image::unsound)?;
        let kept_as = KeptAs::ALL.into_iter().find(|one| one.as_str() == word);
        let (Ok(name), Some(kept_as)) = (Name::parse(&name), kept_as) else {
            return Err(unsound("a certificate has no name"));
        };
        let certificate = KeptCertificate {
            chain: chain.into(),
            key: Some(SecretBytes::new(&key)),
            since: row.try_get("since").map_err(image::unsound)?,
        };
        all.put(name, kept_as, certificate);
    }
    Ok(all)
}

async fn accounts(
    memory: &mut SqliteConnection,
) -> Result<Vec<(String, String, AcmeAccount)>, BackupError> {
    let all = sqlx::query_as("select directory, key_id, url, key from acme_accounts");
    let rows: Vec<(String, String, Option<String>, Vec<u8>)> =
        all.fetch_all(memory).await.map_err(image::unsound)?;
    let one = |(directory, key_id, url, key): (_, _, _, Vec<u8>)| {
        let key = SecretBytes::new(&key);
        (directory, key_id, AcmeAccount { url, key })
    };
    Ok(rows.into_iter().map(one).collect())
}

pub(super) fn unsound(why: &str) -> BackupError {
    BackupError::Unsound(why.to_owned())
}
