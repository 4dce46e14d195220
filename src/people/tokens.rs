//! Tokens for programs: shown once, when they are made.

use super::{By, People, PeopleError, Token, digest, done, new_secret, told, unix_now};
use crate::model::Scope;
use crate::store::StoreError;
use crate::store::people::NewToken;

/// What every token begins with, so that one which leaked is known for what it is.
const PREFIX: &str = "steelyard_";

/// Every how many seconds it is noted that a token is in use.
const USED: i64 = 60;

impl People {
    /// Makes a token and answers it: it cannot be read again.
    ///
    /// # Errors
    /// `Taken`, or the database's.
    pub async fn make_token(
        &self,
        name: &str,
        scope: Scope,
        by: &By,
    ) -> Result<String, PeopleError> {
        let token = format!("{PREFIX}{}", new_secret());
        let new = NewToken {
            name,
            scope,
            sha256: &digest(&token),
            made_by: &by.who,
            now: unix_now(),
        };
        let entry = done(by, "token_made", name, scope.as_str());
        told(&entry, self.store().await.add_token(&new, &entry).await)?;
        Ok(token)
    }

    /// Every token, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.store().await.tokens().await
    }

    /// Which token this is.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn token(&self, shown: &str) -> Result<Option<Token>, StoreError> {
        if !shown.starts_with(PREFIX) {
            return Ok(None);
        }
        let (mut store, now) = (self.store().await, unix_now());
        let found = store.token_shown(&digest(shown)).await?;
        if let Some(token) = &found
            && token.used.is_none_or(|used| (now - used).abs() >= USED)
        {
            // A disk that refuses costs no more than this note.
            let _ = store.token_used(token.id, now).await;
        }
        Ok(found)
    }

    /// Ends a token.
    ///
    /// # Errors
    /// `Gone`, or the database's.
    pub async fn end_token(&self, token: &Token, by: &By) -> Result<(), PeopleError> {
        let entry = done(by, "token_ended", &token.name, token.scope.as_str());
        told(&entry, self.store().await.end_token(token.id, &entry).await)
    }
}
