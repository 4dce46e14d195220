//! Signing everybody out whose session is in a database.

use serde_json::json;

use super::name;
use crate::control::notices::Happened;
use crate::control::{Control, Handle};
use crate::model::Sessions;

/// Why nobody was signed out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSignedOut {
    /// No such database.
    #[error("must be 0 to 15")]
    Unknown,
    /// There is no session store.
    #[error("the session store is off (sessions.listen is not set)")]
    Off,
    /// It could not be written.
    #[error("the session store did not do it: {0}")]
    Failed(String),
}

impl Handle {
    /// Takes all sessions out of a database, as `FLUSHDB` does; says how many there were. Who else uses that database
    /// loses what is kept there too.
    ///
    /// # Errors
    /// Why not.
    pub async fn sign_out_sessions(&self, database: u8, who: &str) -> Result<u64, NotSignedOut> {
        let (control, who) = (self.control.clone(), who.to_owned());
        // To its end, whoever hangs up meanwhile.
        let done = self
            .runtime
            .spawn(async move { control.sign_out_sessions(database, &who).await });
        done.await
            .unwrap_or_else(|error| Err(NotSignedOut::Failed(error.to_string())))
    }
}

impl Control {
    async fn sign_out_sessions(&self, database: u8, who: &str) -> Result<u64, NotSignedOut> {
        if database > Sessions::MAX_INDEX {
            return Err(NotSignedOut::Unknown);
        }
        let config = self.now.load().snapshot.config.clone();
        let port = self.parts.sessions.as_ref();
        let store = port.and_then(|port| port.store());
        let store = store.filter(|_| config.sessions.listen.is_some());
        let store = store.ok_or(NotSignedOut::Off)?;
        let keys = store.clear(database).await;
        let keys = keys.map_err(NotSignedOut::Failed)?;
        let name = name(&config.sessions, database);
        let shown = match &name {
            Some(name) => format!("{database} ({name})"),
            None => database.to_string(),
        };
        self.note_event(Happened {
            author: Some(who),
            facts: json!({ "database": database, "name": name, "keys": keys }),
            ..Happened::new(
                "sessions_ended",
                &format!("all sessions of database {shown} were ended: {keys}"),
            )
        });
        Ok(keys)
    }
}
