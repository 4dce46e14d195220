//! The audit log: added to and never changed, each row's digest over its own words and the
//! digest before it, so that a row which was altered or taken out is noticed.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{People, PeopleError, refused};
use crate::store::{StoreError, Transaction, digest};

/// Rows kept. Limit: the oldest make room; the migration's trigger keeps the rest.
const KEPT: i64 = 100_000;

/// What stands before the first row.
const START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What came of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// Whoever asked may not.
    Refused,
    /// It was tried and did not come to be.
    Failed,
}

impl Outcome {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    fn of(word: &str) -> Option<Self> {
        let all = [Self::Done, Self::Refused, Self::Failed];
        all.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// Something that was done or tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When, in seconds since 1970.
    pub time: i64,
    /// Who: the name of a user or token, or what is known of them.
    pub who: String,
    /// From where.
    pub address: String,
    /// What, by its word.
    pub action: String,
    /// To whom or what.
    pub subject: String,
    /// What it was before and is now, or why not. Never a secret.
    pub detail: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number, from 1 on.
    pub number: i64,
    /// What it says.
    pub entry: AuditEntry,
    /// Whether it is as it was written, behind the row before it.
    pub is_whole: bool,
}

impl People {
    /// Adds to the log what stands for itself.
    ///
    /// # Errors
    /// The database's.
    pub async fn note(&mut self, entry: &AuditEntry) -> Result<(), PeopleError> {
        self.write(Some(entry), async |_| Ok(())).await
    }

    /// The newest `most` rows, from before the row `before` where one is given.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn audit(
        &mut self,
        before: Option<i64>,
        most: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let rows = "select number, time, who, address, action, subject, detail, result, hash
                    from audit where number < ? order by number desc limit ?";
        self.read(async |c| {
            let rows = sqlx::query(rows)
                .bind(before.unwrap_or(i64::MAX))
                // One more: what the last of them stands behind.
                .bind(i64::from(most) + 1)
                .fetch_all(c)
                .await?;
            let read: Vec<Read> = rows.iter().map(read).collect::<Result<_, _>>()?;
            let behind = |at: usize| read.get(at + 1);
            let checked = read.iter().enumerate().map(|(at, row)| AuditRow {
                number: row.number,
                is_whole: is_whole(row, behind(at)),
                entry: row.entry.clone(),
            });
            Ok(checked
                .take(most.try_into().unwrap_or(usize::MAX))
                .collect())
        })
        .await
    }
}

struct Read {
    number: i64,
    entry: AuditEntry,
    hash: String,
}

// Of the oldest that is kept the row before it is gone.
fn is_whole(row: &Read, behind: Option<&Read>) -> bool {
    match behind {
        Some(behind) => {
            behind.number == row.number - 1
                && row.hash == hash(&behind.hash, row.number, &row.entry)
        }
        None if row.number == 1 => row.hash == hash(START, 1, &row.entry),
        None => true,
    }
}

/// Adds a row in a transaction.
pub(in crate::store) async fn append(
    t: &mut Transaction<'_>,
    entry: &AuditEntry,
) -> Result<(), PeopleError> {
    let newest: Option<SqliteRow> =
        sqlx::query("select number, hash from audit order by number desc limit 1")
            .fetch_optional(&mut **t)
            .await
            .map_err(refused)?;
    let (number, behind) = match newest {
        None => (1, START.to_owned()),
        Some(row) => {
            let number: i64 = row.try_get("number").map_err(refused)?;
            (number + 1, row.try_get("hash").map_err(refused)?)
        }
    };
    sqlx::query(
        "insert into audit (number, time, who, address, action, subject, detail, result, hash)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(number)
    .bind(entry.time)
    .bind(&entry.who)
    .bind(&entry.address)
    .bind(&entry.action)
    .bind(&entry.subject)
    .bind(&entry.detail)
    .bind(entry.outcome.as_str())
    .bind(hash(&behind, number, entry))
    .execute(&mut **t)
    .await
    .map_err(refused)?;
    sqlx::query("delete from audit where number <= ?")
        .bind(number - KEPT)
        .execute(&mut **t)
        .await
        .map_err(refused)?;
    Ok(())
}

fn hash(behind: &str, number: i64, entry: &AuditEntry) -> String {
    // As JSON: no words of one field can be mistaken for those of another.
    let words = serde_json::json!([
        behind,
        number,
        entry.time,
        entry.who,
        entry.address,
        entry.action,
        entry.subject,
        entry.detail,
        entry.outcome.as_str(),
    ]);
    digest::sha256(&words.to_string())
}

fn read(row: &SqliteRow) -> Result<Read, sqlx::Error> {
    let word: String = row.try_get("result")?;
    let outcome = Outcome::of(&word);
    Ok(Read {
        number: row.try_get("number")?,
        hash: row.try_get("hash")?,
        entry: AuditEntry {
            time: row.try_get("time")?,
            who: row.try_get("who")?,
            address: row.try_get("address")?,
            action: row.try_get("action")?,
            subject: row.try_get("subject")?,
            detail: row.try_get("detail")?,
            outcome: outcome
                .ok_or_else(|| sqlx::Error::Decode(format!("{word} is no result").into()))?,
        },
    })
}
