//! The passwords of the session store, for whoever configures the applications.

use serde_json::{Value, json};

use super::Handle;
use crate::model::{SecretBytes, Sessions};

impl Handle {
    /// Every password of the session store: `{"passwords":[{"database","index","password","why"}]}`.
    /// Without a database it opens those that have none of their own; without a password, why.
    pub fn session_passwords(&self) -> Value {
        let now = self.control.now.load();
        let (config, secrets) = (&now.snapshot.config, &now.snapshot.secrets);
        let text = |secret: &SecretBytes| String::from_utf8_lossy(secret.bytes()).into_owned();
        let one = |owner: &str, database: Option<&str>, index: Option<u8>| {
            json!({
                "database": database,
                "index": index,
                "password": secrets.get(owner).map(text),
                "why": secrets.why_missing(owner),
            })
        };
        let mut passwords = vec![one(Sessions::PASSWORD, None, None)];
        let databases = config.sessions.databases.iter();
        passwords.extend(databases.map(|database| {
            let owner = database.password_owner();
            one(&owner, Some(database.name.as_str()), Some(database.index))
        }));
        json!({ "passwords": passwords })
    }
}
