//! Making a session, opening its link, knowing it by its cookie and ending it; never HTTP, never a page.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::model::{Person, Role, SESSION, Session};
use super::port::SessionStore;
use super::token::{self, Ticket};
use crate::base::audit::ChangeContext;
use crate::base::ceilings::portal::{
    PORTAL_LINK_TIME, PORTAL_PREVIOUS, PORTAL_ROTATE, PORTAL_SEEN, PORTAL_SESSION_DEFAULT,
    PORTAL_SESSION_MOST, PORTAL_SESSIONS,
};
use crate::base::clock::Timestamp;
use crate::base::error::{FieldError, StoreError};
use crate::base::ids;
use crate::base::secret::Secret;

/// Why a session could not be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PortalError {
    /// The present state does not allow it; public text.
    #[error("{0}")]
    Conflict(String),
    /// What the caller gave is not acceptable.
    #[error("{} fields are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// No secret could be made.
    #[error("no random numbers: {0}")]
    NoRandom(#[from] getrandom::Error),
}

/// Why a link was not opened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LinkError {
    /// It was used, has expired, or never was: whoever shows it is not told which.
    #[error("this link was used or has expired")]
    Refused,
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// No secret could be made.
    #[error("no random numbers: {0}")]
    NoRandom(#[from] getrandom::Error),
}

impl From<StoreError> for LinkError {
    fn from(e: StoreError) -> Self {
        match e {
            // Somebody else took it in the meantime, or the account is gone.
            StoreError::Conflict(_) | StoreError::NotFound => Self::Refused,
            e => Self::Store(e),
        }
    }
}

/// A session that is asked for.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The account whose portal it opens.
    pub account_id: String,
    /// Who it is for.
    pub person: Person,
    /// What they may do: the name of a role.
    pub role: String,
    /// How long it lasts, in seconds.
    pub expires_in_seconds: Option<u64>,
}

impl NewSession {
    fn check(&self) -> Result<(Role, Duration), Vec<FieldError>> {
        let mut errors = Vec::new();
        if !ids::is_account_id(&self.account_id) || ids::is_reserved_account(&self.account_id) {
            errors.push(FieldError::new(
                "account_id",
                "expected 1 to 128 of A-Z a-z 0-9 _ - . : @, not beginning with fuelgate:",
            ));
        }
        errors.extend(self.person.check());
        let role = Role::parse(&self.role);
        if role.is_none() {
            errors.push(FieldError::new("role", "expected developer or viewer"));
        }
        let most = PORTAL_SESSION_MOST.as_secs();
        let seconds = self
            .expires_in_seconds
            .unwrap_or(PORTAL_SESSION_DEFAULT.as_secs());
        if !(1..=most).contains(&seconds) {
            let message = format!("expected 1 to {most}");
            errors.push(FieldError::new("expires_in_seconds", message));
        }
        match role {
            Some(role) if errors.is_empty() => Ok((role, Duration::from_secs(seconds))),
            _ => Err(errors),
        }
    }
}

/// A session whose link was taken.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The session.
    pub session: Session,
    /// The text of its cookie.
    pub cookie: Secret,
}

/// A session known by its cookie.
#[derive(Debug, Clone)]
pub struct Live {
    /// The session.
    pub session: Session,
    /// Another text for its cookie, where it was time for one.
    pub renewed: Option<Secret>,
}

/// The operations over sessions.
#[derive(Clone)]
pub struct SessionService {
    store: Arc<dyn SessionStore>,
}

impl SessionService {
    /// Works on `store`.
    pub fn new(store: Arc<dyn SessionStore>) -> Self {
        Self { store }
    }

    /// Makes a session; the text of its one-time link comes out once.
    ///
    /// # Errors
    /// [`PortalError::Invalid`], or [`PortalError::Conflict`] where the account has too many or is being erased.
    pub async fn create(
        &self,
        new: &NewSession,
        ctx: &ChangeContext,
    ) -> Result<Secret, PortalError> {
        let (role, lasts) = new.check().map_err(PortalError::Invalid)?;
        let ticket = Ticket::new(&ids::new(SESSION), &new.account_id)?;
        let session = Session {
            id: ticket.id.clone(),
            account_id: new.account_id.clone(),
            person: new.person.clone(),
            role,
            link: Some(token::digest(&ticket.secret)),
            link_until: ctx.at.plus(PORTAL_LINK_TIME),
            token: None,
            token_at: ctx.at,
            previous: None,
            made_at: ctx.at,
            seen_at: ctx.at,
            ends_at: ctx.at.plus(lasts),
            revision: 1,
        };
        let details =
            json!({"user": session.person.id, "role": role.name(), "ends_at": session.ends_at});
        let change = ctx
            .change(
                "portal_session.create",
                Some(&session.account_id),
                Some(&session.id),
                details,
            )
            // A link is in exactly one answer.
            .answered(ctx, 201, &json!({"url": null}));
        self.store
            .create_session(&session, PORTAL_SESSIONS, ctx.at, &change)
            .await
            .map_err(not_created)?;
        Ok(ticket.text())
    }

