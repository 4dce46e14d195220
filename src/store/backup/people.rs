//! Putting the users and tokens of a backup in the place of those here.

use sqlx::Row;

use super::contents::{BackedUser, Contents, Factor};
use crate::model::Language;
use crate::store::people::{NO_PASSWORD, seed_owner};
use crate::store::seal::Keys;
use crate::store::{StoreError, Transaction, open};

/// A user who is here.
struct There {
    id: i64,
    name: String,
    role: String,
    password: String,
}

/// Makes the users and tokens those of the backup. Who is the same goes on being signed in; of a
/// backup without secrets a user who is here keeps password and second factor. A backup that has
/// no user leaves all as they are: nobody could sign in.
pub(super) async fn restore(
    t: &mut Transaction<'_>,
    contents: &Contents,
    keys: &Keys,
) -> Result<(), StoreError> {
    if contents.users.is_empty() {
        return Ok(());
    }
    let there = there(t).await?;
    let is_meant = |user: &BackedUser, other: &There| user.name.eq_ignore_ascii_case(&other.name);
    for other in &there {
        if !contents.users.iter().any(|user| is_meant(user, other)) {
            run(t, "delete from users where id = ?", other.id).await?;
        }
    }
    for user in &contents.users {
        match there.iter().find(|other| is_meant(user, other)) {
            None => {
                let id = insert(t, user).await?;
                factor(t, keys, (id, user)).await?;
            }
            Some(other) => update(t, keys, (user, other)).await?,
        }
    }
    let clear = sqlx::query("delete from tokens").execute(&mut **t).await;
    clear.map_err(open::classify)?;
    let tokens = "insert into tokens (name, scope, sha256, made_by, created, used)
                  select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
                  from json_each(?)";
    let tokens = sqlx::query(tokens).bind(&contents.rows.tokens);
    tokens.execute(&mut **t).await.map_err(open::classify)?;
    Ok(())
}

async fn there(t: &mut Transaction<'_>) -> Result<Vec<There>, StoreError> {
    let all = sqlx::query("select id, name, role, password from users");
    let rows = all.fetch_all(&mut **t).await.map_err(open::classify)?;
    let one = |row: &sqlx::sqlite::SqliteRow| {
        Ok(There {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            role: row.try_get("role")?,
            password: row.try_get("password")?,
        })
    };
    let read: Result<_, sqlx::Error> = rows.iter().map(one).collect();
    read.map_err(open::classify)
}

async fn insert(t: &mut Transaction<'_>, user: &BackedUser) -> Result<i64, StoreError> {
    let done = sqlx::query(
        "insert into users (name, role, password, language, created) values (?, ?, ?, ?, ?)",
    )
    .bind(&user.name)
    .bind(user.role.as_str())
    .bind(user.password.as_deref().unwrap_or(NO_PASSWORD))
    .bind(user.language.map(Language::as_str))
    .bind(user.created)
    .execute(&mut **t)
    .await;
    Ok(done.map_err(open::classify)?.last_insert_rowid())
}

async fn update(
    t: &mut Transaction<'_>,
    keys: &Keys,
    (user, there): (&BackedUser, &There),
) -> Result<(), StoreError> {
    let password = user.password.as_deref().unwrap_or(&there.password);
    let put = "update users set name = ?, role = ?, password = ?, language = ? where id = ?";
    let put = sqlx::query(put)
        .bind(&user.name)
        .bind(user.role.as_str())
        .bind(password)
        .bind(user.language.map(Language::as_str))
        .bind(there.id);
    put.execute(&mut **t).await.map_err(open::classify)?;
    let mut is_same = there.role == user.role.as_str() && there.password == password;
    if user.password.is_some() {
        is_same &= has_factor(t, keys, (there.id, user.factor.as_ref())).await?;
        if !is_same {
            factor(t, keys, (there.id, user)).await?;
        }
    }
    match is_same {
        true => Ok(()),
        false => run(t, "delete from sign_ins where user = ?", there.id).await,
    }
}

/// Whether the user here has just this second factor. Its codes that were used stay used.
async fn has_factor(
    t: &mut Transaction<'_>,
    keys: &Keys,
    (id, factor): (i64, Option<&Factor>),
) -> Result<bool, StoreError> {
    let seed = sqlx::query_scalar("select seed from second_factors where user = ?").bind(id);
    let seed: Option<Vec<u8>> = seed
        .fetch_optional(&mut **t)
        .await
        .map_err(open::classify)?;
    let seed = seed.and_then(|sealed| keys.open(&seed_owner(id), &sealed));
    Ok(seed.as_deref() == factor.map(|factor| factor.seed.bytes()))
}

/// Gives the user the second factor of the backup, or none.
async fn factor(
    t: &mut Transaction<'_>,
    keys: &Keys,
    (id, user): (i64, &BackedUser),
) -> Result<(), StoreError> {
    run(t, "delete from second_factors where user = ?", id).await?;
    let Some(factor) = &user.factor else {
        return Ok(());
    };
    let sealed = keys.seal(&seed_owner(id), factor.seed.bytes())?;
    let put =
        sqlx::query("insert into second_factors (user, seed, spent, since) values (?, ?, ?, ?)")
            .bind(id)
            .bind(sealed)
            .bind(factor.spent)
            .bind(factor.since);
    put.execute(&mut **t).await.map_err(open::classify)?;
    for code in &factor.codes {
        let put = sqlx::query("insert into recovery_codes (user, sha256) values (?, ?)");
        let put = put.bind(id).bind(code).execute(&mut **t).await;
        put.map_err(open::classify)?;
    }
    Ok(())
}

async fn run(t: &mut Transaction<'_>, statement: &'static str, id: i64) -> Result<(), StoreError> {
    let done = sqlx::query(statement).bind(id).execute(&mut **t).await;
    done.map(drop).map_err(open::classify)
}
