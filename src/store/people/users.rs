//! Users.

use std::fmt;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::second_factors::{self, end_sign_ins};
use super::{AuditEntry, People, PeopleError, refused, taken};
use crate::model::{Language, Role};
use crate::store::{StoreError, Transaction};

/// Somebody who may sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Never given again.
    pub id: i64,
    /// As it is shown; upper and lower case are the same name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The password's argon2id hash, a PHC string.
    pub password: String,
    /// Whether a code is asked for besides the password.
    pub second_factor: bool,
    /// The language they chose; none is as their browser says.
    pub language: Option<Language>,
    /// When they were added, in seconds since 1970.
    pub created: i64,
}

// Nothing of the password.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Somebody to be added.
pub struct NewUser<'a> {
    /// 1 to 64 characters.
    pub name: &'a str,
    /// What they may do.
    pub role: Role,
    /// The password's argon2id hash, a PHC string.
    pub password: &'a str,
    /// The language they chose.
    pub language: Option<Language>,
    /// Now, in seconds since 1970.
    pub now: i64,
}

impl fmt::Debug for NewUser<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl People {
    /// Whether anybody may sign in.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn has_users(&mut self) -> Result<bool, StoreError> {
        let found: i64 = self
            .read(async |c| {
                sqlx::query_scalar("select exists (select 1 from users)")
                    .fetch_one(c)
                    .await
            })
            .await?;
        Ok(found != 0)
    }

    /// Every user, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn users(&mut self) -> Result<Vec<User>, StoreError> {
        let all = "select id, name, role, password, language, created,
                   exists (select 1 from second_factors where user = users.id) as second_factor
                   from users order by name collate nocase";
        self.read(async |c| {
            let rows = sqlx::query(all).fetch_all(c).await?;
            rows.iter().map(read).collect()
        })
        .await
    }

    /// The user of this name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn user_named(&mut self, name: &str) -> Result<Option<User>, StoreError> {
        let named = "select id, name, role, password, language, created,
                     exists (select 1 from second_factors where user = users.id) as second_factor
                     from users where name = ?";
        self.read(async |c| {
            let row = sqlx::query(named).bind(name).fetch_optional(c).await?;
            row.as_ref().map(read).transpose()
        })
        .await
    }

    /// Adds the first user of all.
    ///
    /// # Errors
    /// `SetUp` when somebody was first, or the database's.
    pub async fn add_first(
        &mut self,
        user: &NewUser<'_>,
        entry: &AuditEntry,
    ) -> Result<i64, PeopleError> {
        self.write(Some(entry), async |t| {
            let found: i64 = sqlx::query_scalar("select exists (select 1 from users)")
                .fetch_one(&mut **t)
                .await
                .map_err(refused)?;
            match found {
                0 => insert(t, user).await,
                _ => Err(PeopleError::SetUp),
            }
        })
        .await
    }

    /// Adds a user.
    ///
    /// # Errors
    /// `Taken`, or the database's.
    pub async fn add_user(
        &mut self,
        user: &NewUser<'_>,
        entry: &AuditEntry,
    ) -> Result<i64, PeopleError> {
        self.write(Some(entry), async |t| insert(t, user).await)
            .await
    }

    /// Gives a user another role.
    ///
    /// # Errors
    /// `Gone`, `LastAdmin`, or the database's.
    pub async fn set_role(
        &mut self,
        id: i64,
        role: Role,
        entry: &AuditEntry,
    ) -> Result<(), PeopleError> {
        self.write(Some(entry), async |t| {
            let done = sqlx::query("update users set role = ? where id = ?")
                .bind(role.as_str())
                .bind(id)
                .execute(&mut **t)
                .await
                .map_err(refused)?;
            left(t, done.rows_affected()).await
        })
        .await
    }

    /// Removes a user, wherever they are signed in.
    ///
    /// # Errors
    /// `Gone`, `LastAdmin`, or the database's.
    pub async fn remove_user(&mut self, id: i64, entry: &AuditEntry) -> Result<(), PeopleError> {
        self.write(Some(entry), async |t| {
            let done = sqlx::query("delete from users where id = ?")
                .bind(id)
                .execute(&mut **t)
                .await
                .map_err(refused)?;
            left(t, done.rows_affected()).await
        })
        .await
    }

    /// Gives a user another password, and ends where they are signed in, but for `keep`.
    ///
    /// # Errors
    /// `Gone`, or the database's.
    pub async fn set_password(
        &mut self,
        (id, password): (i64, &str),
        keep: Option<i64>,
        entry: &AuditEntry,
    ) -> Result<(), PeopleError> {
        self.write(Some(entry), async |t| {
            put_password(t, (id, password)).await?;
            end_sign_ins(t, id, keep).await
        })
        .await
    }

    /// Gives a user another password, with which alone they sign in from then on, and ends
    /// where they are signed in.
    ///
    /// # Errors
    /// `Gone`, or the database's.
    pub async fn let_in_again(
        &mut self,
        (id, password): (i64, &str),
        entry: &AuditEntry,
    ) -> Result<(), PeopleError> {
        self.write(Some(entry), async |t| {
            put_password(t, (id, password)).await?;
            second_factors::remove(t, id).await?;
            end_sign_ins(t, id, None).await
        })
        .await
    }

    /// Keeps the same password by a hash of today's parameters.
    ///
    /// # Errors
    /// The database's.
    pub async fn rehash(&mut self, id: i64, password: &str) -> Result<(), PeopleError> {
        self.write(None, async |t| {
            let done = sqlx::query("update users set password = ? where id = ?")
                .bind(password)
                .bind(id)
                .execute(&mut **t)
                .await;
            done.map(drop).map_err(refused)
        })
        .await
    }

    /// Keeps the language that a user chose.
    ///
    /// # Errors
    /// The database's.
    pub async fn set_language(&mut self, id: i64, language: Language) -> Result<(), PeopleError> {
        self.write(None, async |t| {
            let done = sqlx::query("update users set language = ? where id = ?")
                .bind(language.as_str())
                .bind(id)
                .execute(&mut **t)
                .await;
            done.map(drop).map_err(refused)
        })
        .await
    }
}

