//! Secrets given as text: beside the revisions, never in one, and sealed. Written in the same
//! transaction, and gone with what they belong to.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::seal::Keys;
use super::{StoreError, corrupt, digest, open};
use crate::model::{Config, Secret, SecretBytes};

/// One that is kept.
struct Kept {
    owner: String,
    /// None where no key of ours opens it.
    text: Option<SecretBytes>,
}

/// Makes the table hold the texts of `config` and no others, but for what cannot be opened and
/// is still missed: its key may come back.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    keys: &Keys,
    config: &Config,
) -> Result<(), StoreError> {
    let places = config.secrets();
    let is_missed = |kept: &Kept| {
        let mut places = places.iter();
        kept.text.is_none()
            && places.any(|place| place.owner == kept.owner && *place.secret == Secret::Absent)
    };
    for kept in read_all(connection, keys).await? {
        if is_missed(&kept) {
            continue;
        }
        sqlx::query("delete from secrets where owner = ?")
            .bind(kept.owner)
            .execute(&mut *connection)
            .await
            .map_err(open::classify)?;
    }
    for (owner, text) in config.secret_texts() {
        let sealed = keys.seal(&owner, text.bytes())?;
        sqlx::query("insert into secrets (owner, value, sha256, sealed) values (?, ?, ?, 1)")
            .bind(owner)
            .bind(&sealed)
            .bind(digest::sha256_of(&sealed))
            .execute(&mut *connection)
            .await
            .map_err(open::classify)?;
    }
    Ok(())
}

/// Puts the texts that are kept into `config`, as it was read from its document. The owners of
/// those that no key of ours opens.
pub(super) async fn fill_in(
    connection: &mut SqliteConnection,
    keys: &Keys,
    config: &mut Config,
) -> Result<Vec<String>, StoreError> {
    let mut lost = Vec::new();
    let all = read_all(connection, keys).await?;
    for place in config.secrets_mut() {
        let kept = all.iter().find(|kept| kept.owner == place.owner);
        match kept.map(|kept| &kept.text) {
            _ if *place.secret != Secret::Absent => {}
            None => {}
            Some(Some(text)) => *place.secret = Secret::Text(text.clone()),
            Some(None) => lost.push(place.owner),
        }
    }
    Ok(lost)
}

/// Whether something is there, and whether all of it is sealed.
pub(super) async fn look(connection: &mut SqliteConnection) -> Result<(bool, bool), StoreError> {
    let row = sqlx::query("select count(*) > 0, coalesce(min(sealed), 1) = 1 from secrets")
        .fetch_one(connection)
        .await
        .map_err(open::classify)?;
    let is = |column: usize| row.try_get(column).map_err(open::classify);
    Ok((is(0)?, is(1)?))
}

async fn read_all(connection: &mut SqliteConnection, keys: &Keys) -> Result<Vec<Kept>, StoreError> {
    let rows = sqlx::query("select owner, value, sha256, sealed from secrets")
        .fetch_all(connection)
        .await
        .map_err(open::classify)?;
    rows.iter().map(|row| read(row, keys)).collect()
}

fn read(row: &SqliteRow, keys: &Keys) -> Result<Kept, StoreError> {
    let owner: String = row.try_get("owner").map_err(open::classify)?;
    let value: Vec<u8> = row.try_get("value").map_err(open::classify)?;
    let sha256: String = row.try_get("sha256").map_err(open::classify)?;
    let is_sealed: bool = row.try_get("sealed").map_err(open::classify)?;
    if digest::sha256_of(&value) != sha256 {
        return Err(corrupt(format!(
            "the secret {owner} is not what was written"
        )));
    }
    let text = match is_sealed {
        true => keys.open(&owner, &value),
        false => Some(value),
    };
    Ok(Kept {
        owner,
        text: text.map(|text| SecretBytes::new(&text)),
    })
}
