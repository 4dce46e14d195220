//! Where users are signed in. Of the token in the cookie only its digest is here.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{AuditEntry, People, PeopleError, User, refused, users};
use crate::store::StoreError;

/// Limit: places where one user is signed in. The one unused longest ends for a new one.
const MOST: i64 = 50;

/// Somebody signed in somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// Never given again; no secret.
    pub id: i64,
    /// Who, as they are now.
    pub user: User,
    /// When they signed in, in seconds since 1970.
    pub created: i64,
    /// When they were last seen, to the minute.
    pub seen: i64,
    /// From where.
    pub address: String,
    /// With what, by its own word.
    pub agent: String,
}

/// Somebody who signs in.
#[derive(Debug)]
pub struct NewSignIn<'a> {
    /// The digest of the token in the cookie.
    pub sha256: &'a str,
    /// Who.
    pub user: i64,
    /// Now, in seconds since 1970.
    pub now: i64,
    /// From where.
    pub address: &'a str,
    /// With what, by its own word.
    pub agent: &'a str,
}

impl People {
    /// Signs somebody in.
    ///
    /// # Errors
    /// The database's.
    pub async fn sign_in(
        &mut self,
        new: &NewSignIn<'_>,
        entry: &AuditEntry,
    ) -> Result<(), PeopleError> {
        self.write(Some(entry), async |t| {
            sqlx::query(
                "insert into sign_ins (sha256, user, created, seen, address, agent)
                 values (?, ?, ?, ?, ?, ?)",
            )
            .bind(new.sha256)
            .bind(new.user)
            .bind(new.now)
            .bind(new.now)
            .bind(new.address)
            .bind(new.agent)
            .execute(&mut **t)
            .await
            .map_err(refused)?;
            let done = sqlx::query(
                "delete from sign_ins where user = ? and id not in
                 (select id from sign_ins where user = ? order by seen desc, id desc limit ?)",
            )
            .bind(new.user)
            .bind(new.user)
            .bind(MOST)
            .execute(&mut **t)
            .await;
            done.map(drop).map_err(refused)
        })
        .await
    }

    /// Who is signed in by the token of this digest.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn signed_in(&mut self, sha256: &str) -> Result<Option<SignIn>, StoreError> {
        let by_token = "select s.id as sign_in, s.created as since, s.seen, s.address, s.agent,
                        u.id, u.name, u.role, u.password, u.language, u.created,
                   exists (select 1 from second_factors f where f.user = u.id) as second_factor
                        from sign_ins s join users u on u.id = s.user where s.sha256 = ?";
        self.read(async |c| {
            let row = sqlx::query(by_token).bind(sha256).fetch_optional(c).await?;
            row.as_ref().map(read).transpose()
        })
        .await
    }

    /// Everybody who is signed in, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn sign_ins(&mut self) -> Result<Vec<SignIn>, StoreError> {
        let all = "select s.id as sign_in, s.created as since, s.seen, s.address, s.agent,
                   u.id, u.name, u.role, u.password, u.language, u.created,
                   exists (select 1 from second_factors f where f.user = u.id) as second_factor
                   from sign_ins s join users u on u.id = s.user order by s.seen desc, s.id desc";
        self.read(async |c| {
            let rows = sqlx::query(all).fetch_all(c).await?;
            rows.iter().map(read).collect()
        })
        .await
    }

    /// Notes that somebody was seen.
    ///
    /// # Errors
    /// The database's.
    pub async fn seen(&mut self, sign_in: i64, now: i64) -> Result<(), PeopleError> {
        self.write(None, async |t| {
            let done = sqlx::query("update sign_ins set seen = ? where id = ?")
                .bind(now)
                .bind(sign_in)
                .execute(&mut **t)
                .await;
            done.map(drop).map_err(refused)
        })
        .await
    }

    /// Signs somebody out.
    ///
    /// # Errors
    /// `Gone`, or the database's.
    pub async fn end_sign_in(
        &mut self,
        sign_in: i64,
        entry: &AuditEntry,
    ) -> Result<(), PeopleError> {
        self.write(Some(entry), async |t| {
            let done = sqlx::query("delete from sign_ins where id = ?")
                .bind(sign_in)
                .execute(&mut **t)
                .await
                .map_err(refused)?;
            match done.rows_affected() {
                0 => Err(PeopleError::Gone),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Forgets those not seen since `idle`, or signed in before `oldest`.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_ended(&mut self, idle: i64, oldest: i64) -> Result<(), PeopleError> {
        self.write(None, async |t| {
            let done = sqlx::query("delete from sign_ins where seen < ? or created < ?")
                .bind(idle)
                .bind(oldest)
                .execute(&mut **t)
                .await;
            done.map(drop).map_err(refused)
        })
        .await
    }
}

fn read(row: &SqliteRow) -> Result<SignIn, sqlx::Error> {
    Ok(SignIn {
        id: row.try_get("sign_in")?,
        user: users::read(row)?,
        created: row.try_get("since")?,
        seen: row.try_get("seen")?,
        address: row.try_get("address")?,
        agent: row.try_get("agent")?,
    })
}
