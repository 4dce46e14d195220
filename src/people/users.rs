//! Users: adding, changing, removing, and their passwords.

use std::net::IpAddr;

use super::password::{self, PasswordFault};
use super::sign_in::SignInFault;
use super::{By, People, PeopleError, SignIn, User, done, told, unix_now};
use crate::model::{Language, Role};
use crate::store::StoreError;
use crate::store::people::NewUser;

/// Limit: the longest name of a user or a token, in characters.
const LONGEST_NAME: usize = 64;

/// Why a user was not added or changed.
#[derive(Debug, thiserror::Error)]
pub enum UserFault {
    /// The name is empty, too long, or holds what no name does.
    #[error(
        "a name must have 1 to {LONGEST_NAME} letters, digits and . _ - @ or spaces between them"
    )]
    Name,
    /// The password cannot be taken.
    #[error(transparent)]
    Password(PasswordFault),
    /// The current password is not right, or was tried too often.
    #[error(transparent)]
    Current(SignInFault),
    /// No user is meant, and which there are.
    #[error("{0}")]
    Nobody(String),
    /// The database, or what is there already.
    #[error(transparent)]
    People(#[from] PeopleError),
}

/// Whether `name` may be that of a user or a token.
pub fn is_name(name: &str) -> bool {
    let may_hold = |c: char| c.is_alphanumeric() || "._-@ ".contains(c);
    !name.is_empty()
        && name.chars().count() <= LONGEST_NAME
        && name.trim() == name
        && name.chars().all(may_hold)
}

impl People {
    /// Every user, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        self.store().await.users().await
    }

    /// The user of this number.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn user(&self, id: i64) -> Result<Option<User>, StoreError> {
        let mut users = self.users().await?.into_iter();
        Ok(users.find(|user| user.id == id))
    }

    /// Adds a user and answers who that is.
    ///
    /// # Errors
    /// Why not.
    pub async fn add_user(
        &self,
        (name, password): (&str, &str),
        role: Role,
        by: &By,
    ) -> Result<User, UserFault> {
        let hash = self.accepted(name, password).await?;
        let user = NewUser {
            name,
            role,
            password: &hash,
            language: None,
            now: unix_now(),
        };
        let entry = done(by, "user_added", name, role.as_str());
        let id = told(&entry, self.store().await.add_user(&user, &entry).await)?;
        Ok(User {
            id,
            name: name.to_owned(),
            role,
            created: user.now,
            language: None,
            password: hash,
            second_factor: false,
        })
    }

    /// Gives a user another role.
    ///
    /// # Errors
    /// `Gone`, `LastAdmin`, or the database's.
    pub async fn set_role(&self, user: &User, role: Role, by: &By) -> Result<(), PeopleError> {
        let detail = format!("{} → {}", user.role.as_str(), role.as_str());
        let entry = done(by, "role_changed", &user.name, &detail);
        let set = self.store().await.set_role(user.id, role, &entry).await;
        told(&entry, set)
    }

    /// Removes a user, wherever they are signed in.
    ///
    /// # Errors
    /// `Gone`, `LastAdmin`, or the database's.
    pub async fn remove_user(&self, user: &User, by: &By) -> Result<(), PeopleError> {
        let entry = done(by, "user_removed", &user.name, user.role.as_str());
        let removed = self.store().await.remove_user(user.id, &entry).await;
        told(&entry, removed)?;
        self.end_unsaved(user.id, None);
        Ok(())
    }

    /// Changes the password of who is signed in, who knows the one they have. Elsewhere they
    /// are signed out.
    ///
    /// # Errors
    /// Why not.
    pub async fn change_password(
        &self,
        signed_in: &SignIn,
        (current, new): (&str, &str),
        address: IpAddr,
    ) -> Result<(), UserFault> {
        let user = &signed_in.user;
        let known = self.confirm(user, current, address).await;
        known.map_err(UserFault::Current)?;
        let hash = self.accepted(&user.name, new).await?;
        let by = By::new(&*user.name, address.to_string());
        let entry = done(&by, "password_changed", &user.name, "");
        let set = (user.id, &*hash);
        let mut store = self.store().await;
        let set = store.set_password(set, Some(signed_in.id), &entry).await;
        told(&entry, set)?;
        self.end_unsaved(user.id, Some(signed_in.id));
        Ok(())
    }

    /// Gives a user another password without the one they have, with which alone they sign in
    /// from then on: for root on the box. Everywhere they are signed out. The only user where no
    /// `name` is given; answers whom as they were.
    ///
    /// # Errors
    /// Why not; `Nobody` with the users there are.
    pub async fn reset_password(
        &self,
        name: Option<&str>,
        password: &str,
        by: &By,
    ) -> Result<User, UserFault> {
        let users = self.users().await.map_err(PeopleError::from)?;
        let is_meant = |user: &&User| match name {
            Some(name) => user.name.to_lowercase() == name.to_lowercase(),
            None => users.len() == 1,
        };
        let Some(user) = users.iter().find(is_meant) else {
            let names: Vec<&str> = users.iter().map(|user| &*user.name).collect();
            return Err(UserFault::Nobody(match names.as_slice() {
                [] => "there is no user yet: `steelyard setup-url`".to_owned(),
                names => format!("name one of the users: {}", names.join(", ")),
            }));
        };
        let hash = self.accepted(&user.name, password).await?;
        let detail = match user.second_factor {
            true => "second factor switched off",
            false => "",
        };
        let entry = done(by, "password_reset", &user.name, detail);
        let set = self
            .store()
            .await
            .let_in_again((user.id, &hash), &entry)
            .await;
        told(&entry, set)?;
        self.end_unsaved(user.id, None);
        Ok(user.clone())
    }

    /// Gives a user another password. Everywhere they are signed out.
    ///
    /// # Errors
    /// Why not.
    pub async fn set_password(
        &self,
        user: &User,
        password: &str,
        by: &By,
    ) -> Result<(), UserFault> {
        let hash = self.accepted(&user.name, password).await?;
        let entry = done(by, "password_reset", &user.name, "");
        let set = (user.id, &*hash);
        let set = self.store().await.set_password(set, None, &entry).await;
        told(&entry, set)?;
        self.end_unsaved(user.id, None);
        Ok(())
    }

    /// Keeps the language that a user chose. A disk that refuses costs no more than that.
    pub async fn set_language(&self, user: &User, language: Language) {
        let _ = self.store().await.set_language(user.id, language).await;
    }

    /// The hash of a new password that can be taken.
    pub(super) async fn accepted(&self, name: &str, password: &str) -> Result<String, UserFault> {
        if !is_name(name) {
            return Err(UserFault::Name);
        }
        let host = rustix::system::uname();
        let host = host.nodename().to_string_lossy();
        password::check(password, name, &host).map_err(UserFault::Password)?;
        Ok(self.0.hashing.hash(password).await)
    }
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn a_name_is_letters_and_no_line_and_no_markup() {
        for good in ["admin", "李明", "o.k-b_c@example.com", "Ann Lee"] {
            assert!(is_name(good), "{good}");
        }
        let long = "x".repeat(65);
        for bad in ["", " a", "a ", "a\nb", "a\0", "<b>", "a/b", "\"", &*long] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
