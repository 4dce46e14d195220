//! Tokens for programs: shown once, when they are made.

use super::{By, People, PeopleError, Token, UserFault, digest, done, is_name};
use super::{new_secret, told, unix_now};
use crate::model::Scope;
use crate::store::StoreError;
use crate::store::people::NewToken;

/// What every token begins with, so that one which leaked is known for what it is.
const PREFIX: &str = "steelyard_";

/// Every how many seconds it is noted that a token is in use.
const USED: i64 = 60;

/// A token that was just made.
#[derive(Debug)]
pub struct MadeToken {
    /// What is known of it.
    pub token: Token,
    /// The secret, which cannot be read again.
    pub shown: String,
}

impl People {
    /// Makes a token.
    ///
    /// # Errors
    /// `Name`, `Taken`, or the database's.
    pub async fn make_token(
        &self,
        name: &str,
        scope: Scope,
        by: &By,
    ) -> Result<MadeToken, UserFault> {
        if !is_name(name) {
            return Err(UserFault::Name);
        }
        let shown = format!("{PREFIX}{}", new_secret());
        let new = NewToken {
            name,
            scope,
            sha256: &digest(&shown),
            made_by: &by.who,
            now: unix_now(),
        };
        let entry = done(by, "token_made", name, scope.as_str());
        let id = told(&entry, self.store().await.add_token(&new, &entry).await)?;
        let token = Token {
            id,
            name: name.to_owned(),
            scope,
            made_by: by.who.clone(),
            created: new.now,
            used: None,
        };
        Ok(MadeToken { token, shown })
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
