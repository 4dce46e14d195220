//! A second factor for signing in: its seed, sealed, and the digests of its recovery codes.

use std::fmt;

use sqlx::Row;

use super::{AuditEntry, People, PeopleError, refused};
use crate::store::{StoreError, Transaction};

/// What a code is checked by.
pub struct SecondFactor {
    /// What the codes are made of; none where no key of ours opens it.
    pub seed: Option<Vec<u8>>,
    /// The newest half minute since 1970 whose code was used.
    pub spent: i64,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
    /// Since when it is asked for, in seconds since 1970.
    pub since: i64,
}

// Nothing of the seed.
impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondFactor")
            .field("recovery_codes", &self.recovery_codes)
            .finish_non_exhaustive()
    }
}

/// One to be asked for from now on.
pub struct NewSecondFactor<'a> {
    /// Whose.
    pub user: i64,
    /// What the codes are made of.
    pub seed: &'a [u8],
    /// The half minute whose code was used to show that it works.
    pub spent: i64,
    /// The digests of its recovery codes.
    pub recovery_codes: &'a [String],
    /// Now, in seconds since 1970.
    pub now: i64,
}

impl fmt::Debug for NewSecondFactor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSecondFactor")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// What a seed is sealed for.
pub(in crate::store) fn owner(user: i64) -> String {
    format!("users.{user}.second_factor")
}

impl People {
    /// The second factor of a user who has one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn second_factor(&mut self, user: i64) -> Result<Option<SecondFactor>, StoreError> {
        let of_user = "select seed, spent, since,
                       (select count(*) from recovery_codes r where r.user = f.user) as codes
                       from second_factors f where user = ?";
        let row = self
            .read(async |c| {
                let row = sqlx::query(of_user).bind(user).fetch_optional(c).await?;
                row.map(|row| {
                    let seed: Vec<u8> = row.try_get("seed")?;
                    let codes: u32 = row.try_get("codes")?;
                    Ok((seed, row.try_get("spent")?, codes, row.try_get("since")?))
                })
                .transpose()
            })
            .await?;
        let Some((sealed, spent, recovery_codes, since)) = row else {
            return Ok(None);
        };
        let keys = self.seal.opening().await;
        Ok(Some(SecondFactor {
            seed: keys.open(&owner(user), &sealed),
            spent,
            recovery_codes,
            since,
        }))
    }

    /// Asks for a second factor from now on, and ends where the user is signed in but for `keep`.
    ///
    /// # Errors
    /// `Taken` where one is asked for already, or the database's.
    pub async fn set_second_factor(
        &mut self,
        new: &NewSecondFactor<'_>,
        keep: i64,
        entry: &AuditEntry,
    ) -> Result<(), PeopleError> {
        let keys = self.seal.sealing().await?;
        let sealed = keys.seal(&owner(new.user), new.seed)?;
        self.write(Some(entry), async |t| {
            sqlx::query(
                "insert into second_factors (user, seed, spent, since) values (?, ?, ?, ?)",
            )
            .bind(new.user)
            .bind(&sealed)
            .bind(new.spent)
            .bind(new.now)
            .execute(&mut **t)
            .await
            .map_err(super::taken)?;
            for code in new.recovery_codes {
                sqlx::query("insert into recovery_codes (user, sha256) values (?, ?)")
                    .bind(new.user)
                    .bind(code)
                    .execute(&mut **t)
                    .await
                    .map_err(refused)?;
            }
            end_sign_ins(t, new.user, Some(keep)).await
        })
        .await
    }

    /// Uses up the codes of all half minutes to `step`. False where that was done already.
    ///
    /// # Errors
    /// The database's.
    pub async fn spend_code(&mut self, user: i64, step: i64) -> Result<bool, PeopleError> {
        self.write(None, async |t| {
            let done =
                sqlx::query("update second_factors set spent = ? where user = ? and spent < ?")
                    .bind(step)
                    .bind(user)
                    .bind(step)
                    .execute(&mut **t)
                    .await
                    .map_err(refused)?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    /// Uses up the recovery code of this digest.
    ///
    /// # Errors
    /// `Gone` where it is none, or the database's.
    pub async fn spend_recovery_code(
        &mut self,
        user: i64,
        sha256: &str,
        entry: &AuditEntry,
    ) -> Result<(), PeopleError> {
        self.write(Some(entry), async |t| {
            let done = sqlx::query("delete from recovery_codes where user = ? and sha256 = ?")
                .bind(user)
                .bind(sha256)
                .execute(&mut **t)
                .await
                .map_err(refused)?;
            met(done.rows_affected())
        })
        .await
    }

    /// Asks for no second factor any more, and ends where the user is signed in but for `keep`.
    ///
    /// # Errors
    /// `Gone` where none was asked for, or the database's.
    pub async fn end_second_factor(
        &mut self,
        user: i64,
        keep: Option<i64>,
        entry: &AuditEntry,
    ) -> Result<(), PeopleError> {
        self.write(Some(entry), async |t| {
            met(remove(t, user).await?)?;
            end_sign_ins(t, user, keep).await
        })
        .await
    }
}

fn met(rows: u64) -> Result<(), PeopleError> {
    match rows {
        0 => Err(PeopleError::Gone),
        _ => Ok(()),
    }
}

/// Takes a user's second factor away, and its recovery codes with it.
pub(super) async fn remove(t: &mut Transaction<'_>, user: i64) -> Result<u64, PeopleError> {
    let done = sqlx::query("delete from second_factors where user = ?")
        .bind(user)
        .execute(&mut **t)
        .await
        .map_err(refused)?;
    Ok(done.rows_affected())
}

/// Ends where a user is signed in, but for `keep`.
pub(super) async fn end_sign_ins(
    t: &mut Transaction<'_>,
    user: i64,
    keep: Option<i64>,
) -> Result<(), PeopleError> {
    let done = sqlx::query("delete from sign_ins where user = ? and id is not ?")
        .bind(user)
        .bind(keep)
        .execute(&mut **t)
        .await;
    done.map(drop).map_err(refused)
}