async fn insert(t: &mut Transaction<'_>, user: &NewUser<'_>) -> Result<i64, PeopleError> {
    let done = sqlx::query(
        "insert into users (name, role, password, language, created) values (?, ?, ?, ?, ?)",
    )
    .bind(user.name)
    .bind(user.role.as_str())
    .bind(user.password)
    .bind(user.language.map(Language::as_str))
    .bind(user.now)
    .execute(&mut **t)
    .await
    .map_err(taken)?;
    Ok(done.last_insert_rowid())
}

async fn put_password(
    t: &mut Transaction<'_>,
    (id, password): (i64, &str),
) -> Result<(), PeopleError> {
    let done = sqlx::query("update users set password = ? where id = ?")
        .bind(password)
        .bind(id)
        .execute(&mut **t)
        .await
        .map_err(refused)?;
    match done.rows_affected() {
        0 => Err(PeopleError::Gone),
        _ => Ok(()),
    }
}

/// Whether the change may stay: it met somebody, and somebody is left who administers.
async fn left(t: &mut Transaction<'_>, met: u64) -> Result<(), PeopleError> {
    if met == 0 {
        return Err(PeopleError::Gone);
    }
    let admins: i64 = sqlx::query_scalar("select count(*) from users where role = 'admin'")
        .fetch_one(&mut **t)
        .await
        .map_err(refused)?;
    match admins {
        0 => Err(PeopleError::LastAdmin),
        _ => Ok(()),
    }
}

pub(super) fn read(row: &SqliteRow) -> Result<User, sqlx::Error> {
    let language: Option<String> = row.try_get("language")?;
    let tag = language.as_deref();
    Ok(User {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        role: role(row, "role")?,
        password: row.try_get("password")?,
        second_factor: row.try_get("second_factor")?,
        language: Language::ALL.into_iter().find(|l| Some(l.as_str()) == tag),
        created: row.try_get("created")?,
    })
}

fn role(row: &SqliteRow, column: &str) -> Result<Role, sqlx::Error> {
    let word: String = row.try_get(column)?;
    Role::of(&word).ok_or_else(|| sqlx::Error::Decode(format!("{word} is no role").into()))
}
