//! A session of the portal: the person, the role, and when it ends; never the secrets that prove it.

use std::time::Duration;

use crate::base::ceilings::portal::{PERSON_ID_CHARS, PORTAL_IDLE};
use crate::base::clock::Timestamp;
use crate::base::email::is_email;
use crate::base::error::FieldError;

/// SHA-256 of the secret of a link or a cookie: what is at rest.
pub type Digest = [u8; 32];

/// Prefix of a session's id.
pub const SESSION: &str = "ps_";

/// What a person may do in the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// See everything and change everything of the account's.
    Developer,
    /// See everything.
    Viewer,
}

impl Role {
    /// Its name in the admin API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Developer => "developer",
            Self::Viewer => "viewer",
        }
    }

    /// The role of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Developer, Self::Viewer]
            .into_iter()
            .find(|role| role.name() == name)
    }
}

/// A person, as the backend that vouches for them says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The backend's id of them.
    pub id: String,
    /// Their e-mail address, where the backend says one.
    pub email: Option<String>,
}

impl Person {
    /// What is wrong with the two, field by field.
    pub fn check(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let chars = self.id.chars().count();
        if chars == 0 || chars > PERSON_ID_CHARS || self.id.chars().any(char::is_control) {
            let message =
                format!("expected 1 to {PERSON_ID_CHARS} characters without control characters");
            errors.push(FieldError::new("user.id", message));
        }
        if self.email.as_deref().is_some_and(|e| !is_email(e)) {
            errors.push(FieldError::new(
                "user.email",
                "expected an e-mail address such as dev@example.com",
            ));
        }
        errors
    }

    /// What the portal calls them.
    pub fn shown(&self) -> &str {
        self.email.as_deref().unwrap_or(&self.id)
    }
}

/// A session. It waits for its link first, and then goes by its cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// `ps_…`.
    pub id: String,
    /// The account whose pages it opens; no other's, ever.
    pub account_id: String,
    /// Whose it is.
    pub person: Person,
    /// What they may do.
    pub role: Role,
    /// Digest of the link's secret; `None` once it was used.
    pub link: Option<Digest>,
    /// Until when the link is good.
    pub link_until: Timestamp,
    /// Digest of the cookie's secret; `None` until the link is used.
    pub token: Option<Digest>,
    /// Since when the cookie has it.
    pub token_at: Timestamp,
    /// Digest of the secret before it, and until when that is good.
    pub previous: Option<(Digest, Timestamp)>,
    /// When the backend asked for it.
    pub made_at: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
    /// When it ends, in use or not.
    pub ends_at: Timestamp,
    /// Grows by one with every change.
    pub revision: u64,
}

impl Session {
    /// Whether its link may be taken at `now`, apart from the secret.
    pub fn waits(&self, now: Timestamp) -> bool {
        self.link.is_some() && now < self.link_until && now < self.ends_at
    }

    /// Whether it is over at `now`: its time is up, or nobody used it for too long.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.ends_at || now.since(self.seen_at) >= PORTAL_IDLE
    }

    /// How long it may still last.
    pub fn left(&self, now: Timestamp) -> Duration {
        self.ends_at.since(now)
    }

    /// Whether another session is of the same person and account.
    pub fn is_same_person(&self, other: &Self) -> bool {
        self.account_id == other.account_id && self.person.id == other.person.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_checked_field_by_field() {
        let person = |id: &str, email: Option<&str>| Person {
            id: id.to_owned(),
            email: email.map(str::to_owned),
        };
        assert_eq!(person("u_7", None).check(), []);
        assert_eq!(person("Jürgen", Some("j@example.com")).check(), []);
        for (bad, field) in [
            (person("", None), "user.id"),
            (person("a\nb", None), "user.id"),
            (person(&"x".repeat(201), None), "user.id"),
            (person("u", Some("nobody")), "user.email"),
        ] {
            assert_eq!(bad.check()[0].field, field, "{bad:?}");
        }
    }
}