    /// Whose session a link opens, without taking it.
    ///
    /// # Errors
    /// [`LinkError::Refused`] for whatever is wrong with it.
    pub async fn of_link(&self, text: &str, now: Timestamp) -> Result<Session, LinkError> {
        let ticket = Ticket::parse(text).ok_or(LinkError::Refused)?;
        let found = self
            .store
            .session(&ticket.account_id, &ticket.id, now)
            .await?;
        let session = found.ok_or(LinkError::Refused)?;
        let is_good = session
            .link
            .is_some_and(|l| token::matches(&l, &ticket.secret));
        if !is_good || !session.waits(now) {
            return Err(LinkError::Refused);
        }
        Ok(session)
    }

    /// Takes a link: once, whoever else tries at the same time.
    ///
    /// # Errors
    /// [`LinkError::Refused`] for whatever is wrong with it.
    pub async fn take_link(&self, text: &str, now: Timestamp) -> Result<Opened, LinkError> {
        let mut session = self.of_link(text, now).await?;
        let ticket = Ticket::new(&session.id, &session.account_id)?;
        session.link = None;
        session.token = Some(token::digest(&ticket.secret));
        session.token_at = now;
        session.seen_at = now;
        session.revision += 1;
        self.store.update_session(&session, now).await?;
        let cookie = ticket.text();
        Ok(Opened { session, cookie })
    }

    /// The session that a cookie proves, if any. With `renew` its secret may change: only where the answer surely sets the
    /// cookie. That it was used is written down now and then.
    ///
    /// # Errors
    /// The store's failure to read; what it does not take of the writes is no matter.
    pub async fn of_cookie(
        &self,
        text: &str,
        renew: bool,
        now: Timestamp,
    ) -> Result<Option<Live>, StoreError> {
        let Some(ticket) = Ticket::parse(text) else {
            return Ok(None);
        };
        let found = self
            .store
            .session(&ticket.account_id, &ticket.id, now)
            .await?;
        let Some(session) = found else {
            return Ok(None);
        };
        let is_current = session
            .token
            .is_some_and(|d| token::matches(&d, &ticket.secret));
        let is_previous = session
            .previous
            .is_some_and(|(d, until)| token::matches(&d, &ticket.secret) && now < until);
        if !is_current && !is_previous {
            return Ok(None);
        }
        if session.is_over(now) {
            // It is refused whether or not the store gets it out of the way now.
            let _ = self.end(&session).await;
            return Ok(None);
        }
        Ok(Some(self.seen(session, renew && is_current, now).await))
    }

    /// Notes that it was used, and gives it another secret where it is time to.
    async fn seen(&self, session: Session, renew: bool, now: Timestamp) -> Live {
        let is_old = now.since(session.token_at) >= PORTAL_ROTATE;
        let ticket = match session.token {
            Some(old) if renew && is_old => Ticket::new(&session.id, &session.account_id)
                .ok()
                .map(|ticket| (ticket, old)),
            _ => None,
        };
        if ticket.is_none() && now.since(session.seen_at) < PORTAL_SEEN {
            return Live {
                session,
                renewed: None,
            };
        }
        let mut next = session.clone();
        next.seen_at = now;
        next.revision += 1;
        if let Some((ticket, old)) = &ticket {
            next.token = Some(token::digest(&ticket.secret));
            next.token_at = now;
            next.previous = Some((*old, now.plus(PORTAL_PREVIOUS)));
        }
        match self.store.update_session(&next, now).await {
            Ok(()) => Live {
                session: next,
                renewed: ticket.map(|(t, _)| t.text()),
            },
            Err(error) => {
                // Another request of the same person's was faster, or the store takes nothing now: what was read holds.
                tracing::debug!(%error, "a session's use was not written");
                Live {
                    session,
                    renewed: None,
                }
            }
        }
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn end(&self, session: &Session) -> Result<(), StoreError> {
        self.store
            .delete_session(&session.account_id, &session.id)
            .await
    }
}

fn not_created(e: StoreError) -> PortalError {
    match e {
        StoreError::Conflict(_) | StoreError::NotFound => PortalError::Conflict(format!(
            "The account is being erased, has {PORTAL_SESSIONS} sessions, or this was done before."
        )),
        e => PortalError::Store(e),
    }
}

#[cfg(test)]
mod tests;
