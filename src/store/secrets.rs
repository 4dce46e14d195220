//! Secrets given as text: beside the revisions, never in one. Written in the same transaction,
//! and gone with what they belong to.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{StoreError, corrupt, digest, open};
use crate::model::{Config, Secret, SecretBytes};

/// Makes the table hold the texts of `config` and no others.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    config: &Config,
) -> Result<(), StoreError> {
    sqlx::query("delete from secrets")
        .execute(&mut *connection)
        .await
        .map_err(open::classify)?;
    for (owner, text) in config.secret_texts() {
        sqlx::query("insert into secrets (owner, value, sha256) values (?, ?, ?)")
            .bind(owner)
            .bind(text.bytes())
            .bind(digest::sha256_of(text.bytes()))
            .execute(&mut *connection)
            .await
            .map_err(open::classify)?;
    }
    Ok(())
}

/// Puts the texts that are kept into `config`, as it was read from its document.
pub(super) async fn fill_in(
    connection: &mut SqliteConnection,
    config: &mut Config,
) -> Result<(), StoreError> {
    let rows = sqlx::query("select owner, value, sha256 from secrets")
        .fetch_all(connection)
        .await
        .map_err(open::classify)?;
    let kept: Vec<(String, SecretBytes)> = rows.iter().map(read).collect::<Result<_, _>>()?;
    for place in config.secrets_mut() {
        if *place.secret == Secret::Absent
            && let Some((_, text)) = kept.iter().find(|(owner, _)| *owner == place.owner)
        {
            *place.secret = Secret::Text(text.clone());
        }
    }
    Ok(())
}

fn read(row: &SqliteRow) -> Result<(String, SecretBytes), StoreError> {
    let owner: String = row.try_get("owner").map_err(open::classify)?;
    let value: Vec<u8> = row.try_get("value").map_err(open::classify)?;
    let sha256: String = row.try_get("sha256").map_err(open::classify)?;
    if digest::sha256_of(&value) != sha256 {
        return Err(corrupt(format!(
            "the secret {owner} is not what was written"
        )));
    }
    Ok((owner, SecretBytes::new(&value)))
}
